//! Each node's states over time, and for some nodes their load and number of pods: half of the places are
//! for the first nodes, half for the first that fail.

use crate::cluster::taint::taint_text;
use crate::cluster::{Cluster, Node, NodeId, Resources, Status};
use crate::engine::{Integral, Span, Time};
use crate::outcome::{NodeRow, NodeState, Series};

use super::capacity::{PPM, ratio_ppm};
use super::series::Recorder;
use super::{Metric, Rows};

/// What is remembered of one node.
#[derive(Clone, Debug)]
struct History {
    name: String,
    zone: String,
    states: Vec<(Time, NodeState)>,
    /// 1 while it is in the API and not Ready there.
    not_ready: Integral,
    series: Option<NodeSeries>,
}

#[derive(Clone, Debug)]
struct NodeSeries {
    cpu: Recorder,
    memory: Recorder,
    pods: Recorder,
}

impl NodeSeries {
    fn starting(now: Time, limit: usize) -> Self {
        let recorder = || Recorder::starting(now, 0, limit);
        NodeSeries { cpu: recorder(), memory: recorder(), pods: recorder() }
    }
}

/// All nodes there ever were.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    histories: Vec<Option<History>>,
    /// Places for nodes that fail.
    places: usize,
    /// Nodes below this have series from the start.
    first: usize,
    series_limit: usize,
    pub(crate) outages: u64,
}

impl Nodes {
    /// Series of at most `series_limit` points for `series_of` nodes.
    pub(crate) fn new(series_of: usize, series_limit: usize) -> Self {
        let first = series_of.div_ceil(2);
        Nodes { histories: Vec::new(), places: series_of - first, first, series_limit, outages: 0 }
    }

    /// A node's state, or what runs on it, may have changed.
    pub(crate) fn node_changed(&mut self, id: NodeId, gone: bool, cluster: &Cluster) {
        let now = cluster.now;
        let state = cluster.node(id).filter(|_| !gone).map_or(NodeState::Gone, state_of);
        if self.histories.len() <= id.index() {
            self.histories.resize(id.index() + 1, None);
        }
        let first_few = id.index() < self.first;
        let limit = self.series_limit;
        let history =
            self.histories[id.index()].get_or_insert_with(|| History::new(id, cluster, first_few.then_some(limit)));
        let failed = matches!(state, NodeState::Unnoticed | NodeState::NotReady);
        if failed && history.series.is_none() && self.places > 0 {
            self.places -= 1;
            history.series = Some(NodeSeries::starting(now, limit));
        }
        let was_ready = history.states.last().is_none_or(|(_, last)| *last != NodeState::NotReady);
        history.enter(now, state);
        if was_ready && state == NodeState::NotReady {
            self.outages += 1;
        }
    }

    /// Load or number of pods of a node may have changed.
    pub(crate) fn load_changed(&mut self, id: NodeId, cluster: &Cluster) {
        let history = self.histories.get_mut(id.index()).and_then(Option::as_mut);
        if let Some(series) = history.and_then(|history| history.series.as_mut()) {
            let load = |of: fn(&Resources) -> i64| {
                let share = |node: &Node| ratio_ppm(of(&node.requested), of(&node.spec.allocatable));
                cluster.node(id).map_or(0, share)
            };
            series.cpu.set(cluster.now, load(|resources| resources.cpu));
            series.memory.set(cluster.now, load(|resources| resources.memory));
            series.pods.set(cluster.now, cluster.node(id).map_or(0, |node| node.n_pods));
        }
    }

    /// The nodes table, and the series.
    pub(crate) fn finish(self, cluster: &Cluster) -> (Vec<NodeRow>, Vec<Series>) {
        let mut rows = Vec::new();
        let mut all_series = Vec::new();
        for (index, history) in self.histories.into_iter().enumerate() {
            let Some(mut history) = history else { continue };
            if let Some(series) = history.series.take() {
                let labels = vec![("node", history.name.clone())];
                let ratio = |name, recorder: Recorder| Series {
                    name,
                    unit: "ratio",
                    labels: labels.clone(),
                    points: recorder.points(cluster.now, PPM as f64),
                };
                all_series.push(ratio("node_cpu_requested_ratio", series.cpu));
                all_series.push(ratio("node_memory_requested_ratio", series.memory));
                let points = series.pods.points(cluster.now, 1.0);
                all_series.push(Series { name: "node_pods", unit: "pods", labels, points });
            }
            rows.push(row(NodeId(index as u32), history, cluster));
        }
        (rows, all_series)
    }

    /// Sum over nodes of the time each was not Ready while in the API.
    fn not_ready_seconds(&self, end: Time) -> f64 {
        self.histories.iter().flatten().map(|history| history.not_ready.unit_seconds_at(end)).sum()
    }
}

impl History {
    fn new(id: NodeId, cluster: &Cluster, series: Option<usize>) -> Self {
        let zone = cluster.node(id).map_or("", |node| cluster.names.text(node.zone.1));
        History {
            name: cluster.node_name(id).to_string(),
            zone: zone.to_string(),
            states: Vec::new(),
            not_ready: Integral::starting(cluster.now, 0),
            series: series.map(|limit| NodeSeries::starting(cluster.now, limit)),
        }
    }

    fn enter(&mut self, now: Time, state: NodeState) {
        self.not_ready.set(now, i64::from(state == NodeState::NotReady));
        match self.states.last_mut() {
            Some((_, last)) if *last == state => (),
            Some((at, last)) if *at == now => *last = state,
            _ => self.states.push((now, state)),
        }
    }
}

/// The state of a node in the API.
fn state_of(node: &Node) -> NodeState {
    match node.ready.status {
        Status::False | Status::Unknown => NodeState::NotReady,
        Status::True if !node.machine.is_heard() => NodeState::Unnoticed,
        Status::True if node.spec.unschedulable => NodeState::Cordoned,
        Status::True => NodeState::Ready,
    }
}

fn row(id: NodeId, history: History, cluster: &Cluster) -> NodeRow {
    let mut row = NodeRow {
        name: history.name,
        zone: history.zone,
        not_ready: Span((history.not_ready.area_at(cluster.now)) as u64),
        states: history.states,
        status: "Gone".to_string(),
        ..NodeRow::default()
    };
    if let Some(node) = cluster.node(id) {
        let ready = if node.ready.status == Status::True { "Ready" } else { "NotReady" };
        let cordon = if node.spec.unschedulable { ",SchedulingDisabled" } else { "" };
        row.status = format!("{ready}{cordon}");
        row.pods = node.n_pods;
        row.cpu_milli = (node.requested.cpu, node.spec.allocatable.cpu);
        row.memory_bytes = (node.requested.memory, node.spec.allocatable.memory);
        row.taints = node.spec.taints.iter().map(|taint| taint_text(taint, &cluster.names)).collect();
    }
    row
}

/// `node_not_ready_seconds`.
pub const NODE_NOT_READY_SECONDS: Metric = Metric {
    name: "node_not_ready_seconds",
    unit: "node-seconds",
    labels: &[],
    about: "time nodes were not Ready in the API, summed over nodes",
    formula: "Σ ∫ 1[Ready ≠ True] dt while the node is in the API",
    read: |run, rows: &mut Rows| rows.push(&[], run.nodes.not_ready_seconds(run.end)),
};

/// `node_outages_total`.
pub const NODE_OUTAGES_TOTAL: Metric = Metric {
    name: "node_outages_total",
    unit: "outages",
    labels: &[],
    about: "how often a node stopped being Ready in the API",
    formula: "count of changes of Ready from True, and of nodes added that are not Ready",
    read: |run, rows| rows.push(&[], run.nodes.outages as f64),
};
