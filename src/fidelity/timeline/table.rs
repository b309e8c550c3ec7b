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
        text
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
