//! How long pods wait: for a node, and until they are Ready. And how many wait at any time.

use crate::engine::{Integral, Span, Time};

use super::series::Recorder;
use super::{Finished, Metric, Rows};

/// How many values are kept as they are.
const EXACT: usize = 65_536;
/// Steps per power of two beyond that: a value is off by less than 1/128 of itself.
const STEPS: u32 = 7;

/// Lengths of time, for quantiles.
///
/// The first 65,536 are kept exactly; with more, counts in 128 steps per power of two, so that a
/// quantile is at most 0.8 % too small. Count, sum and maximum are always exact.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    exact: Vec<u64>,
    counts: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Spans {
    pub(crate) fn add(&mut self, span: Span) {
        self.count += 1;
        self.sum += u128::from(span.0);
        self.max = self.max.max(span.0);
        if self.counts.is_empty() {
            self.exact.push(span.0);
            if self.exact.len() > EXACT {
                std::mem::take(&mut self.exact).into_iter().for_each(|value| self.tally(value));
            }
        } else {
            self.tally(span.0);
        }
    }

    fn tally(&mut self, value: u64) {
        let bucket = bucket_of(value);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
    }

    /// The smallest value such that `per_mille` thousandths of all are at most it (nearest rank).
    fn quantile(&self, per_mille: u64) -> Option<Span> {
        let rank = (self.count * per_mille).div_ceil(1000).max(1);
        if self.count == 0 {
            return None;
        }
        if self.counts.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            return Some(Span(sorted[rank as usize - 1]));
        }
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        bucket.map(|bucket| Span(floor_of(bucket)))
    }
}

/// Values below 128 have a bucket each; above, the top 8 bits and the exponent name it.
fn bucket_of(value: u64) -> usize {
    let exponent = 64 - value.leading_zeros();
    if exponent <= STEPS + 1 {
        return value as usize;
    }
    let shift = exponent - STEPS - 1;
    ((shift as usize) << STEPS) + (value >> shift) as usize
}

/// The least value of a bucket.
fn floor_of(bucket: usize) -> u64 {
    if bucket < 2 << STEPS {
        return bucket as u64;
    }
    let shift = (bucket >> STEPS) - 1;
    ((bucket - (shift << STEPS)) as u64) << shift
}

/// Waiting of pods over the run.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    /// From creation to being bound.
    pub(crate) scheduling: Spans,
    /// From creation to the first Ready.
    pub(crate) startup: Spans,
    pub(crate) waiting: Integral,
    pub(crate) pending: Integral,
    pub(crate) waiting_series: Recorder,
    pub(crate) pending_series: Recorder,
}

impl Latency {
    pub(crate) fn new(now: Time, limit: usize) -> Self {
        let recorder = Recorder::starting(now, 0, limit);
        Latency {
            scheduling: Spans::default(),
            startup: Spans::default(),
            waiting: Integral::starting(now, 0),
            pending: Integral::starting(now, 0),
            waiting_series: recorder.clone(),
            pending_series: recorder,
        }
    }

    /// Adds to the number of pods that wait for a node, and of those in phase Pending.
    pub(crate) fn shift(&mut self, now: Time, waiting: i64, pending: i64) {
        if waiting != 0 {
            self.waiting.add(now, waiting);
            self.waiting_series.set(now, self.waiting.value());
        }
        if pending != 0 {
            self.pending.add(now, pending);
            self.pending_series.set(now, self.pending.value());
        }
    }
}

/// `pod_scheduling_seconds`.
pub const POD_SCHEDULING_SECONDS: Metric = Metric {
    name: "pod_scheduling_seconds",
    unit: "seconds",
    labels: &["quantile"],
    about: "from a pod's creation to its binding; quantiles 0.5, 0.9, 0.99 and 1, mean without a label",
    formula: "bound − created, over pods bound within the run; nearest rank",
    read: |run, rows| distribution(rows, &run.latency.scheduling),
};

/// `pod_startup_seconds`.
pub const POD_STARTUP_SECONDS: Metric = Metric {
    name: "pod_startup_seconds",
    unit: "seconds",
    labels: &["quantile"],
    about: "from a pod's creation to its first Ready; quantiles 0.5, 0.9, 0.99 and 1, mean without a label",
    formula: "first Ready − created, over pods that became Ready within the run; nearest rank",
    read: |run, rows| distribution(rows, &run.latency.startup),
};

/// `unscheduled_pod_seconds`.
pub const UNSCHEDULED_POD_SECONDS: Metric = Metric {
    name: "unscheduled_pod_seconds",
    unit: "pod-seconds",
    labels: &[],
    about: "time all pods together waited for a node",
    formula: "∫ pods that are active, not gated and not bound dt",
    read: |run, rows| rows.push(&[], run.latency.waiting.unit_seconds_at(run.end)),
};

/// `pods_pending`.
pub const PODS_PENDING: Metric = Metric {
    name: "pods_pending",
    unit: "pods",
    labels: &[],
    about: "pods in phase Pending at the end",
    formula: "count at the end of the run",
    read: |run: &Finished<'_>, rows| rows.push(&[], run.latency.pending.value() as f64),
};

fn distribution(rows: &mut Rows, spans: &Spans) {
    if spans.count == 0 {
        return;
    }
    rows.push(&[], spans.sum as f64 / spans.count as f64 / 1e9);
    for (label, per_mille) in [("0.5", 500), ("0.9", 900), ("0.99", 990)] {
        if let Some(span) = spans.quantile(per_mille) {
            rows.push(&[("quantile", label)], span.as_secs_f64());
        }
    }
    rows.push(&[("quantile", "1")], Span(spans.max).as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_give_exact_quantiles_by_nearest_rank() {
        let mut spans = Spans::default();
        (1..=10).rev().for_each(|value| spans.add(Span(value)));
        assert_eq!(spans.quantile(500), Some(Span(5)));
        assert_eq!(spans.quantile(900), Some(Span(9)));
        assert_eq!(spans.quantile(910), Some(Span(10)));
        assert_eq!(Spans::default().quantile(500), None);
    }

    #[test]
    fn buckets_are_contiguous_and_their_floor_is_in_them() {
        let mut last = 0;
        for value in (0..5000).chain((0..57).map(|bit| (1u64 << bit) + 12_345)) {
            let bucket = bucket_of(value);
            assert!(floor_of(bucket) <= value && value - floor_of(bucket) <= value / 128, "{value}");
            assert_eq!(bucket_of(floor_of(bucket)), bucket, "{value}");
            if value < 5000 {
                assert!(bucket == last || bucket == last + 1, "{value}");
                last = bucket;
            }
        }
    }

    #[test]
    fn many_values_give_quantiles_within_a_percent() {
        let mut spans = Spans::default();
        (1..=200_000u64).for_each(|value| spans.add(Span(value * 1000)));
        let median = spans.quantile(500).map_or(0, |span| span.0);
        assert!((99_000_000..=100_000_000).contains(&median), "{median}");
    }
}
