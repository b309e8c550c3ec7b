//! `expect:` recovery objectives such as `recovery_seconds{workload="web"} <= 420`.

use serde_json::json;

use crate::scenario::diagnostics::Problems;
use crate::scenario::read::{Definitions, Read, Spanned, mismatch};
use crate::scenario::source::{Location, Node, Value};

/// A condition on a metric at the end of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The condition as written.
    pub text: String,
    /// Name of the metric.
    pub metric: String,
    /// Label matchers, in the order written.
    pub labels: Vec<(String, String)>,
    /// How the value compares.
    pub comparison: Comparison,
    /// The bound, in the unit of the metric.
    pub value: f64,
    /// Where it was written.
    pub location: Location,
    /// Where the metric's name stands.
    pub metric_location: Location,
}

/// How an observed value compares with the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// Symbols, longer ones before their prefixes.
const SYMBOLS: [(&str, Comparison); 6] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Comparison {
    /// Whether the observed value satisfies the bound.
    pub fn holds(self, observed: f64, bound: f64) -> bool {
        match self {
            Comparison::AtMost => observed <= bound,
            Comparison::Below => observed < bound,
            Comparison::AtLeast => observed >= bound,
            Comparison::Above => observed > bound,
            Comparison::Equal => observed == bound,
            Comparison::NotEqual => observed != bound,
        }
    }

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        SYMBOLS.iter().find(|(_, comparison)| *comparison == self).map_or("", |(symbol, _)| symbol)
    }
}

impl Expectation {
    /// A row of a metric, `metric{label="value"}`, of which nothing is expected. `None` if it is none.
    pub(crate) fn of_row(row: &Spanned<String>) -> Option<Expectation> {
        let text = format!("{} >= 0", row.value);
        let (metric, labels, comparison, value) = Cursor { rest: &text, length: text.len() }.expectation().ok()?;
        let location = row.location;
        Some(Expectation { text, metric, labels, comparison, value, location, metric_location: location })
    }
}

impl Read for Expectation {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::Scalar { text, plain } = &node.value else {
            let problem = "text such as `recovery_seconds{workload=\"web\"} <= 420`";
            return mismatch(node, problem, problems);
        };
        let mut cursor = Cursor { rest: text, length: text.len() };
        let outcome = cursor.expectation();
        // inside quotes the text may have been unescaped, so that only the whole can be marked
        let exact = *plain && (node.location.end - node.location.start) as usize == text.len();
        let part = |from: usize, to: usize| match exact {
            true => Location {
                start: node.location.start + from as u32,
                end: node.location.start + to as u32,
                ..node.location
            },
            false => node.location,
        };
        match outcome {
            Ok((metric, labels, comparison, value)) => Some(Expectation {
                text: text.clone(),
                metric_location: part(0, metric.len()),
                metric,
                labels,
                comparison,
                value,
                location: node.location,
            }),
            Err(wanted) => {
                let at = cursor.length - cursor.rest.len();
                let end = at + cursor.rest.find(char::is_whitespace).unwrap_or(cursor.rest.len());
                problems
                    .report(part(at, end), format!("not an expectation: {wanted}"))
                    .expected("expected `metric{label=\"value\"} <= number`, with <=, <, >=, >, == or !=");
                None
            }
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[a-z_][a-z0-9_]*\\s*(\\{.*\\})?\\s*(<=|<|>=|>|==|!=)\\s*[-+0-9.eE]+$",
                "examples": ["recovery_seconds{workload=\"web\"} <= 420"] })
    }
}

type Parts = (String, Vec<(String, String)>, Comparison, f64);

struct Cursor<'a> {
    rest: &'a str,
    length: usize,
}

impl<'a> Cursor<'a> {
    fn expectation(&mut self) -> Result<Parts, String> {
        let metric = self.word("the name of a metric")?.to_string();
        let labels = if self.eat("{") { self.labels()? } else { Vec::new() };
        let Some((_, comparison)) = SYMBOLS.iter().find(|(symbol, _)| self.eat(symbol)) else {
            return Err("a comparison is missing here".to_string());
        };
        self.skip_space();
        let value: f64 = self.rest.parse().map_err(|_| "a number is missing here".to_string())?;
        if !value.is_finite() {
            return Err("the number is not finite".to_string());
        }
        Ok((metric, labels, *comparison, value))
    }

    fn labels(&mut self) -> Result<Vec<(String, String)>, String> {
        let mut labels = Vec::new();
        while !self.eat("}") {
            let name = self.word("the name of a label")?.to_string();
            if !self.eat("=") || !self.eat("\"") {
                return Err(format!("`=\"…\"` is missing after label `{name}`"));
            }
            let end = self.rest.find('"').ok_or("the quote is not closed")?;
            labels.push((name, self.rest[..end].to_string()));
            self.rest = &self.rest[end + 1..];
            if !self.eat(",") && !self.rest.trim_start().starts_with('}') {
                return Err("`,` or `}` is missing here".to_string());
            }
        }
        Ok(labels)
    }

    fn word(&mut self, what: &str) -> Result<&'a str, String> {
        self.skip_space();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("{what} is missing here"));
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    fn eat(&mut self, text: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
