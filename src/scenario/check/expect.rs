//! Checks of `expect:`: metrics, labels and workloads that exist.

use std::collections::BTreeSet;

use super::Names;
use crate::engine::Span;
use crate::metrics::{self, Objective};
use crate::scenario::build;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::manifests::Object;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::expect::Expectation;

/// Checks every expectation, and the row by which replications are stopped.
pub(super) fn check(scenario: &Scenario, objects: &[(Span, Object)], names: &Names<'_>, problems: &mut Problems) {
    let mut workloads = workloads(objects);
    if !scenario.arrivals.is_empty() {
        workloads.insert("(pods)".to_string());
    }
    let until = scenario.replications.until.as_ref().and_then(|until| Expectation::of_row(&until.metric));
    for expectation in scenario.expect.iter().chain(&until) {
        let metric_names = || metrics::ALL.iter().map(|metric| metric.name);
        let Some(metric) = metrics::find(&expectation.metric) else {
            let problem =
                problems.report(expectation.metric_location, format!("no metric is called `{}`", expectation.metric));
            problem.help("`sim list metrics` shows them all").suggest(&expectation.metric, metric_names());
            continue;
        };
        labels(expectation, metric.labels, problems);
        share(expectation, problems);
        values(expectation, metric.labels, scenario, names, problems);
        let Some((_, workload)) = expectation.labels.iter().find(|(label, _)| label == "workload") else { continue };
        // a workload made again after its deletion gets a number
        let name = workload.split_once('#').map_or(workload.as_str(), |(name, _)| name);
        if metric.labels.contains(&"workload") && names.known.workloads && !workloads.contains(name) {
            let problem = problems.report(expectation.location, format!("no workload is called `{workload}`"));
            problem.suggest(workload, workloads.iter().map(String::as_str));
        }
    }
}

fn labels(expectation: &Expectation, known: &[&'static str], problems: &mut Problems) {
    let Expectation { metric, labels, location, .. } = expectation;
    for (index, (label, _)) in labels.iter().enumerate() {
        if !known.contains(&label.as_str()) {
            let problem = problems.report(*location, format!("metric `{metric}` has no label `{label}`"));
            match known {
                [] => problem.expected("it has none"),
                _ => problem
                    .expected(format!("expected {}", listed(known.iter().copied())))
                    .suggest(label, known.iter().copied()),
            };
        } else if labels[..index].iter().any(|(other, _)| other == label) {
            problems.report(*location, format!("label `{label}` is given twice"));
        }
    }
}

/// A share of time is never above 1: who asks for 99.9 means percent.
fn share(expectation: &Expectation, problems: &mut Problems) {
    let Expectation { metric, value, location, .. } = expectation;
    let is_share = ["availability_ratio", "serving_ratio", "complete_ratio"].iter().any(|end| metric.ends_with(end));
    if is_share && *value > 1.0 {
        let problem = problems.report(*location, format!("`{metric}` is a share of time, never above 1"));
        let problem = problem.expected("expected a number from 0 to 1");
        if (50.0..=100.0).contains(value) {
            problem.help(format!("did you mean {}?", ((value * 1e7).round() / 1e9)));
        }
    }
}

/// Values of labels that the file tells: objectives, the alerts' windows, zones.
fn values(
    expectation: &Expectation,
    known: &[&'static str],
    scenario: &Scenario,
    names: &Names<'_>,
    problems: &mut Problems,
) {
    for (label, value) in expectation.labels.iter().filter(|(label, _)| known.contains(&label.as_str())) {
        let values: Vec<String> = match label.as_str() {
            "objective" => build::objectives(scenario).iter().copied().map(Objective::label).collect(),
            "window" => metrics::burn::windows().map(str::to_string).collect(),
            "zone" if names.known.nodes => names.zones().map(str::to_string).collect(),
            _ => continue,
        };
        if !values.contains(value) {
            let problem = problems.report(expectation.location, format!("no rows of {label} `{value}`"));
            let problem = match values.is_empty() {
                true => problem.expected("there are none"),
                false => problem.expected(format!("expected one of {}", listed(values.iter().map(String::as_str)))),
            };
            problem.suggest(value, values.iter().map(String::as_str));
        }
    }
}

/// Objectives are between 0 and 1, each once.
pub(super) fn objectives(scenario: &Scenario, problems: &mut Problems) {
    for (index, written) in scenario.objectives.iter().enumerate() {
        if build::objective(written.value).is_none() {
            let problem = problems.report(written.location, "no objective of service");
            problem.expected("expected a share above 0 and below 1, in millionths at most, such as 0.999");
        } else if scenario.objectives[..index].iter().any(|other| other.value == written.value) {
            problems.report(written.location, "this objective stands here twice");
        }
    }
}

/// What metrics may call the workloads: `name`, `namespace/name` or `kind/namespace/name`; pods without
/// an owner are one workload.
fn workloads(objects: &[(Span, Object)]) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for (_, object) in objects {
        match object.kind() {
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => {
                let short = match object.namespace.as_str() {
                    "default" => object.name.clone(),
                    namespace => format!("{namespace}/{}", object.name),
                };
                labels.insert(format!("{}/{short}", object.kind().to_lowercase()));
                labels.insert(short);
            }
            "Pod" => {
                labels.insert("(pods)".to_string());
            }
            _ => {}
        }
    }
    labels
}
