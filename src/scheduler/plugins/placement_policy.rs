//! PlacementPolicy: a policy of [`crate::scheduler::policies`] in the place of all score plugins. Not one of
//! Kubernetes' plugins, and in no profile unless [`crate::scheduler::Config::use_policy`] puts it there.
//!
//! A policy that chooses gives 100 to the node it chose and 0 to the others. Its draws come from a stream for
//! each decision, so that explaining a decision changes none.

use rustc_hash::FxHashMap;

use crate::cluster::groups::Group;
use crate::cluster::{
    Body, Cluster, DeviceSet, Node, NodeId, Object, ObjectId, Phase, PodId, Resources, RestartPolicy,
};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::policies::{Ask, Candidate, Policy, Room};

/// The plugin.
pub struct PlacementPolicy {
    policy: Option<Box<dyn Policy>>,
    /// Pods placed so far.
    placed: u64,
    /// The node chosen in this cycle by a policy that chooses.
    chosen: Option<NodeId>,
    /// By node: pods of the pod's group, and those of them that failed.
    group: FxHashMap<NodeId, (i64, i64)>,
}

impl PlacementPolicy {
    /// An instance, without effect if no policy is set.
    pub fn new(args: &Args) -> Self {
        let policy = args.policy.as_ref().map(|chosen| chosen.build());
        PlacementPolicy { policy, placed: 0, chosen: None, group: FxHashMap::default() }
    }

    fn candidate<'n>(&self, id: NodeId, node: &'n Node) -> Candidate<'n> {
        self.seen(id, node, &node.requested, node.n_pods)
    }

    /// A node of which so much is asked for by so many pods.
    fn seen<'n>(&self, id: NodeId, node: &'n Node, used: &Resources, pods: i64) -> Candidate<'n> {
        let alloc = &node.spec.allocatable;
        let room = |capacity: i64, used: i64| Room { free: capacity - used, capacity };
        let (pods_of_group, failures_of_group) = self.group.get(&id).copied().unwrap_or_default();
        Candidate {
            id,
            cpu: room(alloc.cpu, used.cpu),
            memory: room(alloc.memory, used.memory),
            gpus: &node.gpus,
            pods,
            pods_of_group,
            failures_of_group,
        }
    }

    /// Counts the pods of the pod's group: those of its controller or, without one, of its trace's group.
    fn read_group(&mut self, cx: &Context<'_>) {
        let cluster = cx.cluster;
        self.group.clear();
        let Some(group) = owner(cx).and_then(|owner| cluster.object(owner)) else {
            let nodes = traced(cx).into_iter().flat_map(|group| &group.nodes);
            self.group.extend(nodes.map(|(node, here)| (*node, (here.running, here.failed))));
            return;
        };
        for pod in group.pods.iter().filter_map(|pod| cluster.pod(*pod)) {
            let Some(node) = pod.node else { continue };
            let (running, failed) = self.group.entry(node).or_default();
            *running += i64::from(!pod.phase.is_terminal());
            *failed += i64::from(pod.phase == Phase::Failed);
        }
    }
}

fn owner(cx: &Context<'_>) -> Option<ObjectId> {
    cx.cluster.pod(cx.pod).and_then(|pod| pod.owner)
}

/// The group of a pod of a trace, if it has pods on nodes.
fn traced<'c>(cx: &Context<'c>) -> Option<&'c Group> {
    cx.spec.group.and_then(|group| cx.cluster.group((cx.spec.namespace, group)))
}

fn ask<'c>(cx: &Context<'c>) -> Ask<'c> {
    let (spec, group) = (cx.spec, owner(cx));
    let group_size = match group.and_then(|group| cx.cluster.object(group)) {
        Some(Object { body: Body::ReplicaSet(set), .. }) => i64::from(set.replicas),
        Some(object) => object.pods.len() as i64,
        None => traced(cx).map_or(0, |group| group.running) + 1,
    };
    Ask {
        cpu: spec.requests.cpu,
        memory: spec.requests.memory,
        gpu: spec.gpu.as_ref(),
        group,
        group_size,
        batch: spec.restart_policy != RestartPolicy::Always,
    }
}

impl Plugin for PlacementPolicy {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.read_group(cx);
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, view: &NodeView<'_>) -> Result<(), Rejection> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let node = self.seen(view.id, view.node, view.requested, view.n_pods);
        match policy.may(&ask(cx), &node) {
            true => Ok(()),
            false => Err(Rejection::unschedulable("node(s) were refused by the placement policy")),
        }
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, feasible: &[NodeId]) -> bool {
        let ask = ask(cx);
        self.chosen = None;
        self.read_group(cx);
        let Some(mut policy) = self.policy.take() else { return false };
        if !policy.scores_alone() && !feasible.is_empty() {
            let nodes = feasible.iter().filter_map(|id| Some(self.candidate(*id, cx.cluster.node(*id)?)));
            let nodes: Vec<Candidate<'_>> = nodes.collect();
            let mut draw = cx.cluster.seed.stream("policy", self.placed);
            self.chosen = nodes.get(policy.choose(&ask, &nodes, &mut draw)).map(|node| node.id);
        }
        self.policy = Some(policy);
        true
    }

    fn score(&self, cx: &Context<'_>, id: NodeId, node: &Node) -> i64 {
        match (self.chosen, &self.policy) {
            (Some(chosen), _) => 100 * i64::from(chosen == id),
            (None, Some(policy)) => policy.score(&ask(cx), &self.candidate(id, node)),
            (None, None) => 0,
        }
    }

    fn wakes(&self, _: &Cluster, _: &WellKnown, _: &Event<'_>, _: PodId) -> bool {
        true // nobody knows what an expression looks at
    }

    fn placed(&mut self, cx: &Context<'_>, id: NodeId, node: &Node) -> DeviceSet {
        let ask = ask(cx);
        let Some(mut policy) = self.policy.take() else { return DeviceSet::default() };
        let mut draw = cx.cluster.seed.stream("policy-devices", self.placed);
        let devices = match ask.gpu {
            Some(_) => policy.devices(&ask, &self.candidate(id, node), &mut draw),
            None => DeviceSet::default(),
        };
        policy.placed(&ask, id);
        self.placed += 1;
        self.policy = Some(policy);
        devices
    }
}
