//! Reports of outcomes made by hand.

use crate::engine::{Span, Time};
use crate::outcome::study::{Estimate, MetricSummary, Replicate, Study};
use crate::outcome::{
    Action, ActionKind, EventRow, EventSink, Expectation, Incident, Layout, MetricRow, NodeRow, NodeState, Outcome,
    PodRow, Point, Run, Series, Workload,
};

use super::{EventsCsv, Folder, tables, terminal, write_all};

fn t(seconds: f64) -> Time {
    Time(Span::from_secs_f64(seconds).0)
}

fn steps(name: &'static str, unit: &'static str, label: Option<(&'static str, &str)>, at: &[(f64, f64)]) -> Series {
    let labels = label.into_iter().map(|(key, value)| (key, value.to_string())).collect();
    let point = |&(at, value): &(f64, f64)| Point { at: t(at), mean: value, min: value, max: value };
    Series { name, unit, labels, points: at.iter().map(point).collect() }
}

fn crash(number: u32, at: f64) -> Action {
    let node = format!("worker-{number}");
    Action {
        at: t(at),
        kind: ActionKind::Fault,
        verb: "crash".to_string(),
        fault: "power".to_string(),
        label: format!("crash {node}").into(),
        nodes: [node].into(),
        struck: true,
        takes_out: true,
    }
}

/// A worker of three dies at 2 min; `web` is whole again 349.6 s later; scaled to 8 at 10 min.
pub(super) fn node_failure() -> Outcome {
    let web = Some(("workload", "web"));
    let scale = Action {
        at: t(600.0),
        kind: ActionKind::Command,
        verb: "scale".to_string(),
        fault: String::new(),
        label: "scale deployment web to 8".into(),
        nodes: [].into(),
        struck: true,
        takes_out: true,
    };
    Outcome {
        run: Run {
            scenario: "node-failure".to_string(),
            text: "name: node-failure\n".to_string(),
            seed: 1,
            ..Run::default()
        },
        duration: Span::from_secs(900),
        digest: 0x5c1f_3a77_0b21_9e04,
        arrivals: 0,
        changes: 123,
        fault_trace: 0,
        idle_faults: Vec::new(),
        failed_expressions: Vec::new(),
        chaos: None,
        actions: vec![crash(2, 120.0), scale],
        incidents: vec![crash_incident()],
        workloads: vec![Workload {
            label: "web".to_string(),
            kind: "Deployment".to_string(),
            namespace: "default".to_string(),
            desired: 8,
            serving: 8,
            lowest: Some(4),
            unavailable_pod_nanos: 717_000_000_000,
            availability_ppm: Some(881_000),
            ..Workload::default()
        }],
        metrics: vec![
            MetricRow {
                name: "recovery_seconds",
                unit: "seconds",
                labels: vec![("workload", "web".to_string())],
                value: 349.574,
            },
            MetricRow { name: "recovery_seconds_mean", unit: "seconds", labels: vec![], value: f64::INFINITY },
        ],
        series: node_failure_series(web),
        pods: vec![PodRow {
            namespace: "default".to_string(),
            name: "web-1-abcde".to_string(),
            workload: "web".into(),
            containers: (0, 1),
            status: "Terminating",
            node: "worker-2".to_string(),
            bound: Some(t(0.013)),
            reason: "said, \"no\"".to_string(),
            ..PodRow::default()
        }],
        unserved: Vec::new(),
        nodes: (1..=3).map(node_row).collect(),
        expectations: vec![
            Expectation {
                text: "recovery_seconds{workload=\"web\"} <= 420".to_string(),
                observed: Some(349.574),
                bound: 420.0,
                held: true,
            },
            Expectation {
                text: "availability_ratio{workload=\"web\"} >= 0.90".to_string(),
                observed: Some(0.881),
                bound: 0.90,
                held: false,
            },
        ],
    }
}

fn crash_incident() -> Incident {
    Incident {
        label: "crash worker-2".into(),
        workload: "web".into(),
        nodes: ["worker-2".to_string()].into(),
        fault: t(120.0),
        detected: Some(t(167.443)),
        first_evicted: Some(t(467.521)),
        last_evicted: Some(t(467.528)),
        first_created: Some(t(467.535)),
        last_created: Some(t(467.549)),
        first_scheduled: Some(t(467.543)),
        last_scheduled: Some(t(467.556)),
        last_ready: Some(t(469.574)),
        whole: Some(t(469.574)),
        end: t(900.0),
        desired_before: 6,
        serving_before: 6,
        serving_lowest: 4,
        pods_hit: 2,
        pods_displaced: 2,
        pods_replaced: 2,
        unavailable_pod_nanos: 699_134_000_000,
        before: Layout { imbalance_ppm: 0, fragmentation_ppm: 0, node_spread: 0, zone_spread: 0 },
        after: Layout { imbalance_ppm: 12_500, fragmentation_ppm: 0, node_spread: 1, zone_spread: 0 },
        ..Incident::default()
    }
}

fn node_failure_series(web: Option<(&'static str, &str)>) -> Vec<Series> {
    let mut all = vec![
        steps("pods_desired", "pods", web, &[(0.0, 6.0), (600.0, 8.0)]),
        steps(
            "pods_serving",
            "pods",
            web,
            &[
                (0.0, 0.0),
                (2.1, 3.0),
                (2.3, 6.0),
                (120.0, 4.0),
                (469.56, 5.0),
                (469.574, 6.0),
                (602.0, 7.0),
                (602.1, 8.0),
            ],
        ),
        steps(
            "pods_ready",
            "pods",
            web,
            &[
                (0.0, 0.0),
                (2.1, 3.0),
                (2.3, 6.0),
                (167.443, 4.0),
                (469.56, 5.0),
                (469.574, 6.0),
                (602.0, 7.0),
                (602.1, 8.0),
            ],
        ),
        steps("nodes_ready", "nodes", None, &[(0.0, 3.0), (167.443, 2.0)]),
        steps(
            "cpu_requested_ratio",
            "ratio",
            None,
            &[(0.0, 0.0), (0.1, 0.25), (167.443, 0.25), (467.5, 0.375), (600.0, 0.5)],
        ),
        steps("memory_requested_ratio", "ratio", None, &[(0.0, 0.0), (0.1, 0.06), (467.5, 0.09), (600.0, 0.12)]),
        steps("node_imbalance_ratio", "ratio", None, &[(0.0, 0.0), (467.5, 0.0125)]),
        steps("fragmentation_ratio", "ratio", None, &[(0.0, 0.0)]),
        steps(
            "pods_pending",
            "pods",
            None,
            &[(0.0, 6.0), (2.1, 3.0), (2.3, 0.0), (467.5, 2.0), (469.6, 0.0), (600.0, 2.0), (602.0, 0.0)],
        ),
        steps("pods_unscheduled", "pods", None, &[(0.0, 6.0), (0.1, 0.0), (467.5, 2.0), (467.6, 0.0)]),
    ];
    for node in 1..=3 {
        let name = format!("worker-{node}");
        let label = Some(("node", name.as_str()));
        let ratio: &[(f64, f64)] = match node {
            2 => &[(0.0, 0.0), (0.1, 0.25), (167.443, 0.0)],
            _ => &[(0.0, 0.0), (0.1, 0.25), (467.5, 0.375), (600.0, 0.5)],
        };
        all.push(steps("node_cpu_requested_ratio", "ratio", label, ratio));
        all.push(steps("node_memory_requested_ratio", "ratio", label, ratio));
        all.push(steps(
            "node_pods",
            "pods",
            label,
            &[(0.0, 0.0), (0.1, 2.0), (467.5, if node == 2 { 2.0 } else { 3.0 })],
        ));
    }
    all
}

fn node_row(number: u32) -> NodeRow {
    let mut states = vec![(t(0.0), NodeState::Ready)];
    if number == 2 {
        states.extend([(t(120.0), NodeState::Unnoticed), (t(167.443), NodeState::NotReady)]);
    }
    NodeRow {
        name: format!("worker-{number}"),
        status: if number == 2 { "NotReady" } else { "Ready" }.to_string(),
        zone: "eu-1a".to_string(),
        pods: 4,
        cpu_milli: (2000, 4000),
        memory_bytes: (1 << 30, 8 << 30),
        states,
        ..NodeRow::default()
    }
}

#[test]
fn the_terminal_tells_what_broke_and_what_it_cost() {
    let expected = "\
node-failure · seed 1 · 15m simulated · digest 5c1f3a770b219e04

2m        crash worker-2
            web        2 of 6 pods hit
            +47.4s     noticed
            +5m47.5s   evicted      2 pods
            +5m47.5s   replaced     2 pods
            +5m47.5s   scheduled    the last +5m47.6s
            +5m49.6s   whole again
            cost       699.1 pod-seconds unavailable, fewest 4 of 6 serving
10m       scale deployment web to 8

WORKLOAD   SERVING  AVAILABLE  FEWEST  SERVING, 0 TO 15M
web            8/8     88.10%       4  ·████▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅█████▆█████████████

held    recovery_seconds{workload=\"web\"} <= 420   observed 349.574
BROKEN  availability_ratio{workload=\"web\"} >= 0.90   observed 0.881, off by 0.019
";
    let told = terminal::summary(&node_failure());
    assert_eq!(told, expected, "\n{told}");
}

#[test]
fn the_terminal_tells_why_pods_wait() {
    let mut outcome = node_failure();
    let waiting = |workload: &str, reason: &str| PodRow {
        workload: workload.to_string(),
        status: "Pending",
        reason: reason.to_string(),
        ..PodRow::default()
    };
    outcome.pods = vec![
        waiting("big", "0/3 nodes are available: 3 Insufficient cpu."),
        waiting("big", "0/3 nodes are available: 3 Insufficient cpu."),
        waiting("web", "told by its incident"),
    ];
    outcome.incidents[0].pods_pending = 1;
    let told = terminal::summary(&outcome);
    let pending: Vec<&str> = told.lines().filter(|line| line.starts_with("pending")).collect();
    assert_eq!(pending, ["pending   2 pods of big: 0/3 nodes are available: 3 Insufficient cpu."], "{told}");
}

#[test]
fn files_are_written_whole_and_stale_ones_of_ours_go() {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap_or_default();
    let read = |name: &str| String::from_utf8(bytes(name)).unwrap_or_default();
    let old = r#"{"files": [{"path": "plots/gone.svg"}]}"#;
    for (name, text) in [("manifest.json", old), ("plots/gone.svg", "x"), ("notes.txt", "mine")] {
        super::folder::write_below(dir.path(), name, text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
    let mut folder = Folder::create(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let mut events = folder.events().unwrap_or_else(|error| panic!("{error}"));
    events.row(&EventRow {
        at: t(47.443),
        kind: "node",
        namespace: String::new(),
        name: "n01".to_string(),
        class: "Fact",
        reason: "Ready",
        message: "Unknown".to_string(),
    });
    assert!(!dir.path().join("events.csv").exists(), "nothing is seen before all of it is there");
    let names = folder.write(&node_failure()).unwrap_or_else(|error| panic!("{error}"));
    assert!(names.iter().all(|name| !bytes(name).is_empty()), "{names:?}");
    assert_eq!(
        read("events.csv"),
        "time_s,class,kind,namespace,name,reason,message\n47.443000,Fact,node,,n01,Ready,Unknown\n"
    );
    assert!(!dir.path().join("plots/gone.svg").exists() && !dir.path().join(".partial").exists());
    assert_eq!(read("notes.txt"), "mine");
}

#[test]
fn a_run_that_ends_early_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut folder = Folder::create(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    assert!(folder.events().is_ok());
    drop(folder);
    let left = std::fs::read_dir(dir.path()).map(Iterator::count);
    assert_eq!(left.unwrap_or(1), 0);
}

#[test]
fn equal_outcomes_give_equal_bytes() {
    let write = || {
        let dir = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let names = write_all(&node_failure(), dir.path()).unwrap_or_else(|error| panic!("{error}"));
        let read = |name: &String| std::fs::read(dir.path().join(name)).unwrap_or_default();
        names.iter().map(|name| (name.clone(), read(name))).collect::<Vec<_>>()
    };
    assert_eq!(write(), write());
}

#[test]
fn tables_have_fixed_formats() {
    let outcome = node_failure();
    let incidents = tables::incidents(&outcome);
    let row = incidents.lines().nth(1).unwrap_or_default();
    assert!(row.starts_with("1,crash worker-2,power,false,web,worker-2,120.000000,167.443000,467.521000,"), "{row}");
    assert!(
        row.contains(",349.574000,47.443000,300.085000,0.021000,0.007000,0.000000,2.018000,6,6,4,2,2,2,0,0,"),
        "{row}"
    );
    let pods = tables::pods(&outcome);
    assert_eq!(
        pods.lines().nth(1),
        Some(
            "default,web-1-abcde,0/1,Terminating,0,900.000000,worker-2,web,0.000000,0.013000,,0,0,\"said, \"\"no\"\"\""
        )
    );
    let metrics = tables::metrics(&outcome);
    assert_eq!(metrics.lines().nth(1), Some("recovery_seconds,workload=web,349.574000,seconds"));
    assert_eq!(metrics.lines().nth(2), Some("recovery_seconds_mean,,inf,seconds"));
    let series = tables::timeseries(&outcome);
    assert_eq!(series.lines().nth(2), Some("pods_desired,workload=web,600.000000,8.000000,8.000000,8.000000,pods"));
    let _ = EventsCsv::new(Vec::new());
}

#[test]
fn every_picture_is_drawn_for_every_kind_of_run() {
    for outcome in [node_failure(), Outcome::default(), never_whole(), busy_month()] {
        for (name, picture) in super::plots::all(&outcome) {
            let (svg, png) = (picture.svg(), picture.png().unwrap_or_default());
            assert!(png.starts_with(b"\x89PNG\r\n"), "{name}");
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{name}");
            assert!(!svg.contains("NaN") && !svg.contains("<script"), "{name}");
        }
    }
}

/// The same crash with no room for the replacements, under a hostile name.
fn never_whole() -> Outcome {
    let mut outcome = node_failure();
    outcome.run.scenario = "<script>".to_string();
    outcome.actions[0].label = "crash <script>&\"".into();
    let incident = &mut outcome.incidents[0];
    incident.label = "crash <script>&\"".into();
    incident.whole = None;
    incident.pods_pending = 2;
    incident.pending_reason = Some("0/3 nodes are available: 2 Insufficient cpu.".to_string());
    outcome
}

/// A month of crashes: hundreds of incidents, averaged series, more nodes than rows.
fn busy_month() -> Outcome {
    let mut outcome = node_failure();
    let web = Some(("workload", "web"));
    outcome.duration = Span::from_secs(30 * 86_400);
    outcome.actions = (0..300).map(|number| crash(number % 60 + 1, f64::from(number) * 8600.0 + 500.0)).collect();
    outcome.incidents = (0..300u32)
        .map(|number| {
            let at = f64::from(number) * 8600.0 + 500.0;
            let recovery = 340.0 + f64::from(number * 7919 % 97);
            Incident {
                action: number as usize,
                label: format!("crash worker-{}", number % 60 + 1).into(),
                fault: t(at),
                detected: Some(t(at + 47.0)),
                first_evicted: Some(t(at + 336.0)),
                last_evicted: Some(t(at + 338.0)),
                whole: (number % 50 != 7).then(|| t(at + recovery)),
                end: Time(outcome.duration.0),
                ..crash_incident()
            }
        })
        .collect();
    let bucket = |number: u32| Point {
        at: t(f64::from(number) * 2592.0),
        mean: 60.0 - f64::from(number * 31 % 17) / 10.0,
        min: 60.0 - f64::from(number * 31 % 17) / 4.0,
        max: 60.0,
    };
    let averaged: Vec<Point> = (0..1000).map(bucket).collect();
    outcome.series = ["pods_serving", "pods_ready"]
        .map(|name| Series { points: averaged.clone(), ..steps(name, "pods", web, &[]) })
        .into();
    outcome.series.push(steps("pods_desired", "pods", web, &[(0.0, 60.0)]));
    outcome.nodes = (1..=60).map(node_row).collect();
    for number in 0..60usize {
        let at = number as f64 * 8600.0 + 500.0;
        outcome.nodes[number].states = [
            (0.0, NodeState::Ready),
            (at, NodeState::Unnoticed),
            (at + 47.0, NodeState::NotReady),
            (at + 86_400.0, NodeState::Ready),
        ]
        .map(|(at, state)| (t(at), state))
        .into();
    }
    outcome
}

#[test]
fn what_a_cause_costs_is_a_mean_over_all_seeds() {
    // chaos struck with reboots in one of four seeds only: 400 there, 100 on average
    let metric = |labels: &str, n: usize, mean: f64| MetricSummary {
        metric: format!("attributed_pod_seconds{{{labels}}}"),
        n,
        moments: Some((mean, 1.0)),
        t: Some(Estimate { value: mean, low: mean - 2.0, high: mean + 2.0 }),
        ..MetricSummary::default()
    };
    let metrics = vec![
        metric("fault=\"chaos-1\"", 4, 400.0),
        metric("verb=\"reboot\"", 1, 400.0),
        metric("verb=\"partition\"", 4, 300.0),
    ];
    let study = Study { replicates: vec![Replicate::default(); 4], metrics, confidence: 0.95, ..Study::default() };
    let text = super::study::terminal(&study);
    let told: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(told.contains(&vec!["partition", "300", "[298,", "302]", "75", "%"]), "{text}");
    assert!(told.contains(&vec!["reboot", "100", "-", "25", "%"]), "{text}");
}
