//! Why a pod goes where it goes, or nowhere: the data behind `sim why`.

use crate::cluster::{Cluster, NodeId, PodId};

use crate::engine::{Span, Time};

use super::Scheduler;
use super::config::TieBreak;
use super::cycle::{PluginIndex, Verdict};
use super::diagnosis::Diagnosis;
use super::plugins::volume_binding::ClaimDecision;
use super::preemption::Outcome;
use super::queue::Queued;
use super::search::Mode;

/// One plugin's scores, in the order of [`Explanation::feasible`].
#[derive(Clone, Debug)]
pub struct ScoreColumn {
    /// Position in [`super::plugins::ALL`].
    pub plugin: PluginIndex,
    /// Its weight in the profile.
    pub weight: i64,
    /// Raw scores.
    pub raw: Vec<i64>,
    /// Normalised scores times weight.
    pub weighted: Vec<i64>,
    /// The scores in the plugin's own words, where it has some.
    pub told: Vec<Option<String>>,
}

/// What a scheduling attempt made now would come to, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The pod.
    pub pod: PodId,
    /// Every node, in the order of the list, from the one on which the walk begins.
    pub list: Vec<NodeId>,
    /// How many feasible nodes are enough.
    pub want: usize,
    /// Nodes that passed all filters, in the order in which they were looked at.
    pub feasible: Vec<NodeId>,
    /// Nodes rejected and other things that speak against it.
    pub diagnosis: Diagnosis,
    /// Scores by plugin; empty with fewer than two feasible nodes, as scoring is then left out.
    pub scores: Vec<ScoreColumn>,
    /// The sums, in the order of `feasible`.
    pub totals: Vec<i64>,
    /// The best nodes.
    pub top: Vec<NodeId>,
    /// How one of them is taken.
    pub ties: TieBreak,
    /// The one taken, a tie being broken as the next attempt would.
    pub chosen: Option<NodeId>,
    /// The pod is nominated to the one taken, and no other was looked at.
    pub nominated_first: bool,
    /// What would be done about the pod's claims there.
    pub claims: Vec<ClaimDecision>,
    /// What preemption came to, if it was tried.
    pub preemption: Option<Outcome>,
    /// The FailedScheduling text, if there is no node.
    pub message: Option<String>,
    /// Where the pod stands in the queue.
    pub queued: Option<Queued>,
}

impl Explanation {
    /// Why the node was rejected, if it was looked at.
    pub fn verdict(&self, node: NodeId) -> Option<&Verdict> {
        self.diagnosis.rejected.verdict(node)
    }
}

/// What a plugin listens to: what happens, and to what end.
pub type Events = &'static [(&'static str, &'static str)];

/// What a pod in the queue waits for.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Where it stands.
    pub queued: Queued,
    /// The plugins that rejected it in its last attempt, and what they listen to.
    pub rejected_by: Vec<(PluginIndex, Events)>,
    /// The back-off its failures have earned it: its length, and the tick on which it leaves the back-off
    /// queue unless the scheduler is idle before.
    pub backoff: Option<(Span, Time)>,
    /// When it is tried again even if nothing happens.
    pub flush: Option<Time>,
}

impl Scheduler {
    /// What an attempt to schedule the pod would come to now. Leaves no trace. `nodes` replaces the
    /// nodes that would be looked at; all of them are then, and scored even if only one is feasible.
    pub fn explain(&mut self, pod: PodId, cluster: &Cluster, nodes: Option<&[NodeId]>) -> Explanation {
        let spec = cluster.pod(pod).map(|found| cluster.spec(found.spec));
        let name = spec.map(|spec| spec.scheduler_name);
        let profile = self.config.profiles.iter().position(|profile| Some(profile.name) == name).unwrap_or(0);
        let queued = self.queue.get(pod).copied();
        let search = self.search(pod, profile, cluster, Mode::Explain(nodes));
        let message = search.chosen.is_none().then(|| search.diagnosis.message(cluster));
        let mut list = self.order.list().to_vec();
        list.rotate_left(self.next_start % self.order.list().len().max(1));
        Explanation {
            pod,
            list,
            want: search.sample.map_or(0, |sample| sample.want),
            feasible: search.feasible,
            diagnosis: search.diagnosis,
            scores: search.scores,
            totals: search.totals,
            top: search.top,
            ties: self.config.ties,
            chosen: search.chosen,
            nominated_first: search.nominated_first,
            claims: search.claims,
            preemption: search.preemption,
            message,
            queued,
        }
    }

    /// From now on each attempt to schedule the pod is explained before it is made.
    pub fn ask_about(&mut self, pod: PodId) {
        self.asked = Some(pod);
    }

    /// The explanation of the attempt just made, if it was asked for.
    pub fn take_explanation(&mut self) -> Option<Box<Explanation>> {
        self.explained.take()
    }

    /// What the pod waits for, if it is in the queue.
    pub fn waiting(&self, pod: PodId) -> Option<Waiting> {
        let queued = *self.queue.get(pod)?;
        let plugins = self.profiles.get(queued.profile).map_or(&[][..], |profile| &profile.plugins);
        let rejecting = plugins.iter().enumerate().filter(|(index, _)| queued.rejected_by & (1 << index) != 0);
        let rejected_by = rejecting.filter_map(|(index, plugin)| Some((index, plugin.as_ref()?.waits_for()))).collect();
        let backoff = self.queue.delay(&queued).zip(self.queue.leaves_backoff(&queued));
        Some(Waiting { queued, rejected_by, backoff, flush: self.queue.flushed(&queued) })
    }
}
