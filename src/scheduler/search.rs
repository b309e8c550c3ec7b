//! The search for a node: the plain walk over the nodes, which is also the test of the score cache, and
//! the choice among the best.

use rustc_hash::FxHashSet;

use crate::cluster::{Cluster, NodeId, PodId};
use crate::engine::Stream;

use super::cache::{Scanned, scan};
use super::config::TieBreak;
use super::cycle::{Cycle, PreFiltered};
use super::diagnosis::Diagnosis;
use super::explain::ScoreColumn;
use super::framework::Context;
use super::order::{NodeOrder, nodes_to_find};
use super::plugins;
use super::plugins::volume_binding::ClaimDecision;
use super::preemption::{self, Outcome};
use super::{Scheduler, TieBreaker};

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode<'a> {
    /// To decide: the next search begins where this one ends.
    Decide,
    /// To explain, leaving no trace; over these nodes if given.
    Explain(Option<&'a [NodeId]>),
}

/// Where in the list of nodes a search begins, and how many feasible nodes are enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) start: usize,
    pub(super) want: usize,
}

/// How one of the best is taken.
pub(super) struct Ties<'t> {
    rule: TieBreak,
    stream: &'t mut Stream,
}

impl Ties<'_> {
    /// Which of `n` equally good nodes, in the order in which they were looked at.
    pub(super) fn pick(&mut self, n: usize) -> usize {
        match self.rule {
            TieBreak::Seeded if n > 1 => self.stream.below(n as u64) as usize,
            _ => 0,
        }
    }
}

/// A search for a node, with all it came to. What only an explanation needs is filled in for one only.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    pub(super) feasible: Vec<NodeId>,
    pub(super) diagnosis: Diagnosis,
    pub(super) examined: usize,
    /// Nodes of the list walked past; the nominated node is not one.
    pub(super) walked: usize,
    pub(super) chosen: Option<NodeId>,
    pub(super) preemption: Option<Outcome>,
    /// The best nodes.
    pub(super) top: Vec<NodeId>,
    /// Each plugin's scores, if they were asked for.
    pub(super) scores: Vec<ScoreColumn>,
    pub(super) totals: Vec<i64>,
    pub(super) claims: Vec<ClaimDecision>,
    /// Where the walk began, and how many feasible nodes were enough.
    pub(super) sample: Option<Sample>,
    /// The pod's nominated node was taken without looking at others.
    pub(super) nominated_first: bool,
}

impl Scheduler {
    /// Looks for a node, and for victims if there is none.
    pub(super) fn search(&mut self, pod: PodId, profile: usize, cluster: &Cluster, mode: Mode<'_>) -> Search {
        let Some(found) = cluster.pod(pod) else { return Search::default() };
        let (spec_id, spec) = (found.spec, cluster.spec(found.spec));
        self.order.refresh();
        let order = &self.order;
        let table = (profile, spec_id);
        let profile = &mut self.profiles[profile];
        let no_scores = profile.points.score.is_empty();
        let percentage = profile.percentage;
        let want = |n_nodes| if no_scores { 1 } else { nodes_to_find(n_nodes, percentage) };
        let mut sample = Sample { start: self.next_start, want: want(order.list().len()) };
        let cx = Context { cluster, index: &mut self.index, known: &self.config.known, pod, spec_id, spec };
        let mut cycle = Cycle { cx, profile, nominator: &self.nominator, pre: PreFiltered::default() };
        // explaining draws nothing
        let (mut ties, mut offsets) = (None, None);
        let (ties, offsets) = match mode {
            Mode::Decide => (&mut self.ties, &mut self.offsets),
            Mode::Explain(_) => (ties.insert(self.ties.clone()), offsets.insert(self.offsets.clone())),
        };
        let mut ties = Ties { rule: self.config.ties, stream: ties };
        let mut search = Search { sample: Some(sample), ..Search::default() };
        if let Err(rejection) = cycle.pre_filter() {
            search.diagnosis.pre = Some(rejection);
        } else if !search.take_nominated(&mut cycle, found.nominated) {
            if let Some((nodes, _)) = &cycle.pre.only {
                sample.want = want(nodes.len());
                search.sample = Some(sample);
            }
            let cached = self.config.cached && mode == Mode::Decide && self.tie_breaker.is_none();
            match cached.then(|| scan(&mut cycle, &mut self.cache, table, order, sample, &mut ties)).flatten() {
                Some(scanned) => search.take_over(scanned),
                None => search.walk(&mut cycle, order, sample, mode, &mut ties),
            }
        }
        if let (Some(breaker), true, Mode::Decide) = (&mut self.tie_breaker, search.top.len() > 1, mode) {
            search.chosen = breaker(pod, &search.top, cluster).or(search.chosen);
        }
        match search.chosen {
            Some(node) => search.claims = cycle.reserve(node),
            None => search.post_filter(&mut cycle, order.list(), &self.preempted, offsets),
        }
        if let (Some(breaker), Mode::Decide) = (&mut self.tie_breaker, mode) {
            search.choose_victims_by(breaker, pod, cluster);
        }
        if mode == Mode::Decide {
            self.next_start = (sample.start + search.walked) % order.list().len().max(1);
        }
        search
    }
}

impl Search {
    /// Lets somebody else choose among several equally good candidates for preemption.
    fn choose_victims_by(&mut self, breaker: &mut TieBreaker, pod: PodId, cluster: &Cluster) {
        let Some(Outcome::Chosen { candidates, chosen }) = &mut self.preemption else { return };
        let best = preemption::best(candidates, cluster);
        let nodes: Vec<NodeId> = best.iter().map(|index| candidates[*index].node).collect();
        if let Some(node) = breaker(pod, &nodes, cluster)
            && let Some(position) = nodes.iter().position(|other| *other == node)
        {
            *chosen = best[position];
        }
    }

    /// A pod that is nominated looks at its node first, and at no other if it fits.
    fn take_nominated(&mut self, cycle: &mut Cycle<'_, '_>, nominated: Option<NodeId>) -> bool {
        let Some(id) = nominated else { return false };
        let Some(node) = cycle.cx.cluster.node(id) else { return false };
        if cycle.pre.only.as_ref().is_some_and(|(nodes, _)| !nodes.contains(&id)) {
            return false;
        }
        let fits = cycle.check(id, node).is_ok();
        if fits {
            self.feasible.push(id);
            self.top.push(id);
            self.chosen = Some(id);
            self.examined = 1;
            self.nominated_first = true;
        }
        fits
    }

    /// What the cache found.
    fn take_over(&mut self, scanned: Scanned) {
        self.chosen = scanned.chosen;
        self.walked = scanned.walked;
        self.examined += scanned.walked;
        self.diagnosis.rejected = scanned.rejections;
    }

    /// The plain walk: asks every plugin about every node.
    fn walk(
        &mut self,
        cycle: &mut Cycle<'_, '_>,
        order: &NodeOrder,
        sample: Sample,
        mode: Mode<'_>,
        ties: &mut Ties<'_>,
    ) {
        let Sample { start, want } = sample;
        let narrowed = cycle.pre.only.as_ref().map(|(nodes, _)| order.sorted(nodes));
        if narrowed.is_some() {
            self.diagnosis.narrowed = Some(cycle.pre.clone());
        }
        match (mode, narrowed) {
            (Mode::Explain(Some(nodes)), _) => self.filter(cycle, nodes, 0, usize::MAX),
            (_, Some(nodes)) => self.filter(cycle, &nodes, start, want),
            (_, None) => self.filter(cycle, order.list(), start, want),
        }
        // a single feasible node is taken without scores, unless somebody wants to see them
        let scored_from = if matches!(mode, Mode::Explain(Some(_))) { 1 } else { 2 };
        self.choose(cycle, ties, scored_from, mode != Mode::Decide);
    }

    /// Walks the list from `start` until `want` nodes are feasible.
    fn filter(&mut self, cycle: &mut Cycle<'_, '_>, list: &[NodeId], start: usize, want: usize) {
        for step in 0..list.len() {
            let id = list[(start + step) % list.len()];
            let Some(node) = cycle.cx.cluster.node(id) else { continue };
            self.examined += 1;
            self.walked += 1;
            match cycle.check(id, node) {
                Ok(()) => self.feasible.push(id),
                Err(verdict) => self.diagnosis.rejected.push(id, verdict),
            }
            if self.feasible.len() >= want {
                break;
            }
        }
    }

    /// Scores and takes one of the best.
    fn choose(&mut self, cycle: &mut Cycle<'_, '_>, ties: &mut Ties<'_>, scored_from: usize, keep: bool) {
        if self.feasible.len() >= scored_from {
            let scores = &mut self.scores;
            self.totals = cycle.score(&self.feasible, |plugin, weight, raw, weighted| {
                if keep {
                    let (raw, weighted, told) = (raw.to_vec(), weighted.to_vec(), Vec::new());
                    scores.push(ScoreColumn { plugin, weight, raw, weighted, told });
                }
            });
            for column in scores {
                column.told = cycle.tell(column.plugin, &self.feasible);
            }
            let best = self.totals.iter().max();
            let top = self.feasible.iter().zip(&self.totals).filter(|(_, total)| Some(*total) == best);
            self.top = top.map(|(node, _)| *node).collect();
        } else {
            self.top.clone_from(&self.feasible);
        }
        if !self.top.is_empty() {
            self.chosen = Some(self.top[ties.pick(self.top.len())]);
        }
    }

    /// The PostFilter plugins, in order, until one finds a node.
    fn post_filter(
        &mut self,
        cycle: &mut Cycle<'_, '_>,
        order: &[NodeId],
        preempted: &FxHashSet<PodId>,
        stream: &mut Stream,
    ) {
        let mut texts: Vec<String> = Vec::new();
        for position in 0..cycle.profile.points.post_filter.len() {
            let index = cycle.profile.points.post_filter[position];
            if index == plugins::DYNAMIC_RESOURCES {
                if self.diagnosis.pre.as_ref().is_some_and(|pre| !pre.after_dynamic_resources) {
                    // its own PreFilter was never reached, so it finds no state and gives up: upstream's words
                    self.diagnosis.post = "not found".to_string();
                    return;
                }
                texts.push("no new claims to deallocate".to_string());
            } else if index == plugins::DEFAULT_PREEMPTION {
                let outcome = preemption::preempt(cycle, &self.diagnosis, order, preempted, stream);
                let text = match &outcome {
                    Outcome::Chosen { .. } => None,
                    Outcome::NotEligible(text) => Some(format!("preemption: {text}")),
                    Outcome::Nothing(text) => Some(format!("preemption: {text}")),
                };
                self.preemption = Some(outcome);
                match text {
                    None => return,
                    Some(text) => texts.push(text),
                }
            }
        }
        self.diagnosis.post = texts.join(", ");
    }
}
