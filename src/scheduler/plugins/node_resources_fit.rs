//! NodeResourcesFit (reference: scheduler.md 3.4 and 4.3).
//!
//! Filter: one more pod must be allowed, and every resource the pod asks for must fit into
//! allocatable minus what the node's pods ask for. Score, per resource with `req` = in use + asked:
//!
//! ```text
//! LeastAllocated            req > alloc ? 0   : (alloc - req)·100 / alloc
//! MostAllocated             req > alloc ? 100 : req·100 / alloc
//! RequestedToCapacityRatio  f(utilisation), piecewise linear through the shape
//! ```
//! and the weighted mean of these over the strategy's resources.

use smallvec::SmallVec;

use crate::cluster::{Cluster, Name, Node, NodeId, PodId, PodSpec, Resources};
use crate::scheduler::config::{Args, Strategy, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Code, Context, Kept, NodeView, Plugin, PreFilter, Reason, Rejection, Scope};

/// The plugin.
pub struct NodeResourcesFit {
    strategy: Strategy,
    resources: Vec<(Name, i64)>,
    ignored: Vec<Name>,
    ignored_groups: Vec<String>,
    known: WellKnown,
    /// Requests of the pod being placed, per resource of the strategy; `None` leaves it out.
    asked: SmallVec<[Option<i64>; 4]>,
    /// Scalars of the pod that are checked.
    scalars: SmallVec<[(Name, i64); 2]>,
}

impl NodeResourcesFit {
    /// An instance.
    pub fn new(args: &Args, known: &WellKnown) -> Self {
        NodeResourcesFit {
            strategy: args.strategy.clone(),
            resources: args.fit_resources.clone(),
            ignored: args.ignored_resources.clone(),
            ignored_groups: args.ignored_resource_groups.clone(),
            known: *known,
            asked: SmallVec::new(),
            scalars: SmallVec::new(),
        }
    }

    /// Only extended resources, those with a domain of their own, can be ignored.
    fn is_ignored(&self, name: Name, cluster: &Cluster) -> bool {
        let text = cluster.names.text(name);
        let Some((group, _)) = text.split_once('/') else { return false };
        self.ignored.contains(&name) || self.ignored_groups.iter().any(|ignored| ignored == group)
    }

    fn read_pod(&mut self, cluster: &Cluster, spec: &PodSpec) {
        self.scalars.clear();
        for &(name, amount) in &spec.requests.scalars {
            if amount > 0 && !self.is_ignored(name, cluster) {
                self.scalars.push((name, amount));
            }
        }
        let scored = spec.container_score_requests();
        self.asked.clear();
        for &(name, _) in &self.resources {
            let asked = match amount(&self.known, name, &spec.requests) {
                _ if name == self.known.cpu => Some(scored.0),
                _ if name == self.known.memory => Some(scored.1),
                amount if name == self.known.ephemeral_storage => Some(amount),
                0 => None,
                amount => Some(amount),
            };
            self.asked.push(asked);
        }
    }
}

/// The amount of a resource by name.
pub fn amount(known: &WellKnown, name: Name, resources: &Resources) -> i64 {
    if name == known.cpu {
        resources.cpu
    } else if name == known.memory {
        resources.memory
    } else if name == known.ephemeral_storage {
        resources.ephemeral_storage
    } else {
        resources.scalar(name)
    }
}

impl Plugin for NodeResourcesFit {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.read_pod(cx.cluster, cx.spec);
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let (asked, used, alloc) = (&cx.spec.requests, node.requested, &node.node.spec.allocatable);
        let mut reasons = SmallVec::new();
        let mut hopeless = false;
        if node.n_pods + 1 > node.node.spec.max_pods {
            reasons.push(Reason::Text("Too many pods"));
        }
        let mut check = |name: Name, asked: i64, used: i64, alloc: i64| {
            if asked > 0 && asked > alloc - used {
                reasons.push(Reason::Insufficient(name));
                hopeless |= asked > alloc;
            }
        };
        check(self.known.cpu, asked.cpu, used.cpu, alloc.cpu);
        check(self.known.memory, asked.memory, used.memory, alloc.memory);
        let (storage, used_storage) = (asked.ephemeral_storage, used.ephemeral_storage);
        check(self.known.ephemeral_storage, storage, used_storage, alloc.ephemeral_storage);
        for &(name, asked) in &self.scalars {
            check(name, asked, used.scalar(name), alloc.scalar(name));
        }
        if reasons.is_empty() {
            return Ok(());
        }
        let code = if hopeless { Code::UnschedulableAndUnresolvable } else { Code::Unschedulable };
        Err(Rejection { code, reasons })
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        self.read_pod(cx.cluster, cx.spec);
        true
    }

    fn score(&self, _cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        let parts = self.resources.iter().zip(&self.asked).filter_map(|(&(name, weight), asked)| {
            let alloc = amount(&self.known, name, &node.spec.allocatable);
            let used = if name == self.known.cpu {
                node.score_requested.0
            } else if name == self.known.memory {
                node.score_requested.1
            } else {
                amount(&self.known, name, &node.requested)
            };
            let asked = (*asked)?;
            (alloc != 0).then_some((used + asked, alloc, weight))
        });
        scored(&self.strategy, parts)
    }

    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Score
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod leaves a node", "always"),
            ("a node is added", "empty, it could hold the pod"),
            ("a node's allocatable changes", "something the pod asks for grew, and empty the node could hold it"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(waiting) = cluster.pod(pod) else { return true };
        let spec = cluster.spec(waiting.spec);
        match *event {
            Event::PodRemoved(..) => true,
            Event::NodeAdded(node) => cluster.node(node).is_some_and(|node| self.fits_empty(spec, node, cluster)),
            Event::NodeResized(id, before) => cluster.node(id).is_some_and(|node| {
                self.fits_empty(spec, node, cluster) && grew(spec, &before.allocatable, before.max_pods, node)
            }),
            _ => false,
        }
    }
}

impl NodeResourcesFit {
    /// Whether the node alone, without its pods, could hold the pod.
    fn fits_empty(&self, spec: &PodSpec, node: &Node, cluster: &Cluster) -> bool {
        let (asked, alloc) = (&spec.requests, &node.spec.allocatable);
        node.spec.max_pods >= 1
            && asked.cpu <= alloc.cpu
            && asked.memory <= alloc.memory
            && asked.ephemeral_storage <= alloc.ephemeral_storage
            && asked
                .scalars
                .iter()
                .all(|(name, amount)| *amount <= alloc.scalar(*name) || self.is_ignored(*name, cluster))
    }
}

/// Whether something the pod asks for, or the number of pods, grew.
fn grew(spec: &PodSpec, before: &Resources, max_pods: i64, node: &Node) -> bool {
    let (asked, now) = (&spec.requests, &node.spec.allocatable);
    (asked.cpu > 0 && now.cpu > before.cpu)
        || (asked.memory > 0 && now.memory > before.memory)
        || (asked.ephemeral_storage > 0 && now.ephemeral_storage > before.ephemeral_storage)
        || asked.scalars.iter().any(|(name, amount)| *amount > 0 && now.scalar(*name) > before.scalar(*name))
        || node.spec.max_pods > max_pods
}

/// The score of a node of whose resources so much is asked for with the pod, so much is allocatable, and that weigh so
/// much; of resources with something allocatable.
pub fn scored(strategy: &Strategy, parts: impl Iterator<Item = (i64, i64, i64)>) -> i64 {
    match strategy {
        Strategy::LeastAllocated => mean(parts, |req, alloc| if req > alloc { 0 } else { (alloc - req) * 100 / alloc }),
        Strategy::MostAllocated => mean(parts, |req, alloc| if req > alloc { 100 } else { req * 100 / alloc }),
        Strategy::RequestedToCapacityRatio(shape) => ratio(parts, shape),
    }
}

/// The weighted mean of `score(req, alloc)`, both sums in integers.
fn mean(parts: impl Iterator<Item = (i64, i64, i64)>, score: impl Fn(i64, i64) -> i64) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for (req, alloc, weight) in parts {
        sum += score(req, alloc) * weight;
        weights += weight;
    }
    if weights == 0 { 0 } else { sum / weights }
}

/// The weighted mean over resources whose score is above 0, rounded half away from zero.
fn ratio(parts: impl Iterator<Item = (i64, i64, i64)>, shape: &[(i64, i64)]) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for (req, alloc, weight) in parts {
        let utilisation = if req > alloc { 100 } else { req * 100 / alloc };
        let score = broken_line(shape, utilisation);
        if score > 0 {
            sum += score * weight;
            weights += weight;
        }
    }
    if weights == 0 { 0 } else { (sum as f64 / weights as f64).round() as i64 }
}

/// The line through (utilisation, score·10) at `x`, flat beyond its ends, truncating toward zero.
fn broken_line(shape: &[(i64, i64)], x: i64) -> i64 {
    for (index, &(utilisation, score)) in shape.iter().enumerate() {
        if x <= utilisation {
            let score = score * 10;
            let Some(&(before, score_before)) = index.checked_sub(1).and_then(|index| shape.get(index)) else {
                return score;
            };
            let score_before = score_before * 10;
            return score_before + (score - score_before) * (x - before) / (utilisation - before);
        }
    }
    shape.last().map_or(0, |(_, score)| score * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_line_truncates_toward_zero_also_when_falling() {
        let shape = [(0, 0), (50, 8), (80, 10), (100, 2)];
        assert_eq!(broken_line(&shape, 0), 0);
        assert_eq!(broken_line(&shape, 25), 40);
        assert_eq!(broken_line(&shape, 90), 60);
        assert_eq!(broken_line(&shape, 81), 96);
        assert_eq!(broken_line(&shape, 100), 20);
    }
}
