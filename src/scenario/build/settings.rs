//! Flags and timings of the components.

use super::Builder;
use crate::engine::{Distribution, Span, Time};
use crate::scenario::schema::components::{self, Phases};
use crate::scenario::schema::values::Latency;
use crate::simulation::{Scheduling, Settings};
use crate::{controllers, kubelet, scheduler};

impl Builder<'_> {
    /// The settings of all components; the rate of the scheduler's client is in its configuration.
    pub(super) fn settings(&mut self, scheduler: &scheduler::Config) -> Settings {
        let components::ControlPlane { controller_manager, latencies, .. } = &self.scenario.control_plane;
        let phases = &self.scenario.phases;
        let names = &mut self.cluster.names;
        let controllers = controllers(controller_manager, latencies, phases);
        Settings {
            kubelet: kubelet(&self.scenario.kubelet, latencies),
            scheduling: Scheduling {
                startup: Scheduling::default().startup,
                watch: controllers.watch.clone(),
                cycle: latencies.scheduling_cycle,
                cycle_per_node: latencies.scheduling_cycle_per_node,
                api_write: controllers.api_write.clone(),
                qps_milli: scheduler.client_qps_milli,
                burst: scheduler.client_burst,
            },
            controllers,
            lease_phases: phases.leases.iter().map(|(node, phase)| (names.intern(node), phase.value)).collect(),
        }
    }
}

/// Thousandths. The check has refused what is finer.
pub(super) fn milli(value: f64) -> u64 {
    (value * 1000.0).round() as u64
}

fn controllers(
    flags: &components::ControllerManager,
    latencies: &components::Latencies,
    phases: &Phases,
) -> controllers::Settings {
    let phase = |phase: &Option<crate::scenario::read::Spanned<Span>>| phase.as_ref().map(|phase| Time(phase.value.0));
    controllers::Settings {
        node_monitor_period: flags.node_monitor_period.value,
        node_monitor_grace_period: flags.node_monitor_grace_period.value,
        node_eviction_rate_milli: milli(flags.node_eviction_rate.value),
        secondary_node_eviction_rate_milli: milli(flags.secondary_node_eviction_rate.value),
        large_cluster_size_threshold: flags.large_cluster_size_threshold,
        unhealthy_zone_threshold_milli: milli(flags.unhealthy_zone_threshold.value) as u32,
        terminated_pod_gc_threshold: flags.terminated_pod_gc_threshold,
        kube_api_qps_milli: milli(flags.kube_api_qps.value),
        kube_api_burst: flags.kube_api_burst.value.into(),
        watch: latencies.watch.0.clone().into(),
        api_write: latencies.api_write.0.clone().into(),
        provision: latencies.volume_provision.0.clone(),
        attach: latencies.volume_attach.0.clone(),
        detach: latencies.volume_detach.0.clone(),
        disable_force_detach_on_timeout: flags.disable_force_detach_on_timeout,
        monitor_pass: latencies.node_monitor_pass.value,
        node_monitor_phase: phase(&phases.node_monitor),
        pod_gc_phase: phase(&phases.pod_gc),
        attach_detach_phase: phase(&phases.attach_detach),
        volume_binder_phase: phase(&phases.volume_binder),
        // nodes are Ready from the moment they join, so that none is ever waited for
        ..controllers::Settings::default()
    }
}

fn kubelet(flags: &components::Kubelet, latencies: &components::Latencies) -> kubelet::Settings {
    let distribution = |latency: &Latency| latency.0.clone();
    let optional = |latency: &Option<Latency>| latency.as_ref().map(distribution);
    kubelet::Settings {
        simple: false,
        start: optional(&flags.start),
        watch: distribution(&latencies.kubelet_watch).into(),
        notice: distribution(&flags.notice),
        volumes: distribution(&flags.volumes),
        sandbox: distribution(&flags.sandbox).into(),
        container_start: distribution(&flags.container_start).into(),
        pull: optional(&flags.image_pull),
        pull_base: distribution(&flags.image_pull_overhead),
        pull_rate: flags.registry_rate.value.units().unsigned_abs(),
        unpack_rate: flags.unpack_rate.value.units().unsigned_abs(),
        image_size: (flags.image_size.units().unsigned_abs(), flags.image_size_sigma.value),
        serialize_image_pulls: flags.serialize_image_pulls,
        max_parallel_image_pulls: flags.max_parallel_image_pulls.as_ref().map(|pulls| pulls.value),
        ready: distribution(&flags.ready),
        ready_at_once: false,
        status: distribution(&flags.status),
        stop: distribution(&flags.stop).into(),
        teardown: distribution(&flags.teardown).into(),
        volume_report: distribution(&flags.volume_report),
        boot: distribution(&flags.boot),
        kubelet_start: distribution(&flags.kubelet_start),
        node_ready: distribution(&flags.node_ready),
        reconnect: distribution(&flags.reconnect),
        resync: distribution(&flags.resync),
        lease_interval: lease_interval(flags),
        crash_backoff: flags.crash_loop_back_off.initial,
        crash_backoff_max: flags.crash_loop_back_off.max.value,
    }
}

/// A quarter of the lease's duration, and up to the jitter more.
fn lease_interval(flags: &components::Kubelet) -> Distribution {
    let shortest = Span::from_millis(250) * u64::from(flags.node_lease_duration_seconds.value);
    match milli(flags.node_lease_jitter.value) {
        0 => Distribution::Constant(shortest),
        jitter => {
            let longest = u128::from(shortest.0) * u128::from(1000 + jitter) / 1000;
            Distribution::Uniform(shortest, Span(u64::try_from(longest).unwrap_or(u64::MAX)))
        }
    }
}
