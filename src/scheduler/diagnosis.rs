//! Why no node was found, and the text of the FailedScheduling event (reference: scheduler.md 6).

use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeId};

use super::cycle::{PreFiltered, PreRejection, Verdict, name_list};
use super::queue::PluginSet;

/// Nodes that were rejected, in the order in which they were looked at; equal verdicts are kept once.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    verdicts: Vec<Verdict>,
    nodes: Vec<(NodeId, u32)>,
}

impl Rejections {
    /// No nodes yet, verdicts known by number.
    pub fn of(verdicts: Vec<Verdict>) -> Self {
        Rejections { verdicts, nodes: Vec::new() }
    }

    /// Adds a node.
    pub fn push(&mut self, node: NodeId, verdict: Verdict) {
        let known = self.verdicts.iter().position(|other| *other == verdict);
        let number = known.unwrap_or_else(|| {
            self.verdicts.push(verdict);
            self.verdicts.len() - 1
        });
        self.nodes.push((node, number as u32));
    }

    /// Adds a node with the verdict of this number.
    pub fn push_known(&mut self, node: NodeId, number: u32) {
        self.nodes.push((node, number));
    }

    /// The nodes with their verdicts.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, &Verdict)> {
        self.nodes.iter().map(|(node, number)| (*node, &self.verdicts[*number as usize]))
    }

    /// The verdict on a node that was rejected.
    pub fn verdict(&self, node: NodeId) -> Option<&Verdict> {
        self.iter().find(|(other, _)| *other == node).map(|(_, verdict)| verdict)
    }

    /// Each verdict with the number of nodes it is on; verdicts on none are left out.
    pub fn counts(&self) -> impl Iterator<Item = (&Verdict, usize)> {
        let mut counts = vec![0; self.verdicts.len()];
        self.nodes.iter().for_each(|(_, number)| counts[*number as usize] += 1);
        self.verdicts.iter().zip(counts).filter(|(_, count)| *count > 0)
    }
}

impl Extend<(NodeId, Verdict)> for Rejections {
    fn extend<I: IntoIterator<Item = (NodeId, Verdict)>>(&mut self, nodes: I) {
        nodes.into_iter().for_each(|(node, verdict)| self.push(node, verdict));
    }
}

/// Why no node was found.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Nodes looked at and rejected.
    pub rejected: Rejections,
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
        let nodes = self.rejected.counts().fold(0, |set, (verdict, _)| set | 1 << verdict.plugin);
        let pre = self.pre.as_ref().map_or(0, |pre| 1 << pre.plugin);
        let narrowed = self.narrowed.iter().filter_map(|pre| pre.only.as_ref()).flat_map(|(_, plugins)| plugins);
        narrowed.fold(nodes | pre, |set, plugin| set | 1 << plugin)
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
        for (verdict, count) in self.rejected.counts() {
            for reason in &verdict.rejection.reasons {
                *counts.entry(reason.text(cluster)).or_default() += count;
            }
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
