//! Which way a metric is better. Every metric of a run stands in `MORE` or `NEITHER`, or in the test's list of those of which less is better, so that none is forgotten.

use crate::outcome::comparison::Better;

/// Metrics of which more is better.
const MORE: [&str; 18] = [
    "overall_availability_ratio",
    "availability_ratio",
    "quorum_availability_ratio",
    "tolerated_availability_ratio",
    "availability_nines",
    "complete_ratio",
    "any_serving_ratio",
    "serving_pods_min",
    "pods_serving",
    "useful_work_seconds",
    "jobs_complete_total",
    "cpu_requested_ratio",
    "memory_requested_ratio",
    "gpu_requested_ratio",
    "gpu_allocation_percent",
    "nodes_ready",
    "node_availability_ratio",
    "headroom_nodes",
];

/// Metrics that are neither good nor bad by themselves: how much was done, not what came of it.
const NEITHER: [&str; 3] = ["pods_created_total", "pods_deleted_total", "scheduling_attempts_total"];

/// Which way a metric, given with or without labels, is better; by default less is.
pub(super) fn better(metric: &str) -> Better {
    let name = metric.split('{').next().unwrap_or_default();
    match name {
        _ if MORE.contains(&name) => Better::More,
        _ if NEITHER.contains(&name) => Better::Neither,
        _ => Better::Less,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    const LESS: [&str; 47] = [
        "burn_rate_alerts_total",
        "domain_blast_radius_ratio",
        "expected_replicas_lost",
        "incidents_undecided_total",
        "incidents_total",
        "incidents_unrecovered_total",
        "recovery_seconds",
        "recovery_seconds_mean",
        "detection_seconds",
        "eviction_seconds",
        "reschedule_seconds",
        "incident_unavailable_pod_seconds",
        "pods_displaced_total",
        "convergence_seconds",
        "attributed_pod_seconds",
        "unavailable_pod_seconds",
        "not_ready_pod_seconds",
        "node_spread_pods",
        "zone_spread_pods",
        "resilience_loss_seconds",
        "error_budget_spent_ratio",
        "burn_rate_max",
        "ghost_replica_seconds",
        "false_evictions_total",
        "collateral_pods_total",
        "lost_work_seconds",
        "checkpoint_overhead_seconds",
        "wasted_work_ratio",
        "pods_evicted_total",
        "pods_preempted_total",
        "pods_failed_total",
        "container_restarts_total",
        "pod_scheduling_seconds",
        "pod_startup_seconds",
        "unscheduled_pod_seconds",
        "pods_pending",
        "jobs_failed_total",
        "job_success_seconds",
        "job_completion_seconds",
        "job_completion_seconds_mean",
        "node_imbalance_ratio",
        "fragmentation_ratio",
        "gpu_fragmentation_ratio",
        "node_blast_radius_ratio",
        "zone_blast_radius_ratio",
        "node_not_ready_seconds",
        "node_outages_total",
    ];

    #[test]
    fn no_metric_is_forgotten() {
        for metric in metrics::ALL {
            let lists = [&MORE[..], &NEITHER[..], &LESS[..]].map(|list| usize::from(list.contains(&metric.name)));
            assert_eq!(lists.iter().sum::<usize>(), 1, "{} belongs in one of the lists", metric.name);
        }
    }

    #[test]
    fn labels_do_not_matter() {
        assert_eq!(better("jobs_complete_total{workload=\"batch\"}"), Better::More);
        assert_eq!(better("recovery_seconds"), Better::Less);
        assert_eq!(better("pods_created_total"), Better::Neither);
    }
}
