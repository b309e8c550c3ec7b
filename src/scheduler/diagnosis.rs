//! Why no node was found, and the text of the FailedScheduling event (reference: scheduler.md 6).

use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeId};

use super::cycle::{PreFiltered, PreRejection, Verdict, name_list};
use super::framework::Code;
use super::queue::PluginSet;

/// Why no node was found.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Nodes looked at and rejected, in the order in which they were looked at.
    pub rejected: Vec<(NodeId, Verdict)>,
    /// The pod was rejected before any node was looked at.
    pub pre: Option<PreRejection>,
    /// What the PostFilter plugins said; empty if preemption found a node.
    pub post: String,
    /// The only nodes in question, if PreFilter plugins narrowed them.
    pub narrowed: Option<PreFiltered>,
}

impl Diagnosis {
    /// The plugins that rejected the pod or a node.
    pub fn rejected_by(&self) -> PluginSet {
        let nodes = self.rejected.iter().fold(0, |set, (_, verdict)| set | 1 << verdict.plugin);
        let pre = self.pre.as_ref().map_or(0, |pre| 1 << pre.plugin);
        let narrowed = self.narrowed.iter().filter_map(|pre| pre.only.as_ref()).flat_map(|(_, plugins)| plugins);
        narrowed.fold(nodes | pre, |set, plugin| set | 1 << plugin)
    }

    /// The code of a node: nodes not looked at count as unresolvable.
    pub fn code(&self, node: NodeId) -> Code {
        let found = self.rejected.iter().find(|(other, _)| *other == node);
        found.map_or(Code::UnschedulableAndUnresolvable, |(_, verdict)| verdict.rejection.code)
    }

    /// The text: `0/N nodes are available: …`.
    pub fn message(&self, cluster: &Cluster) -> String {
        let mut text = format!("0/{} nodes are available:", cluster.n_nodes());
        if let Some(pre) = &self.pre {
            text.push_str(&format!(" {}.", pre.message));
        } else {
            let list = self.reason_list(cluster);
            if !list.is_empty() {
                text.push_str(&format!(" {list}."));
            }
        }
        if !self.post.is_empty() {
            text.push_str(&format!(" {}", self.post));
        }
        text
    }

    fn reason_list(&self, cluster: &Cluster) -> String {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut by_reason = BTreeMap::new();
        for (_, verdict) in &self.rejected {
            for reason in &verdict.rejection.reasons {
                *by_reason.entry(*reason).or_insert(0usize) += 1;
            }
        }
        for (reason, count) in by_reason {
            *counts.entry(reason.text(cluster)).or_default() += count;
        }
        if let Some((nodes, plugins)) = self.narrowed.as_ref().and_then(|pre| pre.only.as_ref()) {
            let others = cluster.n_nodes().saturating_sub(nodes.len());
            if others > 0 {
                counts.insert(format!("node(s) didn't satisfy plugin(s) {}", name_list(plugins)), others);
            }
        }
        sorted_counts(counts)
    }
}

/// `2 a, 10 b`: each count with its text, sorted as strings.
pub fn sorted_counts(counts: BTreeMap<String, usize>) -> String {
    let mut parts: Vec<String> = counts.into_iter().map(|(text, count)| format!("{count} {text}")).collect();
    parts.sort_unstable();
    parts.join(", ")
}
