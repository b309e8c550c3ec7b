//! Checks of `replications:`: counts and shares within reason, a metric that exists.

use crate::metrics;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::Spanned;
use crate::scenario::schema::expect::Expectation;
use crate::scenario::schema::replications::Replications;

/// Most replications: their results are kept in memory.
const MOST: u32 = 100_000;

/// Fewest replications under a stopping rule (experiments.md 3, item 4).
const FEWEST: u32 = 10;

/// Checks them.
pub(super) fn check(replications: &Replications, problems: &mut Problems) {
    if let Some(count) = &replications.count {
        count_within_reason(count, problems);
    }
    open_share(&replications.confidence, problems);
    let Some(until) = &replications.until else { return };
    if let Some(count) = replications.count.as_ref().filter(|count| (1..FEWEST).contains(&count.value)) {
        let problem = problems.report(count.location, "too few replications to stop by");
        problem.expected(format!("with `until`, expected {FEWEST} or more: intervals of fewer do not hold"));
    }
    count_within_reason(&until.at_most, problems);
    let fewest = replications.count.as_ref().map_or(FEWEST, |count| count.value.max(FEWEST));
    if (1..fewest).contains(&until.at_most.value) {
        let problem = problems.report(until.at_most.location, "fewer than are run before anything is stopped");
        problem.expected(match &replications.count {
            Some(count) if count.value >= FEWEST => format!("expected `count`, {fewest}, or more"),
            _ => format!("expected {fewest} or more: intervals of fewer do not hold"),
        });
    }
    open_share(&until.relative_half_width, problems);
    // the row itself is checked with those of `expect`
    if Expectation::of_row(&until.metric).is_none() {
        let problem = problems.report(until.metric.location, "no row of a metric");
        problem.expected("expected such as `recovery_seconds{workload=\"web\"}`");
    }
}

/// A metric, possibly with labels.
pub(super) fn metric(written: &Spanned<String>, problems: &mut Problems) {
    let name = written.split('{').next().unwrap_or_default();
    if metrics::find(name).is_none() {
        let names = metrics::ALL.iter().map(|metric| metric.name);
        let problem = problems.report(written.location, format!("no metric is called `{name}`"));
        problem.help("`sim list metrics` shows them all").suggest(name, names);
    }
}

fn count_within_reason(count: &Spanned<u32>, problems: &mut Problems) {
    if !(1..=MOST).contains(&count.value) {
        problems.report(count.location, "number out of range").expected(format!("expected 1 to {MOST}"));
    }
}

fn open_share(share: &Spanned<f64>, problems: &mut Problems) {
    if share.value <= 0.0 || share.value >= 1.0 {
        problems.report(share.location, "number out of range").expected("expected a share between 0 and 1");
    }
}
