//! What the API server checks of an object before it stores it, beyond what its conversion into
//! cluster types finds (`crate::manifest`), and what the pod's annotations say of its containers.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentStrategy};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Body, Object};
use crate::manifest::Quantity;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::fields::Record;
use crate::scenario::read::literal;
use crate::scenario::schema::values::{check_label_key, check_label_value, is_subdomain, shortened};
use crate::scenario::schema::workloads::Behaviour;
use crate::scenario::source::{Entry, Location, Node, Sources, Value};

/// Prefix of the annotations that say what containers do.
pub(super) const ANNOTATION_PREFIX: &str = "sim/";

/// Checks an object and reads its `sim/…` annotations.
pub(super) fn check(object: &mut Object, problems: &mut Problems) {
    let checker = Checker { object };
    checker.metadata(problems);
    match &object.body {
        Body::Deployment(deployment) => checker.deployment(deployment, problems),
        Body::ReplicaSet(set) => {
            let spec = set.spec.as_ref();
            checker.count("spec.replicas", spec.and_then(|spec| spec.replicas), problems);
            checker.count("spec.minReadySeconds", spec.and_then(|spec| spec.min_ready_seconds), problems);
            checker.selector(spec.map(|spec| &spec.selector), problems);
        }
        Body::StatefulSet(set) => {
            let spec = set.spec.as_ref();
            checker.count("spec.replicas", spec.and_then(|spec| spec.replicas), problems);
            checker.count("spec.minReadySeconds", spec.and_then(|spec| spec.min_ready_seconds), problems);
            checker.selector(spec.map(|spec| &spec.selector), problems);
        }
        Body::DaemonSet(set) => {
            let spec = set.spec.as_ref();
            checker.count("spec.minReadySeconds", spec.and_then(|spec| spec.min_ready_seconds), problems);
            checker.selector(spec.map(|spec| &spec.selector), problems);
        }
        Body::Node(node) => {
            for (index, taint) in node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()).enumerate() {
                let path = format!("spec.taints.{index}");
                check_label_key(&taint.key, checker.at(&format!("{path}.key")), problems);
                checker.word(&format!("{path}.effect"), Some(&taint.effect), &EFFECTS, problems);
            }
        }
        _ => {}
    }
    let has_pods = matches!(
        object.body,
        Body::Deployment(_)
            | Body::ReplicaSet(_)
            | Body::StatefulSet(_)
            | Body::DaemonSet(_)
            | Body::Job(_)
            | Body::CronJob(_)
            | Body::Pod(_)
    );
    match object.template() {
        Some((path, meta, pod)) => {
            checker.pod(path, pod, problems);
            let behaviour = behaviour(object, path, meta, problems);
            object.behaviour = behaviour;
        }
        None if has_pods => {
            problems.report(checker.at("spec"), "no pod: missing field `spec`").expected("expected `containers` in it");
        }
        None => {}
    }
}

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

struct Checker<'a> {
    object: &'a Object,
}

impl Checker<'_> {
    fn at(&self, path: &str) -> Location {
        self.object.node.locate(path)
    }

    fn metadata(&self, problems: &mut Problems) {
        let meta = self.object.metadata();
        match &meta.name {
            Some(name) if !is_subdomain(name) => {
                problems
                    .report(self.at("metadata.name"), format!("`{}` is not a valid name", shortened(name)))
                    .expected(
                        "expected lower-case letters, digits, `-` and `.`, letter or digit first and last, at most 253",
                    );
            }
            Some(_) => {}
            None => {
                problems.report(self.at("metadata"), "missing field `metadata.name`");
            }
        }
        self.labels("metadata.labels", meta.labels.as_ref(), problems);
    }

    fn labels(&self, path: &str, labels: Option<&BTreeMap<String, String>>, problems: &mut Problems) {
        for (key, value) in labels.into_iter().flatten() {
            // a key may hold dots, so it cannot be part of a path
            let parent = find(&self.object.node, path);
            let entry = parent.and_then(|node| node.entry(key));
            check_label_key(key, entry.map_or(self.at(path), |entry| entry.key_location), problems);
            check_label_value(value, entry.map_or(self.at(path), |entry| entry.value.location), problems);
        }
    }

    fn deployment(&self, deployment: &Deployment, problems: &mut Problems) {
        let spec = deployment.spec.as_ref();
        self.count("spec.replicas", spec.and_then(|spec| spec.replicas), problems);
        self.count("spec.minReadySeconds", spec.and_then(|spec| spec.min_ready_seconds), problems);
        self.count("spec.revisionHistoryLimit", spec.and_then(|spec| spec.revision_history_limit), problems);
        self.count("spec.progressDeadlineSeconds", spec.and_then(|spec| spec.progress_deadline_seconds), problems);
        self.selector(spec.map(|spec| &spec.selector), problems);
        if let Some(strategy) = spec.and_then(|spec| spec.strategy.as_ref()) {
            self.strategy(strategy, problems);
        }
    }

    fn strategy(&self, strategy: &DeploymentStrategy, problems: &mut Problems) {
        self.word("spec.strategy.type", strategy.type_.as_ref(), &["RollingUpdate", "Recreate"], problems);
        let Some(rolling) = &strategy.rolling_update else { return };
        if strategy.type_.as_deref() == Some("Recreate") {
            problems.report(self.at("spec.strategy.rollingUpdate"), "`rollingUpdate` does not go with type `Recreate`");
        }
        let surge = self.amount("spec.strategy.rollingUpdate.maxSurge", rolling.max_surge.as_ref(), problems);
        let unavailable =
            self.amount("spec.strategy.rollingUpdate.maxUnavailable", rolling.max_unavailable.as_ref(), problems);
        if surge == Some(0) && unavailable == Some(0) {
            problems
                .report(self.at("spec.strategy.rollingUpdate"), "`maxSurge` and `maxUnavailable` are both 0")
                .expected("no pod could ever be replaced");
        }
    }

    /// The number or percentage; 25 if not given.
    fn amount(&self, path: &str, value: Option<&IntOrString>, problems: &mut Problems) -> Option<u32> {
        let number = match value {
            None => return Some(25),
            Some(IntOrString::Int(number)) => u32::try_from(*number).ok(),
            Some(IntOrString::String(text)) => text.strip_suffix('%').and_then(|digits| digits.parse().ok()),
        };
        if number.is_none() {
            problems
                .report(self.at(path), "not an amount")
                .expected("expected 0 or more, or a percentage such as `25%`");
        }
        number
    }

    fn count(&self, path: &str, value: Option<i32>, problems: &mut Problems) {
        if value.is_some_and(|value| value < 0) {
            problems.report(self.at(path), "number out of range").expected("expected 0 or more");
        }
    }

    fn word(&self, path: &str, value: Option<&String>, words: &[&str], problems: &mut Problems) {
        if let Some(value) = value.filter(|value| !words.contains(&value.as_str())) {
            problems
                .report(self.at(path), format!("unknown value `{}`", shortened(value)))
                .expected(format!("expected one of {}", listed(words.iter().copied())))
                .suggest(value, words.iter().copied());
        }
    }

    /// A workload's selector must select its own pods.
    fn selector(&self, selector: Option<&LabelSelector>, problems: &mut Problems) {
        let labels = self.object.template().and_then(|(_, meta, _)| meta?.labels.as_ref());
        let Some(selector) = selector else { return };
        let (equal, expressions) =
            (selector.match_labels.iter().flatten(), selector.match_expressions.iter().flatten());
        if equal.clone().next().is_none() && expressions.clone().next().is_none() {
            problems.report(self.at("spec.selector"), "empty selector").expected("expected `matchLabels` of the pods");
            return;
        }
        let value = |key: &String| labels.and_then(|labels| labels.get(key));
        for (key, wanted) in equal {
            if value(key) != Some(wanted) {
                problems
                    .report(
                        self.at("spec.selector"),
                        format!("the selector wants `{key}: {wanted}`, which the pods do not have"),
                    )
                    .context(self.at("spec.template.metadata.labels"), "the labels of the pods");
            }
        }
        for (index, expression) in expressions.enumerate() {
            let path = format!("spec.selector.matchExpressions.{index}.operator");
            self.word(&path, Some(&expression.operator), &["In", "NotIn", "Exists", "DoesNotExist"], problems);
            let values = expression.values.as_deref().unwrap_or_default();
            let value = value(&expression.key);
            let holds = match expression.operator.as_str() {
                "In" => value.is_some_and(|value| values.contains(value)),
                "NotIn" => value.is_none_or(|value| !values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => true,
            };
            if !holds {
                let message =
                    format!("the selector's condition on `{}` excludes the object's own pods", expression.key);
                problems.report(self.at(&path), message);
            }
        }
    }

    fn pod(&self, path: &str, pod: &PodSpec, problems: &mut Problems) {
        let policies: &[&str] = match self.object.body {
            Body::Pod(_) => &["Always", "OnFailure", "Never"],
            Body::Job(_) | Body::CronJob(_) => &["OnFailure", "Never"],
            _ => &["Always"],
        };
        self.word(&format!("{path}.restartPolicy"), pod.restart_policy.as_ref(), policies, problems);
        self.word(
            &format!("{path}.preemptionPolicy"),
            pod.preemption_policy.as_ref(),
            &["PreemptLowerPriority", "Never"],
            problems,
        );
        if pod.termination_grace_period_seconds.is_some_and(|seconds| seconds < 0) {
            let at = self.at(&format!("{path}.terminationGracePeriodSeconds"));
            problems.report(at, "number out of range").expected("expected 0 or more");
        }
        self.labels(&format!("{path}.nodeSelector"), pod.node_selector.as_ref(), problems);
        let mut names = Vec::new();
        for (list, containers) in
            [("containers", &pod.containers), ("initContainers", pod.init_containers.as_ref().unwrap_or(&Vec::new()))]
        {
            for (index, container) in containers.iter().enumerate() {
                let path = format!("{path}.{list}.{index}");
                self.container(&path, container, problems);
                if names.contains(&container.name.as_str()) && !container.name.is_empty() {
                    problems
                        .report(self.at(&format!("{path}.name")), format!("duplicate container `{}`", container.name));
                }
                names.push(&container.name);
            }
        }
        for (index, spread) in pod.topology_spread_constraints.iter().flatten().enumerate() {
            let path = format!("{path}.topologySpreadConstraints.{index}");
            let words = ["DoNotSchedule", "ScheduleAnyway"];
            self.word(&format!("{path}.whenUnsatisfiable"), Some(&spread.when_unsatisfiable), &words, problems);
            if spread.max_skew < 1 {
                problems
                    .report(self.at(&format!("{path}.maxSkew")), "number out of range")
                    .expected("expected 1 or more");
            }
        }
    }

    fn container(&self, path: &str, container: &Container, problems: &mut Problems) {
        if container.name.is_empty() {
            problems.report(self.at(path), "missing field `name`").expected("every container needs a name");
        }
        if container.image.as_ref().is_none_or(String::is_empty) {
            problems.report(self.at(path), "missing field `image`").expected("every container needs an image");
        }
        self.word(
            &format!("{path}.imagePullPolicy"),
            container.image_pull_policy.as_ref(),
            &["Always", "IfNotPresent", "Never"],
            problems,
        );
        if container.image_pull_policy.as_deref() == Some("Never") {
            let at = self.at(&format!("{path}.imagePullPolicy"));
            problems.report(at, "images that are not there are always pulled").expected("`Never` is not modelled");
        }
        let successes = container.readiness_probe.as_ref().and_then(|probe| probe.success_threshold);
        if successes.is_some_and(|successes| successes > 1) {
            let at = self.at(&format!("{path}.readinessProbe.successThreshold"));
            problems.report(at, "one success of the probe makes a pod Ready").expected("more are not modelled");
        }
        let Some(resources) = &container.resources else { return };
        let amount = |text: &str| Quantity::parse(text).unwrap_or_default();
        for (name, request) in resources.requests.iter().flatten() {
            let Some(limit) = resources.limits.as_ref().and_then(|limits| limits.get(name)) else { continue };
            if amount(&request.0) > amount(&limit.0) {
                let under = |list: &str| {
                    find(&self.object.node, &format!("{path}.resources.{list}")).and_then(|node| node.get(name))
                };
                let at = |list: &str| under(list).map_or(self.at(path), |node| node.location);
                problems
                    .report(at("requests"), format!("request of `{name}` is more than its limit"))
                    .context(at("limits"), "the limit");
            }
        }
    }
}

fn find<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    path.split('.').try_fold(node, |node, step| match &node.value {
        Value::List(items) => items.get(step.parse::<usize>().ok()?),
        _ => node.get(step),
    })
}

/// What the containers do, from the pod's `sim/…` annotations.
fn behaviour(object: &Object, path: &str, meta: Option<&ObjectMeta>, problems: &mut Problems) -> Option<Behaviour> {
    let annotations = meta.and_then(|meta| meta.annotations.as_ref());
    let parent = path.strip_suffix("spec").unwrap_or_default();
    let written = find(&object.node, &format!("{parent}metadata.annotations"));
    let mut entries = Vec::new();
    for (name, text) in annotations.into_iter().flatten() {
        let (Some(key), Some(entry)) =
            (name.strip_prefix(ANNOTATION_PREFIX), written.and_then(|node| node.entry(name)))
        else {
            continue;
        };
        let value = reparsed(text, entry.value.location, problems)?;
        entries.push(Entry { key: key.to_string(), key_location: entry.key_location, value });
    }
    let location = written.map_or(object.node.location, |node| node.location);
    let behaviour = Behaviour::read_record(&Node { location, value: Value::Map(entries) }, problems)?;
    behaviour.check(problems);
    Some(behaviour)
}

/// The YAML inside an annotation; all of it stands where the annotation stands.
fn reparsed(text: &str, location: Location, problems: &mut Problems) -> Option<Node> {
    if !text.starts_with('{') {
        return Some(Node { location, ..literal_scalar(text) });
    }
    let mut sources = Sources::default();
    let source = sources.add("annotation", text);
    let Some(mut node) = sources.parse(source, &mut Problems::default()).and_then(|mut documents| documents.pop())
    else {
        problems.report(location, "not sound YAML");
        return None;
    };
    relocate(&mut node, location);
    Some(node)
}

fn literal_scalar(text: &str) -> Node {
    let mut node = literal("");
    node.value = Value::Scalar { text: text.to_string(), plain: true };
    node
}

fn relocate(node: &mut Node, location: Location) {
    node.location = location;
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(|item| relocate(item, location)),
        Value::Map(entries) => entries.iter_mut().for_each(|entry| {
            entry.key_location = location;
            relocate(&mut entry.value, location);
        }),
    }
}
