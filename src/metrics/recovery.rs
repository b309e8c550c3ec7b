//! Incidents in sum: the longest of each stage, per workload and over all. Faults only; planned
//! disruptions have their rows in incidents.csv.

use rustc_hash::FxHashMap;

use crate::engine::Span;
use crate::outcome::Incident;

use super::workloads::Workload;
use super::{Finished, Metric, Rows};

/// `incidents_total`.
pub const INCIDENTS_TOTAL: Metric = Metric {
    name: "incidents_total",
    unit: "incidents",
    labels: &["workload"],
    about: "how often a fault hit a workload; without a label over all workloads. Planned disruptions, drains and \
            maintenances, are incidents of incidents.csv but not counted here",
    formula: "count of (fault, workload with active pods hit)",
    read: |run, rows| count(run, rows, |_| true),
};

/// `incidents_unrecovered_total`.
pub const INCIDENTS_UNRECOVERED_TOTAL: Metric = Metric {
    name: "incidents_unrecovered_total",
    unit: "incidents",
    labels: &["workload"],
    about: "incidents after which the workload was not whole again within the run",
    formula: "count of incidents with serving < min(what it was, desired) at the end of the run",
    read: |run, rows| count(run, rows, |incident| incident.whole.is_none() && !incident.undecided),
};

/// `incidents_undecided_total`.
pub const INCIDENTS_UNDECIDED_TOTAL: Metric = Metric {
    name: "incidents_undecided_total",
    unit: "incidents",
    labels: &["workload"],
    about: "incidents that the end of the run cut off: enough pods served, but pods hit were neither back nor gone. \
            They are in none of the recovery times",
    formula: "count of incidents with hit pods undecided and serving ≥ min(what it was, desired) at the end of the run",
    read: |run, rows| count(run, rows, |incident| incident.undecided),
};

/// `recovery_seconds`.
pub const RECOVERY_SECONDS: Metric = Metric {
    name: "recovery_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the fault until whole again, the longest of all incidents; infinite if one never was",
    formula: "max over incidents, undecided ones left out, of (whole − fault)",
    read: |run, rows| longest(run, rows, |incident| (!incident.undecided).then(|| incident.recovery())),
};

/// `recovery_seconds_mean`.
pub const RECOVERY_SECONDS_MEAN: Metric = Metric {
    name: "recovery_seconds_mean",
    unit: "seconds",
    labels: &["workload"],
    about: "from the fault until whole again, mean over incidents; infinite if one never was",
    formula: "mean over incidents, undecided ones left out, of (whole − fault)",
    read: |run, rows| {
        for_each_workload(run, rows, |incidents| {
            let told = || incidents.iter().filter(|incident| !incident.undecided);
            let sum: f64 = told().map(|incident| seconds(incident.recovery())).sum();
            (told().count() > 0).then(|| sum / told().count() as f64)
        });
    },
};

/// `detection_seconds`.
pub const DETECTION_SECONDS: Metric = Metric {
    name: "detection_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the fault until the control plane knew, the longest of all incidents noticed",
    formula: "max over incidents of (detected − fault)",
    read: |run, rows| {
        longest(run, rows, |incident| incident.detected.map(|at| Some(at.since(incident.fault))));
    },
};

/// `eviction_seconds`.
pub const EVICTION_SECONDS: Metric = Metric {
    name: "eviction_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the fault until the last hit pod was deleted, the longest of all incidents with evictions",
    formula: "max over incidents of (last evicted − fault)",
    read: |run, rows| {
        longest(run, rows, |incident| incident.last_evicted.map(|at| Some(at.since(incident.fault))));
    },
};

/// `reschedule_seconds`.
pub const RESCHEDULE_SECONDS: Metric = Metric {
    name: "reschedule_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the first eviction until the last replacement had a node; infinite if one never had",
    formula: "max over incidents of (last scheduled − first evicted)",
    read: |run, rows| {
        longest(run, rows, |incident| {
            let evicted = incident.first_evicted?;
            let all_placed = incident.pods_pending == 0;
            incident.last_scheduled.map(|at| all_placed.then(|| at.since(evicted))).or((!all_placed).then_some(None))
        });
    },
};

/// `incident_unavailable_pod_seconds`.
pub const INCIDENT_UNAVAILABLE_POD_SECONDS: Metric = Metric {
    name: "incident_unavailable_pod_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "area under desired − serving within incidents; overlapping incidents each count the whole area",
    formula: "Σ over incidents of ∫ max(0, desired − serving) dt from the fault until whole again",
    read: |run, rows| {
        for_each_workload(run, rows, |incidents| {
            Some(incidents.iter().map(|incident| incident.unavailable_pod_nanos).sum::<i128>() as f64 / 1e9)
        });
    },
};

/// `pods_displaced_total`.
pub const PODS_DISPLACED_TOTAL: Metric = Metric {
    name: "pods_displaced_total",
    unit: "pods",
    labels: &["workload"],
    about: "pods deleted or failed because a fault hit them",
    formula: "Σ over incidents of hit pods that went before the workload was whole",
    read: |run, rows| {
        for_each_workload(run, rows, |incidents| {
            Some(incidents.iter().map(|incident| f64::from(incident.pods_displaced)).sum())
        });
    },
};

/// `convergence_seconds`.
pub const CONVERGENCE_SECONDS: Metric = Metric {
    name: "convergence_seconds",
    unit: "seconds",
    labels: &[],
    about: "from the end of chaos until the cluster was as it should be; infinite if it was not within the limit",
    formula: "first look, every 10 s, at which all nodes are Ready and schedulable, all workloads complete and no pod \
              is Terminating",
    read: |run, rows| {
        if let Some(found) = run.convergence {
            rows.push(&[], seconds(found.converged.map(|at| at.since(found.quiet_from))));
        }
    },
};

fn seconds(span: Option<Span>) -> f64 {
    span.map_or(f64::INFINITY, Span::as_secs_f64)
}

/// The longest of `of` (which is `Some(None)` for "never"); incidents without one are left out.
fn longest(run: &Finished<'_>, rows: &mut Rows, of: impl Fn(&Incident) -> Option<Option<Span>>) {
    for_each_workload(run, rows, |incidents| incidents.iter().filter_map(|i| of(i)).map(seconds).reduce(f64::max));
}

/// The incidents of faults, not of planned disruptions.
pub(crate) struct Faults<'a> {
    all: Vec<&'a Incident>,
    /// By workload, in their order.
    of_workload: Vec<Vec<&'a Incident>>,
}

impl<'a> Faults<'a> {
    /// Sorts out the incidents of these workloads.
    pub(crate) fn among(incidents: &'a [Incident], workloads: &[Workload]) -> Self {
        let numbers: FxHashMap<&str, usize> =
            workloads.iter().enumerate().map(|(number, workload)| (&*workload.label, number)).collect();
        let all: Vec<&Incident> = incidents.iter().filter(|incident| !incident.planned).collect();
        let mut of_workload = vec![Vec::new(); workloads.len()];
        for incident in &all {
            if let Some(number) = numbers.get(&*incident.workload) {
                of_workload[*number].push(*incident);
            }
        }
        Faults { all, of_workload }
    }
}

/// A row over the faults' incidents of all workloads, and one for each workload that has any.
fn for_each_workload(run: &Finished<'_>, rows: &mut Rows, value: impl Fn(&[&Incident]) -> Option<f64>) {
    let Faults { all, of_workload } = &run.faults;
    let of_all = (!all.is_empty()).then(|| value(all)).flatten();
    of_all.into_iter().for_each(|value| rows.push(&[], value));
    for (workload, own) in run.workloads.iter().zip(of_workload) {
        let of_own = (!own.is_empty()).then(|| value(own)).flatten();
        of_own.into_iter().for_each(|value| rows.push(&[("workload", &workload.label)], value));
    }
}

/// Counts of incidents, zero included.
fn count(run: &Finished<'_>, rows: &mut Rows, which: impl Fn(&Incident) -> bool) {
    let count = |incidents: &[&Incident]| incidents.iter().filter(|incident| which(incident)).count() as f64;
    rows.push(&[], count(&run.faults.all));
    for (workload, own) in run.workloads.iter().zip(&run.faults.of_workload) {
        rows.push(&[("workload", &workload.label)], count(own));
    }
}
