//! Who looks on: metrics, logs, tests. Observers change nothing.

use crate::cluster::{Change, Cluster, NodeId, Record};

/// What kind of thing an operator or a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A fault strikes.
    Fault,
    /// A fault ends.
    FaultEnds,
    /// An operator's command.
    Operation,
}

/// An entry of the timeline that is carried out now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What kind of thing.
    pub kind: NoteKind,
    /// Its verb: `crash`, `drain` ….
    pub verb: &'static str,
    /// For people: `crash worker-2`.
    pub label: String,
    /// The nodes hit.
    pub nodes: Vec<NodeId>,
}

/// Somebody who looks on.
pub trait Observer {
    /// A change, right after it became true.
    fn observe(&mut self, change: Change, cluster: &Cluster);
    /// A Kubernetes event.
    fn record(&mut self, record: &Record, cluster: &Cluster);
    /// An entry of the timeline is about to be carried out.
    fn note(&mut self, note: Note, cluster: &Cluster);
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&mut self, _: Change, _: &Cluster) {}
    fn record(&mut self, _: &Record, _: &Cluster) {}
    fn note(&mut self, _: Note, _: &Cluster) {}
}
