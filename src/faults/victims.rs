//! Whom a fault hits: candidates by name, selector and topology domain, and how many of them chance takes.

use crate::cluster::{Cluster, Name, Node, NodeId, PodId, Selector};
use crate::engine::Stream;

/// Whom a fault can hit.
#[derive(Clone, Debug)]
pub enum Victims {
    /// Nodes.
    Nodes(NodeVictims),
    /// Pods.
    Pods(PodVictims),
    /// Nobody in particular.
    None,
}

/// How many of the candidates are hit, as Chaos Mesh has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every one.
    All,
    /// One, drawn.
    One,
    /// So many, drawn.
    Fixed(u32),
    /// So many per cent, rounded up, drawn.
    Percent(u32),
    /// Up to so many per cent: the share is drawn too.
    RandomMaxPercent(u32),
}

/// Nodes that a fault can hit; all conditions must hold.
#[derive(Clone, Debug)]
pub struct NodeVictims {
    /// These names; empty: any.
    pub names: Vec<Name>,
    /// Labels.
    pub selector: Option<Selector>,
    /// Values of topology labels.
    pub domains: Vec<(Name, Name)>,
    /// With it the candidates are whole domains: the values of this topology label.
    pub by_domain: Option<Name>,
    /// How many of them.
    pub mode: Mode,
}

/// Pods that a fault can hit; all conditions must hold. Ended and Terminating ones and those without a
/// node are none.
#[derive(Clone, Debug)]
pub struct PodVictims {
    /// The name of the workload at the root of their owners, or of the pod itself.
    pub workload: Option<Name>,
    /// Their namespace.
    pub namespace: Option<Name>,
    /// Labels.
    pub selector: Option<Selector>,
    /// Nodes they are on, however many of those.
    pub on: Option<NodeVictims>,
    /// How many of them.
    pub mode: Mode,
}

impl Mode {
    /// Moves the chosen to the front of `candidates` and cuts the others off. Every mode but
    /// [`Mode::All`] draws, whatever the number of candidates.
    pub fn choose<T: Ord>(self, candidates: &mut Vec<T>, stream: &mut Stream) {
        let share = |percent: u64, n: usize| (n as u64 * percent).div_ceil(100) as usize;
        let count = match self {
            Mode::All => return,
            Mode::One => 1,
            Mode::Fixed(count) => count as usize,
            Mode::Percent(percent) => share(percent.into(), candidates.len()),
            Mode::RandomMaxPercent(percent) => share(stream.below(u64::from(percent) + 1), candidates.len()),
        };
        stream.choose_to_front(candidates, count);
        candidates.truncate(count);
        candidates.sort_unstable();
    }
}

impl Victims {
    /// The nodes and pods hit by a strike now.
    pub fn choose(&self, cluster: &Cluster, stream: &mut Stream) -> (Vec<NodeId>, Vec<PodId>) {
        match self {
            Victims::None => (Vec::new(), Vec::new()),
            Victims::Nodes(victims) => (victims.choose(cluster, stream), Vec::new()),
            Victims::Pods(victims) => (Vec::new(), victims.choose(cluster, stream)),
        }
    }
}

impl NodeVictims {
    /// Every node.
    pub fn all() -> Self {
        NodeVictims { names: Vec::new(), selector: None, domains: Vec::new(), by_domain: None, mode: Mode::All }
    }

    /// Whether a node is a candidate.
    pub fn matches(&self, node: &Node, cluster: &Cluster) -> bool {
        let label = |key: Name| node.spec.labels.get(key);
        (self.names.is_empty() || self.names.contains(&node.name()))
            && self.selector.as_ref().is_none_or(|selector| selector.matches(&node.spec.labels, &cluster.names))
            && self.domains.iter().all(|(key, value)| label(*key) == Some(*value))
            && self.by_domain.is_none_or(|key| label(key).is_some())
    }

    /// The candidates in the order they were added.
    pub fn candidates(&self, cluster: &Cluster) -> Vec<NodeId> {
        cluster.nodes().filter(|(_, node)| self.matches(node, cluster)).map(|(id, _)| id).collect()
    }

    /// The domains of the candidates, in the order of their names.
    pub fn domains(&self, cluster: &Cluster) -> Vec<Name> {
        let Some(key) = self.by_domain else { return Vec::new() };
        let nodes = cluster.nodes().filter(|(_, node)| self.matches(node, cluster));
        let mut domains: Vec<Name> = nodes.filter_map(|(_, node)| node.spec.labels.get(key)).collect();
        domains.sort_unstable_by_key(|name| cluster.names.text(*name));
        domains.dedup();
        domains
    }

    /// The candidates in one domain.
    pub fn in_domain(&self, domain: Name, cluster: &Cluster) -> Vec<NodeId> {
        let inside = |id: &NodeId| {
            let labels = cluster.node(*id).map(|node| &node.spec.labels);
            self.by_domain.is_none_or(|key| labels.is_some_and(|labels| labels.get(key) == Some(domain)))
        };
        self.candidates(cluster).into_iter().filter(inside).collect()
    }

    fn choose(&self, cluster: &Cluster, stream: &mut Stream) -> Vec<NodeId> {
        if self.by_domain.is_none() {
            let mut nodes = self.candidates(cluster);
            self.mode.choose(&mut nodes, stream);
            return nodes;
        }
        let mut domains = self.domains(cluster);
        self.mode.choose(&mut domains, stream);
        let mut nodes: Vec<NodeId> = domains.into_iter().flat_map(|domain| self.in_domain(domain, cluster)).collect();
        nodes.sort_unstable();
        nodes
    }
}

impl PodVictims {
    /// Every pod.
    pub fn all() -> Self {
        PodVictims { workload: None, namespace: None, selector: None, on: None, mode: Mode::All }
    }

    /// Whether a pod is a candidate.
    pub fn matches(&self, id: PodId, cluster: &Cluster) -> bool {
        let Some(pod) = cluster.pod(id).filter(|pod| pod.is_active() && pod.bound) else { return false };
        let spec = cluster.spec(pod.spec);
        let named = |wanted: Name| {
            let root = pod.owner.and_then(|owner| cluster.object(cluster.root_owner(owner)));
            match root {
                Some(root) => root.name == wanted,
                None => cluster.pod_name(id) == cluster.names.text(wanted),
            }
        };
        let node = pod.node.and_then(|node| cluster.node(node));
        self.namespace.is_none_or(|namespace| spec.namespace == namespace)
            && self.selector.as_ref().is_none_or(|selector| selector.matches(&spec.labels, &cluster.names))
            && self.on.as_ref().is_none_or(|on| node.is_some_and(|node| on.matches(node, cluster)))
            && self.workload.is_none_or(named)
    }

    fn choose(&self, cluster: &Cluster, stream: &mut Stream) -> Vec<PodId> {
        let on_nodes = cluster.nodes().flat_map(|(_, node)| node.pods.iter().copied());
        let mut pods: Vec<PodId> = on_nodes.filter(|pod| self.matches(*pod, cluster)).collect();
        pods.sort_unstable();
        self.mode.choose(&mut pods, stream);
        pods
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn modes_take_as_many_as_they_say() {
        for (mode, least, most) in [
            (Mode::All, 10, 10),
            (Mode::One, 1, 1),
            (Mode::Fixed(3), 3, 3),
            (Mode::Fixed(30), 10, 10),
            (Mode::Percent(25), 3, 3), // rounded up
            (Mode::RandomMaxPercent(40), 0, 4),
        ] {
            for index in 0..50 {
                let mut candidates: Vec<u32> = (0..10).collect();
                mode.choose(&mut candidates, &mut Seed(1).stream("mode", index));
                assert!((least..=most).contains(&candidates.len()), "{mode:?}: {candidates:?}");
                assert!(candidates.is_sorted(), "{mode:?}: {candidates:?}");
            }
        }
    }
}
