//! The story of a run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cluster::taint::taint_text;
use crate::cluster::{Change, Cluster, NodeId, ObjectId, Phase, PodId, Record, Subject};
use crate::engine::Time;
use crate::simulation::{Note, Observer};

use super::actions::RECORDED_NAMESPACE;
use super::guide::Guide;
use super::recorded::subject;
use super::states::state_of;
use super::story::{Aliases, EventStory, PodStory, Revisions, Story};

/// Recordings are set up before their zero; the simulation's clock starts this much earlier.
pub const LEAD: Time = Time::from_secs(100);

/// Seconds from the recording's zero.
pub fn seconds(now: Time) -> f64 {
    now.as_secs_f64() - LEAD.as_secs_f64()
}

/// Writes down a run.
pub struct Log {
    /// What happened so far.
    pub story: Story,
    /// Which pod of the story is which.
    pub pods: BTreeMap<PodId, usize>,
    guide: Rc<RefCell<Guide>>,
    aliases: Aliases,
    revisions: Revisions,
    objects: BTreeMap<ObjectId, String>,
}

impl Log {
    /// An empty log whose guide hears of every pod.
    pub fn new(guide: Rc<RefCell<Guide>>) -> Self {
        Log {
            story: Story::default(),
            pods: BTreeMap::new(),
            guide,
            aliases: Aliases::default(),
            revisions: Revisions::default(),
            objects: BTreeMap::new(),
        }
    }

    fn pod_created(&mut self, id: PodId, cluster: &Cluster, t: f64) {
        let namespace = cluster.pod(id).map(|pod| cluster.names.text(cluster.spec(pod.spec).namespace));
        if namespace != Some(RECORDED_NAMESPACE) {
            return;
        }
        let name = cluster.pod_name(id);
        let owner = cluster.pod(id).and_then(|pod| pod.owner).and_then(|owner| self.objects.get(&owner)).cloned();
        let owner = owner.unwrap_or_else(|| format!("Pod/{name}"));
        if !owner.starts_with("Pod/") && !owner.starts_with("StatefulSet/") {
            self.aliases.add(&name, &format!("<pod of {owner}>"));
        }
        self.guide.borrow_mut().created(id, &owner);
        self.pods.insert(id, self.story.pods.len());
        self.story.pods.push(PodStory { name, owner, created: t, ..PodStory::default() });
    }

    fn pod_assumed(&mut self, id: PodId, cluster: &Cluster, t: f64) {
        if let Some(node) = cluster.pod(id).and_then(|pod| pod.node) {
            self.guide.borrow_mut().placed(id, cluster.node_name(node), cluster, t);
        }
    }

    fn pod(&mut self, id: PodId, change: Change, cluster: &Cluster, t: f64) {
        let Some(pod) = self.pods.get(&id).map(|index| &mut self.story.pods[*index]) else { return };
        let Some(now) = cluster.pod(id) else { return };
        match change {
            Change::PodBound(_) => {
                pod.bound = Some(t);
                pod.node = now.node.map(|node| cluster.node_name(node).to_string());
            }
            Change::PodPhase { to: Phase::Running, .. } => pod.running = pod.running.or(Some(t)),
            Change::PodPhase { to: Phase::Succeeded, .. } => pod.succeeded = Some(t),
            Change::PodPhase { to: Phase::Failed, .. } => pod.failed = Some(t),
            Change::PodReady(_, true) => pod.ready.push(t),
            Change::PodReady(_, false) => pod.not_ready.push(t),
            Change::PodMarked(_) => pod.marked = pod.marked.or(Some(t)),
            Change::PodRemoved(_) => {
                pod.removed = Some(t);
                pod.marked = pod.marked.or(Some(t)); // with a grace period of 0 both come as one
            }
            Change::PodNominated(_) => {
                let Some(node) = now.nominated.map(|node| cluster.node_name(node)) else { return };
                pod.nominated = Some(node.to_string());
                self.guide.borrow_mut().placed(id, node, cluster, t);
            }
            Change::PodRestarted(_) => pod.restarts = u64::from(now.restarts),
            _ => (),
        }
    }

    fn node(&mut self, id: NodeId, cluster: &Cluster, t: f64) {
        let node = self.story.nodes.entry(cluster.node_name(id).to_string()).or_default();
        let Some(now) = cluster.node(id) else {
            node.removed = Some(t);
            return;
        };
        let ready = now.ready.status.as_str();
        if node.ready.last().is_none_or(|(_, last)| last != ready) {
            node.ready.push((t, ready.to_string()));
        }
        let mut taints: Vec<String> = now.spec.taints.iter().map(|taint| taint_text(taint, &cluster.names)).collect();
        taints.sort();
        if node.taints.last().is_none_or(|(_, last)| *last != taints) {
            node.taints.push((t, taints));
        }
    }

    fn object(&mut self, id: ObjectId, cluster: &Cluster, t: f64) {
        let Some(object) = cluster.object(id) else {
            if let Some(states) = self.objects.get(&id).and_then(|name| self.story.workloads.get_mut(name)) {
                states.push((t, BTreeMap::from([("removed".to_string(), "true".to_string())])));
            }
            return;
        };
        if !self.objects.contains_key(&id) {
            let name = cluster.names.text(object.name);
            let deployment = object.owner.filter(|owner| cluster.deployment(*owner).is_some());
            let alias = match deployment {
                Some(owner) => self.revisions.next(cluster.object_name(owner)),
                None => name.to_string(),
            };
            self.aliases.add(name, &alias);
            self.objects.insert(id, format!("{}/{alias}", object.body.kind().as_str()));
        }
        let Some(state) = state_of(&object.body, cluster) else { return };
        let Some(name) = self.objects.get(&id) else { return };
        let states = self.story.workloads.entry(name.clone()).or_default();
        if states.last().is_none_or(|(_, last)| *last != state) {
            states.push((t, state));
        }
    }
}

impl Observer for Log {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        let t = seconds(cluster.now);
        match change {
            Change::NodeAdded(node)
            | Change::NodeRemoved(node)
            | Change::NodeReady { node, .. }
            | Change::NodeTainted(node) => self.node(node, cluster, t),
            Change::PodCreated(pod) => self.pod_created(pod, cluster, t),
            Change::PodAssumed(pod) => self.pod_assumed(pod, cluster, t),
            Change::PodBound(pod)
            | Change::PodPhase { pod, .. }
            | Change::PodReady(pod, _)
            | Change::PodRestarted(pod)
            | Change::PodMarked(pod)
            | Change::PodNominated(pod)
            | Change::PodRemoved(pod) => self.pod(pod, change, cluster, t),
            Change::ObjectCreated(object)
            | Change::ObjectScaled { object, .. }
            | Change::ObjectUpdated(object)
            | Change::ObjectStatus(object)
            | Change::ObjectRemoved(object) => self.object(object, cluster, t),
            _ => (),
        }
    }

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        let about = match record.subject {
            Subject::Pod(pod) if !self.pods.contains_key(&pod) => return,
            Subject::Pod(pod) => subject("Pod", &self.aliases.of(&cluster.pod_name(pod))),
            Subject::Node(node) => subject("Node", cluster.node_name(node)),
            Subject::Object(object) => self.objects.get(&object).cloned().unwrap_or_default(),
        };
        let reason = record.message.reason();
        self.story.events.push(EventStory {
            t: seconds(record.at),
            subject: about,
            kind: if reason.warning { "Warning" } else { "Normal" }.to_string(),
            reason: reason.text.to_string(),
            message: self.aliases.replace(&record.message.text(record.subject, cluster)),
            source: record.source.to_string(),
        });
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}
