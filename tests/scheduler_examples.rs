//! Worked examples, one point each: what the real plugin code of Kubernetes 1.36 answered on inputs made up for
//! the purpose. Verdicts, scores, totals, best nodes, messages and victims.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use sim::cluster::{NodeId, PodId};
use sim::fidelity::world::{World, object_name};
use sim::scheduler::explain::Explanation;
use sim::scheduler::preemption::Outcome;
use sim::scheduler::{Config, config, plugins};

/// Seconds since 1970 at which pods without a start time started.
const STARTED: i64 = 1_767_229_200;

#[test]
fn every_worked_example_is_answered_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/scheduler-examples.yaml");
    let text = std::fs::read_to_string(path).expect("the examples are there");
    let file: Value = serde_yaml::from_str(&text).expect("they are YAML");
    let examples = file["examples"].as_array().expect("a list");
    assert_eq!(examples.len(), 40);
    let mut wrong = String::new();
    for example in examples {
        let (expected, ours) = (expected(example), answer(example));
        if expected != ours {
            wrong += &format!("{}: expected\n{expected:#?}\nours\n{ours:#?}\n", example["id"]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What was recorded, point by point; scores of 0 count as none.
fn expected(example: &Value) -> BTreeMap<String, String> {
    let expect = &example["expect"];
    let mut points = BTreeMap::new();
    for (node, verdict) in entries(&expect["filter"]).filter(|(_, verdict)| *verdict != "ok") {
        points.insert(format!("filter {node}"), rejection(verdict));
    }
    if let Some(verdict) = expect.get("prefilter") {
        points.insert("prefilter".into(), rejection(verdict));
    }
    for (plugin, column) in entries(&expect["scores"]) {
        for (node, score) in entries(&column["nodes"]) {
            points.insert(format!("score {plugin} × {} {node}", column["weight"]), score.to_string());
        }
    }
    entries(&expect["total"]).for_each(|(node, total)| drop(points.insert(format!("total {node}"), total.to_string())));
    for key in ["best", "victims"] {
        if let Some(names) = expect[key].as_array().filter(|names| !names.is_empty()) {
            points.insert(key.into(), sorted(names.iter().filter_map(Value::as_str)));
        }
    }
    for key in ["message", "nominated"] {
        if let Some(text) = expect[key].as_str() {
            points.insert(key.into(), text.to_string());
        }
    }
    points
}

fn rejection(verdict: &Value) -> String {
    let text = |key: &str| verdict[key].as_str().unwrap_or_default().to_string();
    let reasons = verdict["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str);
    format!("{} {} [{}]", text("plugin"), text("code"), sorted(reasons))
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn sorted<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.join(", ")
}

/// What we say, in the same form.
fn answer(example: &Value) -> BTreeMap<String, String> {
    let (mut world, pod) = build(example);
    let nodes: Vec<NodeId> = world.cluster.nodes().map(|(id, _)| id).collect();
    let explanation = world.scheduler.explain(pod, &world.cluster, Some(&nodes));
    let mut points = BTreeMap::new();
    verdicts(&mut points, &explanation, &world);
    for column in &explanation.scores {
        let entry = &plugins::ALL[column.plugin];
        for (node, weighted) in explanation.feasible.iter().zip(&column.weighted) {
            let key = format!("score {} × {} {}", entry.name, column.weight, world.cluster.node_name(*node));
            points.insert(key, (weighted / column.weight).to_string());
        }
    }
    for (node, total) in explanation.feasible.iter().zip(&explanation.totals) {
        points.insert(format!("total {}", world.cluster.node_name(*node)), total.to_string());
    }
    if !explanation.top.is_empty() {
        points.insert("best".into(), sorted(explanation.top.iter().map(|node| world.cluster.node_name(*node))));
    }
    if let Some(message) = &explanation.message {
        points.insert("message".into(), message.clone());
    }
    if let Some(Outcome::Chosen { candidates, chosen }) = &explanation.preemption {
        let victims: Vec<String> =
            candidates[*chosen].victims.iter().map(|victim| world.cluster.pod_name(*victim)).collect();
        points.insert("nominated".into(), world.cluster.node_name(candidates[*chosen].node).to_string());
        points.insert("victims".into(), sorted(victims.iter().map(String::as_str)));
    }
    points
}

fn verdicts(points: &mut BTreeMap<String, String>, explanation: &Explanation, world: &World) {
    let text = |plugin: usize, code: &str, reasons: Vec<String>| {
        format!("{} {code} [{}]", plugins::ALL[plugin].name, sorted(reasons.iter().map(String::as_str)))
    };
    if let Some(pre) = &explanation.diagnosis.pre {
        points.insert("prefilter".into(), text(pre.plugin, pre.code.as_str(), vec![pre.message.clone()]));
    }
    for (node, verdict) in explanation.diagnosis.rejected.iter() {
        let reasons = verdict.rejection.reasons.iter().map(|reason| reason.text(&world.cluster)).collect();
        let said = text(verdict.plugin, verdict.rejection.code.as_str(), reasons);
        points.insert(format!("filter {}", world.cluster.node_name(node)), said);
    }
}

/// The example's cluster and the pod to be placed.
fn build(example: &Value) -> (World, PodId) {
    let items = |key: &str| example[key].as_array().into_iter().flatten();
    let mut world = World::new(|names| {
        let mut config = match example.get("config") {
            Some(written) => config::read(written, names)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?,
            None => Config::new(names),
        };
        for profile in &mut config.profiles {
            profile.points = profile.points.clone().without("DynamicResources");
        }
        Ok(config)
    })
    .expect("a configuration");
    for object in items("objects") {
        world.create(object).expect("an object");
    }
    for node in items("nodes") {
        world.add_node(node).expect("a node");
    }
    for pod in items("existing_pods") {
        let pod = &with_class(pod, &mut world);
        let id = world.create_running(pod, STARTED).expect("a pod");
        if pod.pointer("/metadata/deletionTimestamp").is_some() {
            world.cluster.mark(id, sim::engine::Span::from_secs(30));
            world.settle();
        }
    }
    for pod in items("nominated_pods") {
        let pod = &with_class(pod, &mut world);
        let id = world.create_pod(pod).expect("a pod");
        let node = pod.pointer("/status/nominatedNodeName").and_then(Value::as_str).and_then(|name| world.node(name));
        world.cluster.nominate(id, node);
        world.settle();
    }
    let pod = with_class(&example["pod"], &mut world);
    let pod = world.create_pod(&pod).unwrap_or_else(|why| panic!("{}: {why}", object_name(&pod)));
    (world, pod)
}

/// The examples were given to the plugins directly, with a priority; the API takes one from a class only.
fn with_class(pod: &Value, world: &mut World) -> Value {
    let mut pod = pod.clone();
    if let Some(priority) = pod["spec"].as_object_mut().and_then(|spec| spec.remove("priority")) {
        let name = format!("class-of-{}", object_name(&pod));
        let policy = pod["spec"].get("preemptionPolicy").cloned().unwrap_or(json!("PreemptLowerPriority"));
        let class = json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": priority,
            "preemptionPolicy": policy});
        world.create(&class).expect("a class");
        pod["spec"]["priorityClassName"] = name.into();
    }
    pod
}
