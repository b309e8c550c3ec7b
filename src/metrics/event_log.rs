//! The event log: changes worth telling and Kubernetes events, as rows handed to a sink the moment
//! they happen; nothing is held in memory.
//!
//! [`TextLog`] writes one line per fact, as tests and `sim events` show them:
//!
//! ```text
//! 47.443s  node/n01  Ready=Unknown
//! 347.521s  pod/web-88fdcbb87-l7fnm  Deleting=grace 30s
//! ```

use std::io::{self, Write};

use crate::cluster::taint::taint_text;
use crate::cluster::{Change, Cluster, Link, NodeId, ObjectId, PodId, Power, Record, Subject};
use crate::engine::Time;
use crate::outcome::{EventRow, EventSink};

/// The row for a change, if it is worth telling. Left out: what the scheduler merely assumes, what
/// happens to images and leases, containers' inner life, and status fields that follow from the rest.
pub fn change_row(change: Change, cluster: &Cluster) -> Option<EventRow> {
    let row = match change {
        Change::NodeAdded(node) => node_row(node, "Added", String::new(), cluster),
        Change::NodeRemoved(node) => node_row(node, "Removed", String::new(), cluster),
        Change::NodeReady { node, to, .. } => node_row(node, "Ready", to.as_str().to_string(), cluster),
        Change::NodeTainted(node) => node_row(node, "Taints", taints(node, cluster), cluster),
        Change::NodeCordoned(node, on) => node_row(node, "Unschedulable", on.to_string(), cluster),
        Change::NodeResized(node) => node_row(node, "Resized", allocatable(node, cluster), cluster),
        Change::Machine(node) => node_row(node, "Machine", machine(node, cluster), cluster),
        Change::NodePaced(node) => node_row(node, "Pace", pace(node, cluster), cluster),
        Change::PodCreated(pod) => pod_row(pod, "Created", owner(pod, cluster), cluster),
        Change::PodBound(pod) => pod_row(pod, "Node", node_of(pod, cluster), cluster),
        Change::PodPhase { pod, to, .. } => pod_row(pod, "Phase", to.as_str().to_string(), cluster),
        Change::PodReady(pod, ready) => {
            pod_row(pod, "Ready", if ready { "True" } else { "False" }.to_string(), cluster)
        }
        Change::PodRestarted(pod) => pod_row(pod, "Restarts", restarts(pod, cluster), cluster),
        Change::PodMarked(pod) => pod_row(pod, "Deleting", grace(pod, cluster), cluster),
        Change::PodRemoved(pod) => pod_row(pod, "Removed", String::new(), cluster),
        Change::ObjectCreated(object) => object_row(object, "Created", String::new(), cluster)?,
        Change::ObjectScaled { object, from, to } => {
            object_row(object, "Replicas", format!("{to} (was {from})"), cluster)?
        }
        Change::ObjectUpdated(object) => object_row(object, "Updated", String::new(), cluster)?,
        Change::ObjectMarked(object) => object_row(object, "Deleting", String::new(), cluster)?,
        Change::ObjectRemoved(object) => object_row(object, "Removed", String::new(), cluster)?,
        Change::NodeLabelled(_)
        | Change::NodeImages(_)
        | Change::NodeVolumes(_)
        | Change::LeaseRenewing(..)
        | Change::PodAssumed(_)
        | Change::PodForgotten(..)
        | Change::PodContainer(_)
        | Change::PodNominated(_)
        | Change::PodUnschedulable(_)
        | Change::PodUngated(_)
        | Change::CreateRefused(_)
        | Change::ObjectStatus(_) => return None,
    };
    Some(row)
}

/// The row for a Kubernetes event.
pub fn record_row(record: &Record, cluster: &Cluster) -> EventRow {
    let (kind, namespace, name) = match record.subject {
        Subject::Node(node) => ("node", String::new(), cluster.node_name(node).to_string()),
        Subject::Pod(pod) => ("pod", cluster.pod_namespace(pod).to_string(), cluster.pod_name(pod)),
        Subject::Object(id) => match object_row(id, "", String::new(), cluster) {
            Some(row) => (row.kind, row.namespace, row.name),
            None => ("object", String::new(), "<none>".to_string()),
        },
    };
    let reason = record.message.reason();
    EventRow {
        at: record.at,
        kind,
        namespace,
        name,
        class: if reason.warning { "Warning" } else { "Normal" },
        reason: reason.text,
        message: record.message.text(record.subject, cluster),
    }
}

/// The row for something done to the cluster.
pub fn action_row(at: Time, label: &str) -> EventRow {
    EventRow {
        at,
        kind: "action",
        namespace: String::new(),
        name: label.to_string(),
        class: "Action",
        reason: "Begins",
        message: String::new(),
    }
}

fn node_row(node: NodeId, reason: &'static str, message: String, cluster: &Cluster) -> EventRow {
    let name = cluster.node_name(node).to_string();
    EventRow { at: cluster.now, kind: "node", namespace: String::new(), name, class: "Fact", reason, message }
}

fn pod_row(pod: PodId, reason: &'static str, message: String, cluster: &Cluster) -> EventRow {
    let namespace = cluster.pod_namespace(pod).to_string();
    EventRow { at: cluster.now, kind: "pod", namespace, name: cluster.pod_name(pod), class: "Fact", reason, message }
}

/// How many times as long as usual starts and work take.
fn pace(node: NodeId, cluster: &Cluster) -> String {
    let pace = cluster.node(node).map(|node| node.pace).unwrap_or_default();
    let times = |milli: u32| format!("{}.{:03}", milli / 1000, milli % 1000);
    format!("start x{}, work x{}", times(pace.start_milli), times(pace.progress_milli))
}

/// `None` if the object is long gone and cannot be named.
fn object_row(id: ObjectId, reason: &'static str, message: String, cluster: &Cluster) -> Option<EventRow> {
    let object = cluster.object(id).or_else(|| cluster.removed_object(id))?;
    let kind = match object.body.kind().as_str() {
        "Deployment" => "deployment",
        "ReplicaSet" => "replicaset",
        "Service" => "service",
        other => other,
    };
    Some(EventRow {
        at: cluster.now,
        kind,
        namespace: cluster.names.text(object.namespace).to_string(),
        name: cluster.names.text(object.name).to_string(),
        class: "Fact",
        reason,
        message,
    })
}

fn taints(node: NodeId, cluster: &Cluster) -> String {
    let Some(node) = cluster.node(node) else { return String::new() };
    let texts: Vec<String> = node.spec.taints.iter().map(|taint| taint_text(taint, &cluster.names)).collect();
    format!("[{}]", texts.join(", "))
}

fn allocatable(node: NodeId, cluster: &Cluster) -> String {
    let resources = cluster.node(node).map(|node| &node.spec.allocatable);
    resources.map_or(String::new(), |r| format!("cpu {}m, memory {}", r.cpu, r.memory))
}

fn machine(node: NodeId, cluster: &Cluster) -> String {
    let found = cluster.node(node).or_else(|| cluster.removed_node(node));
    let Some(machine) = found.map(|node| node.machine) else { return String::new() };
    let power = match machine.power {
        Power::On => "on",
        Power::Off => "off",
        Power::Booting => "booting",
    };
    let link = if machine.link == Link::Partitioned { ", partitioned" } else { "" };
    let kubelet = if machine.kubelet { "" } else { ", kubelet stopped" };
    let health = if machine.healthy { "" } else { ", unhealthy" };
    format!("{power}{link}{kubelet}{health}")
}

fn owner(pod: PodId, cluster: &Cluster) -> String {
    let owner = cluster.pod(pod).and_then(|pod| pod.owner).and_then(|owner| cluster.object(owner));
    owner.map_or("no owner".to_string(), |object| {
        format!("by {} {}", object.body.kind().as_str(), cluster.names.text(object.name))
    })
}

fn node_of(pod: PodId, cluster: &Cluster) -> String {
    let node = cluster.pod(pod).and_then(|pod| pod.node);
    node.map_or(String::new(), |node| cluster.node_name(node).to_string())
}

fn restarts(pod: PodId, cluster: &Cluster) -> String {
    cluster.pod(pod).map_or(String::new(), |pod| pod.restarts.to_string())
}

fn grace(pod: PodId, cluster: &Cluster) -> String {
    let deletion = cluster.pod(pod).and_then(|pod| pod.deletion);
    deletion.map_or(String::new(), |deletion| format!("grace {}s", deletion.grace.0 / 1_000_000_000))
}

/// Writes each row as a line of text.
#[derive(Debug)]
pub struct TextLog<W> {
    out: W,
    error: Option<io::Error>,
}

impl<W: Write> TextLog<W> {
    /// Lines go to `out`.
    pub fn new(out: W) -> Self {
        TextLog { out, error: None }
    }

    /// What was written to.
    ///
    /// # Errors
    /// The first error met; nothing was written after it.
    pub fn finish(mut self) -> io::Result<W> {
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }
}

impl<W: Write> EventSink for TextLog<W> {
    fn row(&mut self, row: &EventRow) {
        if self.error.is_none() {
            self.error = writeln!(self.out, "{row}").err();
        }
    }
}
