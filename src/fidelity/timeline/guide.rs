//! Chance, as the recording had it. Where the real mechanism leaves a choice to chance (several nodes
//! with the best score, the order of random UIDs), the run takes what was recorded, and only there:
//! a recorded choice that the mechanism could not have made is never taken.
//!
//! Pods of one owner are matched as they are placed: a pod of the run stands for the first recorded one
//! of its owner that went to the same node at about that time.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeId, PodId};

use super::story::{PodStory, Story};

/// Pods bound within this many seconds of one another may swap places: their order is chance.
const WINDOW: f64 = 1.0;

/// What the recording knows about chance.
#[derive(Debug, Default)]
pub struct Guide {
    /// Recorded pods that are bound, by owner, in order of binding: index into the story, not yet matched.
    waiting: BTreeMap<String, Vec<usize>>,
    recorded: Vec<PodStory>,
    /// The recorded pod that a pod of the run stands for.
    matched: BTreeMap<PodId, usize>,
    /// Owners of the run's pods.
    owners: BTreeMap<PodId, String>,
}

impl Guide {
    /// A guide by this recording.
    pub fn new(story: &Story) -> Self {
        let mut waiting: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut bound: Vec<(f64, usize)> =
            story.pods.iter().enumerate().filter_map(|(index, pod)| Some((pod.bound?, index))).collect();
        bound.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, index) in bound {
            waiting.entry(story.pods[index].owner.clone()).or_default().push(index);
        }
        Guide { waiting, recorded: story.pods.clone(), ..Guide::default() }
    }

    /// A pod of the run was created.
    pub fn created(&mut self, pod: PodId, owner: &str) {
        self.owners.insert(pod, owner.to_string());
    }

    /// The best node that the recording took first.
    pub fn choose(&self, pod: PodId, top: &[NodeId], cluster: &Cluster, t: f64) -> Option<NodeId> {
        let names: Vec<&str> = top.iter().map(|node| cluster.node_name(*node)).collect();
        let chosen = self.candidates(pod, cluster, t).find_map(|index| {
            let node = self.recorded[index].node.as_deref()?;
            names.iter().position(|name| *name == node)
        });
        chosen.map(|position| top[position])
    }

    /// A pod of the run was given or nominated to a node: it stands for a recorded one from now on.
    pub fn placed(&mut self, pod: PodId, node: &str, cluster: &Cluster, t: f64) {
        if self.matched.contains_key(&pod) {
            return;
        }
        let same_node = |index: &usize| self.recorded[*index].node.as_deref() == Some(node);
        let found = self.candidates(pod, cluster, t).find(same_node);
        let Some(found) = found.or_else(|| self.candidates(pod, cluster, t).next()) else { return };
        self.matched.insert(pod, found);
        if let Some(waiting) = self.owners.get(&pod).and_then(|owner| self.waiting.get_mut(owner)) {
            waiting.retain(|index| *index != found);
        }
    }

    /// Recorded pods that this one may stand for, in order of binding.
    fn candidates(&self, pod: PodId, cluster: &Cluster, t: f64) -> impl Iterator<Item = usize> {
        let waiting = self.owners.get(&pod).and_then(|owner| self.waiting.get(owner));
        let waiting = waiting.map(Vec::as_slice).unwrap_or_default();
        let bound = |index: usize| self.recorded[index].bound.unwrap_or(f64::INFINITY);
        let until = waiting.first().map_or(t, |first| bound(*first).max(t)) + WINDOW;
        let ordinal = self.owners.get(&pod).filter(|owner| owner.starts_with("StatefulSet/"));
        let name = ordinal.map(|_| cluster.pod_name(pod));
        let fits = move |index: &usize| name.as_ref().is_none_or(|name| self.recorded[*index].name == *name);
        waiting.iter().copied().filter(fits).take_while(move |index| bound(*index) <= until)
    }

    /// The recorded pod this one stands for.
    pub fn recorded_as(&self, pod: PodId) -> Option<usize> {
        self.matched.get(&pod).copied()
    }

    /// The pod of the run that stands for the living recorded pod of this name.
    pub fn find(&self, name: &str, t: f64) -> Option<PodId> {
        let lives =
            |pod: &PodStory| pod.name == name && pod.created <= t && pod.removed.is_none_or(|removed| removed >= t);
        self.matched.iter().find(|(_, index)| lives(&self.recorded[**index])).map(|(pod, _)| *pod)
    }

    /// A UID in the order in which the recorded pods were marked for deletion: ranking falls back on
    /// UIDs, which are random.
    pub fn uid(&self, pod: PodId) -> Option<u128> {
        let recorded = &self.recorded[self.recorded_as(pod)?];
        let marks = || self.recorded.iter().filter_map(|pod| pod.marked).filter(|t| *t >= 0.0);
        let turn = recorded.marked.map(|t| marks().filter(|mark| *mark < t).count() as u64);
        let step = u64::MAX / (marks().count() as u64 + 1);
        let high = turn.map_or(u64::MAX, |turn| (turn + 1) * step);
        Some(u128::from(high) << 64 | u128::from(pod.0))
    }
}
