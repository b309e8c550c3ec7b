//! What is measured: objectives of service, and domains that fail as a whole.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::cluster::Name;
use crate::faults::{Fault, Victims};
use crate::metrics::{Objective, Settings};
use crate::scenario::schema::Scenario;

/// The settings of the metrics, for faults that have been built.
pub(super) fn settings(scenario: &Scenario, faults: &[Fault]) -> Settings {
    let domains: BTreeSet<Name> = faults.iter().flat_map(domain_labels).collect();
    let names = faults.iter().map(|fault| fault.name.clone());
    Settings {
        objectives: objectives(scenario),
        domains: domains.into_iter().collect(),
        faults: names.collect(),
        ..Settings::default()
    }
}

/// The labels whose values are domains for this fault.
fn domain_labels(fault: &Fault) -> Vec<Name> {
    let followers = fault.burst.as_ref().and_then(|burst| burst.domain);
    let overloaded = fault.cascade.as_ref().and_then(|cascade| cascade.domain);
    let mut labels: Vec<Name> = followers.into_iter().chain(overloaded).collect();
    if let Victims::Nodes(nodes) = &fault.victims {
        labels.extend(nodes.by_domain);
        labels.extend(nodes.domains.iter().map(|(key, _)| *key));
    }
    labels
}

/// The objectives of the scenario, or the usual ones.
pub(crate) fn objectives(scenario: &Scenario) -> Rc<[Objective]> {
    let written: Rc<[Objective]> = scenario.objectives.iter().filter_map(|share| objective(share.value)).collect();
    if written.is_empty() { Settings::default().objectives } else { written }
}

/// The objective of this share, if it is one: between 0 and 1, in millionths.
pub(crate) fn objective(share: f64) -> Option<Objective> {
    let ppm = share * 1e6;
    let fine = (ppm - ppm.round()).abs() < 1e-6 && (0.0..=1e6).contains(&ppm);
    fine.then(|| Objective::from_ppm(ppm.round() as u32)).flatten()
}
