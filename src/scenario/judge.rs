//! Whether a run met its recovery objectives.

use super::schema::expect::Expectation;
use crate::outcome::{self, Outcome};

/// Compares each expectation with the outcome, in the order of the file.
///
/// An expectation about a metric without a value does not hold, and its `observed` is `None`: no fault
/// hit the workload, say, so that nothing could recover. A recovery that never came is infinite.
pub fn judge(expectations: &[Expectation], outcome: &Outcome) -> Vec<outcome::Expectation> {
    let judged = |expectation: &Expectation| {
        let observed = observed(expectation, outcome);
        let held = observed.is_some_and(|value| expectation.comparison.holds(value, expectation.value));
        outcome::Expectation { text: expectation.text.clone(), observed, bound: expectation.value, held }
    };
    expectations.iter().map(judged).collect()
}

fn observed(expectation: &Expectation, outcome: &Outcome) -> Option<f64> {
    let labels: Vec<(&str, &str)> = expectation
        .labels
        .iter()
        .map(|(key, value)| match key.as_str() {
            "workload" => (key.as_str(), workload_label(value, outcome)),
            _ => (key.as_str(), value.as_str()),
        })
        .collect();
    outcome.metric(&expectation.metric, &labels).filter(|value| !value.is_nan())
}

/// The label of the workload that `written` names. Labels are as short as they can be, but the longer
/// `deployment/web` is always understood.
fn workload_label<'a>(written: &'a str, outcome: &'a Outcome) -> &'a str {
    let mut workloads = outcome.workloads.iter();
    if workloads.clone().any(|workload| workload.label == written) {
        return written;
    }
    let is_meant = |workload: &&outcome::Workload| {
        let kind = workload.kind.to_lowercase();
        written.strip_prefix(&kind).and_then(|rest| rest.strip_prefix('/')) == Some(&workload.label)
    };
    workloads.find(is_meant).map_or(written, |workload| &workload.label)
}
