//! The steps of a case.

use serde_json::Value;

use crate::cluster::{NodeId, PodId};
use crate::engine::{Span, Time};
use crate::scheduler::explain::Explanation;
use crate::scheduler::{Nomination, Verdict, preemption};

use super::compare::{
    Differences, Disagreement, both_tables, compare_attempt, compare_candidates, list, our_candidates,
};
use super::storage::Storage;
use super::world::{World, instant, object_name};
use super::{Outcome, profiles};

/// Start of pods without a recorded start time: 2026-01-01T01:00:00Z.
const RUNNING_SINCE: i64 = 1_767_229_200;
/// A pod bound at step i starts i seconds after 2026-01-01T02:00:00Z.
const STEPS_SINCE: i64 = 1_767_232_800;

struct Replay {
    world: World,
    storage: Storage,
    case: String,
    class: String,
    outcome: Outcome,
}

/// An attempt made by the scheduler: what it says of it, and what it did.
struct Attempt {
    explained: Explanation,
    verdict: Verdict,
    /// The candidates of a preemption and the victims by name, read while they exist.
    candidates: String,
    victims: String,
}

/// Replays a case from its first step to its last.
///
/// # Errors
/// If the case cannot be read.
pub fn run(case: &Value) -> Result<Outcome, String> {
    let text = |key: &str| case.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let (id, class) = (text("id"), text("class"));
    let mut world = World::new(profiles::config)?;
    world.cluster.now = instant(STEPS_SINCE);
    let cluster = case.get("cluster").ok_or("a case without cluster")?;
    let items = |key: &str| cluster.get(key).and_then(Value::as_array).into_iter().flatten();
    for object in items("objects") {
        world.create(object)?;
    }
    for node in items("nodes") {
        world.add_node(node)?;
    }
    for pod in items("pods") {
        world.create_running(pod, RUNNING_SINCE)?;
    }
    let mut storage = Storage::new(case);
    storage.settle(&mut world);
    let outcome = Outcome { id: id.clone(), class: class.clone(), decisions: 0, disagreements: Vec::new() };
    let mut replay = Replay { world, storage, case: id, class, outcome };
    for (number, step) in case.get("steps").and_then(Value::as_array).into_iter().flatten().enumerate() {
        replay.world.cluster.now = replay.world.cluster.now.max(instant(STEPS_SINCE + number as i64 * 60));
        replay.step(number, step).map_err(|error| format!("{} step {number}: {error}", replay.case))?;
    }
    Ok(replay.outcome)
}

impl Replay {
    fn step(&mut self, number: usize, step: &Value) -> Result<(), String> {
        let result = step.get("result").unwrap_or(&Value::Null);
        if let Some(pod) = step.get("pod") {
            self.submit(number, pod, result)?;
            if result.get("outcome").and_then(Value::as_str) == Some("unschedulable") && step.get("keep").is_none() {
                self.delete_pod(pod);
            }
        } else if let Some(gates) = step.get("removeGates") {
            self.remove_gates(number, gates, result)?;
        } else if let Some(name) = step.get("waitPod").and_then(Value::as_str) {
            self.wait(number, name, result);
        } else {
            self.change(step)?;
        }
        self.storage.settle(&mut self.world);
        Ok(())
    }

    /// A step that changes the cluster.
    fn change(&mut self, step: &Value) -> Result<(), String> {
        let world = &mut self.world;
        if let Some(name) = step.get("deletePod").and_then(Value::as_str) {
            let pod = world.pod("default", name).ok_or_else(|| format!("no pod {name}"))?;
            world.cluster.remove_pod(pod);
            world.settle();
            self.storage.pod_deleted(world, name);
        } else if let Some(patch) = step.get("patchNode") {
            let name = patch.get("name").and_then(Value::as_str).unwrap_or_default();
            world.patch_node(name, patch.get("spec").unwrap_or(&Value::Null))?;
        } else if let Some(node) = step.get("addNode") {
            world.add_node(node)?;
        } else if let Some(name) = step.get("deleteNode").and_then(Value::as_str) {
            let node = world.node(name).ok_or_else(|| format!("no node {name}"))?;
            world.cluster.remove_node(node);
        } else if let Some(object) = step.get("createObject") {
            world.create(object)?;
            self.storage.remember(object);
        } else if let Some(patch) = step.get("patchObject") {
            self.storage.patch(world, patch)?;
        } else if let Some(object) = step.get("deleteObject") {
            self.storage.delete(world, object)?;
        } else {
            return Err(format!("unknown step {step}"));
        }
        self.world.settle();
        Ok(())
    }

    fn submit(&mut self, number: usize, pod: &Value, result: &Value) -> Result<(), String> {
        let mut found = Differences::default();
        self.outcome.decisions += 1;
        let recorded = result.get("outcome").and_then(Value::as_str).unwrap_or_default();
        let id = match self.world.create_pod(pod) {
            Ok(id) => id,
            Err(refusal) => {
                found.expect("outcome", recorded, "rejected");
                let message = format!("Pod \"{}\" is invalid: {refusal}", object_name(pod));
                found.expect("message", text(result, "message"), message);
                self.note(number, object_name(pod), found, String::new());
                return Ok(());
            }
        };
        if recorded == "prebound" {
            let node = self.world.cluster.pod(id).and_then(|pod| pod.node);
            found.expect("node", text(result, "node"), node.map_or("", |node| self.world.cluster.node_name(node)));
            self.start(id, number);
            self.note(number, object_name(pod), found, String::new());
            return Ok(());
        }
        let late = result.get("firstMessage").is_some();
        self.storage.pod_created(&mut self.world, pod, late);
        if recorded == "gated" {
            let gated = self.world.cluster.pod(id).is_some_and(|pod| pod.gated);
            found.expect("outcome", recorded, if gated { "gated" } else { "tried" });
            self.note(number, object_name(pod), found, String::new());
            return Ok(());
        }
        self.judge(number, id, object_name(pod), result);
        Ok(())
    }

    /// Lets the scheduler decide about the pod and compares.
    fn judge(&mut self, number: usize, pod: PodId, name: &str, result: &Value) {
        let recorded = result.get("outcome").and_then(Value::as_str).unwrap_or_default().to_string();
        // where the search ends early, which nodes were looked at besides depends on the recorder's threads
        let sampled = self.class == "sampling" || self.stops_at_first(pod);
        let evaluated = sampled.then(|| self.evaluated(result));
        let mut found = Differences::default();
        let attempts = self.attempts(pod, result, evaluated.as_deref());
        let Some(last) = attempts.last() else {
            found.expect("outcome", recorded, "never tried");
            return self.note(number, name, found, String::new());
        };
        let cluster = &self.world.cluster;
        let first = attempts
            .iter()
            .find(|attempt| matches!(attempt.explained.preemption, Some(preemption::Outcome::Chosen { .. })));
        let ours = match (&last.verdict, first) {
            (Verdict::Bind(_), Some(_)) => "preempted",
            (Verdict::Bind(_), None) => "bound",
            (_, Some(_)) => "preempted-not-bound",
            _ => "unschedulable",
        };
        found.expect("outcome", recorded.as_str(), ours);
        let compared = first.unwrap_or(last);
        match first {
            Some(first) => {
                let tried = result.get("attempts").and_then(Value::as_array);
                let preempting = tried.into_iter().flatten().find(|attempt| attempt.get("candidates").is_some());
                if let Some(preempting) = preempting {
                    compare_attempt(&mut found, preempting, &first.explained, cluster);
                    compare_candidates(&mut found, preempting, &first.candidates);
                }
                self.compare_preemption(&mut found, first, result);
                if let Some(settled) = result.get("attempts").and_then(Value::as_array).and_then(|all| all.last())
                    && recorded == "preempted"
                {
                    compare_attempt(&mut found, settled, &last.explained, cluster);
                }
            }
            None => compare_attempt(&mut found, result, &last.explained, cluster),
        }
        if let Some(message) = result.get("message").and_then(Value::as_str) {
            found.expect("message", message, compared.explained.message.clone().unwrap_or_default());
        }
        if let Some(message) = result.get("firstMessage").and_then(Value::as_str) {
            found.expect("first message", message, attempts[0].explained.message.clone().unwrap_or_default());
        }
        if let Some(priority) = result.get("priority").and_then(Value::as_i64) {
            let ours = cluster.pod(pod).map_or(0, |pod| i64::from(cluster.spec(pod.spec).priority));
            found.expect("priority", priority.to_string(), ours.to_string());
        }
        if let (Verdict::Bind(node), true) = (&last.verdict, self.class != "sampling") {
            let chosen = cluster.node_name(*node);
            let last_attempt = result.get("attempts").and_then(Value::as_array).and_then(|attempts| attempts.last());
            let top = list(result.get("top").or(last_attempt.and_then(|attempt| attempt.get("top"))));
            found.expect("chosen", "in top", if top.split(' ').any(|name| name == chosen) { "in top" } else { chosen });
        }
        let scores = both_tables(result, &last.explained, cluster);
        self.force(number, pod, result, &mut found);
        self.note(number, name, found, scores);
    }

    fn compare_preemption(&self, found: &mut Differences, attempt: &Attempt, result: &Value) {
        let Verdict::Unschedulable { nomination, .. } = &attempt.verdict else { return };
        let nominated = match nomination {
            Nomination::Set(node) => self.world.cluster.node_name(*node),
            _ => "",
        };
        found.expect("nominated", text(result, "nominatedNode"), nominated);
        let mut victims: Vec<&str> = attempt.victims.split(' ').collect();
        victims.sort_unstable();
        found.expect("victims", list(result.get("victims")), victims.join(" "));
    }

    /// Whether the pod's profile has no score plugins, so that the first feasible node is taken.
    fn stops_at_first(&self, pod: PodId) -> bool {
        let cluster = &self.world.cluster;
        let name = cluster.pod(pod).map(|pod| cluster.spec(pod.spec).scheduler_name);
        name.is_some_and(|name| cluster.names.text(name) == "no-score")
    }

    fn evaluated(&self, result: &Value) -> Vec<NodeId> {
        let feasible = result.get("feasible").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let filtered = result.get("filtered").and_then(Value::as_object).into_iter().flatten();
        let filtered = filtered.map(|(name, _)| name.as_str());
        feasible.chain(filtered).filter_map(|name| self.world.node(name)).collect()
    }

    /// Runs cycles for a while; those of the pod. Preemption is carried out.
    fn attempts(&mut self, pod: PodId, result: &Value, evaluated: Option<&[NodeId]>) -> Vec<Attempt> {
        let deadline = self.world.cluster.now + Span::from_millis(3500);
        let mut attempts = Vec::new();
        loop {
            let wake = self.world.scheduler.next_wake(self.world.cluster.now);
            if wake > deadline {
                break;
            }
            self.world.cluster.now = wake;
            let explained = self.world.scheduler.explain(pod, &self.world.cluster, evaluated);
            let Some(decision) = self.world.scheduler.cycle(&self.world.cluster) else { continue };
            let mine = decision.pod == pod;
            let mut decision = decision;
            if mine {
                self.follow(&mut decision.verdict, &explained, result);
            }
            let candidates = our_candidates(&explained, &self.world.cluster);
            let victims = self.victims(&decision.verdict);
            self.apply(&decision);
            let bound = matches!(decision.verdict, Verdict::Bind(_));
            if !bound {
                self.storage.settle(&mut self.world);
            }
            if mine {
                attempts.push(Attempt { explained, verdict: decision.verdict, candidates, victims });
            }
            if mine && bound {
                break;
            }
        }
        attempts
    }

    /// Of equally good candidates for preemption any is right: the recorded one is followed.
    fn follow(&self, verdict: &mut Verdict, explained: &Explanation, result: &Value) {
        let Some(preemption::Outcome::Chosen { candidates, .. }) = &explained.preemption else { return };
        let recorded = result.get("nominatedNode").and_then(Value::as_str).and_then(|name| self.world.node(name));
        let best = preemption::best(candidates, &self.world.cluster);
        let same = best.iter().map(|index| &candidates[*index]).find(|candidate| Some(candidate.node) == recorded);
        if let (Verdict::Unschedulable { nomination, victims, .. }, Some(candidate)) = (verdict, same) {
            *nomination = Nomination::Set(candidate.node);
            victims.clone_from(&candidate.victims);
        }
    }

    fn victims(&self, verdict: &Verdict) -> String {
        let Verdict::Unschedulable { victims, .. } = verdict else { return String::new() };
        let names: Vec<String> = victims.iter().map(|pod| self.world.cluster.pod_name(*pod)).collect();
        names.join(" ")
    }

    fn apply(&mut self, decision: &crate::scheduler::Decision) {
        let world = &mut self.world;
        match &decision.verdict {
            Verdict::Unschedulable { nomination, victims, unnominated, .. } => {
                world.cluster.set_unschedulable(decision.pod);
                for pod in unnominated {
                    world.cluster.nominate(*pod, None);
                }
                match nomination {
                    Nomination::Set(node) => world.cluster.nominate(decision.pod, Some(*node)),
                    Nomination::Clear => world.cluster.nominate(decision.pod, None),
                    Nomination::Keep => (),
                }
                world.settle();
                for victim in victims {
                    world.cluster.remove_pod(*victim);
                }
                world.settle();
                self.storage.settle(world);
            }
            Verdict::Bind(_) | Verdict::Error(_) | Verdict::Skip(_) => (),
        }
    }

    /// Puts the pod where it was recorded to go.
    fn force(&mut self, number: usize, pod: PodId, result: &Value, found: &mut Differences) {
        let Some(node) = result.get("node").and_then(Value::as_str).and_then(|name| self.world.node(name)) else {
            return;
        };
        if !self.world.cluster.pod_exists(pod) {
            return;
        }
        self.storage.bind(&mut self.world, pod, node, result, found);
        self.world.cluster.assume(pod, node);
        self.world.settle();
        self.world.cluster.bind(pod);
        self.world.settle();
        self.start(pod, number);
    }

    fn start(&mut self, pod: PodId, number: usize) {
        let start: Time = instant(STEPS_SINCE + number as i64);
        self.world.run(pod, start);
    }

    fn delete_pod(&mut self, pod: &Value) {
        let namespace = pod.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default");
        if let Some(id) = self.world.pod(namespace, object_name(pod)) {
            self.world.cluster.remove_pod(id);
            self.world.settle();
            self.storage.pod_deleted(&mut self.world, object_name(pod));
        }
    }

    fn remove_gates(&mut self, number: usize, gates: &Value, result: &Value) -> Result<(), String> {
        let name = text(gates, "name");
        let old = self.world.pod("default", &name).ok_or_else(|| format!("no pod {name}"))?;
        let manifest = self.world.pods.iter().rev().find(|(_, id, _)| *id == old).map(|found| found.2.clone());
        let mut manifest = manifest.unwrap_or_default();
        if let Some(spec) = gates.get("spec") {
            merge_patch(&mut manifest["spec"], spec);
        }
        let left = gates.get("left").cloned().unwrap_or_default();
        let left: Vec<Value> =
            left.as_array().into_iter().flatten().map(|name| serde_json::json!({"name": name})).collect();
        manifest["spec"]["schedulingGates"] = Value::Array(left);
        self.world.cluster.remove_pod(old);
        self.world.settle();
        self.submit(number, &manifest, result)?;
        if result.get("outcome").and_then(Value::as_str) == Some("unschedulable") {
            self.delete_pod(&manifest);
        }
        Ok(())
    }

    fn wait(&mut self, number: usize, name: &str, result: &Value) {
        self.outcome.decisions += 1;
        if let Some(pod) = self.world.pod("default", name) {
            self.judge(number, pod, name, result);
        }
    }

    fn note(&mut self, step: usize, pod: &str, found: Differences, scores: String) {
        if found.0.is_empty() {
            return;
        }
        let (case, pod) = (self.case.clone(), pod.to_string());
        self.outcome.disagreements.push(Disagreement { case, step, pod, differences: found.0, scores });
    }
}

/// A JSON merge patch.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Some(map) = target.as_object_mut() {
        for (key, value) in fields {
            if value.is_null() {
                map.remove(key);
            } else {
                merge_patch(map.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
}
