//! The run's digest: a 64-bit hash over every change with its time. Two runs with the same digest did
//! the same; it is printed by every run and compared by `--verify`.

use crate::cluster::{Change, Cluster, Container, NodeId, Phase, PodId, Status};

/// Hash over the stream of changes so far.
///
/// Per change: `h ← mix(h ⊕ time); h ← mix(h ⊕ (code, id, detail))` with SplitMix64's output function.
/// Integers only, so that it is the same everywhere. Codes are fixed by hand: a new kind of change takes
/// the next one, so that digests of runs without it stay.
#[derive(Clone, Copy, Debug)]
pub struct Digest {
    hash: u64,
    changes: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest { hash: 0x6b38_7373_696d_3031, changes: 0 }
    }
}

impl Digest {
    /// Adds a change at `cluster.now`.
    pub fn add(&mut self, change: Change, cluster: &Cluster) {
        let (code, id, detail) = words(change, cluster);
        self.hash = mix(self.hash ^ cluster.now.0);
        self.hash = mix(self.hash ^ (code << 56) ^ (u64::from(id) << 24) ^ detail);
        self.changes += 1;
    }

    /// The hash.
    pub fn value(&self) -> u64 {
        self.hash
    }

    /// How many changes went into it.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

/// The output function of SplitMix64.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A change as (code, id, detail).
fn words(change: Change, cluster: &Cluster) -> (u64, u32, u64) {
    match change {
        Change::NodeAdded(node) => (1, node.0, 0),
        Change::NodeRemoved(node) => (2, node.0, 0),
        Change::NodeReady { node, from, to } => (3, node.0, status(from) * 4 + status(to)),
        Change::NodeTainted(node) => (4, node.0, cluster.node(node).map_or(0, |node| node.spec.taints.len() as u64)),
        Change::NodeCordoned(node, on) => (5, node.0, u64::from(on)),
        Change::NodeLabelled(node) => (6, node.0, 0),
        Change::NodeResized(node) => (7, node.0, 0),
        Change::NodeImages(node) => (8, node.0, 0),
        Change::LeaseRenewing(node, on) => (9, node.0, u64::from(on)),
        Change::Machine(node) => {
            let found = cluster.node(node).or_else(|| cluster.removed_node(node));
            (10, node.0, found.map_or(0, |node| u64::from(node.machine.epoch)))
        }
        Change::PodCreated(pod) => (11, pod.0, 0),
        Change::PodAssumed(pod) => (12, pod.0, node_of(pod, cluster)),
        Change::PodForgotten(pod, NodeId(node)) => (13, pod.0, u64::from(node)),
        Change::PodBound(pod) => (14, pod.0, node_of(pod, cluster)),
        Change::PodPhase { pod, from, to } => (15, pod.0, phase(from) * 4 + phase(to)),
        Change::PodReady(pod, on) => (16, pod.0, u64::from(on)),
        Change::PodContainer(pod) => (17, pod.0, cluster.pod(pod).map_or(0, |pod| container(pod.container))),
        Change::PodRestarted(pod) => (18, pod.0, 0),
        Change::PodMarked(pod) => (19, pod.0, 0),
        Change::PodNominated(pod) => (20, pod.0, 0),
        Change::PodUnschedulable(pod) => (21, pod.0, 0),
        Change::PodUngated(pod) => (22, pod.0, 0),
        Change::PodRemoved(pod) => (23, pod.0, 0),
        Change::ObjectCreated(object) => (24, object.0, 0),
        Change::ObjectScaled { object, from, to } => (25, object.0, u64::from(from) * 65_537 + u64::from(to)),
        Change::ObjectUpdated(object) => (26, object.0, 0),
        Change::ObjectStatus(object) => (27, object.0, 0),
        Change::ObjectMarked(object) => (28, object.0, 0),
        Change::ObjectRemoved(object) => (29, object.0, 0),
        Change::CreateRefused(object) => (30, object.0, 0),
        Change::NodeVolumes(node) => {
            (31, node.0, cluster.node(node).map_or(0, |node| node.volumes_in_use.len() as u64))
        }
        Change::NodePaced(node) => (32, node.0, cluster.node(node).map_or(0, |node| u64::from(node.pace.start_milli))),
    }
}

fn node_of(pod: PodId, cluster: &Cluster) -> u64 {
    cluster.pod(pod).and_then(|pod| pod.node).map_or(0, |node| 1 + u64::from(node.0))
}

fn status(status: Status) -> u64 {
    match status {
        Status::True => 1,
        Status::False => 2,
        Status::Unknown => 3,
    }
}

fn phase(phase: Phase) -> u64 {
    match phase {
        Phase::Pending => 0,
        Phase::Running => 1,
        Phase::Succeeded => 2,
        Phase::Failed => 3,
    }
}

fn container(container: Container) -> u64 {
    match container {
        Container::Absent => 0,
        Container::Starting => 1,
        Container::Started => 2,
        Container::Ready => 3,
        Container::Ended => 4,
        Container::Crashed => 5,
    }
}
