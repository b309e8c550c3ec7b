//! Which fault is to blame for which unavailability, also when incidents overlap.
//!
//! While incidents of a workload are open, each instant's unavailable pods are shared among them in proportion to the
//! pods that each still lacks (hit and undecided, or gone without a replacement that serves), equally if none lacks
//! any. What no incident was open for is nobody's. The parts add up to `unavailable_pod_seconds` exactly.

use std::collections::BTreeMap;

use super::{Finished, Metric, Rows};

/// Shares `amount` in proportion to `weights`, exactly: what division leaves goes to the first.
pub(super) fn shares(amount: i128, weights: &[u32]) -> Vec<i128> {
    let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    let part = |weight: &u32| {
        if total == 0 { amount / weights.len() as i128 } else { amount * i128::from(*weight) / total }
    };
    let mut shares: Vec<i128> = weights.iter().map(part).collect();
    let rest = amount - shares.iter().sum::<i128>();
    if let Some(first) = shares.first_mut() {
        *first += rest;
    }
    shares
}

/// `attributed_pod_seconds`.
pub const ATTRIBUTED_POD_SECONDS: Metric = Metric {
    name: "attributed_pod_seconds",
    unit: "pod-seconds",
    labels: &["fault"],
    about: "unavailable_pod_seconds by what caused them: the verb of the fault or disruption; `none` for what \
            happened without one, such as a start or a rollout",
    formula: "∫ max(0, desired − serving) · w_i/Σw dt, w_i: pods that open incident i still lacks",
    read: |run: &Finished<'_>, rows: &mut Rows| {
        let mut by_fault: BTreeMap<&str, i128> = BTreeMap::new();
        for incident in run.incidents {
            let verb = run.actions.get(incident.action).map_or("none", |action| action.verb.as_str());
            *by_fault.entry(verb).or_default() += incident.attributed_pod_nanos;
        }
        let total: i128 = run.workloads.iter().map(|workload| workload.unavailable.area_at(run.end)).sum();
        let rest = total - by_fault.values().sum::<i128>();
        *by_fault.entry("none").or_default() += rest;
        for (fault, nanos) in by_fault {
            rows.push(&[("fault", fault)], nanos as f64 / 1e9);
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_exactly() {
        assert_eq!(shares(100, &[3, 1]), [75, 25]);
        assert_eq!(shares(100, &[0, 0, 0]), [34, 33, 33]);
        assert_eq!(shares(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(shares(7, &[0, 2]), [0, 7]);
    }
}
