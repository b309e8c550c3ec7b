//! The composition root: owns the engine, the world and everybody who decides about it, and is the
//! only caller of mutators.
//!
//! ```text
//! while let Some(event) = queue.pop(until) { handle(event); settle() }
//! handle    physics and wake-ups; stale events are dropped
//! settle    every change → metrics → scheduler → kubelets → controllers → wake-ups
//! ```

mod cloud;
mod command;
mod components;
mod eviction;
mod faults;
mod machines;
mod observer;
mod outages;
mod permit;
mod pre_bind;
mod scheduling;
pub mod setup;
mod strikes;
mod target;
mod why;
mod workers;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, Effect, Lease, NewPod, NodeId, NodeSpec, PodId, PodName, Record, Status, Taint};
use crate::controllers::{self, Key};
use crate::engine::{Class, EventQueue, Span, Time, TokenBucket};
use crate::kubelet::{self, Kubelet};
use crate::outcome::expressions::FailedExpression;
use crate::scheduler::Scheduler;
use crate::scheduler::policies::Failures;
use crate::workload::{Arrival, ArrivalHash, Source};

use scheduling::SchedulingState;
use workers::Worker;

pub use observer::{Note, Observer, Silent};
pub use setup::{Command, Component, Exit, Quiet, Sample, Scheduling, Settings, Setup, Target, Workload};
pub use why::{NoSuchPod, why};

/// What will happen at an instant.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// An entry of the timeline, or one that follows from it.
    Command(u32),
    /// The pending arrival of a source.
    Arrival(u32),
    /// A controller looks at a key again, as news has reached it: its index, its life.
    News(u8, u8, Key),
    /// A controller looks at a key at an instant of its own.
    Timer(u8, u8, Key),
    /// A controller's API call takes effect: its index, its life, the call's number.
    Write(u8, u8, u32),
    /// A component of the control plane has filled its caches and begins to work.
    Begin(Component),
    /// The scheduler runs a cycle.
    Schedule,
    /// A look at whether the claims of a pod are bound.
    PreBind(PodId),
    /// A binding reaches the API.
    Bind(PodId),
    /// A victim of a preemption is deleted: the victim, and the pod that room is made for.
    Preempt(PodId, PodId),
    /// The next step of an eviction.
    Evict(u32),
    /// A process of a fault strikes: the fault, the process.
    Strike(u16, u32),
    /// A node dragged along by a fault fails; in which cascade, if others may follow it.
    Follow(u16, NodeId, Option<strikes::CascadeNumber>),
    /// A later step of a strike.
    FaultStep(u32),
    /// An outage ends.
    OutageEnds(u32),
    /// A machine that has shut down goes off, for so many nanoseconds or for good.
    PowerOff(NodeId, u64),
    /// A machine that was ordered joins.
    Join(u32),
    /// The cloud controller looks for machines that are gone.
    CloudLook,
    /// Something on a node.
    Kubelet(kubelet::Event),
}

/// One run.
pub struct Simulation {
    queue: EventQueue<Event>,
    /// The world.
    pub cluster: Cluster,
    settings: Settings,
    workers: Vec<Worker>,
    audiences: workers::Audiences,
    scheduler: Scheduler,
    scheduling: SchedulingState,
    kubelet: Kubelet,
    sources: Vec<(Box<dyn Source>, Option<Arrival>)>,
    commands: Vec<Command>,
    faults: faults::Faults,
    cloud: cloud::Cloud,
    /// Machines that were ordered, by the number their event carries.
    joining: Vec<Option<NodeSpec>>,
    /// Pods being evicted, by the number their events carry.
    evictions: Vec<eviction::Eviction>,
    /// Assumed pods whose claims are being bound.
    pre_binds: BTreeMap<PodId, pre_bind::PreBind>,
    /// For each verb, when its last command came and how many came before it at that instant: names the
    /// random streams that targets are drawn from.
    targets_drawn: BTreeMap<&'static str, (Time, u64)>,
    until: Time,
    processes: components::Processes,
    /// No delay at all, while the cluster is set up.
    instant: bool,
    events_handled: u64,
    inquiry: Option<Box<why::Inquiry>>,
    arrived: ArrivalHash,
    room: Room,
}

/// Lists that are filled and emptied at every event, kept so that none of them is allocated each time.
#[derive(Default)]
struct Room {
    changes: Vec<Change>,
    records: Vec<Record>,
    todo: kubelet::Todo,
    wakes: controllers::Wakes,
}

impl Simulation {
    /// A run at time zero: nodes registered and Ready, workloads created or, if the setup says so,
    /// running already.
    pub fn new(setup: Setup, observer: &mut dyn Observer) -> Self {
        Simulation::with_inquiry(setup, None, observer)
    }

    /// As [`Simulation::new`]; each attempt to schedule the pod asked about is explained.
    fn with_inquiry(setup: Setup, asked: Option<PodId>, observer: &mut dyn Observer) -> Self {
        let Setup {
            cluster, duration, nodes, workloads, settled, timeline, faults, sources, settings, scheduler, ..
        } = setup;
        let seed = cluster.seed;
        let build = |entry: &controllers::Entry| Worker::new(entry, &settings.controllers, seed);
        let workers: Vec<Worker> = controllers::ALL.iter().map(build).collect();
        let mut simulation = Simulation {
            queue: EventQueue::new(),
            audiences: workers::audiences(&workers),
            workers,
            scheduler: Scheduler::new(scheduler, seed),
            scheduling: SchedulingState {
                client: TokenBucket::per_second_milli(settings.scheduling.qps_milli, settings.scheduling.burst),
                watch: seed.stream("scheduler-watch", 0),
                write: seed.stream("scheduler-write", 0),
                busy_until: Time::ZERO,
                reasons: FxHashMap::default(),
                next_cycle: Time::MAX,
                hears: false,
            },
            kubelet: Kubelet::new(settings.kubelet.clone(), seed),
            sources: Vec::new(),
            commands: Vec::new(),
            faults: faults::Faults::new(faults),
            cloud: cloud::Cloud::default(),
            joining: Vec::new(),
            evictions: Vec::new(),
            pre_binds: BTreeMap::new(),
            targets_drawn: BTreeMap::new(),
            until: duration,
            processes: components::Processes::default(),
            instant: settled,
            events_handled: 0,
            inquiry: None,
            arrived: ArrivalHash::default(),
            room: Room::default(),
            cluster,
            settings,
        };
        if let Some(pod) = asked {
            simulation.scheduler.ask_about(pod);
            simulation.inquiry = Some(Box::default());
        }
        simulation.set_up(nodes, workloads, observer);
        simulation.schedule_inputs(timeline, sources);
        simulation.begin_faults();
        simulation
    }

    /// Runs to the end.
    pub fn run(&mut self, observer: &mut dyn Observer) {
        self.run_until(self.until, observer);
    }

    /// Runs up to and including `until`; the clock then stands there.
    pub fn run_until(&mut self, until: Time, observer: &mut dyn Observer) {
        while self.step(until, observer) {}
        self.queue.advance_to(until);
        self.cluster.now = until;
    }

    /// Handles the next event up to and including `until`; `false` if there is none.
    pub fn step(&mut self, until: Time, observer: &mut dyn Observer) -> bool {
        let Some(event) = self.queue.pop(until) else { return false };
        self.cluster.now = self.queue.now();
        self.events_handled += 1;
        self.handle(event, observer);
        self.settle(observer);
        true
    }

    /// How many events have been handled so far.
    pub fn events_handled(&self) -> u64 {
        self.events_handled
    }

    /// Expressions of own policies that failed so far.
    pub fn failed_expressions(&self) -> Vec<FailedExpression> {
        FailedExpression::added_up(self.scheduler.failures().map(|failures| {
            let Failures { of, text, failed, asked } = failures;
            FailedExpression { of, text, failed, asked }
        }))
    }

    /// Hash over what has arrived from sources so far.
    pub fn arrivals(&self) -> u64 {
        self.arrived.value()
    }

    /// When the run ends.
    pub fn end(&self) -> Time {
        self.until
    }

    /// The scheduler, to ask it for reasons.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    fn set_up(&mut self, nodes: Vec<NodeSpec>, workloads: Vec<Workload>, observer: &mut dyn Observer) {
        let timings = self.settings.kubelet.clone();
        if self.instant {
            self.rebuild_controllers(&instant_controllers());
            self.kubelet.set_settings(kubelet::Settings::instant());
        }
        for node in nodes {
            self.register(node);
        }
        self.settle(observer);
        for workload in workloads {
            self.create(workload);
            self.settle(observer);
        }
        if self.instant {
            self.run_until(Time::ZERO, observer);
            self.instant = false;
            self.kubelet.set_settings(timings);
            self.start_controllers_anew(observer);
        }
    }

    /// After an instant set-up, controllers with their real settings take over the world as it is.
    fn start_controllers_anew(&mut self, observer: &mut dyn Observer) {
        self.rebuild_controllers(&self.settings.controllers.clone());
        self.tell_the_world();
        self.settle(observer);
    }

    fn rebuild_controllers(&mut self, settings: &controllers::Settings) {
        let seed = self.cluster.seed;
        for (worker, entry) in self.workers.iter_mut().zip(controllers::ALL) {
            worker.restart(entry, settings, seed);
        }
    }

    fn schedule_inputs(&mut self, timeline: Vec<(Time, Command)>, sources: Vec<Box<dyn Source>>) {
        for (at, command) in timeline {
            self.command_at(at, command);
        }
        for mut source in sources {
            let first = source.next();
            if let Some(arrival) = first {
                self.queue.push(arrival.at, Class::World, Event::Arrival(self.sources.len() as u32));
            }
            self.sources.push((source, first));
        }
    }

    /// Another entry of the timeline, in the future.
    pub fn command_at(&mut self, at: Time, command: Command) {
        let index = self.commands.len() as u32;
        self.commands.push(command);
        self.queue.push(at, Class::World, Event::Command(index));
    }

    /// Pods on no node whose `schedulerName` no profile of the scheduler has: the name, and how many pods.
    pub fn unserved(&self) -> Vec<(String, u32)> {
        let mut names: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, pod) in self.cluster.pods().filter(|(_, pod)| pod.node.is_none() && !pod.phase.is_terminal()) {
            let spec = self.cluster.spec(pod.spec);
            if spec.node_name.is_none() && !self.scheduler.serves(spec.scheduler_name) {
                *names.entry(self.cluster.names.text(spec.scheduler_name)).or_default() += 1;
            }
        }
        names.into_iter().map(|(name, pods)| (name.to_string(), pods)).collect()
    }

    /// The one match on what happens.
    fn handle(&mut self, event: Event, observer: &mut dyn Observer) {
        match event {
            Event::Command(index) => {
                let command = self.commands[index as usize].clone();
                self.execute(command, observer);
            }
            Event::Arrival(_) if !self.faults.outages.api_is_up() => self.wait_for_api(event),
            Event::Arrival(source) => self.arrive(source),
            Event::News(worker, life, key) if self.processes.controllers_live(life) => self.news(worker, key),
            Event::Timer(worker, life, key) if self.processes.controllers_live(life) => self.timer(worker, key),
            Event::Write(worker, life, number) if self.processes.controllers_live(life) => self.write(worker, number),
            Event::News(..) | Event::Timer(..) | Event::Write(..) => (),
            Event::Begin(component) => self.begin(component),
            Event::Schedule => self.schedule(),
            Event::PreBind(pod) => self.look_at_claims(pod),
            Event::Bind(pod) => self.bind(pod),
            Event::Preempt(victim, by) => self.preempt(victim, by),
            Event::Evict(index) => self.evict(index),
            Event::Strike(fault, process) => self.strike(fault, process, observer),
            Event::Follow(fault, node, cascade) => self.follow(fault, node, cascade, observer),
            Event::FaultStep(number) => self.fault_step(number, observer),
            Event::OutageEnds(number) => self.outage_ends(number, observer),
            Event::PowerOff(node, lasts) => self.power_off(node, lasts),
            Event::Join(number) => self.join_ordered(number),
            Event::CloudLook => self.cloud_looks(),
            Event::Kubelet(event) => {
                let mut todo = std::mem::take(&mut self.room.todo);
                self.kubelet.handle(event, &self.cluster, &mut todo);
                self.carry_out(todo);
            }
        }
    }

    /// Tells everybody what became true, until nothing more does.
    fn settle(&mut self, observer: &mut dyn Observer) {
        while self.cluster.has_changes() {
            let changes = self.cluster.exchange_changes(std::mem::take(&mut self.room.changes));
            let mut todo = std::mem::take(&mut self.room.todo);
            for &change in &changes {
                observer.observe(change, &self.cluster);
                if let Change::PodRemoved(pod) = change {
                    self.scheduling.reasons.remove(&pod);
                }
                if self.processes.scheduler {
                    self.scheduler.observe(change, &self.cluster);
                }
                self.kubelet.watch(change, &self.cluster, &mut todo);
                if self.faults.want(change) {
                    self.faults_see(change, observer);
                }
                if self.processes.controllers {
                    self.tell_all(change);
                }
            }
            self.room.changes = changes;
            self.carry_out(todo);
        }
        if self.cluster.has_records() {
            let records = self.cluster.exchange_records(std::mem::take(&mut self.room.records));
            records.iter().for_each(|record| observer.record(record, &self.cluster));
            self.room.records = records;
        }
        self.cluster.bury();
        self.wake_scheduler();
    }

    fn carry_out(&mut self, mut todo: kubelet::Todo) {
        for action in todo.actions.drain(..) {
            self.cluster.apply(action);
        }
        for (at, event) in todo.events.drain(..) {
            self.queue.push(at, Class::World, Event::Kubelet(event));
        }
        self.room.todo = todo;
    }

    /// The pending arrival of a source happens, and the next is pulled.
    fn arrive(&mut self, index: u32) {
        let (source, pending) = &mut self.sources[index as usize];
        let Some(arrival) = std::mem::replace(pending, source.next()) else { return };
        self.arrived.add(&arrival, self.cluster.spec(arrival.spec));
        if let Some(next) = pending {
            self.queue.push(next.at.max(self.cluster.now), Class::World, Event::Arrival(index));
        }
        let new = NewPod::bare(PodName::Generated(arrival.base), arrival.spec);
        self.cluster.submit_pod(NewPod { run_for: arrival.run_for, ..new });
    }

    /// A node registers: Ready, its lease renewed from a phase of its own on.
    fn register(&mut self, spec: NodeSpec) -> NodeId {
        let index = self.cluster.node_ids() as u64;
        let mut stream = self.cluster.seed.stream("lease", index);
        let period = self.settings.kubelet.lease_interval.sample(&mut stream);
        let drawn = Span(stream.below(period.0.max(1)));
        let fixed = self.settings.lease_phases.iter().find(|(name, _)| *name == spec.name).map(|(_, phase)| *phase);
        let anchor = self.cluster.now + fixed.unwrap_or(drawn);
        self.cluster.add_node(spec, Status::True, Lease { anchor, period, renewing: true })
    }

    /// A machine joins the running cluster: admission taints it until the node controller sees it Ready.
    fn join(&mut self, mut spec: NodeSpec) {
        let (key, value) = (self.cluster.known.not_ready, self.cluster.known.empty);
        spec.taints.push(Taint { key, value, effect: Effect::NoSchedule, added_at: self.cluster.now });
        self.register(spec);
    }

    /// Creates what a manifest holds.
    fn create(&mut self, workload: Workload) {
        match workload {
            Workload::Object { namespace, name, labels, body } => {
                if self.cluster.find_object(body.kind(), namespace, name).is_none() {
                    self.cluster.create_object(namespace, name, labels, None, body);
                }
            }
            Workload::Pod { name, spec } => {
                let name = PodName::Given(name);
                self.cluster.submit_pod(NewPod::bare(name, spec));
            }
        }
    }
}

/// Controllers without limits, for an instant set-up.
fn instant_controllers() -> controllers::Settings {
    let zero = crate::engine::Distribution::Constant(Span::ZERO);
    controllers::Settings {
        kube_api_qps_milli: 1_000_000_000_000_000,
        kube_api_burst: 1,
        watch: zero.clone().into(),
        provision: zero.clone(),
        attach: zero.clone(),
        detach: zero.clone(),
        attach_detach_period: Span::ZERO,
        api_write: zero.into(),
        node_monitor_phase: Some(Time::from_secs(1)),
        pod_gc_phase: Some(Time::from_secs(1)),
        ..controllers::Settings::default()
    }
}
