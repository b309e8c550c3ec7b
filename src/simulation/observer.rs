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
    /// The name of the entry of `faults:` that it comes from; empty for the timeline.
    pub fault: String,
    /// For people: `crash worker-2`.
    pub label: String,
    /// The nodes hit.
    pub nodes: Vec<NodeId>,
    /// Pods hit beyond those on the nodes.
    pub pods: Vec<PodId>,
    /// Whether there was anything to do it to: a node that matches, a workload of that name.
    pub struck: bool,
    /// Whether it can take pods out of service: what only slows down or shrinks does not.
    pub takes_out: bool,
    /// The number of the outage of the control plane that begins or, with the end of a fault, ends.
    pub outage: Option<u32>,
}

impl Note {
    /// A note about nobody, of no fault with a name.
    pub fn new(kind: ActionKind, verb: &'static str, label: String) -> Note {
        let (nodes, pods) = (Vec::new(), Vec::new());
        Note { kind, verb, fault: String::new(), label, nodes, pods, struck: true, takes_out: true, outage: None }
    }
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
        let Note { kind, verb, fault, label, nodes, pods, struck, takes_out, outage } = &note;
        let (kind, struck, takes_out, outage) = (*kind, *struck, *takes_out, *outage);
        self.action(cluster, ActionNote { kind, verb, fault, label, nodes, pods, struck, takes_out, outage });
    }
}
