//! Deployment, ReplicaSet, Service → [`Body`]. The template is interned in the cluster. What its
//! containers do once they run is no part of Kubernetes, so callers say it beside the object.

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::cluster::object::{Body, DeploymentStatus, IntOrPercent};
use crate::cluster::spec::Behaviour;
use crate::cluster::{Cluster, Deployment, PodSpec, ReplicaSet, ReplicaSetStatus, Selector, SpecId, Strategy};
use crate::engine::Span;

use super::pod::{Defaults, pod_spec};
use super::selector::label_selector;
use super::{Problem, Problems};

/// A quarter, Kubernetes' default of both limits of a rolling update.
const QUARTER: IntOrPercent = IntOrPercent::Percent(25);

/// Converts a Deployment. The readiness probe in `behaviour` gives way to the template's own.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn deployment(
    cluster: &mut Cluster,
    object: &apps::Deployment,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let Some(spec) = &object.spec else { return Err(missing("spec")) };
    let owner = Owner { metadata: &object.metadata, selector: Some(&spec.selector) };
    let template = template(cluster, owner, Some(&spec.template), behaviour, &|_, spec| spec, defaults)?;
    let selector = label_selector(&mut cluster.names, "spec.selector", &spec.selector)?;
    Ok(Body::Deployment(Deployment {
        replicas: count(spec.replicas.unwrap_or(1), "spec.replicas")?,
        template,
        selector,
        strategy: strategy(spec.strategy.as_ref())?,
        min_ready: seconds(spec.min_ready_seconds.unwrap_or(0), "spec.minReadySeconds")?,
        progress_deadline: seconds(spec.progress_deadline_seconds.unwrap_or(600), "spec.progressDeadlineSeconds")?,
        history_limit: count(spec.revision_history_limit.unwrap_or(10), "spec.revisionHistoryLimit")?,
        paused: spec.paused.unwrap_or(false),
        status: DeploymentStatus::default(),
    }))
}

/// Converts a ReplicaSet. The readiness probe in `behaviour` gives way to the template's own.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn replica_set(
    cluster: &mut Cluster,
    object: &apps::ReplicaSet,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let Some(spec) = &object.spec else { return Err(missing("spec")) };
    let owner = Owner { metadata: &object.metadata, selector: Some(&spec.selector) };
    let template = template(cluster, owner, spec.template.as_ref(), behaviour, &|_, spec| spec, defaults)?;
    Ok(Body::ReplicaSet(ReplicaSet {
        replicas: count(spec.replicas.unwrap_or(1), "spec.replicas")?,
        template,
        made_from: None,
        selector: label_selector(&mut cluster.names, "spec.selector", &spec.selector)?,
        min_ready: seconds(spec.min_ready_seconds.unwrap_or(0), "spec.minReadySeconds")?,
        revision: 0,
        desired_annotation: None,
        max_annotation: None,
        status: ReplicaSetStatus::default(),
    }))
}

/// Converts a Service; one without a selector selects nothing.
pub fn service(cluster: &mut Cluster, object: &core::Service) -> Option<Body> {
    super::policy::service_selector(&mut cluster.names, object).map(Body::Service)
}

/// What a template must suit.
pub(super) struct Owner<'a> {
    pub(super) metadata: &'a ObjectMeta,
    /// `None`: one is made that suits.
    pub(super) selector: Option<&'a LabelSelector>,
}

/// Interns a pod template, in the namespace of its owner, after `finish` has changed it.
pub(super) fn template(
    cluster: &mut Cluster,
    owner: Owner<'_>,
    template: Option<&core::PodTemplateSpec>,
    behaviour: &Behaviour,
    finish: &dyn Fn(&mut Cluster, PodSpec) -> PodSpec,
    defaults: &Defaults,
) -> Result<SpecId, Problems> {
    let Some(template) = template else { return Err(missing("spec.template")) };
    let Some(spec) = &template.spec else { return Err(missing("spec.template.spec")) };
    let mut metadata = template.metadata.clone().unwrap_or_default();
    metadata.namespace = owner.metadata.namespace.clone();
    let mut spec = pod_spec(&mut cluster.names, &metadata, spec, defaults)
        .map_err(|problems| nested("spec.template", problems))?;
    spec.set_behaviour(behaviour);
    let spec = finish(cluster, spec);
    let Some(selector) = owner.selector else { return Ok(cluster.intern_spec(spec)) };
    let selects: Selector = label_selector(&mut cluster.names, "spec.selector", selector)?;
    if selects.is_empty() || !selects.matches(&spec.labels, &cluster.names) {
        let message = "`selector` must be set and match the labels of the template".to_string();
        return Err(vec![Problem { path: "spec.selector".to_string(), message }]);
    }
    Ok(cluster.intern_spec(spec))
}

fn strategy(strategy: Option<&apps::DeploymentStrategy>) -> Result<Strategy, Problems> {
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    match strategy.and_then(|strategy| strategy.type_.as_deref()) {
        Some("Recreate") => Ok(Strategy::Recreate),
        None | Some("RollingUpdate") => {
            let path = "spec.strategy.rollingUpdate";
            let read = |value: Option<&IntOrString>, name| {
                value.map_or(Ok(QUARTER), |value| int_or_percent(value, &format!("{path}.{name}")))
            };
            let max_surge = read(rolling.and_then(|rolling| rolling.max_surge.as_ref()), "maxSurge")?;
            let max_unavailable = read(rolling.and_then(|rolling| rolling.max_unavailable.as_ref()), "maxUnavailable")?;
            if max_surge.ceil(100) == 0 && max_unavailable.ceil(100) == 0 {
                return Err(one(path, "maxSurge and maxUnavailable may not both be 0"));
            }
            Ok(Strategy::RollingUpdate { max_surge, max_unavailable })
        }
        Some(other) => {
            Err(one("spec.strategy.type", &format!("unknown strategy `{other}`, expected RollingUpdate or Recreate")))
        }
    }
}

/// A number or a percentage.
///
/// # Errors
/// If it is negative or not a number.
pub fn int_or_percent(value: &IntOrString, path: &str) -> Result<IntOrPercent, Problems> {
    let number = match value {
        IntOrString::Int(number) => u32::try_from(*number).ok().map(IntOrPercent::Int),
        IntOrString::String(text) => {
            text.strip_suffix('%').and_then(|digits| digits.parse().ok()).map(IntOrPercent::Percent)
        }
    };
    number.ok_or_else(|| one(path, "expected a number of pods or a percentage such as 25%"))
}

pub(super) fn count(value: i32, path: &str) -> Result<u32, Problems> {
    u32::try_from(value).map_err(|_| one(path, "must not be negative"))
}

pub(super) fn seconds(value: i32, path: &str) -> Result<Span, Problems> {
    count(value, path).map(|seconds| Span::from_secs(u64::from(seconds)))
}

pub(super) fn one(path: &str, message: &str) -> Problems {
    vec![Problem { path: path.to_string(), message: message.to_string() }]
}

pub(super) fn missing(path: &str) -> Problems {
    one(path, "is missing")
}

pub(super) fn nested(path: &str, problems: Problems) -> Problems {
    problems.into_iter().map(|problem| Problem { path: format!("{path}.{}", problem.path), ..problem }).collect()
}
