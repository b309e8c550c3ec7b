//! Checks of the timeline: targets that exist, times within the run.

use super::Names;
use crate::engine::Span;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::duration;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::timeline::{Action, NodeSet, ObjectReference, Step, Target};
use crate::scenario::schema::values::{Amount, ObjectName, check_label_key};

/// Checks one step.
pub(super) fn step(step: &Step, scenario: &Scenario, names: &Names<'_>, problems: &mut Problems) {
    let end = scenario.duration.value;
    if step.at.value > end && end > Span::ZERO {
        problems
            .report(step.at.location, "after the end of the run")
            .expected(format!("expected at most {}", duration::format(end)));
    }
    if let Some(duration) = step.action.duration() {
        super::takes_time(duration, problems);
    }
    if let Some(target) = step.action.target() {
        self::target(target, step, names, problems);
    }
    if let Some((object, keys)) = step.action.object() {
        reference(object, keys, step, names, problems);
    }
    match &step.action {
        Action::Taint(taint) => check_label_key(&taint.key, taint.key.location, problems),
        Action::Untaint(taint) => check_label_key(&taint.key, taint.key.location, problems),
        Action::Label(label) => check_label_key(&label.key, label.key.location, problems),
        Action::Scale(scale) => super::replicas(&scale.replicas, problems),
        Action::Update(update) => {
            let is_empty = update.image.is_none()
                && update.requests.0.is_empty()
                && update.limits.0.is_empty()
                && update.labels.0.is_empty();
            if is_empty {
                problems
                    .report(step.location, "nothing to update")
                    .expected("expected `image`, `requests`, `limits` or `labels`");
            }
        }
        Action::AddNodes(group) => added_nodes(group, scenario, problems),
        _ => {}
    }
}

fn added_nodes(group: &crate::scenario::schema::cluster::NodeGroup, scenario: &Scenario, problems: &mut Problems) {
    let max = super::MAX_NODES;
    if group.size() > max {
        let at = group.count.as_ref().map_or(group.name.location, |count| count.location);
        problems.report(at, format!("too many nodes: {}", group.size())).expected(format!("at most {max} in all"));
        return;
    }
    for index in 0..group.size() {
        let name = group.node_name(index);
        if let Some(first) = scenario.cluster.nodes.iter().find(|other| other.contains(&name)) {
            let deleted = scenario.timeline.iter().any(|step| matches!(step.action, Action::DeleteNode(_)));
            if !deleted {
                problems
                    .report(group.name.location, format!("a second node `{name}`"))
                    .context(first.name.location, "the first one");
            }
            return;
        }
    }
}

fn target(target: &Target, step: &Step, names: &Names<'_>, problems: &mut Problems) {
    let named = [target.node.is_some(), matches!(target.nodes, Some(NodeSet::Names(_)))];
    let narrowed = [matches!(target.nodes, Some(NodeSet::Selector(_))), target.zone.is_some(), target.random.is_some()];
    match (named.iter().filter(|is| **is).count(), narrowed.contains(&true)) {
        (0, false) => {
            let problem = problems.report(step.location, "which nodes?");
            problem.expected(format!("expected one of {}", listed(["node", "nodes", "zone", "random"])));
        }
        (2, _) => {
            problems.report(step.location, "both `node` and `nodes`").expected("only one of them can name the nodes");
        }
        (1, true) => {
            let problem = problems.report(step.location, "nodes by name cannot be narrowed down");
            problem.expected("leave out the names, or `zone`, `selector` and `random`");
        }
        _ => {}
    }
    if let Some(node) = &target.node {
        names.node(node, step.at.value, node.location, problems);
    }
    if let Some(NodeSet::Names(nodes)) = &target.nodes {
        nodes.iter().for_each(|node| names.node(node, step.at.value, node.location, problems));
    }
    target.zone.iter().for_each(|zone| names.zone(zone, problems));
    if let Some(random) = &target.random {
        match random.value {
            Amount::Percent(1..=100) | Amount::Count(1..) => {}
            Amount::Percent(_) => {
                problems.report(random.location, "percentage out of range").expected("expected 1% to 100%");
            }
            Amount::Count(_) => {
                problems.report(random.location, "number out of range").expected("expected 1 or more");
            }
        }
    }
}

fn reference(
    object: &ObjectReference,
    keys: &'static [&'static str],
    step: &Step,
    names: &Names<'_>,
    problems: &mut Problems,
) {
    let given: Vec<_> = object.named().collect();
    match given[..] {
        [(key, _, name)] if !keys.contains(&key) => {
            let problem = problems.report(name.location, format!("this cannot be done to a `{key}`"));
            problem.expected(format!("expected {}", listed(keys.iter().copied())));
        }
        [(_, kind, name)] => workload(kind, &object.namespace, name, step, names, problems),
        [] => {
            let problem = problems.report(step.location, "which object?");
            problem.expected(format!("expected one of {}", listed(keys.iter().copied())));
        }
        [_, (_, _, second), ..] => {
            problems.report(second.location, "a second object in one step").expected("only one can stand here");
        }
    }
}

/// Reports a workload that does not exist at the instant of a step.
fn workload(
    kind: &'static str,
    namespace: &str,
    name: &ObjectName,
    step: &Step,
    names: &Names<'_>,
    problems: &mut Problems,
) {
    let of_kind = || names.objects.iter().filter(|(_, object)| object.kind() == kind);
    let called = || of_kind().filter(|(_, object)| object.is_called(name));
    let comes = called().filter(|(_, object)| object.namespace == namespace).map(|(at, _)| *at).min();
    match comes {
        Some(comes) if comes <= step.at.value => {}
        Some(comes) => {
            let problem = problems.report(name.location, format!("{kind} `{}` is created later", name.text));
            problem.expected(format!("not before {}", duration::format(comes)));
        }
        None if !names.known.workloads => {}
        None => {
            let problem = problems.report(name.location, format!("no {kind} is called `{}`", name.text));
            match called().next() {
                Some((_, elsewhere)) => problem.help(format!("there is one in namespace `{}`", elsewhere.namespace)),
                None => problem.suggest(name, of_kind().map(|(_, object)| object.name.as_str())),
            };
        }
    }
}
