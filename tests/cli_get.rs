//! `sim get`, `describe` and `events`: what kubectl would show of a cluster whose only node with pods crashes at
//! 2 min. Its last lease was renewed at most 10 s before; it is found silent after more than 50 s, so that it is Ready
//! at 2m30s and NotReady from 3m10s on (nodes.md 3). Its pods are marked then, deleted 300 s later and, as nobody
//! on the node answers, stay Terminating.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

const SCENARIO: &str = "name: get
duration: 15m
start: settled
cluster:
  nodes:
    - { name: full, capacity: { cpu: 2, memory: 4Gi } }
    - { name: small, capacity: { cpu: 100m, memory: 4Gi } }
workloads:
  - { deployment: web, replicas: 2, pod: { image: 'web:1', requests: { cpu: 500m, memory: 1Gi } } }
timeline:
  - { at: 2m, crash: { node: full } }
";

/// Exit code, standard output, standard error.
fn sim(arguments: &[&str]) -> (Option<i32>, String, String) {
    sim_on(SCENARIO, arguments)
}

fn sim_on(scenario: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("get.yaml"), scenario).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    let (subcommand, rest) = arguments.split_first().unwrap();
    command.args([subcommand, "get.yaml"]).args(rest).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn shown(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = sim(arguments);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    stdout
}

#[test]
fn nodes_are_not_ready_once_that_is_noticed() {
    assert_eq!(
        shown(&["get", "nodes", "--at", "2m30s"]),
        "NAME    STATUS   AGE\nfull    Ready    2m30s\nsmall   Ready    2m30s\n"
    );
    assert_eq!(
        shown(&["get", "no", "full", "--at", "3m10s", "-o", "wide"]),
        "NAME   STATUS     AGE     ZONE     PODS    CPU REQUESTS   MEMORY REQUESTS\n\
         full   NotReady   3m10s   <none>   2/110   50%            50%\n"
    );
}

#[test]
fn pods_of_a_silent_node_run_on_for_all_that_is_known() {
    let columns = |at: &str| {
        let pods: Value = serde_json::from_str(&shown(&["get", "pods", "--at", at, "-o", "json"])).unwrap();
        let of = |pod: &Value| ["ready", "status", "node"].map(|column| pod[column].as_str().unwrap().to_string());
        let mut columns: Vec<[String; 3]> = pods.as_array().unwrap().iter().map(of).collect();
        columns.sort();
        columns
    };
    let two = |ready: &str, status: &str, node: &str| vec![[ready, status, node].map(str::to_string); 2];
    assert_eq!(columns("2m30s"), two("1/1", "Running", "full"));
    assert_eq!(columns("3m10s"), two("1/1", "Running", "full")); // what the kubelet said last of the containers
    let waiting = two("0/1", "Pending", "<none>"); // the replacements: `small` is too small
    assert_eq!(columns("10m"), [waiting, two("1/1", "Terminating", "full")].concat());
    assert!(shown(&["get", "deploy", "--at", "10m"]).contains("\nweb    0/2     2            0"));
}

#[test]
fn a_description_ends_with_the_events() {
    let node = shown(&["describe", "node", "full", "--at", "3m10s"]);
    for line in [
        "Name:              full\n",
        "Taints:            node.kubernetes.io/unreachable:",
        " node.kubernetes.io/unreachable:NoSchedule\n",
        "  Ready   Unknown   ",
        "Non-terminated Pods: (2 in total)\n",
        "  cpu        1 (50%)\n  memory     2Gi (50%)\n",
        "Node full status is now: NodeNotReady\n",
    ] {
        assert!(node.contains(line), "{line}\n{node}");
    }
    let events = shown(&["events", "node", "full", "--at", "3m10s"]);
    assert!(events.starts_with("LAST SEEN   TYPE     REASON         OBJECT"), "{events}");
    assert_eq!(events.lines().count(), 2, "{events}");
    let web = shown(&["describe", "deployment", "default/web"]);
    assert!(web.contains("\nReady:             0/2\n"), "{web}");
    let scaled = web.lines().last().unwrap();
    assert!(scaled.contains("ScalingReplicaSet") && scaled.ends_with(" from 0 to 2"), "{web}");
}

#[test]
fn a_node_that_said_it_is_not_ready_is_not_said_to_be_so_again_when_it_falls_silent() {
    // the kubelet says it as it shuts down; the node controller only of a node that was Ready (nodes.md 5)
    let shutdown = "name: get
duration: 15m
start: settled
cluster: { nodes: [{ name: full, capacity: { cpu: 2, memory: 4Gi } }] }
faults: [{ graceful-shutdown: { node: full, at: 2m } }]
";
    let (_, node, _) = sim_on(shutdown, &["describe", "node", "full"]);
    assert!(node.contains("  Ready   Unknown   "), "{node}");
    let said: Vec<&str> = node.lines().filter(|line| line.contains("NodeNotReady")).collect();
    assert!(said.len() == 1 && said[0].contains("kubelet"), "{node}");
    // a crash after that is the kubelet's silence of a node that was Ready: now the node controller says it
    let then = "name: get
duration: 30m
start: settled
cluster: { nodes: [{ name: full, capacity: { cpu: 2, memory: 4Gi } }] }
faults: [{ reboot: { node: full, at: 2m, for: 2m } }, { node-crash: { node: full, at: 15m } }]
";
    let (_, node, _) = sim_on(then, &["describe", "node", "full"]);
    let by = |who: &str| node.lines().filter(|line| line.contains("NodeNotReady") && line.contains(who)).count();
    assert!(by("node-controller") == 1, "{node}");
}

#[test]
fn mistakes_are_told_with_the_nearest_name() {
    let (code, _, stderr) = sim(&["get", "podz"]);
    assert!(code == Some(2) && stderr.contains("did you mean pods?"), "{stderr}");
    let (code, _, stderr) = sim(&["describe", "deploy", "wob"]);
    assert_eq!((code, stderr.as_str()), (Some(2), "error: deployments wob not found, did you mean web?\n"));
    let (code, _, stderr) = sim(&["get", "pods", "--at", "16m"]);
    assert_eq!((code, stderr.as_str()), (Some(2), "error: --at 16m: the run ends at 15m\n"));
    assert_eq!(shown(&["get", "jobs"]), "No resources found\n");
}
