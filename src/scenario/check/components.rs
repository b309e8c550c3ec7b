//! Checks of flags, rates and phases: numbers that a component can work with.

use super::{Names, takes_time};
use crate::engine::Span;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::Spanned;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::components::{ControllerManager, Kubelet, Phases, SchedulerFlags};

fn above_zero(value: &Spanned<f64>, problems: &mut Problems) {
    if value.value <= 0.0 {
        problems.report(value.location, "number out of range").expected("expected more than 0");
    }
}

pub(super) fn controller_manager(flags: &ControllerManager, problems: &mut Problems) {
    takes_time(&flags.node_monitor_period, problems);
    takes_time(&flags.node_monitor_grace_period, problems);
    above_zero(&flags.kube_api_qps, problems);
    at_least_one(&flags.kube_api_burst, problems);
    for rate in [&flags.node_eviction_rate, &flags.secondary_node_eviction_rate] {
        if rate.value < 0.0 {
            problems.report(rate.location, "number out of range").expected("expected 0 or more");
        }
        thousandths(rate, problems);
    }
    thousandths(&flags.kube_api_qps, problems);
    thousandths(&flags.unhealthy_zone_threshold, problems);
    if !(0.0..=1.0).contains(&flags.unhealthy_zone_threshold.value) {
        problems.report(flags.unhealthy_zone_threshold.location, "number out of range").expected("expected 0 to 1");
    }
}

pub(super) fn scheduler_flags(flags: &SchedulerFlags, has_config: bool, problems: &mut Problems) {
    if let Some(qps) = &flags.kube_api_qps {
        above_zero(qps, problems);
        thousandths(qps, problems);
    }
    if let Some(burst) = &flags.kube_api_burst {
        at_least_one(burst, problems);
    }
    let given =
        [flags.kube_api_qps.as_ref().map(|qps| qps.location), flags.kube_api_burst.as_ref().map(|b| b.location)];
    for location in given.into_iter().flatten().filter(|_| has_config) {
        let problem = problems.report(location, "kube-scheduler ignores this flag beside a configuration");
        problem.help("give it as `clientConnection` in `scheduler.config`");
    }
}

fn at_least_one(value: &Spanned<u32>, problems: &mut Problems) {
    if value.value == 0 {
        problems.report(value.location, "number out of range").expected("expected 1 or more");
    }
}

/// Rates and shares are kept in thousandths; what would not survive that is refused.
fn thousandths(value: &Spanned<f64>, problems: &mut Problems) {
    let scaled = value.value * 1000.0;
    if (scaled - scaled.round()).abs() > 1e-6 * scaled.abs() {
        problems.report(value.location, "number too fine").expected("expected at most three digits after the point");
    }
    if scaled > 1e15 {
        problems.report(value.location, "number out of range").expected("expected at most 1e12");
    }
}

pub(super) fn kubelet(kubelet: &Kubelet, problems: &mut Problems) {
    if kubelet.node_lease_duration_seconds.value == 0 {
        problems
            .report(kubelet.node_lease_duration_seconds.location, "number out of range")
            .expected("expected 1 or more");
    }
    if let Some(pulls) =
        kubelet.max_parallel_image_pulls.as_ref().filter(|pulls| pulls.value == 0 || kubelet.serialize_image_pulls)
    {
        let problem = problems.report(pulls.location, "`max-parallel-image-pulls` needs pulls at the same time");
        problem.expected("expected 1 or more, and `serialize-image-pulls: false`");
    }
    for rate in [&kubelet.registry_rate, &kubelet.unpack_rate] {
        if rate.value.units() == 0 {
            problems.report(rate.location, "number out of range").expected("expected more than 0");
        }
    }
    for value in [&kubelet.image_size_sigma, &kubelet.node_lease_jitter] {
        if value.value < 0.0 {
            problems.report(value.location, "number out of range").expected("expected 0 or more");
        }
    }
    thousandths(&kubelet.node_lease_jitter, problems);
    if kubelet.node_lease_jitter.value > 1.0 {
        problems.report(kubelet.node_lease_jitter.location, "number out of range").expected("expected at most 1");
    }
    let back_off = &kubelet.crash_loop_back_off;
    if back_off.max.value < back_off.initial {
        problems.report(back_off.max.location, "`max` is shorter than `initial`");
    }
}

/// A phase is the offset of the first tick, so it lies within one period.
pub(super) fn phases(phases: &Phases, scenario: &Scenario, names: &Names<'_>, problems: &mut Problems) {
    let within = |phase: &Spanned<Span>, period: Span, problems: &mut Problems| {
        if phase.value > period {
            problems
                .report(phase.location, "phase longer than the period")
                .expected(format!("expected at most {period}"));
        }
    };
    let kubelet = &scenario.kubelet;
    if let Some(phase) = &phases.node_monitor {
        within(phase, scenario.control_plane.controller_manager.node_monitor_period.value, problems);
    }
    if let Some(phase) = &phases.pod_gc {
        within(phase, Span::from_secs(20), problems);
    }
    if let Some(phase) = &phases.attach_detach {
        within(phase, Span::from_millis(100), problems);
    }
    if let Some(phase) = &phases.volume_binder {
        within(phase, Span::from_secs(15), problems);
    }
    let lease_period = Span::from_millis(u64::from(kubelet.node_lease_duration_seconds.value) * 250);
    for (node, phase) in &phases.leases {
        names.node(node, Span::MAX, phase.location, problems);
        within(phase, lease_period, problems);
    }
}
