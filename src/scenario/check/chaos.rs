//! Checks of `chaos:`: kinds that exist, and time for the quiet.

use crate::engine::Span;
use crate::faults;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::duration;
use crate::scenario::schema::Scenario;

/// Checks the section, if it is there.
pub(super) fn check(scenario: &Scenario, problems: &mut Problems) {
    let Some(chaos) = &scenario.chaos else { return };
    let end = scenario.duration.value;
    let needed = Span(chaos.duration.value.0.saturating_add(chaos.limit.value.0));
    if needed > end && end > Span::ZERO {
        let problem = problems.report(chaos.limit.location, "the run ends before the limit");
        problem.expected(format!("chaos and quiet take {} of {}", duration::format(needed), duration::format(end)));
    }
    super::takes_time(&chaos.duration, problems);
    super::takes_time(&chaos.limit, problems);
    if chaos.every.0.is_zero() {
        problems.report(chaos.duration.location, "faults without a pause").expected("expected `every` above 0");
    }
    let known = || faults::ALL.iter().map(|entry| entry.name);
    if chaos.kinds.as_ref().is_some_and(Vec::is_empty) {
        problems.report(chaos.duration.location, "chaos of no kind").expected("expected some `kinds`, or none given");
    }
    for kind in chaos.kinds.iter().flatten() {
        if !known().any(|name| name == kind.value) {
            let problem = problems.report(kind.location, format!("no chaos of kind `{}`", kind.value));
            problem.expected(format!("expected one of {}", listed(known()))).suggest(kind, known());
        }
    }
}
