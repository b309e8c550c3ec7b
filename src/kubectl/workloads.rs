//! `kubectl get` of Deployments, ReplicaSets, StatefulSets, DaemonSets and disruption budgets: what their
//! controllers last wrote into the status, not what is true.

use crate::cluster::object::IntOrPercent;
use crate::cluster::{Body, Cluster, Kind};

use super::age::age;
use super::{Resource, Row, objects};

pub(super) const DEPLOYMENTS: Resource = Resource {
    name: "deployments",
    short: &["deploy"],
    kind: "deployment",
    columns: &["READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
    rows: deployments,
};

pub(super) const REPLICA_SETS: Resource = Resource {
    name: "replicasets",
    short: &["rs"],
    kind: "replicaset",
    columns: &["DESIRED", "CURRENT", "READY", "AGE"],
    rows: replica_sets,
};

pub(super) const STATEFUL_SETS: Resource = Resource {
    name: "statefulsets",
    short: &["sts"],
    kind: "statefulset",
    columns: &["READY", "AGE"],
    rows: stateful_sets,
};

pub(super) const DAEMON_SETS: Resource = Resource {
    name: "daemonsets",
    short: &["ds"],
    kind: "daemonset",
    columns: &["DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"],
    rows: daemon_sets,
};

pub(super) const BUDGETS: Resource = Resource {
    name: "poddisruptionbudgets",
    short: &["pdb"],
    kind: "poddisruptionbudget",
    columns: &["MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"],
    rows: budgets,
};

fn deployments(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::Deployment, cluster, |_, object| {
        let Body::Deployment(deployment) = &object.body else { return None };
        let status = &deployment.status;
        let ready = format!("{}/{}", status.ready, deployment.replicas);
        let counts = [status.updated, status.available].map(|count| count.to_string());
        Some([ready].into_iter().chain(counts).chain([age(object.created_at, cluster.now)]).collect())
    })
}

fn replica_sets(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::ReplicaSet, cluster, |_, object| {
        let Body::ReplicaSet(set) = &object.body else { return None };
        let counts = [set.replicas, set.status.replicas, set.status.ready].map(|count| count.to_string());
        Some(counts.into_iter().chain([age(object.created_at, cluster.now)]).collect())
    })
}

fn stateful_sets(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::StatefulSet, cluster, |_, object| {
        let Body::StatefulSet(set) = &object.body else { return None };
        Some(vec![format!("{}/{}", set.status.ready, set.replicas), age(object.created_at, cluster.now)])
    })
}

fn daemon_sets(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::DaemonSet, cluster, |_, object| {
        let Body::DaemonSet(set) = &object.body else { return None };
        let status = &set.status;
        let counts = [status.desired, status.current, status.ready, status.updated, status.available];
        let counts = counts.map(|count| count.to_string());
        Some(counts.into_iter().chain([age(object.created_at, cluster.now)]).collect())
    })
}

fn budgets(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::PodDisruptionBudget, cluster, |_, object| {
        let Body::PodDisruptionBudget(budget) = &object.body else { return None };
        Some(vec![
            bound(budget.min_available),
            bound(budget.max_unavailable),
            budget.status.disruptions_allowed.to_string(),
            age(object.created_at, cluster.now),
        ])
    })
}

fn bound(bound: Option<IntOrPercent>) -> String {
    match bound {
        None => "N/A".to_string(),
        Some(IntOrPercent::Int(count)) => count.to_string(),
        Some(IntOrPercent::Percent(percent)) => format!("{percent}%"),
    }
}
