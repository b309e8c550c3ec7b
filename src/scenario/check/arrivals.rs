//! Checks of `arrivals:`: shares and scales within reason, formats that exist, processes that move on.

use crate::engine::Span;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::read::Spanned;
use crate::scenario::schema::arrivals::{Arrivals, GeneratedArrivals, Process, Sizes, TraceArrivals};
use crate::scenario::schema::values::Latency;
use crate::scenario::source::Location;
use crate::workload::trace::{self, azure_packing_2020};

/// Checks one entry.
pub(super) fn check(arrivals: &Arrivals, problems: &mut Problems) {
    match arrivals {
        Arrivals::Generated(generated) => check_generated(generated, problems),
        Arrivals::Trace(trace) => check_trace(trace, problems),
    }
}

fn check_generated(generated: &GeneratedArrivals, problems: &mut Problems) {
    super::pod(&generated.pod, generated.pod.location, false, problems);
    let at = generated.pod.location;
    match &generated.process {
        Process::Poisson(process) => above_nothing(&process.mean, problems),
        Process::Every(gap) => moves_on(gap, at, problems),
        Process::Diurnal(process) => {
            above_nothing(&process.mean, problems);
            above_nothing(&process.period, problems);
            within(&process.amplitude, 0.0, 1.0, problems);
        }
        Process::Batch(process) => {
            moves_on(&process.every, at, problems);
            within(&process.size, 1.0, 1e6, problems);
        }
    }
    match &generated.sizes {
        Some(Sizes::Pareto(pareto)) => {
            within(&pareto.shape, 0.01, 100.0, problems);
            count(&pareto.largest, problems);
        }
        Some(Sizes::Mix(sizes)) => {
            if sizes.is_empty() {
                problems.report(at, "no sizes").expected("expected at least one under `mix`");
            }
            for size in sizes {
                within(&size.weight, 1e-9, 1e9, problems);
                count(&size.size, problems);
            }
        }
        None => {}
    }
}

fn check_trace(trace: &TraceArrivals, problems: &mut Problems) {
    let formats = || trace::FORMATS.iter().map(|format| format.name);
    if trace::find(&trace.format).is_none() {
        let problem =
            problems.report(trace.format.location, format!("no trace format is called `{}`", trace.format.value));
        problem.expected(format!("expected one of {}", listed(formats()))).suggest(&trace.format, formats());
    }
    if let Some(types) = trace.types.as_ref().filter(|_| trace.format.value != azure_packing_2020::FORMAT.name) {
        let problem = problems.report(types.location, format!("format `{}` has no types", trace.format.value));
        problem.expected(format!("they go with `{}`", azure_packing_2020::FORMAT.name));
    }
    within(&trace.time_scale, 1e-6, 1e6, problems);
    within(&trace.duration_scale, 1e-6, 1e6, problems);
    within(&trace.sample, 1e-9, 1.0, problems);
    within(&trace.shake, 0.0, 1.0, problems);
}

pub(super) fn within(number: &Spanned<f64>, low: f64, high: f64, problems: &mut Problems) {
    if !(low..=high).contains(&number.value) {
        problems.report(number.location, "number out of range").expected(format!("expected {low} to {high}"));
    }
}

fn count(number: &Spanned<u32>, problems: &mut Problems) {
    if !(1..=65_536).contains(&number.value) {
        problems.report(number.location, "number out of range").expected("expected 1 to 65536");
    }
}

fn above_nothing(span: &Spanned<Span>, problems: &mut Problems) {
    if span.value == Span::ZERO {
        problems.report(span.location, "time would stand still").expected("expected more than 0");
    }
}

/// Gaps of nothing but zero would never end.
fn moves_on(gap: &Latency, at: Location, problems: &mut Problems) {
    if gap.0.is_zero() {
        problems.report(at, "time would stand still between arrivals").expected("expected gaps of more than 0");
    }
}
