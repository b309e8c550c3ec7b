//! Service-level objectives: how long a quorum served, how many nines that is, how much of an error budget was
//! spent and how fast, and the area that resilience engineering looks at.
//!
//! Sources: Beyer et al., *The Site Reliability Workbook*, ch. 5 (error budget, burn rate); Bruneau et al.,
//! Earthquake Spectra 19(4), 2003 (resilience loss).

use std::rc::Rc;

use crate::engine::{Integral, Span, Time};

use super::availability::availability;
use super::burn::{ALERTS, Burn, Objective};
use super::capacity::PPM;
use super::workloads::Workload;
use super::{Finished, Metric};

/// What is integrated for one workload.
#[derive(Clone, Debug)]
pub(crate) struct Objectives {
    /// 1 while more than half of what is wanted serves, or nothing is wanted.
    quorum: Integral,
    /// Share of what is wanted that does not serve, parts per million.
    loss_ppm: Integral,
    burn: Burn,
}

impl Objectives {
    pub(crate) fn starting(now: Time, objectives: Rc<[Objective]>) -> Self {
        Objectives {
            quorum: Integral::starting(now, 1),
            loss_ppm: Integral::starting(now, 0),
            burn: Burn::starting(now, objectives),
        }
    }

    /// From `now` on so many pods are wanted and serve.
    pub(crate) fn set(&mut self, now: Time, desired: i64, serving: i64) {
        self.quorum.set(now, i64::from(serving > desired / 2 || desired == 0));
        let missing = (desired - serving).max(0);
        let missing_ppm = if desired > 0 { missing * PPM / desired } else { 0 };
        self.loss_ppm.set(now, missing_ppm);
        self.burn.set(now, missing_ppm);
    }

    /// The run ends.
    pub(crate) fn end(&mut self, now: Time) {
        self.burn.advance(now);
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
            for objective in workload.objectives.burn.objectives() {
                let spent = (1.0 - ratio) / objective.budget();
                rows.push(&[("workload", &workload.label), ("objective", &objective.label())], spent);
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
    formula: "max over t of mean(1 − Q)/(1 − objective) over the hour before t, Q as in resilience_loss_seconds, nothing missing \
              before the workload",
    read: |run, rows| {
        for workload in run.workloads {
            let burn = &workload.objectives.burn;
            for objective in burn.objectives() {
                let rate = burn.worst() / objective.budget();
                rows.push(&[("workload", &workload.label), ("objective", &objective.label())], rate);
            }
        }
    },
};

/// `burn_rate_alerts_total`.
pub const BURN_RATE_ALERTS_TOTAL: Metric = Metric {
    name: "burn_rate_alerts_total",
    unit: "alerts",
    labels: &["workload", "objective", "window"],
    about: "how often an alert on the burn rate began to fire: `1h` at 14.4 times the rate that spends a budget exactly, `6h` \
            at 6 times",
    formula: "count of instants from which mean(1 − Q)/(1 − objective) ≥ 14.4 over the last 1 h and the last 5 min, or ≥ 6 \
              over 6 h and 30 min, Q as in resilience_loss_seconds, nothing missing before the workload (SRE Workbook, ch. 5)",
    read: |run, rows| {
        for workload in run.workloads {
            for (objective, fired) in workload.objectives.burn.fired() {
                for (alert, count) in ALERTS.iter().zip(fired) {
                    let labels =
                        [("workload", &*workload.label), ("objective", &*objective.label()), ("window", alert.name)];
                    rows.push(&labels, f64::from(count));
                }
            }
        }
    },
};

fn nines(ratio: f64) -> f64 {
    if ratio >= 1.0 { f64::INFINITY } else { -libm::log10(1.0 - ratio) }
}

/// Workloads that have lived, and how long.
pub(super) fn lived<'a>(run: &'a Finished<'_>) -> impl Iterator<Item = (&'a Workload, Span)> {
    let span = |workload: &'a Workload| (workload, run.end.since(workload.created));
    run.workloads.iter().map(span).filter(|(_, span)| span.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_four_that_loses_three_for_an_hour_and_a_half() {
        let s = Time::from_secs;
        let mut objectives = Objectives::starting(Time::ZERO, super::super::burn::usual());
        objectives.set(Time::ZERO, 4, 4);
        objectives.set(s(1800), 4, 1); // half an hour into the first hour
        objectives.set(s(7200), 4, 3);
        objectives.set(s(9000), 4, 4);
        let end = s(36_000);
        // quorum of 4 is 3: missed for 5400 s of 36,000
        assert_eq!(objectives.quorum.area_at(end), i128::from(30_600) * 1_000_000_000);
        // 3/4 for 5400 s and 1/4 for 1800 s
        assert_eq!(objectives.loss_ppm.unit_seconds_at(end) / 1e6, 4500.0);
        objectives.end(end);
        assert_eq!(objectives.burn.worst(), 0.75); // an hour of nothing else
    }

    #[test]
    fn nines_of_ratios() {
        for (ratio, expected) in [(0.9, 1.0), (0.99, 2.0), (0.9995, 3.301_03), (0.0, 0.0)] {
            assert!((nines(ratio) - expected).abs() < 1e-5, "{ratio}: {}", nines(ratio));
        }
        assert!(nines(1.0).is_infinite());
    }
}
