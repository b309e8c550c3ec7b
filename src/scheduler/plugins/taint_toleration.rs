//! TaintToleration (reference: scheduler.md 3.2 and 4.5).
//!
//! Filter: every taint with effect NoSchedule or NoExecute must be tolerated. Score: the number of
//! PreferNoSchedule taints not tolerated, `100 - 100·n/max`.

use crate::cluster::{Cluster, Effect, Node, NodeId, PodId, PodSpec, Taint};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, Kept, NodeView, Plugin, Rejection, Scope, normalize_by_max};

/// The plugin.
pub struct TaintToleration;

/// Whether the pod may run on a node with these taints.
pub fn tolerates_all(spec: &PodSpec, taints: &[Taint]) -> bool {
    taints.iter().all(|taint| {
        taint.effect == Effect::PreferNoSchedule
            || spec.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    })
}

impl Plugin for TaintToleration {
    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        if tolerates_all(cx.spec, &node.node.spec.taints) {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) had untolerated taint(s)"))
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn score(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        let untolerated = |taint: &&Taint| {
            taint.effect == Effect::PreferNoSchedule
                && !cx.spec.tolerations.iter().any(|toleration| toleration.tolerates(taint))
        };
        node.spec.taints.iter().filter(untolerated).count() as i64
    }

    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], scores: &mut [i64]) {
        normalize_by_max(scores, true);
    }

    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Grade
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a node is added", "the pod tolerates its taints"),
            ("a node's taints change", "the pod tolerates them now and did not before"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let (node, before) = match *event {
            Event::NodeAdded(node) => (node, None),
            Event::NodeTainted(node, before) => (node, Some(before)),
            _ => return false,
        };
        let (Some(pod), Some(node)) = (cluster.pod(pod), cluster.node(node)) else { return true };
        let spec = cluster.spec(pod.spec);
        tolerates_all(spec, &node.spec.taints) && before.is_none_or(|before| !tolerates_all(spec, &before.taints))
    }
}
