//! `pluginConfig`: arguments of plugins, with their defaults and validation (reference: scheduler.md
//! 7.4).

use k8s_openapi::api::core::v1 as core;
use serde_json::{Map, Value};

use crate::cluster::Name;
use crate::cluster::spec::SpreadConstraint;
use crate::engine::Span;
use crate::manifest;
use crate::scheduler::plugins;

use super::merge::unknown_plugin;
use super::read::{Reader, field, join};
use super::{Args, Strategy, WellKnown};

/// Reads `pluginConfig` of a profile.
pub(super) fn read_args(reader: &mut Reader<'_>, path: &str, value: &Value, known: &WellKnown, args: &mut Args) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, item) in reader.list(path, value).iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(map) = reader.map(&path, item, &["name", "args"]) else { continue };
        let name = reader.text(&join(&path, "name"), field(map, "name")).unwrap_or_default();
        if plugins::find(name).is_none() {
            reader.problem(join(&path, "name"), unknown_plugin(name));
            continue;
        }
        if seen.contains(&name) {
            reader.problem(join(&path, "name"), format!("plugin {name} is configured twice"));
        }
        seen.push(name);
        read_plugin_args(reader, name, &join(&path, "args"), field(map, "args"), known, args);
    }
}

fn read_plugin_args(
    reader: &mut Reader<'_>,
    name: &str,
    path: &str,
    value: &Value,
    known: &WellKnown,
    args: &mut Args,
) {
    let fields: &[&str] = match name {
        "NodeResourcesFit" => &["scoringStrategy", "ignoredResources", "ignoredResourceGroups"],
        "NodeResourcesBalancedAllocation" => &["resources"],
        "InterPodAffinity" => &["hardPodAffinityWeight", "ignorePreferredTermsOfExistingPods"],
        "PodTopologySpread" => &["defaultingType", "defaultConstraints"],
        "NodeAffinity" => &["addedAffinity"],
        "DefaultPreemption" => &["minCandidateNodesPercentage", "minCandidateNodesAbsolute"],
        "VolumeBinding" => &["bindTimeoutSeconds", "shape"],
        "DynamicResources" => &["filterTimeout", "bindingTimeout"],
        _ => &[],
    };
    let fields: Vec<&str> = fields.iter().copied().chain(["apiVersion", "kind"]).collect();
    let Some(map) = reader.map(path, value, &fields) else { return };
    match name {
        "NodeResourcesFit" => read_fit(reader, path, map, known, args),
        "NodeResourcesBalancedAllocation" => read_balanced(reader, path, map, args),
        "InterPodAffinity" => {
            let weight = join(path, "hardPodAffinityWeight");
            args.hard_pod_affinity_weight = reader.integer(&weight, field(map, "hardPodAffinityWeight"), (0, 100), 1);
            let ignore = "ignorePreferredTermsOfExistingPods";
            args.ignore_preferred_terms_of_existing_pods = reader.boolean(&join(path, ignore), field(map, ignore));
        }
        "PodTopologySpread" => read_spread(reader, path, map, args),
        "NodeAffinity" => read_added(reader, &join(path, "addedAffinity"), field(map, "addedAffinity"), args),
        "DefaultPreemption" => read_preemption(reader, path, map, args),
        "VolumeBinding" => {
            let timeout = "bindTimeoutSeconds";
            let seconds = reader.integer(&join(path, timeout), field(map, timeout), (0, i64::MAX), 600);
            args.bind_timeout = Span::from_secs(seconds.unsigned_abs());
            if !field(map, "shape").is_null() {
                reader.problem(join(path, "shape"), "only with the feature gate StorageCapacityScoring, which is off");
            }
        }
        _ => (),
    }
}

fn read_fit(reader: &mut Reader<'_>, path: &str, map: &Map<String, Value>, known: &WellKnown, args: &mut Args) {
    args.ignored_resources = texts(reader, &join(path, "ignoredResources"), field(map, "ignoredResources"))
        .iter()
        .map(|text| reader.names.intern(text))
        .collect();
    args.ignored_resource_groups =
        texts(reader, &join(path, "ignoredResourceGroups"), field(map, "ignoredResourceGroups"));
    let path = join(path, "scoringStrategy");
    let fields = ["type", "resources", "requestedToCapacityRatio"];
    let Some(strategy) = reader.map(&path, field(map, "scoringStrategy"), &fields) else { return };
    let kind = reader.text(&join(&path, "type"), field(strategy, "type")).unwrap_or("LeastAllocated");
    let shape_path = join(&path, "requestedToCapacityRatio");
    let shape = read_shape(reader, &shape_path, field(strategy, "requestedToCapacityRatio"));
    args.strategy = match (kind, shape) {
        ("RequestedToCapacityRatio", Some(shape)) => Strategy::RequestedToCapacityRatio(shape),
        ("RequestedToCapacityRatio", None) => {
            reader.problem(shape_path, "a shape is wanted with type RequestedToCapacityRatio");
            Strategy::LeastAllocated
        }
        (_, Some(_)) => {
            reader.problem(shape_path, format!("not allowed with type {kind}"));
            Strategy::LeastAllocated
        }
        ("LeastAllocated", None) => Strategy::LeastAllocated,
        ("MostAllocated", None) => Strategy::MostAllocated,
        (other, None) => {
            let wanted = "LeastAllocated, MostAllocated, RequestedToCapacityRatio";
            reader.problem(join(&path, "type"), format!("`{other}` is not one of {wanted}"));
            Strategy::LeastAllocated
        }
    };
    let resources = weighted(reader, &join(&path, "resources"), field(strategy, "resources"), 100);
    args.fit_resources = if resources.is_empty() { vec![(known.cpu, 1), (known.memory, 1)] } else { resources };
}

fn read_shape(reader: &mut Reader<'_>, path: &str, value: &Value) -> Option<Vec<(i64, i64)>> {
    let map = reader.map(path, value, &["shape"])?;
    let path = join(path, "shape");
    let mut shape: Vec<(i64, i64)> = Vec::new();
    for (index, point) in reader.list(&path, field(map, "shape")).iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(point) = reader.map(&path, point, &["utilization", "score"]) else { continue };
        let utilization = reader.integer(&join(&path, "utilization"), field(point, "utilization"), (0, 100), 0);
        let score = reader.integer(&join(&path, "score"), field(point, "score"), (0, 10), 0);
        if shape.last().is_some_and(|(before, _)| *before >= utilization) {
            reader.problem(join(&path, "utilization"), "utilization values must be strictly increasing");
        }
        shape.push((utilization, score));
    }
    if shape.is_empty() {
        reader.problem(path, "at least one point is wanted");
    }
    Some(shape)
}

/// A list of resources with weights; a weight of 0 or none counts as 1.
fn weighted(reader: &mut Reader<'_>, path: &str, value: &Value, most: i64) -> Vec<(Name, i64)> {
    let mut resources = Vec::new();
    for (index, item) in reader.list(path, value).iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(map) = reader.map(&path, item, &["name", "weight"]) else { continue };
        let name = reader.text(&join(&path, "name"), field(map, "name")).unwrap_or_default();
        let weight = reader.integer(&join(&path, "weight"), field(map, "weight"), (0, most), 1);
        resources.push((reader.names.intern(name), weight.max(1)));
    }
    resources
}

fn texts(reader: &mut Reader<'_>, path: &str, value: &Value) -> Vec<String> {
    let list = reader.list(path, value).iter().enumerate();
    list.filter_map(|(index, item)| Some(reader.text(&format!("{path}[{index}]"), item)?.to_string())).collect()
}

fn read_balanced(reader: &mut Reader<'_>, path: &str, map: &Map<String, Value>, args: &mut Args) {
    let resources = weighted(reader, &join(path, "resources"), field(map, "resources"), 1);
    if !resources.is_empty() {
        args.balanced_resources = resources.into_iter().map(|(name, _)| name).collect();
    }
}

fn read_preemption(reader: &mut Reader<'_>, path: &str, map: &Map<String, Value>, args: &mut Args) {
    let (percentage, absolute) = ("minCandidateNodesPercentage", "minCandidateNodesAbsolute");
    let share = reader.integer(&join(path, percentage), field(map, percentage), (0, 100), 10);
    let number = reader.integer(&join(path, absolute), field(map, absolute), (0, i64::MAX), 100);
    if share == 0 && number == 0 {
        reader.problem(path, format!("{percentage} and {absolute} cannot both be 0"));
    }
    (args.min_candidate_percentage, args.min_candidate_absolute) = (share.unsigned_abs(), number.unsigned_abs());
}

fn read_spread(reader: &mut Reader<'_>, path: &str, map: &Map<String, Value>, args: &mut Args) {
    let constraints_path = join(path, "defaultConstraints");
    let list = reader.list(&constraints_path, field(map, "defaultConstraints"));
    match reader.text(&join(path, "defaultingType"), field(map, "defaultingType")).unwrap_or("System") {
        "System" if list.is_empty() => return,
        "System" => reader.problem(&constraints_path, "not allowed with defaultingType System"),
        "List" => (),
        other => reader.problem(join(path, "defaultingType"), format!("`{other}` is not one of System, List")),
    }
    let mut constraints: Vec<SpreadConstraint> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let path = format!("{constraints_path}[{index}]");
        let fields =
            ["maxSkew", "topologyKey", "whenUnsatisfiable", "minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy"];
        let Some(item) = reader.map(&path, item, &fields) else { continue };
        let key = reader.text(&join(&path, "topologyKey"), field(item, "topologyKey")).unwrap_or_default();
        if key.is_empty() {
            reader.problem(join(&path, "topologyKey"), "a key is wanted");
        }
        let when = reader.text(&join(&path, "whenUnsatisfiable"), field(item, "whenUnsatisfiable"));
        let when = when.unwrap_or_default();
        if !["DoNotSchedule", "ScheduleAnyway"].contains(&when) {
            let message = format!("`{when}` is not one of DoNotSchedule, ScheduleAnyway");
            reader.problem(join(&path, "whenUnsatisfiable"), message);
        }
        let constraint = SpreadConstraint {
            max_skew: reader.integer(&join(&path, "maxSkew"), field(item, "maxSkew"), (1, i64::MAX), 1),
            topology_key: reader.names.intern(key),
            hard: when == "DoNotSchedule",
            min_domains: reader.integer(&join(&path, "minDomains"), field(item, "minDomains"), (1, i64::MAX), 1),
            honor_affinity: honors(reader, &path, item, "nodeAffinityPolicy", true),
            honor_taints: honors(reader, &path, item, "nodeTaintsPolicy", false),
            selector: None,
            match_label_keys: Vec::new(),
        };
        let same =
            |other: &SpreadConstraint| (other.topology_key, other.hard) == (constraint.topology_key, constraint.hard);
        if constraints.iter().any(same) {
            reader.problem(path, "another default constraint has this topologyKey and whenUnsatisfiable");
        }
        constraints.push(constraint);
    }
    args.default_constraints = Some(constraints);
}

/// A node inclusion policy.
fn honors(reader: &mut Reader<'_>, path: &str, item: &Map<String, Value>, name: &str, default: bool) -> bool {
    match reader.text(&join(path, name), field(item, name)) {
        None => default,
        Some("Honor") => true,
        Some("Ignore") => false,
        Some(other) => {
            reader.problem(join(path, name), format!("`{other}` is not one of Honor, Ignore"));
            default
        }
    }
}

fn read_added(reader: &mut Reader<'_>, path: &str, value: &Value, args: &mut Args) {
    if value.is_null() {
        return;
    }
    let fields = ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"];
    reader.map(path, value, &fields);
    let affinity: core::NodeAffinity = match serde_json::from_value(value.clone()) {
        Ok(affinity) => affinity,
        Err(error) => return reader.problem(path, error.to_string()),
    };
    let mut problems = Vec::new();
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        match manifest::node_selector(reader.names, &join(path, fields[0]), required) {
            Ok(selector) => args.added_required = Some(selector),
            Err(found) => problems.extend(found),
        }
    }
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten();
    for (index, term) in preferred.enumerate() {
        let path = format!("{path}.{}[{index}].preference", fields[1]);
        match manifest::selector::node_selector_term(reader.names, &path, &term.preference) {
            Ok(read) => args.added_preferred.push((i64::from(term.weight), read)),
            Err(found) => problems.extend(found),
        }
    }
    for problem in problems {
        reader.problem(problem.path, problem.message);
    }
}
