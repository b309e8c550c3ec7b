//! Checks of `matrix:` and `placement:`: values where values are wanted, policies and metrics that exist.

use std::collections::BTreeSet;

use super::Known;
use super::replications::metric;
use crate::scenario::diagnostics::Problems;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::matrix::{Matrix, Parameter};

/// Most points of a Latin hypercube.
const MOST_POINTS: u32 = 10_000;

/// Checks both.
pub(super) fn check(scenario: &Scenario, known: Known, problems: &mut Problems) {
    let matrix = &scenario.matrix;
    for policy in &matrix.policies {
        super::policy(policy, scenario, known, problems);
    }
    let mut seen = BTreeSet::new();
    for policy in matrix.policies.iter().filter(|policy| !seen.insert(policy.value.as_str())) {
        problems.report(policy.location, format!("policy `{}` stands here twice", policy.value));
    }
    if let Some(baseline) = matrix.baseline.as_ref().filter(|_| !matrix.policies.is_empty())
        && !seen.contains(baseline.value.as_str())
    {
        let problem = problems.report(baseline.location, "the baseline is not among the policies");
        problem.suggest(baseline, seen.iter().copied());
    }
    matrix.metrics.iter().filter(|_| scenario.placement.is_none()).for_each(|written| metric(written, problems));
    parameters(matrix, problems);
    if let Some(placement) = &scenario.placement
        && !(1..=1000).contains(&placement.draws.value)
    {
        problems.report(placement.draws.location, "number out of range").expected("expected 1 to 1000");
    }
}

fn parameters(matrix: &Matrix, problems: &mut Problems) {
    if let Some(points) = &matrix.latin_hypercube
        && !(2..=MOST_POINTS).contains(&points.value)
    {
        problems.report(points.location, "number out of range").expected(format!("expected 2 to {MOST_POINTS}"));
    }
    for Parameter { path, values, range } in &matrix.parameters {
        match (values.is_empty(), range) {
            (true, None) => {
                problems.report(path.location, "no values").expected("expected `values` or `range` beside it");
            }
            (false, Some(_)) => {
                problems.report(path.location, "both `values` and `range`").expected("only one of them can stand here");
            }
            (true, Some(range)) => {
                if matrix.latin_hypercube.is_none() {
                    let problem = problems.report(path.location, "a range has no single values");
                    problem.expected("expected `latin-hypercube: N` beside `parameters`, or `values`");
                }
                if range.from.value >= range.to.value {
                    problems.report(range.to.location, "the range is empty").expected("expected more than `from`");
                }
            }
            (false, None) => {}
        }
    }
}
