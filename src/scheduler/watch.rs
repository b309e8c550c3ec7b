//! How the scheduler follows the cluster: each change goes to the index, to the node order, and as an
//! event to the queue.

use crate::cluster::{Body, Change, Cluster, NodeId, Phase, PodId};

use super::Scheduler;
use super::event::{Event, SeenNode};
use super::queue::PluginSet;

impl Scheduler {
    /// Takes note of a change. To be called with every change, in order, right after it became true.
    pub fn observe(&mut self, change: Change, cluster: &Cluster) {
        self.index.observe(change, cluster);
        self.pod_order.observe(change, cluster);
        if let Some(gangs) = &mut self.gangs {
            gangs.observe(change, cluster);
        }
        match change {
            Change::NodeAdded(node) => {
                self.order.add(node, cluster);
                self.see(node, cluster);
                self.wake(Event::NodeAdded(node), cluster);
            }
            Change::NodeRemoved(node) => {
                self.order.remove(node);
                if let Some(before) = self.forget_node(node) {
                    self.wake(Event::NodeRemoved(&before), cluster);
                }
            }
            Change::NodeLabelled(node) => {
                self.order.relabel(node, cluster);
                self.node_changed(node, cluster, |before| Event::NodeLabelled(node, before));
            }
            Change::NodeTainted(node) | Change::NodeCordoned(node, _) => {
                self.node_changed(node, cluster, |before| Event::NodeTainted(node, before));
            }
            Change::NodeResized(node) => {
                self.node_changed(node, cluster, |before| Event::NodeResized(node, before));
            }
            Change::ObjectCreated(object) => self.wake(Event::ObjectCreated(object), cluster),
            Change::ObjectUpdated(object) => self.wake(Event::ObjectUpdated(object), cluster),
            Change::ObjectRemoved(object) => self.wake(Event::ObjectRemoved(object), cluster),
            other => self.observe_pod(other, cluster),
        }
    }

    fn observe_pod(&mut self, change: Change, cluster: &Cluster) {
        match change {
            Change::PodCreated(pod) => self.enqueue(pod, cluster),
            Change::PodUngated(pod) if self.gangs.as_ref().is_some_and(|gangs| gangs.holds(pod)) => (),
            Change::PodUngated(pod) => self.queue.ungate(pod),
            Change::PodAssumed(pod) => self.nominator.remove(pod),
            Change::PodForgotten(pod, _) => {
                self.nominator.read(pod, cluster);
                if !self.gangs.as_mut().is_some_and(|gangs| gangs.silenced(pod)) {
                    self.pod_left(pod, cluster);
                }
            }
            Change::PodBound(pod) => {
                self.queue.remove(pod);
                self.nominator.remove(pod);
                self.wake(Event::PodAdded(pod), cluster);
            }
            Change::PodPhase { pod, to: Phase::Succeeded | Phase::Failed, .. } => {
                self.queue.remove(pod);
                if cluster.pod(pod).is_some_and(|found| found.node.is_some()) {
                    self.pod_left(pod, cluster);
                }
            }
            Change::PodNominated(pod) => self.nominator.read(pod, cluster),
            Change::PodRemoved(pod) => {
                self.queue.remove(pod);
                self.nominator.remove(pod);
                self.preempted.remove(&pod);
                let found = cluster.pod(pod);
                if found.is_some_and(|found| found.holds_resources() || found.nominated.is_some()) {
                    self.pod_left(pod, cluster);
                }
            }
            _ => (),
        }
    }

    fn enqueue(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(found) = cluster.pod(pod) else { return };
        let spec = cluster.spec(found.spec);
        self.join_gang(pod, cluster);
        if found.node.is_some() || spec.node_name.is_some() || found.phase.is_terminal() {
            return;
        }
        let profile = self.config.profiles.iter().position(|profile| profile.name == spec.scheduler_name);
        if let Some(profile) = profile {
            let standing = self.pod_order.standing(found, cluster);
            let held = self.gangs.as_ref().is_some_and(|gangs| gangs.holds(pod));
            self.queue.add_at(standing, pod, spec.priority, profile, found.gated || held, cluster.now);
        }
    }

    /// A pod that comes may complete its gang: the others are let into the queue.
    fn join_gang(&mut self, pod: PodId, cluster: &Cluster) {
        let (Some(gangs), Some(found)) = (&mut self.gangs, cluster.pod(pod)) else { return };
        for member in gangs.join(pod, found, cluster) {
            if cluster.pod(member).is_some_and(|found| !found.gated) {
                self.queue.ungate(member);
            }
        }
    }

    fn pod_left(&mut self, pod: PodId, cluster: &Cluster) {
        if let Some(found) = cluster.pod(pod) {
            self.wake(Event::PodRemoved(pod, found.spec), cluster);
        }
    }

    fn see(&mut self, node: NodeId, cluster: &Cluster) {
        let seen = cluster.node(node).map(SeenNode::of);
        if self.seen.len() <= node.index() {
            self.seen.resize(node.index() + 1, None);
        }
        self.seen[node.index()] = seen;
    }

    fn forget_node(&mut self, node: NodeId) -> Option<SeenNode> {
        self.seen.get_mut(node.index()).and_then(Option::take)
    }

    fn node_changed(&mut self, node: NodeId, cluster: &Cluster, event: impl FnOnce(&SeenNode) -> Event<'_>) {
        let Some(mut seen) = self.forget_node(node) else { return self.see(node, cluster) };
        self.wake(event(&seen), cluster);
        if let Some(found) = cluster.node(node) {
            seen.update(found);
            self.seen[node.index()] = Some(seen);
        }
    }

    /// Moves the waiting pods that the event could help.
    fn wake(&mut self, event: Event<'_>, cluster: &Cluster) {
        let concerned = concerned(&event, cluster);
        if concerned == 0 {
            return;
        }
        let (profiles, known) = (&self.profiles, &self.config.known);
        self.queue.wake(concerned, cluster.now, |pod, queued| {
            let plugins = &profiles[queued.profile].plugins;
            (0..32).filter(|bit| queued.rejected_by & concerned & (1 << bit) != 0).any(|bit| {
                plugins
                    .get(bit)
                    .and_then(Option::as_ref)
                    .is_some_and(|plugin| plugin.wakes(cluster, known, &event, pod))
            })
        });
    }
}

/// The plugins that could care about an event: all but for objects, which are the volume plugins'.
fn concerned(event: &Event<'_>, cluster: &Cluster) -> PluginSet {
    let storage = |object: &crate::cluster::ObjectId| {
        cluster.object(*object).is_some_and(|object| {
            matches!(
                object.body,
                Body::PersistentVolume(_)
                    | Body::PersistentVolumeClaim(_)
                    | Body::StorageClass(_)
                    | Body::CsiNode(_)
                    | Body::CsiDriver(_)
                    | Body::CsiStorageCapacity(_)
                    | Body::VolumeAttachment(_)
            )
        })
    };
    match event {
        Event::ObjectCreated(object) | Event::ObjectUpdated(object) | Event::ObjectRemoved(object)
            if !storage(object) =>
        {
            0
        }
        _ => u32::MAX,
    }
}
