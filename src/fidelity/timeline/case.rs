//! A recorded case as a run: the set-up at its recorded instants, the recorder's kubelets, the lease
//! phases, and the actions.

use std::cell::RefCell;
use std::rc::Rc;

use k8s_openapi::api::core::v1 as core;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::cluster::wall::DEFAULT_WALL_START;
use crate::cluster::{Cluster, Kind, Name, UidSource};
use crate::engine::{Distribution, Seed, Span, Time};
use crate::manifest;
use crate::simulation::{Command, Settings, Setup, Simulation};
use crate::{kubelet, scheduler};

use super::actions::{Manifests, Step};
use super::guide::Guide;
use super::log::{LEAD, Log, seconds};
use super::recorded::{self, list};
use super::story::Story;

/// Phases of loops that a recording cannot show, fitted to it once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// The seed of the latencies.
    pub seed: u64,
    /// First pass of the node monitor.
    pub monitor: Span,
    /// First pass of pod garbage collection.
    pub pod_gc: Span,
    /// Where the wall clock stood within its second at the recording's zero.
    pub second: Span,
}

/// A recorded case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: String,
    /// Its class.
    pub class: String,
    pub(super) data: Value,
    pub(super) story: Story,
}

impl Case {
    /// Takes a recording.
    ///
    /// # Errors
    /// If it has no id.
    pub fn new(data: Value) -> Result<Case, String> {
        let id = data["id"].as_str().ok_or("the recording has no id")?.to_string();
        let class = data["class"].as_str().unwrap_or_default().to_string();
        let story = recorded::story(&data);
        Ok(Case { id, class, data, story })
    }

    /// What was recorded.
    pub fn recorded(&self) -> &Story {
        &self.story
    }

    /// Seconds recorded after zero.
    pub fn duration(&self) -> f64 {
        self.data["duration"].as_f64().unwrap_or(0.0)
    }

    /// When something was done, in seconds.
    pub fn actions(&self) -> Vec<f64> {
        list(&self.data["actions"]).iter().filter_map(|action| action["t"].as_f64()).collect()
    }

    /// Runs the case with these phases up to `until` (seconds); answers with the story and, for each of
    /// its pods, the recorded pod it stands for.
    ///
    /// # Errors
    /// If the case needs something the simulator does not model: all such things.
    pub fn simulate(&self, phases: Phases, until: f64) -> Result<(Story, Vec<Option<usize>>), String> {
        let guide = Rc::new(RefCell::new(Guide::new(&self.story)));
        let mut log = Log::new(guide.clone());
        let (setup, steps) = self.setup(phases, &guide)?;
        let mut simulation = Simulation::new(setup, &mut log);
        let chooser = guide.clone();
        simulation.break_ties_by(Box::new(move |pod, top, cluster| {
            chooser.borrow().choose(pod, top, cluster, seconds(cluster.now))
        }));
        for step in steps {
            let at = instant(step.t);
            if step.t > until {
                break;
            }
            simulation.run_until(at - Span(1), &mut log);
            let t = step.t;
            for (name, age) in &step.leases {
                if let Some(node) = simulation.cluster.find_node(*name) {
                    simulation.cluster.set_lease_phase(node, at - Span::from_secs_f64(*age));
                }
            }
            let find = |name: &str| guide.borrow().find(name, t);
            if let Some(command) = step.command(&simulation.cluster, find) {
                simulation.command_at(at, command);
            }
        }
        simulation.run_until(instant(until), &mut log);
        let mut matched = vec![None; log.story.pods.len()];
        for (pod, index) in &log.pods {
            matched[*index] = guide.borrow().recorded_as(*pod);
        }
        Ok((log.story, matched))
    }

    fn setup(&self, phases: Phases, guide: &Rc<RefCell<Guide>>) -> Result<(Setup, Vec<Step>), String> {
        let mut cluster = Cluster::new(Seed(phases.seed));
        let given = guide.clone();
        cluster.walk_first = self.story.daemon_order().map(|node| cluster.names.intern(node)).collect();
        cluster.wall_start = self.wall_at_zero(phases).saturating_sub(LEAD.since(Time::ZERO));
        cluster.uids = UidSource(Some(Rc::new(move |pod| given.borrow().uid(pod))));
        let mut lease_phases = Vec::new();
        let mut timeline = Vec::new();
        for manifest in list(&self.data["setup"]["nodes"]) {
            let node: core::Node = typed(manifest)?;
            let spec = manifest::node_spec(&mut cluster.names, &node).map_err(|problems| format!("{problems:?}"))?;
            let at = self.added("Node", cluster.names.text(spec.name));
            lease_phases.push((spec.name, self.lease_phase(&cluster, spec.name, at)));
            timeline.push((at, Command::AddNodes(vec![spec])));
        }
        let mut manifests = Manifests::new(self.ready_delay());
        let mut steps = Vec::new();
        let mut missing = Vec::new();
        timeline.extend(self.scaled_in_set_up(&mut cluster));
        for manifest in list(&self.data["setup"]["objects"]) {
            let kind = manifest["kind"].as_str().unwrap_or_default();
            let at = self.added(kind, manifest["metadata"]["name"].as_str().unwrap_or_default());
            match manifests.create(&mut cluster, manifest) {
                Ok(workload) => timeline.extend(workload.map(|workload| (at, Command::Create(vec![workload])))),
                Err(problem) => missing.push(problem),
            }
        }
        for pod in self.noted_pods() {
            match manifests.create(&mut cluster, &pod) {
                Ok(workload) => timeline.extend(workload.map(|pod| (instant(SET_UP), Command::Create(vec![pod])))),
                Err(problem) => missing.push(problem),
            }
        }
        for action in list(&self.data["actions"]) {
            match manifests.step(&mut cluster, action, self) {
                Ok(step) => steps.extend(step),
                Err(problem) => missing.push(problem),
            }
        }
        if !missing.is_empty() {
            missing.sort();
            missing.dedup();
            return Err(missing.join(", "));
        }
        steps.sort_by(|a, b| a.t.total_cmp(&b.t));
        let untainting = self.story.untainted();
        let before_calls = |stay: f64| Span::from_secs_f64((stay - UNTAINTING_CALLS).max(0.0));
        let untainting = untainting.into_iter().map(|(name, stay)| (cluster.names.intern(name), before_calls(stay)));
        let untainting: Vec<(Name, Span)> = untainting.collect();
        let [unknown, tainted] = [self.story.unknown_order(), self.story.taint_order()];
        let mut names = |order: Vec<&str>| order.into_iter().map(|name| cluster.names.intern(name)).collect();
        let orders = (names(unknown), names(tainted));
        let setup = Setup {
            duration: instant(self.duration()),
            nodes: Vec::new(),
            workloads: Vec::new(),
            settled: false,
            timeline,
            faults: Vec::new(),
            quiet: None,
            sources: Vec::new(),
            settings: self.settings(phases, lease_phases, untainting, orders)?,
            scheduler: scheduler::Config::new(&mut cluster.names),
            metrics: Default::default(),
            cluster,
        };
        Ok((setup, steps))
    }

    /// Pods of other namespaces are not recorded; notes tell of them: `set-up: bare pod "blocker" (labels
    /// app=blocker) in namespace kube-public on n01`.
    fn noted_pods(&self) -> Vec<Value> {
        let notes = list(&self.data["notes"]).iter().filter_map(Value::as_str);
        notes.filter_map(noted_pod).collect()
    }

    /// Sizes of Deployments and StatefulSets that were changed before zero.
    fn scaled_in_set_up(&self, cluster: &mut Cluster) -> Vec<(Time, Command)> {
        let mut scaled = Vec::new();
        for event in list(&self.data["events"]) {
            let t = event["t"].as_f64().unwrap_or(0.0);
            let kinds = [Kind::Deployment, Kind::StatefulSet];
            let kind = kinds.into_iter().find(|kind| event["kind"] == kind.as_str());
            let want = event["set"]["want"].as_u64().filter(|_| event["change"] == "changed" && t < -0.05);
            if let (Some(kind), Some(want)) = (kind, want) {
                let name = cluster.names.intern(event["name"].as_str().unwrap_or_default());
                let namespace = cluster.names.intern("default");
                scaled.push((instant(t), Command::Scale(kind, namespace, name, want as u32)));
            }
        }
        scaled
    }

    /// Flags, timings and phases.
    fn settings(
        &self,
        phases: Phases,
        lease_phases: Vec<(Name, Span)>,
        untainting: Vec<(Name, Span)>,
        orders: (Vec<Name>, Vec<Name>),
    ) -> Result<Settings, String> {
        let mut settings = Settings { kubelet: self.fake_kubelet(), lease_phases, ..Settings::default() };
        settings.controllers.first_nodes_are_known = false; // recordings begin before the first look at them
        settings.controllers.node_monitor_phase = Some(Time(phases.monitor.0));
        settings.controllers.pod_gc_phase = Some(Time(phases.pod_gc.0));
        settings.controllers.startup = Distribution::Constant(STARTUP);
        settings.scheduling.startup = Distribution::Constant(STARTUP);
        (settings.controllers.watch, settings.controllers.api_write) = (LOOPBACK_WATCH.into(), LOOPBACK_WRITE.into());
        (settings.scheduling.watch, settings.scheduling.api_write) = (LOOPBACK_WATCH.into(), LOOPBACK_WRITE.into());
        settings.controllers.untainting = untainting;
        (settings.controllers.pass_order, settings.controllers.taint_order) = orders;
        for flag in list(&self.data["controllerManagerFlags"]).iter().filter_map(Value::as_str) {
            let (name, value) = flag.trim_start_matches('-').split_once('=').unwrap_or((flag, ""));
            let milli = || value.parse::<f64>().map(|rate| (rate * 1000.0).round() as u64);
            match (name, milli()) {
                ("node-eviction-rate", Ok(rate)) => settings.controllers.node_eviction_rate_milli = rate,
                ("secondary-node-eviction-rate", Ok(rate)) => {
                    settings.controllers.secondary_node_eviction_rate_milli = rate;
                }
                ("unhealthy-zone-threshold", Ok(milli)) => {
                    settings.controllers.unhealthy_zone_threshold_milli = milli as u32;
                }
                ("large-cluster-size-threshold", Ok(milli)) => {
                    settings.controllers.large_cluster_size_threshold = (milli / 1000) as u32;
                }
                ("kube-api-qps", Ok(rate)) => settings.controllers.kube_api_qps_milli = rate,
                ("kube-api-burst", Ok(milli)) => settings.controllers.kube_api_burst = milli / 1000,
                (
                    "node-startup-grace-period"
                    | "node-monitor-grace-period"
                    | "node-monitor-period"
                    | "terminated-pod-gc-threshold",
                    _,
                ) => {
                    set_flag(&mut settings, name, value)?;
                }
                _ => return Err(format!("flag {flag}")),
            }
        }
        Ok(settings)
    }

    /// When a node renews its lease, as a phase counted from the moment it was added.
    fn lease_phase(&self, cluster: &Cluster, node: Name, added: Time) -> Span {
        let age = self.data["stateAtZero"]["secondsSinceLastLeaseRenewal"][cluster.names.text(node)].as_f64();
        let interval = self.lease_interval();
        // the lease's age at zero, plus whole intervals to stay after the node's birth
        let age = Span::from_secs_f64(age.unwrap_or(0.0)).0 % interval.0;
        Span(((LEAD.0 - age) % interval.0 + interval.0 - added.0 % interval.0) % interval.0)
    }

    fn lease_interval(&self) -> Span {
        Span::from_secs_f64(self.data["fakeKubelet"]["lease_interval"].as_f64().unwrap_or(10.0))
    }

    fn timing(&self, name: &str) -> Span {
        Span::from_secs_f64(self.data["fakeKubelet"][name].as_f64().unwrap_or(0.0))
    }

    /// From Running to Ready.
    fn ready_delay(&self) -> Span {
        self.timing("ready_delay")
    }

    /// The recorder's kubelets: fixed delays, everything reported at once.
    fn fake_kubelet(&self) -> kubelet::Settings {
        let zero = Distribution::Constant(Span::ZERO);
        kubelet::Settings {
            start: Some(Distribution::Constant(self.timing("start_delay") + START_LATENCY)),
            watch: zero.clone().into(),
            status: zero.clone(),
            stop: Distribution::Constant(self.timing("stop_delay") + LATENCY).into(),
            image_size: (0, 0.0), // they report no images, so images must not count
            simple: true,
            container_start: zero.clone().into(),
            teardown: zero.clone().into(),
            boot: zero.clone(),
            kubelet_start: zero.clone(),
            node_ready: zero.clone(),
            reconnect: zero,
            resync: Distribution::Constant(Span::from_millis(200)),
            lease_interval: Distribution::Constant(self.lease_interval()),
            ..kubelet::Settings::default()
        }
    }

    /// The wall clock at the recording's zero. Where CronJobs run it is noted, and their Jobs are named by
    /// the minute; else only the part of a second matters.
    fn wall_at_zero(&self, phases: Phases) -> Span {
        let noted = list(&self.data["notes"]).iter().filter_map(Value::as_str).find_map(|note| {
            let (_, rest) = note.split_once("t=0 is second ")?;
            rest.split_whitespace().next()?.parse::<f64>().ok().map(Span::from_secs_f64)
        });
        let Some(second) = noted else { return DEFAULT_WALL_START + phases.second };
        let first_job = list(&self.data["events"]).iter().find(|event| event["kind"] == "Job");
        let minute = first_job.and_then(|job| {
            let due: u64 = job["name"].as_str()?.rsplit_once('-')?.1.parse().ok()?;
            let since = (job["t"].as_f64()? + second.as_secs_f64()) / 60.0;
            Some(due - since as u64)
        });
        minute.map_or(DEFAULT_WALL_START, |minute| Span::from_secs(minute * 60)) + second
    }

    /// When an object of the set-up was created: its first event, or a second before the first one.
    fn added(&self, kind: &str, name: &str) -> Time {
        let kind = if kind == "Service" { "Endpoints" } else { kind };
        let events = list(&self.data["events"]);
        let is_it = |event: &&Value| event["kind"] == kind && event["name"] == name && event["change"] == "added";
        let first = events.first().and_then(|event| event["t"].as_f64()).unwrap_or(0.0);
        instant(events.iter().find(is_it).and_then(|event| event["t"].as_f64()).unwrap_or(first.min(0.0)))
    }
}

/// Before zero by so much, in seconds, is what notes tell of.
const SET_UP: f64 = -1.0;

/// The pod a note tells of.
fn noted_pod(note: &str) -> Option<Value> {
    let (name, rest) = note.strip_prefix("set-up: bare pod \"")?.split_once("\" (labels ")?;
    let (labels, rest) = rest.split_once(") in namespace ")?;
    let (namespace, node) = rest.split_once(" on ")?;
    let labels: Map<String, Value> = labels
        .split([',', ' '])
        .filter_map(|label| label.split_once('='))
        .map(|(key, value)| (key.to_string(), Value::from(value)))
        .collect();
    Some(json!({
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": { "nodeName": node, "containers": [{ "name": "c" }] },
    }))
}

/// The recorder's kubelets are this late: the median of the recordings.
const START_LATENCY: Span = Span::from_millis(16);

/// Everything ran on one machine. Over all recordings, a change and the write that answers it are 7 ms
/// apart (median; a twentieth up to 3 ms, a twentieth beyond 27 ms): size to first pod, Ready to status.
const LOOPBACK_WATCH: Distribution = Distribution::LogNormal { median: Span::from_micros(2500), sigma: 0.9 };
const LOOPBACK_WRITE: Distribution = Distribution::LogNormal { median: Span::from_millis(3), sigma: 0.8 };

/// How long the two calls that remove a taint take, in seconds: their median.
const UNTAINTING_CALLS: f64 = 0.006;

/// Ends of containers are this late.
pub(super) const LATENCY: Span = Span::from_millis(10);

/// From the start of a process of the recorded control plane to its first deed.
const STARTUP: Span = Span::from_millis(250);

fn set_flag(settings: &mut Settings, name: &str, value: &str) -> Result<(), String> {
    let seconds =
        || value.trim_end_matches('s').parse().map(Span::from_secs).map_err(|_| format!("flag {name}={value}"));
    match name {
        "node-monitor-grace-period" => settings.controllers.node_monitor_grace_period = seconds()?,
        "node-startup-grace-period" => settings.controllers.node_startup_grace_period = seconds()?,
        "node-monitor-period" => settings.controllers.node_monitor_period = seconds()?,
        _ => {
            let threshold = value.parse().map_err(|_| format!("flag {name}={value}"))?;
            settings.controllers.terminated_pod_gc_threshold = threshold;
        }
    }
    Ok(())
}

/// Reads a typed object.
///
/// # Errors
/// If it does not have its shape.
pub(super) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}

/// The recording's time on the simulation's clock.
pub(super) fn instant(t: f64) -> Time {
    if t < 0.0 { LEAD - Span::from_secs_f64(-t) } else { LEAD + Span::from_secs_f64(t) }
}
