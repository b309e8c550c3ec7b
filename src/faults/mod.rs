//! What breaks, whom it hits and when: the vocabulary of faults.
//!
//! A [`Fault`] joins a [`Plan`] (what happens to the victims), [`Victims`] (whom it hits), a [`When`] and a
//! length. It only decides: a plan answers with [`Step`]s, which the simulation carries out, and a schedule
//! answers with instants. Each fault draws from streams named after it, so that adding one fault moves no
//! draw of another. One file per plan, and a line in [`ALL`]; `models` holds named sets of faults with
//! their sources.

mod capacity_loss;
mod clock_skew;
mod components;
mod container_crash;
mod domain_outage;
mod effect;
mod flapping;
mod graceful_shutdown;
mod hardware_failure;
mod kubelet_stop;
mod maintenance;
pub mod models;
mod node_added;
mod node_crash;
mod partition;
mod pod_kill;
mod readiness_flap;
mod reboot;
mod rolling_restart;
mod sequence;
mod slow_node;
mod spot_interruption;
mod spread;
mod victims;
mod when;

use std::fmt::Debug;
use std::rc::Rc;

use crate::cluster::{Cluster, NodeId, NodeSpec, PodId};
use crate::engine::{Distribution, Span, Stream, Time};

pub use capacity_loss::CapacityLoss;
pub use clock_skew::ClockSkew;
pub use components::{ApiServerDown, ControllerManagerDown, SchedulerDown, SchedulerSlow};
pub use container_crash::ContainerCrash;
pub use domain_outage::DomainOutage;
pub use effect::{Condition, Deed, Effect, Part, PodCondition, Step};
pub use flapping::Flapping;
pub use graceful_shutdown::GracefulShutdown;
pub use hardware_failure::HardwareFailure;
pub use kubelet_stop::KubeletStop;
pub use maintenance::Maintenance;
pub use node_added::NodeAdded;
pub use node_crash::NodeCrash;
pub use partition::Partition;
pub use pod_kill::PodKill;
pub use readiness_flap::ReadinessFlap;
pub use reboot::Reboot;
pub use rolling_restart::RollingRestart;
pub use sequence::{Member, Sequence};
pub use slow_node::SlowNode;
pub use spot_interruption::SpotInterruption;
pub use spread::{Burst, Cascade};
pub use victims::{Mode, NodeVictims, PodVictims, Victims};
pub use when::{Aim, Outage, Trace, When};

/// A fault of a run: what, whom, when, how long.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Names its random streams; no two faults of a run share it.
    pub name: String,
    /// What happens to the victims.
    pub plan: Rc<dyn Plan>,
    /// Whom it can hit.
    pub victims: Victims,
    /// When it strikes.
    pub when: When,
    /// How long it lasts, drawn for each strike; `None`: until something else ends it, or as the plan says.
    pub lasts: Option<Distribution>,
    /// Each victim is hit with this probability.
    pub probability: f64,
    /// Whether the processes have run long before the start of the run, so that the first failure does not
    /// come as after a repair at time zero.
    pub aged: bool,
    /// Further nodes that a strike drags along.
    pub burst: Option<Burst>,
    /// Survivors that fail for being overloaded.
    pub cascade: Option<Cascade>,
    /// Nobody is dragged along after this instant.
    pub followers_until: Option<Time>,
    /// Whether it was written by hand, so that it is worth saying when it never strikes.
    pub expected: bool,
}

/// A strike that a plan is asked about.
pub struct Strike<'a> {
    /// The nodes hit, in the order they were added.
    pub nodes: &'a [NodeId],
    /// The pods hit, oldest first.
    pub pods: &'a [PodId],
    /// How long it lasts, if the fault says.
    pub lasts: Option<Span>,
    /// Chance that belongs to this strike.
    pub stream: &'a mut Stream,
    /// The world at this instant.
    pub cluster: &'a Cluster,
}

/// What a fault does to its victims.
pub trait Plan: Debug {
    /// Its name, as the scenario file writes it.
    fn name(&self) -> &'static str;

    /// The steps of one strike, in order of time. Called once for each strike.
    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step>;

    /// Whether it is an operator's or a provider's doing on purpose rather than a failure.
    fn is_planned(&self) -> bool {
        false
    }

    /// Whether a strike needs victims: a fault of the control plane has none.
    fn needs_victims(&self) -> bool {
        true
    }

    /// Faults that strike in its course, each with victims of its own.
    fn members(&self) -> &[Rc<Member>] {
        &[]
    }
}

/// What a kind of fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Nodes.
    Nodes,
    /// Pods.
    Pods,
    /// A process of the control plane, or nobody.
    ControlPlane,
}

/// A kind of fault in the registry.
pub struct Entry {
    /// Its name, as the scenario file writes it.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Whom it hits.
    pub hits: About,
    /// One of this kind as chaos makes it.
    pub chaos: Make,
}

/// What chaos makes a plan of. By the end of its length all must be over: a plan that begins with something else takes
/// that from the length.
pub struct Making<'a> {
    /// How long the fault lasts.
    pub lasts: Span,
    /// How many nodes it hits at most.
    pub most_nodes: u64,
    /// Chance of its own.
    pub stream: &'a mut Stream,
    /// A machine like one of the cluster's, under a name of its own.
    pub machine: Option<&'a NodeSpec>,
    /// Other faults that strike while it lasts, each with victims of its own.
    pub members: &'a [Rc<Member>],
}

impl Making<'_> {
    /// Takes what comes before the fault proper from its length: so long as a rule, half of it at most.
    pub fn prelude(&mut self, usual: Span) -> Span {
        let before = usual.min(Span(self.lasts.0 / 2));
        self.lasts = self.lasts.saturating_sub(before);
        before
    }
}

/// Makes a plan.
pub type Make = fn(&mut Making<'_>) -> Rc<dyn Plan>;

/// All kinds of faults, in the order of the documentation.
pub const ALL: &[Entry] = &[
    node_crash::ENTRY,
    reboot::ENTRY,
    graceful_shutdown::ENTRY,
    kubelet_stop::ENTRY,
    partition::ENTRY,
    flapping::ENTRY,
    slow_node::ENTRY,
    capacity_loss::ENTRY,
    clock_skew::ENTRY,
    domain_outage::ENTRY,
    rolling_restart::ENTRY,
    maintenance::ENTRY,
    spot_interruption::ENTRY,
    node_added::ENTRY,
    pod_kill::ENTRY,
    container_crash::ENTRY,
    readiness_flap::ENTRY,
    components::SCHEDULER_DOWN,
    components::SCHEDULER_SLOW,
    components::CONTROLLER_MANAGER_DOWN,
    components::API_SERVER_DOWN,
    sequence::ENTRY,
];

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}
