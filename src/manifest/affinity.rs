//! Node affinity, pod affinity, topology spread.

use k8s_openapi::api::core::v1 as core;

use crate::cluster::spec::{AffinityTerm, SpreadConstraint};
use crate::cluster::{Labels, Operator, PodSpec, Requirement};

use super::Reader;
use super::selector::{read_node_selector, read_selector, read_term};

/// Reads `spec.affinity` into the template, whose labels are known already.
pub(crate) fn read_affinity(reader: &mut Reader<'_>, affinity: &core::Affinity, spec: &mut PodSpec) {
    if let Some(node) = &affinity.node_affinity {
        read_node_affinity(reader, node, spec);
    }
    let labels = spec.labels.clone();
    let (mut required, mut preferred) = (Vec::new(), Vec::new());
    if let Some(pod) = &affinity.pod_affinity {
        let path = "spec.affinity.podAffinity";
        required = required_terms(reader, path, &pod.required_during_scheduling_ignored_during_execution, &labels);
        preferred = preferred_terms(reader, path, &pod.preferred_during_scheduling_ignored_during_execution, &labels);
    }
    (spec.pod_affinity, spec.preferred_pod_affinity) = (required, preferred);
    let (mut required, mut preferred) = (Vec::new(), Vec::new());
    if let Some(pod) = &affinity.pod_anti_affinity {
        let path = "spec.affinity.podAntiAffinity";
        required = required_terms(reader, path, &pod.required_during_scheduling_ignored_during_execution, &labels);
        preferred = preferred_terms(reader, path, &pod.preferred_during_scheduling_ignored_during_execution, &labels);
    }
    (spec.pod_anti_affinity, spec.preferred_pod_anti_affinity) = (required, preferred);
}

fn read_node_affinity(reader: &mut Reader<'_>, affinity: &core::NodeAffinity, spec: &mut PodSpec) {
    let path = "spec.affinity.nodeAffinity";
    let required = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution");
    spec.node_affinity = affinity
        .required_during_scheduling_ignored_during_execution
        .as_ref()
        .map(|selector| read_node_selector(reader, &required, selector));
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate();
    spec.preferred_node_affinity = preferred
        .map(|(index, term)| {
            let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
            check_weight(reader, &path, term.weight);
            (i64::from(term.weight), read_term(reader, &format!("{path}.preference"), &term.preference))
        })
        .collect();
}

fn check_weight(reader: &mut Reader<'_>, path: &str, weight: i32) {
    if !(1..=100).contains(&weight) {
        reader.problem(format!("{path}.weight"), format!("Invalid value: {weight}: must be in the range 1-100"));
    }
}

fn required_terms(
    reader: &mut Reader<'_>,
    path: &str,
    terms: &Option<Vec<core::PodAffinityTerm>>,
    labels: &Labels,
) -> Vec<AffinityTerm> {
    let terms = terms.iter().flatten().enumerate();
    let path = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution");
    terms.map(|(index, term)| affinity_term(reader, &format!("{path}[{index}]"), term, labels)).collect()
}

fn preferred_terms(
    reader: &mut Reader<'_>,
    path: &str,
    terms: &Option<Vec<core::WeightedPodAffinityTerm>>,
    labels: &Labels,
) -> Vec<(i64, AffinityTerm)> {
    let terms = terms.iter().flatten().enumerate();
    terms
        .map(|(index, term)| {
            let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
            check_weight(reader, &path, term.weight);
            let inner = affinity_term(reader, &format!("{path}.podAffinityTerm"), &term.pod_affinity_term, labels);
            (i64::from(term.weight), inner)
        })
        .collect()
}

/// Reads a term and merges `matchLabelKeys` and `mismatchLabelKeys` into its selector: for each key
/// that the pod carries, `key in (value)` or `key notin (value)`.
fn affinity_term(reader: &mut Reader<'_>, path: &str, term: &core::PodAffinityTerm, labels: &Labels) -> AffinityTerm {
    if term.topology_key.is_empty() {
        reader.problem(format!("{path}.topologyKey"), "Required value: can not be empty");
    }
    let mut selector =
        term.label_selector.as_ref().map(|selector| read_selector(reader, &format!("{path}.labelSelector"), selector));
    for (field, keys, operator) in [
        ("matchLabelKeys", &term.match_label_keys, Operator::In),
        ("mismatchLabelKeys", &term.mismatch_label_keys, Operator::NotIn),
    ] {
        for (index, key) in keys.iter().flatten().enumerate() {
            let key_name = reader.names.intern(key);
            let Some(selector) = &mut selector else {
                reader.problem(
                    format!("{path}.{field}"),
                    "Forbidden: must not be specified when labelSelector is not set",
                );
                break;
            };
            if selector.requirements.iter().any(|requirement| requirement.key == key_name && operator == Operator::In) {
                let message = format!("Invalid value: \"{key}\": exists in both matchLabelKeys and labelSelector");
                reader.problem(format!("{path}.{field}[{index}]"), message);
            } else if let Some(value) = labels.get(key_name) {
                selector.requirements.push(Requirement { key: key_name, operator, values: vec![value] });
            }
        }
    }
    let namespace_selector = term
        .namespace_selector
        .as_ref()
        .map(|selector| read_selector(reader, &format!("{path}.namespaceSelector"), selector));
    AffinityTerm {
        selector,
        namespaces: term.namespaces.iter().flatten().map(|namespace| reader.names.intern(namespace)).collect(),
        namespace_selector,
        topology_key: reader.names.intern(&term.topology_key),
    }
}

/// Reads `spec.topologySpreadConstraints`.
pub(crate) fn read_spread(reader: &mut Reader<'_>, spec: &core::PodSpec) -> Vec<SpreadConstraint> {
    let constraints = spec.topology_spread_constraints.iter().flatten().enumerate();
    constraints
        .map(|(index, constraint)| {
            spread_constraint(reader, &format!("spec.topologySpreadConstraints[{index}]"), constraint)
        })
        .collect()
}

fn spread_constraint(
    reader: &mut Reader<'_>,
    path: &str,
    constraint: &core::TopologySpreadConstraint,
) -> SpreadConstraint {
    let hard = match constraint.when_unsatisfiable.as_str() {
        "DoNotSchedule" => true,
        "ScheduleAnyway" => false,
        other => {
            let message = format!("`{other}` is not one of DoNotSchedule, ScheduleAnyway");
            reader.problem(format!("{path}.whenUnsatisfiable"), message);
            true
        }
    };
    if constraint.max_skew <= 0 {
        let message = format!("Invalid value: {}: must be greater than zero", constraint.max_skew);
        reader.problem(format!("{path}.maxSkew"), message);
    }
    check_min_domains(reader, path, constraint, hard);
    let selector = constraint
        .label_selector
        .as_ref()
        .map(|selector| read_selector(reader, &format!("{path}.labelSelector"), selector));
    let match_label_keys = match_label_keys(reader, path, constraint, selector.as_ref());
    SpreadConstraint {
        max_skew: i64::from(constraint.max_skew),
        topology_key: reader.names.intern(&constraint.topology_key),
        hard,
        min_domains: i64::from(constraint.min_domains.unwrap_or(1)),
        honor_affinity: policy(reader, path, "nodeAffinityPolicy", constraint.node_affinity_policy.as_deref(), true),
        honor_taints: policy(reader, path, "nodeTaintsPolicy", constraint.node_taints_policy.as_deref(), false),
        selector,
        match_label_keys,
    }
}

fn check_min_domains(reader: &mut Reader<'_>, path: &str, constraint: &core::TopologySpreadConstraint, hard: bool) {
    let Some(min_domains) = constraint.min_domains else { return };
    let path = format!("{path}.minDomains");
    if min_domains <= 0 {
        reader.problem(&path, format!("Invalid value: {min_domains}: must be greater than zero"));
    }
    if !hard {
        let message = format!(
            "Invalid value: {min_domains}: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
            constraint.when_unsatisfiable
        );
        reader.problem(&path, message);
    }
}

fn match_label_keys(
    reader: &mut Reader<'_>,
    path: &str,
    constraint: &core::TopologySpreadConstraint,
    selector: Option<&crate::cluster::Selector>,
) -> Vec<crate::cluster::Name> {
    let mut keys = Vec::new();
    for (index, key) in constraint.match_label_keys.iter().flatten().enumerate() {
        let name = reader.names.intern(key);
        let path = format!("{path}.matchLabelKeys[{index}]");
        match selector {
            None => reader.problem(path, "Forbidden: must not be specified when labelSelector is not set"),
            Some(selector) if selector.requirements.iter().any(|requirement| requirement.key == name) => {
                let message = format!("Invalid value: \"{key}\": exists in both matchLabelKeys and labelSelector");
                reader.problem(path, message);
            }
            Some(_) => keys.push(name),
        }
    }
    keys
}

fn policy(reader: &mut Reader<'_>, path: &str, field: &str, text: Option<&str>, default: bool) -> bool {
    match text {
        None => default,
        Some("Honor") => true,
        Some("Ignore") => false,
        Some(other) => {
            reader.problem(format!("{path}.{field}"), format!("`{other}` is not one of Honor, Ignore"));
            default
        }
    }
}
