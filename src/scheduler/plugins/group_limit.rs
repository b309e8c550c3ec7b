//! GroupLimit: no more pods of a group on a node than the group allows. Not one of Kubernetes' plugins; it stands for
//! the spread limits of recorded traces (`max_instance_per_node` of Alibaba's services, "different machine" of Google's
//! tasks). Kubernetes itself has only the limit of one, required anti-affinity by host; as that, a limit holds in both
//! directions: a pod stays away, too, where it would be one too many for a pod of its group that is there.

use crate::cluster::{Cluster, PodId, PodSpec};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection, Scope};

/// The plugin.
pub struct GroupLimit;

impl Plugin for GroupLimit {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        match cx.spec.group.filter(|_| cx.cluster.limits_groups()) {
            Some(_) => PreFilter::Filter,
            None => PreFilter::Skip,
        }
    }

    fn filter(&self, cx: &Context<'_>, view: &NodeView<'_>) -> Result<(), Rejection> {
        if cx.spec.group.is_none() {
            return Ok(());
        }
        let specs = view.pods(cx.cluster).filter_map(|pod| Some(cx.cluster.spec(cx.cluster.pod(pod)?.spec)));
        let of_group = specs.filter(|spec| same(spec, cx.spec));
        let limit = |spec: &PodSpec| spec.max_per_node.unwrap_or(u32::MAX);
        let (pods, least) =
            of_group.fold((1, limit(cx.spec)), |(pods, least), spec| (pods + 1, least.min(limit(spec))));
        match pods <= least {
            true => Ok(()),
            false => Err(Rejection::unschedulable("node(s) had as many pods of the group as it allows")),
        }
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[("a pod leaves a node", "it was of the group"), ("a node is added", "always")]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(waiting) = cluster.pod(pod).map(|waiting| cluster.spec(waiting.spec)) else { return true };
        match *event {
            Event::PodRemoved(_, spec) => same(cluster.spec(spec), waiting),
            Event::NodeAdded(_) => true,
            _ => false,
        }
    }
}

/// Whether both are of one group.
fn same(one: &PodSpec, other: &PodSpec) -> bool {
    one.group == other.group && one.namespace == other.namespace
}
