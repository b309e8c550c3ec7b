//! What each workload wants and what it gets: desired replicas, pods serving, pods Ready, and the
//! areas under them.
//!
//! A workload is a root object (a Deployment, or a ReplicaSet nobody owns), with all pods below it.
//! Pods without an owner form workloads of their own, see [`BarePods`].

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::cluster::{Body, Cluster, Kind, NodeId, Object, ObjectId, Pod, PodId, Status};
use crate::engine::{Integral, Time};

use super::Settings;
use super::burn::Objective;
use super::facts::Facts;
use super::objectives::Objectives;
use super::series::Recorder;
use super::spread::{Placed, ReadyNodes, Spread};
use super::tolerance::{self, Tolerance};

/// How many pods an object wants; `None` for kinds that own no pods.
fn desired(object: &Object, cluster: &Cluster) -> Option<u32> {
    match &object.body {
        Body::Deployment(deployment) => Some(deployment.replicas),
        Body::ReplicaSet(set) => Some(set.replicas),
        Body::StatefulSet(set) => Some(set.replicas),
        Body::DaemonSet(set) => Some(set.status.desired),
        Body::Job(job) if job.suspend || job.status.ending.is_some() => Some(0),
        Body::Job(job) => {
            let left = job.completions.map_or(u32::MAX, |wanted| wanted.saturating_sub(job.status.succeeded));
            Some(job.parallelism.min(left))
        }
        Body::CronJob(_) => {
            let jobs = object.children.iter().filter_map(|child| cluster.object(*child));
            Some(jobs.filter_map(|job| desired(job, cluster)).sum())
        }
        _ => None,
    }
}

/// Whether how many pods the object wants follows from its status.
pub(crate) fn wants_by_status(object: ObjectId, cluster: &Cluster) -> bool {
    cluster.object(object).is_some_and(|object| matches!(object.body, Body::DaemonSet(_) | Body::Job(_)))
}

/// How pods without an owner are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarePods {
    /// All in one workload, `(pods)`: right for a batch of thousands.
    #[default]
    Together,
    /// Each in its own, `pod/<name>`: right for a few.
    Apart,
}

/// A pod as the metrics remember it: 8 bytes for each pod ever created.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tracked {
    pub(crate) workload: u32,
    pub(crate) facts: Facts,
}

/// Three series, kept for the first workloads only.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadSeries {
    pub(crate) desired: Recorder,
    pub(crate) serving: Recorder,
    pub(crate) ready: Recorder,
}

/// One workload.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) label: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) namespace: String,
    pub(crate) created: Time,
    /// Pods without an owner: nobody replaces them.
    pub(crate) bare: bool,
    pub(crate) desired: Integral,
    pub(crate) serving: Integral,
    pub(crate) ready: Integral,
    /// max(0, desired − serving).
    pub(crate) unavailable: Integral,
    /// max(0, desired − ready).
    pub(crate) not_ready: Integral,
    /// 1 while serving ≥ desired.
    pub(crate) complete: Integral,
    /// 1 while anything serves, or nothing is wanted.
    pub(crate) any: Integral,
    /// How many may be missing, and for how long no more were.
    pub(crate) tolerance: Tolerance,
    /// Objectives of service.
    pub(crate) objectives: Objectives,
    /// The unavailable area that has been attributed.
    pub(crate) attributed: i128,
    /// Until when.
    pub(crate) attributed_until: Time,
    /// Fewest pods serving since it was complete for the first time.
    pub(crate) lowest: Option<i64>,
    pub(crate) series: Option<WorkloadSeries>,
    /// Whether it has been complete with the number desired now.
    been_complete: bool,
    /// What open incidents wait for: what was desired when the first of them struck if the workload had
    /// been complete, or else what served.
    pub(crate) target: Option<i64>,
    /// Since when serving ≥ min(target, desired), while there is a target.
    pub(crate) whole_since: Option<Time>,
    /// The unavailable area at that instant.
    pub(crate) area_when_whole: i128,
    /// Open incidents, oldest first.
    pub(crate) open: Vec<u32>,
    /// How its pods lie over nodes and zones.
    pub(crate) spread: Spread,
    pub(crate) created_pods: u64,
    pub(crate) restarts: u64,
}

impl Workload {
    fn new(
        label: Arc<str>,
        kind: &'static str,
        namespace: &str,
        now: Time,
        series: Option<usize>,
        objectives: &Rc<[Objective]>,
    ) -> Self {
        let zero = Integral::starting(now, 0);
        let recorder = |limit| Recorder::starting(now, 0, limit);
        Workload {
            label,
            kind,
            namespace: namespace.to_string(),
            created: now,
            bare: false,
            desired: zero,
            serving: zero,
            ready: zero,
            unavailable: zero,
            not_ready: zero,
            complete: Integral::starting(now, 1),
            any: Integral::starting(now, 1),
            tolerance: Tolerance::starting(now),
            objectives: Objectives::starting(now, objectives.clone()),
            attributed: 0,
            attributed_until: now,
            lowest: None,
            series: series.map(|limit| WorkloadSeries {
                desired: recorder(limit),
                serving: recorder(limit),
                ready: recorder(limit),
            }),
            been_complete: false,
            target: None,
            whole_since: None,
            area_when_whole: 0,
            open: Vec::new(),
            spread: Spread::default(),
            created_pods: 0,
            restarts: 0,
        }
    }

    /// Adds to desired, serving and ready at once, and keeps what follows from them.
    pub(crate) fn shift(&mut self, now: Time, desired: i64, serving: i64, ready: i64) {
        if (desired, serving, ready) == (0, 0, 0) {
            return;
        }
        self.desired.add(now, desired);
        self.been_complete &= desired == 0;
        self.serving.add(now, serving);
        self.ready.add(now, ready);
        self.derive(now);
    }

    /// Recomputes what follows from desired, serving and ready.
    fn derive(&mut self, now: Time) {
        let (desired, serving, ready) = (self.desired.value(), self.serving.value(), self.ready.value());
        self.been_complete |= serving >= desired;
        self.unavailable.set(now, (desired - serving).max(0));
        self.not_ready.set(now, (desired - ready).max(0));
        self.complete.set(now, i64::from(serving >= desired));
        self.any.set(now, i64::from(serving > 0 || desired == 0));
        self.objectives.set(now, desired, serving);
        self.tolerance.set(now, desired, serving);
        if self.lowest.is_some() || (serving >= desired && desired > 0) {
            self.lowest = Some(self.lowest.map_or(serving, |lowest| lowest.min(serving)));
        }
        if let Some(series) = &mut self.series {
            series.desired.set(now, desired);
            series.serving.set(now, serving);
            series.ready.set(now, ready);
        }
        let whole = self.target.is_some_and(|target| serving >= target.min(desired));
        if whole && self.whole_since.is_none() {
            self.whole_since = Some(now);
            self.area_when_whole = self.unavailable.area_at(now);
        }
        if !whole {
            self.whole_since = None;
        }
    }

    /// An incident opens: from now on the workload waits to be what it was, unless it waits already.
    pub(crate) fn await_whole(&mut self, now: Time) {
        if self.target.is_none() {
            self.target = Some(if self.been_complete { self.desired.value() } else { self.serving.value() });
            self.derive(now);
        }
    }

    /// The last incident has closed.
    pub(crate) fn await_nothing(&mut self) {
        self.target = None;
        self.whole_since = None;
    }
}

/// All workloads, and which of them each pod belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Workloads {
    pub(crate) list: Vec<Workload>,
    pub(crate) pods: Vec<Tracked>,
    labels: FxHashSet<String>,
    /// Nodes that are Ready.
    pub(crate) ready_nodes: ReadyNodes,
    /// Where their pods are.
    pub(crate) placed: Placed,
    of_object: Vec<Option<u32>>,
    /// PodDisruptionBudgets.
    budgets: BTreeSet<ObjectId>,
    together: Option<u32>,
    bare_pods: BarePods,
    series_of: usize,
    series_limit: usize,
    objectives: Rc<[Objective]>,
}

impl Workloads {
    /// No workloads yet; series as `settings` say.
    pub(crate) fn new(settings: &Settings) -> Self {
        Workloads {
            list: Vec::new(),
            pods: Vec::new(),
            labels: FxHashSet::default(),
            ready_nodes: ReadyNodes::default(),
            placed: Placed::default(),
            of_object: Vec::new(),
            budgets: BTreeSet::new(),
            together: None,
            bare_pods: settings.bare_pods,
            series_of: settings.series_workloads,
            series_limit: settings.series_points,
            objectives: settings.objectives.clone(),
        }
    }

    /// The workload of a pod.
    pub(crate) fn of(&mut self, pod: PodId) -> &mut Workload {
        &mut self.list[self.pods[pod.index()].workload as usize]
    }

    /// The workload of a root object.
    pub(crate) fn of_object(&self, root: ObjectId) -> Option<u32> {
        self.of_object.get(root.index()).copied().flatten()
    }

    /// What is remembered of a pod.
    pub(crate) fn tracked(&self, pod: PodId) -> Tracked {
        self.pods.get(pod.index()).copied().unwrap_or_default()
    }

    /// Sets or clears [`Facts::INVOLVED`].
    pub(crate) fn involve(&mut self, pod: PodId, involved: bool) {
        if let Some(tracked) = self.pods.get_mut(pod.index()) {
            let facts = tracked.facts;
            tracked.facts = if involved { facts.with(Facts::INVOLVED) } else { facts.without(Facts::INVOLVED) };
        }
    }

    /// A pod of a workload was placed on a node (1) or went (-1).
    fn place(&mut self, workload: u32, node: NodeId, sign: i32) {
        let moved = self.placed.place(workload, node, sign);
        self.list[workload as usize].spread.place(moved, self.ready_nodes.zone(node));
    }

    /// A node became Ready or ceased to be: the spread of what is on it changes.
    pub(crate) fn node_changed(&mut self, id: NodeId, gone: bool, cluster: &Cluster) {
        let node = cluster.node(id).filter(|node| !gone && node.ready.status == Status::True);
        let Some((before, now)) = self.ready_nodes.set(id, node.map(|node| node.zone.1)) else { return };
        for &(workload, pods) in self.placed.on(id) {
            self.list[workload as usize].spread.node_changed(pods, before, now);
        }
    }

    /// A root object was created, scaled, marked or removed: its desired replicas are read again.
    pub(crate) fn object_changed(&mut self, id: ObjectId, cluster: &Cluster) -> Option<u32> {
        if cluster.object(id).is_some_and(|object| object.body.kind() == Kind::PodDisruptionBudget) {
            self.budgets.insert(id);
            self.tolerances_changed(cluster);
            return None;
        }
        let desired = match cluster.object(id) {
            Some(object) if object.owner.is_some() => return None,
            Some(object) if object.deleting => desired(object, cluster).map(|_| 0),
            Some(object) => desired(object, cluster),
            None => Some(0),
        }?;
        let known = self.of_object.get(id.index()).copied().flatten();
        let workload = known.or_else(|| cluster.object(id).map(|_| self.workload_of(id, cluster)))?;
        let state = &mut self.list[workload as usize];
        let difference = i64::from(desired) - state.desired.value();
        state.shift(cluster.now, difference, 0, 0);
        self.tolerance_changed(id, workload, cluster);
        Some(workload)
    }

    /// How many pods of a root object may be missing is read again.
    fn tolerance_changed(&mut self, root: ObjectId, workload: u32, cluster: &Cluster) {
        let Some(object) = cluster.object(root) else { return };
        let state = &mut self.list[workload as usize];
        let desired = u32::try_from(state.desired.value()).unwrap_or(0);
        state.tolerance.allow(cluster.now, tolerance::allowed(object, desired, &self.budgets, cluster));
    }

    /// The same for all, as budgets changed.
    fn tolerances_changed(&mut self, cluster: &Cluster) {
        for index in 0..self.of_object.len() {
            if let Some(workload) = self.of_object[index] {
                self.tolerance_changed(ObjectId(index as u32), workload, cluster);
            }
        }
    }

    /// A root object is gone.
    pub(crate) fn object_removed(&mut self, id: ObjectId, cluster: &Cluster) -> Option<u32> {
        if self.budgets.remove(&id) {
            self.tolerances_changed(cluster);
        }
        let workload = self.of_object.get(id.index()).copied().flatten()?;
        let state = &mut self.list[workload as usize];
        let desired = state.desired.value();
        state.shift(cluster.now, -desired, 0, 0);
        Some(workload)
    }

    fn workload_of(&mut self, root: ObjectId, cluster: &Cluster) -> u32 {
        if self.of_object.len() <= root.index() {
            self.of_object.resize(root.index() + 1, None);
        }
        if let Some(workload) = self.of_object[root.index()] {
            return workload;
        }
        let Some(object) = cluster.object(root) else { return self.bare_workload(None, cluster) };
        let namespace = cluster.names.text(object.namespace);
        let name = cluster.names.text(object.name);
        let workload = self.add(name, object.body.kind().as_str(), namespace, cluster.now);
        self.of_object[root.index()] = Some(workload);
        workload
    }

    fn bare_workload(&mut self, pod: Option<(&Pod, PodId)>, cluster: &Cluster) -> u32 {
        if let (BarePods::Apart, Some((pod, id))) = (self.bare_pods, pod) {
            let name = format!("pod/{}", cluster.pod_name(id));
            let namespace = cluster.names.text(cluster.spec(pod.spec).namespace);
            let workload = self.add(&name, "Pod", namespace, cluster.now);
            self.list[workload as usize].bare = true;
            return workload;
        }
        if let Some(workload) = self.together {
            return workload;
        }
        let workload = self.add("(pods)", "Pod", "", cluster.now);
        self.list[workload as usize].bare = true;
        self.together = Some(workload);
        workload
    }

    /// A workload under its shortest label that is still free: name, namespace/name, kind/namespace/name.
    fn add(&mut self, name: &str, kind: &'static str, namespace: &str, now: Time) -> u32 {
        let in_default = namespace == "default" || namespace.is_empty();
        let short = if in_default { name.to_string() } else { format!("{namespace}/{name}") };
        // An object deleted and made again is another workload; it gets a number.
        let long = format!("{}/{short}", kind.to_lowercase());
        let numbered = (2..).map(|number| format!("{long}#{number}"));
        let mut candidates = [short, long.clone()].into_iter().chain(numbered);
        let label = candidates.find(|label| !self.labels.contains(label)).unwrap_or(long);
        self.labels.insert(label.clone());
        let series = (self.list.len() < self.series_of).then_some(self.series_limit);
        self.list.push(Workload::new(label.into(), kind, namespace, now, series, &self.objectives));
        (self.list.len() - 1) as u32
    }

    /// A pod seen for the first time gets its workload.
    fn adopt(&mut self, id: PodId, pod: &Pod, cluster: &Cluster) {
        if self.pods.len() <= id.index() {
            self.pods.resize(id.index() + 1, Tracked::default());
        }
        if self.pods[id.index()].facts.has(Facts::KNOWN) {
            return;
        }
        let workload = match pod.owner {
            Some(owner) => self.workload_of(cluster.root_owner(owner), cluster),
            None => self.bare_workload(Some((pod, id)), cluster),
        };
        self.pods[id.index()] = Tracked { workload, facts: Facts::KNOWN };
        self.list[workload as usize].created_pods += 1;
    }

    /// Reads a pod again and moves its workload's counts; returns what held before and what holds now.
    /// `gone`: this is the news that it was removed.
    pub(crate) fn pod_changed(&mut self, id: PodId, gone: bool, cluster: &Cluster) -> (Facts, Facts) {
        let Some(pod) = cluster.pod(id) else { return (Facts::GONE, Facts::GONE) };
        self.adopt(id, pod, cluster);
        let before = self.pods[id.index()].facts;
        if before.has(Facts::GONE) {
            return (before, before);
        }
        let remembered = Facts(before.0 & (Facts::EVER_READY.0 | Facts::INVOLVED.0 | Facts::SUCCEEDED.0));
        let after = if gone { remembered.with(Facts(Facts::KNOWN.0 | Facts::GONE.0)) } else { Facts::of(pod, before) };
        if before == after {
            return (before, after);
        }
        self.pods[id.index()].facts = after;
        let workload = self.of(id);
        let difference = |fact: Facts| i64::from(after.has(fact)) - i64::from(before.has(fact));
        let desired = if workload.bare { difference(Facts::ACTIVE) } else { 0 };
        workload.shift(cluster.now, desired, difference(Facts::SERVING), difference(Facts::READY));
        let placed = Facts(Facts::ACTIVE.0 | Facts::BOUND.0);
        if let Some(node) = pod.node
            && difference(placed) != 0
        {
            let sign = difference(placed) as i32;
            let index = self.pods[id.index()].workload;
            self.place(index, node, sign);
        }
        (before, after)
    }
}
