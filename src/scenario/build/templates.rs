//! The Deployments as they stand at each instant of the timeline, so that an `update` can say what
//! changes and leave the rest as it is.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;

use crate::manifest::Quantity;
use crate::scenario::manifests::{Body, Object};
use crate::scenario::schema::timeline::Update;
use crate::scenario::schema::values::ResourceList;

/// The Deployments there are, by namespace and name.
#[derive(Default)]
pub(super) struct Templates {
    live: BTreeMap<(String, String), Object>,
}

impl Templates {
    /// An object is created; if there is one of its name, that one stays.
    pub(super) fn create(&mut self, object: &Object) {
        if matches!(object.body, Body::Deployment(_)) {
            let key = (object.namespace.clone(), object.name.clone());
            self.live.entry(key).or_insert_with(|| object.clone());
        }
    }

    /// A Deployment is deleted.
    pub(super) fn delete(&mut self, namespace: &str, name: &str) {
        self.live.remove(&(namespace.to_string(), name.to_string()));
    }

    /// The Deployment with its new template.
    ///
    /// # Errors
    /// Why it cannot be updated so.
    pub(super) fn update(&mut self, update: &Update) -> Result<&Object, String> {
        let key = (update.namespace.text.clone(), update.deployment.text.clone());
        let gone = || format!("Deployment `{}` has been deleted by then", update.deployment.text);
        let object = self.live.get_mut(&key).ok_or_else(gone)?;
        if let Body::Deployment(deployment) = &mut object.body
            && let Some(spec) = &mut deployment.spec
        {
            change(&mut spec.template, update)?;
        }
        Ok(object)
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
