//! NodeUnschedulable (reference: scheduler.md 3.2).
//!
//! A node with `spec.unschedulable` takes only pods that tolerate the taint
//! `node.kubernetes.io/unschedulable:NoSchedule`.

use crate::cluster::{Cluster, Effect, Name, PodId, PodSpec, Taint};
use crate::engine::Time;
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, Rejection, Scope};

/// The plugin.
pub struct NodeUnschedulable {
    key: Name,
    empty: Name,
}

impl NodeUnschedulable {
    /// An instance.
    pub fn new(known: &WellKnown) -> Self {
        NodeUnschedulable { key: known.unschedulable, empty: known.empty }
    }

    fn tolerates(&self, spec: &PodSpec) -> bool {
        let taint = Taint { key: self.key, value: self.empty, effect: Effect::NoSchedule, added_at: Time::ZERO };
        spec.tolerations.iter().any(|toleration| toleration.tolerates(&taint))
    }
}

impl Plugin for NodeUnschedulable {
    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        if node.node.spec.unschedulable && !self.tolerates(cx.spec) {
            return Err(Rejection::unresolvable("node(s) were unschedulable"));
        }
        Ok(())
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[("a node is added", "it is not cordoned"), ("a node is uncordoned", "always")]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, _pod: PodId) -> bool {
        match *event {
            Event::NodeAdded(node) => cluster.node(node).is_some_and(|node| !node.spec.unschedulable),
            Event::NodeTainted(node, before) => {
                before.unschedulable && cluster.node(node).is_some_and(|node| !node.spec.unschedulable)
            }
            _ => false,
        }
    }
}
