//! `summary.json`: the run in figures, for programs. Keys keep their order; an infinite value is null.

use serde::Serialize;

use crate::outcome::provenance::Input;
use crate::outcome::{Incident, Outcome, Workload};

/// Actions and incidents listed: a year of a large cluster has a hundred thousand, which nobody wants to parse.
const LISTED: usize = 1000;

#[derive(Serialize)]
struct Summary<'a> {
    scenario: &'a str,
    seed: u64,
    policy: &'a str,
    duration_seconds: f64,
    digest: String,
    changes: u64,
    fault_trace: String,
    idle_faults: &'a [String],
    /// Rows of traces that were skipped by choice; left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped_rows: Vec<SkippedJson<'a>>,
    expectations: Vec<ExpectationJson<'a>>,
    /// How many there were: of more than [`LISTED`] the first are listed.
    actions_total: usize,
    actions: Vec<ActionJson<'a>>,
    /// The same of incidents; incidents.csv has them all.
    incidents_total: usize,
    incidents: Vec<IncidentJson<'a>>,
    workloads: Vec<WorkloadJson<'a>>,
    metrics: Vec<MetricJson>,
}

#[derive(Serialize)]
struct SkippedJson<'a> {
    path: &'a str,
    rows: u64,
    first: &'a str,
}

fn skipped(input: &Input) -> SkippedJson<'_> {
    SkippedJson { path: &input.path, rows: input.skipped, first: &input.first_skipped }
}

#[derive(Serialize)]
struct ExpectationJson<'a> {
    expect: &'a str,
    observed: Option<f64>,
    held: bool,
}

#[derive(Serialize)]
struct ActionJson<'a> {
    at_seconds: f64,
    kind: &'static str,
    verb: &'a str,
    /// The name of the entry of `faults:`; empty for the timeline.
    fault: &'a str,
    label: &'a str,
    nodes: &'a [String],
}

#[derive(Serialize)]
struct IncidentJson<'a> {
    action: &'a str,
    fault: &'a str,
    planned: bool,
    workload: &'a str,
    nodes: &'a [String],
    fault_seconds: f64,
    /// Instants of the run; null: it never came to that.
    detected_seconds: Option<f64>,
    first_evicted_seconds: Option<f64>,
    last_evicted_seconds: Option<f64>,
    first_created_seconds: Option<f64>,
    last_created_seconds: Option<f64>,
    first_scheduled_seconds: Option<f64>,
    last_scheduled_seconds: Option<f64>,
    last_ready_seconds: Option<f64>,
    returned_seconds: Option<f64>,
    whole_seconds: Option<f64>,
    recovery_seconds: Option<f64>,
    stages: Option<Vec<StageJson>>,
    serving_before: u32,
    serving_lowest: u32,
    pods_hit: u32,
    pods_displaced: u32,
    pods_replaced: u32,
    pods_extra: u32,
    pods_pending: u32,
    pending_reason: Option<&'a str>,
    unavailable_pod_seconds: f64,
    undecided: bool,
}

#[derive(Serialize)]
struct StageJson {
    stage: &'static str,
    seconds: f64,
}

#[derive(Serialize)]
struct WorkloadJson<'a> {
    workload: &'a str,
    kind: &'a str,
    namespace: &'a str,
    desired: u32,
    serving: u32,
    lowest: Option<u32>,
    availability_ratio: Option<f64>,
    unavailable_pod_seconds: f64,
}

#[derive(Serialize)]
struct MetricJson {
    metric: String,
    value: Option<f64>,
    unit: &'static str,
}

/// The whole file.
pub(crate) fn json(outcome: &Outcome) -> String {
    let summary = Summary {
        scenario: &outcome.run.scenario,
        seed: outcome.run.seed,
        policy: &outcome.run.policy,
        duration_seconds: rounded(outcome.duration.as_secs_f64()),
        digest: digest_text(outcome.digest),
        changes: outcome.changes,
        fault_trace: digest_text(outcome.fault_trace),
        idle_faults: &outcome.idle_faults,
        skipped_rows: outcome.run.provenance.inputs.iter().filter(|input| input.skipped > 0).map(skipped).collect(),
        expectations: outcome.expectations.iter().map(expectation).collect(),
        actions_total: outcome.actions.len(),
        actions: outcome.actions.iter().take(LISTED).map(action).collect(),
        incidents_total: outcome.incidents.len(),
        incidents: outcome.incidents.iter().take(LISTED).map(|i| incident(i, outcome)).collect(),
        workloads: outcome.workloads.iter().map(workload).collect(),
        metrics: outcome.metrics.iter().map(metric).collect(),
    };
    to_text(&summary)
}

/// Indented JSON with a line end.
pub(crate) fn to_text(value: &impl Serialize) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(text) => text + "\n",
        Err(error) => panic!("plain data has a JSON form: {error}"),
    }
}

/// How digests are written.
pub(crate) fn digest_text(digest: u64) -> String {
    format!("{digest:016x}")
}

/// To the nearest millionth, so that files do not carry noise.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then(|| rounded(value))
}

fn expectation(expectation: &crate::outcome::Expectation) -> ExpectationJson<'_> {
    let observed = expectation.observed.and_then(finite);
    ExpectationJson { expect: &expectation.text, observed, held: expectation.held }
}

fn action(action: &crate::outcome::Action) -> ActionJson<'_> {
    use crate::outcome::ActionKind;
    let kind = match action.kind {
        ActionKind::Fault => "fault",
        ActionKind::Disruption => "disruption",
        ActionKind::Command => "command",
        ActionKind::FaultEnded => "fault-ended",
    };
    let at_seconds = rounded(action.at.as_secs_f64());
    ActionJson {
        at_seconds,
        kind,
        verb: &action.verb,
        fault: &action.fault,
        label: &action.label,
        nodes: &action.nodes,
    }
}

fn incident<'a>(i: &'a Incident, outcome: &'a Outcome) -> IncidentJson<'a> {
    let stage =
        |stage: &crate::outcome::Stage| StageJson { stage: stage.name, seconds: rounded(stage.span.as_secs_f64()) };
    let instant = |at: Option<crate::engine::Time>| at.map(|at| rounded(at.as_secs_f64()));
    IncidentJson {
        action: &i.label,
        fault: outcome.actions.get(i.action).map_or("", |action| &action.fault),
        planned: i.planned,
        workload: &i.workload,
        nodes: &i.nodes,
        fault_seconds: rounded(i.fault.as_secs_f64()),
        detected_seconds: instant(i.detected),
        first_evicted_seconds: instant(i.first_evicted),
        last_evicted_seconds: instant(i.last_evicted),
        first_created_seconds: instant(i.first_created),
        last_created_seconds: instant(i.last_created),
        first_scheduled_seconds: instant(i.first_scheduled),
        last_scheduled_seconds: instant(i.last_scheduled),
        last_ready_seconds: instant(i.last_ready),
        returned_seconds: instant(i.returned),
        whole_seconds: instant(i.whole),
        recovery_seconds: i.recovery().map(|span| rounded(span.as_secs_f64())),
        stages: i.stages().map(|stages| stages.iter().map(stage).collect()),
        serving_before: i.serving_before,
        serving_lowest: i.serving_lowest,
        pods_hit: i.pods_hit,
        pods_displaced: i.pods_displaced,
        pods_replaced: i.pods_replaced,
        pods_extra: i.pods_extra,
        pods_pending: i.pods_pending,
        pending_reason: i.pending_reason.as_deref(),
        unavailable_pod_seconds: rounded(i.unavailable_pod_seconds()),
        undecided: i.undecided,
    }
}

fn workload(workload: &Workload) -> WorkloadJson<'_> {
    WorkloadJson {
        workload: &workload.label,
        kind: &workload.kind,
        namespace: &workload.namespace,
        desired: workload.desired,
        serving: workload.serving,
        lowest: workload.lowest,
        availability_ratio: workload.availability_ppm.map(|ppm| ppm as f64 / 1e6),
        unavailable_pod_seconds: rounded(workload.unavailable_pod_nanos as f64 / 1e9),
    }
}

fn metric(row: &crate::outcome::MetricRow) -> MetricJson {
    MetricJson { metric: row.to_string(), value: finite(row.value), unit: row.unit }
}
