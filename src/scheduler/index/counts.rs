//! How many pods match a selector on each node, kept up to date.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::spec::AffinityTerm;
use crate::cluster::{Cluster, Name, NodeId, PodId, PodSpec, Selector, SpecId};

use super::Counted;
use super::log::Log;
use super::topology::{KeyId, NONE, Topology};

/// Pods of some namespaces that match a selector.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTerm {
    /// Which pods; `None` matches nothing.
    pub selector: Option<Selector>,
    /// Namespaces by name.
    pub namespaces: Vec<Name>,
    /// Namespaces by label, in addition.
    pub namespace_selector: Option<Selector>,
}

impl PodTerm {
    /// The term of a pod of `namespace` (reference 3.6).
    pub fn of_affinity(term: &AffinityTerm, namespace: Name) -> Self {
        let mut namespaces = term.namespaces.clone();
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(namespace);
        }
        PodTerm { selector: term.selector.clone(), namespaces, namespace_selector: term.namespace_selector.clone() }
    }

    /// Whether pods of this template match.
    pub fn matches(&self, spec: &PodSpec, cluster: &Cluster) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(&spec.labels, &cluster.names))
            && self.covers(spec.namespace, cluster)
    }

    fn covers(&self, namespace: Name, cluster: &Cluster) -> bool {
        self.namespaces.contains(&namespace)
            || self.namespace_selector.as_ref().is_some_and(|selector| {
                selector.is_empty()
                    || cluster
                        .namespaces
                        .iter()
                        .find(|(name, _)| *name == namespace)
                        .is_some_and(|(_, labels)| selector.matches(labels, &cluster.names))
            })
    }
}

/// A registered count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueryId(u32);

#[derive(Debug)]
struct Query {
    what: What,
    /// Whether terminating pods are left out.
    live: bool,
    /// By node.
    per_node: Vec<u32>,
    total: u64,
    /// By topology key and value.
    sums: Vec<Sums>,
    /// What was counted, for those who keep sums of their own: (node, sign).
    log: Log<(NodeId, i32)>,
}

/// Which pods are counted.
#[derive(Debug)]
enum What {
    /// Those that match all of these terms.
    Matching(Vec<PodTerm>),
    /// Those of this template.
    OfTemplate(SpecId),
}

#[derive(Debug)]
struct Sums {
    key: KeyId,
    epoch: u32,
    by_value: Vec<i64>,
    /// The sum over all values.
    total: i64,
}

/// Entries of a query's log that are kept: enough for the pods placed between two of a kind.
const LOG_KEPT: usize = 512;

/// All registered counts.
#[derive(Debug, Default)]
pub struct PodCounts {
    queries: Vec<Query>,
    by_text: FxHashMap<String, QueryId>,
    by_template: FxHashMap<SpecId, QueryId>,
    /// By template: the queries it matches.
    of_spec: Vec<SmallVec<[QueryId; 2]>>,
    /// By template: pods on nodes.
    on_nodes: Vec<u32>,
}

impl PodCounts {
    /// Registers a count, or finds it. A new one is taken by a scan of all pods.
    pub(super) fn query(
        &mut self,
        terms: Vec<PodTerm>,
        live: bool,
        counted: &FxHashMap<PodId, Counted>,
        cluster: &Cluster,
    ) -> QueryId {
        self.resolve_specs(cluster);
        let text = format!("{live}{terms:?}");
        if let Some(id) = self.by_text.get(&text) {
            return *id;
        }
        let id = self.register(What::Matching(terms), live, counted, cluster);
        self.by_text.insert(text, id);
        id
    }

    /// Registers the count of pods of a template, terminating ones included, or finds it.
    pub(super) fn query_template(
        &mut self,
        spec: SpecId,
        counted: &FxHashMap<PodId, Counted>,
        cluster: &Cluster,
    ) -> QueryId {
        self.resolve_specs(cluster);
        if let Some(id) = self.by_template.get(&spec) {
            return *id;
        }
        let id = self.register(What::OfTemplate(spec), false, counted, cluster);
        self.by_template.insert(spec, id);
        id
    }

    fn register(&mut self, what: What, live: bool, counted: &FxHashMap<PodId, Counted>, cluster: &Cluster) -> QueryId {
        let id = QueryId(self.queries.len() as u32);
        let mut query =
            Query { what, live, per_node: Vec::new(), total: 0, sums: Vec::new(), log: Log::keeping(LOG_KEPT) };
        let mut n_pods = 0;
        for spec in 0..cluster.n_specs() {
            let spec_id = SpecId(spec as u32);
            if query.matches(spec_id, cluster.spec(spec_id), cluster) {
                self.of_spec[spec].push(id);
                n_pods += self.on_nodes[spec];
            }
        }
        if n_pods > 0 {
            self.count_all(id, &mut query, counted, cluster);
        }
        self.queries.push(query);
        id
    }

    /// Counts the pods there are.
    fn count_all(&self, id: QueryId, query: &mut Query, counted: &FxHashMap<PodId, Counted>, cluster: &Cluster) {
        for (node, found) in cluster.nodes() {
            for pod_id in &found.pods {
                let (Some(pod), Some(counted)) = (cluster.pod(*pod_id), counted.get(pod_id)) else { continue };
                if self.of_spec[pod.spec.index()].contains(&id) && (counted.live || !query.live) {
                    query.add(node, 1);
                }
            }
        }
    }

    fn resolve_specs(&mut self, cluster: &Cluster) {
        for index in self.of_spec.len()..cluster.n_specs() {
            let spec = cluster.spec(SpecId(index as u32));
            let id = SpecId(index as u32);
            let matching = self.queries.iter().enumerate().filter(|(_, query)| query.matches(id, spec, cluster));
            self.of_spec.push(matching.map(|(query, _)| QueryId(query as u32)).collect());
            self.on_nodes.push(0);
        }
    }

    /// A pod of this template came to (`sign` 1) or left `node`; told once for the counts of all pods
    /// and once for those of live ones.
    pub(super) fn count(
        &mut self,
        spec: SpecId,
        node: NodeId,
        sign: i32,
        all: bool,
        topology: &Topology,
        cluster: &Cluster,
    ) {
        self.resolve_specs(cluster);
        if all {
            let n = &mut self.on_nodes[spec.index()];
            *n = n.saturating_add_signed(sign);
        }
        for query in &self.of_spec[spec.index()] {
            let query = &mut self.queries[query.0 as usize];
            if query.live != all {
                query.count(node, sign, topology);
            }
        }
    }

    /// Whether pods of this template are counted by the query.
    pub fn matches(&self, query: QueryId, spec: SpecId) -> bool {
        self.of_spec.get(spec.index()).is_some_and(|queries| queries.contains(&query))
    }

    /// Matching pods on the node.
    pub fn on_node(&self, query: QueryId, node: NodeId) -> i64 {
        self.queries[query.0 as usize].per_node.get(node.index()).map_or(0, |count| i64::from(*count))
    }

    /// Matching pods by node; none on nodes beyond its end.
    pub fn by_node(&self, query: QueryId) -> &[u32] {
        &self.queries[query.0 as usize].per_node
    }

    /// Matching pods on all nodes.
    pub fn total(&self, query: QueryId) -> u64 {
        self.queries[query.0 as usize].total
    }

    /// Sees to it that [`PodCounts::by_value`] is right for this key.
    pub fn keep_sums(&mut self, query: QueryId, key: KeyId, topology: &Topology) {
        let query = &mut self.queries[query.0 as usize];
        let epoch = topology.epoch(key);
        let position = query.sums.iter().position(|sums| sums.key == key);
        if position.is_some_and(|position| query.sums[position].epoch == epoch) {
            return;
        }
        let (mut by_value, mut total) = (vec![0; topology.n_values(key)], 0);
        for (index, count) in query.per_node.iter().enumerate().filter(|(_, count)| **count > 0) {
            let value = topology.value(key, NodeId(index as u32));
            if value != NONE {
                by_value[value as usize] += i64::from(*count);
                total += i64::from(*count);
            }
        }
        let sums = Sums { key, epoch, by_value, total };
        match position {
            Some(position) => query.sums[position] = sums,
            None => query.sums.push(sums),
        }
    }

    /// Matching pods by value of the topology key, values without an entry counting 0.
    pub fn by_value(&self, query: QueryId, key: KeyId) -> &[i64] {
        let sums = self.queries[query.0 as usize].sums.iter().find(|sums| sums.key == key);
        sums.map_or(&[], |sums| &sums.by_value)
    }

    /// Matching pods on nodes that have the topology key, if [`PodCounts::keep_sums`] was asked for it.
    pub fn in_domains(&self, query: QueryId, key: KeyId) -> i64 {
        let sums = self.queries[query.0 as usize].sums.iter().find(|sums| sums.key == key);
        sums.map_or(0, |sums| sums.total)
    }

    /// What was counted, by node and sign.
    pub fn log(&self, query: QueryId) -> &Log<(NodeId, i32)> {
        &self.queries[query.0 as usize].log
    }
}

impl Query {
    fn matches(&self, id: SpecId, spec: &PodSpec, cluster: &Cluster) -> bool {
        match &self.what {
            What::Matching(terms) => terms.iter().all(|term| term.matches(spec, cluster)),
            What::OfTemplate(template) => *template == id,
        }
    }

    fn add(&mut self, node: NodeId, sign: i32) {
        if self.per_node.len() <= node.index() {
            self.per_node.resize(node.index() + 1, 0);
        }
        let count = &mut self.per_node[node.index()];
        *count = count.checked_add_signed(sign).unwrap_or_else(|| panic!("{node:?} counts fewer than no pods"));
        self.total = self.total.wrapping_add_signed(i64::from(sign));
    }

    fn count(&mut self, node: NodeId, sign: i32, topology: &Topology) {
        self.add(node, sign);
        for sums in &mut self.sums {
            let value = topology.value(sums.key, node);
            if value == NONE || sums.epoch != topology.epoch(sums.key) {
                continue;
            }
            if sums.by_value.len() <= value as usize {
                sums.by_value.resize(value as usize + 1, 0);
            }
            sums.by_value[value as usize] += i64::from(sign);
            sums.total += i64::from(sign);
        }
        self.log.push((node, sign));
    }
}
