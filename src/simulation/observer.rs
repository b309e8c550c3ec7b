//! Who looks on: metrics, logs, tests. Observers change nothing.

use crate::cluster::{Change, Cluster, NodeId, PodId, Record};
use crate::metrics::{ActionNote, Metrics};
use crate::outcome::ActionKind;

/// An entry of the timeline that is carried out now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What kind of thing.
    pub kind: ActionKind,
    /// Its verb: `crash`, `drain` ….
    pub verb: &'static str,
    /// For people: `crash worker-2`.
    pub label: String,
    /// The nodes hit.
    pub nodes: Vec<NodeId>,
    /// Pods hit beyond those on the nodes.
    pub pods: Vec<PodId>,
    /// Whether there was anything to do it to: a node that matches, a workload of that name.
    pub struck: bool,
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
        let Note { kind, verb, label, nodes, pods, struck } = &note;
        self.action(cluster, ActionNote { kind: *kind, verb, label, nodes, pods, struck: *struck });
    }
}
