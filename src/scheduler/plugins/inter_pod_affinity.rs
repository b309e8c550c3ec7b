//! InterPodAffinity (reference: scheduler.md 3.6 and 4.7).
//!
//! Filter: required affinity (some pod that matches all terms, in the node's domain of each term's
//! key), required anti-affinity (no such pod, term by term), and the required anti-affinity of
//! existing pods towards this one. Score: weights of preferred terms, of this pod and of existing
//! ones, summed over the node's domains and stretched to `100·(raw - min) / (max - min)`.

use rustc_hash::FxHashMap;

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
    /// Terms that concern templates seen before, and the one of the present cycle.
    prepared: Vec<Prepared>,
    numbers: FxHashMap<SpecId, usize>,
    current: usize,
    /// What is supposed.
    supposed: Vec<Supposed>,
    /// Preferences that count somewhere.
    scores: Vec<(i64, Counted)>,
}

/// Pods counted by the values of a topology key.
type Counted = (QueryId, KeyId);

/// The terms that concern the pods of one template, kept between cycles.
#[derive(Default)]
struct Prepared {
    /// Required affinity: pods that match all terms, by each term's key.
    affinity: Vec<Counted>,
    /// Whether the pod matches all its own required affinity terms.
    matches_itself: bool,
    /// Required anti-affinity, term by term.
    anti: Vec<Counted>,
    /// Required anti-affinity of other templates' pods towards this one.
    forbidding: Vec<Counted>,
    /// The pod's own preferences, then those of other templates' pods and their required affinity.
    preferred: Vec<(i64, Counted)>,
    /// How many templates and namespaces were looked at.
    specs: usize,
    namespaces: usize,
}

/// A pod that is supposed to have come to a domain (`sign` 1) or left it.
struct Supposed {
    list: List,
    /// Position of the term in its list; [`List::Forbidding`] has one entry a key.
    key: KeyId,
    term: usize,
    value: u32,
    sign: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Affinity,
    Anti,
    Forbidding,
}

/// Templates kept at most; then all are forgotten.
const PREPARED: usize = 4096;

impl InterPodAffinity {
    /// An instance.
    pub fn new(args: &Args) -> Self {
        InterPodAffinity {
            hard_weight: args.hard_pod_affinity_weight,
            ignore_preferred_of_existing: args.ignore_preferred_terms_of_existing_pods,
            prepared: Vec::new(),
            numbers: FxHashMap::default(),
            current: 0,
            supposed: Vec::new(),
            scores: Vec::new(),
        }
    }

    /// Finds or makes the terms that concern the cycle's pod.
    fn prepare(&mut self, cx: &mut Context<'_>) -> &Prepared {
        let known = self.numbers.get(&cx.spec_id).copied();
        let number = match known {
            Some(number) if self.prepared[number].namespaces == cx.cluster.namespaces.len() => number,
            Some(number) => {
                self.prepared[number] = Prepared::of(cx);
                number
            }
            None => {
                if self.prepared.len() >= PREPARED {
                    self.numbers.clear();
                    self.prepared.clear();
                }
                self.prepared.push(Prepared::of(cx));
                self.numbers.insert(cx.spec_id, self.prepared.len() - 1);
                self.prepared.len() - 1
            }
        };
        self.current = number;
        self.prepared[number].meet_templates(cx, self.hard_weight);
        &self.prepared[number]
    }

    /// What is supposed to have come to a domain.
    fn supposed(&self, wanted: impl Fn(&Supposed) -> bool) -> i64 {
        self.supposed.iter().filter(|one| wanted(one)).map(|one| one.sign).sum()
    }

    fn satisfies_affinity(&self, prepared: &Prepared, cx: &Context<'_>, node: NodeId) -> bool {
        let mut pods_exist = true;
        for (term, &counted) in prepared.affinity.iter().enumerate() {
            let value = cx.index.topology.value(counted.1, node);
            if value == NONE {
                return false;
            }
            let supposed = self.supposed(|one| (one.list, one.term, one.value) == (List::Affinity, term, value));
            pods_exist &= at(counted, value, cx) + supposed > 0;
        }
        pods_exist || (prepared.matches_itself && self.nobody_matches(prepared, cx))
    }

    /// The first-pod rule: no pod in any domain matches all terms.
    fn nobody_matches(&self, prepared: &Prepared, cx: &Context<'_>) -> bool {
        let counts = prepared.affinity.iter().map(|(query, key)| cx.index.counts.in_domains(*query, *key));
        counts.sum::<i64>() + self.supposed(|one| one.list == List::Affinity) == 0
    }

    fn violates_anti(&self, prepared: &Prepared, cx: &Context<'_>, node: NodeId) -> bool {
        prepared.anti.iter().enumerate().any(|(term, &counted)| {
            let value = cx.index.topology.value(counted.1, node);
            let supposed = || self.supposed(|one| (one.list, one.term, one.value) == (List::Anti, term, value));
            value != NONE && at(counted, value, cx) + supposed() > 0
        })
    }

    fn is_forbidden(&self, prepared: &Prepared, cx: &Context<'_>, node: NodeId) -> bool {
        prepared.forbidding.iter().any(|&(query, key)| {
            let value = cx.index.topology.value(key, node);
            if value == NONE || self.supposed.is_empty() {
                return value != NONE && at((query, key), value, cx) > 0;
            }
            let same_key = prepared.forbidding.iter().filter(|other| other.1 == key);
            let supposed = self.supposed(|one| (one.list, one.key, one.value) == (List::Forbidding, key, value));
            same_key.map(|&counted| at(counted, value, cx)).sum::<i64>() + supposed > 0
        })
    }
}

impl Prepared {
    /// The pod's own terms.
    fn of(cx: &mut Context<'_>) -> Self {
        let (spec, cluster) = (cx.spec, cx.cluster);
        let term_of = |term: &AffinityTerm| PodTerm::of_affinity(term, spec.namespace);
        let mut prepared = Prepared { namespaces: cluster.namespaces.len(), ..Prepared::default() };
        if !spec.pod_affinity.is_empty() {
            let terms: Vec<PodTerm> = spec.pod_affinity.iter().map(term_of).collect();
            prepared.matches_itself = terms.iter().all(|term| term.matches(spec, cluster));
            let query = cx.index.query(terms, false, cluster);
            let keys = spec.pod_affinity.iter().map(|term| (query, cx.index.topology.key(term.topology_key, cluster)));
            prepared.affinity = keys.collect();
        }
        let mut count = |term: &AffinityTerm| {
            let query = cx.index.query(vec![term_of(term)], false, cluster);
            (query, cx.index.topology.key(term.topology_key, cluster))
        };
        prepared.anti = spec.pod_anti_affinity.iter().map(&mut count).collect();
        for (weight, term) in &spec.preferred_pod_affinity {
            prepared.preferred.push((*weight, count(term)));
        }
        for (weight, term) in &spec.preferred_pod_anti_affinity {
            prepared.preferred.push((-*weight, count(term)));
        }
        prepared
    }

    /// Looks at templates interned since the last time: at their terms that this pod matches.
    fn meet_templates(&mut self, cx: &mut Context<'_>, hard_weight: i64) {
        for number in self.specs..cx.cluster.n_specs() {
            let id = SpecId(number as u32);
            let other = cx.cluster.spec(id);
            if !other.has_pod_terms() {
                continue;
            }
            let mut count = |term: &AffinityTerm| {
                let concerns = PodTerm::of_affinity(term, other.namespace).matches(cx.spec, cx.cluster);
                concerns.then(|| {
                    let query = cx.index.query_template(id, cx.cluster);
                    (query, cx.index.topology.key(term.topology_key, cx.cluster))
                })
            };
            self.forbidding.extend(other.pod_anti_affinity.iter().filter_map(&mut count));
            let required = other.pod_affinity.iter().map(|term| (hard_weight, term));
            let preferred = other.preferred_pod_affinity.iter().map(|(weight, term)| (*weight, term));
            let anti = other.preferred_pod_anti_affinity.iter().map(|(weight, term)| (-*weight, term));
            for (weight, term) in required.chain(preferred).chain(anti).filter(|(weight, _)| *weight != 0) {
                self.preferred.extend(count(term).map(|counted| (weight, counted)));
            }
        }
        self.specs = cx.cluster.n_specs();
    }
}

/// Matching pods in the domain of this value.
fn at((query, key): Counted, value: u32, cx: &Context<'_>) -> i64 {
    cx.index.counts.by_value(query, key).get(value as usize).copied().unwrap_or(0)
}

/// Sees to it that sums by value are kept of these counts.
fn keep_sums<'c>(counted: impl Iterator<Item = &'c Counted>, cx: &mut Context<'_>) {
    let index = &mut *cx.index;
    counted.for_each(|(query, key)| index.counts.keep_sums(*query, *key, &index.topology));
}

impl Plugin for InterPodAffinity {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.supposed.clear();
        let prepared = self.prepare(cx);
        keep_sums(prepared.affinity.iter().chain(&prepared.anti).chain(&prepared.forbidding), cx);
        let forbids = |(query, key): &Counted| cx.index.counts.in_domains(*query, *key) > 0;
        if prepared.affinity.is_empty() && prepared.anti.is_empty() && !prepared.forbidding.iter().any(forbids) {
            return PreFilter::Skip;
        }
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let prepared = &self.prepared[self.current];
        if !self.satisfies_affinity(prepared, cx, node.id) {
            return Err(Rejection::unresolvable("node(s) didn't match pod affinity rules"));
        }
        if self.violates_anti(prepared, cx, node.id) {
            return Err(Rejection::unschedulable("node(s) didn't match pod anti-affinity rules"));
        }
        if self.is_forbidden(prepared, cx, node.id) {
            return Err(Rejection::unschedulable("node(s) didn't satisfy existing pods anti-affinity rules"));
        }
        Ok(())
    }

    fn suppose(&mut self, cx: &Context<'_>, pod: PodId, node: NodeId, sign: i64) {
        let Some(other) = cx.cluster.pod(pod) else { return };
        let (prepared, supposed) = (&self.prepared[self.current], &mut self.supposed);
        let mut suppose = |list, term, key| {
            let value = cx.index.topology.value(key, node);
            if value != NONE {
                supposed.push(Supposed { list, key, term, value, sign });
            }
        };
        for (list, terms) in [(List::Affinity, &prepared.affinity), (List::Anti, &prepared.anti)] {
            for (term, (query, key)) in terms.iter().enumerate() {
                if cx.index.counts.matches(*query, other.spec) {
                    suppose(list, term, *key);
                }
            }
        }
        for (term, (query, key)) in prepared.forbidding.iter().enumerate() {
            if cx.index.counts.matches(*query, other.spec) {
                suppose(List::Forbidding, term, *key);
            }
        }
    }

    fn reset(&mut self) {
        self.supposed.clear();
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        self.scores.clear();
        if self.ignore_preferred_of_existing && !has_preferences(cx.spec) {
            return false;
        }
        let mut scores = std::mem::take(&mut self.scores);
        let prepared = self.prepare(cx);
        keep_sums(prepared.preferred.iter().map(|(_, counted)| counted), cx);
        let counts = |(_, (query, key)): &&(i64, Counted)| cx.index.counts.in_domains(*query, *key) > 0;
        scores.extend(prepared.preferred.iter().filter(counts));
        self.scores = scores;
        !self.scores.is_empty()
    }

    fn may_score(&self, cx: &Context<'_>) -> bool {
        has_preferences(cx.spec) || (cx.index.n_carriers > 0 && !self.ignore_preferred_of_existing)
    }

    fn score(&self, cx: &Context<'_>, id: NodeId, _node: &Node) -> i64 {
        let parts = self.scores.iter().map(|&(weight, counted)| match cx.index.topology.value(counted.1, id) {
            NONE => 0,
            value => weight * at(counted, value, cx),
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

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod comes to a node", "it matches all the pod's required affinity terms"),
            ("a pod leaves a node", "it matched the pod's anti-affinity, or its own matched the pod"),
            ("a node is added", "it has a topology key of the pod's affinity, or the pod has anti-affinity"),
            ("a node's labels change", "the value of a topology key of the pod's terms changed"),
        ]
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

fn has_preferences(spec: &PodSpec) -> bool {
    !(spec.preferred_pod_affinity.is_empty() && spec.preferred_pod_anti_affinity.is_empty())
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
