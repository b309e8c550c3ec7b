//! What is refused of `faults:`, and what is warned of.

use super::faults_without_domains;
use crate::scenario::diagnostics::Diagnostics;
use crate::scenario::{Scenario, load_text};

fn load(faults: &str, more: &str) -> Result<Scenario, Diagnostics> {
    let nodes = "{ name: n, count: 3, capacity: { cpu: 8, memory: 16Gi }, zone: z1, labels: { rack: r1 } }";
    let text = format!(
        "name: faults\nduration: 1h\ncluster: {{ nodes: [{nodes}] }}\n\
         workloads: [{{ deployment: web, replicas: 3, pod: {{ requests: {{ cpu: 1 }} }} }}]\n\
         faults:\n  - {faults}\n{more}"
    );
    load_text("faults.yaml", &text, &[])
}

/// The only problem of a fault: its line and column, and what is said of it.
#[track_caller]
fn problem(fault: &str) -> String {
    let said = load(fault, "").err().unwrap_or_else(|| panic!("nothing wrong with {fault}")).to_string();
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    let title = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let place = said.lines().nth(1).unwrap_or_default().trim().trim_start_matches("--> faults.yaml:");
    format!("{place} {title}")
}

#[test]
fn a_domain_that_no_node_is_in_is_refused() {
    for (fault, said) in [
        ("domain-outage: { label: nosuch, at: 5m, for: 1s }", "6:29 no node has a label `nosuch`"),
        ("domain-outage: { label: rack, domain: r2, at: 5m }", "6:43 no node has the label `rack=r2`"),
        ("domain-outage: { domain: z2, at: 5m }", "6:30 no node has the label `topology.kubernetes.io/zone=z2`"),
        ("model: { name: datacenter-default, rack-label: rak }", "6:52 no node has a label `rak`"),
        ("reboot: { node: n-1, at: 5m, burst: { probability: 1, label: x } }", "6:66 no node has a label `x`"),
        ("reboot: { node: n-1, at: 5m, cascade: { overload: 1, label: x } }", "6:65 no node has a label `x`"),
    ] {
        assert_eq!(problem(fault), said);
    }
}

#[test]
fn what_would_change_nothing_is_refused_where_it_stands() {
    for (fault, said) in [
        ("partition: { mode: { fixed: 10 }, at: 5m, for: 1s }", "6:24 more nodes than there are"),
        ("partition: { random: 4, at: 5m, for: 1s }", "6:26 more nodes than there are"),
        ("partition: { node: n-1, at: 5m, for: 1s, aged: true }", "6:5 `aged` goes with `mtbf`"),
        ("slow-node: { node: n-1, at: 5m }", "6:5 a slow node that is not slow"),
        ("clock-skew: { node: n-1, at: 5m }", "6:5 a clock that is right"),
        ("capacity-loss: { node: n-1, at: 5m, lost: 0 }", "6:47 number out of range"),
        ("container-crash: { workload: web, at: 5m, for: 5m }", "6:5 a length of what has none"),
        ("pod-kill: { workload: web, at: 5m, for: 5m }", "6:5 a length of what has none"),
        (
            "graceful-shutdown: { node: n-1, at: 5m, grace-period: 10s, critical-grace-period: 30s }",
            "6:5 more time for critical pods than for all",
        ),
        ("node-crash: { node: n-1, mtbf: 0s, for: 1s }", "6:5 again and again without a pause"),
        (
            "node-crash: { node: n-1, mtbf: { exponential: { mean: 0s } }, for: 1s }",
            "6:5 again and again without a pause",
        ),
        ("rolling-restart: { mode: all, at: 5m, interval: 0s }", "6:5 all batches at once"),
        ("rolling-restart: { mode: all, at: 5m, interval: 1m, batch: 0 }", "6:5 no node at once"),
    ] {
        assert_eq!(problem(fault), said);
    }
    assert!(load("clock-skew: { node: n-1, at: 5m, offset: 2s }", "").is_ok());
    assert!(load("container-crash: { workload: web, mtbf: 5m, mttr: 1m }", "").is_ok());
    assert!(load("partition: { random: 3, at: 5m, for: 1s }", "").is_ok());
}

#[test]
fn the_reference_says_what_a_step_and_a_mode_can_be() {
    let schema = crate::scenario::schema();
    let keys = |name: &str| {
        let properties = schema["$defs"][name]["properties"].as_object();
        properties.map(|keys| keys.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    let mut step = keys("Fault");
    step.push("after".to_string());
    step.sort();
    assert_eq!(keys("SequenceStep"), step);
    assert_eq!(keys("ModeNumber"), ["fixed", "percent", "random-max-percent"]);
    assert!(problem("pod-kill: { zone: z2, at: 5m }").ends_with("no node is in a zone `z2`"));
}

#[test]
fn a_rule_that_stops_needs_ten_replications() {
    let until = |count: u32| {
        let metric = "node_availability_ratio";
        load(
            "reboot: { node: n-1, at: 5m }",
            &format!("replications: {{ count: {count}, until: {{ metric: {metric} }} }}\n"),
        )
    };
    let said = until(9).err().map(|wrong| wrong.to_string()).unwrap_or_default();
    assert!(said.contains("too few replications to stop by") && said.contains("faults.yaml:7:24"), "{said}");
    assert!(until(10).is_ok());
}

#[test]
fn a_rule_that_stops_names_a_row_that_can_be() {
    let said = |until: &str| {
        let replications = format!("replications: {{ count: 12, until: {{ {until} }} }}\n");
        let loaded = load("reboot: { node: n-1, at: 5m }", &replications);
        loaded.err().map(|wrong| wrong.to_string()).unwrap_or_default()
    };
    assert!(said("metric: 'availability_ratio{workload=\"wbe\"}'").contains("did you mean `web`?"));
    assert!(said("metric: 'availability_ratio{zone=\"z1\"}'").contains("has no label `zone`"));
    assert!(said("metric: node_availability_rati").contains("did you mean `node_availability_ratio`?"));
    assert!(said("metric: 'node_availability_ratio{'").contains("no row of a metric"));
    assert!(said("metric: node_availability_ratio, at-most: 11").contains("expected `count`, 12, or more"));
    assert_eq!(said("metric: node_availability_ratio, at-most: 12"), "");
}

#[test]
fn labels_that_come_later_are_known() {
    let later = "timeline: [{ at: 1m, label: { node: n-1, key: pdu, value: p1 } }]\n";
    assert!(load("domain-outage: { label: pdu, domain: p1, at: 5m, for: 1s }", later).is_ok());
    assert!(load("domain-outage: { label: kubernetes.io/hostname, domain: n-1, at: 5m, for: 1s }", "").is_ok());
    let node = "{ name: s, labels: { pdu: p2 }, capacity: { cpu: 8, memory: 16Gi } }";
    let ordered = format!("sequence: {{ at: 1m, steps: [{{ node-added: {{ nodes: {node} }} }}] }}");
    assert!(load(&format!("{ordered}\n  - domain-outage: {{ label: pdu, domain: p2, at: 5m, for: 1s }}"), "").is_ok());
}

#[test]
fn a_model_without_its_domains_is_warned_of() {
    let told = |fault: &str| faults_without_domains(&load(fault, "").unwrap());
    assert_eq!(
        told("model: datacenter-default"),
        [
            "no node has the label `topology.kubernetes.io/rack`: `datacenter-default/restart` drags no other node along",
            "no node has the label `topology.kubernetes.io/rack`: `datacenter-default/rack-outage` never strikes",
        ]
    );
    assert!(told("model: { name: datacenter-default, rack-label: rack }").is_empty());
    assert!(told("model: spot-default").is_empty());
}
