//! Observers: they watch every [`Change`] and keep what a run is judged by. Everything is integrated on
//! change, never sampled, with constant work per change; nothing here ever changes the cluster.
//!
//! [`Metrics`] is what the simulation feeds and [`ALL`] lists what comes out. One file per group:
//! [`incidents`] tells how a group of pods healed, [`recovery`] sums that up, then availability, churn,
//! latency, capacity, nodes. A new metric is a constant in its group's file and a line in [`ALL`].

pub mod attribution;
pub mod availability;
pub mod blast;
pub mod burn;
pub mod capacity;
pub mod churn;
pub mod collateral;
pub mod digest;
pub mod event_log;
mod facts;
mod finish;
pub mod ghosts;
pub mod gpus;
pub mod headroom;
mod incident;
pub mod incidents;
pub mod jobs;
pub mod latency;
mod listed;
pub mod nodes;
pub mod objectives;
pub mod recovery;
mod series;
mod settings;
mod spread;
#[cfg(test)]
mod tests;
pub mod tolerance;
pub mod work;
pub mod workloads;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, Message, Name, NodeId, ObjectId, PodId, Record, Subject};
use crate::engine::Time;
use crate::outcome::{Action, ActionKind, Convergence, EventSink, Incident, Layout, MetricRow};

use self::attribution::Blame;
pub use self::burn::Objective;
use self::capacity::Capacity;
use self::churn::Churn;
use self::collateral::Collateral;
use self::digest::Digest;
use self::facts::Facts;
use self::ghosts::Ghosts;
use self::gpus::Gpus;
use self::incident::Strike;
use self::incidents::Incidents;
use self::jobs::Jobs;
use self::latency::Latency;
pub use self::listed::{ALL, find};
use self::nodes::Nodes;
pub use self::settings::Settings;
use self::spread::ReadyNodes;
use self::work::Works;
pub use self::workloads::BarePods;
use self::workloads::{Workload, Workloads};

/// A number that a run is judged by. `sim list metrics`, the reference pages and `expect:` know it from
/// [`ALL`].
#[derive(Clone, Copy)]
pub struct Metric {
    /// The name, unit last.
    pub name: &'static str,
    /// The unit, in words.
    pub unit: &'static str,
    /// The labels its rows may have. Where a row without labels makes sense, there is one, too.
    pub labels: &'static [&'static str],
    /// One line for people.
    pub about: &'static str,
    /// The formula, and its source where it is not ours.
    pub formula: &'static str,
    /// Reads its values off a finished run.
    read: fn(&Finished<'_>, &mut Rows),
}

/// A finished run, as metrics read it.
pub(crate) struct Finished<'a> {
    pub(crate) end: Time,
    pub(crate) cluster: &'a Cluster,
    pub(crate) workloads: &'a [Workload],
    pub(crate) ready_nodes: &'a ReadyNodes,
    /// By workload: the nodes its active pods are on, and how many.
    pub(crate) placed: &'a [Vec<(NodeId, u32)>],
    pub(crate) incidents: &'a [Incident],
    pub(crate) faults: recovery::Faults<'a>,
    pub(crate) blame: &'a Blame,
    pub(crate) actions: &'a [Action],
    pub(crate) churn: &'a Churn,
    pub(crate) collateral: &'a Collateral,
    pub(crate) ghosts: &'a Ghosts,
    pub(crate) works: &'a Works,
    pub(crate) jobs: &'a Jobs,
    pub(crate) convergence: Option<&'a Convergence>,
    pub(crate) latency: &'a Latency,
    pub(crate) capacity: &'a Capacity,
    pub(crate) gpus: &'a Gpus,
    pub(crate) nodes: &'a Nodes,
    /// Labels of nodes that are domains.
    pub(crate) domains: &'a [Name],
}

/// Takes the rows of one metric.
pub(crate) struct Rows {
    name: &'static str,
    unit: &'static str,
    rows: Vec<MetricRow>,
}

impl Rows {
    /// A value with these labels.
    pub(crate) fn push(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(key, value)| (*key, value.to_string())).collect();
        self.rows.push(MetricRow { name: self.name, unit: self.unit, labels, value });
    }
}

/// Something done to the cluster at this instant.
#[derive(Clone, Copy, Debug)]
pub struct ActionNote<'a> {
    /// A fault, a planned disruption, a harmless command, or a fault's end.
    pub kind: ActionKind,
    /// The verb: `crash`, `drain` ….
    pub verb: &'a str,
    /// The name of the entry of `faults:` that it comes from; empty for the timeline.
    pub fault: &'a str,
    /// For people: `crash worker-2`.
    pub label: &'a str,
    /// The nodes it strikes.
    pub nodes: &'a [NodeId],
    /// Pods it strikes beyond those on `nodes` (`kill pod`, preemption experiments …).
    pub pods: &'a [PodId],
    /// Whether there was anything to do it to.
    pub struck: bool,
    /// Whether it can take pods out of service.
    pub takes_out: bool,
    /// The number of the outage of the control plane that begins or, with the end of a fault, ends.
    pub outage: Option<u32>,
}

/// All observers of one run.
pub struct Metrics {
    digest: Digest,
    workloads: Workloads,
    incidents: Incidents,
    churn: Churn,
    collateral: Collateral,
    ghosts: Ghosts,
    works: Works,
    convergence: Option<Convergence>,
    jobs: Jobs,
    latency: Latency,
    capacity: Capacity,
    gpus: Gpus,
    nodes: Nodes,
    domains: Rc<[Name]>,
    actions: Vec<Action>,
    /// What the scheduler said last about pods that wait.
    last_words: FxHashMap<PodId, Rc<str>>,
    log: Option<Box<dyn EventSink>>,
}

impl Metrics {
    /// Starts observing. What is in the cluster already is taken in; telling it again as changes that
    /// were not taken yet does no harm.
    pub fn new(cluster: &Cluster, settings: Settings) -> Self {
        let mut metrics = Metrics {
            digest: Digest::default(),
            workloads: Workloads::new(&settings),
            incidents: Incidents::among(settings.faults.clone()),
            churn: Churn::default(),
            collateral: Collateral::default(),
            ghosts: Ghosts::default(),
            works: Works::default(),
            convergence: None,
            jobs: Jobs::default(),
            latency: Latency::new(cluster.now, settings.series_points),
            capacity: Capacity::new(cluster.now, settings.series_points),
            gpus: Gpus::new(cluster.now, settings.series_points),
            nodes: Nodes::new(settings.series_nodes, settings.series_points / 4),
            domains: settings.domains.clone(),
            actions: Vec::new(),
            last_words: FxHashMap::default(),
            log: None,
        };
        cluster.nodes().for_each(|(id, _)| metrics.node_changed(id, false, cluster));
        cluster.objects().for_each(|(id, _)| metrics.object_changed(id, cluster));
        cluster.pods().for_each(|(id, _)| metrics.pod_changed(id, false, cluster));
        metrics
    }

    /// From now on rows of the event log go to `sink`.
    pub fn log_to(&mut self, sink: Box<dyn EventSink>) {
        self.log = Some(sink);
    }

    /// Takes in a change, in order, at `cluster.now`. A removed pod must still be readable.
    pub fn observe(&mut self, change: Change, cluster: &Cluster) {
        self.digest.add(change, cluster);
        self.examine_incidents(cluster);
        if let Some(log) = &mut self.log
            && let Some(row) = event_log::change_row(change, cluster)
        {
            log.row(&row);
        }
        match change {
            Change::PodRemoved(pod) => self.pod_and_load_changed(pod, true, cluster),
            Change::PodRestarted(pod) => {
                self.churn.restarts += 1;
                self.pod_changed(pod, false, cluster);
                self.workloads.of(pod).restarts += 1;
            }
            Change::PodForgotten(pod, node) => {
                self.pod_changed(pod, false, cluster);
                self.load_changed(node, cluster);
            }
            Change::PodAssumed(pod) => self.pod_and_load_changed(pod, false, cluster),
            Change::PodPhase { pod, to, .. } if to.is_terminal() => self.pod_and_load_changed(pod, false, cluster),
            Change::PodCreated(pod)
            | Change::PodBound(pod)
            | Change::PodPhase { pod, .. }
            | Change::PodReady(pod, _)
            | Change::PodContainer(pod)
            | Change::PodMarked(pod)
            | Change::PodUngated(pod) => self.pod_changed(pod, false, cluster),
            Change::PodNominated(_) | Change::PodUnschedulable(_) => (),
            Change::Machine(node) if cluster.node(node).is_none() => self.machine_changed(node, cluster),
            Change::NodeRemoved(node) => self.node_changed(node, true, cluster),
            Change::NodeAdded(node)
            | Change::NodeReady { node, .. }
            | Change::NodeCordoned(node, _)
            | Change::NodeResized(node)
            | Change::Machine(node) => self.node_changed(node, false, cluster),
            Change::NodeTainted(_)
            | Change::NodeVolumes(_)
            | Change::NodeLabelled(_)
            | Change::NodeImages(_)
            | Change::NodePaced(_)
            | Change::LeaseRenewing(..)
            | Change::CreateRefused(_) => (),
            Change::ObjectStatus(object) => {
                if workloads::wants_by_status(object, cluster) {
                    self.object_changed(cluster.root_owner(object), cluster);
                }
                if let Some(workload) = self.workloads.of_object(cluster.root_owner(object)) {
                    self.jobs.status_changed(object, workload, cluster);
                }
            }
            Change::ObjectCreated(object)
            | Change::ObjectScaled { object, .. }
            | Change::ObjectUpdated(object)
            | Change::ObjectMarked(object) => self.object_changed(object, cluster),
            Change::ObjectRemoved(object) => {
                if let Some(workload) = self.workloads.object_removed(object, cluster) {
                    self.incidents.settle(workload, cluster.now, &mut self.workloads);
                }
            }
        }
        self.measure_closed_incidents();
    }

    /// Looks at incidents that opened at an earlier instant, before anything that happens now.
    fn examine_incidents(&mut self, cluster: &Cluster) {
        if self.incidents.is_unexamined(cluster.now) {
            self.incidents.examine(cluster, &mut self.workloads);
            self.measure_closed_incidents();
        }
    }

    fn measure_closed_incidents(&mut self) {
        if self.incidents.has_closed() {
            let (capacity, workloads) = (&self.capacity, &self.workloads);
            self.incidents.measure_closed(|workload| layout(workload, workloads, capacity));
        }
    }

    /// Takes in a Kubernetes event.
    pub fn record(&mut self, record: &Record, cluster: &Cluster) {
        self.churn.record(record);
        let workloads = &self.workloads;
        self.collateral.record(record, |pod| workloads.tracked(pod).workload, cluster);
        if let (Message::FailedScheduling(text), Subject::Pod(pod)) = (&record.message, record.subject) {
            self.last_words.insert(pod, text.clone());
        }
        if let Some(log) = &mut self.log {
            log.row(&event_log::record_row(record, cluster));
        }
    }

    /// Takes in a fault or an operator's command. Call it just **before** it is applied: incidents
    /// remember what served until then.
    pub fn action(&mut self, cluster: &Cluster, note: ActionNote<'_>) {
        self.examine_incidents(cluster);
        if let Some(log) = &mut self.log {
            log.row(&event_log::action_row(cluster.now, note.label));
        }
        let (label, names) = (Arc::from(note.label), incident::names_of(note.nodes, cluster));
        let planned = match note.kind {
            ActionKind::Fault => Some(false),
            ActionKind::Disruption => Some(true),
            ActionKind::Command | ActionKind::FaultEnded => None,
        };
        if let Some(planned) = planned {
            let strike = Strike {
                action: self.actions.len(),
                label: &label,
                planned,
                nodes: note.nodes,
                names: &names,
                pods: note.pods,
            };
            let capacity = &self.capacity;
            let before = |workloads: &Workloads, workload| layout(workload, workloads, capacity);
            self.incidents.open(&strike, cluster, &mut self.workloads, before);
            self.measure_closed_incidents();
        }
        if let Some(outage) = note.outage {
            let begun = (note.kind != ActionKind::FaultEnded).then_some(self.actions.len());
            self.incidents.outage_changed(outage, begun, cluster.now, &mut self.workloads);
        }
        self.actions.push(Action {
            at: cluster.now,
            kind: note.kind,
            verb: note.verb.to_string(),
            fault: note.fault.to_string(),
            label,
            nodes: names,
            struck: note.struck,
            takes_out: note.takes_out,
        });
    }

    /// Workloads that have fewer pods serving than wanted: label, wanted, serving.
    pub fn incomplete(&self) -> impl Iterator<Item = (&str, i64, i64)> {
        let of = |workload: &'_ Workload| (workload.desired.value(), workload.serving.value());
        let lacking = self.workloads.list.iter().filter(move |workload| of(workload).1 < of(workload).0);
        lacking.map(move |workload| (&*workload.label, of(workload).0, of(workload).1))
    }

    /// Takes in how the cluster did after chaos.
    pub fn converged(&mut self, convergence: Option<Convergence>) {
        self.convergence = convergence;
    }

    /// The digest of the changes so far.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    fn pod_changed(&mut self, id: PodId, gone: bool, cluster: &Cluster) {
        let now = cluster.now;
        let Some(pod) = cluster.pod(id) else { return };
        let known = self.workloads.tracked(id).facts.has(Facts::KNOWN);
        let (before, after) = self.workloads.pod_changed(id, gone, cluster);
        let turned = |fact: Facts| after.has(fact) && !before.has(fact);
        let difference = |fact: Facts| i64::from(after.has(fact)) - i64::from(before.has(fact));
        self.latency.shift(now, difference(Facts::WAITING), difference(Facts::PENDING));
        if !known {
            self.churn.created += 1;
            self.capacity.pod_created(id, cluster);
            self.gpus.pod_created(id, cluster);
        }
        if turned(Facts::BOUND) {
            self.latency.scheduling.add(now.since(pod.created_at));
            self.last_words.remove(&id);
        }
        if turned(Facts::EVER_READY) {
            self.latency.startup.add(now.since(pod.created_at));
        }
        if gone {
            self.last_words.remove(&id);
        }
        self.count_deletion(pod, gone, before, after);
        let workload = self.workloads.tracked(id).workload;
        self.ghosts.pod_changed(id, gone, workload, cluster);
        self.works.pod_changed(id, pod, gone, workload, cluster);
        if before != after {
            self.incidents.pod_changed(id, !known, cluster, &mut self.workloads);
        }
    }

    /// A pod stops being active by ending or by its deletion; one that is removed without a mark is
    /// deleted then.
    fn count_deletion(&mut self, pod: &crate::cluster::Pod, gone: bool, before: Facts, after: Facts) {
        let stopped = before.has(Facts::ACTIVE) && !after.has(Facts::ACTIVE);
        let marked = stopped && pod.deletion.is_some();
        let removed_unmarked = gone && !before.has(Facts::GONE) && pod.deletion.is_none();
        self.churn.deleted += u64::from(marked || removed_unmarked);
        self.churn.evicted += u64::from(stopped && (marked || gone) && churn::is_evicted(pod));
        self.churn.failed += u64::from(stopped && pod.phase == crate::cluster::Phase::Failed);
    }

    /// A pod changed, and what is requested of its node: by what else happens to a pod that does not.
    fn pod_and_load_changed(&mut self, pod: PodId, gone: bool, cluster: &Cluster) {
        self.pod_changed(pod, gone, cluster);
        if let Some(node) = cluster.pod(pod).and_then(|pod| pod.node) {
            self.load_changed(node, cluster);
        }
    }

    fn load_changed(&mut self, node: NodeId, cluster: &Cluster) {
        self.capacity.node_changed(node, false, cluster);
        self.gpus.node_changed(node, false, cluster);
        self.nodes.load_changed(node, cluster);
    }

    fn node_changed(&mut self, node: NodeId, gone: bool, cluster: &Cluster) {
        self.workloads.node_changed(node, gone, cluster);
        self.machine_changed(node, cluster);
        self.capacity.node_changed(node, gone, cluster);
        self.gpus.node_changed(node, gone, cluster);
        self.nodes.node_changed(node, gone, cluster);
        self.nodes.load_changed(node, cluster);
        self.incidents.node_changed(node, cluster, &mut self.workloads);
    }

    /// The machine lives on when its node is gone from the API.
    fn machine_changed(&mut self, node: NodeId, cluster: &Cluster) {
        let workloads = &self.workloads;
        self.ghosts.node_changed(node, |pod| workloads.tracked(pod).workload, cluster);
    }

    fn object_changed(&mut self, object: ObjectId, cluster: &Cluster) {
        if let Some(workload) = self.workloads.object_changed(object, cluster) {
            self.incidents.settle(workload, cluster.now, &mut self.workloads);
        }
    }
}

/// How a workload's pods are laid out now.
fn layout(workload: u32, workloads: &Workloads, capacity: &Capacity) -> Layout {
    let (node_spread, zone_spread) = workloads.list[workload as usize].spread.of(&workloads.ready_nodes);
    Layout {
        imbalance_ppm: capacity.imbalance_ppm(),
        fragmentation_ppm: capacity.fragmentation_ppm(),
        node_spread,
        zone_spread,
    }
}
