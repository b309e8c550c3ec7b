//! StatefulSet and DaemonSet → [`Body`].

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::cluster::object::{Body, IntOrPercent};
use crate::cluster::spec::Behaviour;
use crate::cluster::taint::TolerationOperator;
use crate::cluster::workloads::{
    DaemonSet, DaemonSetStatus, DaemonSetUpdate, Retention, StatefulSet, StatefulSetStatus, StatefulSetUpdate,
};
use crate::cluster::{Cluster, Effect, Name, PodSpec, Toleration};

use super::Problems;
use super::pod::Defaults;
use super::selector::label_selector;
use super::volume::persistent_volume_claim;
use super::workload::{Owner, count, int_or_percent, missing, nested, one, seconds, template};

/// Converts a StatefulSet. The readiness probe in `behaviour` gives way to the template's own.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn stateful_set(
    cluster: &mut Cluster,
    object: &apps::StatefulSet,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let Some(spec) = &object.spec else { return Err(missing("spec")) };
    let owner = Owner { metadata: &object.metadata, selector: Some(&spec.selector) };
    let template = template(cluster, owner, Some(&spec.template), behaviour, &|_, spec| spec, defaults)?;
    let parallel = match spec.pod_management_policy.as_deref() {
        None | Some("OrderedReady") => false,
        Some("Parallel") => true,
        Some(other) => {
            let message = format!("unknown policy `{other}`, expected OrderedReady or Parallel");
            return Err(one("spec.podManagementPolicy", &message));
        }
    };
    let first = spec.ordinals.as_ref().and_then(|ordinals| ordinals.start).unwrap_or(0);
    Ok(Body::StatefulSet(StatefulSet {
        replicas: count(spec.replicas.unwrap_or(1), "spec.replicas")?,
        first_ordinal: count(first, "spec.ordinals.start")?,
        template,
        selector: label_selector(&mut cluster.names, "spec.selector", &spec.selector)?,
        parallel,
        update: stateful_set_update(spec.update_strategy.as_ref())?,
        min_ready: seconds(spec.min_ready_seconds.unwrap_or(0), "spec.minReadySeconds")?,
        claims: claims(cluster, spec, defaults)?,
        retention: retention(spec)?,
        status: StatefulSetStatus::default(),
    }))
}

fn stateful_set_update(strategy: Option<&apps::StatefulSetUpdateStrategy>) -> Result<StatefulSetUpdate, Problems> {
    let partition = strategy.and_then(|strategy| strategy.rolling_update.as_ref()).and_then(|update| update.partition);
    match strategy.and_then(|strategy| strategy.type_.as_deref()) {
        Some("OnDelete") => Ok(StatefulSetUpdate::OnDelete),
        None | Some("RollingUpdate") => Ok(StatefulSetUpdate::RollingUpdate {
            partition: count(partition.unwrap_or(0), "spec.updateStrategy.rollingUpdate.partition")?,
        }),
        Some(other) => Err(unknown_update(other)),
    }
}

fn retention(spec: &apps::StatefulSetSpec) -> Result<Retention, Problems> {
    let policy = spec.persistent_volume_claim_retention_policy.as_ref();
    let deletes = |field: &str, policy: Option<&str>| match policy {
        None | Some("Retain") => Ok(false),
        Some("Delete") => Ok(true),
        Some(other) => {
            let path = format!("spec.persistentVolumeClaimRetentionPolicy.{field}");
            Err(one(&path, &format!("`{other}` is not one of Retain, Delete")))
        }
    };
    Ok(Retention {
        delete_when_deleted: deletes("whenDeleted", policy.and_then(|policy| policy.when_deleted.as_deref()))?,
        delete_when_scaled: deletes("whenScaled", policy.and_then(|policy| policy.when_scaled.as_deref()))?,
    })
}

fn claims(
    cluster: &mut Cluster,
    spec: &apps::StatefulSetSpec,
    defaults: &Defaults,
) -> Result<Vec<(Name, crate::cluster::volumes::PersistentVolumeClaim)>, Problems> {
    let mut claims = Vec::new();
    for (index, claim) in spec.volume_claim_templates.iter().flatten().enumerate() {
        let path = format!("spec.volumeClaimTemplates[{index}]");
        let name = claim.metadata.name.as_deref().unwrap_or_default();
        if name.is_empty() {
            return Err(one(&format!("{path}.metadata.name"), "is missing"));
        }
        let name = cluster.names.intern(name);
        let claim = persistent_volume_claim(&mut cluster.names, claim, defaults.storage_class.as_deref())
            .map_err(|problems| nested(&path, problems))?;
        claims.push((name, claim));
    }
    Ok(claims)
}

/// Converts a DaemonSet; its template gets the tolerations every daemon has. The readiness probe in
/// `behaviour` gives way to the template's own.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn daemon_set(
    cluster: &mut Cluster,
    object: &apps::DaemonSet,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let Some(spec) = &object.spec else { return Err(missing("spec")) };
    let owner = Owner { metadata: &object.metadata, selector: Some(&spec.selector) };
    let host_network = spec.template.spec.as_ref().and_then(|pod| pod.host_network).unwrap_or(false);
    // the pods get tolerations for the same taints, without a limit, before admission adds its own
    let defaults = Defaults { not_ready_toleration: None, unreachable_toleration: None, ..defaults.clone() };
    let tolerate = |cluster: &mut Cluster, spec| with_daemon_tolerations(cluster, spec, host_network);
    let template = template(cluster, owner, Some(&spec.template), behaviour, &tolerate, &defaults)?;
    Ok(Body::DaemonSet(DaemonSet {
        template,
        selector: label_selector(&mut cluster.names, "spec.selector", &spec.selector)?,
        update: daemon_set_update(spec.update_strategy.as_ref())?,
        min_ready: seconds(spec.min_ready_seconds.unwrap_or(0), "spec.minReadySeconds")?,
        status: DaemonSetStatus::default(),
    }))
}

fn daemon_set_update(strategy: Option<&apps::DaemonSetUpdateStrategy>) -> Result<DaemonSetUpdate, Problems> {
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    match strategy.and_then(|strategy| strategy.type_.as_deref()) {
        Some("OnDelete") => Ok(DaemonSetUpdate::OnDelete),
        None | Some("RollingUpdate") => {
            let path = "spec.updateStrategy.rollingUpdate";
            let read = |value: Option<&IntOrString>, name, default| {
                value.map_or(Ok(IntOrPercent::Int(default)), |value| int_or_percent(value, &format!("{path}.{name}")))
            };
            let max_surge = read(rolling.and_then(|rolling| rolling.max_surge.as_ref()), "maxSurge", 0)?;
            let max_unavailable =
                read(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), "maxUnavailable", 1)?;
            match (max_surge.ceil(100), max_unavailable.ceil(100)) {
                (0, 0) => Err(one(path, "maxSurge and maxUnavailable may not both be 0")),
                (1.., 1..) => Err(one(path, "maxUnavailable must be 0 where maxSurge is more")),
                _ => Ok(DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable }),
            }
        }
        Some(other) => Err(unknown_update(other)),
    }
}

fn unknown_update(word: &str) -> Problems {
    one("spec.updateStrategy.type", &format!("unknown strategy `{word}`, expected RollingUpdate or OnDelete"))
}

/// What the DaemonSet controller adds: daemons run on nodes that are not ready, short of something or
/// cordoned (controllers.md 5). An equal toleration of the template gives way.
fn with_daemon_tolerations(cluster: &mut Cluster, mut spec: PodSpec, host_network: bool) -> PodSpec {
    let mut taints = vec![
        ("not-ready", Effect::NoExecute),
        ("unreachable", Effect::NoExecute),
        ("disk-pressure", Effect::NoSchedule),
        ("memory-pressure", Effect::NoSchedule),
        ("pid-pressure", Effect::NoSchedule),
        ("unschedulable", Effect::NoSchedule),
    ];
    if host_network {
        taints.push(("network-unavailable", Effect::NoSchedule));
    }
    for (key, effect) in taints {
        let toleration = Toleration {
            key: Some(cluster.names.intern(&format!("node.kubernetes.io/{key}"))),
            operator: TolerationOperator::Exists,
            value: cluster.known.empty,
            effect: Some(effect),
            seconds: None,
        };
        let same = |other: &Toleration| Toleration { seconds: None, ..other.clone() } == toleration;
        match spec.tolerations.iter().position(same) {
            Some(index) => spec.tolerations[index] = toleration,
            None => spec.tolerations.push(toleration),
        }
    }
    spec
}
