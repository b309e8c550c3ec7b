//! Checks of `faults:`: victims that exist, times within the run, numbers within reason.

use super::Names;
use crate::engine::Span;
use crate::faults::models;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::duration;
use crate::scenario::read::Spanned;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::faults::{
    Fault, Mode, ModeNumber, NodeChoice, NodeFault, PodFault, RACK, Sequence, Timing,
};
use crate::scenario::schema::values::Amount;
use crate::scenario::source::Location;

/// Checks every entry.
pub(super) fn check(scenario: &Scenario, names: &Names<'_>, problems: &mut Problems) {
    for (index, entry) in scenario.faults.iter().enumerate() {
        let same = |other: &&crate::scenario::schema::faults::FaultEntry| {
            other.name.as_ref().map(|name| &name.text) == entry.name.as_ref().map(|name| &name.text)
        };
        if let Some(name) = &entry.name
            && let Some(first) = scenario.faults[..index].iter().find(same).and_then(|other| other.name.as_ref())
        {
            problems
                .report(name.location, format!("a second fault `{}`", name.text))
                .context(first.location, "the first one");
        }
        fault(&entry.fault, entry.location, scenario, names, problems);
        if let Some(timing) = entry.fault.timing() {
            self::timing(timing, &entry.fault, entry.location, scenario.duration.value, problems);
        }
    }
}

/// What a fault says of its victims and itself, wherever it stands.
fn fault(fault: &Fault, at: Location, scenario: &Scenario, names: &Names<'_>, problems: &mut Problems) {
    let is_process = fault.timing().is_some_and(|timing| timing.mtbf.is_some());
    let is_domain = matches!(fault, Fault::DomainOutage(_));
    if let Some(written) = fault.nodes() {
        nodes(written, at, is_process || is_domain || written.timing.trace.is_some(), names, problems);
    }
    if let Some(written) = fault.pods() {
        pods(written, at, is_process, names, problems);
    }
    numbers(fault, problems);
    without_effect(fault, at, problems);
    match fault {
        Fault::Model(model) if models::find(&model.0.name).is_none() => {
            let all = models::all();
            let problem =
                problems.report(model.0.name.location, format!("no failure model is called `{}`", model.0.name.value));
            let problem = problem.help("`sim list models` shows them all");
            problem.suggest(&model.0.name, all.iter().map(|model| model.name.as_str()));
        }
        Fault::Model(model) if model.0.rack_label.value != RACK => names.label(&model.0.rack_label, problems),
        Fault::DomainOutage(written) => {
            names.label(&written.label, problems);
            written.domain.iter().for_each(|domain| names.domain(&written.label, domain, problems));
        }
        Fault::Sequence(written) => sequence(written, at, scenario, names, problems),
        Fault::NodeAdded(written) => super::node_group(&written.nodes, problems),
        _ => {}
    }
    if lasting(fault) && fault.timing().is_some_and(|timing| lasts(timing) == 0) && !is_traced(fault) {
        problems.report(at, "how long?").expected("expected `for`, or `mttr`");
    }
}

/// Whether a fault makes no sense without a length.
fn lasting(fault: &Fault) -> bool {
    matches!(fault, Fault::Flapping(_) | Fault::Maintenance(_) | Fault::ReadinessFlap(_))
}

fn is_traced(fault: &Fault) -> bool {
    fault.timing().is_some_and(|timing| timing.trace.is_some())
}

fn lasts(timing: &Timing) -> usize {
    usize::from(timing.duration.is_some()) + usize::from(timing.mttr.is_some())
}

fn timing(timing: &Timing, fault: &Fault, at: Location, end: Span, problems: &mut Problems) {
    let given = [
        ("every", timing.every.is_some()),
        ("within", timing.within.is_some()),
        ("mtbf", timing.mtbf.is_some()),
        ("trace", timing.trace.is_some()),
        ("at", timing.at.is_some() && timing.every.is_none()),
    ];
    let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    match given[..] {
        [_] => {}
        [] => {
            let problem = problems.report(at, "when?");
            problem.expected(format!("expected one of {}", listed(["at", "every", "within", "mtbf", "trace"])));
        }
        [first, second, ..] => {
            problems.report(at, format!("both `{first}` and `{second}`")).expected("only one of them can stand here");
        }
    }
    if lasts(timing) > 1 {
        problems.report(at, "both `for` and `mttr`").expected("they mean the same");
    }
    if is_traced(fault) && lasts(timing) > 0 {
        problems.report(at, "the trace says how long its outages last").expected("leave out `for`");
    }
    let in_run = |instant: &Spanned<Span>, problems: &mut Problems| {
        if instant.value > end && end > Span::ZERO {
            let problem = problems.report(instant.location, "after the end of the run");
            problem.expected(format!("expected at most {}", duration::format(end)));
        }
    };
    if let Some(instant) = &timing.at {
        in_run(instant, problems);
    }
    if let Some(window) = &timing.within {
        in_run(&window.to, problems);
        if window.from.value > window.to.value {
            problems.report(window.to.location, "the window ends before it begins");
        }
    }
    if let Some(times) = timing.times.as_ref().filter(|times| times.value == 0) {
        problems.report(times.location, "number out of range").expected("expected 1 or more");
    }
    if timing.aged && timing.mtbf.is_none() {
        problems.report(at, "`aged` goes with `mtbf`").expected("only a random process has run before the start");
    }
    if timing.times.is_some() && timing.every.is_none() && timing.within.is_none() {
        problems.report(at, "`times` goes with `every` or `within`");
    }
    if timing.every.iter().chain(&timing.mtbf).any(|latency| latency.0.is_zero()) {
        problems.report(at, "again and again without a pause").expected("expected more than 0");
    }
    if let Some(probability) = &timing.probability {
        share(probability, problems);
    }
}

fn nodes(written: &NodeFault, at: Location, all_by_default: bool, names: &Names<'_>, problems: &mut Problems) {
    let by_label = matches!(written.nodes, Some(NodeChoice::Labels(_)));
    let narrowed = by_label || written.zone.is_some() || written.random.is_some() || written.mode.is_some();
    let named = written.node.is_some() || matches!(written.nodes, Some(NodeChoice::Names(_)));
    if !named && !narrowed && !all_by_default {
        let problem = problems.report(at, "which nodes?");
        problem.expected(format!("expected one of {}", listed(["node", "nodes", "zone", "random", "mode"])));
    }
    places(written.node.as_ref(), written.nodes.as_ref(), written.zone.as_ref(), (at, names), problems);
    sample(written.random.as_ref(), written.mode.as_ref(), at, problems);
    more_than_there_are(written, names, problems);
    if let Some(burst) = &written.burst {
        share(&burst.probability, problems);
        within(&burst.followers, 1.0, 1000.0, problems);
        burst.label.iter().for_each(|label| names.label(label, problems));
    }
    if let Some(cascade) = &written.cascade {
        share(&cascade.probability, problems);
        within(&cascade.overload, 0.001, 1000.0, problems);
        cascade.label.iter().for_each(|label| names.label(label, problems));
    }
}

/// The nodes and zones that victims are in.
fn places(
    node: Option<&Spanned<String>>,
    nodes: Option<&NodeChoice>,
    zone: Option<&Spanned<String>>,
    (at, names): (Location, &Names<'_>),
    problems: &mut Problems,
) {
    if node.is_some() && matches!(nodes, Some(NodeChoice::Names(_))) {
        problems.report(at, "both `node` and `nodes`").expected("only one of them can name the nodes");
    }
    let (listed, inner) = match nodes {
        Some(NodeChoice::Names(nodes)) => (nodes.as_slice(), None),
        Some(NodeChoice::Labels(labels)) => (&[][..], labels.zone.as_ref()),
        None => (&[][..], None),
    };
    for node in node.into_iter().chain(listed) {
        names.node(node, Span(u64::MAX), node.location, problems);
    }
    zone.into_iter().chain(inner).for_each(|zone| names.zone(zone, problems));
}

fn pods(written: &PodFault, at: Location, all_by_default: bool, names: &Names<'_>, problems: &mut Problems) {
    let said = written.workload.is_some()
        || written.namespace.is_some()
        || written.selector.is_some()
        || written.node.is_some()
        || written.nodes.is_some()
        || written.zone.is_some()
        || written.random.is_some()
        || written.mode.is_some();
    if !said && !all_by_default {
        let problem = problems.report(at, "which pods?");
        problem.expected(format!(
            "expected one of {}",
            listed(["workload", "selector", "node", "nodes", "zone", "random", "mode"])
        ));
    }
    places(written.node.as_ref(), written.nodes.as_ref(), written.zone.as_ref(), (at, names), problems);
    let known = || names.objects.iter().map(|(_, object)| object);
    if let Some(workload) = &written.workload
        && names.known.workloads
        && !known().any(|object| object.is_called(workload))
    {
        let problem = problems.report(workload.location, format!("no workload is called `{}`", workload.value));
        problem.suggest(workload, known().map(|object| object.name.as_str()));
    }
    sample(written.random.as_ref(), written.mode.as_ref(), at, problems);
}

fn sample(random: Option<&Spanned<Amount>>, mode: Option<&Spanned<Mode>>, at: Location, problems: &mut Problems) {
    if random.is_some() && mode.is_some() {
        problems.report(at, "both `random` and `mode`").expected("only one of them can stand here");
    }
    match random.map(|random| (random.value, random.location)) {
        Some((Amount::Percent(0 | 101..), location)) => {
            problems.report(location, "percentage out of range").expected("expected 1% to 100%");
        }
        Some((Amount::Count(0), location)) => {
            problems.report(location, "number out of range").expected("expected 1 or more");
        }
        _ => {}
    }
    match mode.map(|mode| (&mode.value, mode.location)) {
        Some((Mode::Number(ModeNumber::Fixed(0)), location)) => {
            problems.report(location, "number out of range").expected("expected 1 or more");
        }
        Some((Mode::Number(ModeNumber::Percent(0 | 101..) | ModeNumber::RandomMaxPercent(0 | 101..)), location)) => {
            problems.report(location, "percentage out of range").expected("expected 1 to 100");
        }
        _ => {}
    }
}

/// Reports more victims than the cluster ever has nodes.
fn more_than_there_are(written: &NodeFault, names: &Names<'_>, problems: &mut Problems) {
    let random = written.random.as_ref().map(|random| (random.value, random.location));
    let mode = written.mode.as_ref().map(|mode| (&mode.value, mode.location));
    let wanted = match (random, mode) {
        (Some((Amount::Count(count), at)), _) => Some((count, at)),
        (_, Some((Mode::Number(ModeNumber::Fixed(count)), at))) => Some((*count, at)),
        _ => None,
    };
    let (Some((count, at)), Some(nodes)) = (wanted, names.number_of_nodes()) else { return };
    if u64::from(count) > nodes {
        problems.report(at, "more nodes than there are").expected(format!("expected at most {nodes}"));
    }
}

fn sequence(written: &Sequence, at: Location, scenario: &Scenario, names: &Names<'_>, problems: &mut Problems) {
    if written.steps.is_empty() {
        problems.report(at, "no step").expected("expected at least one fault under `steps`");
    }
    for step in &written.steps {
        if matches!(*step.fault, Fault::Model(_) | Fault::Sequence(_)) {
            problems.report(step.location, format!("no `{}` in a sequence", step.fault.key()));
            continue;
        }
        fault(&step.fault, step.location, scenario, names, problems);
        let times = step.fault.timing();
        let says = |timing: &Timing| {
            let spread = step.fault.nodes().is_some_and(|nodes| nodes.burst.is_some() || nodes.cascade.is_some());
            timing.at.is_some()
                || timing.every.is_some()
                || timing.within.is_some()
                || timing.mtbf.is_some()
                || timing.trace.is_some()
                || timing.probability.is_some()
                || spread
        };
        if times.is_some_and(says) {
            let problem =
                problems.report(step.location, "when, how likely and whom it drags along is not said in a step");
            problem.expected("only `after`, victims, `for` and what is special to the fault can stand here");
        }
    }
}

/// Numbers that only some kinds of faults have.
fn numbers(fault: &Fault, problems: &mut Problems) {
    match fault {
        Fault::SlowNode(it) => {
            within(&it.start, 0.01, 100_000.0, problems);
            within(&it.work, 0.01, 100_000.0, problems);
        }
        Fault::CapacityLoss(it) => within(&it.lost, 0.001, 1.0, problems),
        Fault::ClockSkew(it) => within(&it.rate, 0.1, 3.0, problems),
        Fault::DomainOutage(it) => share(&it.partitions, problems),
        Fault::SchedulerSlow(it) => within(&it.factor, 1.0, 100_000.0, problems),
        _ => {}
    }
    if let Some(trace) = fault.timing().and_then(|timing| timing.trace.as_ref()) {
        within(&trace.scale, 0.0, 1000.0, problems);
        within(&trace.interval_scale, 0.001, 1000.0, problems);
    }
}

/// Reports faults that are written so that they change nothing.
fn without_effect(fault: &Fault, at: Location, problems: &mut Problems) {
    let (what, expected) = match fault {
        Fault::SlowNode(it) if it.start.value == 1.0 && it.work.value == 1.0 => {
            ("a slow node that is not slow", "expected `start-factor` or `work-factor` other than 1")
        }
        Fault::ClockSkew(it) if it.rate.value == 1.0 && it.offset == Span::ZERO => {
            ("a clock that is right", "expected `rate` other than 1, or `offset`")
        }
        Fault::GracefulShutdown(it) if it.critical > it.grace_period => {
            ("more time for critical pods than for all", "expected `critical-grace-period` within `grace-period`")
        }
        Fault::RollingRestart(it) if it.batch == 0 => ("no node at once", "expected `batch` of 1 or more"),
        Fault::RollingRestart(it) if it.interval == Span::ZERO => {
            ("all batches at once", "expected `interval` above 0, or a `reboot`")
        }
        Fault::PodKill(_) | Fault::ContainerCrash(_) | Fault::SpotInterruption(_) | Fault::NodeAdded(_)
            if fault.timing().is_some_and(|timing| lasts(timing) > 0 && timing.mtbf.is_none()) =>
        {
            ("a length of what has none", "leave out `for`: it only says with `mtbf` from when the next one counts")
        }
        _ => return,
    };
    problems.report(at, what).expected(expected);
}

fn share(value: &Spanned<f64>, problems: &mut Problems) {
    within(value, 0.0, 1.0, problems);
}

fn within(value: &Spanned<f64>, least: f64, most: f64, problems: &mut Problems) {
    if !(least..=most).contains(&value.value) {
        problems.report(value.location, "number out of range").expected(format!("expected {least} to {most}"));
    }
}
