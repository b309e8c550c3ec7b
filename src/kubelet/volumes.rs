//! Volumes on their nodes (services-storage.md 5): a pod's containers start once its volumes can be
//! mounted; the node's status says which volumes are in use, so that none is detached while mounted.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Action, Change, Cluster, Message, NodeId, ObjectId, Pod, PodId, Reason, StorageAction, Subject};
use crate::engine::Span;

use super::{Event, Kubelet, NodeStep, PodStep, Todo};

/// How long a pod waits for its volumes in one attempt.
const MOUNT_TIMEOUT: Span = Span::from_secs(123);

/// Pods that wait for their volumes.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    on: BTreeMap<NodeId, BTreeSet<PodId>>,
    node_of: BTreeMap<PodId, NodeId>,
    /// Those that had claims not yet bound when they began to wait: they came to their nodes without the
    /// scheduler.
    unbound: BTreeSet<PodId>,
}

impl Waiting {
    fn add(&mut self, pod: PodId, node: NodeId, unbound: bool) {
        self.on.entry(node).or_default().insert(pod);
        self.node_of.insert(pod, node);
        if unbound {
            self.unbound.insert(pod);
        }
    }

    /// The pod waits no longer.
    pub(super) fn forget(&mut self, pod: PodId) {
        self.unbound.remove(&pod);
        let Some(node) = self.node_of.remove(&pod) else { return };
        if let Some(pods) = self.on.get_mut(&node) {
            pods.remove(&pod);
            if pods.is_empty() {
                self.on.remove(&node);
            }
        }
    }
}

/// Whether all claims of the pod are bound to volumes that can be mounted on the node.
fn are_mountable(id: PodId, node: NodeId, cluster: &Cluster) -> bool {
    let volumes = cluster.volumes_of(id);
    volumes.len() == cluster.spec_claims(id) && volumes.iter().all(|volume| cluster.is_mountable(*volume, node))
}

/// The volumes of the node's pods that its kubelet has taken on and not yet cleared away.
fn in_use(node: NodeId, cluster: &Cluster) -> Vec<ObjectId> {
    let pods = cluster.node(node).map_or(&[][..], |node| &node.pods);
    let taken_on = |id: &&PodId| {
        cluster.pod_exists(**id)
            && cluster.pod(**id).is_some_and(|pod| pod.started_at.is_some() && !pod.phase.is_terminal())
    };
    let mut volumes: Vec<ObjectId> = pods.iter().filter(taken_on).flat_map(|pod| cluster.volumes_of(*pod)).collect();
    volumes.retain(|volume| cluster.needs_attach(*volume));
    volumes.sort_unstable();
    volumes.dedup();
    volumes
}

impl Kubelet {
    /// Whether the pod can go on now. If not, it waits, and goes on by itself.
    pub(super) fn has_volumes(
        &mut self,
        id: PodId,
        pod: &Pod,
        node: NodeId,
        cluster: &Cluster,
        todo: &mut Todo,
    ) -> bool {
        if !cluster.has_claims(id) {
            return true;
        }
        let mut volumes = in_use(node, cluster);
        volumes.extend(cluster.volumes_of(id).into_iter().filter(|volume| cluster.needs_attach(*volume)));
        volumes.sort_unstable();
        volumes.dedup();
        todo.actions.push(Action::Storage(StorageAction::SetVolumesInUse(node, volumes)));
        if are_mountable(id, node, cluster) {
            return true;
        }
        let unbound = cluster.volumes_of(id).len() < cluster.spec_claims(id);
        self.waiting.add(id, node, unbound);
        todo.events.push((cluster.now + MOUNT_TIMEOUT, Event::Pod(id, pod.epoch, PodStep::MountTimeout)));
        false
    }

    /// An attempt to mount the pod's volumes has taken too long: the next one begins.
    pub(super) fn mount_timeout(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        if !self.waiting.node_of.contains_key(&id) {
            return;
        }
        let names: Vec<&str> = cluster.pod_claims(id).iter().map(|name| cluster.names.text(*name)).collect();
        let names = names.join(" ");
        let text = format!(
            "Unable to attach or mount volumes: unmounted volumes=[{names}], unattached volumes=[], failed to process volumes=[]: context deadline exceeded"
        );
        let message = Message::Other(Reason { warning: true, text: "FailedMount" }, text.into());
        todo.actions.push(Action::Record("kubelet", Subject::Pod(id), message));
        todo.events.push((cluster.now + MOUNT_TIMEOUT, Event::Pod(id, pod.epoch, PodStep::MountTimeout)));
    }

    /// Changes that let waiting pods go on, and those after which a node has volumes to unmount.
    pub(super) fn volumes_changed(&mut self, change: Change, cluster: &Cluster, todo: &mut Todo) {
        match change {
            Change::ObjectUpdated(id) if !self.waiting.on.is_empty() => {
                if let Some(attachment) = cluster.attachment(id) {
                    if let Some(node) = cluster.find_node(attachment.node) {
                        self.go_on(node, cluster, todo);
                    }
                } else if cluster.claim(id).is_some() {
                    let nodes: BTreeSet<NodeId> =
                        self.waiting.unbound.iter().filter_map(|pod| self.waiting.node_of.get(pod).copied()).collect();
                    nodes.into_iter().for_each(|node| self.go_on(node, cluster, todo));
                }
            }
            Change::PodRemoved(id) => {
                self.waiting.forget(id);
                self.unmount_later(id, cluster, todo);
            }
            Change::PodPhase { pod, to, .. } if to.is_terminal() => {
                self.waiting.forget(pod);
                self.unmount_later(pod, cluster, todo);
            }
            _ => (),
        }
    }

    /// Waiting pods of a node go on if their volumes are there now.
    pub(super) fn go_on(&mut self, node: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if !cluster.node(node).is_some_and(|node| node.machine.is_heard()) {
            return;
        }
        for id in self.waiting.on.get(&node).cloned().unwrap_or_default() {
            let Some(pod) = cluster.pod(id) else { continue };
            if are_mountable(id, node, cluster) {
                self.waiting.forget(id);
                self.start_later(id, pod, node, cluster, todo);
            }
        }
    }

    /// The pod's volumes are unmounted; the node's status will say so.
    fn unmount_later(&mut self, id: PodId, cluster: &Cluster, todo: &mut Todo) {
        if let (true, Some(node)) = (cluster.has_claims(id), cluster.pod(id).and_then(|pod| pod.node)) {
            self.report_volumes_later(node, u64::from(id.0), cluster, todo);
        }
    }

    /// The node's next status says which volumes are in use, if it has said so of any.
    pub(super) fn report_volumes_later(&mut self, id: NodeId, draw: u64, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id).filter(|node| !node.volumes_in_use.is_empty()) else { return };
        let mut stream = self.seed.stream("volume-report", u64::from(id.0) << 32 | draw);
        let at = cluster.now + self.settings.volume_report.sample(&mut stream);
        todo.events.push((at, Event::Node(id, node.machine.epoch, NodeStep::Volumes)));
    }

    /// The node's status: the volumes in use.
    pub(super) fn report_volumes(&self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if cluster.node(id).is_some_and(|node| node.machine.is_heard()) {
            todo.actions.push(Action::Storage(StorageAction::SetVolumesInUse(id, in_use(id, cluster))));
        }
    }
}
