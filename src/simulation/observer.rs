//! Who looks on: metrics, logs, tests. Observers change nothing.

use crate::cluster::{Change, Cluster, NodeId, Record};
use crate::metrics::{ActionNote, Metrics};
use crate::outcome::ActionKind;

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

impl Observer for Metrics {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        Metrics::observe(self, change, cluster);
    }

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        Metrics::record(self, record, cluster);
    }

    fn note(&mut self, note: Note, cluster: &Cluster) {
        let kind = match (note.kind, note.verb) {
            (NoteKind::Fault, _) => ActionKind::Fault,
            (NoteKind::FaultEnds, _) => ActionKind::FaultEnded,
            (NoteKind::Operation, "drain") => ActionKind::Disruption,
            (NoteKind::Operation, _) => ActionKind::Command,
        };
        self.action(cluster, ActionNote { kind, verb: note.verb, label: &note.label, nodes: &note.nodes, pods: &[] });
    }
}
