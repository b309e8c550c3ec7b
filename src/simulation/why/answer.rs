//! Ids into names: the scheduler's explanation as plain data.

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NodeId, Phase, PodId};
use crate::engine::Time;
use crate::outcome::why::{
    Attempt, Backoff, Candidate, Choice, Failure, Node, Now, PluginWaits, Preemption, Rejection, Score, State, Verdict,
    Victim, Waiting, Why,
};
use crate::scheduler::config::TieBreak;
use crate::scheduler::cycle::Verdict as Rejected;
use crate::scheduler::explain::{Events, Explanation, Waiting as Waits};
use crate::scheduler::permit::GangWait;
use crate::scheduler::plugins;
use crate::scheduler::preemption::{self, Outcome};
use crate::scheduler::queue::Place;

use super::Found;

/// Failed attempts that are told.
const FAILURES: usize = 10;

/// All there is to say about a pod.
pub(super) fn why(
    asked: Found,
    state: State,
    at: Time,
    attempt: Option<Attempt>,
    mut earlier: Vec<Failure>,
    waiting: Option<Waiting>,
    now: Option<Now>,
) -> Why {
    earlier.drain(..earlier.len().saturating_sub(FAILURES));
    Why {
        pod: asked.path,
        at,
        state,
        priority: asked.priority,
        scheduler: asked.scheduler,
        attempt,
        earlier,
        waiting,
        now,
    }
}

fn pod_name(pod: PodId, cluster: &Cluster) -> String {
    format!("{}/{}", cluster.pod_namespace(pod), cluster.pod_name(pod))
}

/// Where the pod is.
pub(super) fn state(pod: PodId, cluster: &Cluster) -> State {
    let Some(found) = cluster.pod(pod).filter(|_| cluster.pod_exists(pod)) else { return State::Gone };
    let named = cluster.spec(found.spec).node_name;
    match (found.node, named) {
        (_, Some(name)) => State::Named { node: cluster.names.text(name).to_string() },
        (Some(node), None) => {
            let phase = match found.deletion {
                Some(_) if !found.phase.is_terminal() => "Terminating",
                _ => found.phase.as_str(),
            };
            let node = cluster.node_name(node).to_string();
            State::OnNode { node, bound: found.bound, phase: phase.to_string() }
        }
        (None, None) if found.gated => State::Gated,
        (None, None) if found.phase == Phase::Pending => State::Pending,
        (None, None) => State::Gone,
    }
}

/// It waits for others of its gang.
pub(super) fn in_gang(pod: PodId, wait: GangWait, cluster: &Cluster) -> State {
    let node = cluster.pod(pod).and_then(|found| found.node).filter(|_| wait.reserved);
    State::Gang { node: node.map(|node| cluster.node_name(node).to_string()), message: wait.message }
}

/// What an attempt at this instant would come to.
pub(super) fn now(explanation: &Explanation, cluster: &Cluster) -> Now {
    Now {
        node: explanation.chosen.map(|node| cluster.node_name(node).to_string()),
        message: explanation.message.clone(),
    }
}

/// What the pod waits for.
pub(super) fn waiting(waits: &Waits) -> Waiting {
    let queued = &waits.queued;
    let place = match queued.place {
        Place::Active => "active",
        Place::Backoff => "back-off",
        Place::ErrorBackoff => "back-off after an error",
        Place::Unschedulable => "unschedulable",
        Place::Gated => "gated",
        Place::InFlight => "being scheduled or bound",
    };
    let words = |(what, when): &(&str, &str)| (what.to_string(), when.to_string());
    let listens = |(plugin, events): &(usize, Events)| PluginWaits {
        plugin: plugins::ALL[*plugin].name.to_string(),
        events: events.iter().map(words).collect(),
    };
    Waiting {
        place: place.to_string(),
        since: queued.timestamp,
        attempts: queued.attempts,
        unschedulable: queued.unschedulable,
        backoff: waits.backoff.map(|(delay, until)| Backoff { delay, until }),
        plugins: waits.rejected_by.iter().map(listens).collect(),
        flush: waits.flush,
    }
}

/// An attempt, the cluster being as it was.
pub(super) fn attempt(explanation: &Explanation, cluster: &Cluster) -> Attempt {
    let name = |node: NodeId| cluster.node_name(node).to_string();
    let rejected = explanation.diagnosis.pre.as_ref().map(|pre| Rejection {
        plugin: plugins::ALL[pre.plugin].name.to_string(),
        code: pre.code.as_str().to_string(),
        reasons: vec![pre.message.clone()],
    });
    let nobody = cluster.n_nodes() == 0;
    Attempt {
        at: cluster.now,
        number: explanation.queued.map_or(0, |queued| queued.attempts),
        nodes_total: explanation.list.len(),
        nodes_looked_at: explanation.feasible.len() + explanation.diagnosis.rejected.iter().count(),
        nodes_enough: explanation.want,
        first_node: explanation.list.first().map(|node| name(*node)),
        rejected,
        nodes: nodes(explanation, cluster),
        choice: choice(explanation, cluster),
        message: if nobody { Some("no nodes available to schedule pods".into()) } else { explanation.message.clone() },
        preemption: explanation.preemption.as_ref().map(|outcome| preempted(outcome, cluster)),
    }
}

fn nodes(explanation: &Explanation, cluster: &Cluster) -> Vec<Node> {
    let rejected: FxHashMap<NodeId, &Rejected> = explanation.diagnosis.rejected.iter().collect();
    let places: FxHashMap<NodeId, usize> =
        explanation.feasible.iter().enumerate().map(|(place, node)| (*node, place)).collect();
    let narrowed = explanation.diagnosis.narrowed.as_ref().and_then(|pre| pre.only.as_ref());
    let verdict = |node: &NodeId| match (places.get(node), rejected.get(node)) {
        (Some(place), _) => feasible(explanation, *place),
        (None, Some(verdict)) => Verdict::Rejected(rejection(verdict, cluster)),
        (None, None) if narrowed.is_some_and(|(only, _)| !only.contains(node)) => Verdict::LeftOut,
        (None, None) => Verdict::NotLookedAt,
    };
    let named = |node: &NodeId| Node { name: cluster.node_name(*node).to_string(), verdict: verdict(node) };
    explanation.list.iter().map(named).collect()
}

fn feasible(explanation: &Explanation, place: usize) -> Verdict {
    let scores = explanation.scores.iter().filter_map(|column| {
        let weighted = *column.weighted.get(place)?;
        Some(Score {
            plugin: plugins::ALL[column.plugin].name.to_string(),
            raw: *column.raw.get(place)?,
            normalised: weighted.checked_div(column.weight).unwrap_or(0),
            weight: column.weight,
            weighted,
            told: column.told.get(place).cloned().flatten(),
        })
    });
    Verdict::Feasible { scores: scores.collect(), total: explanation.totals.get(place).copied().unwrap_or(0) }
}

fn rejection(verdict: &Rejected, cluster: &Cluster) -> Rejection {
    Rejection {
        plugin: plugins::ALL[verdict.plugin].name.to_string(),
        code: verdict.rejection.code.as_str().to_string(),
        reasons: verdict.rejection.reasons.iter().map(|reason| reason.text(cluster)).collect(),
    }
}

fn choice(explanation: &Explanation, cluster: &Cluster) -> Choice {
    let name = |node: &NodeId| cluster.node_name(*node).to_string();
    let Some(taken) = explanation.chosen.as_ref().map(name) else { return Choice::Nothing };
    if explanation.nominated_first {
        return Choice::Nominated(taken);
    }
    if explanation.feasible.len() == 1 {
        return Choice::Only(taken);
    }
    if explanation.top.len() == 1 {
        return Choice::Best(taken);
    }
    let rule = match explanation.ties {
        TieBreak::Seeded => "drawn uniformly from the stream `scheduler-ties` of the seed",
        TieBreak::First => "the first in the order in which nodes were looked at",
    };
    Choice::Tie { taken, among: explanation.top.iter().map(name).collect(), rule: rule.to_string() }
}

fn preempted(outcome: &Outcome, cluster: &Cluster) -> Preemption {
    let (candidates, chosen) = match outcome {
        Outcome::NotEligible(text) => return nobody_goes(text),
        Outcome::Nothing(text) => return nobody_goes(text),
        Outcome::Chosen { candidates, chosen } => (candidates, *chosen),
    };
    let costs: Vec<preemption::Cost> = candidates.iter().map(|one| preemption::cost(one, cluster)).collect();
    let told = candidates.iter().zip(&costs).map(|(candidate, cost)| Candidate {
        node: cluster.node_name(candidate.node).to_string(),
        victims: candidate.victims.iter().map(|pod| victim(*pod, cluster)).collect(),
        violations: candidate.violations,
        priority_sum: cost.sum,
        earliest_start: Some(cost.start.0).filter(|start| *start < Time::MAX),
    });
    Preemption {
        message: None,
        candidates: told.collect(),
        node: candidates.get(chosen).map(|candidate| cluster.node_name(candidate.node).to_string()),
        decided_by: Some(decided_by(&costs, chosen)),
    }
}

fn nobody_goes(text: &str) -> Preemption {
    Preemption { message: Some(text.to_string()), candidates: Vec::new(), node: None, decided_by: None }
}

fn victim(pod: PodId, cluster: &Cluster) -> Victim {
    let priority = cluster.pod(pod).map_or(0, |found| cluster.spec(found.spec).priority);
    Victim { pod: pod_name(pod, cluster), priority }
}

/// By what the chosen candidate won over the closest of the others.
fn decided_by(costs: &[preemption::Cost], chosen: usize) -> String {
    let others = costs.iter().enumerate().filter(|(place, _)| *place != chosen).map(|(_, cost)| *cost);
    match (costs.get(chosen), others.min()) {
        (Some(own), Some(closest)) => match own.difference(closest) {
            Some(words) => words.to_string(),
            None => "equal in everything: the first of them in the order tried".to_string(),
        },
        _ => "the only candidate".to_string(),
    }
}
