//! Claims and storage classes that nothing in the scenario is called: in Kubernetes their pods would wait for
//! ever, which is hardly what is meant. And what the API server asks of claims and volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PersistentVolumeClaimSpec;

use super::Known;
use crate::engine::Span;
use crate::scenario::diagnostics::Problems;
use crate::scenario::manifests::{Body, Object};

/// Checks the names of claims and classes that objects refer to.
pub(super) fn check(objects: &[(Span, Object)], known: Known, problems: &mut Problems) {
    objects.iter().for_each(|(_, object)| required(object, problems));
    if !known.workloads {
        return; // what is not known may be in what could not be read
    }
    let objects = || objects.iter().map(|(_, object)| object);
    let classes: BTreeSet<&str> = objects().filter_map(class).collect();
    for object in objects() {
        for (path, spec) in claims(object) {
            let path = format!("{path}.storageClassName");
            let Some(name) = spec.storage_class_name.as_deref().filter(|name| !name.is_empty()) else { continue };
            if !classes.contains(name) {
                let problem = problems.report(object.node.locate(&path), format!("no StorageClass is called `{name}`"));
                problem.expected("expected a StorageClass, or PersistentVolumes with that class");
                problem.suggest(name, classes.iter().copied());
            }
        }
        let Some((path, _, pod)) = object.template() else { continue };
        for (index, volume) in pod.volumes.iter().flatten().enumerate() {
            let Some(claim) = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.as_str()) else {
                continue;
            };
            let here: Vec<&Object> = objects().filter(|other| other.namespace == object.namespace).collect();
            if !here.iter().any(|other| makes(other, claim)) {
                let at = object.node.locate(&format!("{path}.volumes.{index}.persistentVolumeClaim.claimName"));
                let problem = problems.report(at, format!("no PersistentVolumeClaim is called `{claim}`"));
                match objects().find(|other| makes(other, claim)) {
                    Some(other) => problem.help(format!("there is one in namespace `{}`", other.namespace)),
                    None => problem.suggest(claim, here.iter().filter(|o| is_claim(o)).map(|o| o.name.as_str())),
                };
            }
        }
    }
}

/// Fields without which the API server refuses a claim or a volume.
fn required(object: &Object, problems: &mut Problems) {
    let mut missing = |path: &str, field: &str, why: &str| {
        problems.report(object.node.locate(path), format!("missing field `{field}`")).expected(why);
    };
    const MODES: &str = "expected at least one mode, such as ReadWriteOnce";
    for (path, spec) in claims(object) {
        if spec.access_modes.as_ref().is_none_or(Vec::is_empty) {
            missing(&path, "accessModes", MODES);
        }
        let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        if requests.is_none_or(|requests| !requests.contains_key("storage")) {
            missing(&path, "resources.requests.storage", "expected the size of the volume");
        }
    }
    let Body::PersistentVolume(volume) = &object.body else { return };
    let spec = volume.spec.as_ref();
    if spec.and_then(|spec| spec.access_modes.as_ref()).is_none_or(Vec::is_empty) {
        missing("spec", "accessModes", MODES);
    }
    if spec.and_then(|spec| spec.capacity.as_ref()).is_none_or(|capacity| !capacity.contains_key("storage")) {
        missing("spec", "capacity.storage", "expected the size of the volume");
    }
}

fn is_claim(object: &Object) -> bool {
    matches!(object.body, Body::PersistentVolumeClaim(_))
}

/// Whether the object is the claim of this name, or a StatefulSet that may make it.
fn makes(object: &Object, claim: &str) -> bool {
    let Body::StatefulSet(set) = &object.body else { return is_claim(object) && object.name == claim };
    let mut templates = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
    templates.any(|template| {
        let prefix = format!("{}-{}-", template.metadata.name.as_deref().unwrap_or_default(), object.name);
        claim.strip_prefix(&prefix).is_some_and(|ordinal| ordinal.parse::<u32>().is_ok())
    })
}

/// The class that the object is, or whose volume it is.
fn class(object: &Object) -> Option<&str> {
    match &object.body {
        Body::StorageClass(_) => Some(&object.name),
        Body::PersistentVolume(volume) => volume.spec.as_ref()?.storage_class_name.as_deref(),
        _ => None,
    }
}

/// The claims that the object is or makes: where their specifications stand, and what they say.
fn claims(object: &Object) -> Vec<(String, &PersistentVolumeClaimSpec)> {
    let mut claims = Vec::new();
    match &object.body {
        Body::PersistentVolumeClaim(claim) => claims.extend(claim.spec.as_ref().map(|spec| ("spec".to_string(), spec))),
        Body::StatefulSet(set) => {
            let templates = set.spec.iter().flat_map(|spec| spec.volume_claim_templates.iter().flatten());
            let specs = templates
                .enumerate()
                .map(|(index, claim)| (format!("spec.volumeClaimTemplates.{index}.spec"), claim.spec.as_ref()));
            claims.extend(specs.filter_map(|(path, spec)| Some((path, spec?))));
        }
        _ => (),
    }
    if let Some((path, _, pod)) = object.template() {
        for (index, volume) in pod.volumes.iter().flatten().enumerate() {
            let template = volume.ephemeral.as_ref().and_then(|source| source.volume_claim_template.as_ref());
            let path = format!("{path}.volumes.{index}.ephemeral.volumeClaimTemplate.spec");
            claims.extend(template.map(|template| (path, &template.spec)));
        }
    }
    claims
}
