//! `sim why`, on three nodes whose scores are worked out by hand.
//!
//! `web` asks for 1 core of 4 and 2Gi of 8Gi on `big`: LeastAllocated gives 75 for each, so 75; on `little` 1 of 2
//! and 2Gi of 4Gi: 50. Both use their resources evenly before and after, so the balance scores 75 on both
//! (reference 4.4). No node has a taint that counts for the score: 100 × 3. Nobody has the image: 0. Totals
//! 300 + 75 + 75 = 450 and 425. `closed` has a taint that nobody tolerates.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const SCENARIO: &str = "name: why
duration: 10m
cluster:
  nodes:
    - { name: big, capacity: { cpu: 4, memory: 8Gi } }
    - { name: little, capacity: { cpu: 2, memory: 4Gi } }
    - { name: closed, capacity: { cpu: 8, memory: 8Gi }, taints: [{ key: team, value: blue, effect: NoSchedule }] }
workloads:
  - manifest: web.yaml
timeline:
  - { at: 1m, create: { manifest: heavy.yaml } }
  - { at: 2m, create: { manifest: greedy.yaml } }
";

const URGENT: &str = "apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: urgent }
value: 1000
---
";

const SET: &str = "apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      containers: [{ name: db, image: 'db:1', resources: { requests: { cpu: 100m, memory: 128Mi } } }]
";

fn pod(name: &str, class: &str, requests: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{ name: {name} }}
spec:
  priorityClassName: '{class}'
  containers: [{{ name: main, image: 'main:1', resources: {{ requests: {requests} }} }}]
"
    )
}

/// What `sim why` answers: exit code, standard output, standard error.
fn why(arguments: &[&str]) -> (Option<i32>, String, String) {
    why_in(SCENARIO, arguments)
}

fn why_in(scenario: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(Path::join(folder.path(), name), text).unwrap();
    write("why.yaml", scenario);
    write("set.yaml", SET);
    write("web.yaml", &pod("web", "", "{ cpu: 1, memory: 2Gi }"));
    write("heavy.yaml", &(URGENT.to_string() + &pod("heavy", "urgent", "{ cpu: 4 }")));
    write("greedy.yaml", &pod("greedy", "", "{ cpu: 100 }"));
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    command.args(["why", "why.yaml"]).args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("plain text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The answer as text, blanks in a row counting as one.
fn told(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = why(arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let lines = stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn says(told: &str, lines: &[&str]) {
    lines.iter().for_each(|line| assert!(told.contains(line), "no {line:?} in\n{told}"));
}

fn answer(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = why(&[arguments, &["--json"]].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn every_node_is_told_with_its_scores_or_the_filter_that_rejected_it() {
    let told = told(&["web", "--at", "30s"]);
    says(
        &told,
        &[
            "default/web priority 0, default-scheduler\n30s: Running on big\n",
            "Attempt 1 at",
            "3 of 3 nodes looked at",
            "Taken: big, which has the highest total.",
            "NODE TOTAL TaintToleration NodeResourcesFit NodeResourcesBalancedAllocation ImageLocality\n× 3 × 1 × 1 × 1\n",
            "\nbig 450 100 (0) 75 (75) 75 (75) 0 (0)\nlittle 425 100 (0) 50 (50) 75 (75) 0 (0)\n",
            "1 closed TaintToleration node(s) had untolerated taint(s) no",
        ],
    );
}

#[test]
fn preemption_is_told_with_candidates_victims_and_what_decided() {
    let told = told(&["heavy", "--at", "61s"]);
    says(
        &told,
        &[
            "1m1s: Pending, on no node\n",
            "1 big NodeResourcesFit Insufficient cpu yes",
            "1 little NodeResourcesFit Insufficient cpu no",
            "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.\n",
            "Preemption makes room on big: the only candidate",
            "big default/web (0) 0 0s",
            "Back-off 1s, until 1m2s",
            "If it were tried now: 0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. \
             no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node.",
        ],
    );
    says(&self::told(&["heavy"]), &["Attempt 2 at", "Taken: big, to which it was nominated; no other was looked at."]);
    says(&self::told(&["web"]), &["default/web priority 0, default-scheduler\n10m: gone\n", "Taken: big"]);
}

#[test]
fn a_pending_pod_is_told_what_it_waits_for() {
    let told = told(&["greedy", "--at", "3m"]);
    says(
        &told,
        &[
            "No node was feasible.",
            "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            "In the queue: unschedulable since 2m; attempts 1, of which without a node 1",
            "Back-off 1s, over since 2m2s",
            // looked at every 30 s; at 7m it has waited a little less than the 5 min that must be over
            "Tried again at 7m30s even if nothing happens",
            "NodeResourcesFit a node is added empty, it could hold the pod",
            "TaintToleration a node's taints change the pod tolerates them now and did not before",
        ],
    );
}

/// Pods of a StatefulSet are spread by default: one pod on a node gives it ln(2 + 2) + 2 = 3.39, an empty one has 2;
/// rounded 3 and 2, normalised 100·(3 + 2 - 3) / 3 = 66 and 100. There are no zones.
#[test]
fn pods_of_a_stateful_set_are_spread_by_default() {
    let scenario = "name: why
duration: 2m
cluster: { nodes: [{ name: n, count: 2, capacity: { cpu: 4, memory: 8Gi } }] }
workloads: [{ manifest: set.yaml }]
";
    let (code, stdout, stderr) = why_in(scenario, &["db-1", "--json"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    let nodes = answer["attempt"]["nodes"].as_array().unwrap();
    let scores = nodes.iter().flat_map(|node| node["verdict"]["feasible"]["scores"].as_array().unwrap());
    let spread = scores.filter(|score| score["plugin"] == "PodTopologySpread");
    let mut spread: Vec<(i64, i64)> =
        spread.map(|score| (score["raw"].as_i64().unwrap(), score["normalised"].as_i64().unwrap())).collect();
    spread.sort_unstable();
    assert_eq!(spread, [(2, 100), (3, 66)]);
}

#[test]
fn json_tells_the_same() {
    let web = answer(&["default/web", "--at", "30s"]);
    assert_eq!(web["pod"], "default/web");
    assert_eq!(web["attempt"]["choice"], json!({"best": "big"}));
    assert_eq!(web["waiting"], Value::Null);
    let big = &web["attempt"]["nodes"][0];
    assert_eq!((&big["name"], &big["verdict"]["feasible"]["total"]), (&json!("big"), &json!(450)));
    let taints = &big["verdict"]["feasible"]["scores"][0];
    assert_eq!(
        *taints,
        json!({"plugin": "TaintToleration", "raw": 0, "normalised": 100, "weight": 3, "weighted": 300})
    );
    let closed = &web["attempt"]["nodes"][2]["verdict"]["rejected"];
    assert_eq!(closed["code"], "UnschedulableAndUnresolvable");
    let heavy = answer(&["heavy", "--at", "61s"]);
    let preemption = &heavy["attempt"]["preemption"];
    assert_eq!(preemption["candidates"][0]["victims"], json!([{"pod": "default/web", "priority": 0}]));
    assert_eq!((&preemption["node"], &preemption["decided_by"]), (&json!("big"), &json!("the only candidate")));
    assert_eq!(heavy["waiting"]["backoff"], json!({"delay_seconds": 1.0, "until_seconds": 62.0}));
}

#[test]
fn a_pod_that_is_not_there_is_a_mistake_with_the_nearest_name() {
    let (code, stdout, stderr) = why(&["wob"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr, "error: no pod wob was created until then, did you mean web?\n");
    let (code, _, stderr) = why(&["heavy", "--at", "10s"]);
    assert_eq!((code, stderr.as_str()), (Some(2), "error: no pod heavy was created until then\n"));
}

#[test]
fn an_instant_beyond_the_run_is_a_mistake() {
    let (code, stdout, stderr) = why(&["web", "--at", "11m"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr, "error: --at 11m: the run ends at 10m\n");
}

/// `big` has 4 cores, `little` 2; `web` asks for 1.
#[test]
fn a_policy_tells_what_it_goes_by() {
    let with = |scheduler: &str| format!("{SCENARIO}{scheduler}\n");
    let told = |scheduler: &str| {
        let (code, out, err) = why_in(&with(scheduler), &["web", "--at", "30s"]);
        assert_eq!(code, Some(0), "{out}{err}");
        let words: Vec<&str> = out.split_whitespace().collect();
        words.join(" ")
    };
    let own = told("policies: [{ name: mine, score: node.free.cpu / 8.0 }]\nscheduler: { policy: mine }");
    assert!(own.contains("NODE PlacementPolicy big 0.5 little 0.25"), "{own}");
    let drawn = told("scheduler: { policy: random-fit }");
    assert!(drawn.contains(" chosen") && drawn.contains(" passed over"), "{drawn}");
    // dominant shares with the pod: 1/4 and 2Gi/8Gi; 1/2
    let two = told("scheduler: { policy: power-of-two }");
    assert!(two.contains("big chosen (load 0.2500) little passed over (load 0.5000)"), "{two}");
}
