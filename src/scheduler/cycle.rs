//! One scheduling cycle: what plugins are asked, node by node. [`super::search`] walks the nodes with
//! it plainly, [`super::cache`] with what is known already.

use std::slice::SliceIndex;

use smallvec::SmallVec;

use crate::cluster::{Cluster, Node, NodeId, PodId, Resources};

use super::config::PointLists;
use super::framework::{Code, Context, Kept, NodeView, Plugin, PreFilter, Rejection, Scope};
use super::nominator::Nominator;
use super::plugins;
use super::plugins::volume_binding::ClaimDecision;

/// A plugin by its position in [`plugins::ALL`].
pub type PluginIndex = usize;

/// A profile, its plugins built.
pub struct Profile {
    /// Enabled plugins by extension point.
    pub points: PointLists,
    /// Instances by position in [`plugins::ALL`]; `None` where there is no behaviour.
    pub plugins: Vec<Option<Box<dyn Plugin>>>,
    /// `percentageOfNodesToScore`.
    pub percentage: u32,
    /// DefaultPreemption: `minCandidateNodesPercentage` and `minCandidateNodesAbsolute`.
    pub min_candidates: (u64, u64),
}

/// Why a node was rejected, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The first plugin that rejected it.
    pub plugin: PluginIndex,
    /// Its reasons.
    pub rejection: Rejection,
}

/// What PreFilter plugins said.
#[derive(Clone, Debug, Default)]
pub struct PreFiltered {
    /// Filters to run, in order.
    pub filters: SmallVec<[PluginIndex; 16]>,
    /// The only nodes in question, and the plugins that said so.
    pub only: Option<(Vec<NodeId>, Vec<PluginIndex>)>,
}

/// The pod is rejected before any node is looked at.
#[derive(Clone, Debug)]
pub struct PreRejection {
    /// Who rejected it.
    pub plugin: PluginIndex,
    /// Whether removing pods could help.
    pub code: Code,
    /// Its words.
    pub message: String,
    /// Whether DynamicResources had been asked already.
    pub after_dynamic_resources: bool,
}

/// Score plugins with their weights.
#[derive(Clone, Debug, Default)]
pub struct KeptPlugins {
    /// Whose scores can be kept.
    pub summed: SmallVec<[(PluginIndex, i64); 4]>,
    /// Whose grades can be kept.
    pub graded: SmallVec<[(PluginIndex, i64); 4]>,
    /// What their grades are kept for ([`Plugin::grades_by`]).
    pub by: SmallVec<[u64; 4]>,
    /// That have to be asked in each cycle, and may have something to say in this one.
    pub others: SmallVec<[(PluginIndex, i64); 4]>,
}

/// A running cycle.
pub struct Cycle<'a, 'c> {
    /// The pod and the cluster.
    pub cx: Context<'c>,
    /// The profile.
    pub profile: &'a mut Profile,
    /// Pods that room is kept for.
    pub nominator: &'a Nominator,
    /// What is to be asked about each node.
    pub pre: PreFiltered,
}

/// A node with some pods thought away and others added.
#[derive(Clone, Debug)]
pub struct Overlay {
    requested: Resources,
    n_pods: i64,
    without: Vec<PodId>,
    with: Vec<PodId>,
}

impl Overlay {
    /// The node as it is.
    pub fn of(node: &Node) -> Self {
        Overlay { requested: node.requested.clone(), n_pods: node.n_pods, without: Vec::new(), with: Vec::new() }
    }

    fn view<'v>(&'v self, id: NodeId, node: &'v Node) -> NodeView<'v> {
        NodeView { id, node, requested: &self.requested, n_pods: self.n_pods, without: &self.without, with: &self.with }
    }

    /// Adds (`sign` 1) or takes away (-1) a pod.
    fn change(&mut self, pod: PodId, sign: i64, cluster: &Cluster) {
        let Some(found) = cluster.pod(pod) else { return };
        let requests = &cluster.spec(found.spec).requests;
        if sign > 0 {
            self.requested.add(requests);
        } else {
            self.requested.subtract(requests);
        }
        self.n_pods += sign;
        let (from, to) =
            if sign > 0 { (&mut self.without, &mut self.with) } else { (&mut self.with, &mut self.without) };
        match from.iter().position(|other| *other == pod) {
            Some(position) => {
                from.swap_remove(position);
            }
            None => to.push(pod),
        }
    }
}

impl Cycle<'_, '_> {
    /// Runs the PreFilter plugins.
    ///
    /// # Errors
    /// If one rejects the pod.
    pub fn pre_filter(&mut self) -> Result<(), PreRejection> {
        let mut skipped = 0u32;
        let mut only: Option<(Vec<NodeId>, Vec<PluginIndex>)> = None;
        let mut after_dynamic_resources = false;
        for position in 0..self.profile.points.pre_filter.len() {
            let index = self.profile.points.pre_filter[position];
            after_dynamic_resources |= index == plugins::DYNAMIC_RESOURCES;
            let Some(plugin) = &mut self.profile.plugins[index] else { continue };
            match plugin.pre_filter(&mut self.cx) {
                PreFilter::Filter => (),
                PreFilter::Skip => skipped |= 1 << index,
                PreFilter::Only(nodes) => only = Some(narrow(only, nodes, index)),
                PreFilter::Reject(code, message) => {
                    return Err(PreRejection { plugin: index, code, message, after_dynamic_resources });
                }
            }
        }
        let filters = self.profile.points.filter.iter().copied();
        let active = filters.filter(|index| skipped & (1 << index) == 0 && self.profile.plugins[*index].is_some());
        self.pre = PreFiltered { filters: active.collect(), only };
        Ok(())
    }

    /// Runs these of the active filters on a view of a node.
    ///
    /// # Errors
    /// The first rejection.
    pub fn run_filters(
        &self,
        which: impl SliceIndex<[PluginIndex], Output = [PluginIndex]>,
        view: &NodeView<'_>,
    ) -> Result<(), Verdict> {
        for &index in &self.pre.filters[which] {
            if let Some(plugin) = &self.profile.plugins[index] {
                plugin.filter(&self.cx, view).map_err(|rejection| Verdict { plugin: index, rejection })?;
            }
        }
        Ok(())
    }

    /// Whether the node is feasible, also with the pods nominated to it.
    ///
    /// # Errors
    /// The first rejection.
    pub fn check(&mut self, id: NodeId, node: &Node) -> Result<(), Verdict> {
        if self.nominator.concerns(self.cx.pod, id) {
            return self.check_overlay(id, node, &mut Overlay::of(node));
        }
        self.run_filters(.., &NodeView::of(id, node))
    }

    /// As [`Cycle::check`], for a node with some pods thought away.
    ///
    /// # Errors
    /// The first rejection.
    pub fn check_overlay(&mut self, id: NodeId, node: &Node, overlay: &mut Overlay) -> Result<(), Verdict> {
        let nominated = self.nominator.ahead_of(self.cx.pod, self.cx.spec.priority, id, self.cx.cluster);
        if !nominated.is_empty() {
            for pod in &nominated {
                self.suppose(overlay, *pod, id, 1);
            }
            let with = self.run_filters(.., &overlay.view(id, node));
            for pod in &nominated {
                self.suppose(overlay, *pod, id, -1);
            }
            if overlay.without.is_empty() {
                self.reset();
            }
            with?;
        }
        self.run_filters(.., &overlay.view(id, node))
    }

    /// Adds a pod to a node in thought, or takes it away.
    pub fn suppose(&mut self, overlay: &mut Overlay, pod: PodId, node: NodeId, sign: i64) {
        overlay.change(pod, sign, self.cx.cluster);
        for &index in &self.pre.filters {
            if let Some(plugin) = &mut self.profile.plugins[index] {
                plugin.suppose(&self.cx, pod, node, sign);
            }
        }
    }

    /// Forgets everything supposed.
    pub fn reset(&mut self) {
        for &index in &self.pre.filters {
            if let Some(plugin) = &mut self.profile.plugins[index] {
                plugin.reset();
            }
        }
    }

    /// What is to be done about the pod's claims on the chosen node.
    pub fn reserve(&self, id: NodeId) -> Vec<ClaimDecision> {
        let Some(node) = self.cx.cluster.node(id).filter(|_| !self.cx.spec.volumes.is_empty()) else {
            return Vec::new();
        };
        let plugins = self.pre.filters.iter().filter_map(|index| self.profile.plugins[*index].as_ref());
        plugins.flat_map(|plugin| plugin.reserve(&self.cx, id, node)).collect()
    }

    /// How many of the active filters, counted from the first, look at nothing but the node; `None` if
    /// such a one comes after one that looks at more.
    pub fn node_filters(&self) -> Option<usize> {
        let looks_at_node = |index: &PluginIndex| {
            self.profile.plugins[*index].as_ref().is_some_and(|plugin| plugin.filter_scope() == Scope::Node)
        };
        let filters = &self.pre.filters;
        let first = filters.iter().take_while(|index| looks_at_node(index)).count();
        (!filters[first..].iter().any(looks_at_node)).then_some(first)
    }

    /// The score plugins, sorted by what of their scores can be kept; of plugins that grade while grades are few, only if
    /// they are. Those whose scores are kept are called `pre_score`, without nodes.
    pub fn kept_plugins(&mut self, few: bool) -> KeptPlugins {
        let mut sorted = KeptPlugins::default();
        for &(index, weight) in &self.profile.points.score {
            let Some(plugin) = &mut self.profile.plugins[index] else { continue };
            match plugin.kept(&mut self.cx) {
                Kept::Score if plugin.pre_score(&mut self.cx, &[]) => sorted.summed.push((index, weight)),
                Kept::Score => (),
                kept if kept == Kept::Grade || (kept == Kept::GradeWhileFew && few) => {
                    sorted.graded.push((index, weight));
                    sorted.by.push(plugin.grades_by());
                }
                _ if plugin.may_score(&self.cx) => sorted.others.push((index, weight)),
                _ => (),
            }
        }
        sorted
    }

    /// The plugin's normalised scores of the feasible nodes; false if it has nothing to say.
    pub fn score_with(&mut self, plugin: PluginIndex, feasible: &[NodeId], scores: &mut Vec<i64>) -> bool {
        let Some(plugin) = self.profile.plugins[plugin].as_mut() else { return false };
        if !plugin.pre_score(&mut self.cx, feasible) {
            return false;
        }
        scores.clear();
        plugin.scores(&self.cx, feasible, scores);
        plugin.normalize(&self.cx, feasible, scores);
        true
    }

    /// The scores of nodes just scored, in the plugin's own words.
    pub fn tell(&self, plugin: PluginIndex, nodes: &[NodeId]) -> Vec<Option<String>> {
        let Some(plugin) = &self.profile.plugins[plugin] else { return Vec::new() };
        nodes.iter().map(|id| plugin.tell(&self.cx, *id, self.cx.cluster.node(*id)?)).collect()
    }

    /// Turns a plugin's grades into normalised scores; false if it has nothing to say.
    pub fn score_grades(&mut self, plugin: PluginIndex, nodes: &[usize], grades: &mut [i64]) -> bool {
        let Some(plugin) = self.profile.plugins[plugin].as_mut() else { return false };
        let scores = plugin.pre_score(&mut self.cx, &[]);
        if scores {
            plugin.score_grades(&self.cx, nodes, grades);
        }
        scores
    }

    /// Scores the feasible nodes: each plugin's weighted score, node by node. Plugins that have nothing
    /// to say are left out.
    pub fn score(&mut self, feasible: &[NodeId], mut seen: impl FnMut(PluginIndex, i64, &[i64], &[i64])) -> Vec<i64> {
        let mut totals = vec![0; feasible.len()];
        let mut scores = Vec::with_capacity(feasible.len());
        for position in 0..self.profile.points.score.len() {
            let (index, weight) = self.profile.points.score[position];
            let Some(plugin) = &mut self.profile.plugins[index] else { continue };
            if !plugin.pre_score(&mut self.cx, feasible) {
                continue;
            }
            scores.clear();
            plugin.scores(&self.cx, feasible, &mut scores);
            let raw = scores.clone();
            plugin.normalize(&self.cx, feasible, &mut scores);
            for (total, score) in totals.iter_mut().zip(&mut scores) {
                *score *= weight;
                *total += *score;
            }
            seen(index, weight, &raw, &scores);
        }
        totals
    }
}

/// Both restrictions together.
fn narrow(
    only: Option<(Vec<NodeId>, Vec<PluginIndex>)>,
    nodes: Vec<NodeId>,
    plugin: PluginIndex,
) -> (Vec<NodeId>, Vec<PluginIndex>) {
    match only {
        None => (nodes, vec![plugin]),
        Some((mut before, mut names)) => {
            before.retain(|node| nodes.contains(node));
            names.push(plugin);
            (before, names)
        }
    }
}

/// `[A B]`, as Go prints a list.
pub fn name_list(names: &[PluginIndex]) -> String {
    let mut texts: Vec<&str> = names.iter().map(|index| plugins::ALL[*index].name).collect();
    texts.sort_unstable();
    format!("[{}]", texts.join(" "))
}
