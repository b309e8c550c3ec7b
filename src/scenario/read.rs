//! From tree to typed values: [`Read`] and what implements it for numbers, texts, lists and maps.
//!
//! A reader never stops at the first error: it reports, returns `None` and lets its caller go on.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde_json::json;

use super::diagnostics::Problems;
use super::duration;
use super::source::{Entry, Location, Node, Sources, Value};
use crate::engine::Span;
use crate::manifest::Quantity;

/// Named parts of the JSON Schema, by the name of the type.
pub type Definitions = BTreeMap<String, serde_json::Value>;

/// What can be read from a scenario file.
pub trait Read: Sized {
    /// Reads a value; `None` if it cannot be, with the reasons among `problems`.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// The value when its key is not there; `None` if the key is required.
    fn absent() -> Option<Self> {
        None
    }

    /// The JSON Schema of the written form. Named types go into `definitions`.
    fn schema(definitions: &mut Definitions) -> serde_json::Value;
}

/// A value with the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub location: Location,
}

impl<T> Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Read> Read for Spanned<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(Spanned { value: T::read(node, problems)?, location: node.location })
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        T::schema(definitions)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if node.is_null() { Some(None) } else { T::read(node, problems).map(Some) }
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        T::schema(definitions)
    }
}

impl<T: Read> Read for Vec<T> {
    /// The items that are sound; the others are among the problems.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| T::read(item, problems)).collect()),
            _ if node.is_null() => Some(Vec::new()),
            _ => mismatch(node, "a list", problems),
        }
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "type": "array", "items": T::schema(definitions) })
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries = map_entries(node, "a map", problems)?;
        let read = |entry: &Entry| Some((entry.key.clone(), T::read(&entry.value, problems)?));
        Some(entries.iter().filter_map(read).collect())
    }
    fn absent() -> Option<Self> {
        Some(BTreeMap::new())
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": T::schema(definitions) })
    }
}

impl Read for String {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Scalar { text, plain } if !plain || resolve(text) == Plain::Text => Some(text.clone()),
            Value::Scalar { text, .. } if !text.is_empty() && !node.is_null() => {
                let kind = found(node);
                let problem = problems.report(node.location, format!("expected text, found {kind}"));
                problem.expected("expected text").help(format!("quote it: \"{text}\""));
                None
            }
            _ => mismatch(node, "text", problems),
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": "string" })
    }
}

impl Read for bool {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match plain(node).map(resolve) {
            Some(Plain::Bool(value)) => Some(value),
            _ => mismatch(node, "`true` or `false`", problems),
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": "boolean" })
    }
}

impl Read for f64 {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match plain(node).map(resolve) {
            Some(Plain::Integer(value)) => Some(value as f64),
            Some(Plain::Float(value)) if value.is_finite() => Some(value),
            _ => mismatch(node, "a number", problems),
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": "number" })
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Read for $type {
            fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
                let wanted = || format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX);
                match plain(node).map(resolve) {
                    Some(Plain::Integer(value)) => match <$type>::try_from(value) {
                        Ok(value) => Some(value),
                        Err(_) => {
                            problems.report(node.location, "number out of range").expected(format!("expected {}", wanted()));
                            None
                        }
                    },
                    _ => mismatch(node, "a whole number", problems),
                }
            }
            fn schema(_: &mut Definitions) -> serde_json::Value {
                json!({ "type": "integer", "minimum": <$type>::MIN, "maximum": <$type>::MAX })
            }
        }
    )*};
}
integers!(u64, u32, i64, i32);

impl Read for Span {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, .. } = &node.value else {
            return mismatch(node, "a duration such as `90s`", problems);
        };
        match duration::parse(text) {
            Ok(span) => Some(span),
            Err(error) => {
                let problem = problems.report(node.location, format!("not a duration: {error}"));
                problem.expected("expected numbers with units of ns, us, ms, s, m, h or d, such as `1m30s`");
                if matches!(error, duration::DurationError::NoUnit(_)) && duration::parse(&format!("{text}s")).is_ok() {
                    problem.help(format!("did you mean `{text}s`?"));
                }
                None
            }
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let about =
            "A length of time as Go writes it, with `d` for days: `250ms`, `1m30s`, `1.5h`, `120d`. 0 needs no unit.";
        define(definitions, "Duration", |_| {
            json!({ "description": about, "oneOf": [
                { "type": "string", "pattern": "^\\+?(0|([0-9]+\\.?[0-9]*|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d))+$" },
                { "const": 0 },
            ]})
        })
    }
}

impl Read for Quantity {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, .. } = &node.value else {
            return mismatch(node, "a quantity such as `500m` or `2Gi`", problems);
        };
        match Quantity::parse(text) {
            Ok(quantity) if quantity.is_negative() => {
                problems.report(node.location, "negative quantity").expected("expected 0 or more");
                None
            }
            Ok(quantity) => Some(quantity),
            Err(error) => {
                let problem = problems.report(node.location, format!("not a quantity: {error}"));
                problem.expected(
                    "expected a number with a suffix of n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or none",
                );
                if let Some(meant) = meant_quantity(text) {
                    problem.help(format!("did you mean `{meant}`?"));
                }
                None
            }
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let about = "A Kubernetes quantity: `500m`, `2`, `1.5`, `2Gi`, `100M`, `1e3`.";
        define(definitions, "Quantity", |_| {
            json!({ "description": about, "oneOf": [
                { "type": "string", "pattern": "^[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?$" },
                { "type": "number" },
            ]})
        })
    }
}

/// The usual slips: `8GB`, `8gb`, `8GiB`, `8 Gi`, `1K`.
fn meant_quantity(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let split = compact.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, suffix) = compact.split_at(split);
    let suffix = match suffix.trim_end_matches(['B', 'b']) {
        "K" => "k".to_string(),
        "ki" => "Ki".to_string(),
        "g" => "G".to_string(),
        "t" => "T".to_string(),
        "gi" | "GI" => "Gi".to_string(),
        "mi" | "MI" => "Mi".to_string(),
        other => other.to_string(),
    };
    let meant = format!("{number}{suffix}");
    Quantity::parse(&meant).ok().map(|_| meant)
}

/// How YAML 1.2 understands an unquoted scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// Everything else.
    Text,
}

/// How YAML 1.2 understands the unquoted `text`. `017` and `1_000` are text, as nobody agrees on them.
pub fn resolve(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if text.len() > 400 || !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Plain::Text;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).map_or(Plain::Text, |value| Plain::Integer(value.into()));
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return u64::from_str_radix(octal, 8).map_or(Plain::Text, |value| Plain::Integer(value.into()));
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let leading_zero = unsigned.len() > 1 && unsigned.starts_with('0');
        return if leading_zero {
            Plain::Text
        } else {
            text.parse().map_or(Plain::Float(f64::INFINITY), Plain::Integer)
        };
    }
    text.parse().map_or(Plain::Text, Plain::Float)
}

/// The text of an unquoted scalar.
pub fn plain(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, plain: true } => Some(text),
        _ => None,
    }
}

/// Reports that something else was expected here.
pub fn mismatch<T>(node: &Node, wanted: &str, problems: &mut Problems) -> Option<T> {
    problems
        .report(node.location, format!("expected {wanted}, found {}", found(node)))
        .expected(format!("expected {wanted}"));
    None
}

/// What a node is, for messages.
pub fn found(node: &Node) -> &'static str {
    match &node.value {
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Scalar { plain: false, .. } => "quoted text",
        Value::Scalar { text, plain: true } => match resolve(text) {
            Plain::Null => "nothing",
            Plain::Bool(_) => "a truth value",
            Plain::Integer(_) => "a number",
            Plain::Float(_) => "a fractional number",
            Plain::Text => "text",
        },
    }
}

/// The entries of a map; reports if it is none. Nothing written counts as an empty map.
pub fn map_entries<'a>(node: &'a Node, wanted: &str, problems: &mut Problems) -> Option<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ if node.is_null() => Some(&[]),
        _ => mismatch(node, wanted, problems),
    }
}

/// Puts a named schema into `definitions` once, and refers to it.
pub fn define(
    definitions: &mut Definitions,
    name: &str,
    schema: impl FnOnce(&mut Definitions) -> serde_json::Value,
) -> serde_json::Value {
    if !definitions.contains_key(name) {
        definitions.insert(name.to_string(), serde_json::Value::Null); // stops a type that contains itself
        let schema = schema(definitions);
        definitions.insert(name.to_string(), schema);
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// A piece of YAML from this program's own text.
///
/// # Panics
/// If it is not sound.
pub fn literal(text: &str) -> Node {
    if !text.contains(['{', '[', '"', ':']) {
        let value = Value::Scalar { text: text.to_string(), plain: true };
        return Node { location: Location::default(), value };
    }
    let mut sources = Sources::default();
    let source = sources.add("built in", text);
    let documents = sources.parse(source, &mut Problems::default());
    documents.and_then(|mut nodes| nodes.pop()).unwrap_or_else(|| panic!("unsound built-in text {text}"))
}

/// The JSON value of a tree, unquoted scalars understood as in YAML 1.2.
pub fn to_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let object = entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value)));
            serde_json::Value::Object(object.collect())
        }
        Value::Scalar { text, plain: false } => json!(text),
        Value::Scalar { text, plain: true } => match resolve(text) {
            Plain::Null => serde_json::Value::Null,
            Plain::Bool(value) => json!(value),
            Plain::Integer(value) => i64::try_from(value).map_or_else(|_| json!(value as f64), |value| json!(value)),
            Plain::Float(value) => json!(value),
            Plain::Text => json!(text),
        },
    }
}
