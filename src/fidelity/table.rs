//! The table of agreement, and the list of disagreements.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Outcome;

/// Agreement by class.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By class: (cases, cases that agree, decisions, decisions that agree).
    pub classes: BTreeMap<String, (usize, usize, usize, usize)>,
}

impl Summary {
    /// Adds a case.
    pub fn add(&mut self, outcome: &Outcome) {
        let class = self.classes.entry(outcome.class.clone()).or_default();
        class.0 += 1;
        class.1 += usize::from(outcome.disagreements.is_empty());
        class.2 += outcome.decisions;
        class.3 += outcome.decisions - outcome.disagreements.len().min(outcome.decisions);
    }

    /// All classes together.
    pub fn total(&self) -> (usize, usize, usize, usize) {
        let add = |sum: (usize, usize, usize, usize), class: &(usize, usize, usize, usize)| {
            (sum.0 + class.0, sum.1 + class.1, sum.2 + class.2, sum.3 + class.3)
        };
        self.classes.values().fold((0, 0, 0, 0), add)
    }

    /// The table, as Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from("| class | cases | agree | decisions | agree |\n|---|---:|---:|---:|---:|\n");
        let mut row = |name: &str, class: (usize, usize, usize, usize)| {
            let _ = writeln!(text, "| {name} | {} | {} | {} | {} |", class.0, class.1, class.2, class.3);
        };
        for (name, class) in &self.classes {
            row(name, *class);
        }
        row("**all**", self.total());
        text
    }
}

/// Each disagreement: case, step, what was recorded, what we did, both score tables.
pub fn disagreements(outcome: &Outcome) -> String {
    let mut text = String::new();
    for one in &outcome.disagreements {
        let _ = writeln!(text, "{} step {} pod {}", one.case, one.step, one.pod);
        for (what, recorded, ours) in &one.differences {
            let _ = writeln!(text, "  {what}\n    recorded: {}\n    ours:     {}", indent(recorded), indent(ours));
        }
        let _ = writeln!(text, "  {}", indent(&one.scores));
    }
    text
}

fn indent(text: &str) -> String {
    text.replace('\n', "\n              ")
}
