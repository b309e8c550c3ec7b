//! A constraint, ready to be evaluated: matching pods by domain, kept up to date from one cycle to the
//! next by what was counted since.

use crate::cluster::spec::SpreadConstraint;
use crate::cluster::{Labels, Node, NodeId, Operator, Requirement, Selector, SpecId};
use crate::scheduler::framework::Context;
use crate::scheduler::index::{KeyId, NONE, PodTerm, QueryId};
use crate::scheduler::plugins::node_affinity::pod_matches;
use crate::scheduler::plugins::taint_toleration::tolerates_all;

/// A constraint of one pod template.
#[derive(Debug)]
pub(super) struct Constraint {
    pub(super) max_skew: i64,
    pub(super) key: KeyId,
    pub(super) is_hostname: bool,
    pub(super) matches_itself: bool,
    /// ln(domains + 2) among feasible nodes; of the present cycle.
    pub(super) weight: f64,
    min_domains: usize,
    honor_affinity: bool,
    honor_taints: bool,
    /// Matching live pods; `None` if the selector is empty or missing and so counts nothing.
    query: Option<QueryId>,
    domains: Domains,
}

/// What a constraint looks at on a node: the key, whether that is the hostname, and which pods it counts.
pub(super) type Seen = (KeyId, bool, Option<QueryId>);

/// Matching pods by value of the key.
#[derive(Debug, Default)]
struct Domains {
    /// [`NO_DOMAIN`] for values that no eligible node has.
    counts: Vec<i64>,
    /// A bit a node: whether its pods count.
    eligible: Vec<u64>,
    /// How many values are domains.
    n: usize,
    /// The smallest count, and how many domains have it; [`HUGE`] without domains.
    min: (i64, usize),
    /// Up to where in the query's log the pods are counted.
    mark: u64,
    /// The nodes that were looked at: epochs of labels and taints. `None`: none yet.
    nodes: Option<(u32, u32)>,
}

const NO_DOMAIN: i64 = -1;

/// No domain at all: nothing is refused (`math.MaxInt32` in Kubernetes).
const HUGE: i64 = i32::MAX as i64;

/// The constraint's own selector with `key in (own value)` for each of its match label keys.
pub(super) fn own_selector(constraint: &SpreadConstraint, labels: &Labels) -> Option<Selector> {
    let mut selector = constraint.selector.clone()?;
    for &key in &constraint.match_label_keys {
        if let Some(value) = labels.get(key) {
            selector.requirements.push(Requirement { key, operator: Operator::In, values: vec![value] });
        }
    }
    Some(selector)
}

impl Constraint {
    /// A constraint of the cycle's pod, with nothing counted yet.
    pub(super) fn new(
        cx: &mut Context<'_>,
        constraint: &SpreadConstraint,
        selector: Option<Selector>,
        is_hostname: bool,
    ) -> Self {
        let matches = |selector: &Selector| selector.matches(&cx.spec.labels, &cx.cluster.names);
        let matches_itself = selector.as_ref().is_some_and(matches);
        let counted = selector.filter(|selector| !selector.is_empty());
        let query = counted.map(|selector| {
            let namespaces = vec![cx.spec.namespace];
            let term = PodTerm { selector: Some(selector), namespaces, namespace_selector: None };
            cx.index.query(vec![term], true, cx.cluster)
        });
        Constraint {
            max_skew: constraint.max_skew,
            key: cx.index.topology.key(constraint.topology_key, cx.cluster),
            is_hostname,
            matches_itself,
            weight: 0.0,
            min_domains: usize::try_from(constraint.min_domains).unwrap_or(0),
            honor_affinity: constraint.honor_affinity,
            honor_taints: constraint.honor_taints,
            query,
            domains: Domains::default(),
        }
    }

    /// Whether pods on the node count, by the inclusion policies.
    pub(super) fn includes(&self, cx: &Context<'_>, node: &Node) -> bool {
        (!self.honor_affinity || pod_matches(cx.spec, &node.spec.labels, node.name(), cx.cluster))
            && (!self.honor_taints || tolerates_all(cx.spec, &node.spec.taints))
    }

    /// Whether the constraint counts pods of this other pod's template.
    pub(super) fn counts_pods_like(&self, cx: &Context<'_>, other: SpecId) -> bool {
        self.query.is_some_and(|query| cx.index.counts.matches(query, other))
    }

    /// Matching pods on the node itself, eligible or not.
    pub(super) fn on_node(&self, cx: &Context<'_>, node: NodeId) -> i64 {
        self.query.map_or(0, |query| cx.index.counts.on_node(query, node))
    }

    /// Matching pods in the domain of this value; 0 if it is none.
    pub(super) fn in_domain(&self, value: u32) -> i64 {
        self.domains.counts.get(value as usize).map_or(0, |count| (*count).max(0))
    }

    /// What it looks at on a node.
    pub(super) fn sees(&self) -> Seen {
        (self.key, self.is_hostname, self.query)
    }

    /// What nodes score alike by: the matching pods on a hostname, the value of another key; `None` without the key.
    pub(super) fn grade(&self, cx: &Context<'_>, node: NodeId) -> Option<i64> {
        let value = cx.index.topology.value(self.key, node);
        (value != NONE).then(|| if self.is_hostname { self.on_node(cx, node) } else { i64::from(value) })
    }

    /// What it brings to nodes of a grade, by its weight in this cycle.
    pub(super) fn score_of_grade(&self, grade: i64, weight: f64) -> f64 {
        let count = if self.is_hostname { grade } else { self.in_domain(grade as u32) };
        count as f64 * weight + (self.max_skew - 1) as f64
    }

    /// Adds to each node's sum what the constraint brings there: matching pods on the node itself or in its domain,
    /// weighted; nothing without the key.
    pub(super) fn add_scores(&self, cx: &Context<'_>, nodes: &[NodeId], sums: &mut [f64]) {
        let values = cx.index.topology.values(self.key);
        let value = |node: &NodeId| values.get(node.index()).copied().filter(|value| *value != NONE);
        let score = |count: i64| count as f64 * self.weight + (self.max_skew - 1) as f64;
        let sums = sums.iter_mut().zip(nodes);
        if self.is_hostname {
            let on_nodes = self.query.map_or(&[][..], |query| cx.index.counts.by_node(query));
            let here = |node: &NodeId| on_nodes.get(node.index()).map_or(0, |count| i64::from(*count));
            sums.filter(|(_, node)| value(node).is_some()).for_each(|(sum, node)| *sum += score(here(node)));
        } else {
            sums.for_each(|(sum, node)| *sum += value(node).map_or(0.0, |value| score(self.in_domain(value))));
        }
    }

    /// The smallest count over domains, or 0 with fewer domains than asked for. `supposed` is added to
    /// the count of a value.
    pub(super) fn min(&self, supposed: Option<impl Fn(u32) -> i64>) -> i64 {
        let domains = &self.domains;
        if domains.n < self.min_domains {
            return 0;
        }
        let Some(supposed) = supposed else { return domains.min.0 };
        let counts = domains.counts.iter().enumerate().filter(|(_, count)| **count != NO_DOMAIN);
        counts.map(|(value, count)| count + supposed(value as u32)).min().unwrap_or(HUGE)
    }
}

/// Whether the node carries the keys of all these constraints.
pub(super) fn has_all_keys(constraints: &[Constraint], cx: &Context<'_>, node: NodeId) -> bool {
    constraints.iter().all(|constraint| cx.index.topology.value(constraint.key, node) != NONE)
}

/// Brings the counts by domain up to date, over the nodes that carry all keys (if `require_all`) and
/// pass the inclusion policies.
pub(super) fn count_domains(constraints: &mut [Constraint], cx: &Context<'_>, require_all: bool) {
    for number in 0..constraints.len() {
        let nodes = (cx.index.labels_epoch, if constraints[number].honor_taints { cx.index.taints_epoch } else { 0 });
        let constraint = &constraints[number];
        let log = constraint.query.map(|query| cx.index.counts.log(query));
        let news = log.map_or(Some(&[][..]), |log| log.since(constraint.domains.mark));
        let mut domains = match news {
            Some(news) if constraint.domains.nodes == Some(nodes) => {
                let mut domains = std::mem::take(&mut constraints[number].domains);
                domains.follow(news, |node| cx.index.topology.value(constraints[number].key, node));
                domains
            }
            _ => count(number, constraints, cx, require_all),
        };
        domains.nodes = Some(nodes);
        domains.mark = log.map_or(0, |log| log.end());
        constraints[number].domains = domains;
    }
}

/// Counts from scratch.
fn count(number: usize, constraints: &[Constraint], cx: &Context<'_>, require_all: bool) -> Domains {
    let constraint = &constraints[number];
    let mut domains = Domains {
        counts: vec![NO_DOMAIN; cx.index.topology.n_values(constraint.key)],
        eligible: vec![0; cx.cluster.node_ids().div_ceil(64)],
        ..Domains::default()
    };
    for (id, node) in cx.cluster.nodes() {
        let value = cx.index.topology.value(constraint.key, id);
        if value == NONE || (require_all && !has_all_keys(constraints, cx, id)) || !constraint.includes(cx, node) {
            continue;
        }
        domains.eligible[id.index() / 64] |= 1 << (id.index() % 64);
        let domain = &mut domains.counts[value as usize];
        *domain = (*domain).max(0) + constraint.on_node(cx, id);
    }
    domains.n = domains.counts.iter().filter(|count| **count != NO_DOMAIN).count();
    domains.find_min();
    domains
}

impl Domains {
    fn is_eligible(&self, node: NodeId) -> bool {
        self.eligible.get(node.index() / 64).is_some_and(|bits| bits & (1 << (node.index() % 64)) != 0)
    }

    /// Adds what was counted since the last time.
    fn follow(&mut self, news: &[(NodeId, i32)], value: impl Fn(NodeId) -> u32) {
        for &(node, sign) in news {
            if !self.is_eligible(node) {
                continue;
            }
            let count = &mut self.counts[value(node) as usize];
            let before = *count;
            *count += i64::from(sign);
            let after = *count;
            let (min, having) = &mut self.min;
            if after < *min {
                self.min = (after, 1);
            } else if after == *min {
                *having += 1;
            } else if before == *min {
                *having -= 1;
                if *having == 0 {
                    self.find_min();
                }
            }
        }
    }

    fn find_min(&mut self) {
        let domains = self.counts.iter().filter(|count| **count != NO_DOMAIN);
        let min = domains.clone().min().copied().unwrap_or(HUGE);
        self.min = (min, domains.filter(|count| **count == min).count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_follows_the_counts() {
        let mut domains = Domains { counts: vec![2, NO_DOMAIN, 1], eligible: vec![0b111], n: 2, ..Domains::default() };
        domains.find_min();
        let mut steps = Vec::new();
        for news in [(2, 1), (0, 1), (2, 1), (2, -1), (2, -1), (0, -1), (0, -1), (0, -1)] {
            domains.follow(&[(NodeId(news.0), news.1)], |node| node.0);
            steps.push(domains.min);
        }
        assert_eq!(steps, [(2, 2), (2, 1), (3, 2), (2, 1), (1, 1), (1, 1), (1, 2), (0, 1)]);
    }
}
