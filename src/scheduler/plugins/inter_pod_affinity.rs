//! InterPodAffinity (reference: scheduler.md 3.6 and 4.7).
//!
//! Filter: required affinity (some pod that matches all terms, in the node's domain of each term's
//! key), required anti-affinity (no such pod, term by term), and the required anti-affinity of
//! existing pods towards this one. Score: weights of preferred terms, of this pod and of existing
//! ones, summed over the node's domains and stretched to `100·(raw - min) / (max - min)`.

use crate::cluster::spec::AffinityTerm;
use crate::cluster::{Cluster, Name, Node, NodeId, PodId, PodSpec, SpecId};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::index::{KeyId, NONE, PodTerm, QueryId};

/// The plugin.
pub struct InterPodAffinity {
    hard_weight: i64,
    ignore_preferred_of_existing: bool,
    /// Required affinity: pods that match all terms, by each term's key.
    affinity: Option<(QueryId, Vec<KeyId>)>,
    /// Whether the pod matches all its own required affinity terms.
    matches_itself: bool,
    /// Required anti-affinity, term by term.
    anti: Vec<(QueryId, KeyId)>,
    /// Domains forbidden by existing pods: how many of them forbid each value of a key.
    forbidden: Vec<(KeyId, Vec<i64>)>,
    /// What is supposed: (which list and term, value, sign).
    supposed: Vec<(List, usize, u32, i64)>,
    /// Score by key and value.
    scores: Vec<(KeyId, Vec<i64>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Affinity,
    Anti,
    Forbidden,
}

impl InterPodAffinity {
    /// An instance.
    pub fn new(args: &Args) -> Self {
        InterPodAffinity {
            hard_weight: args.hard_pod_affinity_weight,
            ignore_preferred_of_existing: args.ignore_preferred_terms_of_existing_pods,
            affinity: None,
            matches_itself: false,
            anti: Vec::new(),
            forbidden: Vec::new(),
            supposed: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// What is supposed to have come to a domain.
    fn supposed(&self, list: List, term: usize, value: u32) -> i64 {
        if self.supposed.is_empty() {
            return 0;
        }
        let here = self.supposed.iter().filter(|entry| (entry.0, entry.1, entry.2) == (list, term, value));
        here.map(|entry| entry.3).sum()
    }

    fn satisfies_affinity(&self, cx: &Context<'_>, node: NodeId) -> bool {
        let Some((query, keys)) = &self.affinity else { return true };
        let mut pods_exist = true;
        for (term, key) in keys.iter().enumerate() {
            let value = cx.index.topology.value(*key, node);
            if value == NONE {
                return false;
            }
            let count = at(cx.index.counts.by_value(*query, *key), value);
            pods_exist &= count + self.supposed(List::Affinity, term, value) > 0;
        }
        pods_exist || (self.matches_itself && self.nobody_matches(cx))
    }

    /// The first-pod rule: no pod in any domain matches all terms.
    fn nobody_matches(&self, cx: &Context<'_>) -> bool {
        let Some((query, keys)) = &self.affinity else { return true };
        keys.iter().enumerate().all(|(term, key)| {
            let counts = cx.index.counts.by_value(*query, *key);
            if self.supposed.is_empty() {
                return counts.iter().all(|count| *count == 0);
            }
            (0..cx.index.topology.n_values(*key) as u32)
                .all(|value| at(counts, value) + self.supposed(List::Affinity, term, value) <= 0)
        })
    }

    fn violates_anti(&self, cx: &Context<'_>, node: NodeId) -> bool {
        self.anti.iter().enumerate().any(|(term, (query, key))| {
            let value = cx.index.topology.value(*key, node);
            value != NONE
                && at(cx.index.counts.by_value(*query, *key), value) + self.supposed(List::Anti, term, value) > 0
        })
    }

    fn is_forbidden(&self, cx: &Context<'_>, node: NodeId) -> bool {
        self.forbidden.iter().enumerate().any(|(term, (key, counts))| {
            let value = cx.index.topology.value(*key, node);
            value != NONE && at(counts, value) + self.supposed(List::Forbidden, term, value) > 0
        })
    }

    fn find_forbidden(&mut self, cx: &mut Context<'_>) {
        self.forbidden.clear();
        let carriers = std::mem::take(&mut cx.index.carriers);
        for (spec_id, nodes) in &carriers {
            let carrier = cx.cluster.spec(*spec_id);
            for term in &carrier.pod_anti_affinity {
                if PodTerm::of_affinity(term, carrier.namespace).matches(cx.spec, cx.cluster) {
                    let key = cx.index.topology.key(term.topology_key, cx.cluster);
                    add_domains(&mut self.forbidden, key, 1, nodes.iter(), cx);
                }
            }
        }
        cx.index.carriers = carriers;
        self.forbidden.retain(|(_, counts)| counts.iter().any(|count| *count > 0));
    }
}

/// The count of a value; values beyond the table count 0.
fn at(counts: &[i64], value: u32) -> i64 {
    counts.get(value as usize).copied().unwrap_or(0)
}

/// Adds `weight` for each pod of `nodes` to its domain.
fn add_domains<'n>(
    table: &mut Vec<(KeyId, Vec<i64>)>,
    key: KeyId,
    weight: i64,
    nodes: impl Iterator<Item = (&'n NodeId, &'n u32)>,
    cx: &Context<'_>,
) {
    let counts = row(table, key, cx);
    for (node, pods) in nodes {
        let value = cx.index.topology.value(key, *node);
        if value != NONE {
            counts[value as usize] += weight * i64::from(*pods);
        }
    }
}

/// The row of `key`, made if missing.
fn row<'t>(table: &'t mut Vec<(KeyId, Vec<i64>)>, key: KeyId, cx: &Context<'_>) -> &'t mut Vec<i64> {
    let position = table.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
        table.push((key, Vec::new()));
        table.len() - 1
    });
    let counts = &mut table[position].1;
    counts.resize(cx.index.topology.n_values(key), 0);
    counts
}

impl Plugin for InterPodAffinity {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        let spec = cx.spec;
        self.supposed.clear();
        self.find_forbidden(cx);
        self.affinity = None;
        if !spec.pod_affinity.is_empty() {
            let terms: Vec<PodTerm> =
                spec.pod_affinity.iter().map(|term| PodTerm::of_affinity(term, spec.namespace)).collect();
            self.matches_itself = terms.iter().all(|term| term.matches(spec, cx.cluster));
            let query = cx.index.query(terms, false, cx.cluster);
            let keys = spec.pod_affinity.iter().map(|term| register(cx, query, term)).collect();
            self.affinity = Some((query, keys));
        }
        self.anti.clear();
        for term in &spec.pod_anti_affinity {
            let query = cx.index.query(vec![PodTerm::of_affinity(term, spec.namespace)], false, cx.cluster);
            let key = register(cx, query, term);
            self.anti.push((query, key));
        }
        if self.affinity.is_none() && self.anti.is_empty() && self.forbidden.is_empty() {
            return PreFilter::Skip;
        }
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        if !self.satisfies_affinity(cx, node.id) {
            return Err(Rejection::unresolvable("node(s) didn't match pod affinity rules"));
        }
        if self.violates_anti(cx, node.id) {
            return Err(Rejection::unschedulable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.is_forbidden(cx, node.id) {
            return Err(Rejection::unschedulable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    fn suppose(&mut self, cx: &Context<'_>, pod: PodId, node: NodeId, sign: i64) {
        let Some(other) = cx.cluster.pod(pod) else { return };
        let spec = cx.cluster.spec(other.spec);
        let topology = &cx.index.topology;
        let mut suppose = |list, term, key| {
            let value = topology.value(key, node);
            if value != NONE {
                self.supposed.push((list, term, value, sign));
            }
        };
        if let Some((query, keys)) = &self.affinity
            && cx.index.counts.matches(*query, other.spec)
        {
            keys.iter().enumerate().for_each(|(term, key)| suppose(List::Affinity, term, *key));
        }
        for (term, (query, key)) in self.anti.iter().enumerate() {
            if cx.index.counts.matches(*query, other.spec) {
                suppose(List::Anti, term, *key);
            }
        }
        for own in &spec.pod_anti_affinity {
            if !PodTerm::of_affinity(own, spec.namespace).matches(cx.spec, cx.cluster) {
                continue;
            }
            let Some(key) = cx.index.topology.find(own.topology_key) else { continue };
            let term = self.forbidden.iter().position(|(other, _)| *other == key);
            let term = term.unwrap_or_else(|| {
                self.forbidden.push((key, Vec::new()));
                self.forbidden.len() - 1
            });
            suppose(List::Forbidden, term, key);
        }
    }

    fn reset(&mut self) {
        self.supposed.clear();
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        let spec = cx.spec;
        self.scores.clear();
        if self.ignore_preferred_of_existing && !has_preferences(spec) {
            return false;
        }
        let terms = spec.preferred_pod_affinity.iter().map(|(weight, term)| (*weight, term));
        let anti_terms = spec.preferred_pod_anti_affinity.iter().map(|(weight, term)| (-*weight, term));
        for (weight, term) in terms.chain(anti_terms) {
            let query = cx.index.query(vec![PodTerm::of_affinity(term, spec.namespace)], false, cx.cluster);
            let key = register(cx, query, term);
            let row = row(&mut self.scores, key, cx);
            for (sum, count) in row.iter_mut().zip(cx.index.counts.by_value(query, key)) {
                *sum += weight * count;
            }
        }
        self.score_existing(cx);
        !self.scores.is_empty()
    }

    fn may_score(&self, cx: &Context<'_>) -> bool {
        has_preferences(cx.spec) || !(self.ignore_preferred_of_existing || cx.index.carriers.is_empty())
    }

    fn score(&self, cx: &Context<'_>, id: NodeId, _node: &Node) -> i64 {
        let parts = self.scores.iter().map(|(key, sums)| match cx.index.topology.value(*key, id) {
            NONE => 0,
            value => at(sums, value),
        });
        parts.sum()
    }

    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], scores: &mut [i64]) {
        let (Some(&min), Some(&max)) = (scores.iter().min(), scores.iter().max()) else { return };
        for score in scores {
            let share = |score: i64| (100.0 * ((score - min) as f64 / (max - min) as f64)) as i64;
            *score = if max > min { share(*score) } else { 0 };
        }
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(waiting) = cluster.pod(pod) else { return true };
        let spec = cluster.spec(waiting.spec);
        match *event {
            Event::PodAdded(other) => {
                let Some(other) = cluster.pod(other) else { return false };
                // hints do not resolve namespaceSelector: such a term covers its listed namespaces only
                !spec.pod_affinity.is_empty() && matches_all(spec, cluster.spec(other.spec), cluster)
            }
            Event::PodRemoved(_, gone) => unblocks(spec, gone, cluster),
            Event::NodeAdded(node) => {
                let Some(node) = cluster.node(node) else { return false };
                !spec.pod_anti_affinity.is_empty()
                    || spec.pod_affinity.iter().any(|term| node.spec.labels.get(term.topology_key).is_some())
            }
            Event::NodeLabelled(node, before) => {
                let Some(node) = cluster.node(node) else { return false };
                let values = |key: Name| (before.labels.get(key), node.spec.labels.get(key));
                spec.pod_affinity
                    .iter()
                    .map(|term| values(term.topology_key))
                    .any(|(old, new)| new.is_some() && old != new)
                    || spec
                        .pod_anti_affinity
                        .iter()
                        .map(|term| values(term.topology_key))
                        .any(|(old, new)| old.is_some() && old != new)
            }
            _ => false,
        }
    }
}

impl InterPodAffinity {
    /// Terms of existing pods that this pod matches.
    fn score_existing(&mut self, cx: &mut Context<'_>) {
        let carriers = std::mem::take(&mut cx.index.carriers);
        for (spec_id, nodes) in &carriers {
            let carrier = cx.cluster.spec(*spec_id);
            let required = carrier.pod_affinity.iter().map(|term| (self.hard_weight, term));
            let preferred = carrier.preferred_pod_affinity.iter().map(|(weight, term)| (*weight, term));
            let anti = carrier.preferred_pod_anti_affinity.iter().map(|(weight, term)| (-*weight, term));
            for (weight, term) in required.chain(preferred).chain(anti) {
                if weight != 0 && PodTerm::of_affinity(term, carrier.namespace).matches(cx.spec, cx.cluster) {
                    let key = cx.index.topology.key(term.topology_key, cx.cluster);
                    add_domains(&mut self.scores, key, weight, nodes.iter(), cx);
                }
            }
        }
        cx.index.carriers = carriers;
    }
}

fn has_preferences(spec: &PodSpec) -> bool {
    !(spec.preferred_pod_affinity.is_empty() && spec.preferred_pod_anti_affinity.is_empty())
}

/// Registers the term's key and the query's sums by it.
fn register(cx: &mut Context<'_>, query: QueryId, term: &AffinityTerm) -> KeyId {
    let key = cx.index.topology.key(term.topology_key, cx.cluster);
    let index = &mut *cx.index;
    index.counts.keep_sums(query, key, &index.topology);
    key
}

/// As [`PodTerm::matches`], the namespace selector left out as in the scheduler's hints.
fn hint_matches(term: &AffinityTerm, of: &PodSpec, other: &PodSpec, cluster: &Cluster) -> bool {
    let mut term = PodTerm::of_affinity(term, of.namespace);
    term.namespace_selector = term.namespace_selector.filter(|selector| selector.is_empty());
    term.matches(other, cluster)
}

fn matches_all(spec: &PodSpec, other: &PodSpec, cluster: &Cluster) -> bool {
    spec.pod_affinity.iter().all(|term| hint_matches(term, spec, other, cluster))
}

/// Whether a pod of template `gone` no longer blocks.
fn unblocks(spec: &PodSpec, gone: SpecId, cluster: &Cluster) -> bool {
    let gone = cluster.spec(gone);
    spec.pod_anti_affinity.iter().any(|term| hint_matches(term, spec, gone, cluster))
        || gone.pod_anti_affinity.iter().any(|term| hint_matches(term, gone, spec, cluster))
}
