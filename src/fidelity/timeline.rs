//! Recorded timelines: the same set-up, lease phases and actions, then the same instants are read off.
//!
//! Phases that a recording cannot show (the monitor pass, the pass of pod garbage collection) are
//! fitted once, within their period, to the first thing they decide; everything after is compared.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::{Change, Cluster, Effect, NodeId, Record, Status};
use crate::engine::{Distribution, Seed, Span, Time};
use crate::manifest::{self, Defaults};
use crate::simulation::{Command, Note, Observer, Settings, Setup, Silent, Simulation, Target, Workload};
use crate::{kubelet, scheduler};

/// Recordings set up before their zero; the simulation's clock starts this much earlier.
const LEAD: Time = Time::from_secs(100);

/// What happened at and after the recording's zero, in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instants {
    /// Nodes becoming Ready=Unknown.
    pub unknown: Vec<f64>,
    /// Nodes getting a NoExecute taint (or, as in the recordings, still having one when taints change).
    pub no_execute: Vec<f64>,
    /// Nodes without any taint again.
    pub untainted: Vec<f64>,
    /// Pods becoming not Ready without being marked.
    pub not_ready: Vec<f64>,
    /// Pods marked for deletion or set Failed by garbage collection.
    pub marked: Vec<f64>,
    /// Pods removed.
    pub removed: Vec<f64>,
    /// Pods created.
    pub created: Vec<f64>,
    /// Pods bound.
    pub bound: Vec<f64>,
    /// Pods becoming Ready.
    pub ready: Vec<f64>,
}

/// What chance decided in a recording and the recording cannot show; fitted to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The seed, by which ties between nodes are broken: the first that spreads the pods as recorded.
    pub seed: u64,
    /// First pass of the node monitor.
    pub monitor: Span,
    /// First pass of pod garbage collection.
    pub pod_gc: Span,
}

/// A recorded case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: String,
    data: Value,
}

impl Case {
    /// Reads a recording.
    ///
    /// # Errors
    /// If it is not JSON or has no id.
    pub fn parse(text: &str) -> Result<Case, String> {
        let data: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let id = data["id"].as_str().ok_or("the recording has no id")?.to_string();
        Ok(Case { id, data })
    }

    /// What was recorded.
    pub fn recorded(&self) -> Instants {
        let mut instants = Instants::default();
        for event in list(&self.data["events"]) {
            if let Some(t) = event["t"].as_f64().filter(|t| *t >= 0.0) {
                instants.add_recorded(t, event);
            }
        }
        instants
    }

    /// Runs the case with these phases.
    ///
    /// # Errors
    /// If the case needs something the simulator does not model.
    pub fn simulate(&self, phases: Phases) -> Result<Instants, String> {
        let mut log = Log::default();
        let mut simulation = Simulation::new(self.setup(phases)?, &mut log);
        simulation.run(&mut log);
        Ok(log.instants)
    }

    /// Finds the phases with which the first transitions happen as recorded.
    ///
    /// # Errors
    /// As [`Case::simulate`].
    pub fn fit(&self) -> Result<Phases, String> {
        let recorded = self.recorded();
        let mut best = Phases { seed: self.fit_seed()?, ..Phases::default() };
        if let Some(&first) = recorded.unknown.first() {
            let candidates = (0..100).map(|step| Phases { monitor: Span::from_millis(step * 50), ..best });
            best = self.closest(candidates, |instants| instants.unknown.first().copied(), first)?;
        }
        if let (Some(&first), true) = (recorded.removed.first(), self.deletes_nodes()) {
            let candidates = (0..100).map(|step| Phases { pod_gc: Span::from_millis(step * 200), ..best });
            best = self.closest(candidates, |instants| instants.removed.first().copied(), first)?;
        }
        Ok(best)
    }

    /// The first seed under which each node holds as many pods at zero as recorded.
    fn fit_seed(&self) -> Result<u64, String> {
        let mut recorded = BTreeMap::new();
        for pod in self.data["stateAtZero"]["pods"].as_object().into_iter().flat_map(|pods| pods.values()) {
            *recorded.entry(pod["node"].as_str().unwrap_or_default().to_string()).or_insert(0) += 1;
        }
        for seed in 0..1000 {
            let mut simulation = Simulation::new(self.setup(Phases { seed, ..Phases::default() })?, &mut Silent);
            simulation.run_until(LEAD - Span(1), &mut Silent);
            let cluster = &simulation.cluster;
            let nodes = cluster.nodes().filter(|(_, node)| !node.pods.is_empty());
            let pods: BTreeMap<String, usize> =
                nodes.map(|(id, node)| (cluster.node_name(id).to_string(), node.pods.len())).collect();
            if pods == recorded {
                return Ok(seed);
            }
        }
        Err(format!("no seed spreads the pods as recorded: {recorded:?}"))
    }

    fn closest(
        &self,
        candidates: impl Iterator<Item = Phases>,
        of: impl Fn(&Instants) -> Option<f64>,
        target: f64,
    ) -> Result<Phases, String> {
        let mut best: Option<(f64, Phases)> = None;
        for phases in candidates {
            let error = of(&self.simulate(phases)?).map_or(f64::INFINITY, |value| (value - target).abs());
            if best.is_none_or(|(least, _)| error < least) {
                best = Some((error, phases));
            }
        }
        Ok(best.map(|(_, phases)| phases).unwrap_or_default())
    }

    fn deletes_nodes(&self) -> bool {
        list(&self.data["actions"]).iter().any(|action| action["action"] == "delete" && action["kind"] == "Node")
    }

    fn setup(&self, phases: Phases) -> Result<Setup, String> {
        let mut cluster = Cluster::new(Seed(phases.seed));
        let mut timeline = Vec::new();
        let mut lease_phases = Vec::new();
        for manifest in list(&self.data["setup"]["nodes"]) {
            let node: core::Node = typed(manifest)?;
            let spec = manifest::node_spec(&mut cluster.names, &node).map_err(|problems| format!("{problems:?}"))?;
            let at = self.added("Node", cluster.names.text(spec.name));
            let age = self.data["stateAtZero"]["secondsSinceLastLeaseRenewal"][cluster.names.text(spec.name)].as_f64();
            let last = LEAD - Span::from_secs_f64(age.unwrap_or(0.0));
            lease_phases.push((spec.name, Span(last.since(at).0 % self.lease_interval().0)));
            timeline.push((at, Command::AddNodes(vec![spec])));
        }
        for manifest in list(&self.data["setup"]["objects"]) {
            let workload = workload(&mut cluster, manifest)?;
            let kind = manifest["kind"].as_str().unwrap_or_default();
            let at = self.added(kind, manifest["metadata"]["name"].as_str().unwrap_or_default());
            timeline.push((at, Command::Create(vec![workload])));
        }
        for action in list(&self.data["actions"]) {
            let at = instant(action["t"].as_f64().unwrap_or(0.0));
            timeline.push((at, self.command(&mut cluster, action)?));
        }
        let mut settings = Settings { kubelet: self.fake_kubelet(), lease_phases, ..Settings::default() };
        settings.controllers.node_monitor_phase = Some(Time(phases.monitor.0));
        settings.controllers.pod_gc_phase = Some(Time(phases.pod_gc.0));
        let duration = LEAD + Span::from_secs_f64(self.data["duration"].as_f64().unwrap_or(0.0));
        let scheduler = scheduler::Config::new(&mut cluster.names);
        Ok(Setup {
            cluster,
            duration,
            nodes: Vec::new(),
            workloads: Vec::new(),
            settled: false,
            timeline,
            sources: Vec::new(),
            settings,
            scheduler,
        })
    }

    fn lease_interval(&self) -> Span {
        Span::from_secs_f64(self.data["fakeKubelet"]["lease_interval"].as_f64().unwrap_or(10.0))
    }

    /// The recorder's kubelets: fixed delays, everything reported at once.
    fn fake_kubelet(&self) -> kubelet::Settings {
        let fixed = |name: &str| {
            Distribution::Constant(Span::from_secs_f64(self.data["fakeKubelet"][name].as_f64().unwrap_or(0.0)))
        };
        let zero = Distribution::Constant(Span::ZERO);
        kubelet::Settings {
            start: Some(fixed("start_delay")),
            watch: zero.clone(),
            status: zero.clone(),
            stop: fixed("stop_delay"),
            teardown: zero.clone(),
            boot: zero.clone(),
            kubelet_start: zero.clone(),
            node_ready: zero.clone(),
            reconnect: zero,
            resync: Distribution::Constant(Span::from_millis(200)),
            lease_interval: Distribution::Constant(self.lease_interval()),
            ..kubelet::Settings::default()
        }
    }

    /// When an object of the set-up was created: its first event, or a second before the first one.
    fn added(&self, kind: &str, name: &str) -> Time {
        let events = list(&self.data["events"]);
        let found =
            events.iter().find(|event| event["kind"] == kind && event["name"] == name && event["change"] == "added");
        let first = events.first().and_then(|event| event["t"].as_f64()).unwrap_or(0.0);
        instant(found.and_then(|event| event["t"].as_f64()).unwrap_or(first.min(0.0)))
    }

    fn command(&self, cluster: &mut Cluster, action: &Value) -> Result<Command, String> {
        let name = |cluster: &mut Cluster, value: &Value| cluster.names.intern(value.as_str().unwrap_or_default());
        let names = list(&action["nodes"]).iter().map(|node| name(cluster, node)).collect();
        let target = Target { names, ..Target::default() };
        match action["action"].as_str().unwrap_or_default() {
            "crash" if self.comes_back_running(&action["nodes"]) => Ok(Command::Partition(target, None)),
            "crash" => Ok(Command::Crash(target, None)),
            "recover" => Ok(Command::Recover(target)),
            "delete" if action["kind"] == "Node" => {
                let names = vec![name(cluster, &action["name"])];
                Ok(Command::DeleteNode(Target { names, ..Target::default() }))
            }
            other => Err(format!("action `{other}` is not replayed yet")),
        }
    }

    /// Whether the nodes recover without a reboot: then their containers ran all the while.
    fn comes_back_running(&self, nodes: &Value) -> bool {
        list(&self.data["actions"])
            .iter()
            .any(|action| action["action"] == "recover" && action["nodes"] == *nodes && action["reboot"] == false)
    }
}

/// Converts one manifest of the set-up.
fn workload(cluster: &mut Cluster, manifest: &Value) -> Result<Workload, String> {
    let defaults = Defaults::default();
    let body = match manifest["kind"].as_str().unwrap_or_default() {
        "Deployment" => manifest::workload::deployment(
            cluster,
            &typed::<apps::Deployment>(manifest)?,
            &Default::default(),
            &defaults,
        ),
        "ReplicaSet" => manifest::workload::replica_set(
            cluster,
            &typed::<apps::ReplicaSet>(manifest)?,
            &Default::default(),
            &defaults,
        ),
        "Service" => {
            let service: core::Service = typed(manifest)?;
            manifest::workload::service(cluster, &service).ok_or_else(Vec::new)
        }
        other => return Err(format!("kind `{other}` is not replayed yet")),
    };
    let body = body.map_err(|problems| format!("{problems:?}"))?;
    let namespace = manifest["metadata"]["namespace"].as_str().unwrap_or("default");
    let namespace = cluster.names.intern(namespace);
    let name = cluster.names.intern(manifest["metadata"]["name"].as_str().unwrap_or_default());
    Ok(Workload::Object { namespace, name, labels: Default::default(), body })
}

fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The recording's time on the simulation's clock.
fn instant(t: f64) -> Time {
    if t < 0.0 { LEAD - Span::from_secs_f64(-t) } else { LEAD + Span::from_secs_f64(t) }
}

impl Instants {
    fn add_recorded(&mut self, t: f64, event: &Value) {
        let set = &event["set"];
        match (event["kind"].as_str(), event["change"].as_str()) {
            (Some("Node"), Some("changed")) => {
                if set["ready"] == "Unknown" {
                    self.unknown.push(t);
                }
                if let Some(taints) = set["taints"].as_array() {
                    let executes = |taint: &Value| taint.as_str().is_some_and(|text| text.ends_with(":NoExecute"));
                    if taints.iter().any(executes) {
                        self.no_execute.push(t);
                    }
                    if taints.is_empty() {
                        self.untainted.push(t);
                    }
                }
            }
            (Some("Pod"), Some("added")) => self.created.push(t),
            (Some("Pod"), Some("removed")) => self.removed.push(t),
            (Some("Pod"), Some("changed")) => self.add_recorded_pod(t, set),
            _ => (),
        }
    }

    fn add_recorded_pod(&mut self, t: f64, set: &Value) {
        if set["ready"] == true {
            self.ready.push(t);
        }
        if set["ready"] == false && set["phase"] != "Failed" {
            self.not_ready.push(t);
        }
        if set["node"].is_string() {
            self.bound.push(t);
        }
        if set["deleting"] == true {
            self.marked.push(t);
        }
    }
}

/// Reads the instants off a run.
#[derive(Default)]
struct Log {
    instants: Instants,
}

impl Observer for Log {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        if cluster.now < LEAD {
            return;
        }
        let t = cluster.now.since(LEAD).as_secs_f64();
        let instants = &mut self.instants;
        match change {
            Change::NodeReady { to: Status::Unknown, .. } => instants.unknown.push(t),
            Change::NodeTainted(node) => instants.add_taints(t, node, cluster),
            Change::PodCreated(_) => instants.created.push(t),
            Change::PodBound(_) => instants.bound.push(t),
            Change::PodReady(_, true) => instants.ready.push(t),
            Change::PodReady(pod, false) if cluster.pod(pod).is_some_and(|pod| pod.is_active()) => {
                instants.not_ready.push(t);
            }
            Change::PodMarked(_) => instants.marked.push(t),
            Change::PodRemoved(_) => instants.removed.push(t),
            _ => (),
        }
    }

    fn record(&mut self, _: &Record, _: &Cluster) {}

    fn note(&mut self, _: Note, _: &Cluster) {}
}

impl Instants {
    fn add_taints(&mut self, t: f64, node: NodeId, cluster: &Cluster) {
        let Some(taints) = cluster.node(node).map(|node| &node.spec.taints) else { return };
        if taints.iter().any(|taint| taint.effect == Effect::NoExecute) {
            self.no_execute.push(t);
        }
        if taints.is_empty() {
            self.untainted.push(t);
        }
    }
}
