//! The binding cycle of a pod with claims to serve (scheduler.md 3.7): Reserve and PreBind of VolumeBinding.
//! What was decided about the claims is written; then the pod stays assumed, holding its room, until all
//! of them are bound, which is looked at once a second, for `bindTimeoutSeconds` at most.

use crate::cluster::{Action, Cluster, Message, NodeId, ObjectId, PodId, StorageAction, Subject};
use crate::engine::{Class, Span, Time};
use crate::scheduler::plugins::volume_binding::ClaimDecision;

use super::scheduling::SCHEDULER;
use super::{Event, Simulation};

/// Time between two looks.
const POLL: Span = Span::from_secs(1);

/// A pod whose claims are being bound.
#[derive(Debug)]
pub(super) struct PreBind {
    claims: Vec<ObjectId>,
    /// When it is looked at next; other events are of an earlier attempt.
    next: Time,
    deadline: Time,
}

/// How far the binding of a pod's claims has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Bound,
    Pending,
    Failed(String),
}

impl Simulation {
    /// Writes what was decided about the pod's claims.
    pub(super) fn pre_bind(&mut self, pod: PodId, node: NodeId, decisions: Vec<ClaimDecision>) {
        let now = self.cluster.now;
        let mut written = now;
        let mut claims = Vec::new();
        for decision in decisions {
            let (claim, action) = match decision {
                ClaimDecision::Bind { claim, volume } => (claim, StorageAction::Reserve { volume, claim }),
                ClaimDecision::Provision { claim, node } => (claim, StorageAction::SelectNode(claim, Some(node))),
            };
            self.cluster.apply(Action::Storage(action));
            claims.push(claim);
            if !self.instant {
                let token = self.scheduling.client.take(self.scheduling.busy_until.max(written));
                written = token + self.settings.scheduling.api_write.sample(&mut self.scheduling.write);
            }
        }
        self.cluster.nominate(pod, Some(node));
        let deadline = written + self.scheduler.bind_timeout(pod, &self.cluster);
        // while the cluster is set up everything happens at one instant: it is looked at last
        let (next, class) = if self.instant { (now, Class::Observe) } else { (written + POLL, Class::Control) };
        self.pre_binds.insert(pod, PreBind { claims, next, deadline });
        self.queue.push(next, class, Event::PreBind(pod));
    }

    /// Looks at the claims of a pod.
    pub(super) fn look_at_claims(&mut self, pod: PodId) {
        let now = self.cluster.now;
        let Some(waiting) = self.pre_binds.get(&pod).filter(|waiting| waiting.next == now) else { return };
        let assumed = self.cluster.pod(pod).filter(|found| self.cluster.pod_exists(pod) && !found.bound);
        let Some(node) = assumed.and_then(|found| found.node) else {
            self.pre_binds.remove(&pod);
            return;
        };
        let progress = match progress(&waiting.claims, node, &self.cluster) {
            Progress::Pending if now >= waiting.deadline => Progress::Failed("context deadline exceeded".to_string()),
            other => other,
        };
        match progress {
            Progress::Bound => {
                self.pre_binds.remove(&pod);
                self.bind_later(pod);
            }
            Progress::Pending => {
                let next = now + POLL;
                if let Some(waiting) = self.pre_binds.get_mut(&pod) {
                    waiting.next = next;
                }
                self.queue.push(next, Class::Control, Event::PreBind(pod));
            }
            Progress::Failed(why) => {
                self.pre_binds.remove(&pod);
                let text = format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}");
                self.cluster.record(SCHEDULER, Subject::Pod(pod), Message::FailedScheduling(text.into()));
                self.cluster.forget(pod);
                self.cluster.nominate(pod, None);
                self.scheduler.binding_failed(pod, &self.cluster);
            }
        }
    }
}

fn progress(claims: &[ObjectId], node_id: NodeId, cluster: &Cluster) -> Progress {
    let Some(node) = cluster.node(node_id) else {
        return Progress::Failed(format!("node \"{}\" not found", cluster.node_name(node_id)));
    };
    let mut all_bound = true;
    for &id in claims {
        let Some(claim) = cluster.claim(id) else {
            return Progress::Failed("persistentvolumeclaim not found".to_string());
        };
        match cluster.volume_of_claim(id).and_then(|volume| cluster.volume(volume)) {
            Some(volume) => {
                let reaches = volume
                    .node_affinity
                    .as_ref()
                    .is_none_or(|affinity| affinity.matches(&node.spec.labels, node.name(), &cluster.names));
                if !reaches {
                    let name = claim.volume.map_or("", |name| cluster.names.text(name));
                    return Progress::Failed(format!("pv \"{name}\" node affinity doesn't match node"));
                }
            }
            None => all_bound = false,
        }
    }
    if all_bound { Progress::Bound } else { Progress::Pending }
}
