//! Volumes on their nodes (services-storage.md 5): a pod's containers start once its volumes can be
//! mounted; the node's status says which volumes are in use, so that none is detached while mounted.

use std::collections::BTreeSet;

use crate::cluster::{
    Action, Body, Change, Cluster, Message, NodeId, ObjectId, Pod, PodId, Reason, StorageAction, Subject,
};
use crate::engine::Span;

use super::{Event, Kubelet, NodeStep, PodStep, Todo};

/// How long a pod waits for its volumes in one attempt.
const MOUNT_TIMEOUT: Span = Span::from_secs(123);

/// Pods that wait for their volumes.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeSet<PodId>);

impl Waiting {
    /// The pod waits no longer.
    pub(super) fn forget(&mut self, pod: PodId) {
        self.0.remove(&pod);
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
        self.waiting.0.insert(id);
        todo.events.push((cluster.now + MOUNT_TIMEOUT, Event::Pod(id, pod.epoch, PodStep::MountTimeout)));
        false
    }

    /// An attempt to mount the pod's volumes has taken too long: the next one begins.
    pub(super) fn mount_timeout(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        if !self.waiting.0.contains(&id) {
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
            Change::ObjectUpdated(id) if !self.waiting.0.is_empty() => {
                let concerns = |body: &Body| matches!(body, Body::VolumeAttachment(_) | Body::PersistentVolumeClaim(_));
                if cluster.object(id).is_some_and(|object| concerns(&object.body)) {
                    self.go_on(None, cluster, todo);
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

    /// Waiting pods go on if their volumes are there now: of one node, or of all.
    pub(super) fn go_on(&mut self, only: Option<NodeId>, cluster: &Cluster, todo: &mut Todo) {
        for id in self.waiting.0.clone() {
            let Some(pod) = cluster.pod(id) else { continue };
            let Some(node) = pod.node.filter(|node| only.is_none_or(|only| only == *node)) else { continue };
            let heard = cluster.node(node).is_some_and(|node| node.machine.is_heard());
            if heard && are_mountable(id, node, cluster) {
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
