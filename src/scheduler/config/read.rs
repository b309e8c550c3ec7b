//! A user's `KubeSchedulerConfiguration` v1 (reference: scheduler.md 7): strict reading, defaults,
//! validation. All problems are returned, each with the path of its field.

use std::fmt;

use serde_json::{Map, Value};

use crate::cluster::Names;
use crate::engine::Span;

use super::args::read_args;
use super::merge::merge;
use super::{Config, ProfileConfig};

/// Something wrong with a field of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field: `profiles[0].pluginConfig[1].args`.
    pub path: String,
    /// What is wrong, and what is wanted.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// What reading carries along.
pub(super) struct Reader<'a> {
    pub(super) names: &'a mut Names,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }

    /// The value as a map whose keys are all known; anything else is reported. Nothing for null.
    pub(super) fn map<'v>(&mut self, path: &str, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        if value.is_null() {
            return None;
        }
        let Some(map) = value.as_object() else {
            self.problem(path, "a map is wanted");
            return None;
        };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            self.problem(join(path, key), format!("unknown field; known are {}", known.join(", ")));
        }
        Some(map)
    }

    /// The value as a list; nothing for null.
    pub(super) fn list<'v>(&mut self, path: &str, value: &'v Value) -> &'v [Value] {
        match value {
            Value::Null => &[],
            Value::Array(list) => list,
            _ => {
                self.problem(path, "a list is wanted");
                &[]
            }
        }
    }

    /// The value as a whole number in a range, or the default for null.
    pub(super) fn integer(&mut self, path: &str, value: &Value, range: (i64, i64), default: i64) -> i64 {
        match value {
            Value::Null => default,
            value => match value.as_i64().filter(|number| (range.0..=range.1).contains(number)) {
                Some(number) => number,
                None if range.1 == i64::MAX => {
                    self.problem(path, format!("`{value}` is not a whole number of at least {}", range.0));
                    default
                }
                None => {
                    self.problem(path, format!("`{value}` is not a whole number from {} to {}", range.0, range.1));
                    default
                }
            },
        }
    }

    /// The value as text.
    pub(super) fn text<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v str> {
        if !value.is_null() && !value.is_string() {
            self.problem(path, "text is wanted");
        }
        value.as_str()
    }

    /// The value as a boolean, or false for null.
    pub(super) fn boolean(&mut self, path: &str, value: &Value) -> bool {
        if !value.is_null() && !value.is_boolean() {
            self.problem(path, "true or false is wanted");
        }
        value.as_bool().unwrap_or(false)
    }
}

/// `a.b`, or `b` at the top.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

/// A field that may be missing.
pub(super) fn field<'v>(map: &'v Map<String, Value>, key: &str) -> &'v Value {
    map.get(key).unwrap_or(&Value::Null)
}

const FIELDS: &[&str] = &[
    "apiVersion",
    "kind",
    "parallelism",
    "percentageOfNodesToScore",
    "podInitialBackoffSeconds",
    "podMaxBackoffSeconds",
    "clientConnection",
    "leaderElection",
    "healthzBindAddress",
    "metricsBindAddress",
    "enableProfiling",
    "enableContentionProfiling",
    "profiles",
    "extenders",
    "delayCacheUntilActive",
];

/// Reads a configuration.
///
/// # Errors
/// Everything that is wrong with it, or that cannot be honoured.
pub fn read(value: &Value, names: &mut Names) -> Result<Config, Vec<Problem>> {
    let mut config = Config::new(names);
    let mut reader = Reader { names, problems: Vec::new() };
    if check_version(&mut reader, value)
        && let Some(map) = reader.map("", value, FIELDS)
    {
        read_globals(&mut reader, map, &mut config);
        read_profiles(&mut reader, map, &mut config);
    }
    if reader.problems.is_empty() { Ok(config) } else { Err(reader.problems) }
}

/// Whether it is a v1 configuration. Others are refused with what to change.
fn check_version(reader: &mut Reader<'_>, value: &Value) -> bool {
    let before = reader.problems.len();
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    if kind != "KubeSchedulerConfiguration" {
        reader.problem("kind", format!("`{kind}` is not KubeSchedulerConfiguration"));
    }
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    match version.strip_prefix("kubescheduler.config.k8s.io/") {
        Some("v1") => (),
        Some("v1beta3") => reader.problem(
            "apiVersion",
            "v1beta3 is gone since Kubernetes 1.29: write kubescheduler.config.k8s.io/v1; the fields are the same",
        ),
        Some("v1beta2") => reader.problem(
            "apiVersion",
            "v1beta2 is gone since Kubernetes 1.28: write kubescheduler.config.k8s.io/v1 and list the plugin weights you rely on, as the defaults of NodeAffinity, TaintToleration and InterPodAffinity have changed to 2, 3 and 2",
        ),
        Some("v1beta1" | "v1alpha1" | "v1alpha2") => reader.problem(
            "apiVersion",
            "this version is gone: write kubescheduler.config.k8s.io/v1, replace NodeResourcesLeastAllocated, NodeResourcesMostAllocated and RequestedToCapacityRatio by NodeResourcesFit with scoringStrategy, and drop NodeLabel, ServiceAffinity, NodePreferAvoidPods and SelectorSpread",
        ),
        _ => reader.problem("apiVersion", format!("`{version}` is not kubescheduler.config.k8s.io/v1")),
    }
    reader.problems.len() == before
}

fn read_globals(reader: &mut Reader<'_>, map: &Map<String, Value>, config: &mut Config) {
    reader.integer("parallelism", field(map, "parallelism"), (1, i64::MAX), 16);
    let seconds = |number: i64| Span::from_secs(number.unsigned_abs());
    let initial = reader.integer("podInitialBackoffSeconds", field(map, "podInitialBackoffSeconds"), (1, i64::MAX), 1);
    let longest = reader.integer("podMaxBackoffSeconds", field(map, "podMaxBackoffSeconds"), (1, i64::MAX), 10);
    if longest < initial {
        reader.problem("podMaxBackoffSeconds", format!("`{longest}` is less than podInitialBackoffSeconds {initial}"));
    }
    (config.initial_backoff, config.max_backoff) = (seconds(initial.min(1 << 30)), seconds(longest.min(1 << 30)));
    let connection = ["kubeconfig", "acceptContentTypes", "contentType", "qps", "burst"].as_slice();
    if let Some(client) = reader.map("clientConnection", field(map, "clientConnection"), connection) {
        // 0 stands for the default
        let burst = reader.integer("clientConnection.burst", field(client, "burst"), (0, i64::MAX), 100);
        config.client_burst = if burst == 0 { 100 } else { burst.unsigned_abs() };
        let qps = field(client, "qps");
        match qps.as_f64().filter(|qps| *qps >= 0.0) {
            Some(0.0) => (),
            Some(qps) => config.client_qps_milli = (qps * 1000.0).round() as u64,
            None if qps.is_null() => (),
            None => reader.problem("clientConnection.qps", format!("`{qps}` is not a number of at least 0")),
        }
    }
    for (index, extender) in reader.list("extenders", field(map, "extenders")).iter().enumerate() {
        let url = extender.get("urlPrefix").and_then(Value::as_str).unwrap_or("without urlPrefix");
        reader.problem(
            format!("extenders[{index}]"),
            format!("extender {url} cannot be honoured: it is a program outside the scheduler; remove it"),
        );
    }
}

fn read_profiles(reader: &mut Reader<'_>, map: &Map<String, Value>, config: &mut Config) {
    let percentage = reader.integer("percentageOfNodesToScore", field(map, "percentageOfNodesToScore"), (0, 100), 0);
    let profiles = reader.list("profiles", field(map, "profiles"));
    if profiles.is_empty() {
        config.profiles[0].percentage_of_nodes_to_score = percentage as u32;
        return;
    }
    config.profiles.clear();
    for (index, value) in profiles.iter().enumerate() {
        let path = format!("profiles[{index}]");
        let known = ["schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig"];
        let Some(profile) = reader.map(&path, value, &known) else { continue };
        let name = reader.text(&join(&path, "schedulerName"), field(profile, "schedulerName"));
        let name = match name.filter(|name| !name.is_empty()) {
            Some(name) => reader.names.intern(name),
            None => {
                if profiles.len() > 1 {
                    reader.problem(join(&path, "schedulerName"), "a name is wanted where there are several profiles");
                }
                config.known.default_scheduler
            }
        };
        if config.profiles.iter().any(|other| other.name == name) {
            reader.problem(join(&path, "schedulerName"), "another profile has this name");
        }
        let mut result = ProfileConfig::new(name, &config.known);
        let own = join(&path, "percentageOfNodesToScore");
        let share = reader.integer(&own, field(profile, "percentageOfNodesToScore"), (0, 100), percentage);
        result.percentage_of_nodes_to_score = share as u32;
        result.points = merge(reader, &join(&path, "plugins"), field(profile, "plugins"));
        read_args(
            reader,
            &join(&path, "pluginConfig"),
            field(profile, "pluginConfig"),
            &config.known,
            &mut result.args,
        );
        config.profiles.push(result);
    }
}
