//! NodeName (reference: scheduler.md 3.2).
//!
//! A pod whose template names a node runs there or nowhere; only reachable while that node is
//! missing, as such a pod is otherwise born bound.

use crate::cluster::{Cluster, PodId};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, Rejection, Scope};

/// The plugin.
pub struct NodeName;

impl Plugin for NodeName {
    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        match cx.spec.node_name {
            Some(name) if name != node.node.name() => {
                Err(Rejection::unresolvable("node(s) didn't match the requested node name"))
            }
            _ => Ok(()),
        }
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[("a node is added", "always")]
    }

    fn wakes(&self, _cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, _pod: PodId) -> bool {
        matches!(event, Event::NodeAdded(_))
    }
}
