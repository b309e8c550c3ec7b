//! Which fault is to blame for which unavailability, also when incidents overlap.
//!
//! While incidents of a workload are open, each is to blame for as many of the pods unavailable as it still lacks
//! itself (hit and not serving, or gone without a replacement that serves). Where they lack more than is unavailable,
//! they share it in proportion; where they lack less, the rest is nobody's, as is what no incident was open for. The
//! parts add up to `unavailable_pod_seconds` exactly.

use std::collections::BTreeMap;

use crate::engine::Span;

use super::{Finished, Metric, Rows};

/// What of `area`, missed within `span`, each has to answer for who lacked so many pods: all it lacked, or if together
/// they lacked more than was missed, its share of that. What division leaves then goes to the first who lacks any.
pub(super) fn shares(area: i128, span: Span, lacking: &[u32]) -> Vec<i128> {
    let total: i128 = lacking.iter().map(|pods| i128::from(*pods)).sum();
    let own = |pods: &u32| i128::from(*pods) * i128::from(span.0);
    if total * i128::from(span.0) <= area {
        return lacking.iter().map(own).collect();
    }
    let mut shares: Vec<i128> = lacking.iter().map(|pods| area * i128::from(*pods) / total).collect();
    let rest = area - shares.iter().sum::<i128>();
    if let Some(first) = lacking.iter().position(|pods| *pods > 0) {
        shares[first] += rest;
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
    formula: "∫ w_i · min(1, max(0, desired − serving)/Σw) dt, w_i: pods that open incident i still lacks",
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
        // 10 missed for 10 ns
        assert_eq!(shares(100, Span(10), &[12, 4]), [75, 25]);
        assert_eq!(shares(10, Span(5), &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(shares(7, Span(7), &[0, 2]), [0, 7]);
    }

    #[test]
    fn nobody_answers_for_more_than_it_lacks() {
        assert_eq!(shares(100, Span(10), &[3, 1]), [30, 10]);
        assert_eq!(shares(100, Span(10), &[0, 0, 0]), [0, 0, 0]);
        assert_eq!(shares(100, Span(10), &[6, 4]), [60, 40]);
    }
}
