//! Runs every object through its conversion, and brings what that finds wrong to its place in the
//! file. What the conversion makes is thrown away; building makes it again.

use std::collections::BTreeMap;

use super::Known;
use crate::cluster::Names;
use crate::engine::Span;
use crate::manifest::{self, Defaults};
use crate::scenario::build::storage_body;
use crate::scenario::diagnostics::Problems;
use crate::scenario::manifests::{Body, Object};
use crate::scenario::schema::Scenario;
use crate::scenario::source::{Location, Node, Value};

/// Checks the objects of a scenario, those of its shorthand included.
pub(super) fn check(objects: &[(Span, Object)], scenario: &Scenario, known: Known, problems: &mut Problems) {
    let mut names = Names::default();
    let defaults = defaults(objects, scenario, &mut names);
    // without all classes, a class that is not there may be one that could not be read
    let defaults = Defaults { admission: known.workloads, ..defaults };
    let nodes = scenario.cluster.manifest.iter().flat_map(|manifest| &manifest.objects);
    for object in objects.iter().map(|(_, object)| object).chain(nodes) {
        let found = convert(object, &mut names, &defaults);
        for manifest::Problem { path, message } in found {
            let location = locate(&object.node, &path);
            if !problems.any_at(location) {
                problems.report(location, message).expected(path);
            }
        }
    }
}

/// What admission fills in: the flags of the API server and the classes among the objects.
pub(in crate::scenario) fn defaults(objects: &[(Span, Object)], scenario: &Scenario, names: &mut Names) -> Defaults {
    let flags = &scenario.control_plane.api_server;
    let seconds = |seconds: u32| Some(Span::from_secs(seconds.into()));
    let mut defaults = Defaults {
        not_ready_toleration: seconds(flags.default_not_ready_toleration_seconds),
        unreachable_toleration: seconds(flags.default_unreachable_toleration_seconds),
        runtime_classes: BTreeMap::new(),
        ..Defaults::default()
    };
    for (_, object) in objects {
        match &object.body {
            Body::PriorityClass(class) => defaults.priority_classes.push(manifest::priority_class(class)),
            Body::RuntimeClass(class) => {
                if let Ok(overhead) = manifest::runtime_overhead(names, class) {
                    defaults.runtime_classes.insert(object.name.clone(), overhead);
                }
            }
            Body::StorageClass(class) => {
                let is_default = manifest::storage_class(names, class).is_ok_and(|class| class.is_default);
                let first = defaults.storage_class.as_ref().is_none_or(|other| object.name < *other);
                if is_default && first {
                    defaults.storage_class = Some(object.name.clone());
                }
            }
            _ => {}
        }
        if let Some((priority, class)) = object.shorthand_priority() {
            let name = class.to_string();
            let class = manifest::PriorityClass { name, value: priority, global_default: false, never_preempts: false };
            if !defaults.priority_classes.contains(&class) {
                defaults.priority_classes.push(class);
            }
        }
    }
    defaults
}

fn convert(object: &Object, names: &mut Names, defaults: &Defaults) -> manifest::Problems {
    let mut found = match &object.body {
        Body::Node(node) => manifest::node_spec(names, node).err().unwrap_or_default(),
        Body::RuntimeClass(class) => manifest::runtime_overhead(names, class).err().unwrap_or_default(),
        Body::Deployment(deployment) => {
            deployment.spec.iter().flat_map(|spec| selector(names, &spec.selector)).collect()
        }
        Body::ReplicaSet(set) => set.spec.iter().flat_map(|spec| selector(names, &spec.selector)).collect(),
        Body::PodDisruptionBudget(budget) => manifest::disruption_budget(names, budget).err().unwrap_or_default(),
        Body::ResourceQuota(quota) => manifest::quota::resource_quota(names, quota).err().unwrap_or_default(),
        Body::LimitRange(range) => manifest::quota::limit_range(names, range).err().unwrap_or_default(),
        Body::StatefulSet(set) => claim_templates(set, names, defaults),
        _ => {
            let made = storage_body(object, names, defaults.storage_class.as_deref());
            made.and_then(Result::err).unwrap_or_default()
        }
    };
    if let Some((path, meta, pod)) = object.template() {
        let prefix = path.strip_suffix("spec").unwrap_or_default();
        let metadata = meta.cloned().unwrap_or_default();
        let wrong = manifest::pod_spec(names, &metadata, pod, defaults).err().unwrap_or_default();
        found.extend(wrong.into_iter().map(|p| manifest::Problem { path: format!("{prefix}{}", p.path), ..p }));
    }
    found
}

/// What is wrong with the claims of a StatefulSet.
fn claim_templates(
    set: &k8s_openapi::api::apps::v1::StatefulSet,
    names: &mut Names,
    defaults: &Defaults,
) -> manifest::Problems {
    let templates = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    let wrong = templates.enumerate().flat_map(|(index, claim)| {
        let found = manifest::persistent_volume_claim(names, claim, defaults.storage_class.as_deref());
        let prefix = format!("spec.volumeClaimTemplates[{index}]");
        let nested = move |p: manifest::Problem| manifest::Problem { path: format!("{prefix}.{}", p.path), ..p };
        found.err().unwrap_or_default().into_iter().map(nested)
    });
    wrong.collect()
}

fn selector(
    names: &mut Names,
    selector: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector,
) -> manifest::Problems {
    manifest::label_selector(names, "spec.selector", selector).err().unwrap_or_default()
}

/// Where `spec.containers[0].resources.requests[nvidia.com/gpu]` stands, or the innermost of its
/// parents that was written.
pub(in crate::scenario) fn locate(root: &Node, path: &str) -> Location {
    let mut node = root;
    for step in steps(path) {
        let next = match &node.value {
            Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => node.get(step),
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.location
}

/// The keys and indexes of a path; what stands in brackets may hold dots.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('.');
        if let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            rest = after;
            return Some(inside);
        }
        let (step, after) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        rest = after;
        (!step.is_empty()).then_some(step)
    })
}
