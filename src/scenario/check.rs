//! Whether the parts of a scenario fit together: names that exist, times within the run, numbers
//! within reason. What one value can tell alone, its reader has checked.

mod arrivals;
mod chaos;
mod components;
mod expect;
#[cfg(test)]
mod fault_tests;
mod faults;
mod gangs;
mod inventory;
mod labels;
mod matrix;
pub(super) mod objects;
mod replications;
mod storage;
mod timeline;
mod twice;

use std::collections::{BTreeMap, BTreeSet};

pub use labels::faults_without_domains;
pub(super) use objects::locate;

use super::build;
use super::diagnostics::{Problems, listed};
use super::duration;
use super::manifests::Object;
use super::read::Spanned;
use super::schema::Scenario;
use super::schema::cluster::{Cluster, MAX_NODES, NodeGroup};
use super::schema::faults::Fault;
use super::schema::timeline::Action;
use super::schema::values::MAX_GPUS;
use super::schema::values::{ResourceList, check_label_key, check_label_value};
use super::schema::workloads::{MAX_PODS, PodTemplate, Strategy, StrategyType, Workload};
use super::source::Location;
use crate::engine::Span;
use crate::scheduler::policies;

/// Which sections are sound enough to say that a name is not in them.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// All nodes are known.
    pub(super) nodes: bool,
    /// All workloads are known.
    pub(super) workloads: bool,
    /// All policies of one's own are known.
    pub(super) policies: bool,
}

/// Checks a scenario whose values have all been read.
pub(super) fn check(scenario: &Scenario, known: Known, problems: &mut Problems) {
    if scenario.duration.value == Span::ZERO {
        problems.report(scenario.duration.location, "a run takes time").expected("expected more than 0");
    }
    if scenario.placement.is_none() {
        cluster(&scenario.cluster, known, scenario.duration.location, problems);
    }
    for (_, group) in node_groups(scenario) {
        node_group(group, problems);
    }
    let objects = all_objects(scenario);
    let names = Names::new(scenario, &objects, known);
    workloads(scenario, problems);
    scenario.cluster.inventory().into_iter().for_each(|written| inventory::check(written, problems));
    scenario.arrivals.iter().for_each(|written| arrivals::check(written, problems));
    twice::check(scenario, problems);
    objects::check(&objects, scenario, known, problems);
    storage::check(&objects, known, problems);
    gangs::check(&objects, scenario, problems);
    for step in &scenario.timeline {
        timeline::step(step, scenario, &names, problems);
    }
    faults::check(scenario, &names, problems);
    chaos::check(scenario, problems);
    components::controller_manager(&scenario.control_plane.controller_manager, problems);
    components::kubelet(&scenario.kubelet, problems);
    components::phases(&scenario.phases, scenario, &names, problems);
    let scheduler = &scenario.scheduler;
    components::scheduler_flags(&scenario.control_plane.scheduler, scheduler.config.is_some(), problems);
    takes_time(&scenario.control_plane.latencies.node_monitor_pass, problems);
    takes_time(&scenario.scheduler.gang_timeout, problems);
    build::scheduler_config(scenario, &mut crate::cluster::Names::default(), problems);
    if let (Some(policy), Some(_)) = (&scheduler.policy, &scheduler.config) {
        problems.report(policy.location, "both `policy` and `config`").expected("only one of them can stand here");
    }
    if let (Some(scoring), true) = (&scheduler.scoring, scheduler.policy.is_some() || scheduler.config.is_some()) {
        problems
            .report(scoring.location, "`scoring` is about the default profile")
            .expected("it does not go with `policy` or `config`");
    }
    if let Some(written) = &scheduler.policy {
        policy(written, scenario, known, problems);
    }
    own_policies(scenario, problems);
    matrix::check(scenario, known, problems);
    expect::objectives(scenario, problems);
    expect::check(scenario, &objects, &names, problems);
    replications::check(&scenario.replications, problems);
}

/// Reports a policy that there is not.
fn policy(written: &Spanned<String>, scenario: &Scenario, known: Known, problems: &mut Problems) {
    let own = scenario.policies.iter().map(|policy| policy.name.text.as_str());
    let names: Vec<&str> = self::policies().map(|(name, _)| name).chain(own).collect();
    if known.policies && !names.contains(&written.value.as_str()) {
        let problem = problems.report(written.location, format!("no policy is called `{}`", written.value));
        problem.expected(format!("expected one of {}", listed(names.iter().copied()))).suggest(written, names);
    }
}

/// Names of own policies are new ones, each once.
fn own_policies(scenario: &Scenario, problems: &mut Problems) {
    for (index, policy) in scenario.policies.iter().enumerate() {
        let name = policy.name.text.as_str();
        if self::policies().any(|(known, _)| known == name) {
            let problem = problems.report(policy.name.location, format!("there is a policy `{name}` already"));
            problem.expected("expected a name of its own");
        } else if scenario.policies[..index].iter().any(|other| other.name.text == name) {
            problems.report(policy.name.location, format!("policy `{name}` stands here twice"));
        }
    }
}

/// The scheduling policies: names, and a line on each.
pub fn policies() -> impl Iterator<Item = (&'static str, &'static str)> {
    let ours = ("default", "kube-scheduler's default profile");
    std::iter::once(ours).chain(policies::all().map(|entry| (entry.name, entry.about)))
}

/// The groups that are there from the start and those that are added, each with its time.
fn node_groups(scenario: &Scenario) -> impl Iterator<Item = (Span, &NodeGroup)> {
    let added = scenario.timeline.iter().filter_map(|step| match &step.action {
        Action::AddNodes(group) => Some((step.at.value, group)),
        _ => None,
    });
    let ordered = scenario.faults.iter().flat_map(|entry| match &entry.fault {
        Fault::Sequence(sequence) => sequence.steps.iter().filter_map(|step| ordered(&step.fault)).collect(),
        fault => Vec::from_iter(ordered(fault)),
    });
    scenario.cluster.nodes.iter().map(|group| (Span::ZERO, group)).chain(added).chain(ordered)
}

/// The machines that a fault orders, and when.
fn ordered(fault: &Fault) -> Option<(Span, &NodeGroup)> {
    let Fault::NodeAdded(added) = fault else { return None };
    Some((added.timing.at.as_ref().map_or(Span::ZERO, |at| at.value), &added.nodes))
}

/// The names that other parts of the file can refer to.
pub(super) struct Names<'a> {
    known: Known,
    /// Node groups and when they come.
    groups: Vec<(Span, &'a NodeGroup)>,
    node_objects: BTreeSet<&'a str>,
    /// Machines may come from a list that has not been read yet.
    has_inventory: bool,
    labels: labels::NodeLabels<'a>,
    /// Objects and when they come.
    objects: &'a [(Span, Object)],
}

impl<'a> Names<'a> {
    fn new(scenario: &'a Scenario, objects: &'a [(Span, Object)], known: Known) -> Names<'a> {
        let groups: Vec<(Span, &NodeGroup)> = node_groups(scenario).collect();
        let nodes = scenario.cluster.manifest.iter().flat_map(|manifest| &manifest.objects);
        let node_objects = nodes.map(|object| object.name.as_str()).collect();
        let (has_inventory, labels) = (scenario.cluster.inventory.is_some(), labels::NodeLabels::of(scenario));
        Names { known, groups, node_objects, has_inventory, labels, objects }
    }

    /// How many nodes there are at most, if that can be said from the file alone.
    fn number_of_nodes(&self) -> Option<u64> {
        let groups = self.groups.iter().map(|(_, group)| group.size());
        (self.known.nodes && !self.has_inventory).then(|| groups.sum::<u64>() + self.node_objects.len() as u64)
    }

    /// When the node of this name comes; `None` if it never does.
    fn node_comes(&self, name: &str) -> Option<Span> {
        if !self.known.nodes || self.node_objects.contains(name) {
            return Some(Span::ZERO);
        }
        self.groups.iter().filter(|(_, group)| group.contains(name)).map(|(at, _)| *at).min()
    }

    /// Names of nodes for suggestions: not more than anyone would read.
    fn node_names(&self) -> Vec<String> {
        let of_group = |(_, group): &(Span, &NodeGroup)| {
            (0..group.size().min(500)).map(|index| group.node_name(index)).collect::<Vec<_>>()
        };
        let objects = self.node_objects.iter().map(ToString::to_string);
        self.groups.iter().take(100).flat_map(of_group).chain(objects.take(1000)).collect()
    }

    /// Reports a node that does not exist at an instant.
    fn node(&self, name: &str, at: Span, location: Location, problems: &mut Problems) {
        match self.node_comes(name) {
            Some(comes) if comes <= at => {}
            Some(comes) => {
                let problem = problems.report(location, format!("node `{name}` is added later"));
                problem.expected(format!("not before {}", duration::format(comes)));
            }
            None => {
                let names = self.node_names();
                let problem = problems.report(location, format!("no node is called `{name}`"));
                let mut groups = self.groups.iter().map(|(_, group)| group);
                match groups.find(|group| group.name.text == name && group.count.is_some()) {
                    Some(group) => {
                        let last = group.node_name(group.size().max(1) - 1);
                        problem.expected(format!("its nodes are `{name}-1` to `{last}`"))
                    }
                    None => problem.suggest(name, names.iter().map(String::as_str)),
                };
            }
        }
    }
}

/// All objects of the scenario, each with its time.
pub(super) fn all_objects(scenario: &Scenario) -> Vec<(Span, Object)> {
    let objects = |(at, workload): (Span, &Workload)| workload.objects().into_iter().map(move |object| (at, object));
    workload_entries(scenario).flat_map(objects).collect()
}

/// The workloads of the start and those created later, each with its time.
fn workload_entries(scenario: &Scenario) -> impl Iterator<Item = (Span, &Workload)> {
    let created = scenario.timeline.iter().filter_map(|step| Some((step.at.value, step.action.workload()?)));
    scenario.workloads.iter().map(|workload| (Span::ZERO, workload)).chain(created)
}

/// The most cpus and bytes of memory of all nodes: sums are kept in 64 bits, those of cpu in thousandths.
const MOST_IN_ALL: [(&str, u128); 2] = [("cpu", 1 << 52), ("memory", 1 << 62)];

fn cluster(cluster: &Cluster, known: Known, fallback: Location, problems: &mut Problems) {
    let objects = cluster.manifest.as_ref().map_or(0, |manifest| manifest.objects.len() as u64);
    if cluster.nodes.is_empty() && objects == 0 && known.nodes {
        problems.report(fallback, "the cluster has no nodes").expected("expected some under `cluster.nodes`");
    }
    let (mut total, mut sums) = (objects, [0_u128; 2]);
    let mut names: BTreeMap<String, Location> = BTreeMap::new();
    for group in &cluster.nodes {
        if let Some(gpus) = group.gpus.as_ref().filter(|gpus| !(1..=MAX_GPUS).contains(&gpus.count.value)) {
            let problem = problems.report(gpus.count.location, "number of GPUs out of range");
            problem.expected(format!("expected 1 to {MAX_GPUS}"));
        }
        total = total.saturating_add(group.size());
        if total > MAX_NODES {
            let at = group.count.as_ref().map_or(group.name.location, |count| count.location);
            problems.report(at, format!("too many nodes: {total}")).expected(format!("at most {MAX_NODES} in all"));
            return;
        }
        for ((resource, most), sum) in MOST_IN_ALL.iter().zip(&mut sums) {
            let amount = group.capacity.0.get(*resource).map_or(0, |amount| amount.units().unsigned_abs());
            *sum += u128::from(amount) * u128::from(group.size());
            if *sum > *most {
                let problem = problems.report(group.name.location, format!("too much `{resource}` in all nodes"));
                problem.expected("more cannot be counted");
                return;
            }
        }
        for index in 0..group.size() {
            let name = group.node_name(index);
            if let Some(first) = names.get(&name) {
                problems
                    .report(group.name.location, format!("a second node `{name}`"))
                    .context(*first, "the first one");
                break;
            }
            names.insert(name, group.name.location);
        }
    }
    for object in cluster.manifest.iter().flat_map(|manifest| &manifest.objects) {
        let at = object.node.locate("metadata.name");
        if names.insert(object.name.clone(), at).is_some() {
            problems.report(at, format!("a second node `{}`", object.name));
        }
    }
}

fn node_group(group: &NodeGroup, problems: &mut Problems) {
    if let Some(count) = group.count.as_ref().filter(|count| count.value == 0) {
        problems.report(count.location, "number out of range").expected("expected 1 or more");
    }
    for resource in ["cpu", "memory"] {
        if !group.capacity.0.contains_key(resource) {
            let problem = problems.report(group.name.location, format!("no `{resource}` in the capacity of this node"));
            problem.help("write `capacity: { cpu: 4, memory: 8Gi }`");
        }
    }
    for (name, amount) in &group.allocatable.0 {
        let capacity = group.capacity.0.get(name).copied();
        if capacity.is_some_and(|capacity| capacity < *amount) {
            problems.report(group.name.location, format!("more `{name}` allocatable than there is capacity"));
        }
    }
    for taint in &group.taints {
        check_label_key(&taint.key, taint.key.location, problems);
        check_label_value(taint.value.as_deref().unwrap_or(""), taint.key.location, problems);
    }
}

fn workloads(scenario: &Scenario, problems: &mut Problems) {
    let mut total: u64 = 0;
    for (_, workload) in workload_entries(scenario) {
        let (pods, at) = match workload {
            Workload::Deployment(w) => (w.replicas.value.into(), w.replicas.location),
            Workload::ReplicaSet(w) => (w.replicas.value.into(), w.replicas.location),
            Workload::Pod(w) => (w.size(), w.count.as_ref().map_or(w.name.location, |count| count.location)),
            Workload::Manifest(w) => (w.loaded.objects.iter().map(Object::pods).sum(), w.path.location),
            Workload::Object(object, at) => (object.as_ref().map_or(0, |object| object.pods()), *at),
        };
        total = total.saturating_add(pods);
        if total > MAX_PODS {
            problems.report(at, format!("too many pods: {total}")).expected(format!("at most {MAX_PODS} in all"));
            return;
        }
        shorthand(workload, problems);
    }
}

fn shorthand(workload: &Workload, problems: &mut Problems) {
    match workload {
        Workload::Deployment(w) => {
            strategy(&w.strategy, problems);
            replicas(&w.replicas, problems);
            pod(&w.pod, w.name.location, true, problems);
        }
        Workload::ReplicaSet(w) => {
            replicas(&w.replicas, problems);
            pod(&w.pod, w.name.location, true, problems);
        }
        Workload::Pod(w) => {
            if let Some(count) = w.count.as_ref().filter(|count| count.value == 0) {
                problems.report(count.location, "number out of range").expected("expected 1 or more");
            }
            pod(&w.spec, w.name.location, false, problems);
        }
        Workload::Manifest(_) | Workload::Object(..) => {}
    }
}

fn replicas(replicas: &Spanned<u32>, problems: &mut Problems) {
    if replicas.value > i32::MAX as u32 {
        problems.report(replicas.location, "number out of range").expected(format!("expected at most {}", i32::MAX));
    }
}

fn strategy(strategy: &Strategy, problems: &mut Problems) {
    use super::schema::values::Amount::{Count, Percent};
    let zero = |amount| matches!(amount, Count(0) | Percent(0));
    if strategy.kind == StrategyType::RollingUpdate
        && zero(strategy.max_surge.value)
        && zero(strategy.max_unavailable.value)
    {
        problems
            .report(strategy.max_unavailable.location, "`max-surge` and `max-unavailable` are both 0")
            .expected("no pod could ever be replaced");
    }
    if let Percent(percent @ 101..) = strategy.max_unavailable.value {
        problems
            .report(strategy.max_unavailable.location, format!("{percent}% of the pods"))
            .expected("expected at most 100%");
    }
}

fn pod(pod: &PodTemplate, at: Location, has_controller: bool, problems: &mut Problems) {
    more_than_limit(&pod.requests, &pod.limits, at, problems);
    pod.behaviour.check(problems);
    if has_controller && pod.restart_policy != super::schema::workloads::RestartPolicy::Always {
        problems
            .report(at, "pods of a controller are always restarted")
            .expected("its `restart-policy` can only be `Always`");
    }
    if pod.priority.is_some() && pod.priority_class.is_some() {
        problems.report(at, "both `priority` and `priority-class`");
    }
}

fn more_than_limit(requests: &ResourceList, limits: &ResourceList, at: Location, problems: &mut Problems) {
    for (name, request) in &requests.0 {
        if limits.0.get(name).is_some_and(|limit| limit < request) {
            problems.report(at, format!("request of `{name}` is more than its limit"));
        }
    }
}

fn takes_time(span: &Spanned<Span>, problems: &mut Problems) {
    if span.value == Span::ZERO {
        problems.report(span.location, "duration of 0").expected("expected more than 0");
    }
}
