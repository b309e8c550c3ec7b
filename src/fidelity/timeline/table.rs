//! The table of agreement, and the list of differences.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Outcome;
use super::story::Story;

/// Agreement by class.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By class: (cases, cases that agree, comparisons, comparisons that agree).
    pub classes: BTreeMap<String, (usize, usize, usize, usize)>,
    /// Cases that differ, with how many of how many comparisons, and the first difference.
    pub differing: Vec<(String, usize, usize, String)>,
    /// Cases in which races decide, with how many comparisons each decides.
    pub by_chance: Vec<(String, BTreeMap<&'static str, usize>)>,
}

impl Summary {
    /// Adds a case.
    pub fn add(&mut self, outcome: &Outcome) {
        let class = self.classes.entry(outcome.class.clone()).or_default();
        let differ = outcome.differences.len();
        class.0 += 1;
        class.1 += usize::from(differ == 0);
        class.2 += outcome.comparisons;
        class.3 += outcome.comparisons - differ.min(outcome.comparisons);
        if let Some(first) = outcome.differences.first() {
            let text = format!("{}: recorded `{}`, ours `{}`", first.what, short(&first.recorded), short(&first.ours));
            self.differing.push((outcome.id.clone(), differ, outcome.comparisons, text));
        }
        if !outcome.by_chance.is_empty() {
            let mut races = BTreeMap::new();
            outcome.by_chance.iter().for_each(|difference| *races.entry(race(&difference.what)).or_default() += 1);
            self.by_chance.push((outcome.id.clone(), races));
        }
    }

    /// The table, as Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from("| class | cases | agree | comparisons | agree |\n|---|---:|---:|---:|---:|\n");
        let mut total = (0, 0, 0, 0);
        for (name, class) in &self.classes {
            let _ = writeln!(text, "| {name} | {} | {} | {} | {} |", class.0, class.1, class.2, class.3);
            total = (total.0 + class.0, total.1 + class.1, total.2 + class.2, total.3 + class.3);
        }
        let _ = writeln!(text, "| **all** | {} | {} | {} | {} |", total.0, total.1, total.2, total.3);
        if !self.differing.is_empty() {
            text.push_str("\n| case | differ | of | first difference |\n|---|---:|---:|---|\n");
        }
        for (id, differ, of, first) in &self.differing {
            let _ = writeln!(text, "| {id} | {differ} | {of} | {} |", first.replace('|', "/"));
        }
        if !self.by_chance.is_empty() {
            text.push_str("\n| case | by chance | comparisons |\n|---|---|---:|\n");
        }
        for (id, races) in &self.by_chance {
            for (race, comparisons) in races {
                let _ = writeln!(text, "| {id} | {race} | {comparisons} |");
            }
        }
        text
    }
}

/// The race that decides a comparison which one seed of the latencies meets and another does not.
fn race(what: &str) -> &'static str {
    let ends = |text: &str| what.ends_with(text);
    match what.split(' ').next() {
        Some("node") => "which node of those that fell silent together a pass takes first",
        Some("event") if what.contains("ScalingReplicaSet") => "in how many steps a burst of a rollout is done",
        Some("event") => "how many events come before the client combines or drops them",
        Some("pod") if ends("marked") || ends("removed") => {
            "which pod of a ReplicaSet ranks first, by the pods on its node at the instant of a step"
        }
        Some("pod") if ends("node") => "which of several waiting pods is bound first, and so which nodes are the best",
        Some("pod") => "which of several pods is taken before others: creations, bindings, deletions side by side",
        _ => "which of two syncs comes first",
    }
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(90).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Each difference of a case: what was recorded, what the run did.
pub fn differences(outcome: &Outcome) -> String {
    let mut text = String::new();
    for one in &outcome.differences {
        let _ =
            writeln!(text, "{} {}\n    recorded: {}\n    ours:     {}", outcome.id, one.what, one.recorded, one.ours);
    }
    text
}

/// A run: nodes, pods, workloads and events.
pub fn story(story: &Story) -> String {
    let mut text = String::new();
    for (name, node) in &story.nodes {
        let _ = writeln!(text, "node {name} {:?} {:?}", node.ready, node.taints);
    }
    for pod in &story.pods {
        let _ = writeln!(text, "{pod:?}");
    }
    for (name, states) in &story.workloads {
        for (t, state) in states {
            let _ = writeln!(text, "{t:.3} {name} {state:?}");
        }
    }
    for event in &story.events {
        let _ = writeln!(text, "{:.3} {} {} {}: {}", event.t, event.source, event.subject, event.reason, event.message);
    }
    text
}
