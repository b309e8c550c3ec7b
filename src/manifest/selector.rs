//! Labels, label selectors, node selectors.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;

use crate::cluster::{Labels, Names, NodeSelector, NodeSelectorTerm, Operator, Requirement, Selector};

use super::{Problems, Reader};

/// Interns a map of labels.
pub fn labels(names: &mut Names, map: Option<&BTreeMap<String, String>>) -> Labels {
    let pairs = map.into_iter().flatten().map(|(key, value)| (names.intern(key), names.intern(value))).collect();
    Labels::new(pairs)
}

/// Converts a label selector.
///
/// # Errors
/// If an operator is unknown or its values are missing or too many.
pub fn label_selector(names: &mut Names, path: &str, selector: &meta::LabelSelector) -> Result<Selector, Problems> {
    let mut reader = Reader::new(names);
    let selector = read_selector(&mut reader, path, selector);
    reader.finish(selector)
}

pub(crate) fn read_selector(reader: &mut Reader<'_>, path: &str, selector: &meta::LabelSelector) -> Selector {
    let mut result = Selector::from_labels(&labels(reader.names, selector.match_labels.as_ref()));
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let values = expression.values.as_deref().unwrap_or_default();
        result.requirements.extend(requirement(reader, &path, &expression.key, &expression.operator, values, false));
    }
    result
}

fn requirement(
    reader: &mut Reader<'_>,
    path: &str,
    key: &str,
    operator: &str,
    values: &[String],
    integers: bool,
) -> Option<Requirement> {
    let operator = match operator {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" if integers => Operator::Gt,
        "Lt" if integers => Operator::Lt,
        _ => {
            reader.problem(format!("{path}.operator"), format!("`{operator}` is not a valid selector operator"));
            return None;
        }
    };
    let wrong = match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            Some("must be specified when `operator` is 'In' or 'NotIn'")
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            Some("may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        }
        Operator::Gt | Operator::Lt if values.len() != 1 => {
            Some("must be specified single value when `operator` is 'Lt' or 'Gt'")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        reader.problem(format!("{path}.values"), wrong);
        return None;
    }
    let values = values.iter().map(|value| reader.names.intern(value)).collect();
    Some(Requirement { key: reader.names.intern(key), operator, values })
}

/// Converts a node selector.
///
/// # Errors
/// If an operator is unknown or its values do not suit it.
pub fn node_selector(names: &mut Names, path: &str, selector: &core::NodeSelector) -> Result<NodeSelector, Problems> {
    let mut reader = Reader::new(names);
    let selector = read_node_selector(&mut reader, path, selector);
    reader.finish(selector)
}

/// Converts one term of a node selector.
///
/// # Errors
/// If an operator is unknown or its values do not suit it.
pub fn node_selector_term(
    names: &mut Names,
    path: &str,
    term: &core::NodeSelectorTerm,
) -> Result<NodeSelectorTerm, Problems> {
    let mut reader = Reader::new(names);
    let term = read_term(&mut reader, path, term);
    reader.finish(term)
}

pub(crate) fn read_node_selector(reader: &mut Reader<'_>, path: &str, selector: &core::NodeSelector) -> NodeSelector {
    let terms = selector.node_selector_terms.iter().enumerate();
    let terms = terms.map(|(index, term)| read_term(reader, &format!("{path}.nodeSelectorTerms[{index}]"), term));
    NodeSelector { terms: terms.collect() }
}

pub(crate) fn read_term(reader: &mut Reader<'_>, path: &str, term: &core::NodeSelectorTerm) -> NodeSelectorTerm {
    let mut result = NodeSelectorTerm::default();
    for (index, expression) in term.match_expressions.iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let values = expression.values.as_deref().unwrap_or_default();
        result.expressions.extend(requirement(reader, &path, &expression.key, &expression.operator, values, true));
    }
    for (index, field) in term.match_fields.iter().flatten().enumerate() {
        let path = format!("{path}.matchFields[{index}]");
        let values = field.values.as_deref().unwrap_or_default();
        if field.key != "metadata.name" {
            reader.problem(format!("{path}.key"), format!("`{}` is not a valid field selector key", field.key));
        } else if values.len() != 1 {
            reader.problem(
                format!("{path}.values"),
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
            );
        } else {
            result.fields.extend(requirement(reader, &path, &field.key, &field.operator, values, false));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn match_labels_and_expressions_are_anded_and_errors_carry_their_path() {
        let mut names = Names::default();
        let text = r#"{"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]}"#;
        let selector = label_selector(&mut names, "spec.selector", &serde_json::from_str(text).unwrap()).unwrap();
        let web = labels(&mut names, Some(&BTreeMap::from([("app".to_string(), "web".to_string())])));
        assert!(selector.matches(&web, &names));
        assert!(!selector.matches(&Labels::default(), &names));
        let text = r#"{"matchExpressions": [{"key": "tier", "operator": "Gt", "values": ["1"]}]}"#;
        let problems = label_selector(&mut names, "spec.selector", &serde_json::from_str(text).unwrap()).unwrap_err();
        assert_eq!(problems[0].path, "spec.selector.matchExpressions[0].operator");
    }
}
