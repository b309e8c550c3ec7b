//! The CSV files. Columns are stable; new ones are added at the end. Times are seconds since the start
//! with six decimals, empty for what never happened.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use crate::outcome::{EventRow, EventSink, Incident, Layout, NodeRow, Outcome, PodRow, STAGES, Series};

use super::format::{instant, number, seconds};

/// A table as CSV text: a header and rows.
pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut out = csv::Writer::from_writer(Vec::new());
    let written = out.write_record(header).and_then(|()| rows.into_iter().try_for_each(|row| out.write_record(&row)));
    assert!(written.is_ok(), "rows of a table differ in length: {header:?}");
    let bytes = out.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

/// `incidents.csv`: one row per fault (or planned disruption) and workload it hit.
pub(crate) fn incidents(outcome: &Outcome) -> String {
    const HEADER: [&str; 41] = [
        "incident",
        "action",
        "fault",
        "planned",
        "workload",
        "nodes",
        "fault_s",
        "detected_s",
        "first_evicted_s",
        "last_evicted_s",
        "first_created_s",
        "last_created_s",
        "first_scheduled_s",
        "last_scheduled_s",
        "last_ready_s",
        "whole_s",
        "returned_s",
        "recovery_seconds",
        "stage_detect_seconds",
        "stage_evict_seconds",
        "stage_replace_seconds",
        "stage_schedule_seconds",
        "stage_return_seconds",
        "stage_start_seconds",
        "desired_before",
        "serving_before",
        "serving_lowest",
        "pods_hit",
        "pods_displaced",
        "pods_replaced",
        "pods_extra",
        "pods_pending",
        "unavailable_pod_seconds",
        "attributed_pod_seconds",
        "undecided",
        "struck_again",
        "overlapping",
        "imbalance_before_after",
        "fragmentation_before_after",
        "spread_before_after",
        "pending_reason",
    ];
    table(&HEADER, outcome.incidents.iter().enumerate().map(|(index, incident)| incident_row(index, incident, outcome)))
}

fn incident_row(index: usize, i: &Incident, outcome: &Outcome) -> Vec<String> {
    let action = outcome.actions.get(i.action);
    let mut row = vec![
        (index + 1).to_string(),
        i.label.to_string(),
        action.map_or(String::new(), |action| action.fault.clone()),
        i.planned.to_string(),
        i.workload.to_string(),
        i.nodes.join(" "),
        seconds(i.fault.0),
    ];
    let instants = [
        i.detected,
        i.first_evicted,
        i.last_evicted,
        i.first_created,
        i.last_created,
        i.first_scheduled,
        i.last_scheduled,
        i.last_ready,
        i.whole,
        i.returned,
    ];
    row.extend(instants.map(instant));
    row.push(i.recovery().map_or(String::new(), |span| seconds(span.0)));
    match i.stages() {
        Some(stages) => row.extend(stages.map(|stage| seconds(stage.span.0))),
        None => row.extend(STAGES.map(|_| String::new())),
    }
    let counts = [
        i.desired_before,
        i.serving_before,
        i.serving_lowest,
        i.pods_hit,
        i.pods_displaced,
        i.pods_replaced,
        i.pods_extra,
        i.pods_pending,
    ];
    row.extend(counts.map(|count| count.to_string()));
    row.push(number(i.unavailable_pod_seconds()));
    row.push(number(i.attributed_pod_nanos as f64 / 1e9));
    row.push(i.undecided.to_string());
    row.push(i.struck_again.to_string());
    row.push(i.overlapping.to_string());
    row.extend(layouts(&i.before, &i.after));
    row.push(i.pending_reason.clone().unwrap_or_default());
    row
}

/// Imbalance, fragmentation (ratios) and spread (pods per node, per zone), each `before after`.
fn layouts(before: &Layout, after: &Layout) -> [String; 3] {
    let ratio = |ppm: i64| number(ppm as f64 / 1e6);
    let spread = |layout: &Layout| format!("{}/{}", layout.node_spread, layout.zone_spread);
    [
        format!("{} {}", ratio(before.imbalance_ppm), ratio(after.imbalance_ppm)),
        format!("{} {}", ratio(before.fragmentation_ppm), ratio(after.fragmentation_ppm)),
        format!("{} {}", spread(before), spread(after)),
    ]
}

/// `metrics.csv`: every value of every metric.
pub(crate) fn metrics(outcome: &Outcome) -> String {
    let row = |row: &crate::outcome::MetricRow| {
        vec![row.name.to_string(), labels_text(&row.labels), number(row.value), row.unit.to_string()]
    };
    table(&["metric", "labels", "value", "unit"], outcome.metrics.iter().map(row))
}

/// `pods.csv`: pods at the end, in kubectl's columns and a few instants.
pub(crate) fn pods(outcome: &Outcome) -> String {
    const HEADER: [&str; 14] = [
        "namespace",
        "name",
        "ready",
        "status",
        "restarts",
        "age_s",
        "node",
        "workload",
        "created_s",
        "bound_s",
        "ready_s",
        "cpu_milli",
        "memory_bytes",
        "reason",
    ];
    let end = outcome.duration.0;
    let row = |pod: &PodRow| {
        vec![
            pod.namespace.clone(),
            pod.name.clone(),
            format!("{}/{}", pod.containers.0, pod.containers.1),
            pod.status.to_string(),
            pod.restarts.to_string(),
            seconds(end.saturating_sub(pod.created.0)),
            pod.node.clone(),
            pod.workload.clone(),
            seconds(pod.created.0),
            instant(pod.bound),
            instant(pod.ready),
            pod.cpu_milli.to_string(),
            pod.memory_bytes.to_string(),
            pod.reason.clone(),
        ]
    };
    table(&HEADER, outcome.pods.iter().map(row))
}

/// `nodes.csv`: all nodes there were, as they are at the end.
pub(crate) fn nodes(outcome: &Outcome) -> String {
    const HEADER: [&str; 10] = [
        "name",
        "status",
        "zone",
        "pods",
        "cpu_requested_milli",
        "cpu_allocatable_milli",
        "memory_requested_bytes",
        "memory_allocatable_bytes",
        "taints",
        "not_ready_seconds",
    ];
    let row = |node: &NodeRow| {
        vec![
            node.name.clone(),
            node.status.clone(),
            node.zone.clone(),
            node.pods.to_string(),
            node.cpu_milli.0.to_string(),
            node.cpu_milli.1.to_string(),
            node.memory_bytes.0.to_string(),
            node.memory_bytes.1.to_string(),
            node.taints.join(" "),
            seconds(node.not_ready.0),
        ]
    };
    table(&HEADER, outcome.nodes.iter().map(row))
}

/// `timeseries.csv`, one row per step: a value holds until the next row of its series. Where steps were
/// too many they are exact averages over equal buckets, with the least and greatest value beside.
pub(crate) fn timeseries(outcome: &Outcome) -> String {
    let rows = |series: &Series| -> Vec<Vec<String>> {
        let labels = labels_text(&series.labels);
        let row = |point: &crate::outcome::Point| {
            let head = [series.name.to_string(), labels.clone(), seconds(point.at.0)];
            let values = [number(point.mean), number(point.min), number(point.max), series.unit.to_string()];
            head.into_iter().chain(values).collect()
        };
        series.points.iter().map(row).collect()
    };
    table(&["series", "labels", "time_s", "value", "min", "max", "unit"], outcome.series.iter().flat_map(rows))
}

/// `key=value` pairs, separated by spaces.
fn labels_text(labels: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}

/// `events.csv`, written row by row while the run goes on. Clones share the one file, so that one can
/// be given to the run and the other asked in the end whether all went well.
pub struct EventsCsv<W: Write>(Rc<RefCell<EventsState<W>>>);

struct EventsState<W: Write> {
    out: csv::Writer<W>,
    error: Option<csv::Error>,
}

impl<W: Write> Clone for EventsCsv<W> {
    fn clone(&self) -> Self {
        EventsCsv(Rc::clone(&self.0))
    }
}

impl<W: Write> EventsCsv<W> {
    /// Writes the header to `out`.
    pub fn new(out: W) -> Self {
        let mut out = csv::Writer::from_writer(out);
        let header = ["time_s", "class", "kind", "namespace", "name", "reason", "message"];
        let error = out.write_record(header).err();
        EventsCsv(Rc::new(RefCell::new(EventsState { out, error })))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first error met since the beginning; nothing was written after it.
    pub fn finish(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        match state.error.take() {
            Some(error) => Err(error.into()),
            None => state.out.flush(),
        }
    }
}

impl<W: Write> EventSink for EventsCsv<W> {
    fn row(&mut self, row: &EventRow) {
        let mut state = self.0.borrow_mut();
        if state.error.is_none() {
            let time = seconds(row.at.0);
            let cells = [&time, row.class, row.kind, &row.namespace, &row.name, row.reason, &row.message];
            state.error = state.out.write_record(cells).err();
        }
    }
}
