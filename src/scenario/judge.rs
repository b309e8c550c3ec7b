//! Whether a run met its recovery objectives.

use super::schema::expect::{Comparison, Expectation};
use crate::outcome::{self, MetricRow, Outcome};

/// Compares each expectation with the outcome, in the order of the file.
///
/// An expectation is about the row with exactly its labels. If there is none, it is about every row that
/// has these labels among others, and has to hold for all of them: `availability_ratio >= 0.9` is a
/// promise for every workload. The value observed is then the one that is furthest from holding.
///
/// An expectation about a metric without a value does not hold, and its `observed` is `None`: no fault
/// hit the workload, say, so that nothing could recover. A recovery that never came is infinite.
pub fn judge(expectations: &[Expectation], outcome: &Outcome) -> Vec<outcome::Expectation> {
    let judged = |expectation: &Expectation| {
        let observed = observed(expectation, outcome);
        let held = observed.is_some_and(|value| expectation.comparison.holds(value, expectation.value));
        outcome::Expectation { text: expectation.text.clone(), observed, bound: expectation.value, held }
    };
    let mut all: Vec<outcome::Expectation> = expectations.iter().map(judged).collect();
    all.extend(outcome.chaos.as_ref().map(converges));
    all
}

/// After chaos the cluster has to converge, whether the file says so or not.
fn converges(found: &outcome::Convergence) -> outcome::Expectation {
    let took = found.converged.map_or(f64::INFINITY, |at| at.since(found.quiet_from).as_secs_f64());
    outcome::Expectation {
        text: "convergence_seconds within chaos.converge-within".to_string(),
        observed: Some(took),
        bound: found.limit.as_secs_f64(),
        held: found.converged.is_some(),
    }
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
    let exact = outcome.metric(&expectation.metric, &labels);
    let has = |row: &MetricRow, key: &str, value: &str| row.labels.iter().any(|(k, v)| *k == key && v == value);
    let rows = outcome
        .metrics
        .iter()
        .filter(|row| row.name == expectation.metric && labels.iter().all(|(key, value)| has(row, key, value)))
        .map(|row| row.value);
    exact.or_else(|| rows.reduce(|one, other| worse(expectation, one, other)))
}

/// Which of two values is further from what is expected.
fn worse(expectation: &Expectation, one: f64, other: f64) -> f64 {
    use Comparison::{Above, AtLeast, AtMost, Below, Equal, NotEqual};
    let distance = |value: f64| (value - expectation.value).abs();
    match expectation.comparison {
        AtMost | Below => one.max(other),
        AtLeast | Above => one.min(other),
        Equal if distance(other) > distance(one) => other,
        NotEqual if distance(other) < distance(one) => other,
        Equal | NotEqual => one,
    }
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
