//! How many pods of a workload may be missing by what its objects say, and for how long it kept to that.

use std::collections::BTreeSet;

use crate::cluster::object::{Body, Object, Strategy};
use crate::cluster::workloads::{DaemonSetUpdate, StatefulSetUpdate};
use crate::cluster::{Cluster, Name, ObjectId, SpecId};
use crate::engine::{Integral, Time};

use super::Metric;
use super::objectives::lived;

/// What one workload tolerates, and whether it keeps to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    /// How many may be missing; `None`: nobody says.
    allowed: Option<i64>,
    desired: i64,
    serving: i64,
    /// 1 while no more are missing.
    kept: Integral,
}

impl Tolerance {
    /// Nothing is wanted and nothing said.
    pub(crate) fn starting(now: Time) -> Self {
        Tolerance { allowed: None, desired: 0, serving: 0, kept: Integral::starting(now, 1) }
    }

    /// From `now` on so many pods are wanted and serve.
    pub(crate) fn set(&mut self, now: Time, desired: i64, serving: i64) {
        (self.desired, self.serving) = (desired, serving);
        let kept = serving >= desired - self.allowed.unwrap_or(0);
        self.kept.set(now, i64::from(kept));
    }

    /// From `now` on so many may be missing.
    pub(crate) fn allow(&mut self, now: Time, allowed: Option<u32>) {
        let allowed = allowed.map(i64::from);
        if allowed != self.allowed {
            self.allowed = allowed;
            self.set(now, self.desired, self.serving);
        }
    }
}

/// How many of `desired` pods of a root object may be missing: by the strictest of the budgets that cover them, or
/// else by what a rolling update may take away.
pub(crate) fn allowed(object: &Object, desired: u32, budgets: &BTreeSet<ObjectId>, cluster: &Cluster) -> Option<u32> {
    let template = template(object)?;
    let covering = budgets.iter().filter_map(|budget| by_budget(*budget, object.namespace, template, desired, cluster));
    covering.min().or_else(|| by_update(object, desired))
}

fn template(object: &Object) -> Option<SpecId> {
    match &object.body {
        Body::Deployment(deployment) => Some(deployment.template),
        Body::ReplicaSet(set) => Some(set.template),
        Body::StatefulSet(set) => Some(set.template),
        Body::DaemonSet(set) => Some(set.template),
        _ => None,
    }
}

/// What a budget allows of pods made from this template, as if they were all that it covers.
fn by_budget(id: ObjectId, namespace: Name, template: SpecId, desired: u32, cluster: &Cluster) -> Option<u32> {
    let object = cluster.object(id).filter(|object| object.namespace == namespace)?;
    let Body::PodDisruptionBudget(budget) = &object.body else { return None };
    if !budget.selector.as_ref()?.matches(&cluster.spec(template).labels, &cluster.names) {
        return None;
    }
    let least = budget.min_available.map(|least| desired.saturating_sub(least.ceil(desired)));
    least.or_else(|| budget.max_unavailable.map(|most| most.ceil(desired).min(desired)))
}

/// What a rolling update may take away: a Deployment rounds down, a DaemonSet up, a StatefulSet takes one at a time.
fn by_update(object: &Object, desired: u32) -> Option<u32> {
    match &object.body {
        Body::Deployment(deployment) => match deployment.strategy {
            Strategy::RollingUpdate { max_surge, max_unavailable } => {
                let (surge, unavailable) = (max_surge.ceil(desired), max_unavailable.floor(desired));
                // with neither nothing could move: Kubernetes takes one away
                Some(if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(desired) })
            }
            Strategy::Recreate => None,
        },
        Body::StatefulSet(set) => match set.update {
            StatefulSetUpdate::RollingUpdate { .. } => Some(desired.min(1)),
            StatefulSetUpdate::OnDelete => None,
        },
        Body::DaemonSet(set) => match set.update {
            DaemonSetUpdate::RollingUpdate { max_unavailable, .. } => Some(max_unavailable.ceil(desired).min(desired)),
            DaemonSetUpdate::OnDelete => None,
        },
        _ => None,
    }
}

/// `tolerated_availability_ratio`.
pub const TOLERATED_AVAILABILITY_RATIO: Metric = Metric {
    name: "tolerated_availability_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of time with no more pods missing than the workload's objects tolerate; of workloads whose objects say",
    formula: "(1/T) ∫ 1[serving ≥ desired − u] dt; u: the least that a PodDisruptionBudget over its pods allows of desired \
              (desired − minAvailable, or maxUnavailable, shares rounded up), or else maxUnavailable of its rolling update \
              (Deployment: rounded down; DaemonSet: up; StatefulSet: 1)",
    read: |run, rows| {
        for (workload, span) in lived(run).filter(|(workload, _)| workload.tolerance.allowed.is_some()) {
            let area = workload.tolerance.kept.area_at(run.end);
            rows.push(&[("workload", &workload.label)], area as f64 / span.0 as f64);
        }
    },
};
