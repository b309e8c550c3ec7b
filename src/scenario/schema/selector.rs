//! Label selectors: as `kubectl -l` writes them, or as `metav1.LabelSelector`.

use serde_json::json;

use super::values::{LabelMap, check_label_key, check_label_value};
use crate::scenario::diagnostics::Problems;
use crate::scenario::fields::Record;
use crate::scenario::read::{Definitions, Read};
use crate::scenario::record::{record, words};
use crate::scenario::source::{Location, Node, Value};

/// A label selector; all requirements must hold, none matches everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelSelector {
    /// The conditions; `k=v` is `In` with one value.
    pub requirements: Vec<LabelRequirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: String,
    /// The comparison.
    pub operator: SelectorOperator,
    /// What to compare with; empty for `Exists` and `DoesNotExist`.
    pub values: Vec<String>,
}

words! {
    /// How a requirement compares.
    pub enum SelectorOperator {
        /// The label is one of the values.
        "In" => In,
        /// The label is none of the values, or not there.
        "NotIn" => NotIn,
        /// The label is there.
        "Exists" => Exists,
        /// The label is not there.
        "DoesNotExist" => DoesNotExist,
    }
}

record! {
    /// A label selector in Kubernetes' own form.
    pub struct SelectorMap {
        /// Labels that must be equal.
        "matchLabels" => match_labels: LabelMap,
        /// Further conditions.
        "matchExpressions" => match_expressions: Vec<SelectorExpression>,
    }
}

record! {
    /// One condition of a label selector.
    pub struct SelectorExpression {
        /// The label's key.
        "key" => key: String,
        /// The comparison.
        "operator" => operator: SelectorOperator,
        /// What to compare with, for `In` and `NotIn`.
        "values" => values: Vec<String>,
    }
}

impl Read for LabelSelector {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Value::Scalar { text, .. } = &node.value {
            return parse(text).map(|requirements| checked(requirements, node.location, problems)).unwrap_or_else(
                |message| {
                    problems.report(node.location, format!("not a selector: {message}")).expected(
                        "expected conditions as in `kubectl -l`, such as `disk=ssd,gpu!=a100` or `zone in (a, b)`",
                    );
                    None
                },
            );
        }
        let map = SelectorMap::read_record(node, problems)?;
        let equal = |(key, value)| LabelRequirement { key, operator: SelectorOperator::In, values: vec![value] };
        let mut requirements: Vec<_> = map.match_labels.0.into_iter().map(equal).collect();
        for SelectorExpression { key, operator, values } in map.match_expressions {
            let takes_values = matches!(operator, SelectorOperator::In | SelectorOperator::NotIn);
            if takes_values == values.is_empty() {
                let (word, wanted) =
                    (operator.word(), if takes_values { "at least one of `values`" } else { "no `values`" });
                problems.report(node.location, format!("`{word}` takes {wanted}"));
            }
            requirements.push(LabelRequirement { key, operator, values });
        }
        checked(requirements, node.location, problems)
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [{ "type": "string" }, SelectorMap::schema(definitions)] })
    }
}

fn checked(requirements: Vec<LabelRequirement>, at: Location, problems: &mut Problems) -> Option<LabelSelector> {
    for requirement in &requirements {
        check_label_key(&requirement.key, at, problems);
        requirement.values.iter().for_each(|value| check_label_value(value, at, problems));
    }
    Some(LabelSelector { requirements })
}

/// Reads `k=v,k2!=v,k3 in (a,b),k4 notin (c),k5,!k6`.
fn parse(text: &str) -> Result<Vec<LabelRequirement>, String> {
    split_outside_parentheses(text)?.into_iter().map(|part| condition(part.trim())).collect()
}

fn split_outside_parentheses(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return Err(format!("unexpected `{c}`")),
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("`(` is not closed".to_string());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn condition(text: &str) -> Result<LabelRequirement, String> {
    let requirement = |key: &str, operator, values: Vec<String>| {
        let key = key.trim();
        if key.is_empty() {
            Err("empty condition".to_string())
        } else {
            Ok(LabelRequirement { key: key.to_string(), operator, values })
        }
    };
    if let Some((key, value)) = text.split_once("!=") {
        return requirement(key, SelectorOperator::NotIn, vec![value.trim().to_string()]);
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return requirement(key, SelectorOperator::In, vec![value.trim().to_string()]);
    }
    if let Some(set) = text.strip_suffix(')') {
        let (head, values) = set.split_once('(').ok_or("unexpected `)`")?;
        let values = values.split(',').map(|value| value.trim().to_string()).collect();
        let words: Vec<&str> = head.split_whitespace().collect();
        return match words[..] {
            [key, "in"] => requirement(key, SelectorOperator::In, values),
            [key, "notin"] => requirement(key, SelectorOperator::NotIn, values),
            _ => Err(format!("expected `key in (…)` or `key notin (…)`, found `{text}`")),
        };
    }
    match text.strip_prefix('!') {
        Some(key) => requirement(key, SelectorOperator::DoesNotExist, Vec::new()),
        None => requirement(text, SelectorOperator::Exists, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_spelling_is_understood() {
        let shown: Vec<String> = parse("disk=ssd, gpu!=a100,zone in (a, b),rack notin (r1),fast,!slow")
            .unwrap()
            .iter()
            .map(|r| format!("{} {} {}", r.key, r.operator.word(), r.values.join("|")))
            .collect();
        assert_eq!(
            shown,
            ["disk In ssd", "gpu NotIn a100", "zone In a|b", "rack NotIn r1", "fast Exists ", "slow DoesNotExist "]
        );
        for text in ["", "a,,b", "a in (b", "a on (b)", "a)b"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
