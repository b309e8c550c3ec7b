//! PlacementPolicy: a policy of [`crate::scheduler::policies`] in the place of all score plugins. Not one of
//! Kubernetes' plugins, and in no profile unless [`crate::scheduler::Config::use_policy`] puts it there.
//!
//! A policy that chooses gives 100 to the node it chose and 0 to the others. Its draws come from a stream for
//! each decision, so that explaining a decision changes none.

use rustc_hash::FxHashMap;

use crate::cluster::groups::Group;
use crate::cluster::{Body, Cluster, DeviceSet, Node, NodeId, Object, Part, Phase, Pod, PodId, RestartPolicy, Status};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::policies::details::{NodeDetails, PodDetails};
use crate::scheduler::policies::{Ask, Candidate, Failures, Policy, Room};

/// The plugin.
pub struct PlacementPolicy {
    policy: Option<Box<dyn Policy>>,
    /// Pods placed so far.
    placed: u64,
    /// The node chosen in this cycle by a policy that chooses.
    chosen: Option<NodeId>,
    /// By node: what the pod's group has there.
    group: FxHashMap<NodeId, GroupThere>,
    /// Nodes that are Ready and not cordoned, counted once in each cycle for policies that choose.
    n_nodes: usize,
}

/// What a group has on a node.
#[derive(Clone, Copy, Debug, Default)]
struct GroupThere {
    /// Pods that have not ended.
    pods: i64,
    /// Pods that failed.
    failures: i64,
    /// Whether one of them had the index of the pod being placed.
    of_index: bool,
}

impl PlacementPolicy {
    /// An instance, without effect if no policy is set.
    pub fn new(args: &Args) -> Self {
        let policy = args.policy.as_ref().map(|chosen| chosen.build());
        PlacementPolicy { policy, placed: 0, chosen: None, group: FxHashMap::default(), n_nodes: 0 }
    }

    fn candidate<'n>(&self, cx: &Context<'n>, id: NodeId, node: &'n Node) -> Candidate<'n> {
        self.seen(cx, &NodeView::of(id, node))
    }

    /// A node as a filter sees it.
    fn seen<'n>(&self, cx: &Context<'n>, view: &NodeView<'n>) -> Candidate<'n> {
        let NodeView { id, node, requested: used, n_pods: pods, .. } = *view;
        let alloc = &node.spec.allocatable;
        let room = |capacity: i64, used: i64| Room { free: capacity - used, capacity };
        let group = self.group.get(&id).copied().unwrap_or_default();
        Candidate {
            id,
            cpu: room(alloc.cpu, used.cpu),
            memory: room(alloc.memory, used.memory),
            scored: node.score_requested,
            gpus: &node.gpus,
            pods,
            pods_of_group: group.pods,
            failures_of_group: group.failures,
            failed_before: group.of_index,
            details: Some(NodeDetails { node, names: &cx.cluster.names }),
        }
    }

    /// Looks at the pods of the pod's group: those of its controller or, without one, of its trace's group.
    fn read_group(&mut self, cx: &Context<'_>) {
        self.group.clear();
        let Some(placed) = cx.cluster.pod(cx.pod) else { return };
        let Some(group) = placed.owner.and_then(|group| cx.cluster.object(group)) else {
            for (node, here) in traced(cx).into_iter().flat_map(|group| &group.nodes) {
                let there = GroupThere { pods: here.running, failures: here.failed, of_index: false };
                self.group.insert(*node, there);
            }
            return;
        };
        for pod in group.pods.iter().filter_map(|pod| cx.cluster.pod(*pod)) {
            let Some(node) = pod.node else { continue };
            let there = self.group.entry(node).or_default();
            let failed = pod.phase == Phase::Failed;
            there.pods += i64::from(!pod.phase.is_terminal());
            there.failures += i64::from(failed);
            there.of_index |= failed && index(placed).is_some_and(|own| Some(own) == index(pod));
        }
    }

    fn ask<'c>(&self, cx: &Context<'c>) -> Ask<'c> {
        let spec = cx.spec;
        let group = cx.cluster.pod(cx.pod).and_then(|pod| pod.owner);
        let size = match group.and_then(|group| cx.cluster.object(group)) {
            Some(object) => group_size(object),
            None => traced(cx).map_or(0, |group| group.running) + 1,
        };
        Ask {
            cpu: spec.requests.cpu,
            memory: spec.requests.memory,
            scored: spec.container_score_requests(),
            gpu: spec.gpu.as_ref(),
            group,
            group_size: size,
            batch: spec.restart_policy != RestartPolicy::Always,
            n_nodes: self.n_nodes,
            details: Some(PodDetails { spec, names: &cx.cluster.names }),
        }
    }
}

/// The group of a pod of a trace, if it has pods on nodes.
fn traced<'c>(cx: &Context<'c>) -> Option<&'c Group> {
    cx.spec.group.and_then(|group| cx.cluster.group((cx.spec.namespace, group)))
}

/// The index of a pod of an Indexed Job.
fn index(pod: &Pod) -> Option<u32> {
    match pod.part {
        Part::Index { index, .. } => Some(index),
        Part::Any | Part::Node(_) => None,
    }
}

/// How many pods the controller wants at a time.
fn group_size(object: &Object) -> i64 {
    i64::from(match &object.body {
        Body::ReplicaSet(set) => set.replicas,
        Body::StatefulSet(set) => set.replicas,
        Body::Job(job) => job.parallelism.min(job.completions.unwrap_or(u32::MAX)),
        // the controller writes what it wants after it has created the first pods
        Body::DaemonSet(set) => set.status.desired.max(object.pods.len() as u32),
        _ => object.pods.len() as u32,
    })
}

impl Plugin for PlacementPolicy {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.read_group(cx);
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, view: &NodeView<'_>) -> Result<(), Rejection> {
        let Some(policy) = &self.policy else { return Ok(()) };
        let node = self.seen(cx, view);
        match policy.may(&self.ask(cx), &node) {
            true => Ok(()),
            false => Err(Rejection::unschedulable("node(s) were refused by the placement policy")),
        }
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, feasible: &[NodeId]) -> bool {
        self.chosen = None;
        self.read_group(cx);
        let open = |(_, node): &(NodeId, &Node)| node.ready.status == Status::True && !node.spec.unschedulable;
        let Some(mut policy) = self.policy.take() else { return false };
        if !policy.scores_alone() && !feasible.is_empty() {
            self.n_nodes = cx.cluster.nodes().filter(open).count();
            let ask = self.ask(cx);
            let nodes = feasible.iter().filter_map(|id| Some(self.candidate(cx, *id, cx.cluster.node(*id)?)));
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
            (None, Some(policy)) => policy.score(&self.ask(cx), &self.candidate(cx, id, node)),
            (None, None) => 0,
        }
    }

    fn tell(&self, cx: &Context<'_>, id: NodeId, node: &Node) -> Option<String> {
        let told = self.policy.as_ref()?.tell(&self.ask(cx), &self.candidate(cx, id, node));
        let word = self.chosen.map(|chosen| if chosen == id { "chosen" } else { "passed over" });
        match (word, told) {
            (Some(word), Some(told)) => Some(format!("{word} ({told})")),
            (word, told) => told.or(word.map(str::to_string)),
        }
    }

    fn failures(&self) -> Vec<Failures> {
        self.policy.as_ref().map_or(Vec::new(), |policy| policy.failures())
    }

    fn wakes(&self, _: &Cluster, _: &WellKnown, _: &Event<'_>, _: PodId) -> bool {
        true // nobody knows what an expression looks at
    }

    fn placed(&mut self, cx: &Context<'_>, id: NodeId, node: &Node) -> DeviceSet {
        let ask = self.ask(cx);
        let Some(mut policy) = self.policy.take() else { return DeviceSet::default() };
        let mut draw = cx.cluster.seed.stream("policy-devices", self.placed);
        let devices = match ask.gpu {
            Some(_) => policy.devices(&ask, &self.candidate(cx, id, node), &mut draw),
            None => DeviceSet::default(),
        };
        policy.placed(&ask, id);
        self.placed += 1;
        self.policy = Some(policy);
        devices
    }
}
