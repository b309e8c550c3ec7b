//! Service-level objectives: how long a quorum served, how many nines that is, how much of an error budget was
//! spent and how fast, and the area that resilience engineering looks at.
//!
//! Sources: Beyer et al., *The Site Reliability Workbook*, ch. 5 (error budget, burn rate); Bruneau et al.,
//! Earthquake Spectra 19(4), 2003 (resilience loss).

use crate::engine::{Integral, Span, Time};

use super::availability::availability;
use super::capacity::PPM;
use super::workloads::Workload;
use super::{Finished, Metric};

/// The window over which a burn rate is taken: of the alerts of the workbook, the fast one's.
const WINDOW: Span = Span::from_secs(3600);
/// The objectives that budgets are computed for.
const OBJECTIVES: [(&str, f64); 3] = [("0.99", 0.99), ("0.999", 0.999), ("0.9999", 0.9999)];

/// What is integrated for one workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objectives {
    /// 1 while more than half of what is wanted serves, or nothing is wanted.
    quorum: Integral,
    /// Share of what is wanted that does not serve, parts per million.
    loss_ppm: Integral,
    /// The window that runs now, and the lost area when it began.
    window: u64,
    loss_at_window: i128,
    /// The greatest share lost in any whole window.
    worst_ppm: i64,
}

impl Objectives {
    pub(crate) fn starting(now: Time) -> Self {
        Objectives {
            quorum: Integral::starting(now, 1),
            loss_ppm: Integral::starting(now, 0),
            window: now.0 / WINDOW.0,
            loss_at_window: 0,
            worst_ppm: 0,
        }
    }

    /// From `now` on so many pods are wanted and serve.
    pub(crate) fn set(&mut self, now: Time, desired: i64, serving: i64) {
        self.close_windows(now);
        self.quorum.set(now, i64::from(serving > desired / 2 || desired == 0));
        let missing = (desired - serving).max(0);
        self.loss_ppm.set(now, if desired > 0 { missing * PPM / desired } else { 0 });
    }

    /// Windows that ended before `now`: nothing changed since the last change, so that those between are alike.
    fn close_windows(&mut self, now: Time) {
        let window = now.0 / WINDOW.0;
        if window == self.window {
            return;
        }
        let end = Time((self.window + 1) * WINDOW.0);
        let first = self.loss_ppm.area_at(end) - self.loss_at_window;
        self.worst_ppm = self.worst_ppm.max((first / i128::from(WINDOW.0)) as i64);
        if window > self.window + 1 {
            self.worst_ppm = self.worst_ppm.max(self.loss_ppm.value());
        }
        self.window = window;
        self.loss_at_window = self.loss_ppm.area_at(Time(window * WINDOW.0));
    }

    /// The greatest share lost in a whole window by `now`, and in what has passed of the last one.
    fn worst_ppm(mut self, now: Time) -> i64 {
        self.close_windows(now);
        let running = (self.loss_ppm.area_at(now) - self.loss_at_window) / i128::from(WINDOW.0);
        self.worst_ppm.max(running as i64)
    }
}

/// `quorum_availability_ratio`.
pub const QUORUM_AVAILABILITY_RATIO: Metric = Metric {
    name: "quorum_availability_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of time with more than half of the wanted pods serving",
    formula: "(1/T) ∫ 1[serving ≥ ⌊desired/2⌋ + 1 or desired = 0] dt",
    read: |run, rows| {
        for (workload, span) in lived(run) {
            let area = workload.objectives.quorum.area_at(run.end);
            rows.push(&[("workload", &workload.label)], area as f64 / span.0 as f64);
        }
    },
};

/// `availability_nines`.
pub const AVAILABILITY_NINES: Metric = Metric {
    name: "availability_nines",
    unit: "nines",
    labels: &["workload"],
    about: "availability_ratio as a number of nines: 3 is 99.9 %; infinite if nothing was ever missing",
    formula: "−log10(1 − A), A = availability_ratio",
    read: |run, rows| {
        for workload in run.workloads {
            if let Some(ratio) = availability(workload, run) {
                rows.push(&[("workload", &workload.label)], nines(ratio));
            }
        }
    },
};

/// `resilience_loss_seconds`.
pub const RESILIENCE_LOSS_SECONDS: Metric = Metric {
    name: "resilience_loss_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "area above the curve of service quality over the whole run",
    formula: "∫ (1 − Q) dt, Q = min(serving, desired)/desired (Bruneau et al. 2003)",
    read: |run, rows| {
        for workload in run.workloads {
            let loss = workload.objectives.loss_ppm.unit_seconds_at(run.end) / PPM as f64;
            rows.push(&[("workload", &workload.label)], loss);
        }
    },
};

/// `error_budget_spent_ratio`.
pub const ERROR_BUDGET_SPENT_RATIO: Metric = Metric {
    name: "error_budget_spent_ratio",
    unit: "ratio",
    labels: &["workload", "objective"],
    about: "share of the error budget of an objective that the run spent; above 1 it is broken",
    formula: "(1 − A)/(1 − objective), A = availability_ratio (SRE Workbook, ch. 5)",
    read: |run, rows| {
        for workload in run.workloads {
            let Some(ratio) = availability(workload, run) else { continue };
            for (name, objective) in OBJECTIVES {
                let spent = (1.0 - ratio) / (1.0 - objective);
                rows.push(&[("workload", &workload.label), ("objective", name)], spent);
            }
        }
    },
};

/// `burn_rate_max`.
pub const BURN_RATE_MAX: Metric = Metric {
    name: "burn_rate_max",
    unit: "ratio",
    labels: &["workload", "objective"],
    about: "fastest that an error budget was spent in any hour of the run, in multiples of the rate that spends it \
            exactly; the workbook's fast alert is at 14.4",
    formula: "max over clock hours of mean(1 − Q)/(1 − objective), Q as in resilience_loss_seconds",
    read: |run, rows| {
        for workload in run.workloads {
            let worst = workload.objectives.worst_ppm(run.end) as f64 / PPM as f64;
            for (name, objective) in OBJECTIVES {
                let rate = worst / (1.0 - objective);
                rows.push(&[("workload", &workload.label), ("objective", name)], rate);
            }
        }
    },
};

fn nines(ratio: f64) -> f64 {
    if ratio >= 1.0 { f64::INFINITY } else { -libm::log10(1.0 - ratio) }
}

/// Workloads that have lived, and how long.
fn lived<'a>(run: &'a Finished<'_>) -> impl Iterator<Item = (&'a Workload, Span)> {
    let span = |workload: &'a Workload| (workload, run.end.since(workload.created));
    run.workloads.iter().map(span).filter(|(_, span)| span.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_four_that_loses_three_for_an_hour_and_a_half() {
        let s = Time::from_secs;
        let mut objectives = Objectives::starting(Time::ZERO);
        objectives.set(Time::ZERO, 4, 4);
        objectives.set(s(1800), 4, 1); // half an hour into the first hour
        objectives.set(s(7200), 4, 3);
        objectives.set(s(9000), 4, 4);
        let end = s(36_000);
        // quorum of 4 is 3: missed for 5400 s of 36,000
        assert_eq!(objectives.quorum.area_at(end), i128::from(30_600) * 1_000_000_000);
        // 3/4 for 5400 s and 1/4 for 1800 s
        assert_eq!(objectives.loss_ppm.unit_seconds_at(end) / 1e6, 4500.0);
        // hours: 0.375, 0.75, 0.125, 0 …
        assert_eq!(objectives.worst_ppm(end), 750_000);
    }

    #[test]
    fn nines_of_ratios() {
        for (ratio, expected) in [(0.9, 1.0), (0.99, 2.0), (0.9995, 3.301_03), (0.0, 0.0)] {
            assert!((nines(ratio) - expected).abs() < 1e-5, "{ratio}: {}", nines(ratio));
        }
        assert!(nines(1.0).is_infinite());
    }
}
