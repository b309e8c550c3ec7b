//! Processes of the control plane that stop, start and take over from one another (controllers.md 12).
//! What a process keeps in memory goes with it: grace periods, eviction timers, zone limiters, queues,
//! back-offs, expectations. It starts by reading everything.

use crate::cluster::{Change, NodeId, Phase, PodId};
use crate::controllers;
use crate::engine::{Class, Distribution, Span, Stream, Time};

use super::setup::{Component, Exit};
use super::{Event, Simulation};

/// `leaseDuration` of leader election.
const LEASE: Span = Span::from_secs(15);
/// `retryPeriod`, and what jitter makes of it at most.
const RETRY: (Span, Span) = (Span::from_secs(2), Span::from_millis(4400));

/// Which processes run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processes {
    /// The controller manager.
    pub(super) controllers: bool,
    /// The scheduler.
    pub(super) scheduler: bool,
    /// Grows whenever the controller manager stops: events of a former life are void.
    pub(super) life: u8,
}

impl Default for Processes {
    fn default() -> Self {
        Processes { controllers: true, scheduler: true, life: 0 }
    }
}

impl Processes {
    /// Whether controllers run that asked for an event in this life.
    pub(super) fn controllers_live(self, life: u8) -> bool {
        self.controllers && self.life == life
    }
}

/// How far off the next tick of a loop is.
fn phase(period: &Distribution, stream: &mut Stream) -> Span {
    let period = period.sample(stream).0;
    Span(stream.below(period))
}

impl Component {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Component::ControllerManager => "kube-controller-manager",
            Component::Scheduler => "kube-scheduler",
        }
    }
}

impl Simulation {
    /// The process is gone.
    pub(super) fn stop(&mut self, component: Component) {
        match component {
            Component::ControllerManager => {
                self.processes.controllers = false;
                self.processes.life = self.processes.life.wrapping_add(1);
            }
            Component::Scheduler => {
                self.processes.scheduler = false;
                self.scheduling.next_cycle = Time::MAX;
                self.scheduling.hears = false;
                self.pre_binds.clear();
                let assumed = self.cluster.pods().filter(|(_, pod)| pod.node.is_some() && !pod.bound);
                let assumed: Vec<PodId> = assumed.map(|(id, _)| id).collect();
                assumed.into_iter().for_each(|pod| self.cluster.forget(pod));
            }
        }
    }

    /// The process starts; it works once its caches are filled.
    pub(super) fn start(&mut self, component: Component) {
        let startup = match component {
            Component::ControllerManager => &self.settings.controllers.startup,
            Component::Scheduler => &self.settings.scheduling.startup,
        };
        let mut stream =
            self.cluster.seed.stream(&format!("component-start/{}", component.as_str()), self.cluster.now.0);
        let at = self.cluster.now + startup.sample(&mut stream);
        self.queue.push(at, Class::Control, Event::Begin(component));
    }

    /// The caches are filled: the work begins.
    pub(super) fn begin(&mut self, component: Component) {
        if self.faults.outages.holds(component) {
            return;
        }
        match component {
            Component::ControllerManager if !self.processes.controllers => {
                self.processes.controllers = true;
                let now = Some(self.cluster.now);
                let settings = controllers::Settings {
                    node_monitor_phase: now,
                    pod_gc_phase: now,
                    attach_detach_phase: now,
                    volume_binder_phase: now,
                    ..self.settings.controllers.clone()
                };
                self.rebuild_controllers(&settings);
                self.tell_the_world();
            }
            Component::Scheduler if !self.processes.scheduler => {
                self.processes.scheduler = true;
                self.scheduling.busy_until = self.cluster.now;
                self.scheduler.restart(self.cluster.seed);
                for change in self.the_world() {
                    self.scheduler.observe(change, &self.cluster);
                }
            }
            _ => (),
        }
    }

    /// The leader goes. The other instance takes over once the lease, as it last saw it renewed, has
    /// expired, at its next retry; a released lease, at its next retry.
    pub(super) fn fail_over(&mut self, component: Component, exit: Exit, after: Option<Span>) {
        self.stop(component);
        let mut stream =
            self.cluster.seed.stream(&format!("leader-election/{}", component.as_str()), self.cluster.now.0);
        let retry = Distribution::Uniform(RETRY.0, RETRY.1);
        let released = component == Component::Scheduler && exit == Exit::Terminated;
        let drawn = if released {
            phase(&retry, &mut stream)
        } else {
            // the standby saw the last renewal at its next retry, and retries until the lease is over
            let seen = phase(&retry, &mut stream);
            let mut waited = Span::ZERO;
            while waited < LEASE {
                waited += retry.sample(&mut stream);
            }
            seen + waited
        };
        let at = self.cluster.now + after.unwrap_or(drawn);
        self.command_at(at, super::Command::Start(component));
    }

    /// Tells all controllers of everything there is, as their first lists do.
    pub(super) fn tell_the_world(&mut self) {
        let world = self.the_world();
        for index in 0..self.workers.len() {
            for &change in &world {
                self.tell(index, change);
            }
        }
    }

    /// Everything there is, as if it had just come to be: pods on nodes that are gone first.
    fn the_world(&self) -> Vec<Change> {
        let mut world = Vec::new();
        let gone = |node: &NodeId| self.cluster.removed_node(*node).is_some();
        let orphaned = self.cluster.pods().filter_map(|(_, pod)| pod.bound_node()).filter(gone);
        let mut gone: Vec<NodeId> = orphaned.collect();
        gone.sort_unstable();
        gone.dedup();
        world.extend(gone.into_iter().map(Change::NodeRemoved));
        world.extend(self.cluster.nodes().map(|(id, _)| Change::NodeAdded(id)));
        world.extend(self.cluster.objects().map(|(id, _)| Change::ObjectCreated(id)));
        for (id, pod) in self.cluster.pods() {
            world.push(Change::PodCreated(id));
            if pod.node.is_some() {
                world.push(Change::PodAssumed(id));
            }
            if pod.bound {
                world.push(Change::PodBound(id));
            }
            if pod.nominated.is_some() {
                world.push(Change::PodNominated(id));
            }
            if pod.deletion.is_some() {
                world.push(Change::PodMarked(id));
            }
            if pod.phase.is_terminal() {
                world.push(Change::PodPhase { pod: id, from: Phase::Pending, to: pod.phase });
            }
        }
        world
    }

    /// Lets somebody else choose among several best nodes for a pod.
    pub fn break_ties_by(&mut self, breaker: crate::scheduler::TieBreaker) {
        self.scheduler.break_ties_by(breaker);
    }
}
