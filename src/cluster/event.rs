//! Kubernetes events (`kubectl get events`): who said what about whom. Kept as data; the words are
//! made where they are read.

use std::rc::Rc;

use crate::engine::Time;

use super::Cluster;
use super::ids::{NodeId, ObjectId, PodId};

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A pod.
    Pod(PodId),
    /// A node.
    Node(NodeId),
    /// An owner of pods.
    Object(ObjectId),
}

/// A Kubernetes event.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When.
    pub at: Time,
    /// Which component said it: `default-scheduler`, `node-controller` ….
    pub source: &'static str,
    /// About whom.
    pub subject: Subject,
    /// What.
    pub message: Message,
}

/// `type` and `reason` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `type: Warning` rather than Normal.
    pub warning: bool,
    /// `reason`.
    pub text: &'static str,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The scheduler bound the pod to this node.
    Scheduled(NodeId),
    /// The scheduler found no node; the text it gave.
    FailedScheduling(Rc<str>),
    /// The pod was preempted by this pod on this node.
    Preempted(PodId, NodeId),
    /// A controller created this pod.
    SuccessfulCreate(PodId),
    /// A controller deleted this pod.
    SuccessfulDelete(PodId),
    /// A Deployment scaled a ReplicaSet from one size to another.
    ScalingReplicaSet(ObjectId, u32, u32),
    /// The monitor pass saw this node for the first time.
    RegisteredNode,
    /// The node went from the API.
    RemovingNode,
    /// The control plane or the kubelet says the node is not Ready.
    NodeNotReady,
    /// Said about each pod of a node that the control plane found not Ready.
    NodeOfPodNotReady,
    /// The kubelet says the node is Ready.
    NodeReady,
    /// The kubelet says that the node was cordoned.
    NodeNotSchedulable,
    /// The kubelet says that the node was uncordoned.
    NodeSchedulable,
    /// The node came up with another boot ID.
    Rebooted,
    /// The kubelet started.
    Starting,
    /// Taint eviction deletes the pod.
    TaintManagerEviction,
    /// Taint eviction is called off.
    TaintManagerEvictionCancelled,
    /// The kubelet stops this container.
    Killing(super::Name),
    /// A container waits before it is started again.
    BackOff,
    /// The kubelet has no room for the pod; the resource.
    OutOf(Rc<str>),
    /// Similar events, of which this is the last.
    Combined(Rc<Message>),
    /// Words of a kind that only one controller says: reason and message.
    Other(Reason, Rc<str>),
}

impl Message {
    /// The same as one of several similar events.
    pub fn combined(self) -> Message {
        Message::Combined(Rc::new(self))
    }

    /// `type` and `reason`.
    pub fn reason(&self) -> Reason {
        let normal = |text| Reason { warning: false, text };
        let warning = |text| Reason { warning: true, text };
        match self {
            Message::Scheduled(_) => normal("Scheduled"),
            Message::FailedScheduling(_) => warning("FailedScheduling"),
            Message::Preempted(..) => normal("Preempted"),
            Message::SuccessfulCreate(_) => normal("SuccessfulCreate"),
            Message::SuccessfulDelete(_) => normal("SuccessfulDelete"),
            Message::ScalingReplicaSet(..) => normal("ScalingReplicaSet"),
            Message::RegisteredNode => normal("RegisteredNode"),
            Message::RemovingNode => normal("RemovingNode"),
            Message::NodeNotReady => normal("NodeNotReady"),
            Message::NodeOfPodNotReady => warning("NodeNotReady"),
            Message::NodeReady => normal("NodeReady"),
            Message::NodeNotSchedulable => normal("NodeNotSchedulable"),
            Message::NodeSchedulable => normal("NodeSchedulable"),
            Message::Rebooted => warning("Rebooted"),
            Message::Starting => normal("Starting"),
            Message::TaintManagerEviction | Message::TaintManagerEvictionCancelled => normal("TaintManagerEviction"),
            Message::Killing(_) => normal("Killing"),
            Message::BackOff => warning("BackOff"),
            Message::OutOf(_) => warning("OutOfResource"),
            Message::Combined(last) => last.reason(),
            Message::Other(reason, _) => *reason,
        }
    }

    /// The words, as the component would write them about `subject`.
    pub fn text(&self, subject: Subject, cluster: &Cluster) -> String {
        match self {
            Message::Scheduled(node) => {
                format!("Successfully assigned {} to {}", subject_path(subject, cluster), cluster.node_name(*node))
            }
            Message::FailedScheduling(text) | Message::Other(_, text) => text.to_string(),
            Message::Preempted(by, node) => {
                format!("Preempted by pod {} on node {}", cluster.pod_uid_text(*by), cluster.node_name(*node))
            }
            Message::SuccessfulCreate(pod) => match stateful_set(subject, cluster) {
                Some(set) => format!("Create Pod {} in StatefulSet {set} successful", cluster.pod_name(*pod)),
                None => format!("Created pod: {}", cluster.pod_name(*pod)),
            },
            Message::SuccessfulDelete(pod) => match stateful_set(subject, cluster) {
                Some(set) => format!("Delete Pod {} in StatefulSet {set} successful", cluster.pod_name(*pod)),
                None => format!("Deleted pod: {}", cluster.pod_name(*pod)),
            },
            Message::ScalingReplicaSet(set, from, to) => {
                let direction = if to > from { "up" } else { "down" };
                format!("Scaled {direction} replica set {} from {from} to {to}", cluster.object_name(*set))
            }
            Message::Combined(last) => format!("(combined from similar events): {}", last.text(subject, cluster)),
            Message::TaintManagerEviction => format!("Marking for deletion Pod {}", subject_path(subject, cluster)),
            Message::TaintManagerEvictionCancelled => {
                format!("Cancelling deletion of Pod {}", subject_path(subject, cluster))
            }
            Message::NodeOfPodNotReady => "Node is not ready".to_string(),
            Message::Killing(container) => format!("Stopping container {}", cluster.names.text(*container)),
            Message::BackOff => "Back-off restarting failed container".to_string(),
            Message::OutOf(resource) => format!("Node didn't have enough resource: {resource}"),
            _ => node_text(self, subject, cluster),
        }
    }
}

/// The words about nodes.
fn node_text(message: &Message, subject: Subject, cluster: &Cluster) -> String {
    let Subject::Node(node) = subject else { return String::new() };
    let name = cluster.node_name(node);
    match message {
        Message::RegisteredNode => format!("Node {name} event: Registered Node {name} in Controller"),
        Message::RemovingNode => format!("Node {name} event: Removing Node {name} from Controller"),
        Message::Rebooted => format!("Node {name} has been rebooted"),
        Message::Starting => "Starting kubelet.".to_string(),
        other => format!("Node {name} status is now: {}", other.reason().text),
    }
}

/// The name of the StatefulSet the event is about: its controller has words of its own.
fn stateful_set(subject: Subject, cluster: &Cluster) -> Option<&str> {
    let Subject::Object(object) = subject else { return None };
    cluster.stateful_set(object).map(|_| cluster.object_name(object))
}

fn subject_path(subject: Subject, cluster: &Cluster) -> String {
    match subject {
        Subject::Pod(pod) => format!("{}/{}", cluster.pod_namespace(pod), cluster.pod_name(pod)),
        Subject::Node(node) => cluster.node_name(node).to_string(),
        Subject::Object(object) => cluster.object_name(object).to_string(),
    }
}
