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

mod domains;

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use crate::cluster::spec::SpreadConstraint;
use crate::cluster::{Body, Cluster, Labels, Name, Node, NodeId, ObjectId, PodId, PodSpec, Selector, SpecId};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, Kept, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::index::{Index, NONE};

use domains::{Constraint, Seen, count_domains, has_all_keys, own_selector};

/// The plugin.
pub struct PodTopologySpread {
    defaults: Vec<SpreadConstraint>,
    system_defaults: bool,
    hostname: Name,
    /// Constraints of templates seen before, by template and controller: the latter has a say in the
    /// selector of default constraints.
    prepared: Vec<Prepared>,
    numbers: FxHashMap<(SpecId, Option<ObjectId>), usize>,
    /// Those of the present cycle's pod.
    current: usize,
    /// What grades have been of, each with a number.
    graded: FxHashMap<SmallVec<[Seen; 2]>, u64>,
    /// What is supposed: (hard constraint, value, sign).
    supposed: Vec<(usize, u32, i64)>,
    /// By feasible node: whether it is left out of scoring; empty if none can be.
    ignored: Vec<bool>,
    /// Values met among feasible nodes.
    seen: Vec<bool>,
}

/// The constraints of a template's pods, kept between cycles.
#[derive(Debug)]
struct Prepared {
    hard: Vec<Constraint>,
    soft: Vec<Constraint>,
    /// Whether nodes without all keys of the soft constraints are left out of scoring.
    require_all: bool,
    /// The Services there were.
    services: u32,
    /// Others whose grades mean the same have this number, too.
    number: u64,
}

/// A grade has so many bits for each constraint, 0 without the key and one more than what it sees, for so many of them.
const BITS: usize = 20;
const DIGITS: usize = 3;

/// Templates kept at most; then all are forgotten.
const PREPARED: usize = 4096;

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
            prepared: Vec::new(),
            numbers: FxHashMap::default(),
            current: 0,
            graded: FxHashMap::default(),
            supposed: Vec::new(),
            ignored: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Finds or makes the constraints of the cycle's pod.
    fn prepare(&mut self, cx: &mut Context<'_>) -> &mut Prepared {
        let services = cx.index.objects.service_epoch;
        let owner = cx.cluster.pod(cx.pod).and_then(|pod| pod.owner);
        let key = (cx.spec_id, owner.filter(|owner| cx.cluster.object(*owner).is_some()));
        if self.numbers.len() >= PREPARED && !self.numbers.contains_key(&key) {
            self.numbers.clear();
            self.prepared.clear();
        }
        let known = self.numbers.get(&key).copied();
        if let Some(number) = known
            && self.prepared[number].services == services
        {
            self.current = number;
            return &mut self.prepared[number];
        }
        let soft = self.constraints(cx, false);
        let next = self.graded.len() as u64;
        let number = *self.graded.entry(soft.iter().map(Constraint::sees).collect()).or_insert(next);
        let prepared = Prepared {
            hard: self.constraints(cx, true),
            soft,
            require_all: !cx.spec.spread.is_empty() || !self.system_defaults,
            services,
            number,
        };
        match known {
            Some(number) => self.prepared[number] = prepared,
            None => self.prepared.push(prepared),
        }
        self.current = known.unwrap_or(self.prepared.len() - 1);
        self.numbers.insert(key, self.current);
        &mut self.prepared[self.current]
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
        let ready = list.into_iter().map(|constraint| {
            let selector = default.clone().or_else(|| own_selector(constraint, &cx.spec.labels));
            Constraint::new(cx, constraint, selector, constraint.topology_key == self.hostname)
        });
        ready.collect()
    }

    /// What is supposed to have come to a domain.
    fn supposed_at(&self, number: usize, value: u32) -> i64 {
        let here = self.supposed.iter().filter(|entry| (entry.0, entry.1) == (number, value));
        here.map(|entry| entry.2).sum()
    }
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
    let owner = pod.owner.and_then(|owner| cluster.object(owner)).map(|owner| &owner.body);
    let of_owner = match owner {
        Some(Body::ReplicaSet(set)) => Some(&set.selector),
        Some(Body::StatefulSet(set)) => Some(&set.selector),
        _ => None,
    };
    selector.requirements.extend(of_owner.into_iter().flat_map(|owner| owner.requirements.iter().cloned()));
    (!selector.is_empty()).then_some(selector)
}

impl Plugin for PodTopologySpread {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.supposed.clear();
        let prepared = self.prepare(cx);
        if prepared.hard.is_empty() {
            return PreFilter::Skip;
        }
        count_domains(&mut prepared.hard, cx, true);
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        for (number, constraint) in self.prepared[self.current].hard.iter().enumerate() {
            let value = cx.index.topology.value(constraint.key, node.id);
            if value == NONE {
                let reason = "node(s) didn't match pod topology spread constraints (missing required label)";
                return Err(Rejection::unresolvable(reason));
            }
            let count = constraint.in_domain(value) + self.supposed_at(number, value);
            let supposed = (!self.supposed.is_empty()).then_some(|value| self.supposed_at(number, value));
            if count + i64::from(constraint.matches_itself) - constraint.min(supposed) > constraint.max_skew {
                return Err(Rejection::unschedulable("node(s) didn't match pod topology spread constraints"));
            }
        }
        Ok(())
    }

    fn suppose(&mut self, cx: &Context<'_>, pod: PodId, node: NodeId, sign: i64) {
        let (Some(other), Some(found)) = (cx.cluster.pod(pod), cx.cluster.node(node)) else { return };
        let hard = &self.prepared[self.current].hard;
        if !has_all_keys(hard, cx, node) {
            return;
        }
        for (number, constraint) in hard.iter().enumerate() {
            if constraint.counts_pods_like(cx, other.spec) && constraint.includes(cx, found) {
                self.supposed.push((number, cx.index.topology.value(constraint.key, node), sign));
            }
        }
    }

    fn reset(&mut self) {
        self.supposed.clear();
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, feasible: &[NodeId]) -> bool {
        let (mut ignored, mut seen) = (std::mem::take(&mut self.ignored), std::mem::take(&mut self.seen));
        let Prepared { soft, require_all, .. } = self.prepare(cx);
        if !soft.is_empty() {
            count_domains(soft, cx, *require_all);
            ignored.clear();
            let mut scored: &[NodeId] = feasible;
            let mut left: Vec<NodeId> = Vec::new();
            if *require_all {
                ignored.extend(feasible.iter().map(|node| !has_all_keys(soft, cx, *node)));
                left.extend(feasible.iter().zip(&ignored).filter(|(_, ignored)| !**ignored).map(|(node, _)| *node));
                scored = &left;
            }
            for constraint in soft.iter_mut() {
                let domains = match constraint.is_hostname {
                    true => scored.len(),
                    false => n_domains(constraint, cx, scored, &mut seen),
                };
                constraint.weight = weight(domains);
            }
        }
        let scores = !soft.is_empty();
        (self.ignored, self.seen) = (ignored, seen);
        scores
    }

    fn may_score(&self, _cx: &Context<'_>) -> bool {
        self.prepared.get(self.current).is_some_and(|prepared| !prepared.soft.is_empty())
    }

    fn score(&self, cx: &Context<'_>, id: NodeId, _node: &Node) -> i64 {
        let mut scores = Vec::with_capacity(1);
        self.scores(cx, &[id], &mut scores);
        scores[0]
    }

    fn scores(&self, cx: &Context<'_>, feasible: &[NodeId], scores: &mut Vec<i64>) {
        let Prepared { soft, require_all, .. } = &self.prepared[self.current];
        let mut sums = vec![0.0; feasible.len()];
        soft.iter().for_each(|constraint| constraint.add_scores(cx, feasible, &mut sums));
        scores.extend(sums.into_iter().map(rounded));
        if *require_all {
            for (score, node) in scores.iter_mut().zip(feasible) {
                if !has_all_keys(soft, cx, *node) {
                    *score = 0;
                }
            }
        }
    }

    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], scores: &mut [i64]) {
        let ignored = |position: usize| self.ignored.get(position).is_some_and(|ignored| *ignored);
        let scored = scores.iter().enumerate().filter(|(position, _)| !ignored(*position)).map(|(_, score)| *score);
        let range = scored.fold((i64::MAX, 0), |(min, max), score| (min.min(score), max.max(score)));
        for (position, score) in scores.iter_mut().enumerate() {
            *score = if ignored(position) { 0 } else { normalised(*score, range) };
        }
    }

    /// The grade is what each constraint sees of the node.
    fn kept(&mut self, cx: &mut Context<'_>) -> Kept {
        if self.prepare(cx).soft.is_empty() { Kept::Nothing } else { Kept::GradeWhileFew }
    }

    fn grades_by(&self) -> u64 {
        self.prepared[self.current].number
    }

    fn grade(&self, cx: &Context<'_>, id: NodeId, _node: &Node) -> Option<i64> {
        let soft = &self.prepared[self.current].soft;
        (soft.len() <= DIGITS).then_some(())?;
        soft.iter().enumerate().try_fold(0, |grade, (position, constraint)| {
            let digit = constraint.grade(cx, id).map_or(0, |seen| seen + 1);
            (digit < 1 << BITS).then_some(grade | digit << (BITS * position))
        })
    }

    fn score_grades(&self, _cx: &Context<'_>, nodes: &[usize], grades: &mut [i64]) {
        let Prepared { soft, require_all, .. } = &self.prepared[self.current];
        let seen = |grade: i64, position: usize| ((grade >> (BITS * position)) & ((1 << BITS) - 1)) - 1;
        let is_scored = |grade: i64| !require_all || (0..soft.len()).all(|position| seen(grade, position) >= 0);
        let scored: usize = grades.iter().zip(nodes).filter(|(grade, _)| is_scored(**grade)).map(|(_, n)| n).sum();
        let mut sums: SmallVec<[f64; 32]> = smallvec![0.0; grades.len()];
        for (position, constraint) in soft.iter().enumerate() {
            let values = grades.iter().filter(|grade| is_scored(**grade)).map(|grade| seen(*grade, position));
            let domains = if constraint.is_hostname { scored } else { distinct(values) };
            let weight = weight(domains);
            for (sum, grade) in sums.iter_mut().zip(&*grades).filter(|(_, grade)| seen(**grade, position) >= 0) {
                *sum += constraint.score_of_grade(seen(*grade, position), weight);
            }
        }
        let scores = grades.iter().zip(sums).map(|(grade, sum)| is_scored(*grade).then(|| rounded(sum)));
        let scores: SmallVec<[Option<i64>; 32]> = scores.collect();
        let range = scores.iter().flatten().fold((i64::MAX, 0), |(min, max), score| (min.min(*score), max.max(*score)));
        let normalised = scores.into_iter().map(|score| score.map_or(0, |score| normalised(score, range)));
        grades.iter_mut().zip(normalised).for_each(|(grade, score)| *grade = score);
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod comes to or leaves a node", "it matches a constraint's selector"),
            ("a node is added or removed", "it carries all topology keys"),
            ("a node's labels change", "it gains, loses or changes a topology key"),
            ("a node's taints change", "it carries all topology keys"),
        ]
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

fn distinct(values: impl Iterator<Item = i64>) -> usize {
    // most keys have few values, numbered from 0; −1 stands for none
    let (mut small, mut large) = (0u128, SmallVec::<[i64; 32]>::new());
    for value in values {
        match value + 1 {
            bit @ 0..128 => small |= 1 << bit,
            _ => large.push(value),
        }
    }
    large.sort_unstable();
    large.dedup();
    small.count_ones() as usize + large.len()
}

/// What a constraint counts for among so many domains.
fn weight(domains: usize) -> f64 {
    libm::log((domains + 2) as f64)
}

/// A score in [0, 100], the lower the raw one the higher, given the least and the greatest raw score.
fn normalised(score: i64, (min, max): (i64, i64)) -> i64 {
    if max == 0 { 100 } else { 100 * (max + min - score) / max }
}

/// A sum of scores, which is not negative, to the nearest integer, halves up, as `math.Round` does.
fn rounded(sum: f64) -> i64 {
    let whole = sum as i64;
    whole + i64::from(sum - whole as f64 >= 0.5)
}

/// Distinct values among nodes; those without the key count as one value.
fn n_domains(constraint: &Constraint, cx: &Context<'_>, nodes: &[NodeId], seen: &mut Vec<bool>) -> usize {
    let n_values = cx.index.topology.n_values(constraint.key);
    seen.clear();
    seen.resize(n_values + 1, false);
    let values = cx.index.topology.values(constraint.key);
    for node in nodes {
        let value = values.get(node.index()).copied().unwrap_or(NONE);
        seen[n_values.min(value as usize)] = true;
    }
    seen.iter().filter(|seen| **seen).count()
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
