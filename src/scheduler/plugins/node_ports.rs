//! NodePorts (reference: scheduler.md 3.2).
//!
//! The host ports of app containers and sidecars must be free on the node: two ports clash if
//! protocol and number are equal and either IP is 0.0.0.0 or both are equal.

use crate::cluster::spec::Role;
use crate::cluster::{Cluster, Name, PodId, PodSpec};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection, Scope};

/// The plugin.
pub struct NodePorts {
    any_ip: Name,
    empty: Name,
}

type Port = (Name, Name, u16);

impl NodePorts {
    /// An instance.
    pub fn new(known: &WellKnown) -> Self {
        NodePorts { any_ip: known.any_ip, empty: known.empty }
    }

    fn is_any(&self, ip: Name) -> bool {
        ip == self.any_ip || ip == self.empty
    }

    fn clash(&self, a: &Port, b: &Port) -> bool {
        a.1 == b.1 && a.2 == b.2 && (self.is_any(a.0) || self.is_any(b.0) || a.0 == b.0)
    }

    fn specs_clash(&self, a: &PodSpec, b: &PodSpec) -> bool {
        ports(a).any(|wanted| ports(b).any(|used| self.clash(wanted, used)))
    }
}

fn ports(spec: &PodSpec) -> impl Iterator<Item = &Port> {
    let containers = spec.containers.iter().filter(|container| container.role != Role::Init);
    containers.flat_map(|container| &container.host_ports)
}

impl Plugin for NodePorts {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        if ports(cx.spec).next().is_none() { PreFilter::Skip } else { PreFilter::Filter }
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let mut specs =
            node.pods(cx.cluster).filter_map(|pod| cx.cluster.pod(pod)).map(|pod| cx.cluster.spec(pod.spec));
        if specs.any(|spec| self.specs_clash(cx.spec, spec)) {
            return Err(Rejection::unschedulable("node(s) didn't have free ports for the requested pod ports"));
        }
        Ok(())
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[("a pod leaves a node", "it held one of the pod's host ports"), ("a node is added", "always")]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        match *event {
            Event::NodeAdded(_) => true,
            Event::PodRemoved(_, gone) => {
                let Some(pod) = cluster.pod(pod) else { return true };
                self.specs_clash(cluster.spec(pod.spec), cluster.spec(gone))
            }
            _ => false,
        }
    }
}
