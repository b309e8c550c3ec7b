//! The kinds of faults that have keys of their own.

use super::cluster::NodeGroup;
use super::strikes::{NodeFault, PodFault, Timing};
use super::values::Latency;
use crate::engine::Span;
use crate::scenario::read::Spanned;
use crate::scenario::record::{record, words};

record! {
    /// A graceful shutdown.
    pub struct GracefulShutdown {
        /// `shutdownGracePeriod`: how long pods have in all.
        "grace-period" => grace_period: Span = "30s",
        /// `shutdownGracePeriodCriticalPods`: the last part of it, for critical pods.
        "critical-grace-period" => critical: Span = "10s",
        ..fault: NodeFault
    }
}

record! {
    /// Nodes that fall silent and return.
    pub struct Flapping {
        /// How long they are silent each time.
        "down" => down: Latency,
        /// How long they are heard between two.
        "up" => up: Latency,
        /// What makes them silent.
        "by" => by: SilentBy = "partition",
        ..fault: NodeFault
    }
}

words! {
    /// What makes a node silent.
    pub enum SilentBy {
        /// It is cut off.
        "partition" => Partition,
        /// It loses power.
        "crash" => Crash,
        /// Its kubelet stops.
        "kubelet" => Kubelet,
    }
}

record! {
    /// A node that crawls.
    pub struct SlowNode {
        /// Factor on the time that starting a pod takes.
        "start-factor" => start: Spanned<f64> = "1",
        /// Factor on the time that work takes of pods that run for a time.
        "work-factor" => work: Spanned<f64> = "1",
        ..fault: NodeFault
    }
}

record! {
    /// Capacity that is lost.
    pub struct CapacityLoss {
        /// Share of cpu and memory that is lost.
        "lost" => lost: Spanned<f64>,
        ..fault: NodeFault
    }
}

record! {
    /// Wrong clocks.
    pub struct ClockSkew {
        /// How much ahead or behind. It changes nothing, as the node controller goes by its own clock.
        "offset" => offset: Span = "0s",
        /// Factor on the time between two renewals of the lease: above 1 for a slow clock; 0.1 to 3.
        "rate" => rate: Spanned<f64> = "1",
        ..fault: NodeFault
    }
}

record! {
    /// A domain that fails as a whole. With `random` or `mode`, so many domains.
    pub struct DomainOutage {
        /// The topology label whose values are the domains.
        "label" => label: Spanned<String> = "topology.kubernetes.io/zone",
        /// One domain; each of them if not given.
        "domain" => domain: Option<Spanned<String>>,
        /// Share of the outages in which only the network goes.
        "partitions" => partitions: Spanned<f64> = "0",
        ..fault: NodeFault
    }
}

record! {
    /// Machines that restart one after another.
    pub struct RollingRestart {
        /// From one batch to the next.
        "interval" => interval: Span,
        /// Nodes at once.
        "batch" => batch: u32 = "1",
        ..fault: NodeFault
    }
}

record! {
    /// Planned maintenance.
    pub struct Maintenance {
        /// How long the drain may take before the machine goes off.
        "drain-for" => drain: Span = "2m",
        ..fault: NodeFault
    }
}

record! {
    /// Machines that the provider takes back.
    pub struct SpotInterruption {
        /// From the notice to the end.
        "notice" => notice: Span = "2m",
        /// Whether the nodes are drained on notice.
        "drain" => drain: bool = "true",
        /// How long until a machine like it joins under the same name, but not before the Node object is gone; never if
        /// not given.
        "replacement" => replacement: Option<Latency>,
        ..fault: NodeFault
    }
}

record! {
    /// Machines that are ordered.
    pub struct NodeAdded {
        /// The machines.
        "nodes" => nodes: NodeGroup,
        /// From the order until they join, drawn for each.
        "boot" => boot: Latency = "0s",
        ..timing: Timing
    }
}

record! {
    /// Pods that are deleted.
    pub struct PodKill {
        /// Grace period; the pods' own if not given. With 0s their objects go at once.
        "grace-period" => grace_period: Option<Span>,
        ..fault: PodFault
    }
}

record! {
    /// A slow scheduler.
    pub struct SchedulerSlow {
        /// Factor on the time of its cycles and writes; 1 to 100,000.
        "factor" => factor: Spanned<f64>,
        ..timing: Timing
    }
}
