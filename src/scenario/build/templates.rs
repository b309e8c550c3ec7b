//! The workloads with rollouts as they stand at each instant of the timeline, so that an `update` can say
//! what changes and leave the rest as it is, and an `undo` knows what was before.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;

use crate::manifest::{Quantity, RESTARTED_AT};
use crate::scenario::duration;
use crate::scenario::manifests::Object;
use crate::scenario::schema::timeline::{Action, ObjectReference, Step, Update};
use crate::scenario::schema::values::ResourceList;

/// Kind, namespace, name.
type Key = (&'static str, String, String);

/// The workloads there are that roll out templates.
#[derive(Default)]
pub(super) struct Templates {
    live: BTreeMap<Key, History>,
}

/// A workload and the templates it had before, oldest first, each once: its revisions.
struct History {
    object: Object,
    before: Vec<PodTemplateSpec>,
}

impl Templates {
    /// An object is created; if there is one of its name, that one stays.
    pub(super) fn create(&mut self, object: &Object) {
        let mut object = object.clone();
        if object.template_mut().is_some() {
            let key = (object.kind(), object.namespace.clone(), object.name.clone());
            self.live.entry(key).or_insert(History { object, before: Vec::new() });
        }
    }

    /// `kubectl apply` of an object.
    pub(super) fn apply(&mut self, object: &Object) {
        let key = (object.kind(), object.namespace.clone(), object.name.clone());
        let Some(history) = self.live.get_mut(&key) else { return self.create(object) };
        let mut object = object.clone();
        if let (Some(old), Some(new)) = (history.object.template_mut().cloned(), object.template_mut()) {
            renew(&mut history.before, old, new);
            history.object = object;
        }
    }

    /// An object is deleted.
    pub(super) fn delete(&mut self, object: &ObjectReference) {
        for (_, kind, name) in object.named() {
            self.live.remove(&(kind, object.namespace.text.clone(), name.text.clone()));
        }
    }

    /// The object of an `update`, a `restart` or an `undo`, with its new template.
    ///
    /// # Errors
    /// Why this cannot be done.
    pub(super) fn roll(&mut self, reference: &ObjectReference, step: &Step) -> Result<&Object, String> {
        let Some((_, kind, name)) = reference.named().next() else { return Err("which object?".to_string()) };
        let key = (kind, reference.namespace.text.clone(), name.text.clone());
        let history = self.live.get_mut(&key);
        let history = history.ok_or_else(|| format!("{kind} `{}` has been deleted by then", name.text))?;
        let last = history.before.last().cloned();
        let Some(template) = history.object.template_mut() else { return Ok(&history.object) };
        let old = template.clone();
        match &step.action {
            Action::Update(update) => change(template, update)?,
            Action::Undo(_) => {
                *template = last.ok_or_else(|| format!("{kind} `{}` has no template before", name.text))?
            }
            _ => {
                let annotations = template.metadata.get_or_insert_default().annotations.get_or_insert_default();
                annotations.insert(RESTARTED_AT.to_string(), duration::format(step.at.value));
            }
        }
        let new = template.clone();
        renew(&mut history.before, old, &new);
        Ok(&history.object)
    }
}

/// A template that comes back is no revision of the past any more.
fn renew(before: &mut Vec<PodTemplateSpec>, old: PodTemplateSpec, new: &PodTemplateSpec) {
    if old != *new {
        before.retain(|template| template != new);
        before.push(old);
    }
}

fn change(template: &mut PodTemplateSpec, update: &Update) -> Result<(), String> {
    if !update.labels.0.is_empty() {
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.extend(update.labels.0.clone());
    }
    let Some(container) = template.spec.as_mut().and_then(|spec| spec.containers.first_mut()) else { return Ok(()) };
    if let Some(image) = &update.image {
        container.image = Some(image.clone());
    }
    replace(container, update);
    match more_than_limit(container) {
        Some(name) => Err(format!("request of `{name}` would be more than its limit")),
        None => Ok(()),
    }
}

fn replace(container: &mut Container, update: &Update) {
    let amounts = |list: &ResourceList| -> Vec<(String, KubeQuantity)> {
        list.0.iter().map(|(name, amount)| (name.clone(), KubeQuantity(amount.to_string()))).collect()
    };
    let resources = container.resources.get_or_insert_default();
    resources.requests.get_or_insert_default().extend(amounts(&update.requests));
    resources.limits.get_or_insert_default().extend(amounts(&update.limits));
}

fn more_than_limit(container: &Container) -> Option<&str> {
    let resources = container.resources.as_ref()?;
    let amount = |text: &KubeQuantity| Quantity::parse(&text.0).unwrap_or_default();
    let over = |(name, request): &(&String, &KubeQuantity)| {
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(*name));
        limit.is_some_and(|limit| amount(limit) < amount(request))
    };
    resources.requests.iter().flatten().find(over).map(|(name, _)| name.as_str())
}
