//! DefaultPreemption: which pods must go so that this one fits (reference: scheduler.md 5).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::cluster::{Body, Cluster, Node, NodeId, PodId};
use crate::engine::{Stream, Time};

use super::cycle::{Cycle, Overlay, Verdict};
use super::diagnosis::{Diagnosis, sorted_counts};
use super::framework::Code;

/// A node on which the pod would fit once the victims are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Who must go, most important first.
    pub victims: Vec<PodId>,
    /// How many of them a disruption budget protects.
    pub violations: usize,
}

/// What preemption came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Not allowed; the words.
    NotEligible(&'static str),
    /// No node; the words.
    Nothing(String),
    /// The victims of `candidates[chosen]` are to go.
    Chosen {
        /// All candidates found, in the order tried.
        candidates: Vec<Candidate>,
        /// Which one.
        chosen: usize,
    },
}

/// Nodes tried in vain.
#[derive(Default)]
struct Failures {
    /// How many.
    nodes: usize,
    /// How many of them for which reason; a node may have several.
    reasons: BTreeMap<String, usize>,
}

impl Failures {
    fn add(&mut self, reasons: Vec<String>) {
        self.nodes += 1;
        reasons.into_iter().for_each(|reason| *self.reasons.entry(reason).or_default() += 1);
    }
}

/// Looks for victims.
pub fn preempt(
    cycle: &mut Cycle<'_, '_>,
    diagnosis: &Diagnosis,
    order: &[NodeId],
    preempted: &FxHashSet<PodId>,
    stream: &mut Stream,
) -> Outcome {
    if cycle.cx.spec.never_preempts {
        return Outcome::NotEligible("not eligible due to preemptionPolicy=Never.");
    }
    if waits_for_victims(cycle, diagnosis, preempted) {
        return Outcome::NotEligible("not eligible due to a terminating pod on the nominated node.");
    }
    if !cycle.cx.index.has_lower_priority(cycle.cx.spec.priority) {
        return Outcome::Nothing(nothing_text(cycle.cx.cluster, nobody_to_evict(diagnosis)));
    }
    let (candidates, failures) = find_candidates(cycle, &potential(diagnosis, order, cycle.cx.cluster), stream);
    cycle.reset();
    if candidates.is_empty() {
        return Outcome::Nothing(nothing_text(cycle.cx.cluster, failures));
    }
    let chosen = best(&candidates, cycle.cx.cluster).first().copied().unwrap_or(0);
    Outcome::Chosen { candidates, chosen }
}

fn is_potential(verdict: &Verdict) -> bool {
    verdict.rejection.code == Code::Unschedulable
}

/// The nodes on which removing pods may help, in the order of the list of nodes.
fn potential(diagnosis: &Diagnosis, order: &[NodeId], cluster: &Cluster) -> Vec<NodeId> {
    let mut is_one = vec![false; cluster.node_ids()];
    for (node, _) in diagnosis.rejected.iter().filter(|(_, verdict)| is_potential(verdict)) {
        is_one[node.index()] = true;
    }
    order.iter().copied().filter(|node| is_one[node.index()]).collect()
}

/// What trying each potential node would say if no pod anywhere has a lower priority.
fn nobody_to_evict(diagnosis: &Diagnosis) -> Failures {
    let n = diagnosis.rejected.counts().filter(|(verdict, _)| is_potential(verdict)).map(|(_, n)| n).sum();
    let reasons = if n == 0 { BTreeMap::new() } else { BTreeMap::from([(NO_VICTIMS.to_string(), n)]) };
    Failures { nodes: n, reasons }
}

/// Whether the pod is nominated to a node on which victims of an earlier preemption still terminate.
fn waits_for_victims(cycle: &Cycle<'_, '_>, diagnosis: &Diagnosis, preempted: &FxHashSet<PodId>) -> bool {
    let cluster = cycle.cx.cluster;
    let Some(nominated) = cluster.pod(cycle.cx.pod).and_then(|pod| pod.nominated) else { return false };
    let rejected = diagnosis.rejected.verdict(nominated);
    let hopeless = rejected.is_some_and(|verdict| verdict.rejection.code == Code::UnschedulableAndUnresolvable);
    if hopeless || diagnosis.pre.is_some() {
        return false;
    }
    let Some(node) = cluster.node(nominated) else { return false };
    node.pods.iter().any(|pod| {
        preempted.contains(pod)
            && cluster.pod(*pod).is_some_and(|found| {
                found.deletion.is_some()
                    && !found.phase.is_terminal()
                    && cluster.spec(found.spec).priority < cycle.cx.spec.priority
            })
    })
}

/// Tries nodes from a random one on until there are enough candidates (reference 5.2).
fn find_candidates(cycle: &mut Cycle<'_, '_>, potential: &[NodeId], stream: &mut Stream) -> (Vec<Candidate>, Failures) {
    let mut failures = Failures::default();
    let mut candidates: Vec<Candidate> = Vec::new();
    let n = potential.len();
    if n == 0 {
        return (candidates, failures);
    }
    let (percentage, absolute) = cycle.profile.min_candidates;
    let want = n.min((n as u64 * percentage / 100).max(absolute) as usize).max(1);
    let offset = stream.below(n as u64) as usize;
    for step in 0..n {
        let id = potential[(offset + step) % n];
        let Some(node) = cycle.cx.cluster.node(id) else { continue };
        match victims_on(cycle, id, node) {
            Ok(candidate) => candidates.push(candidate),
            Err(reasons) => failures.add(reasons),
        }
        if candidates.len() >= want && candidates.iter().any(|candidate| candidate.violations == 0) {
            break;
        }
    }
    (candidates, failures)
}

const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// Pods of lower priority that must leave the node for the pod to fit (reference 5.3).
fn victims_on(cycle: &mut Cycle<'_, '_>, id: NodeId, node: &Node) -> Result<Candidate, Vec<String>> {
    let cluster = cycle.cx.cluster;
    let mut potential: Vec<PodId> = node
        .pods
        .iter()
        .copied()
        .filter(|pod| {
            cluster.pod(*pod).is_some_and(|found| {
                !found.phase.is_terminal() && cluster.spec(found.spec).priority < cycle.cx.spec.priority
            })
        })
        .collect();
    if potential.is_empty() {
        return Err(vec![NO_VICTIMS.to_string()]);
    }
    potential.sort_by_key(|pod| importance(*pod, cluster));
    let mut overlay = Overlay::of(node);
    for &pod in &potential {
        cycle.suppose(&mut overlay, pod, id, -1);
    }
    let fits = cycle.check_overlay(id, node, &mut overlay);
    if let Err(verdict) = fits {
        cycle.reset();
        return Err(verdict.rejection.reasons.iter().map(|reason| reason.text(cluster)).collect());
    }
    let candidate = reprieve(cycle, id, node, &potential, &mut overlay);
    cycle.reset();
    Ok(candidate)
}

/// Puts pods back as long as the preemptor still fits: first those a budget protects, each group by
/// importance.
fn reprieve(
    cycle: &mut Cycle<'_, '_>,
    id: NodeId,
    node: &Node,
    potential: &[PodId],
    overlay: &mut Overlay,
) -> Candidate {
    let violating = violating(cycle, potential);
    let protected = potential.iter().zip(&violating).filter(|(_, violates)| **violates);
    let others = potential.iter().zip(&violating).filter(|(_, violates)| !**violates);
    let mut candidate = Candidate { node: id, victims: Vec::new(), violations: 0 };
    for (&pod, &violates) in protected.chain(others) {
        cycle.suppose(overlay, pod, id, 1);
        if cycle.check_overlay(id, node, overlay).is_err() {
            cycle.suppose(overlay, pod, id, -1);
            candidate.victims.push(pod);
            candidate.violations += usize::from(violates);
        }
    }
    candidate.victims.sort_by_key(|pod| importance(*pod, cycle.cx.cluster));
    candidate
}

/// For each pod whether evicting it, after those before it, violates a budget.
fn violating(cycle: &Cycle<'_, '_>, pods: &[PodId]) -> Vec<bool> {
    let cluster = cycle.cx.cluster;
    let budgets = cycle.cx.index.objects.budgets.iter().filter_map(|id| cluster.object(*id));
    let mut budgets: Vec<_> = budgets
        .filter_map(|object| match &object.body {
            Body::PodDisruptionBudget(budget) => {
                let selector = budget.selector.as_ref().filter(|selector| !selector.is_empty())?;
                Some((object.namespace, selector, budget.status.disruptions_allowed))
            }
            _ => None,
        })
        .collect();
    let violates = |pod: &PodId| {
        let Some(found) = cluster.pod(*pod) else { return false };
        let spec = cluster.spec(found.spec);
        let mut violates = false;
        if !spec.labels.is_empty() {
            for (namespace, selector, allowed) in &mut budgets {
                if *namespace == spec.namespace && selector.matches(&spec.labels, &cluster.names) {
                    *allowed -= 1;
                    violates |= *allowed < 0;
                }
            }
        }
        violates
    };
    pods.iter().map(violates).collect()
}

/// More important pods sort first: higher priority, then earlier start.
fn importance(pod: PodId, cluster: &Cluster) -> (Reverse<i32>, Time, PodId) {
    let found = cluster.pod(pod);
    let priority = found.map_or(0, |found| cluster.spec(found.spec).priority);
    (Reverse(priority), started(pod, cluster), pod)
}

/// `status.startTime`, which has whole seconds.
fn started(pod: PodId, cluster: &Cluster) -> Time {
    cluster.pod(pod).and_then(|found| found.started_at).unwrap_or(cluster.now).truncated_to_second()
}

/// What speaks for and against a candidate, in the order in which Kubernetes looks at it (reference 5.4);
/// the least wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Victims a budget protects.
    pub violations: usize,
    /// The priority of the most important victim.
    pub highest: i64,
    /// The sum of priorities, each raised by 2^31, so that fewer victims nearly always cost less.
    pub sum: i64,
    /// How many victims.
    pub victims: usize,
    /// The earliest start among the most important ones: the later the better.
    pub start: Reverse<Time>,
}

impl Cost {
    /// In words, by what the lesser of two costs is less; `None` if they are equal.
    pub fn difference(self, other: Cost) -> Option<&'static str> {
        let parts = [
            (self.violations.cmp(&other.violations), "fewest disruption budgets violated"),
            (self.highest.cmp(&other.highest), "lowest priority of the most important victim"),
            (self.sum.cmp(&other.sum), "lowest sum of priorities (each raised by 2^31, so mostly: fewest victims)"),
            (self.victims.cmp(&other.victims), "fewest victims"),
            (self.start.cmp(&other.start), "latest start of the most important victims"),
        ];
        parts.into_iter().find(|(order, _)| order.is_ne()).map(|(_, words)| words)
    }
}

/// What the candidate costs.
pub fn cost(candidate: &Candidate, cluster: &Cluster) -> Cost {
    let priority = |pod: &PodId| cluster.pod(*pod).map_or(0, |found| i64::from(cluster.spec(found.spec).priority));
    let highest = candidate.victims.first().map_or(i64::MIN, priority);
    let top = candidate.victims.iter().filter(|pod| priority(pod) == highest);
    Cost {
        violations: candidate.violations,
        highest,
        sum: candidate.victims.iter().map(|pod| priority(pod) + (1 << 31)).sum(),
        victims: candidate.victims.len(),
        start: Reverse(top.map(|pod| started(*pod, cluster)).min().unwrap_or(Time::MAX)),
    }
}

/// The cheapest candidates, by position. Among several Kubernetes takes any; we take the first.
pub fn best(candidates: &[Candidate], cluster: &Cluster) -> Vec<usize> {
    let costs: Vec<Cost> = candidates.iter().map(|candidate| cost(candidate, cluster)).collect();
    let least = costs.iter().min();
    (0..costs.len()).filter(|index| Some(&costs[*index]) == least).collect()
}

/// `0/N nodes are available: …`: nodes not tried count as not helpful.
fn nothing_text(cluster: &Cluster, failures: Failures) -> String {
    let Failures { nodes, reasons: mut counts } = failures;
    let others = cluster.n_nodes().saturating_sub(nodes);
    if others > 0 {
        counts.insert("Preemption is not helpful for scheduling".to_string(), others);
    }
    format!("0/{} nodes are available: {}.", cluster.n_nodes(), sorted_counts(counts))
}
