//! The story of a recording.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::story::{Aliases, EventStory, PodStory, Revisions, Story};

/// Reads the story off a recording's events.
pub fn story(case: &Value) -> Story {
    let mut reader = Reader::default();
    let deployments: Vec<&str> = list(&case["events"])
        .iter()
        .filter(|event| event["kind"] == "Deployment" && event["change"] == "added")
        .filter_map(|event| event["name"].as_str())
        .collect();
    for event in list(&case["events"]) {
        reader.read(event, &deployments);
    }
    for event in list(&case["kubeEvents"]) {
        let told = reader.told(event);
        reader.story.events.push(told);
    }
    reader.story
}

/// The list, or nothing.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[derive(Default)]
struct Reader {
    story: Story,
    aliases: Aliases,
    revisions: Revisions,
    /// Where the living pod of this name stands.
    pods: BTreeMap<String, usize>,
}

impl Reader {
    fn read(&mut self, event: &Value, deployments: &[&str]) {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        let (kind, name, change) = (text("kind"), text("name"), text("change"));
        let t = event["t"].as_f64().unwrap_or(0.0);
        let empty = Map::new();
        let set = event["set"].as_object().unwrap_or(&empty);
        match kind {
            "Pod" => self.pod(t, name, change, set),
            "Node" => self.node(t, name, change, set),
            "ReplicaSet" if change == "added" => {
                let owner = name.rsplit_once('-').map(|(owner, _)| owner).filter(|owner| deployments.contains(owner));
                let alias = owner.map_or(name.to_string(), |owner| self.revisions.next(owner));
                self.aliases.add(name, &alias);
                self.workload(t, kind, name, change, set);
            }
            _ => self.workload(t, kind, name, change, set),
        }
    }

    fn pod(&mut self, t: f64, name: &str, change: &str, set: &Map<String, Value>) {
        if change == "added" {
            self.pods.insert(name.to_string(), self.story.pods.len());
            let owner = set.get("owner").and_then(Value::as_str);
            let owner = owner.and_then(|owner| owner.split_once('/'));
            let owner = owner.map_or(format!("Pod/{name}"), |(kind, of)| format!("{kind}/{}", self.aliases.of(of)));
            if !owner.starts_with("Pod/") && !owner.starts_with("StatefulSet/") {
                self.aliases.add(name, &format!("<pod of {owner}>"));
            }
            self.story.pods.push(PodStory { name: name.to_string(), owner, created: t, ..PodStory::default() });
        }
        let Some(pod) = self.pods.get(name).map(|index| &mut self.story.pods[*index]) else { return };
        if change == "removed" {
            pod.removed = Some(t);
            self.pods.remove(name);
            return;
        }
        if let Some(node) = set.get("node").and_then(Value::as_str) {
            pod.bound = Some(t);
            pod.node = Some(node.to_string());
        }
        match set.get("phase").and_then(Value::as_str) {
            Some("Running") => pod.running = pod.running.or(Some(t)),
            Some("Succeeded") => pod.succeeded = Some(t),
            Some("Failed") => pod.failed = Some(t),
            _ => (),
        }
        match set.get("ready").and_then(Value::as_bool) {
            Some(true) => pod.ready.push(t),
            Some(false) if change != "added" => pod.not_ready.push(t),
            _ => (),
        }
        if set.get("deleting") == Some(&Value::Bool(true)) {
            pod.marked = Some(t);
        }
        if let Some(node) = set.get("nominatedNode").and_then(Value::as_str) {
            pod.nominated = Some(node.to_string());
        }
        pod.restarts = set.get("restarts").and_then(Value::as_u64).unwrap_or(pod.restarts);
    }

    fn node(&mut self, t: f64, name: &str, change: &str, set: &Map<String, Value>) {
        let node = self.story.nodes.entry(name.to_string()).or_default();
        if change == "removed" {
            node.removed = Some(t);
        }
        if let Some(ready) = set.get("ready").and_then(Value::as_str)
            && node.ready.last().is_none_or(|(_, last)| last != ready)
        {
            node.ready.push((t, ready.to_string()));
        }
        if let Some(taints) = set.get("taints").and_then(Value::as_array) {
            let mut taints: Vec<String> = taints.iter().filter_map(Value::as_str).map(plain_taint).collect();
            taints.sort();
            node.taints.push((t, taints));
        }
    }

    fn workload(&mut self, t: f64, kind: &str, name: &str, change: &str, set: &Map<String, Value>) {
        let states = self.story.workloads.entry(format!("{kind}/{}", self.aliases.of(name))).or_default();
        let mut state = states.last().map(|(_, state)| state.clone()).unwrap_or_default();
        if change == "removed" {
            state = BTreeMap::from([("removed".to_string(), "true".to_string())]);
        }
        for (field, value) in set {
            match value {
                Value::Object(conditions) => {
                    for (condition, status) in conditions {
                        state.insert(condition.clone(), status.as_str().unwrap_or_default().to_string());
                    }
                }
                Value::String(text) => {
                    state.insert(field.clone(), text.clone());
                }
                other => {
                    state.insert(field.clone(), other.to_string());
                }
            }
        }
        states.push((t, state));
    }

    fn told(&self, event: &Value) -> EventStory {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_string();
        EventStory {
            t: event["t"].as_f64().unwrap_or(0.0),
            subject: subject(&text("kind"), &self.aliases.of(&text("name"))),
            kind: text("type"),
            reason: text("reason"),
            message: self.aliases.replace(&text("message")),
            source: text("source"),
        }
    }
}

/// What an event is about.
pub fn subject(kind: &str, alias: &str) -> String {
    if alias.starts_with('<') { alias.to_string() } else { format!("{kind}/{alias}") }
}

/// A taint without the `=` of an empty value.
fn plain_taint(text: &str) -> String {
    text.replace("=:", ":")
}
