//! When a fault strikes: instants, repetitions, windows, random processes and replayed traces.

use std::rc::Rc;

use crate::engine::{Distribution, Span, Stream, Time};

/// When a fault strikes.
#[derive(Clone, Debug)]
pub enum When {
    /// At an instant.
    At(Time),
    /// At an instant, then again and again.
    Every {
        /// The first time; one period after the start if not given.
        first: Option<Time>,
        /// From one strike to the next.
        period: Distribution,
        /// How often at most.
        times: Option<u32>,
    },
    /// At instants drawn uniformly from a window.
    Within {
        /// Its beginning.
        from: Time,
        /// Its end.
        to: Time,
        /// How many.
        times: u32,
    },
    /// Again and again, each time so long after the last repair: a process of its own for each node, pod
    /// or domain, or for the group where only some of the candidates are hit.
    Process(Distribution),
    /// As recorded.
    Trace(Trace),
}

/// A recorded outage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outage {
    /// From the beginning of the one before.
    pub interval: Span,
    /// How long it lasted.
    pub duration: Span,
    /// Share of the nodes hit, parts per million.
    pub intensity_ppm: u32,
}

impl Outage {
    /// How many of so many nodes are hit, to the nearest: recorded shares are rounded themselves, and 0.428571
    /// of 7 nodes are 3.
    pub fn hits(&self, nodes: usize) -> usize {
        ((nodes as u64 * u64::from(self.intensity_ppm) + 500_000) / 1_000_000) as usize
    }
}

/// A recorded sequence of outages to replay.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The outages in order.
    pub outages: Rc<[Outage]>,
    /// How many of the first outages are left out.
    pub skip: usize,
    /// Whether the trace starts again after its end.
    pub repeat: bool,
    /// Factor on the shares of nodes hit, in thousandths.
    pub scale_milli: u32,
    /// Factor on intervals, in thousandths.
    pub interval_milli: u32,
}

/// What one process of a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// All victims of the fault.
    Group,
    /// One node.
    Node(crate::cluster::NodeId),
    /// One domain.
    Domain(crate::cluster::Name),
    /// One pod.
    Pod(crate::cluster::PodId),
}

/// Mean cycles that an aged process has run before time zero.
const CYCLES_BEFORE: u64 = 4;

impl When {
    /// Whether each victim has a process of its own, if all of them can be hit.
    pub fn is_process(&self) -> bool {
        matches!(self, When::Process(_))
    }

    /// Instants of the first strikes, seen from the start of the run: the next ones follow from
    /// [`When::next`].
    pub fn first(&self, stream: &mut Stream) -> Vec<Time> {
        match self {
            When::At(at) => vec![*at],
            When::Every { first, period, .. } => vec![first.unwrap_or_else(|| Time::ZERO + period.sample(stream))],
            When::Within { from, to, times } => {
                let draw = |_| *from + Span(stream.below(to.since(*from).0 + 1));
                let mut instants: Vec<Time> = (0..*times).map(draw).collect();
                instants.sort_unstable();
                instants
            }
            When::Process(failure) => vec![Time::ZERO + failure.sample(stream)],
            When::Trace(trace) => trace.outage(0).map(|outage| Time::ZERO + outage.interval).into_iter().collect(),
        }
    }

    /// The first failure of a process that has run long before the start: cycles of failure and repair are
    /// drawn until they pass time zero. A machine that would be down then is up and just repaired.
    pub fn first_aged(&self, repair: Option<&Distribution>, stream: &mut Stream) -> Vec<Time> {
        let When::Process(failure) = self else { return self.first(stream) };
        // the age of the process, spread over one cycle so that its phase is nobody's choice
        let mut mean = Span::ZERO;
        for _ in 0..CYCLES_BEFORE {
            mean += failure.sample(stream) / CYCLES_BEFORE;
        }
        let age = mean * CYCLES_BEFORE + Span(stream.below(mean.0.max(1)));
        let mut at = Span::ZERO;
        loop {
            at += failure.sample(stream).max(Span(1));
            if at >= age {
                return vec![Time::ZERO + at.saturating_sub(age)];
            }
            at += repair.map_or(Span::ZERO, |repair| repair.sample(stream));
            if at >= age {
                return vec![Time::ZERO + failure.sample(stream)];
            }
        }
    }

    /// The strike after the one of `now`, the `count`th of its process, which lasts `lasts`.
    pub fn next(&self, now: Time, lasts: Option<Span>, count: u32, stream: &mut Stream) -> Option<Time> {
        match self {
            When::At(_) | When::Within { .. } => None,
            When::Every { period, times, .. } if times.is_none_or(|times| count < times) => {
                Some(now.saturating_add(period.sample(stream).max(Span(1))))
            }
            When::Every { .. } => None,
            When::Process(failure) => {
                let repaired = now.saturating_add(lasts.unwrap_or_default());
                Some(repaired.saturating_add(failure.sample(stream).max(Span(1))))
            }
            When::Trace(trace) => trace.outage(count as usize).map(|outage| now.saturating_add(outage.interval)),
        }
    }
}

impl Trace {
    /// The outage that is the `count`th to be replayed, from 0, its interval and intensity scaled. The first
    /// comes at once when part of the trace is left out.
    pub fn outage(&self, count: usize) -> Option<Outage> {
        let left = self.outages.len().saturating_sub(self.skip);
        if left == 0 || (count >= left && !self.repeat) {
            return None;
        }
        let outage = self.outages[self.skip + count % left];
        let interval = Span((u128::from(outage.interval.0) * u128::from(self.interval_milli) / 1000) as u64);
        let scaled = (u64::from(outage.intensity_ppm) * u64::from(self.scale_milli) + 500) / 1000;
        Some(Outage { interval, intensity_ppm: scaled.min(1_000_000) as u32, ..outage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn trace(skip: usize, repeat: bool) -> Trace {
        let outage = |interval, duration, intensity_ppm| Outage {
            interval: Span::from_secs(interval),
            duration: Span::from_secs(duration),
            intensity_ppm,
        };
        let outages: Rc<[Outage]> = [outage(0, 10, 1_000_000), outage(20, 5, 500_000), outage(30, 7, 250_000)].into();
        Trace { outages, skip, repeat, scale_milli: 1000, interval_milli: 1000 }
    }

    #[test]
    fn a_trace_is_replayed_row_by_row_from_start_to_start() {
        let when = When::Trace(trace(0, false));
        let mut stream = Seed(1).stream("test", 0);
        let mut at = when.first(&mut stream)[0];
        let mut strikes = vec![at];
        for count in 1.. {
            match when.next(at, Some(Span::from_secs(99)), count, &mut stream) {
                Some(next) => at = next,
                None => break,
            }
            strikes.push(at);
        }
        assert_eq!(strikes, [0, 20, 50].map(Time::from_secs));
    }

    #[test]
    fn a_trace_can_begin_later_repeat_and_be_scaled() {
        let skipped = trace(1, true);
        let seconds: Vec<u64> =
            (0..4).filter_map(|n| skipped.outage(n)).map(|o| o.interval.0 / 1_000_000_000).collect();
        assert_eq!(seconds, [20, 30, 20, 30]);
        let scaled = Trace { scale_milli: 500, interval_milli: 2000, ..trace(0, false) };
        let outage = scaled.outage(1).unwrap();
        assert_eq!((outage.interval, outage.intensity_ppm), (Span::from_secs(40), 250_000));
        assert!(trace(3, true).outage(0).is_none());
    }

    #[test]
    fn a_share_that_was_rounded_hits_whom_it_was_recorded_of() {
        for nodes in 1..=200_usize {
            for hit in 0..=nodes {
                let intensity_ppm = (hit as f64 / nodes as f64 * 1e6) as u32; // rounded down
                assert_eq!(Outage { interval: Span(0), duration: Span(0), intensity_ppm }.hits(nodes), hit);
            }
        }
    }

    #[test]
    fn the_next_failure_counts_from_the_last_repair() {
        let when = When::Process(Distribution::Constant(Span::from_secs(100)));
        let mut stream = Seed(1).stream("test", 0);
        assert_eq!(when.first(&mut stream), [Time::from_secs(100)]);
        let next = when.next(Time::from_secs(100), Some(Span::from_secs(30)), 1, &mut stream);
        assert_eq!(next, Some(Time::from_secs(230)));
    }

    #[test]
    fn an_aged_process_starts_like_a_stationary_one() {
        // the residual life of a renewal process has the mean E[X²]/2E[X] (Cox, Renewal Theory, 1962); with
        // X uniform on 0 to 10 it is 10/3. Four standard errors of 40,000 draws (deviation 2.36) are 0.047,
        // and the finite age may cost some more.
        let when = When::Process(Distribution::Uniform(Span::ZERO, Span::from_secs(10)));
        let draw = |index| when.first_aged(None, &mut Seed(1).stream("test", index))[0].as_secs_f64();
        let mean = (0..40_000).map(draw).sum::<f64>() / 40_000.0;
        assert!((mean - 10.0 / 3.0).abs() < 0.1, "{mean}");
    }
}
