//! The life of a machine and its kubelet: crash, boot, partition, return (nodes.md 8).

use crate::cluster::{
    Action, Cluster, Container, Link, Message, Node, NodeId, Phase, Pod, PodId, RestartPolicy, Status, Subject,
};

use super::{Event, Kubelet, NodeStep, PodStep, Todo, pod};

const NAME: &str = "kubelet";

/// What the kubelet would say of its node.
fn healthy_status(node: &Node) -> Status {
    if node.machine.healthy { Status::True } else { Status::False }
}

impl Kubelet {
    /// The kubelet's status: the Ready condition, if it changed, and whether the node is cordoned, if that did.
    fn report_node(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if let Some(node) = cluster.node(id).filter(|node| node.ready.status != healthy_status(node)) {
            let status = healthy_status(node);
            let message = if status == Status::True { Message::NodeReady } else { Message::NodeNotReady };
            todo.actions.push(Action::SetNodeReady(id, status));
            todo.actions.push(Action::Record(NAME, Subject::Node(id), message));
        }
        self.say_whether_cordoned(id, cluster, todo);
    }

    /// With its status a kubelet says whether its node is cordoned, if it has not said so since it started.
    pub(super) fn say_whether_cordoned(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let is_cordoned = cluster.node(id).is_some_and(|node| node.spec.unschedulable);
        let message = match (self.cordoned.contains(&id), is_cordoned) {
            (false, true) => Message::NodeNotSchedulable,
            (true, false) => Message::NodeSchedulable,
            _ => return,
        };
        self.remember_cordon(id, is_cordoned);
        if !self.settings.simple {
            todo.actions.push(Action::Record(NAME, Subject::Node(id), message));
        }
    }

    /// The kubelet has said that its node is cordoned, or that it is not.
    pub(super) fn remember_cordon(&mut self, id: NodeId, is_cordoned: bool) {
        if is_cordoned {
            self.cordoned.insert(id);
        } else {
            self.cordoned.remove(&id);
        }
    }

    /// A node was cordoned or uncordoned: its kubelet says so with its next status.
    pub(super) fn cordon_changed(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if cluster.node(id).is_some_and(|node| node.lease.renewing) {
            self.node_later(id, NodeStep::Status, &self.settings.reconnect, cluster, todo);
        }
    }

    /// Power is gone: nothing runs, nobody reports.
    pub(super) fn machine_died(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        self.images.forget(id);
        self.unseen.remove(&id);
        self.shutting_down.remove(&id);
        self.coming_up.remove(&id);
        self.cordoned.remove(&id);
        todo.actions.push(Action::StopLease(id));
        let Some(node) = cluster.node(id) else { return };
        for &pod in &node.pods {
            self.waiting.forget(pod);
            todo.actions.push(Action::VoidPodEvents(pod));
            todo.actions.push(Action::SetContainer(pod, Container::Absent));
        }
    }

    /// The kubelet works: it sees what happened to its pods while it did not.
    pub(super) fn see_all(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let unseen = self.unseen.remove(&id).unwrap_or_default();
        todo.events.extend(unseen.into_iter().map(|(pod, epoch, step)| (cluster.now, Event::Pod(pod, epoch, step))));
    }

    /// The machine is switched on: the kubelet will start.
    pub(super) fn machine_boots(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        self.machine_died(id, cluster, todo);
        self.node_later(id, NodeStep::Booted, &self.settings.boot, cluster, todo);
    }

    /// The kubelet works and the control plane can be reached again.
    pub(super) fn reconnects(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if cluster.node(id).is_some_and(|node| !node.lease.renewing) {
            self.node_later(id, NodeStep::Reconnected, &self.settings.reconnect, cluster, todo);
        }
    }

    /// What the kubelet would say of its node is not what the API shows: it says so with its next status.
    pub(super) fn health_changed(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id).filter(|node| node.lease.renewing) else { return };
        if node.ready.status != healthy_status(node) {
            self.node_later(id, NodeStep::Status, &self.settings.reconnect, cluster, todo);
        }
    }

    fn node_later(
        &self,
        id: NodeId,
        step: NodeStep,
        delay: &crate::engine::Distribution,
        cluster: &Cluster,
        todo: &mut Todo,
    ) {
        let Some(epoch) = cluster.node(id).map(|node| node.machine.epoch) else { return };
        let mut stream = self.seed.stream("node-step", u64::from(id.0) << 32 | u64::from(epoch) << 8 | step as u64);
        todo.events.push((cluster.now + delay.sample(&mut stream), Event::Node(id, epoch, step)));
    }

    pub(super) fn node_step(&mut self, id: NodeId, step: NodeStep, cluster: &Cluster, todo: &mut Todo) {
        match step {
            NodeStep::Booted => self.node_later(id, NodeStep::FirstStatus, &self.settings.kubelet_start, cluster, todo),
            NodeStep::FirstStatus => self.first_status(id, cluster, todo),
            NodeStep::Ready => self.is_up(id, cluster, todo),
            NodeStep::Reconnected => {
                todo.actions.push(Action::ResumeLease(id, cluster.now));
                self.report_node(id, cluster, todo);
                self.node_later(id, NodeStep::Resync, &self.settings.resync, cluster, todo);
            }
            NodeStep::Resync => self.resync(id, cluster, todo),
            NodeStep::Status => self.report_node(id, cluster, todo),
            NodeStep::Volumes => self.report_volumes(id, cluster, todo),
        }
    }

    /// Runtime and network are up. If nobody hears of it, the pods are started with the next reconciliation.
    fn is_up(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        self.coming_up.remove(&id);
        let is_heard = cluster.node(id).is_some_and(|node| node.machine.is_heard());
        if is_heard {
            todo.actions.push(Action::SetNodeReady(id, Status::True));
            todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::NodeReady));
        }
        todo.actions.push(Action::SetBooted(id, true));
        if is_heard {
            self.restart_pods(id, cluster, todo);
            self.report_volumes_later(id, u64::from(u32::MAX), cluster, todo);
        }
    }

    /// A cut or a stop of the kubelet came between a boot's first report and Ready: what was planned is void, so
    /// runtime and network are waited for anew.
    pub(super) fn comes_up_still(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(epoch) = cluster.node(id).map(|node| node.machine.epoch) else { return };
        if self.coming_up.get(&id).is_some_and(|planned| *planned != epoch) {
            self.coming_up.insert(id, epoch);
            self.node_later(id, NodeStep::Ready, &self.settings.node_ready, cluster, todo);
        }
    }

    /// After a boot the kubelet posts: the lease, a new boot ID, that no pod of before runs, and not Ready
    /// until runtime and network are up.
    fn first_status(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::Starting));
        todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::Rebooted));
        if cluster.node(id).is_some_and(|node| node.machine.link == Link::Partitioned) {
            todo.actions.push(Action::SetBooted(id, true)); // nobody hears of it until the partition ends
            return;
        }
        self.say_whether_cordoned(id, cluster, todo);
        todo.actions.push(Action::ResumeLease(id, cluster.now));
        todo.actions.push(Action::SetBooted(id, false));
        if !self.settings.simple {
            let bound = |pod: &&PodId| cluster.pod(**pod).is_some_and(|pod| pod.bound);
            let pods = cluster.node(id).map_or(&[][..], |node| &node.pods);
            todo.actions.extend(pods.iter().filter(bound).map(|pod| Action::SetPodReady(*pod, false)));
        }
        let at_once = self.settings.node_ready.constant() == Some(crate::engine::Span::ZERO);
        if !at_once {
            todo.actions.push(Action::SetNodeReady(id, Status::False));
        }
        if let Some(node) = cluster.node(id) {
            self.coming_up.insert(id, node.machine.epoch);
        }
        self.node_later(id, NodeStep::Ready, &self.settings.node_ready, cluster, todo);
    }

    /// After a reboot: pods of before are started again in place, those marked meanwhile are cleaned up,
    /// new ones are taken on.
    fn restart_pods(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id) else { return };
        for &pod_id in &node.pods {
            // one that runs again already was found lost by a reconciliation; one that has ended may have to go
            let is_concerned = |pod: &&Pod| {
                let has_ended = pod.phase.is_terminal();
                pod.bound && if has_ended { pod.deletion.is_some() } else { pod.container == Container::Absent }
            };
            let Some(pod) = cluster.pod(pod_id).filter(is_concerned) else { continue };
            self.restart_pod(pod_id, pod, id, cluster, todo);
        }
    }

    /// A pod whose containers the machine lost.
    fn restart_pod(&mut self, id: PodId, pod: &Pod, node: NodeId, cluster: &Cluster, todo: &mut Todo) {
        if pod.deletion.is_some() {
            todo.events.push((cluster.now, Event::Pod(id, pod.epoch, PodStep::Terminate)));
        } else if pod.phase == Phase::Pending {
            todo.actions.extend(self.settings.simple.then_some(Action::CountRestart(id)));
            todo.events.push((cluster.now, Event::Pod(id, pod.epoch, PodStep::Accept)));
        } else if cluster.spec(pod.spec).restart_policy == RestartPolicy::Never {
            todo.actions.push(Action::SetPhase(id, Phase::Failed));
        } else {
            todo.actions.extend((!self.settings.simple).then_some(Action::SetPodReady(id, false)));
            todo.actions.push(Action::CountRestart(id));
            self.bring_up(id, pod, node, cluster, todo);
        }
    }

    /// After a partition: the API learns what happened meanwhile, and the kubelet what was decided.
    fn resync(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        self.go_on(id, cluster, todo);
        self.report_volumes_later(id, u64::from(u32::MAX), cluster, todo);
        let Some(node) = cluster.node(id) else { return };
        for &pod_id in &node.pods {
            let is_concerned = |pod: &&Pod| pod.bound && (!pod.phase.is_terminal() || pod.deletion.is_some());
            let Some(pod) = cluster.pod(pod_id).filter(is_concerned) else { continue };
            if pod.container == Container::Absent {
                self.restart_pod(pod_id, pod, id, cluster, todo);
            } else if pod.deletion.is_some() {
                todo.events.push((cluster.now, Event::Pod(pod_id, pod.epoch, PodStep::Terminate)));
            } else {
                pod::report(pod_id, pod, cluster, todo);
            }
        }
    }
}
