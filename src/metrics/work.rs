//! Work of pods that run for a time: what was finished, what was lost when they were stopped before, what saving
//! it cost.

use rustc_hash::FxHashMap;

use crate::cluster::work::Spent;
use crate::cluster::{Cluster, Container, Pod, PodId};
use crate::engine::{Span, Time};

use super::collateral::{of, rows_of};
use super::{Finished, Metric, Rows};

/// Sums over the run; by workload, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Works {
    /// Pods that run for a time: since when.
    running: FxHashMap<PodId, Time>,
    /// Work of pods without an owner that only their checkpoints hold. Nobody takes it up when they are gone.
    held: FxHashMap<PodId, Span>,
    sums: Vec<Sums>,
}

/// Sums of what became of running time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    useful: u128,
    overhead: u128,
    lost: u128,
}

impl Sums {
    fn add(&mut self, spent: Spent) {
        self.useful += u128::from(spent.useful.0);
        self.overhead += u128::from(spent.overhead.0);
        self.lost += u128::from(spent.lost.0);
    }

    fn all(&self) -> u128 {
        self.useful + self.overhead + self.lost
    }
}

impl Works {
    /// A pod of a workload changed; `gone`: it was removed. Work begins with the containers, and ends with them.
    pub(crate) fn pod_changed(&mut self, id: PodId, pod: &Pod, gone: bool, workload: u32, cluster: &Cluster) {
        let runs = pod.container.is_running() && !gone;
        match (self.running.get(&id).copied(), runs) {
            (None, true) if pod.run_for.is_some() || cluster.spec(pod.spec).behaviour.run_for.is_some() => {
                self.running.insert(id, cluster.now);
            }
            (Some(since), false) => {
                self.running.remove(&id);
                let spent = spent(pod, since, cluster.now);
                of(&mut self.sums, workload).add(spent);
                if pod.owner.is_none() && pod.progress.is_some() {
                    self.hold(id, pod, spent);
                }
            }
            _ => (),
        }
        if !runs && (gone || !pod.is_active()) {
            self.abandon(id, workload);
        }
    }

    /// A pod without an owner has stopped: what it has saved is safe as long as the pod itself can go on.
    fn hold(&mut self, id: PodId, pod: &Pod, spent: Spent) {
        if pod.container == Container::Ended {
            self.held.remove(&id);
        } else {
            *self.held.entry(id).or_default() += spent.useful;
        }
    }

    fn abandon(&mut self, id: PodId, workload: u32) {
        if let Some(held) = self.held.remove(&id) {
            let sums = of(&mut self.sums, workload);
            sums.useful -= u128::from(held.0);
            sums.lost += u128::from(held.0);
        }
    }

    /// The run ends: work in progress is not lost.
    pub(crate) fn finish(&mut self, workload_of: impl Fn(PodId) -> u32, cluster: &Cluster) {
        for (id, pod) in cluster.pods() {
            if let Some(since) = self.running.remove(&id) {
                let whole = Spent { useful: cluster.now.since(since), ..Spent::default() };
                let spent = pod.progress.as_ref().map_or(whole, |progress| progress.so_far(cluster.now));
                of(&mut self.sums, workload_of(id)).add(spent);
            }
        }
    }
}

/// What became of a run that stopped.
fn spent(pod: &Pod, since: Time, now: Time) -> Spent {
    let whole = now.since(since);
    match &pod.progress {
        Some(progress) => progress.last_run(),
        None if pod.container == Container::Ended => Spent { useful: whole, ..Spent::default() },
        None => Spent { lost: whole, ..Spent::default() },
    }
}

/// `lost_work_seconds`.
pub const LOST_WORK_SECONDS: Metric = Metric {
    name: "lost_work_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "running time thrown away of pods that run for a time and were stopped before its end: all since the last \
            complete checkpoint, or since the start; without a label over all workloads",
    formula: "Σ (stop − last complete checkpoint, or start) over runs of such containers that did not end by themselves; \
              of pods without an owner that never run again, what their checkpoints hold, too",
    read: |run, rows| rows_of(run, rows, |index| seconds(run, index, |sums| sums.lost)),
};

/// `checkpoint_overhead_seconds`.
pub const CHECKPOINT_OVERHEAD_SECONDS: Metric = Metric {
    name: "checkpoint_overhead_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "running time of pods spent on writing checkpoints that were completed; without a label over all workloads",
    formula: "Σ time spent writing complete checkpoints",
    read: |run, rows| rows_of_workers(run, rows, |sums| sums.overhead),
};

/// `useful_work_seconds`.
pub const USEFUL_WORK_SECONDS: Metric = Metric {
    name: "useful_work_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "running time of pods that run for a time and was not in vain: of work that was finished, is held by a \
            checkpoint, or goes on at the end; without a label over all workloads",
    formula: "Σ running time − lost_work_seconds − checkpoint_overhead_seconds",
    read: |run, rows| rows_of_workers(run, rows, |sums| sums.useful),
};

/// `wasted_work_ratio`. With failures at a rate of 1/M while a pod runs and restarts at once, it is
/// 1 − τ / (M·(e^((τ+δ)/M) − 1)) for checkpoints of length δ after each τ of work, least near Young's τ = √(2δM).
/// Sources: J. W. Young, Communications of the ACM 17(9), 1974; J. T. Daly, Future Generation Computer Systems 22(3), 2006.
pub const WASTED_WORK_RATIO: Metric = Metric {
    name: "wasted_work_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of the running time of pods that run for a time which was lost or went into checkpoints; without a \
            label over all workloads",
    formula: "(lost_work_seconds + checkpoint_overhead_seconds) / (both + useful_work_seconds); none of pods that never ran",
    read: |run, rows| {
        let ratio = |sums: &Sums| (sums.all() > 0).then(|| (sums.lost + sums.overhead) as f64 / sums.all() as f64);
        if let Some(ratio) = ratio(&over_all(run)) {
            rows.push(&[], ratio);
        }
        for (workload, sums) in run.workloads.iter().zip(&run.works.sums) {
            if let Some(ratio) = ratio(sums) {
                rows.push(&[("workload", &workload.label)], ratio);
            }
        }
    },
};

fn over_all(run: &Finished<'_>) -> Sums {
    run.works.sums.iter().fold(Sums::default(), |all, sums| Sums {
        useful: all.useful + sums.useful,
        overhead: all.overhead + sums.overhead,
        lost: all.lost + sums.lost,
    })
}

fn seconds(run: &Finished<'_>, index: usize, part: fn(&Sums) -> u128) -> f64 {
    in_seconds(run.works.sums.get(index).map_or(0, part))
}

fn in_seconds(nanos: u128) -> f64 {
    Span(u64::try_from(nanos).unwrap_or(u64::MAX)).as_secs_f64()
}

/// A row for the sum, and one for each workload whose pods ran for a time.
fn rows_of_workers(run: &Finished<'_>, rows: &mut Rows, part: fn(&Sums) -> u128) {
    rows.push(&[], in_seconds(part(&over_all(run))));
    for (workload, sums) in run.workloads.iter().zip(&run.works.sums).filter(|(_, sums)| sums.all() > 0) {
        rows.push(&[("workload", &workload.label)], in_seconds(part(sums)));
    }
}
