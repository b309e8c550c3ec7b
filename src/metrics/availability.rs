//! Availability of each workload: how much of what was wanted was there.
//!
//! A pod *serves* if it is active, Ready in the API, and its containers really are: a crash ends its
//! service at once, though the control plane needs some 45 s to notice.

use crate::engine::Integral;

use super::workloads::Workload;
use super::{Finished, Metric, Rows};

/// `availability_ratio`.
pub const AVAILABILITY_RATIO: Metric = Metric {
    name: "availability_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of the wanted pod-time that was served, from the workload's creation on",
    formula: "1 − ∫ max(0, desired − serving) dt / ∫ desired dt",
    read: |run, rows| {
        for workload in run.workloads {
            if let Some(ratio) = availability(workload, run) {
                rows.push(&[("workload", &workload.label)], ratio);
            }
        }
    },
};

/// `overall_availability_ratio`.
pub const OVERALL_AVAILABILITY_RATIO: Metric = Metric {
    name: "overall_availability_ratio",
    unit: "ratio",
    labels: &[],
    about: "share of the pod-time wanted by all workloads together that was served",
    formula: "1 − Σ ∫ max(0, desired − serving) dt / Σ ∫ desired dt, sums over workloads",
    read: |run, rows| {
        let wanted: i128 = run.workloads.iter().map(|workload| workload.desired.area_at(run.end)).sum();
        let missing: i128 = run.workloads.iter().map(|workload| workload.unavailable.area_at(run.end)).sum();
        if wanted > 0 {
            rows.push(&[], 1.0 - missing as f64 / wanted as f64);
        }
    },
};

/// `complete_ratio`.
pub const COMPLETE_RATIO: Metric = Metric {
    name: "complete_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of time with every wanted pod serving, from the workload's creation on",
    formula: "(1/T) ∫ 1[serving ≥ desired] dt",
    read: |run, rows| time_share(run, rows, |workload| &workload.complete),
};

/// `any_serving_ratio`.
pub const ANY_SERVING_RATIO: Metric = Metric {
    name: "any_serving_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of time with at least one pod serving (or none wanted), from the workload's creation on",
    formula: "(1/T) ∫ 1[serving ≥ 1 or desired = 0] dt",
    read: |run, rows| time_share(run, rows, |workload| &workload.any),
};

/// `unavailable_pod_seconds`.
pub const UNAVAILABLE_POD_SECONDS: Metric = Metric {
    name: "unavailable_pod_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "area under desired − serving over the whole run; without a label over all workloads",
    formula: "∫ max(0, desired − serving) dt",
    read: |run, rows| areas(run, rows, |workload| &workload.unavailable),
};

/// `not_ready_pod_seconds`.
pub const NOT_READY_POD_SECONDS: Metric = Metric {
    name: "not_ready_pod_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "the same as the API sees it: area under desired − Ready; without a label over all workloads",
    formula: "∫ max(0, desired − ready) dt",
    read: |run, rows| areas(run, rows, |workload| &workload.not_ready),
};

/// `serving_pods_min`.
pub const SERVING_PODS_MIN: Metric = Metric {
    name: "serving_pods_min",
    unit: "pods",
    labels: &["workload"],
    about: "fewest pods serving since the workload was complete for the first time",
    formula: "min serving(t), t ≥ first t with serving ≥ desired > 0",
    read: |run, rows| {
        for workload in run.workloads {
            if let Some(lowest) = workload.lowest {
                rows.push(&[("workload", &workload.label)], lowest as f64);
            }
        }
    },
};

/// `pods_serving`.
pub const PODS_SERVING: Metric = Metric {
    name: "pods_serving",
    unit: "pods",
    labels: &["workload"],
    about: "pods serving at the end",
    formula: "count at the end of the run",
    read: |run, rows| {
        for workload in run.workloads {
            rows.push(&[("workload", &workload.label)], workload.serving.value() as f64);
        }
    },
};

/// `node_spread_pods`.
pub const NODE_SPREAD_PODS: Metric = Metric {
    name: "node_spread_pods",
    unit: "pods",
    labels: &["workload"],
    about: "unevenness over nodes at the end: most minus fewest active pods on a Ready node",
    formula: "max − min over nodes Ready in the API, at the end of the run",
    read: |run, rows| spread(run, rows, false),
};

/// `zone_spread_pods`.
pub const ZONE_SPREAD_PODS: Metric = Metric {
    name: "zone_spread_pods",
    unit: "pods",
    labels: &["workload"],
    about: "unevenness over zones at the end: most minus fewest active pods in a zone with a Ready node",
    formula: "max − min over zones of nodes Ready in the API, at the end of the run",
    read: |run, rows| spread(run, rows, true),
};

/// Share of desired pod-time that was served; `None` if nothing was ever wanted.
pub(crate) fn availability(workload: &Workload, run: &Finished<'_>) -> Option<f64> {
    let wanted = workload.desired.area_at(run.end);
    (wanted > 0).then(|| 1.0 - workload.unavailable.area_at(run.end) as f64 / wanted as f64)
}

fn time_share(run: &Finished<'_>, rows: &mut Rows, what: impl Fn(&Workload) -> &Integral) {
    for workload in run.workloads {
        let span = run.end.since(workload.created);
        if span.0 > 0 {
            let area = what(workload).area_at(run.end);
            rows.push(&[("workload", &workload.label)], area as f64 / span.0 as f64);
        }
    }
}

fn areas(run: &Finished<'_>, rows: &mut Rows, what: impl Fn(&Workload) -> &Integral) {
    let area = |workload: &Workload| what(workload).unit_seconds_at(run.end);
    let total: i128 = run.workloads.iter().map(|workload| what(workload).area_at(run.end)).sum();
    rows.push(&[], total as f64 / 1e9);
    for workload in run.workloads {
        rows.push(&[("workload", &workload.label)], area(workload));
    }
}

fn spread(run: &Finished<'_>, rows: &mut Rows, zones: bool) {
    for workload in run.workloads {
        let (nodes, by_zone) = workload.spread.of(run.ready_nodes);
        rows.push(&[("workload", &workload.label)], if zones { by_zone } else { nodes } as f64);
    }
}
