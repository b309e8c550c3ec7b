//! Graceful node shutdown (nodes.md 8): the kubelet reports not Ready, takes on nothing new, ends its pods in
//! two groups, non-critical ones first, and only then does the machine go off.
//!
//! Pods that are ended so are Failed and stay in the API; their controllers replace them.

use crate::cluster::{Action, Cluster, Container, Disruption, Message, NodeId, Phase, PodId, Reason, Status, Subject};
use crate::engine::{Span, Time};

use super::pod::say_killing;
use super::{Event, Kubelet, PodStep, Todo};

const NAME: &str = "kubelet";
/// Priority of `system-cluster-critical`, from which on pods are critical.
const CRITICAL: i32 = 2_000_000_000;

impl Kubelet {
    /// A node begins to shut down; answers when its last pod has been stopped.
    pub fn shut_down(
        &mut self,
        id: NodeId,
        (period, critical): (Span, Span),
        cluster: &Cluster,
        todo: &mut Todo,
    ) -> Time {
        let Some(node) = cluster.node(id).filter(|node| node.machine.is_managed()) else { return cluster.now };
        self.shutting_down.insert(id);
        if node.machine.is_heard() {
            todo.actions.push(Action::SetNodeReady(id, Status::False));
            todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::NodeNotReady));
            self.say_whether_cordoned(id, cluster, todo);
        }
        let is_critical =
            |pod: &PodId| cluster.pod(*pod).is_some_and(|pod| cluster.spec(pod.spec).priority >= CRITICAL);
        let (last, first): (Vec<PodId>, Vec<PodId>) = node.pods.iter().copied().partition(is_critical);
        let first_ended = self.stop_all(&first, cluster.now, period.saturating_sub(critical), cluster, todo);
        self.stop_all(&last, first_ended, critical, cluster, todo)
    }

    /// Stops pods side by side from `from` on, each within its grace period and `most`; when the last is.
    fn stop_all(&mut self, pods: &[PodId], from: Time, most: Span, cluster: &Cluster, todo: &mut Todo) -> Time {
        let mut latest = from;
        for &id in pods {
            let Some(pod) = cluster.pod(id).filter(|pod| pod.bound && !pod.phase.is_terminal()) else { continue };
            let spec = cluster.spec(pod.spec);
            let mut stream = self.seed.stream("pod-stop", u64::from(id.0) << 16 | u64::from(pod.epoch.min(0xff)) << 8);
            let runs = pod.container.is_running() || pod.container == Container::Starting;
            let stop = match runs {
                true => self.settings.stop_of(&spec.behaviour, &mut stream).min(spec.grace).min(most),
                false => Span::ZERO,
            };
            todo.actions.push(Action::VoidPodEvents(id));
            say_killing(id, pod, spec, todo);
            todo.events.push((from + stop, Event::Pod(id, pod.epoch + 1, PodStep::ShutDown)));
            latest = latest.max(from + stop);
        }
        latest
    }

    /// The containers of a pod have been stopped: it has failed, if anybody hears of it.
    pub(super) fn shut_down_pod(&mut self, id: PodId, is_heard: bool, todo: &mut Todo) {
        todo.actions.push(Action::SetContainer(id, Container::Absent));
        if is_heard {
            todo.actions.push(Action::Disrupt(id, Disruption::TerminationByKubelet));
            todo.actions.push(Action::SetPhase(id, Phase::Failed));
        }
    }

    /// A pod that comes during a shutdown is not taken on.
    pub(super) fn reject_in_shutdown(&mut self, id: PodId, todo: &mut Todo) {
        let reason = Reason { warning: true, text: "NodeShutdown" };
        let words = "Pod was rejected as the node is shutting down.".into();
        todo.actions.push(Action::Record(NAME, Subject::Pod(id), Message::Other(reason, words)));
        todo.actions.push(Action::SetPhase(id, Phase::Failed));
    }
}
