//! GpuDevices: enough devices with enough free each, of an accepted model. Not one of Kubernetes' plugins; it
//! stands for the filters of GPU-sharing schedulers, and skips pods that ask for no share of a GPU
//! (reference: fgd.md 4).

use crate::cluster::gpu::Gpus;
use crate::cluster::{Cluster, GpuRequest, Node, PodId};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection, Scope};

/// The plugin.
pub struct GpuDevices;

impl Plugin for GpuDevices {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        if cx.spec.gpu.is_some() { PreFilter::Filter } else { PreFilter::Skip }
    }

    fn filter(&self, cx: &Context<'_>, view: &NodeView<'_>) -> Result<(), Rejection> {
        let Some(request) = &cx.spec.gpu else { return Ok(()) };
        if !request.accepts(view.node.gpus.model) {
            return Err(Rejection::unresolvable("node(s) had no GPU of an accepted model"));
        }
        let fits = if view.without.is_empty() && view.with.is_empty() {
            view.node.gpus.fits(request)
        } else {
            changed(cx.cluster, view).fits(request)
        };
        match fits {
            true => Ok(()),
            false if fits_empty(request, view.node) => Err(Rejection::unschedulable("Insufficient free GPU")),
            false => Err(Rejection::unresolvable("Insufficient free GPU")),
        }
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[("a pod leaves a node", "it used GPUs"), ("a node is added", "empty, it could hold the pod")]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(request) = cluster.pod(pod).and_then(|waiting| cluster.spec(waiting.spec).gpu.as_ref()) else {
            return true;
        };
        match *event {
            Event::PodRemoved(_, spec) => cluster.spec(spec).gpu.is_some(),
            Event::NodeAdded(node) => cluster.node(node).is_some_and(|node| fits_empty(request, node)),
            _ => false,
        }
    }
}

/// Whether the node without its pods could hold the request.
fn fits_empty(request: &GpuRequest, node: &Node) -> bool {
    Gpus::new(node.spec.gpus).fits(request)
}

/// The devices with some pods thought away and others come.
fn changed(cluster: &Cluster, view: &NodeView<'_>) -> Gpus {
    let mut gpus = view.node.gpus.clone();
    for pod in view.without.iter().filter_map(|pod| cluster.pod(*pod)).filter(|pod| pod.holds_resources()) {
        if let Some(request) = &cluster.spec(pod.spec).gpu {
            gpus.give_back(request, pod.devices);
        }
    }
    for pod in view.with.iter().filter_map(|pod| cluster.pod(*pod)) {
        if let Some(request) = &cluster.spec(pod.spec).gpu {
            let devices = gpus.tightest(request).unwrap_or_default();
            gpus.take(request, devices);
        }
    }
    gpus
}
