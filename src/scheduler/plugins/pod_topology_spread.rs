//! PodTopologySpread (reference: scheduler.md 3.5 and 4.6).
//!
//! Filter, hard constraints: `count[domain] + self - min over domains <= maxSkew`. Score, soft
//! constraints:
//!
//! ```text
//! raw(n)  = round( Σ_i count_i(n)·ln(domains_i + 2) + (maxSkew_i - 1) )
//! score   = 100·(max + min - raw) / max        (100 if max is 0)
//! ```
//! Pods without constraints of their own get the defaults, with a selector from their Services and
//! their controller; without either, none.

use crate::cluster::spec::SpreadConstraint;
use crate::cluster::{Body, Cluster, Labels, Name, Node, NodeId, Operator, PodId, PodSpec, Requirement, Selector};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::index::{Index, KeyId, NONE, PodTerm, QueryId};

use super::node_affinity::pod_matches;
use super::taint_toleration::tolerates_all;

/// The plugin.
pub struct PodTopologySpread {
    defaults: Vec<SpreadConstraint>,
    system_defaults: bool,
    hostname: Name,
    hard: Vec<Constraint>,
    soft: Vec<Constraint>,
    /// Whether nodes without all keys of the soft constraints are left out of scoring.
    require_all: bool,
    /// What is supposed: (hard constraint, value, sign).
    supposed: Vec<(usize, u32, i64)>,
    /// By feasible node: whether it is left out of scoring.
    ignored: Vec<bool>,
}

/// A constraint, ready to be evaluated.
#[derive(Debug)]
struct Constraint {
    max_skew: i64,
    min_domains: i64,
    key: KeyId,
    is_hostname: bool,
    honor_affinity: bool,
    honor_taints: bool,
    /// Matching live pods; `None` if the selector is empty or missing and so counts nothing.
    query: Option<QueryId>,
    matches_itself: bool,
    /// Matching pods by value on eligible nodes; [`NO_DOMAIN`] for values that are no domain.
    counts: Vec<i64>,
    n_domains: usize,
    min: i64,
    /// ln(domains + 2) among feasible nodes.
    weight: f64,
}

const NO_DOMAIN: i64 = -1;

/// No domain at all: nothing is refused (`math.MaxInt32` in Kubernetes).
const HUGE: i64 = i32::MAX as i64;

impl PodTopologySpread {
    /// An instance.
    pub fn new(args: &Args, known: &WellKnown) -> Self {
        let system = |key, max_skew| SpreadConstraint {
            max_skew,
            topology_key: key,
            hard: false,
            min_domains: 1,
            honor_affinity: true,
            honor_taints: false,
            selector: None,
            match_label_keys: Vec::new(),
        };
        PodTopologySpread {
            system_defaults: args.default_constraints.is_none(),
            defaults: args
                .default_constraints
                .clone()
                .unwrap_or_else(|| vec![system(known.hostname, 3), system(known.zone, 5)]),
            hostname: known.hostname,
            hard: Vec::new(),
            soft: Vec::new(),
            require_all: true,
            supposed: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// The pod's constraints of one kind, its own or the defaults.
    fn constraints(&self, cx: &mut Context<'_>, hard: bool) -> Vec<Constraint> {
        let own = !cx.spec.spread.is_empty();
        let list = if own { &cx.spec.spread } else { &self.defaults };
        let list: Vec<&SpreadConstraint> = list.iter().filter(|constraint| constraint.hard == hard).collect();
        if list.is_empty() {
            return Vec::new();
        }
        let default = if own { None } else { default_selector(cx.cluster, cx.index, cx.pod) };
        if !own && default.is_none() {
            return Vec::new();
        }
        let ready = list.into_iter().map(|constraint| self.prepare(cx, constraint, default.as_ref()));
        ready.collect()
    }

    fn prepare(&self, cx: &mut Context<'_>, constraint: &SpreadConstraint, default: Option<&Selector>) -> Constraint {
        let selector = match default {
            Some(selector) => Some(selector.clone()),
            None => own_selector(constraint, &cx.spec.labels),
        };
        let matches_itself =
            selector.as_ref().is_some_and(|selector| selector.matches(&cx.spec.labels, &cx.cluster.names));
        let counted = selector.filter(|selector| !selector.is_empty());
        let query = counted.map(|selector| {
            let namespaces = vec![cx.spec.namespace];
            let term = PodTerm { selector: Some(selector), namespaces, namespace_selector: None };
            cx.index.query(vec![term], true, cx.cluster)
        });
        Constraint {
            max_skew: constraint.max_skew,
            min_domains: constraint.min_domains,
            key: cx.index.topology.key(constraint.topology_key, cx.cluster),
            is_hostname: constraint.topology_key == self.hostname,
            honor_affinity: constraint.honor_affinity,
            honor_taints: constraint.honor_taints,
            query,
            matches_itself,
            counts: Vec::new(),
            n_domains: 0,
            min: HUGE,
            weight: 0.0,
        }
    }

    /// The smallest count over domains, with what is supposed.
    fn min(&self, number: usize) -> i64 {
        let constraint = &self.hard[number];
        if (constraint.n_domains as i64) < constraint.min_domains {
            return 0;
        }
        if self.supposed.is_empty() {
            return constraint.min;
        }
        let counts = constraint.counts.iter().enumerate().filter(|(_, count)| **count != NO_DOMAIN);
        let counts = counts.map(|(value, count)| count + self.supposed_at(number, value as u32));
        counts.min().unwrap_or(HUGE)
    }

    fn supposed_at(&self, number: usize, value: u32) -> i64 {
        let here = self.supposed.iter().filter(|entry| (entry.0, entry.1) == (number, value));
        here.map(|entry| entry.2).sum()
    }
}

/// The constraint's own selector with `key in (own value)` for each of its match label keys.
fn own_selector(constraint: &SpreadConstraint, labels: &Labels) -> Option<Selector> {
    let mut selector = constraint.selector.clone()?;
    for &key in &constraint.match_label_keys {
        if let Some(value) = labels.get(key) {
            selector.requirements.push(Requirement { key, operator: Operator::In, values: vec![value] });
        }
    }
    Some(selector)
}

/// The selector for default constraints: what all Services of the pod and its controller select by,
/// put together; `None` if there is nothing.
pub fn default_selector(cluster: &Cluster, index: &Index, pod: PodId) -> Option<Selector> {
    let pod = cluster.pod(pod)?;
    let spec = cluster.spec(pod.spec);
    let mut selector = Selector::default();
    for &service in &index.objects.services {
        let Some(object) = cluster.object(service).filter(|object| object.namespace == spec.namespace) else {
            continue;
        };
        if let Body::Service(selected) = &object.body
            && !selected.is_empty()
            && selected.matches(&spec.labels, &cluster.names)
        {
            selector.requirements.extend(selected.requirements.iter().cloned());
        }
    }
    if let Some(owner) = pod.owner.and_then(|owner| cluster.object(owner))
        && let Body::ReplicaSet(set) = &owner.body
    {
        selector.requirements.extend(set.selector.requirements.iter().cloned());
    }
    (!selector.is_empty()).then_some(selector)
}

impl Constraint {
    /// Whether pods on the node count, by the inclusion policies.
    fn includes(&self, cx: &Context<'_>, node: &Node) -> bool {
        (!self.honor_affinity || pod_matches(cx.spec, &node.spec.labels, node.name(), cx.cluster))
            && (!self.honor_taints || tolerates_all(cx.spec, &node.spec.taints))
    }

    fn on_node(&self, cx: &Context<'_>, node: NodeId) -> i64 {
        self.query.map_or(0, |query| cx.index.counts.on_node(query, node))
    }
}

fn has_all_keys(constraints: &[Constraint], cx: &Context<'_>, node: NodeId) -> bool {
    constraints.iter().all(|constraint| cx.index.topology.value(constraint.key, node) != NONE)
}

/// Counts matching pods by domain over the nodes that carry all keys (if `require_all`) and pass the
/// inclusion policies.
fn count_domains(constraints: &mut [Constraint], cx: &Context<'_>, require_all: bool) {
    for constraint in constraints.iter_mut() {
        constraint.counts.clear();
        constraint.counts.resize(cx.index.topology.n_values(constraint.key), NO_DOMAIN);
    }
    for (id, node) in cx.cluster.nodes() {
        if require_all && !has_all_keys(constraints, cx, id) {
            continue;
        }
        for constraint in constraints.iter_mut() {
            let value = cx.index.topology.value(constraint.key, id);
            if value == NONE || !constraint.includes(cx, node) {
                continue;
            }
            let count = constraint.on_node(cx, id);
            let domain = &mut constraint.counts[value as usize];
            *domain = (*domain).max(0) + count;
        }
    }
}

impl Plugin for PodTopologySpread {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.supposed.clear();
        self.hard = self.constraints(cx, true);
        if self.hard.is_empty() {
            return PreFilter::Skip;
        }
        count_domains(&mut self.hard, cx, true);
        for constraint in &mut self.hard {
            let domains = constraint.counts.iter().filter(|count| **count != NO_DOMAIN);
            constraint.n_domains = domains.clone().count();
            constraint.min = domains.min().copied().unwrap_or(HUGE);
        }
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        for (number, constraint) in self.hard.iter().enumerate() {
            let value = cx.index.topology.value(constraint.key, node.id);
            if value == NONE {
                let reason = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Err(Rejection::unresolvable(reason));
            }
            let count = constraint.counts.get(value as usize).map_or(0, |count| (*count).max(0));
            let count = count + self.supposed_at(number, value);
            if count + i64::from(constraint.matches_itself) - self.min(number) > constraint.max_skew {
                return Err(Rejection::unschedulable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }

    fn suppose(&mut self, cx: &Context<'_>, pod: PodId, node: NodeId, sign: i64) {
        let (Some(other), Some(found)) = (cx.cluster.pod(pod), cx.cluster.node(node)) else { return };
        if !has_all_keys(&self.hard, cx, node) {
            return;
        }
        for (number, constraint) in self.hard.iter().enumerate() {
            let counted = constraint.query.is_some_and(|query| cx.index.counts.matches(query, other.spec));
            if counted && constraint.includes(cx, found) {
                self.supposed.push((number, cx.index.topology.value(constraint.key, node), sign));
            }
        }
    }

    fn reset(&mut self) {
        self.supposed.clear();
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, feasible: &[NodeId]) -> bool {
        self.require_all = !cx.spec.spread.is_empty() || !self.system_defaults;
        let mut soft = self.constraints(cx, false);
        if soft.is_empty() {
            return false;
        }
        count_domains(&mut soft, cx, self.require_all);
        self.ignored.clear();
        self.ignored.extend(feasible.iter().map(|node| self.require_all && !has_all_keys(&soft, cx, *node)));
        let scored = self.ignored.iter().filter(|ignored| !**ignored).count();
        for constraint in &mut soft {
            let domains = if constraint.is_hostname { scored } else { self.n_domains(constraint, cx, feasible) };
            constraint.weight = libm::log((domains + 2) as f64);
        }
        self.soft = soft;
        true
    }

    fn may_score(&self, cx: &Context<'_>) -> bool {
        let owned = || cx.cluster.pod(cx.pod).is_some_and(|pod| pod.owner.is_some());
        !cx.spec.spread.is_empty() || !cx.index.objects.services.is_empty() || owned()
    }

    fn score(&self, cx: &Context<'_>, id: NodeId, _node: &Node) -> i64 {
        if self.require_all && !has_all_keys(&self.soft, cx, id) {
            return 0;
        }
        let mut score = 0.0;
        for constraint in &self.soft {
            let value = cx.index.topology.value(constraint.key, id);
            if value == NONE {
                continue;
            }
            let count = if constraint.is_hostname {
                constraint.on_node(cx, id)
            } else {
                constraint.counts[value as usize].max(0)
            };
            score += count as f64 * constraint.weight + (constraint.max_skew - 1) as f64;
        }
        score.round() as i64
    }

    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], scores: &mut [i64]) {
        let (mut min, mut max) = (i64::MAX, 0);
        for (score, _) in scores.iter().zip(&self.ignored).filter(|(_, ignored)| !**ignored) {
            min = min.min(*score);
            max = max.max(*score);
        }
        for (score, ignored) in scores.iter_mut().zip(&self.ignored) {
            *score = match (ignored, max) {
                (true, _) => 0,
                (false, 0) => 100,
                (false, max) => 100 * (max + min - *score) / max,
            };
        }
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(waiting) = cluster.pod(pod) else { return true };
        let spec = cluster.spec(waiting.spec);
        let constraints = if spec.spread.is_empty() { &self.defaults } else { &spec.spread };
        let has_keys = |labels: &Labels| {
            constraints.iter().filter(|one| one.hard).all(|one| labels.get(one.topology_key).is_some())
        };
        match *event {
            Event::PodAdded(other) => {
                cluster.pod(other).is_some_and(|other| counts(spec, cluster.spec(other.spec), cluster))
            }
            Event::PodRemoved(_, gone) => counts(spec, cluster.spec(gone), cluster),
            Event::NodeAdded(node) => cluster.node(node).is_some_and(|node| has_keys(&node.spec.labels)),
            Event::NodeRemoved(before) => has_keys(&before.labels),
            Event::NodeLabelled(node, before) => cluster.node(node).is_some_and(|node| {
                let now = &node.spec.labels;
                has_keys(now) != has_keys(&before.labels)
                    || (has_keys(now)
                        && constraints
                            .iter()
                            .any(|one| now.get(one.topology_key) != before.labels.get(one.topology_key)))
            }),
            Event::NodeTainted(node, _) => cluster.node(node).is_some_and(|node| has_keys(&node.spec.labels)),
            _ => false,
        }
    }
}

impl PodTopologySpread {
    /// Distinct values among feasible nodes that are scored; those without the key count as one value.
    fn n_domains(&self, constraint: &Constraint, cx: &Context<'_>, feasible: &[NodeId]) -> usize {
        let mut seen = vec![false; constraint.counts.len() + 1];
        let scored = feasible.iter().zip(&self.ignored).filter(|(_, ignored)| !**ignored);
        for (node, _) in scored {
            let value = cx.index.topology.value(constraint.key, *node);
            let place = if value == NONE { constraint.counts.len() } else { value as usize };
            seen[place] = true;
        }
        seen.iter().filter(|seen| **seen).count()
    }
}

/// Whether a pod of template `other` counts for one of the waiting pod's constraints.
fn counts(spec: &PodSpec, other: &PodSpec, cluster: &Cluster) -> bool {
    spec.namespace == other.namespace
        && (spec.spread.is_empty()
            || spec.spread.iter().filter(|constraint| constraint.hard).any(|constraint| {
                own_selector(constraint, &spec.labels)
                    .is_some_and(|selector| selector.matches(&other.labels, &cluster.names))
            }))
}
