//! Why a pod is where it is, as text for the terminal and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::engine::Time;
use crate::outcome::why::{Attempt, Choice, Node, Preemption, State, Verdict, Waiting, Why};

use super::format::{duration, moment};

/// Rows told of each table, unless all are asked for.
const ROWS: usize = 12;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The best nodes, and how many were rejected for which reason.
    Short,
    /// Every node.
    Full,
}

/// For programs.
pub fn json(why: &Why) -> String {
    serde_json::to_string_pretty(why).map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// For people.
pub fn text(why: &Why, detail: Detail) -> String {
    let mut out = String::new();
    say(&mut out, format_args!("{}   priority {}, {}", why.pod, why.priority, why.scheduler));
    say(&mut out, format_args!("{}: {}", moment(why.at), state(&why.state)));
    if let Some(attempt) = &why.attempt {
        tell_attempt(&mut out, attempt, detail);
    } else if !matches!(why.state, State::Named { .. }) {
        say(&mut out, format_args!("\nNo attempt to schedule it was made."));
    }
    if let Some(waiting) = &why.waiting {
        tell_waiting(&mut out, waiting, why.at);
    }
    if let Some(now) = &why.now {
        let what = match (&now.node, &now.message) {
            (Some(node), _) => format!("it would go to {node}"),
            (None, Some(message)) => message.clone(),
            (None, None) => "nothing would come of it".to_string(),
        };
        say(&mut out, format_args!("\nIf it were tried now: {what}"));
    }
    if !why.earlier.is_empty() {
        say(&mut out, format_args!("\nFailed attempts before:"));
        for failure in &why.earlier {
            say(&mut out, format_args!("  {:<9} {}", moment(failure.at), failure.message));
        }
    }
    out
}

fn state(state: &State) -> String {
    match state {
        State::OnNode { node, bound: true, phase } => format!("{phase} on {node}"),
        State::OnNode { node, bound: false, .. } => format!("placed on {node}, the binding is on its way"),
        State::Pending => "Pending, on no node".to_string(),
        State::Unserved => "Pending: no profile of the scheduler has its schedulerName".to_string(),
        State::Gated => "held back by its scheduling gates".to_string(),
        State::Gang { node: Some(node), message } => format!("holds room on {node}, {message}"),
        State::Gang { node: None, message } => format!("Pending, {message}"),
        State::Named { node } => format!("on {node}, which its manifest names: no scheduler was asked"),
        State::Gone => "gone".to_string(),
    }
}

fn tell_attempt(out: &mut String, attempt: &Attempt, detail: Detail) {
    say(
        out,
        format_args!(
            "\nAttempt {} at {}: {} of {} nodes looked at, {} feasible ones would have been enough{}",
            attempt.number,
            moment(attempt.at),
            attempt.nodes_looked_at,
            attempt.nodes_total,
            attempt.nodes_enough,
            attempt.first_node.as_ref().map_or(String::new(), |node| format!("; first {node}")),
        ),
    );
    say(out, format_args!("{}", choice(attempt)));
    if let Some(rejection) = &attempt.rejected {
        let reasons = rejection.reasons.join(", ");
        say(out, format_args!("{} rejected the pod before any node was looked at: {reasons}", rejection.plugin));
    }
    scores(out, attempt, detail);
    rejections(out, attempt, detail);
    if let Some(message) = &attempt.message {
        say(out, format_args!("\n{message}"));
    }
    if let Some(preemption) = &attempt.preemption {
        tell_preemption(out, preemption, detail);
    }
}

fn choice(attempt: &Attempt) -> String {
    match &attempt.choice {
        Choice::Nothing => "No node was feasible.".to_string(),
        Choice::Only(node) => format!("Taken: {node}, the only feasible node, so nothing was scored."),
        Choice::Nominated(node) => format!("Taken: {node}, to which it was nominated; no other was looked at."),
        Choice::Best(node) => format!("Taken: {node}, which has the highest total."),
        Choice::Tie { taken, among, rule } => {
            let (shown, more) = (among.iter().take(ROWS), among.len().saturating_sub(ROWS));
            let names: Vec<&str> = shown.map(String::as_str).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!(
                "Taken: {taken}. {} nodes have the highest total: {}{more}.\nThe tie: {rule}.",
                among.len(),
                names.join(" ")
            )
        }
    }
}

/// A row a node that passed the filters, best first.
fn scores(out: &mut String, attempt: &Attempt, detail: Detail) {
    let mut feasible: Vec<_> = attempt
        .nodes
        .iter()
        .filter_map(|node| match &node.verdict {
            Verdict::Feasible { scores, total } if !scores.is_empty() => Some((node, scores, *total)),
            _ => None,
        })
        .collect();
    let Some((_, columns, _)) = feasible.first() else { return };
    // a policy is alone, and what it tells stands for the total as well
    let told = columns.iter().any(|score| score.told.is_some());
    let total = (!told).then(|| "TOTAL".to_string());
    let plugins = columns.iter().map(|score| match told {
        true => score.plugin.clone(),
        false => format!("{}\n× {}", score.plugin, score.weight),
    });
    let mut table = table(["NODE".to_string()].into_iter().chain(total).chain(plugins));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    feasible.sort_by_key(|(_, _, total)| std::cmp::Reverse(*total));
    let shown = if detail == Detail::Full { feasible.len() } else { ROWS };
    for (node, scores, total) in feasible.iter().take(shown) {
        let total = (!told).then(|| total.to_string());
        let cells = scores
            .iter()
            .map(|score| score.told.clone().unwrap_or_else(|| format!("{} ({})", score.normalised, score.raw)));
        table.add_row([node.name.clone()].into_iter().chain(total).chain(cells));
    }
    let head = match told {
        true => "Scores, as the placement policy counts them",
        false => "Scores: normalised (raw), to be multiplied by the weight in the head",
    };
    say(out, format_args!("\n{head}\n{}", trimmed(&table)));
    if feasible.len() > shown {
        say(out, format_args!("… and {} nodes with lower or equal totals", feasible.len() - shown));
    }
}

/// Nodes that did not come into question: each, or how many for which reason.
fn rejections(out: &mut String, attempt: &Attempt, detail: Detail) {
    let mut groups: BTreeMap<(String, String, String), Vec<&str>> = BTreeMap::new();
    for node in &attempt.nodes {
        if let Some(reason) = reason(node, &attempt.choice) {
            groups.entry(reason).or_default().push(&node.name);
        }
    }
    if groups.is_empty() {
        return;
    }
    let mut table = table(["NODES", "WHICH", "REJECTED BY", "REASON", "MAY PREEMPTION HELP"].map(str::to_string));
    for ((plugin, reason, help), names) in &groups {
        let shown = if detail == Detail::Full { names.len() } else { 3 };
        let more = names.len().saturating_sub(shown);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let which = format!("{}{more}", names[..shown.min(names.len())].join(" "));
        table.add_row([&names.len().to_string(), &which, plugin, reason, help]);
    }
    say(out, format_args!("\n{}", trimmed(&table)));
}

/// Who rejected the node, why, and whether removing pods may help.
fn reason(node: &Node, choice: &Choice) -> Option<(String, String, String)> {
    let none = |why: &str| Some(("-".to_string(), why.to_string(), "-".to_string()));
    match &node.verdict {
        Verdict::Rejected(rejection) => {
            let help = if rejection.code == "Unschedulable" { "yes" } else { "no" };
            Some((rejection.plugin.clone(), rejection.reasons.join(", "), help.to_string()))
        }
        Verdict::LeftOut => none("the pod's affinity names other nodes"),
        Verdict::NotLookedAt if matches!(choice, Choice::Nominated(_)) => {
            none("not looked at: the nominated node fits")
        }
        Verdict::NotLookedAt => none("not looked at: enough nodes were feasible before"),
        Verdict::Feasible { .. } => None,
    }
}

fn tell_preemption(out: &mut String, preemption: &Preemption, detail: Detail) {
    if let Some(message) = &preemption.message {
        say(out, format_args!("\nPreemption: {message}"));
        return;
    }
    let node = preemption.node.as_deref().unwrap_or("-");
    let by = preemption.decided_by.as_deref().unwrap_or("-");
    say(out, format_args!("\nPreemption makes room on {node}: {by}"));
    let mut table = table(["NODE", "VICTIMS (PRIORITY)", "PDB VIOLATIONS", "EARLIEST START"].map(str::to_string));
    let shown = if detail == Detail::Full { preemption.candidates.len() } else { ROWS };
    for candidate in preemption.candidates.iter().take(shown) {
        let victims = candidate.victims.iter().map(|victim| format!("{} ({})", victim.pod, victim.priority));
        let start = candidate.earliest_start.map_or("-".to_string(), moment);
        let violations = candidate.violations.to_string();
        table.add_row([&candidate.node, &victims.collect::<Vec<_>>().join(", "), &violations, &start]);
    }
    say(out, format_args!("{}", trimmed(&table)));
}

fn tell_waiting(out: &mut String, waiting: &Waiting, at: Time) {
    say(
        out,
        format_args!(
            "\nIn the queue: {} since {}; attempts {}, of which without a node {}",
            waiting.place,
            moment(waiting.since),
            waiting.attempts,
            waiting.unschedulable
        ),
    );
    if let Some(backoff) = &waiting.backoff {
        let (delay, until) = (duration(backoff.delay), moment(backoff.until));
        let until = if backoff.until > at {
            format!("until {until} at the latest; an idle scheduler does not wait for it")
        } else {
            format!("over since {until}")
        };
        say(out, format_args!("Back-off {delay}, {until}"));
    }
    if let Some(flush) = waiting.flush {
        say(out, format_args!("Tried again at {} even if nothing happens", moment(flush)));
    }
    if waiting.plugins.is_empty() {
        return;
    }
    let mut table = table(["REJECTED BY", "TRIED AGAIN WHEN", "IF"].map(str::to_string));
    for plugin in &waiting.plugins {
        for (what, when) in &plugin.events {
            table.add_row([&plugin.plugin, what, when]);
        }
    }
    say(out, format_args!("{}", trimmed(&table)));
}

fn table(head: impl IntoIterator<Item = String>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// The table without blanks at the ends of lines.
fn trimmed(table: &Table) -> String {
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

fn say(out: &mut String, text: std::fmt::Arguments<'_>) {
    // writing to a String cannot fail
    let _ = writeln!(out, "{text}");
}
