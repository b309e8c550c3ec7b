//! What a plugin is: the extension points of kube-scheduler as one trait with a default for each, and
//! the data that passes through them.
//!
//! A plugin instance belongs to one profile and keeps the state of the current cycle (Kubernetes'
//! `CycleState`) in itself: `pre_filter` and `pre_score` write it, `filter` and `score` read it.

use smallvec::SmallVec;

use crate::cluster::{Cluster, DeviceSet, Name, Node, NodeId, PodId, PodSpec, Resources, SpecId};

use super::config::WellKnown;
use super::event::Event;
use super::index::Index;
use super::plugins::volume_binding::ClaimDecision;
use super::policies::Failures;

/// Whether removing pods from the node could help (reference: scheduler.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// It could.
    Unschedulable,
    /// It could not.
    UnschedulableAndUnresolvable,
}

impl Code {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Unschedulable => "Unschedulable",
            Code::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
        }
    }
}

/// One reason why a node was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The text itself.
    Text(&'static str),
    /// `Insufficient <resource>`.
    Insufficient(Name),
}

impl Reason {
    /// Kubernetes' words.
    pub fn text(self, cluster: &Cluster) -> String {
        match self {
            Reason::Text(text) => text.to_string(),
            Reason::Insufficient(resource) => format!("Insufficient {}", cluster.names.text(resource)),
        }
    }
}

/// Why a plugin rejected a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Whether removing pods could help.
    pub code: Code,
    /// All reasons the plugin gave.
    pub reasons: SmallVec<[Reason; 2]>,
}

impl Rejection {
    /// A rejection that removing pods may cure.
    pub fn unschedulable(reason: &'static str) -> Self {
        Rejection { code: Code::Unschedulable, reasons: smallvec::smallvec![Reason::Text(reason)] }
    }

    /// A rejection that removing pods cannot cure.
    pub fn unresolvable(reason: &'static str) -> Self {
        Rejection { code: Code::UnschedulableAndUnresolvable, reasons: smallvec::smallvec![Reason::Text(reason)] }
    }
}

/// What a plugin says before nodes are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreFilter {
    /// Its filter must be asked about each node.
    Filter,
    /// Its filter has nothing to say about this pod.
    Skip,
    /// As `Filter`, and only these nodes come into question, in no particular order.
    Only(Vec<NodeId>),
    /// No node comes into question.
    Reject(Code, String),
}

/// The pod being placed and what is known of the cluster.
pub struct Context<'a> {
    /// The cluster, assumed pods included.
    pub cluster: &'a Cluster,
    /// Counts kept up to date between cycles.
    pub index: &'a mut Index,
    /// Names the scheduler knows by heart.
    pub known: &'a WellKnown,
    /// The pod.
    pub pod: PodId,
    /// Its template's id.
    pub spec_id: SpecId,
    /// Its template.
    pub spec: &'a PodSpec,
}

/// A node as a filter sees it: as it is, or as it would be with some pods gone (preemption) and some
/// nominated ones come.
#[derive(Clone, Copy)]
pub struct NodeView<'a> {
    /// The node's id.
    pub id: NodeId,
    /// The node.
    pub node: &'a Node,
    /// What its pods ask for.
    pub requested: &'a Resources,
    /// How many pods it has.
    pub n_pods: i64,
    /// Pods to be thought away.
    pub without: &'a [PodId],
    /// Pods to be added in thought.
    pub with: &'a [PodId],
}

impl<'a> NodeView<'a> {
    /// The node as it is.
    pub fn of(id: NodeId, node: &'a Node) -> Self {
        NodeView { id, node, requested: &node.requested, n_pods: node.n_pods, without: &[], with: &[] }
    }

    /// The pods that hold resources of the node.
    pub fn pods(self, cluster: &'a Cluster) -> impl Iterator<Item = PodId> + 'a {
        let present = self.node.pods.iter().chain(self.with).copied();
        present.filter(move |pod| {
            !self.without.contains(pod) && cluster.pod(*pod).is_some_and(|pod| !pod.phase.is_terminal())
        })
    }
}

/// On what a filter's verdict depends besides the pod's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only on the node and its pods: the verdict can be kept until the node changes.
    Node,
    /// On anything.
    Cluster,
}

/// What of a plugin's score can be kept for a pod template until the node or its pods change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: it depends on anything.
    Nothing,
    /// The raw score, which needs no normalisation.
    Score,
    /// A grade of the node, of which there are few: equal grades score alike.
    Grade,
    /// A grade of the node, as long as few are met.
    GradeWhileFew,
}

/// A scheduling plugin. Every method has the answer of a plugin that does not take part.
///
/// In each cycle `pre_filter` is called once, then `filter` for each node looked at; if at least two
/// nodes are feasible, `pre_score` once, `score` for each feasible node, `normalize` once.
pub trait Plugin {
    /// Looks at the pod before any node; may leave state for `filter`.
    fn pre_filter(&mut self, _cx: &mut Context<'_>) -> PreFilter {
        PreFilter::Filter
    }

    /// Whether the pod may run on the node.
    ///
    /// # Errors
    /// Why not.
    fn filter(&self, _cx: &Context<'_>, _node: &NodeView<'_>) -> Result<(), Rejection> {
        Ok(())
    }

    /// On what [`Plugin::filter`] depends.
    fn filter_scope(&self) -> Scope {
        Scope::Cluster
    }

    /// From now on until [`Plugin::reset`], `filter` answers as if `pod` had come to (`sign` 1) or left
    /// (-1) `node`. Plugins that read [`NodeView`] only need not care.
    fn suppose(&mut self, _cx: &Context<'_>, _pod: PodId, _node: NodeId, _sign: i64) {}

    /// Forgets everything supposed.
    fn reset(&mut self) {}

    /// What is to be done about the pod's claims on the node chosen for it. Called after `pre_filter`.
    fn reserve(&self, _cx: &Context<'_>, _id: NodeId, _node: &Node) -> Vec<ClaimDecision> {
        Vec::new()
    }

    /// The pod goes to this node; which devices it is to get, none leaving the choice to the cluster.
    /// Called once for each decision to bind, of the placement policy only.
    fn placed(&mut self, _cx: &Context<'_>, _id: NodeId, _node: &Node) -> DeviceSet {
        DeviceSet::default()
    }

    /// Looks at the pod and the feasible nodes; false if the plugin has nothing to say and contributes
    /// 0 to every node.
    fn pre_score(&mut self, _cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        true
    }

    /// False if `pre_score` is sure to be false, whatever nodes are feasible: asked first where that
    /// saves putting them together.
    fn may_score(&self, _cx: &Context<'_>) -> bool {
        true
    }

    /// The raw score of a feasible node.
    fn score(&self, _cx: &Context<'_>, _id: NodeId, _node: &Node) -> i64 {
        0
    }

    /// The score in the plugin's own words, for people; `None` if the number says it all.
    fn tell(&self, _cx: &Context<'_>, _id: NodeId, _node: &Node) -> Option<String> {
        None
    }

    /// What failed so far of what people wrote.
    fn failures(&self) -> Vec<Failures> {
        Vec::new()
    }

    /// Fills `scores`, which is empty, with the raw scores of all feasible nodes; for plugins that can do better
    /// than one by one.
    fn scores(&self, cx: &Context<'_>, feasible: &[NodeId], scores: &mut Vec<i64>) {
        let nodes = feasible.iter().filter_map(|id| Some((*id, cx.cluster.node(*id)?)));
        scores.extend(nodes.map(|(id, node)| self.score(cx, id, node)));
    }

    /// Brings the raw scores of all feasible nodes into [0, 100].
    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], _scores: &mut [i64]) {}

    /// What of the score can be kept between cycles.
    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Nothing
    }

    /// With a kept grade: the node's grade, the raw score if not said otherwise. `None` if there are too many grades.
    fn grade(&self, cx: &Context<'_>, id: NodeId, node: &Node) -> Option<i64> {
        Some(self.score(cx, id, node))
    }

    /// With a kept grade: what it depends on besides the pod's template, the node and the pods there. When that is
    /// another, all grades are asked for anew.
    fn grades_by(&self) -> u64 {
        0
    }

    /// With a kept grade: turns the grades found among the feasible nodes into normalised scores; `nodes` says how many
    /// nodes each stands for. Called after `pre_score`, which is given no nodes then.
    fn score_grades(&self, cx: &Context<'_>, _nodes: &[usize], grades: &mut [i64]) {
        self.normalize(cx, &[], grades);
    }

    /// The events to which [`Plugin::wakes`] may answer yes, for people: what happens, and to what end.
    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Whether `event` could make a pod schedulable that this plugin rejected (a queueing hint,
    /// reference 1.4). `pod` is the waiting pod.
    fn wakes(&self, _cluster: &Cluster, _known: &WellKnown, _event: &Event<'_>, _pod: PodId) -> bool {
        false
    }
}

/// Kubernetes' default normalisation (reference 4.1): `100·s/max`, reversed `100 - 100·s/max`; with a
/// largest score of 0 all stay 0, or become 100 if reversed.
pub fn normalize_by_max(scores: &mut [i64], reverse: bool) {
    let max = scores.iter().copied().max().unwrap_or(0).max(0);
    for score in scores {
        *score = match (max, reverse) {
            (0, true) => 100,
            (0, false) => *score,
            (_, true) => 100 - 100 * *score / max,
            (_, false) => 100 * *score / max,
        };
    }
}
