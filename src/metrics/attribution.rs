//! Which fault is to blame for which unavailability, also when incidents overlap.
//!
//! While incidents of a workload are open, each is to blame for as many of the pods unavailable as it still lacks
//! itself (hit and not serving, or gone without a replacement that serves). Where they lack more than is unavailable,
//! they share it in proportion; where they lack less, or no incident is open, the rest is the fault of the
//! control plane that lasts, the one that began first if there are several: pods wait for it that it did not hit.
//! Else it is nobody's. The parts add up to `unavailable_pod_seconds` exactly.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::engine::Span;
use crate::outcome::{Action, ActionKind};

use super::{Finished, Metric, Rows};

/// What faults of the control plane answer for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blame {
    /// Those that last, oldest first: number and action.
    lasting: Vec<(u32, usize)>,
    /// Pod-nanoseconds by action.
    nanos: BTreeMap<usize, i128>,
    /// Names of the faults that there are.
    faults: Rc<[String]>,
}

impl Blame {
    /// Nothing happened yet; these faults can.
    pub(super) fn among(faults: Rc<[String]>) -> Self {
        Blame { faults, ..Blame::default() }
    }

    /// Something was missing that no incident lacked.
    pub(super) fn add(&mut self, nanos: i128) {
        if let Some((_, action)) = self.lasting.first() {
            *self.nanos.entry(*action).or_default() += nanos;
        }
    }

    /// An outage begins.
    pub(super) fn begin(&mut self, outage: u32, action: usize) {
        self.lasting.push((outage, action));
    }

    /// An outage ends.
    pub(super) fn end(&mut self, outage: u32) {
        self.lasting.retain(|(lasting, _)| *lasting != outage);
    }
}

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
    labels: &["fault", "verb"],
    about: "unavailable_pod_seconds by what caused them: the name of the fault (for the timeline, the verb), and once more \
            the verb of the fault or disruption; `none` for what happened without one, such as a start or a rollout",
    formula: "∫ w_i · min(1, max(0, desired − serving)/Σw) dt, w_i: pods that open incident i still lacks; what is left \
              while a fault of the control plane lasts is that fault's",
    read: |run: &Finished<'_>, rows: &mut Rows| {
        let acts = |action: &&Action| matches!(action.kind, ActionKind::Fault | ActionKind::Disruption);
        let mut by_action: BTreeMap<usize, i128> = run.blame.nanos.clone();
        for incident in run.incidents {
            *by_action.entry(incident.action).or_default() += incident.attributed_pod_nanos;
        }
        let total: i128 = run.workloads.iter().map(|workload| workload.unavailable.area_at(run.end)).sum();
        let rest = total - by_action.values().sum::<i128>();
        for (label, name) in [("fault", Action::cause as fn(&Action) -> &str), ("verb", |action| &action.verb)] {
            let mut sums: BTreeMap<&str, i128> = BTreeMap::from([("none", rest)]);
            if label == "fault" {
                sums.extend(run.blame.faults.iter().map(|fault| (fault.as_str(), 0))); // also those that never struck
            }
            for action in run.actions.iter().filter(acts) {
                sums.entry(name(action)).or_default();
            }
            for (action, nanos) in &by_action {
                *sums.entry(run.actions.get(*action).map_or("none", name)).or_default() += nanos;
            }
            for (value, nanos) in sums {
                rows.push(&[(label, value)], nanos as f64 / 1e9);
            }
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
