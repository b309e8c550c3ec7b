//! What events say, in a form in which a run and its recording can be compared: how many steps a burst
//! takes, and so which events the client still sends, is chance.

use std::collections::BTreeMap;

use super::compare::BURST;
use super::story::{EventStory, Story};

/// client-go sends so many events about one object; then one each five minutes.
const SPAM_BURST: usize = 25;

/// What was told of both, and how often.
pub(super) fn told_both(recorded: &Story, run: &Story) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let spent = |subject: &str| spent(recorded, subject).min(spent(run, subject));
    (told(recorded, spent), told(run, spent))
}

/// Events after zero by what they say, and how often. Kubelets of recordings say nothing; of the
/// endpoint slices nothing is modelled. How often a pod was tried in vain is chance.
fn told(story: &Story, spent: impl Fn(&str) -> f64) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for event in one_step_each(&story.events) {
        if sizes(&event.message).is_some() && event.t >= spent(&event.subject) - BURST {
            continue;
        }
        if event.source == "kubelet" || event.source == "endpoint-slice-controller" {
            continue;
        }
        let text = format!("{} {} {} {}: {}", event.source, event.subject, event.kind, event.reason, event.message);
        let count = told.entry(text).or_insert(0);
        *count = if event.reason == "FailedScheduling" { 1 } else { *count + 1 };
    }
    told
}

/// When the client had sent as many steps of a workload as it sends: the steps since, and those of that
/// burst, are told or not by how many steps the bursts before took, which is chance.
fn spent(story: &Story, subject: &str) -> f64 {
    let steps = story.events.iter().filter(|event| event.subject == subject && sizes(&event.message).is_some());
    steps.map(|event| event.t).nth(SPAM_BURST - 1).unwrap_or(f64::INFINITY)
}

/// Events after zero; steps of one burst in which a ReplicaSet is sized are one step, combined or not.
fn one_step_each(events: &[EventStory]) -> Vec<EventStory> {
    let mut kept: Vec<EventStory> = Vec::new();
    for event in events.iter().filter(|event| event.t >= 0.0) {
        let mut event = event.clone();
        if let Some((what, from, to)) = sizes(&event.message) {
            let mut from = from;
            let earlier = kept.iter().rposition(|other| {
                let continued = sizes(&other.message).is_some_and(|(same, _, size)| same == what && size == from);
                continued && event.t - other.t <= BURST && other.subject == event.subject
            });
            if let Some(index) = earlier {
                from = sizes(&kept.remove(index).message).map_or(from, |(_, from, _)| from);
            }
            event.message = format!("{what} from {from} to {to}");
        }
        kept.push(event);
    }
    kept
}

/// The parts of `Scaled up replica set X from A to B`, combined or not.
fn sizes(message: &str) -> Option<(String, u32, u32)> {
    let message = message.strip_prefix("(combined from similar events): ").unwrap_or(message);
    let (what, sizes) = message.strip_prefix("Scaled ").and_then(|_| message.split_once(" from "))?;
    let (from, to) = sizes.split_once(" to ")?;
    Some((what.to_string(), from.parse().ok()?, to.parse().ok()?))
}
