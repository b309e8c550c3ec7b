//! ResourceQuota and LimitRange.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;

use crate::cluster::Names;
use crate::cluster::policy::{
    LimitLine, LimitRange, LimitResource, LimitScope, QuotaLine, QuotaResource, ResourceQuota,
};

use super::resources::quantity;
use super::{Problems, Reader};

/// Converts a ResourceQuota.
///
/// # Errors
/// If it limits something that is not counted here, or a quantity cannot be read.
pub fn resource_quota(names: &mut Names, object: &core::ResourceQuota) -> Result<ResourceQuota, Problems> {
    let mut reader = Reader::new(names);
    let spec = object.spec.clone().unwrap_or_default();
    if spec.scopes.is_some() || spec.scope_selector.is_some() {
        reader.problem("spec.scopes", "scopes of a quota are not modelled");
    }
    let mut lines = Vec::new();
    for (name, text) in spec.hard.iter().flatten() {
        let path = format!("spec.hard[{name}]");
        let value = quantity(&mut reader, &path, text);
        let Some(resource) = quota_resource(reader.names, name) else {
            reader.problem(path, format!("`{name}` is not counted: only pods and what they ask for are"));
            continue;
        };
        let is_cpu = matches!(resource, QuotaResource::RequestsCpu | QuotaResource::LimitsCpu);
        let hard = if is_cpu { value.milli() } else { value.units() };
        lines.push(QuotaLine { name: reader.names.intern(name), resource, hard, used: 0 });
    }
    reader.finish(ResourceQuota { lines, observed: false })
}

fn quota_resource(names: &mut Names, name: &str) -> Option<QuotaResource> {
    Some(match name {
        "pods" | "count/pods" => QuotaResource::Pods,
        "cpu" | "requests.cpu" => QuotaResource::RequestsCpu,
        "memory" | "requests.memory" => QuotaResource::RequestsMemory,
        "ephemeral-storage" | "requests.ephemeral-storage" => QuotaResource::RequestsStorage,
        "limits.cpu" => QuotaResource::LimitsCpu,
        "limits.memory" => QuotaResource::LimitsMemory,
        "limits.ephemeral-storage" => QuotaResource::LimitsStorage,
        _ => {
            let extended = name.strip_prefix("requests.").filter(|rest| rest.contains('/'))?;
            QuotaResource::Extended(names.intern(extended))
        }
    })
}

type List = BTreeMap<String, KubeQuantity>;

/// Converts a LimitRange, with the API server's defaults: a missing default limit is the maximum, a
/// missing default request the default limit, else the minimum.
///
/// # Errors
/// If it limits something that is not checked here, or a quantity cannot be read.
pub fn limit_range(names: &mut Names, object: &core::LimitRange) -> Result<LimitRange, Problems> {
    let mut reader = Reader::new(names);
    let mut lines = Vec::new();
    for (index, item) in object.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
        let path = format!("spec.limits[{index}]");
        let scope = match item.type_.as_str() {
            "Container" => LimitScope::Container,
            "Pod" => LimitScope::Pod,
            other => {
                reader.problem(format!("{path}.type"), format!("limits of type `{other}` are not modelled"));
                continue;
            }
        };
        if item.max_limit_request_ratio.as_ref().is_some_and(|ratio| !ratio.is_empty()) {
            reader.problem(format!("{path}.maxLimitRequestRatio"), "the ratio of limit and request is not checked");
        }
        for (resource, name) in RESOURCES {
            let mut read = |field: &str, list: Option<&List>| {
                let text = list?.get(name)?;
                let value = quantity(&mut reader, &format!("{path}.{field}[{name}]"), text);
                Some(if resource == LimitResource::Cpu { value.milli() } else { value.units() })
            };
            let (min, max) = (read("min", item.min.as_ref()), read("max", item.max.as_ref()));
            let default = read("default", item.default.as_ref());
            let default_request = read("defaultRequest", item.default_request.as_ref());
            let mut line = LimitLine { scope, resource, default, default_request, min, max };
            if scope == LimitScope::Container {
                line.default = default.or(max);
                line.default_request = default_request.or(line.default).or(min);
            }
            if [line.default, line.default_request, min, max].iter().any(Option::is_some) {
                lines.push(line);
            }
        }
        refuse_others(&mut reader, &path, item);
    }
    reader.finish(LimitRange { lines })
}

const RESOURCES: [(LimitResource, &str); 3] =
    [(LimitResource::Cpu, "cpu"), (LimitResource::Memory, "memory"), (LimitResource::Storage, "ephemeral-storage")];

fn refuse_others(reader: &mut Reader<'_>, path: &str, item: &core::LimitRangeItem) {
    let lists = [&item.default, &item.default_request, &item.min, &item.max];
    for name in lists.into_iter().flatten().flat_map(BTreeMap::keys) {
        if !RESOURCES.iter().any(|(_, known)| known == name) {
            reader.problem(path, format!("limits of `{name}` are not modelled"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_defaulted_as_the_api_server_does() {
        let text = "{spec: {limits: [{type: Container, defaultRequest: {cpu: 300m}, max: {cpu: '1', memory: 1Gi}}]}}";
        let range = limit_range(&mut Names::default(), &serde_yaml::from_str(text).unwrap()).unwrap();
        let amounts: Vec<_> = range.lines.iter().map(|line| (line.default_request, line.default, line.max)).collect();
        assert_eq!(amounts, [(Some(300), Some(1000), Some(1000)), (Some(1 << 30), Some(1 << 30), Some(1 << 30))]);
    }

    #[test]
    fn quotas_of_what_is_not_counted_are_refused_by_name() {
        let text = "{spec: {hard: {pods: '3', secrets: '1', requests.cpu: '2'}}}";
        let mut names = Names::default();
        let problems = resource_quota(&mut names, &serde_yaml::from_str(text).unwrap()).unwrap_err();
        assert_eq!(problems[0].path, "spec.hard[secrets]");
        let text = "{spec: {hard: {requests.cpu: 1500m}}}";
        let quota = resource_quota(&mut names, &serde_yaml::from_str(text).unwrap()).unwrap();
        assert_eq!((names.text(quota.lines[0].name), quota.lines[0].hard), ("requests.cpu", 1500));
    }
}
