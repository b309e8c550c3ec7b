//! The world: nodes, pods, the objects that own pods, and the only code that may change them.
//!
//! Deciders (scheduler, controllers, kubelet, faults) read `&Cluster` and return actions; the
//! simulation applies them through the mutators in [`nodes`], [`pods`] and [`objects`], each of which
//! records a [`Change`] for every fact that became true. Strings live in [`Names`] only; the rest
//! moves small ids.
//!
//! Aggregates (what is requested on a node, how many pods of an owner are ready) are kept on
//! change; [`Cluster::check`] recomputes them from scratch.

pub mod action;
pub mod admission;
pub mod batch;
pub mod change;
pub mod check;
pub mod cron;
pub mod deletion;
mod derive;
pub mod devices;
pub mod event;
pub mod fragmentation;
pub mod gpu;
pub mod groups;
mod identity;
pub mod ids;
pub mod labels;
pub mod names;
pub mod node;
pub mod nodes;
pub mod object;
pub mod objects;
pub mod pod;
pub mod pods;
pub mod policy;
mod replace;
pub mod resources;
pub mod spec;
pub mod storage;
pub mod taint;
mod unfinished;
pub mod volumes;
pub mod wall;
pub mod work;
pub mod workloads;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use crate::engine::{Seed, Span, Time};

pub use action::Action;
pub use change::Change;
pub use event::{Message, Reason, Record, Subject};
pub use gpu::{DeviceSet, GpuInventory, GpuRequest, Gpus};
pub use ids::{NodeId, ObjectId, PodId, SpecId};
pub use labels::{Labels, NodeSelector, NodeSelectorTerm, Operator, Requirement, Selector};
pub use names::{Name, Names, WellKnown};
pub use node::{Condition, Lease, Link, Machine, Node, NodeSpec, Pace, Power, Status};
pub use object::{Body, Cascade, Deployment, Kind, Object, ReplicaSet, ReplicaSetStatus, Strategy};
pub use pod::{Container, Deletion, Disruption, Part, Phase, Pod, PodName};
pub use pods::NewPod;
pub use resources::Resources;
pub use spec::{PodSpec, RestartPolicy};
pub use storage::StorageAction;
pub use taint::{Effect, Taint, Toleration};
pub use work::{Checkpoints, Work};

/// UIDs given from outside, pod by pod; `None` for the seed's.
#[derive(Clone, Default)]
pub struct UidSource(pub Option<Rc<dyn Fn(PodId) -> Option<u128>>>);

impl std::fmt::Debug for UidSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "UidSource(given)" } else { "UidSource(seed)" })
    }
}

/// The whole state of one simulated cluster.
#[derive(Debug)]
pub struct Cluster {
    /// The virtual time; set by the simulation before each event.
    pub now: Time,
    /// Where the wall clock stands at time zero, since the Unix epoch.
    pub wall_start: Span,
    /// Nodes that come first where Kubernetes walks a map, whose order is chance: a replay gives the order a
    /// recording shows; all others follow by age.
    pub walk_first: Vec<Name>,
    /// The seed from which names, UIDs and streams derive.
    pub seed: Seed,
    /// Every string of the cluster.
    pub names: Names,
    /// Names with a meaning to Kubernetes itself.
    pub known: WellKnown,
    nodes: Vec<Option<Node>>,
    node_by_name: FxHashMap<Name, NodeId>,
    n_nodes: usize,
    /// Nodes that are gone, as they were, for those who still speak of them.
    removed_nodes: BTreeMap<NodeId, Node>,
    pods: pods::PodTable,
    /// Work with checkpoints that waits for somebody to take it up.
    unfinished: unfinished::Unfinished,
    /// Groups of pods without a common controller.
    groups: groups::Groups,
    /// Whether any template has a limit for its group.
    limits_groups: bool,
    specs: Vec<PodSpec>,
    /// Templates by a hash of their text, which would need more room than they.
    specs_by_hash: FxHashMap<u64, SmallVec<[SpecId; 1]>>,
    /// Templates made for one node or one ordinal, by what they were made from.
    derived_specs: FxHashMap<(SpecId, derive::For), SpecId>,
    /// Creations refused so far, for the names the refused pods would have had.
    refusals: u64,
    /// ResourceQuotas and LimitRanges, which admission asks, oldest first.
    quotas: Vec<ObjectId>,
    limit_ranges: Vec<ObjectId>,
    objects: Vec<Option<Object>>,
    removed_objects: Vec<(ObjectId, Option<Object>)>,
    object_by_name: FxHashMap<(Kind, Name, Name), ObjectId>,
    /// Where UIDs come from that do not derive from the seed: a replay gives pods the order that a
    /// recording shows theirs had.
    pub uids: UidSource,
    /// Labels of each namespace, in the order of creation.
    pub namespaces: Vec<(Name, Labels)>,
    changes: Vec<Change>,
    records: Vec<Record>,
}

impl Cluster {
    /// An empty cluster at time zero with the namespace `default`.
    pub fn new(seed: Seed) -> Self {
        let mut names = Names::default();
        let default = names.intern("default");
        let name_label = names.intern("kubernetes.io/metadata.name");
        Cluster {
            now: Time::ZERO,
            wall_start: wall::DEFAULT_WALL_START,
            walk_first: Vec::new(),
            seed,
            uids: UidSource::default(),
            namespaces: vec![(default, Labels::new(vec![(name_label, default)]))],
            known: WellKnown::new(&mut names),
            names,
            nodes: Vec::new(),
            node_by_name: FxHashMap::default(),
            n_nodes: 0,
            removed_nodes: BTreeMap::new(),
            pods: pods::PodTable::default(),
            unfinished: unfinished::Unfinished::default(),
            groups: groups::Groups::default(),
            limits_groups: false,
            specs: Vec::new(),
            specs_by_hash: FxHashMap::default(),
            derived_specs: FxHashMap::default(),
            refusals: 0,
            quotas: Vec::new(),
            limit_ranges: Vec::new(),
            objects: Vec::new(),
            removed_objects: Vec::new(),
            object_by_name: FxHashMap::default(),
            changes: Vec::new(),
            records: Vec::new(),
        }
    }

    /// What became true since the last call, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// The same, with `room` to note further changes in: a list that is no longer needed.
    pub fn exchange_changes(&mut self, mut room: Vec<Change>) -> Vec<Change> {
        room.clear();
        std::mem::replace(&mut self.changes, room)
    }

    /// Whether anything became true since the last [`Cluster::take_changes`].
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Kubernetes events recorded since the last call, in order.
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// The same, with `room` to note further events in: a list that is no longer needed.
    pub fn exchange_records(&mut self, mut room: Vec<Record>) -> Vec<Record> {
        room.clear();
        std::mem::replace(&mut self.records, room)
    }

    /// Whether events were recorded since the last [`Cluster::take_records`].
    pub fn has_records(&self) -> bool {
        !self.records.is_empty()
    }

    /// Records an event as it is.
    pub fn publish(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Records a Kubernetes event about `subject`, reported by `source`.
    pub fn record(&mut self, source: &'static str, subject: Subject, message: Message) {
        self.records.push(Record { at: self.now, source, subject, message });
    }

    /// Interns a pod template; equal templates share one id.
    pub fn intern_spec(&mut self, spec: PodSpec) -> SpecId {
        let mut hasher = FxHasher::default();
        format!("{spec:?}").hash(&mut hasher);
        let alike = self.specs_by_hash.entry(hasher.finish()).or_default();
        if let Some(&id) = alike.iter().find(|id| self.specs[id.index()] == spec) {
            return id;
        }
        let id = SpecId(self.specs.len() as u32);
        alike.push(id);
        self.limits_groups |= spec.max_per_node.is_some();
        self.specs.push(spec);
        id
    }

    /// The template with this id.
    pub fn spec(&self, id: SpecId) -> &PodSpec {
        &self.specs[id.index()]
    }

    /// Number of templates interned so far.
    pub fn n_specs(&self) -> usize {
        self.specs.len()
    }

    fn emit(&mut self, change: Change) {
        self.changes.push(change);
    }
}
