//! What expressions can ask: the pod's and the node's figures, each with its name, type and unit.

use crate::cluster::gpu::DEVICE;
use crate::scheduler::policies::{Ask, Candidate};

use crate::scheduler::policies::details::{NodeDetails, PodDetails};

use super::program::{Type, Value};

/// A pod and a node.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The pod.
    pub ask: &'a Ask<'a>,
    /// The node, before the pod comes.
    pub node: &'a Candidate<'a>,
}

/// A name that expressions know.
#[derive(Debug)]
pub struct Fact {
    /// The name.
    pub name: &'static str,
    /// Its type.
    pub kind: Type,
    /// What it is, with its unit.
    pub about: &'static str,
    /// Reads it.
    pub read: fn(&Facts<'_>) -> Value,
}

fn cores(milli: i64) -> Value {
    Value::Double(milli as f64 / 1000.0)
}

fn bytes(amount: i64) -> Value {
    Value::Double(amount as f64)
}

fn text(found: Option<&str>) -> Value {
    Value::String(found.unwrap_or_default().to_string())
}

fn devices(milli: i64) -> Value {
    Value::Double(milli as f64 / f64::from(DEVICE))
}

/// Facts with a key: `node.labels["disk"]`, which fails without an entry, and `"disk" in node.labels`.
#[derive(Debug)]
pub struct Map {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Reads an entry.
    pub read: for<'a> fn(&Facts<'a>, &str) -> Option<&'a str>,
}

/// All maps; keys and values are text.
pub const MAPS: &[Map] = &[
    Map {
        name: "pod.labels",
        about: "labels of the pod: pod.labels[\"app\"], \"app\" in pod.labels",
        read: |f, key| f.ask.details?.label(key),
    },
    Map {
        name: "node.labels",
        about: "labels of the node: node.labels[\"disk\"], \"disk\" in node.labels",
        read: |f, key| f.node.details?.label(key),
    },
    Map {
        name: "node.taints",
        about: "taints of the node, each with its effect: \"team\" in node.taints, node.taints[\"team\"]",
        read: |f, key| f.node.details?.taint(key),
    },
];

macro_rules! facts {
    ($($name:literal, $kind:ident, $about:literal, $read:expr;)*) => {
        &[$(Fact { name: $name, kind: Type::$kind, about: $about, read: $read },)*]
    };
}

/// All names.
pub const ALL: &[Fact] = facts! {
    "pod.cpu", Double, "cpu the pod asks for, in cores", |f| cores(f.ask.cpu);
    "pod.memory", Double, "memory the pod asks for, in bytes", |f| bytes(f.ask.memory);
    "pod.gpu", Double, "GPUs the pod asks for, shares added up", |f| devices(f.ask.gpu.map_or(0, |gpu| gpu.total()));
    "pod.gpus", Int, "devices the pod asks for", |f| Value::Int(f.ask.gpu.map_or(0, |gpu| i64::from(gpu.count)));
    "pod.priority", Int, "priority of the pod, 0 without a class", |f| Value::Int(f.ask.details.map_or(0, |pod| i64::from(pod.spec.priority)));
    "pod.namespace", String, "namespace of the pod", |f| text(f.ask.details.map(PodDetails::namespace));
    "pod.batch", Bool, "whether the pod runs to an end", |f| Value::Bool(f.ask.batch);
    "pod.group_size", Int, "pods that its controller wants, 1 without one", |f| Value::Int(f.ask.group_size);
    "node.free.cpu", Double, "cpu nobody has asked for, in cores", |f| cores(f.node.cpu.free);
    "node.free.memory", Double, "memory nobody has asked for, in bytes", |f| bytes(f.node.memory.free);
    "node.free.gpu", Double, "GPUs that are free, shares added up", |f| devices(f.node.gpus.total_free());
    "node.capacity.cpu", Double, "allocatable cpu, in cores", |f| cores(f.node.cpu.capacity);
    "node.capacity.memory", Double, "allocatable memory, in bytes", |f| bytes(f.node.memory.capacity);
    "node.capacity.gpu", Double, "devices the node has", |f| Value::Double(f.node.gpus.len() as f64);
    "node.used.cpu", Double, "cpu asked for, in cores", |f| cores(f.node.cpu.capacity - f.node.cpu.free);
    "node.used.memory", Double, "memory asked for, in bytes", |f| bytes(f.node.memory.capacity - f.node.memory.free);
    "node.pods", Int, "pods on the node that have not ended", |f| Value::Int(f.node.pods);
    "node.pods_of_group", Int, "those of them that belong to the pod's controller", |f| Value::Int(f.node.pods_of_group);
    "node.failures_of_group", Int, "pods of the pod's controller that failed on the node", |f| Value::Int(f.node.failures_of_group);
    "node.name", String, "name of the node", |f| text(f.node.details.map(NodeDetails::name));
    "node.zone", String, "zone of the node, empty without one", |f| text(f.node.details.map(NodeDetails::zone));
    "node.index", Int, "number of the node, in the order nodes were added", |f| Value::Int(i64::from(f.node.id.0));
};

/// The names of all facts and maps.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|fact| fact.name).chain(MAPS.iter().map(|map| map.name))
}
