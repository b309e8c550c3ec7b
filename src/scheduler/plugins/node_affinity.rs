//! NodeAffinity (reference: scheduler.md 3.3 and 4.5).
//!
//! Filter: nodeSelector, required node affinity and the profile's added affinity must match. Score:
//! the weights of matching preferred terms, the pod's and the profile's, `100·s/max`.

use crate::cluster::{Cluster, Labels, Name, Node, NodeId, NodeSelector, NodeSelectorTerm, Operator, PodId, PodSpec};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::event::Event;
use crate::scheduler::framework::{
    Code, Context, Kept, NodeView, Plugin, PreFilter, Rejection, Scope, normalize_by_max,
};

/// The plugin.
pub struct NodeAffinity {
    added_required: Option<NodeSelector>,
    added_preferred: Vec<(i64, NodeSelectorTerm)>,
}

impl NodeAffinity {
    /// An instance.
    pub fn new(args: &Args, _known: &WellKnown) -> Self {
        NodeAffinity { added_required: args.added_required.clone(), added_preferred: args.added_preferred.clone() }
    }

    fn added_matches(&self, labels: &Labels, name: Name, cluster: &Cluster) -> bool {
        self.added_required.as_ref().is_none_or(|selector| selector.matches(labels, name, &cluster.names))
    }
}

/// Whether the pod's nodeSelector and required node affinity match a node with these labels.
pub fn pod_matches(spec: &PodSpec, labels: &Labels, name: Name, cluster: &Cluster) -> bool {
    labels.contains_all(&spec.node_selector)
        && spec.node_affinity.as_ref().is_none_or(|selector| selector.matches(labels, name, &cluster.names))
}

/// The nodes to which every term pins the pod by name (as DaemonSet pods are): the names, or an error
/// if the terms contradict themselves. `None` if some term leaves the name open.
fn pinned_names(selector: &NodeSelector) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    for term in &selector.terms {
        let pins: Vec<Name> =
            term.fields.iter().filter(|field| field.operator == Operator::In).map(|field| field.values[0]).collect();
        let first = *pins.first()?;
        if pins.iter().all(|name| *name == first) {
            names.push(first);
        }
    }
    Some(names)
}

impl Plugin for NodeAffinity {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        let spec = cx.spec;
        if spec.node_affinity.is_none() && spec.node_selector.is_empty() && self.added_required.is_none() {
            return PreFilter::Skip;
        }
        let Some(selector) = spec.node_affinity.as_ref().filter(|selector| !selector.terms.is_empty()) else {
            return PreFilter::Filter;
        };
        match pinned_names(selector) {
            None => PreFilter::Filter,
            Some(names) if names.is_empty() => {
                PreFilter::Reject(Code::UnschedulableAndUnresolvable, "pod affinity terms conflict".to_string())
            }
            Some(names) => PreFilter::Only(names.into_iter().filter_map(|name| cx.cluster.find_node(name)).collect()),
        }
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let (labels, name) = (&node.node.spec.labels, node.node.name());
        if !self.added_matches(labels, name, cx.cluster) {
            return Err(Rejection::unresolvable("node(s) didn't match scheduler-enforced node affinity"));
        }
        if !pod_matches(cx.spec, labels, name, cx.cluster) {
            return Err(Rejection::unresolvable("node(s) didn't match Pod's node affinity/selector"));
        }
        Ok(())
    }

    fn filter_scope(&self) -> Scope {
        Scope::Node
    }

    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        !(cx.spec.preferred_node_affinity.is_empty() && self.added_preferred.is_empty())
    }

    fn score(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        let terms = cx.spec.preferred_node_affinity.iter().chain(&self.added_preferred);
        let matching = terms.filter(|(_, term)| term.matches(&node.spec.labels, node.name(), &cx.cluster.names));
        matching.map(|(weight, _)| weight).sum()
    }

    fn normalize(&self, _cx: &Context<'_>, _feasible: &[NodeId], scores: &mut [i64]) {
        normalize_by_max(scores, false);
    }

    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Grade
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a node is added", "the pod's node selector and affinity match it"),
            ("a node's labels change", "they match now and did not before"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let (node, before) = match *event {
            Event::NodeAdded(node) => (node, None),
            Event::NodeLabelled(node, before) => (node, Some(before)),
            _ => return false,
        };
        let (Some(pod), Some(node)) = (cluster.pod(pod), cluster.node(node)) else { return true };
        let spec = cluster.spec(pod.spec);
        let matches = |labels: &Labels| {
            self.added_matches(labels, node.name(), cluster) && pod_matches(spec, labels, node.name(), cluster)
        };
        matches(&node.spec.labels) && before.is_none_or(|before| !matches(&before.labels))
    }
}
