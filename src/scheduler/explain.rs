//! Why a pod goes where it goes, or nowhere: the data behind `sim why`.

use crate::cluster::{Cluster, NodeId, PodId};

use super::cycle::{PluginIndex, Verdict};
use super::diagnosis::Diagnosis;
use super::plugins::volume_binding::ClaimDecision;
use super::preemption::Outcome;
use super::queue::Queued;
use super::{Mode, Scheduler};

/// One plugin's scores, in the order of [`Explanation::feasible`].
#[derive(Clone, Debug)]
pub struct ScoreColumn {
    /// Position in [`super::plugins::ALL`].
    pub plugin: PluginIndex,
    /// Raw scores.
    pub raw: Vec<i64>,
    /// Normalised scores times weight.
    pub weighted: Vec<i64>,
}

/// What a scheduling attempt made now would come to, and why.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The pod.
    pub pod: PodId,
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
    /// The one taken, a tie being broken as the next attempt would.
    pub chosen: Option<NodeId>,
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

impl Scheduler {
    /// What an attempt to schedule the pod would come to now. Leaves no trace. `nodes` replaces the
    /// nodes that would be looked at; all of them are then.
    pub fn explain(&mut self, pod: PodId, cluster: &Cluster, nodes: Option<&[NodeId]>) -> Explanation {
        let spec = cluster.pod(pod).map(|found| cluster.spec(found.spec));
        let name = spec.map(|spec| spec.scheduler_name);
        let profile = self.config.profiles.iter().position(|profile| Some(profile.name) == name).unwrap_or(0);
        let queued = self.queue.get(pod).copied();
        let search = self.search(pod, profile, cluster, Mode::Explain(nodes));
        let message = search.chosen.is_none().then(|| search.diagnosis.message(cluster));
        Explanation {
            pod,
            feasible: search.feasible,
            diagnosis: search.diagnosis,
            scores: search.scores,
            totals: search.totals,
            top: search.top,
            chosen: search.chosen,
            claims: search.claims,
            preemption: search.preemption,
            message,
            queued,
        }
    }
}
