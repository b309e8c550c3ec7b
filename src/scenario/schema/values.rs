//! Values that several parts of the file share: names, labels, resources, selectors, latencies.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde_json::json;

use crate::engine::{Distribution, Span};
use crate::manifest::Quantity;
use crate::manifest::resources::is_too_much;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::{Definitions, Plain, Read, Spanned, define, map_entries, mismatch, plain, resolve};
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::{Location, Node, Value};

/// The name of an object: a DNS subdomain (RFC 1123), with the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectName {
    /// The name.
    pub text: String,
    /// Where it was written.
    pub location: Location,
}

impl Deref for ObjectName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

impl Read for ObjectName {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::read(node, problems)?;
        if !is_subdomain(&text) {
            problems.report(node.location, format!("`{}` is not a valid name", shortened(&text))).expected(
                "expected lower-case letters, digits, `-` and `.`, letter or digit first and last, at most 253",
            );
            return None;
        }
        Some(ObjectName { text, location: node.location })
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" })
    }
}

/// The beginning of a text that may be long.
pub fn shortened(text: &str) -> String {
    if text.chars().count() <= 60 {
        text.to_string()
    } else {
        format!("{}…", text.chars().take(60).collect::<String>())
    }
}

/// Whether `text` is a DNS subdomain as RFC 1123 has it: what Kubernetes wants of most names.
pub fn is_subdomain(text: &str) -> bool {
    let label = |part: &str| {
        let bytes = part.as_bytes();
        !part.is_empty()
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-'
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Labels, or a node selector: text by key, both in Kubernetes' form.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelMap(pub BTreeMap<String, String>);

impl Read for LabelMap {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut labels = BTreeMap::new();
        for entry in map_entries(node, "a map of labels", problems)? {
            check_label_key(&entry.key, entry.key_location, problems);
            if let Some(value) = String::read(&entry.value, problems) {
                check_label_value(&value, entry.value.location, problems);
                labels.insert(entry.key.clone(), value);
            }
        }
        Some(LabelMap(labels))
    }
    fn absent() -> Option<Self> {
        Some(LabelMap::default())
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        define(
            definitions,
            "Labels",
            |_| json!({ "description": "Labels: text by key.", "type": "object", "additionalProperties": { "type": "string", "maxLength": 63 } }),
        )
    }
}

/// Reports a label or taint key that Kubernetes would refuse.
pub fn check_label_key(key: &str, location: Location, problems: &mut Problems) {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if !is_label_name(name) || name.is_empty() || prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        problems
            .report(location, format!("`{}` is not a valid label key", shortened(key)))
            .expected("expected [domain/]name of letters, digits, `-`, `_` and `.`, at most 63");
    }
}

/// Reports a label value that Kubernetes would refuse.
pub fn check_label_value(value: &str, location: Location, problems: &mut Problems) {
    if !is_label_name(value) {
        problems
            .report(location, format!("`{}` is not a valid label value", shortened(value)))
            .expected("expected letters, digits, `-`, `_` and `.`, letter or digit first and last, at most 63");
    }
}

fn is_label_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    text.len() <= 63
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && ends.into_iter().flatten().all(u8::is_ascii_alphanumeric)
}

/// Amounts by resource name: `cpu`, `memory`, `ephemeral-storage`, `pods`, `hugepages-…`, or an
/// extended resource with a domain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceList(pub BTreeMap<String, Quantity>);

/// Resources without a domain.
const NATIVE: [&str; 4] = ["cpu", "memory", "ephemeral-storage", "pods"];

impl Read for ResourceList {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut amounts = BTreeMap::new();
        for entry in map_entries(node, "a map of resources", problems)? {
            let key = entry.key.as_str();
            if !NATIVE.contains(&key) && !key.starts_with("hugepages-") && !key.contains('/') {
                problems
                    .report(entry.key_location, format!("unknown resource `{}`", shortened(key)))
                    .expected("expected `cpu`, `memory`, `ephemeral-storage`, `pods`, or a name with a domain such as `nvidia.com/gpu`")
                    .suggest(key, NATIVE);
            }
            // one that cannot be read counts as 0, so that it is not reported as missing too
            let mut amount = Quantity::read(&entry.value, problems).unwrap_or_default();
            if (key.contains('/') || key == "pods") && !amount.is_whole() {
                problems
                    .report(entry.value.location, format!("`{key}` cannot be divided"))
                    .expected("expected a whole number");
            }
            if is_too_much(key, amount) {
                let problem = problems.report(entry.value.location, format!("too much `{}`", shortened(key)));
                problem.expected(if key == "cpu" { "expected at most 10^12" } else { "expected at most 1Pi" });
                amount = Quantity::default();
            }
            amounts.insert(entry.key.clone(), amount);
        }
        Some(ResourceList(amounts))
    }
    fn absent() -> Option<Self> {
        Some(ResourceList::default())
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        define(definitions, "Resources", |definitions| {
            json!({ "description": "Amounts by resource: `cpu`, `memory`, `ephemeral-storage`, `pods`, or an extended resource such as `nvidia.com/gpu`.",
                    "type": "object", "additionalProperties": Quantity::schema(definitions) })
        })
    }
}

words! {
    /// What a taint does to pods that do not tolerate it.
    pub enum Effect {
        /// Keeps new pods away.
        "NoSchedule" => NoSchedule,
        /// Keeps new pods away if possible.
        "PreferNoSchedule" => PreferNoSchedule,
        /// Keeps new pods away and evicts running ones.
        "NoExecute" => NoExecute,
    }
}

/// A number, or a share in per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A number.
    Count(u32),
    /// Per cent.
    Percent(u32),
}

impl Read for Amount {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, .. } = &node.value else {
            return mismatch(node, "a number or a percentage", problems);
        };
        if let Some(Plain::Integer(_)) = plain(node).map(resolve) {
            return u32::read(node, problems).map(Amount::Count);
        }
        match text.strip_suffix('%').map(str::parse) {
            Some(Ok(percent)) => Some(Amount::Percent(percent)),
            _ => mismatch(node, "a whole number, or a percentage such as `30%`", problems),
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+%$" }] })
    }
}

/// How long something takes: a duration, or a distribution as a map with one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency(pub Distribution);

impl Read for Latency {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return Shape::read(node, problems)?.distribution(node.location, problems).map(Latency);
        }
        Span::read(node, problems).map(|span| Latency(Distribution::Constant(span)))
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        define(definitions, "Latency", |definitions| {
            let shapes = Shape::schema(definitions);
            json!({ "description": "How long something takes: a duration, or a distribution.", "oneOf": [Span::schema(definitions), shapes] })
        })
    }
}

choice! {
    /// A distribution of lengths of time, one draw per use, seeded.
    pub enum Shape {
        /// Always the same.
        "constant" => Constant(Span),
        /// Each length between two equally likely.
        "uniform" => Uniform(UniformShape),
        /// Exponential.
        "exponential" => Exponential(ExponentialShape),
        /// Log-normal: the median times `e^(sigma·Z)`.
        "lognormal" => LogNormal(LogNormalShape),
        /// Weibull; below shape 1 the hazard falls with age.
        "weibull" => Weibull(ShapedMean),
        /// Normal, cut off at zero.
        "normal" => Normal(NormalShape),
        /// Gamma.
        "gamma" => Gamma(ShapedMean),
        /// Pareto: a power-law tail above a minimum.
        "pareto" => Pareto(ParetoShape),
        /// One of a list of observed lengths, each equally likely.
        "one-of" => OneOf(Vec<Span>),
        /// One of several distributions, chosen by weight.
        "mixture" => Mixture(Vec<WeightedShape>),
    }
}

record! {
    /// Uniform distribution.
    pub struct UniformShape {
        /// Shortest.
        "min" => min: Span,
        /// Longest.
        "max" => max: Span,
    }
}
record! {
    /// Exponential distribution.
    pub struct ExponentialShape {
        /// Mean.
        "mean" => mean: Span,
    }
}
record! {
    /// Log-normal distribution.
    pub struct LogNormalShape {
        /// Median.
        "median" => median: Span,
        /// Standard deviation of the logarithm; 0 or more.
        "sigma" => sigma: Spanned<f64>,
    }
}
record! {
    /// A distribution given by its shape and its mean.
    pub struct ShapedMean {
        /// Shape; above 0.
        "shape" => shape: Spanned<f64>,
        /// Mean.
        "mean" => mean: Span,
    }
}
record! {
    /// Normal distribution.
    pub struct NormalShape {
        /// Mean before the cut.
        "mean" => mean: Span,
        /// Standard deviation before the cut.
        "deviation" => deviation: Span,
    }
}
record! {
    /// Pareto distribution.
    pub struct ParetoShape {
        /// Tail index, above 0; the mean is infinite at 1 and below.
        "shape" => shape: Spanned<f64>,
        /// Shortest.
        "min" => min: Span,
    }
}
record! {
    /// One part of a mixture.
    pub struct WeightedShape {
        /// How often it is chosen, relative to the others; above 0.
        "weight" => weight: Spanned<f64>,
        /// What is drawn then.
        "latency" => latency: Latency,
    }
}

impl Shape {
    fn distribution(self, location: Location, problems: &mut Problems) -> Option<Distribution> {
        let mut empty = || -> Option<Distribution> {
            problems.report(location, "empty list").expected("expected at least one value");
            None
        };
        Some(match self {
            Shape::Constant(span) => Distribution::Constant(span),
            Shape::Uniform(u) if u.min > u.max => {
                problems.report(location, "`min` is longer than `max`");
                return None;
            }
            Shape::Uniform(u) => Distribution::Uniform(u.min, u.max),
            Shape::Exponential(e) => Distribution::Exponential { mean: e.mean },
            Shape::LogNormal(l) => {
                Distribution::LogNormal { median: l.median, sigma: at_least_zero(&l.sigma, problems)? }
            }
            Shape::Weibull(w) => Distribution::Weibull { shape: above_zero(&w.shape, problems)?, mean: w.mean },
            Shape::Normal(n) => Distribution::Normal { mean: n.mean, deviation: n.deviation },
            Shape::Gamma(g) => Distribution::Gamma { shape: above_zero(&g.shape, problems)?, mean: g.mean },
            Shape::Pareto(p) => Distribution::Pareto { shape: above_zero(&p.shape, problems)?, minimum: p.min },
            Shape::OneOf(spans) if spans.is_empty() => return empty(),
            Shape::OneOf(spans) => Distribution::Empirical(spans),
            Shape::Mixture(parts) if parts.is_empty() => return empty(),
            Shape::Mixture(parts) => {
                let part = |part: WeightedShape| Some((above_zero(&part.weight, problems)?, part.latency.0));
                Distribution::Mixture(parts.into_iter().map(part).collect::<Option<Vec<_>>>()?)
            }
        })
    }
}

fn above_zero(value: &Spanned<f64>, problems: &mut Problems) -> Option<f64> {
    if value.value > 0.0 {
        return Some(value.value);
    }
    problems.report(value.location, "number out of range").expected("expected more than 0");
    None
}

fn at_least_zero(value: &Spanned<f64>, problems: &mut Problems) -> Option<f64> {
    if value.value >= 0.0 {
        return Some(value.value);
    }
    problems.report(value.location, "number out of range").expected("expected 0 or more");
    None
}

/// What a pod asks of GPUs: thousandths of a device, of several whole ones the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuAmount(pub u32);

/// Most devices of a node.
pub const MAX_GPUS: u32 = 64;

impl Read for GpuAmount {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let milli = Quantity::read(node, problems)?.milli();
        let is_sound =
            (1..1000).contains(&milli) || (milli % 1000 == 0 && (1..=i64::from(MAX_GPUS)).contains(&(milli / 1000)));
        if !is_sound {
            let problem = problems.report(node.location, "not an amount of GPUs");
            problem.expected(format!("expected a share of one, such as `460m`, or a whole number up to {MAX_GPUS}"));
            return None;
        }
        Some(GpuAmount(milli as u32))
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        Quantity::schema(definitions)
    }
}
