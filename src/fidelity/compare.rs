//! An answer of ours against a recorded one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::{Cluster, NodeId};
use crate::scheduler::explain::Explanation;
use crate::scheduler::framework::Code;
use crate::scheduler::plugins;
use crate::scheduler::preemption::Outcome;

/// A decision that differs.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// The case.
    pub case: String,
    /// The step, counted from 0.
    pub step: usize,
    /// The pod.
    pub pod: String,
    /// What differs: (what, recorded, ours).
    pub differences: Vec<(&'static str, String, String)>,
    /// Both score tables, side by side.
    pub scores: String,
}

/// The differences found so far.
#[derive(Debug, Default)]
pub struct Differences(pub Vec<(&'static str, String, String)>);

impl Differences {
    /// Notes a difference unless both are equal.
    pub fn expect(&mut self, what: &'static str, recorded: impl Into<String>, ours: impl Into<String>) {
        let (recorded, ours) = (recorded.into(), ours.into());
        if recorded != ours {
            self.0.push((what, recorded, ours));
        }
    }
}

/// Sorted names of nodes.
fn names(nodes: &[NodeId], cluster: &Cluster) -> String {
    let mut names: Vec<&str> = nodes.iter().map(|node| cluster.node_name(*node)).collect();
    names.sort_unstable();
    names.join(" ")
}

/// A recorded list, sorted.
pub fn list(value: Option<&Value>) -> String {
    let mut texts: Vec<&str> =
        value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    texts.sort_unstable();
    texts.join(" ")
}

/// A recorded list in its own order.
pub fn ordered(value: Option<&Value>) -> String {
    let texts: Vec<&str> = value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    texts.join(" ")
}

/// Compares feasible and filtered nodes, scores and best nodes.
pub fn compare_attempt(found: &mut Differences, recorded: &Value, ours: &Explanation, cluster: &Cluster) {
    found.expect("feasible", list(recorded.get("feasible")), names(&ours.feasible, cluster));
    found.expect("filtered", recorded_filtered(recorded), our_filtered(ours, cluster));
    found.expect("scores", recorded_scores(recorded), our_scores(recorded, ours, cluster));
    found.expect("top", list(recorded.get("top")), names(&ours.top, cluster));
}

fn recorded_filtered(recorded: &Value) -> String {
    let filtered = recorded.get("filtered").and_then(Value::as_object);
    let texts = filtered.into_iter().flatten().map(|(node, verdict)| {
        let text = |key: &str| verdict.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{node}: {} {} [{}]", text("plugin"), text("code"), list(verdict.get("reasons")))
    });
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.join("\n")
}

fn our_filtered(ours: &Explanation, cluster: &Cluster) -> String {
    let one = |node: &str, plugin: usize, code: Code, mut reasons: Vec<String>| {
        reasons.sort();
        format!("{node}: {} {} [{}]", plugins::ALL[plugin].name, code.as_str(), reasons.join(" "))
    };
    let mut texts: Vec<String> = match &ours.diagnosis.pre {
        Some(pre) => cluster
            .nodes()
            .map(|(node, _)| one(cluster.node_name(node), pre.plugin, pre.code, vec![pre.message.clone()]))
            .collect(),
        None => ours
            .diagnosis
            .rejected
            .iter()
            .map(|(node, verdict)| {
                let reasons = verdict.rejection.reasons.iter().map(|reason| reason.text(cluster)).collect();
                one(cluster.node_name(node), verdict.plugin, verdict.rejection.code, reasons)
            })
            .collect(),
    };
    texts.extend(left_out(ours, cluster));
    texts.sort();
    texts.join("\n")
}

/// Nodes that PreFilter plugins left out, as the recorder saw them.
fn left_out(ours: &Explanation, cluster: &Cluster) -> Vec<String> {
    let Some((nodes, plugins)) = ours.diagnosis.narrowed.as_ref().and_then(|pre| pre.only.as_ref()) else {
        return Vec::new();
    };
    let others = cluster.nodes().filter(|(node, _)| !nodes.contains(node));
    let names = crate::scheduler::cycle::name_list(plugins);
    let reason = |node| {
        format!("{}:  UnschedulableAndUnresolvable [node(s) didn't satisfy plugin(s) {names}]", cluster.node_name(node))
    };
    others.map(|(node, _)| reason(node)).collect()
}

type Table = BTreeMap<String, BTreeMap<String, i64>>;

fn recorded_table(recorded: &Value) -> Table {
    let scores = recorded.get("scores").and_then(Value::as_object);
    let rows = scores.into_iter().flatten().map(|(node, row)| {
        let cells = row.as_object().into_iter().flatten();
        let cells = cells.filter_map(|(plugin, score)| Some((plugin.clone(), score.as_i64()?)));
        (node.clone(), cells.filter(|(_, score)| *score != 0).collect())
    });
    rows.collect()
}

fn our_table(ours: &Explanation, cluster: &Cluster) -> Table {
    let mut table = Table::new();
    for (position, node) in ours.feasible.iter().enumerate().filter(|_| ours.feasible.len() > 1) {
        let row = table.entry(cluster.node_name(*node).to_string()).or_default();
        let cells = ours.scores.iter().map(|column| (plugins::ALL[column.plugin].name, column.weighted[position]));
        let total = ("total", ours.totals.get(position).copied().unwrap_or(0));
        row.extend(
            cells.chain([total]).filter(|(_, score)| *score != 0).map(|(name, score)| (name.to_string(), score)),
        );
    }
    table
}

fn table_text(table: &Table) -> String {
    let rows = table.iter().map(|(node, row)| {
        let cells: Vec<String> = row.iter().map(|(plugin, score)| format!("{plugin}={score}")).collect();
        format!("{node}: {}", cells.join(" "))
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn recorded_scores(recorded: &Value) -> String {
    table_text(&recorded_table(recorded))
}

/// Ours, in the form of the recording, which has none where a nominated node was taken or all score
/// plugins are off.
fn our_scores(recorded: &Value, ours: &Explanation, cluster: &Cluster) -> String {
    let table = our_table(ours, cluster);
    let empty = recorded_table(recorded).is_empty() && ours.feasible.len() < 2;
    if empty { String::new() } else { table_text(&table) }
}

/// Both tables, for a reader.
pub fn both_tables(recorded: &Value, ours: &Explanation, cluster: &Cluster) -> String {
    let (recorded, ours) = (recorded_scores(recorded), table_text(&our_table(ours, cluster)));
    format!("recorded scores:\n{recorded}\nour scores:\n{ours}\n")
}

/// Compares the candidates of a preemption.
pub fn compare_candidates(found: &mut Differences, recorded: &Value, ours: &str) {
    let Some(candidates) = recorded.get("candidates").and_then(Value::as_object) else { return };
    let mut texts: Vec<String> = candidates
        .iter()
        .map(|(node, candidate)| {
            let violations = candidate.get("pdbViolations").and_then(Value::as_i64).unwrap_or(0);
            format!("{node}: {} ({violations})", ordered(candidate.get("victims")))
        })
        .collect();
    texts.sort();
    found.expect("candidates", texts.join("\n"), ours);
}

/// The candidates of a preemption, a line each.
pub fn our_candidates(ours: &Explanation, cluster: &Cluster) -> String {
    let Some(Outcome::Chosen { candidates, .. }) = &ours.preemption else { return String::new() };
    let mut texts: Vec<String> = candidates
        .iter()
        .map(|candidate| {
            let victims: Vec<String> = candidate.victims.iter().map(|pod| cluster.pod_name(*pod)).collect();
            format!("{}: {} ({})", cluster.node_name(candidate.node), victims.join(" "), candidate.violations)
        })
        .collect();
    texts.sort();
    texts.join("\n")
}
