//! A few lines of scenario in, the log of changes out, and beside each instant how it comes about.
//!
//! All delays are fixed and the phases of periodic loops given, so that every instant can be computed by
//! hand from Kubernetes' rules. Times are shown to the tenth of a second, rounded down, for the worker that
//! places NoExecute taints looks at its queues at some point of each tenth.

mod checkpoints;
mod clients;
mod deployments;
mod faults;
mod gangs;
mod node_failure;
mod operations;
mod partitions;
mod replica_sets;
mod rollouts;
mod volumes;
mod zones;

use std::collections::BTreeMap;

use sim::cluster::{Change, Cluster, Record};
use sim::engine::Time;
use sim::metrics::event_log;
use sim::outcome::EventRow;
use sim::scenario;
use sim::simulation::{Note, Observer, Simulation};

/// What every scenario here starts from, unless it says otherwise. The control plane reacts at once. A pod
/// runs 1 s after it is bound and is Ready then, and a container that ended runs again at once; told to stop, it takes 2 s, and 1 s later it is gone. A
/// machine that is switched on boots for 40 s, its kubelet reports 5 s later, and 10 s after that the node is
/// Ready. After a partition a node is heard after 2 s, and 1 s later its pods are reconciled.
///
/// The attach/detach reconciler looks at every full tenth of a second. The node monitor looks at 1 s, 6 s, 11 s … (and a microsecond more for each look, since the next begins
/// 5 s after the end of the last), pod garbage collection at 3 s, 23 s, 43 s …. Leases are renewed every
/// 10 s, from when `phases.leases` says.
const COMMON: [(&str, &str); 22] = [
    ("name", "timeline"),
    ("start", "settled"),
    ("control-plane.latencies.api-write", "0s"),
    ("control-plane.latencies.watch", "0s"),
    ("control-plane.latencies.kubelet-watch", "0s"),
    ("control-plane.latencies.scheduling-cycle", "0s"),
    ("control-plane.latencies.scheduling-cycle-per-node", "0s"),
    ("control-plane.latencies.node-monitor-pass", "1us"),
    ("kubelet.node-lease-jitter", "0"),
    ("kubelet.start", "1s"),
    ("kubelet.container-start", "0s"),
    ("kubelet.status", "0s"),
    ("kubelet.stop", "2s"),
    ("kubelet.teardown", "1s"),
    ("kubelet.boot", "40s"),
    ("kubelet.kubelet-start", "5s"),
    ("kubelet.node-ready", "10s"),
    ("kubelet.reconnect", "2s"),
    ("kubelet.resync", "1s"),
    ("phases.node-monitor", "1s"),
    ("phases.pod-gc", "3s"),
    ("phases.attach-detach", "0s"),
];

/// Runs a scenario and compares what `show` picks of its log with `expected`: rows of a kind (`pod`), or of
/// a kind and a reason (`pod Deleting`), after time zero. The order within an instant does not matter. In
/// `expected` a line may end in a comment, and `@?` is any node.
#[track_caller]
fn check(scenario: &str, show: &[&str], expected: &str) {
    compare(run(scenario).lines(show), expected, true);
}

/// As [`check`], but the order within an instant matters, too.
#[track_caller]
fn check_sequence(scenario: &str, show: &[&str], expected: &str) {
    compare(run(scenario).lines(show), expected, false);
}

#[track_caller]
fn compare(mut found: Vec<String>, expected: &str, any_order: bool) {
    let line = |line: &str| line.split(" #").next().unwrap_or_default().trim().to_string();
    let lines = expected.lines().map(line).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut expected: Vec<String> = lines.collect();
    if any_order {
        for lines in [&mut found, &mut expected] {
            let time = |line: &str| line.split('s').next().and_then(|time| time.replace('.', "").parse::<u64>().ok());
            lines.sort_by_cached_key(|line| (time(line), line.clone()));
        }
    }
    let same = |(found, expected): (&String, &String)| match expected.split_once("@?") {
        Some((before, after)) => found.starts_with(&format!("{before}@")) && found.ends_with(after),
        None => found == expected,
    };
    let equal = found.len() == expected.len() && found.iter().zip(&expected).all(same);
    assert!(equal, "\nfound:\n{}\n\nexpected:\n{}\n", grouped(&found).join("\n"), expected.join("\n"));
}

/// Equal lines one after another as one with their number.
fn grouped(lines: &[String]) -> Vec<String> {
    let groups = lines.chunk_by(|a, b| a == b);
    groups
        .map(|group| if group.len() == 1 { group[0].clone() } else { format!("{} x{}", group[0], group.len()) })
        .collect()
}

/// Runs a scenario to its end and keeps its log.
#[track_caller]
fn run(scenario: &str) -> Log {
    let mut log = Log::default();
    let mut simulation = start(scenario, &mut log);
    simulation.run(&mut log);
    simulation.cluster.check().unwrap();
    log
}

/// A simulation of a scenario at time zero, with what [`COMMON`] adds to it.
#[track_caller]
fn start(scenario: &str, log: &mut Log) -> Simulation {
    let said = |key: &str| {
        let key = format!("{}:", key.rsplit('.').next().unwrap_or(key));
        scenario.split([' ', '\n']).any(|word| word == key)
    };
    let common = COMMON.iter().filter(|(key, _)| *key == "name" || !said(key));
    let common: Vec<(String, String)> = common.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let scenario = scenario::load_text("timeline.yaml", &with_capacities(&dedented(scenario)), &common);
    let setup = scenario.and_then(|scenario| scenario::build(&scenario));
    Simulation::new(setup.unwrap_or_else(|wrong| panic!("\n{wrong}")), log)
}

/// Text without the indentation that its first line has.
fn dedented(text: &str) -> String {
    let text = text.trim_start_matches('\n');
    let indentation = &text[..text.len() - text.trim_start().len()];
    text.lines().map(|line| line.strip_prefix(indentation).unwrap_or(line).to_string() + "\n").collect()
}

/// Nodes (`{ name: … }`) have 8 cores and 16 GiB unless they say otherwise.
fn with_capacities(text: &str) -> String {
    let mut parts = text.split("{ name: ");
    let mut complete = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let rest = match part.split_once("capacity: {") {
            Some((before, capacity)) if !before.contains('}') => {
                format!("{before}capacity: {{ memory: 16Gi,{capacity}")
            }
            _ => part.replacen(" }", ", capacity: { cpu: 8, memory: 16Gi } }", 1),
        };
        complete += &format!("{{ name: {rest}");
    }
    complete
}

/// Keeps the rows of the event log.
#[derive(Default)]
struct Log {
    rows: Vec<EventRow>,
}

impl Observer for Log {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        self.rows.extend(event_log::change_row(change, cluster));
    }

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        self.rows.push(event_log::record_row(record, cluster));
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}

impl Log {
    /// The lines that `show` picks. Generated names give way to what can be known beforehand: the
    /// ReplicaSets of a Deployment are `web-1`, `web-2` … in order of creation, and pods are called
    /// `web-1-*`, with `@node` once they have one.
    fn lines(&self, show: &[&str]) -> Vec<String> {
        let mut aliases = Aliases::default();
        let mut lines = Vec::new();
        for row in &self.rows {
            aliases.learn(row);
            let is_shown = |shown: &&str| match shown.split_once(' ') {
                Some((kind, reason)) => row.kind == kind && row.reason == reason,
                None => row.kind == *shown && row.class == "Fact",
            };
            if row.at > Time::ZERO && show.iter().any(is_shown) {
                lines.push(aliases.line(row));
            }
        }
        lines
    }

    /// When the rows happened that are about `kind`, say `reason`, and mention `words`.
    fn instants(&self, kind: &str, reason: &str, words: &str) -> Vec<Time> {
        let rows = self.rows.iter().filter(|row| row.kind == kind && row.reason == reason);
        rows.filter(|row| row.at > Time::ZERO && row.message.contains(words)).map(|row| row.at).collect()
    }
}

/// What stands for generated names.
#[derive(Default)]
struct Aliases {
    deployments: Vec<String>,
    names: BTreeMap<String, String>,
    nodes: BTreeMap<String, String>,
}

impl Aliases {
    fn learn(&mut self, row: &EventRow) {
        match (row.kind, row.reason) {
            ("deployment", "Created") => self.deployments.push(row.name.clone()),
            ("replicaset", "Created") => {
                let owns = |name: &&String| row.name.starts_with(&format!("{name}-"));
                if let Some(deployment) = self.deployments.iter().find(owns) {
                    let earlier = self.names.values().filter(|alias| !alias.ends_with('*')).count();
                    self.names.insert(row.name.clone(), format!("{deployment}-{}", earlier + 1));
                }
            }
            ("pod", "Created") => {
                let owner = ["by ReplicaSet ", "by DaemonSet "].iter().find_map(|by| row.message.strip_prefix(by));
                if let Some(owner) = owner {
                    let owner = self.names.get(owner).map_or(owner, String::as_str);
                    self.names.insert(row.name.clone(), format!("{owner}-*"));
                }
            }
            ("pod", "Node") => {
                self.nodes.insert(row.name.clone(), row.message.clone());
            }
            _ => (),
        }
    }

    fn line(&self, row: &EventRow) -> String {
        let tenths = row.at.0 / 100_000_000;
        let mut name = self.names.get(&row.name).unwrap_or(&row.name).clone();
        if let (Some(node), "pod") = (self.nodes.get(&row.name), row.kind) {
            name = format!("{name}@{node}");
        }
        let mut message = row.message.replace("node.kubernetes.io/", "");
        for (generated, alias) in self.names.iter().rev() {
            message = message.replace(generated, alias);
        }
        let equals = if message.is_empty() { "" } else { "=" };
        format!("{}.{}s {}/{name} {}{equals}{message}", tenths / 10, tenths % 10, row.kind, row.reason)
    }
}
