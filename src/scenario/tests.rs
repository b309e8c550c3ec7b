//! The scenario file in the user's language: a few lines in, diagnostics or data out.

mod manifests;
mod reference;

use std::path::Path;

use super::schema::timeline::Action;
use super::schema::workloads::Workload;
use super::{Scenario, load, load_text};
use crate::cluster::Checkpoints;
use crate::engine::{Distribution, Span};

/// A sound beginning: three nodes and a Deployment `web`. Seven lines.
const START: &str = "name: t
duration: 15m
cluster:
  nodes: [{ name: worker, count: 3, capacity: { cpu: 4, memory: 8Gi }, zone: a }]
workloads:
  - deployment: web
    replicas: 2
";

fn diagnostics(text: &str) -> String {
    load_text("t.yaml", text, &[]).err().map_or("sound\n".to_string(), |diagnostics| diagnostics.render(false))
}

fn sound(text: &str) -> Scenario {
    load_text("t.yaml", text, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// Compares what is said about `START` and `more` with the expectation.
fn check(more: &str, expected: &str) {
    let rendered = diagnostics(&format!("{START}{more}"));
    assert_eq!(rendered.trim(), expected.trim(), "\n{rendered}");
}

/// The titles and positions of all problems.
fn titles(text: &str) -> Vec<String> {
    let Err(diagnostics) = load_text("t.yaml", text, &[]) else { return Vec::new() };
    let line = |problem: &super::diagnostics::Problem| match problem.location {
        Some(location) => {
            let (file, line, column) = diagnostics.position(location);
            format!("{file}:{line}:{column}: {}", problem.message)
        }
        None => problem.message.clone(),
    };
    diagnostics.problems().iter().map(line).collect()
}

#[test]
fn the_example_of_the_design_is_read() {
    let scenario = sound(
        r#"name: node-failure
seed: 7
duration: 15m
cluster:
  nodes:
    - name: worker
      count: 3
      capacity: { cpu: 4, memory: 8Gi, pods: 110 }
      labels: { disk: ssd }
      zone: eu-1a
      taints: []
workloads:
  - deployment: web
    replicas: 6
    pod: { image: "nginx:1.27", requests: { cpu: 500m, memory: 256Mi } }
timeline:
  - at: 2m
    crash: { node: worker-2 }
  - at: 8m
    scale: { deployment: web, replicas: 10 }
control-plane:
  kube-controller-manager: { node-monitor-grace-period: 40s }
kubelet: { start: 2s, stop: { lognormal: { median: 1s, sigma: 0.5 } } }
expect:
  - recovery_seconds{workload="web"} <= 420
"#,
    );
    assert_eq!(scenario.seed, 7);
    assert_eq!(scenario.duration.value, Span::from_secs(900));
    assert_eq!(scenario.cluster.nodes[0].node_name(1), "worker-2");
    let Workload::Deployment(web) = &scenario.workloads[0] else { panic!() };
    assert_eq!(web.pod.requests.0["cpu"].milli(), 500);
    let Action::Crash(crash) = &scenario.timeline[0].action else { panic!() };
    assert_eq!(crash.target.node.as_ref().unwrap().value, "worker-2");
    let flags = &scenario.control_plane.controller_manager;
    assert_eq!(flags.node_monitor_grace_period.value, Span::from_secs(40));
    assert_eq!(flags.node_monitor_period.value, Span::from_secs(5), "the default");
    assert_eq!(scenario.kubelet.start.unwrap().0, Distribution::Constant(Span::from_secs(2)));
    assert_eq!(scenario.kubelet.stop.0, Distribution::LogNormal { median: Span::from_secs(1), sigma: 0.5 });
    assert_eq!(scenario.expect[0].metric, "recovery_seconds");
    assert_eq!(scenario.expect[0].labels, [("workload".to_string(), "web".to_string())]);
    assert_eq!(scenario.expect[0].value, 420.0);
}

#[test]
fn unknown_key_is_marked_with_the_nearest_name() {
    check(
        "    min-redy-seconds: 3\n",
        "
error: unknown key `min-redy-seconds`
 --> t.yaml:8:5
  |
8 |     min-redy-seconds: 3
  |     ^^^^^^^^^^^^^^^^ expected one of `deployment`, `namespace`, `replicas`, `labels`, `strategy`, `min-ready-seconds`, `progress-deadline-seconds`, `pod`
  |
  = help: did you mean `min-ready-seconds`?",
    );
}

#[test]
fn units_are_required_and_suggested() {
    check(
        "timeline:
  - at: 90
    crash: { node: worker-1, for: 5M }
",
        "
error: not a duration: no unit after `90`
 --> t.yaml:9:9
  |
9 |   - at: 90
  |         ^^ expected numbers with units of ns, us, ms, s, m, h or d, such as `1m30s`
  |
  = help: did you mean `90s`?

error: not a duration: unknown unit `M`
  --> t.yaml:10:35
   |
10 |     crash: { node: worker-1, for: 5M }
   |                                   ^^ expected numbers with units of ns, us, ms, s, m, h or d, such as `1m30s`",
    );
}

#[test]
fn names_in_the_timeline_must_exist() {
    check(
        "timeline:
  - at: 2m
    crash: { node: wroker-2 }
  - at: 3m
    drain: { zone: b }
  - at: 20m
    scale: { deployment: wep, replicas: 3 }
",
        "
error: no node is called `wroker-2`
  --> t.yaml:10:20
   |
10 |     crash: { node: wroker-2 }
   |                    ^^^^^^^^
   |
   = help: did you mean `worker-2`?

error: no node is in a zone `b`
  --> t.yaml:12:20
   |
12 |     drain: { zone: b }
   |                    ^

error: after the end of the run
  --> t.yaml:13:9
   |
13 |   - at: 20m
   |         ^^^ expected at most 15m

error: no Deployment is called `wep`
  --> t.yaml:14:26
   |
14 |     scale: { deployment: wep, replicas: 3 }
   |                          ^^^
   |
   = help: did you mean `web`?",
    );
}

#[test]
fn duplicate_keys_show_both_places() {
    check(
        "    replicas: 3\n",
        "
error: duplicate key `replicas`
 --> t.yaml:8:5
  |
7 |     replicas: 2
  |     -------- first used here
8 |     replicas: 3
  |     ^^^^^^^^",
    );
}

#[test]
fn every_problem_of_a_file_is_reported_in_order() {
    let text = "name: Bad Name
seed: -1
duration: 0s
cluster:
  nodes:
    - { name: a, capacity: { cpu: 4, memory: 8GB, gpu: 1 } }
    - { name: a, count: 0, capacity: { cpu: 1 }, taints: [{ key: k, effect: NoExecut }] }
workloads:
  - deployment: web
    strategy: { max-surge: 0, max-unavailable: 0 }
    pod: { requests: { cpu: 2 }, limits: { cpu: 1 } }
  - deployment: web
  - foo: bar
timeline:
  - crash: { node: a }
  - { at: 1m, crash: {}, heal: { zone: z } }
  - { at: 1m, for: 3m }
control-plane: { kube-controller-manager: { unhealthy-zone-threshold: 2 } }
kubelet: { stop: { gamma: { shape: 0, mean: 1s } } }
phases: { node-monitor: 6s }
expect:
  - ready_pods{a=b} > 3
  - ready_pods =< 3
scheduler: { policy: x, config: { a: 1 } }
";
    assert_eq!(
        titles(text),
        [
            "t.yaml:1:7: `Bad Name` is not a valid name",
            "t.yaml:2:7: number out of range",
            "t.yaml:3:11: a run takes time",
            "t.yaml:6:46: not a quantity: unknown suffix `GB`",
            "t.yaml:6:51: unknown resource `gpu`",
            "t.yaml:7:15: no `memory` in the capacity of this node",
            "t.yaml:7:25: number out of range",
            "t.yaml:7:77: unknown value `NoExecut`",
            "t.yaml:9:17: request of `cpu` is more than its limit",
            "t.yaml:10:48: `max-surge` and `max-unavailable` are both 0",
            "t.yaml:12:17: a second Deployment `web`",
            "t.yaml:13:5: no kind of workload",
            "t.yaml:15:5: missing key `at`",
            "t.yaml:16:15: which nodes?",
            "t.yaml:16:26: a second action `heal` in one step",
            "t.yaml:17:5: no action",
            "t.yaml:17:15: `for` stands inside the action",
            "t.yaml:18:71: number out of range",
            "t.yaml:19:36: number out of range",
            "t.yaml:20:25: phase longer than the period",
            "t.yaml:22:18: not an expectation: `=\"…\"` is missing after label `a`",
            "t.yaml:23:16: not an expectation: a comparison is missing here",
            "t.yaml:24:22: both `policy` and `config`",
            "t.yaml:24:22: no policy is called `x`",
            "t.yaml:24:33: `` is not KubeSchedulerConfiguration",
            "t.yaml:24:33: `` is not kubescheduler.config.k8s.io/v1",
        ]
    );
}

/// An object in a scenario, its lines indented as they must be there.
fn with_object(object: &str) -> String {
    let lines: String = object.lines().map(|line| format!("      {line}\n")).collect();
    format!("{START}  - object:\n{lines}")
}

#[test]
fn settings_from_the_command_line_replace_parts_of_the_file() {
    let set = |path: &str, value: &str| load_text("t.yaml", START, &[(path.to_string(), value.to_string())]);
    assert_eq!(set("cluster.nodes[0].count", "5").unwrap().cluster.nodes[0].size(), 5);
    let scenario = set("control-plane.kube-controller-manager", "{ node-monitor-grace-period: 40s }").unwrap();
    assert_eq!(scenario.control_plane.controller_manager.node_monitor_grace_period.value, Span::from_secs(40));
    let scenario = set("kubelet.start", "3s").unwrap();
    assert_eq!(scenario.kubelet.start.unwrap().0, Distribution::Constant(Span::from_secs(3)));
    assert_eq!(
        set("workloads.0.replica", "5").unwrap_err().render(false).lines().take(2).collect::<Vec<_>>(),
        ["error: unknown key `replica`", " --> --set workloads.0.replica:1:1"]
    );
    assert_eq!(
        set("workloads.7.replicas", "5").unwrap_err().problems()[0].message,
        "cannot set `workloads.7.replicas`: the list has 1 items, so there is no [7]"
    );
    assert_eq!(set("seed", "x").unwrap_err().problems()[0].message, "expected a whole number, found text");
}

#[test]
fn hostile_files_are_refused_quickly() {
    let bomb = |levels: usize| {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_string();
        for level in 1..levels {
            let uses = vec![format!("*a{}", level - 1); 9].join(",");
            text += &format!("a{level}: &a{level} [{uses}]\n");
        }
        text
    };
    let many_aliases = format!("a: &a x\nb: [{}]\n", vec!["*a"; 2000].join(","));
    let quadratic = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 900].join(","));
    let cases = [
        (bomb(30), "aliases expand to too much text"),
        (many_aliases, "more than 1000 aliases"),
        (quadratic, "aliases expand to too much text"),
        ("a: &a [*a]\n".to_string(), "an anchor cannot be used inside itself"),
        ("[".repeat(100_000), "nested deeper than 64 levels"),
        ("- ".repeat(100_000), "nested deeper than 64 levels"),
        (START.replace("count: 3", "count: 9999999999"), "too many nodes: 9999999999"),
        (START.replace("replicas: 2", "replicas: 9999999999"), "number out of range"),
        (
            START.replace("  - deployment: web", "  - pod: x\n    count: 9999999999\n  - deployment: web"),
            "too many pods: 9999999999",
        ),
        (START.replace("15m", "999999999d"), "not a duration: longer than 292 years"),
        (format!("name: {}\n", "x".repeat(100 << 20)), "text larger than 16 MiB"),
        (format!("name: {}\n{}", "x".repeat(1 << 20), &START[8..]), "is not a valid name"),
        ("a: b: c".to_string(), "not sound YAML"),
        ("a: \"open\n".to_string(), "not sound YAML"),
        ("\0".to_string(), "not sound YAML"),
        (String::new(), "the file is empty"),
        ("- 1\n".to_string(), "found a list"),
        (format!("{START}---\nname: x\n"), "a second document"),
        ("a: !!str x\n".to_string(), "YAML tags are not supported"),
        ("? [a]\n: b\n".to_string(), "a key must be plain text"),
    ];
    for (text, expected) in cases {
        let rendered = diagnostics(&text);
        let beginning: String = text.chars().take(60).collect();
        assert!(rendered.contains(expected), "{beginning}: {rendered}");
        assert!(rendered.len() < 10_000, "{beginning}: {} bytes", rendered.len());
    }
}

#[test]
fn positions_count_characters_and_survive_line_ends() {
    let text = START.replace('\n', "\r\n").replace("name: t", "name: t\r\ndescription: \"größe — ü\"");
    assert_eq!(titles(&text), [""; 0]);
    let text = START.replace("zone: a }", "zone: a, region: r, \"ü\": 1 }");
    assert_eq!(titles(&text), ["t.yaml:4:92: unknown key `ü`"]);
    let text = format!("# ü\n{}", START.replace("web", "Web"));
    assert_eq!(titles(&text), ["t.yaml:7:17: `Web` is not a valid name"]);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = START.replace("cluster:", "description: &d some text\ncluster:").replace(
        "nodes: [{",
        "nodes: [&w { name: big, capacity: { cpu: 8, memory: 1Gi } }, { <<: *w, name: other }, {",
    );
    let scenario = sound(&text);
    assert_eq!(scenario.cluster.nodes[1].name.text, "other");
    assert_eq!(scenario.cluster.nodes[1].capacity, scenario.cluster.nodes[0].capacity);
}

#[test]
fn targets_combine_sensibly() {
    let step = |target: &str| titles(&format!("{START}timeline: [{{ at: 1m, crash: {target} }}]\n"));
    for target in [
        "{ node: worker-1, for: 5m }",
        "{ nodes: [worker-1, worker-3] }",
        "{ nodes: { selector: \"disk=ssd,gpu!=a\" }, zone: a, random: 30% }",
        "{ nodes: { selector: { matchExpressions: [{ key: a, operator: In, values: [b] }] } } }",
        "{ random: 2 }",
    ] {
        assert_eq!(step(target), [""; 0], "{target}");
    }
    for (target, title) in [
        ("{}", "t.yaml:8:22: which nodes?"),
        ("{ node: worker-1, random: 1 }", "t.yaml:8:22: nodes by name cannot be narrowed down"),
        ("{ random: 130% }", "t.yaml:8:39: percentage out of range"),
        ("{ random: 0 }", "t.yaml:8:39: number out of range"),
        ("{ nodes: { selector: \"a in (b\" } }", "t.yaml:8:50: not a selector: `(` is not closed"),
        ("{ node: worker }", "t.yaml:8:37: no node is called `worker`"),
    ] {
        assert_eq!(step(target), [title], "{target}");
    }
}

#[test]
fn colours_are_there_when_asked_for() {
    let diagnostics = load_text("t.yaml", "nam: t\n", &[]).unwrap_err();
    assert!(diagnostics.render(true).contains("\u{1b}["));
    assert!(!diagnostics.render(false).contains('\u{1b}'));
}

#[test]
fn objectives_are_shares_and_expected_by_name() {
    let sound_ones =
        sound(&format!("{START}objectives: [0.95, 0.999999]\nexpect: ['burn_rate_max{{objective=\"0.95\"}} <= 1']\n"));
    let labels = super::build::objectives(&sound_ones).iter().map(|objective| objective.label()).collect::<Vec<_>>();
    assert_eq!(labels, ["0.95", "0.999999"]);
    let wrong = titles(&format!(
        "{START}objectives: [0.95, 1, 0.9999999, 0.95]
expect:
  - burn_rate_max{{objective=\"0.99\"}} <= 1
  - burn_rate_alerts_total{{window=\"2h\"}} == 0
  - node_availability_ratio{{zone=\"nowhere\"}} > 0
"
    ));
    let messages: Vec<&str> = wrong.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        messages,
        [
            "no objective of service",
            "no objective of service",
            "this objective stands here twice",
            "no rows of objective `0.99`",
            "no rows of window `2h`",
            "no rows of zone `nowhere`",
        ]
    );
}

#[test]
fn what_is_added_later_is_not_there_before() {
    check(
        "timeline:
  - { at: 5m, add-nodes: { name: extra, count: 2, capacity: { cpu: 4, memory: 8Gi } } }
  - { at: 5m, create: { deployment: late } }
  - { at: 4m, crash: { node: extra-2 } }
  - { at: 6m, crash: { node: extra-2 } }
  - { at: 4m, delete: { deployment: late } }
  - { at: 6m, delete: { deployment: late } }
",
        "
error: node `extra-2` is added later
  --> t.yaml:11:30
   |
11 |   - { at: 4m, crash: { node: extra-2 } }
   |                              ^^^^^^^ not before 5m

error: Deployment `late` is created later
  --> t.yaml:13:37
   |
13 |   - { at: 4m, delete: { deployment: late } }
   |                                     ^^^^ not before 5m",
    );
}
