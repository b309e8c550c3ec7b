//! The scheduler: which node a pod goes to, exactly as kube-scheduler 1.36 decides
//! (reference: `scheduler.md`; judged by recordings of the real one, `tests/fidelity.rs`).
//!
//! It reads the [`Cluster`] and returns [`Decision`]s; the simulation applies them and owns the clock:
//! how long a cycle takes, when a binding lands, rate limits.
//!
//! Reading order: [`framework`] (what a plugin is), [`plugins`] (the list and a file each), [`cycle`]
//! (filter, score), this file (a decision), [`preemption`], [`queue`], [`index`] (counts kept between
//! cycles), [`diagnosis`] (messages), [`config`].

pub mod config;
pub mod cycle;
pub mod diagnosis;
pub mod event;
pub mod explain;
pub mod framework;
pub mod index;
pub mod nominator;
pub mod order;
pub mod order_of_pods;
mod placed;
pub mod plugins;
pub mod policies;
pub mod preemption;
pub mod queue;
pub mod volumes;
mod watch;

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::cluster::{Cluster, DeviceSet, NodeId, PodId};
use crate::engine::{Seed, Stream, Time};

pub use config::{Config, TieBreak};
use cycle::{Cycle, PreFiltered, Profile};
use diagnosis::Diagnosis;
use event::SeenNode;
use explain::ScoreColumn;
use framework::Context;
use index::Index;
use nominator::Nominator;
use order::{NodeOrder, nodes_to_find};
use order_of_pods::PodOrder;
use plugins::volume_binding::ClaimDecision;
use preemption::Outcome;
use queue::Queue;

/// The scheduler with its queue and its memory of the cluster.
pub struct Scheduler {
    config: Config,
    profiles: Vec<Profile>,
    queue: Queue,
    pod_order: PodOrder,
    index: Index,
    order: NodeOrder,
    nominator: Nominator,
    /// Pods on their way out because of preemption.
    preempted: FxHashSet<PodId>,
    /// What was last seen of each node.
    seen: Vec<Option<SeenNode>>,
    /// Where the next search begins in the list of nodes.
    next_start: usize,
    ties: Stream,
    offsets: Stream,
}

/// What the scheduler wants done about a pod.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The pod.
    pub pod: PodId,
    /// What is to be done.
    pub verdict: Verdict,
    /// How many nodes were looked at: what a cycle costs grows with it.
    pub examined: usize,
    /// With [`Verdict::Bind`]: what is to be done about the pod's unbound claims, at once (the scheduler's
    /// own assumption) and before the binding (PreBind).
    pub claims: Vec<ClaimDecision>,
    /// With [`Verdict::Bind`]: the devices it gets; none leaves the choice to the cluster.
    pub devices: DeviceSet,
}

/// What is to be done about a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Assume it on this node at once, and bind it when the API has answered.
    Bind(NodeId),
    /// No node was found. Record FailedScheduling, set `PodScheduled=False`.
    Unschedulable {
        /// The event's text.
        message: Rc<str>,
        /// What becomes of `status.nominatedNodeName`.
        nomination: Nomination,
        /// Pods to be deleted with their own grace period, to make room.
        victims: Vec<PodId>,
        /// Pods of lower priority that lose their nomination to the same node.
        unnominated: Vec<PodId>,
    },
    /// The attempt ended in an error, reported as this text; it is repeated after a back-off.
    Error(Rc<str>),
    /// The pod needs no scheduling any more: it is being deleted, or on a node already. The text of the
    /// FailedScheduling event, if there is one.
    Skip(Option<Rc<str>>),
}

/// What becomes of a nomination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nomination {
    /// Nothing.
    Keep,
    /// It is cleared.
    Clear,
    /// The pod is nominated to this node.
    Set(NodeId),
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(config: Config, seed: Seed) -> Self {
        let profiles = config.profiles.iter().map(|profile| Profile {
            points: profile.points.clone(),
            plugins: plugins::ALL
                .iter()
                .map(|entry| entry.build.map(|build| build(&profile.args, &config.known)))
                .collect(),
            percentage: profile.percentage_of_nodes_to_score,
            min_candidates: (profile.args.min_candidate_percentage, profile.args.min_candidate_absolute),
        });
        Scheduler {
            profiles: profiles.collect(),
            queue: Queue::new(config.initial_backoff, config.max_backoff, config.max_unschedulable),
            pod_order: PodOrder::new(config.queue_order),
            index: Index::default(),
            order: NodeOrder::default(),
            nominator: Nominator::default(),
            preempted: FxHashSet::default(),
            seen: Vec::new(),
            next_start: 0,
            ties: seed.stream("scheduler-ties", 0),
            offsets: seed.stream("scheduler-preemption-offset", 0),
            config,
        }
    }

    /// The earliest time at which a cycle has something to do; [`Time::MAX`] if only a change of the
    /// cluster can bring it.
    pub fn next_wake(&mut self, now: Time) -> Time {
        self.queue.next_wake(now)
    }

    /// The queue, to look at.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Pops one pod and decides. `None` if there is nothing to do now. The queue already counts the
    /// attempt as having ended so; the simulation has to make the rest true.
    pub fn cycle(&mut self, cluster: &Cluster) -> Option<Decision> {
        let order = &self.pod_order;
        let pod = self.queue.pop_by(cluster.now, |tenant| order.share(tenant))?;
        Some(self.decide(pod, cluster))
    }

    /// The binding of an assumed pod failed and the simulation has forgotten it: back to the queue.
    pub fn binding_failed(&mut self, pod: PodId, cluster: &Cluster) {
        self.queue.error(pod, cluster.now);
    }

    fn decide(&mut self, pod: PodId, cluster: &Cluster) -> Decision {
        let skip = |text: Option<String>| Decision {
            pod,
            verdict: Verdict::Skip(text.map(Rc::from)),
            examined: 0,
            claims: Vec::new(),
            devices: DeviceSet::default(),
        };
        let Some(found) = cluster.pod(pod).filter(|_| cluster.pod_exists(pod)) else {
            self.queue.remove(pod);
            return skip(None);
        };
        if found.deletion.is_some() {
            self.queue.remove(pod);
            let (namespace, name) = (cluster.pod_namespace(pod), cluster.pod_name(pod));
            return skip(Some(format!("skip schedule deleting pod: {namespace}/{name}")));
        }
        if found.node.is_some() {
            return skip(None);
        }
        if cluster.n_nodes() == 0 {
            self.queue.error(pod, cluster.now);
            return Decision {
                pod,
                verdict: Verdict::Error("no nodes available to schedule pods".into()),
                examined: 0,
                claims: Vec::new(),
                devices: DeviceSet::default(),
            };
        }
        let profile = self.queue.get(pod).map_or(0, |queued| queued.profile);
        let search = self.search(pod, profile, cluster, Mode::Decide);
        match search.chosen {
            Some(node) => {
                let Search { examined, claims, .. } = search;
                let devices = self.placed(pod, profile, node, cluster);
                Decision { pod, verdict: Verdict::Bind(node), examined, claims, devices }
            }
            None => self.give_up(pod, search, cluster),
        }
    }

    fn give_up(&mut self, pod: PodId, search: Search, cluster: &Cluster) -> Decision {
        self.queue.fail(pod, search.diagnosis.rejected_by(), cluster.now);
        let (nomination, victims, unnominated) = match search.preemption {
            Some(Outcome::Chosen { mut candidates, chosen }) => {
                let chosen = candidates.swap_remove(chosen);
                self.preempted.extend(&chosen.victims);
                let priority = cluster.pod(pod).map_or(0, |found| cluster.spec(found.spec).priority);
                let unnominated = self.nominator.behind(pod, priority, chosen.node, cluster);
                (Nomination::Set(chosen.node), chosen.victims, unnominated)
            }
            Some(Outcome::Nothing(_)) => (Nomination::Clear, Vec::new(), Vec::new()),
            Some(Outcome::NotEligible(_)) | None => (Nomination::Keep, Vec::new(), Vec::new()),
        };
        let message = search.diagnosis.message(cluster).into();
        let verdict = Verdict::Unschedulable { message, nomination, victims, unnominated };
        let (claims, devices) = (Vec::new(), DeviceSet::default());
        Decision { pod, verdict, examined: search.examined, claims, devices }
    }

    /// Looks for a node, and for victims if there is none.
    fn search(&mut self, pod: PodId, profile: usize, cluster: &Cluster, mode: Mode<'_>) -> Search {
        let Some(found) = cluster.pod(pod) else { return Search::default() };
        let (spec_id, nominated) = (found.spec, found.nominated);
        let (order, _) = self.order.list();
        let profile = &mut self.profiles[profile];
        let want = match (mode, profile.points.score.is_empty()) {
            (Mode::Explain(Some(_)), _) => usize::MAX,
            (_, true) => 1,
            _ => nodes_to_find(order.len(), profile.percentage),
        };
        let known = &self.config.known;
        let spec = cluster.spec(spec_id);
        let cx = Context { cluster, index: &mut self.index, known, pod, spec_id, spec };
        let mut cycle = Cycle { cx, profile, nominator: &self.nominator, pre: PreFiltered::default() };
        let mut search = Search::default();
        let start = self.next_start;
        if let Err(rejection) = cycle.pre_filter() {
            search.diagnosis.pre = Some(rejection);
        } else if !search.take_nominated(&mut cycle, nominated) {
            match mode {
                Mode::Explain(Some(nodes)) => search.filter(&mut cycle, nodes, 0, want),
                _ => search.filter(&mut cycle, order, start, want),
            }
        }
        let (mut ties, mut offsets) = (self.ties.clone(), self.offsets.clone());
        search.choose(&mut cycle, self.config.ties, &mut ties, mode != Mode::Decide);
        if let Some(node) = search.chosen {
            search.claims = cycle.reserve(node);
        } else {
            search.post_filter(&mut cycle, order, &self.preempted, &mut offsets);
        }
        if mode == Mode::Decide {
            self.next_start = (start + search.walked) % order.len().max(1);
            (self.ties, self.offsets) = (ties, offsets);
        }
        search
    }
}

/// What a search is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode<'a> {
    /// To decide: the next search begins where this one ends.
    Decide,
    /// To explain, leaving no trace; over these nodes if given.
    Explain(Option<&'a [NodeId]>),
}

/// A search for a node, with all it came to.
#[derive(Clone, Debug, Default)]
struct Search {
    feasible: Vec<NodeId>,
    diagnosis: Diagnosis,
    examined: usize,
    /// Nodes of the list walked past; the nominated node is not one.
    walked: usize,
    chosen: Option<NodeId>,
    preemption: Option<Outcome>,
    /// The best nodes.
    top: Vec<NodeId>,
    /// Each plugin's scores, if they were asked for.
    scores: Vec<ScoreColumn>,
    totals: Vec<i64>,
    claims: Vec<ClaimDecision>,
}

impl Search {
    /// A pod that is nominated looks at its node first, and at no other if it fits.
    fn take_nominated(&mut self, cycle: &mut Cycle<'_, '_>, nominated: Option<NodeId>) -> bool {
        let Some(id) = nominated else { return false };
        let Some(node) = cycle.cx.cluster.node(id) else { return false };
        if cycle.pre.only.as_ref().is_some_and(|(nodes, _)| !nodes.contains(&id)) {
            return false;
        }
        if cycle.check(id, node).is_ok() {
            self.feasible.push(id);
            self.examined = 1;
        }
        !self.feasible.is_empty()
    }

    /// Walks the list from `start` until `want` nodes are feasible.
    fn filter(&mut self, cycle: &mut Cycle<'_, '_>, order: &[NodeId], start: usize, want: usize) {
        let narrowed: Option<Vec<NodeId>> = cycle
            .pre
            .only
            .as_ref()
            .map(|(nodes, _)| order.iter().copied().filter(|node| nodes.contains(node)).collect());
        let list = narrowed.as_deref().unwrap_or(order);
        if narrowed.is_some() {
            self.diagnosis.narrowed = Some(cycle.pre.clone());
        }
        for step in 0..list.len() {
            let id = list[(start + step) % list.len()];
            let Some(node) = cycle.cx.cluster.node(id) else { continue };
            self.examined += 1;
            self.walked += 1;
            match cycle.check(id, node) {
                Ok(()) => self.feasible.push(id),
                Err(verdict) => self.diagnosis.rejected.push((id, verdict)),
            }
            if self.feasible.len() >= want {
                break;
            }
        }
    }

    /// Scores and takes one of the best.
    fn choose(&mut self, cycle: &mut Cycle<'_, '_>, ties: TieBreak, stream: &mut Stream, keep: bool) {
        self.chosen = match self.feasible[..] {
            [] => None,
            [only] => {
                self.top = vec![only];
                Some(only)
            }
            _ => {
                let scores = &mut self.scores;
                self.totals = cycle.score(&self.feasible, |plugin, raw, weighted| {
                    if keep {
                        scores.push(ScoreColumn { plugin, raw: raw.to_vec(), weighted: weighted.to_vec() });
                    }
                });
                let best = self.totals.iter().max();
                let top = self.feasible.iter().zip(&self.totals).filter(|(_, total)| Some(*total) == best);
                self.top = top.map(|(node, _)| *node).collect();
                pick(&self.top, ties, stream)
            }
        };
    }

    /// The PostFilter plugins, in order, until one finds a node.
    fn post_filter(
        &mut self,
        cycle: &mut Cycle<'_, '_>,
        order: &[NodeId],
        preempted: &FxHashSet<PodId>,
        stream: &mut Stream,
    ) {
        let mut texts: Vec<String> = Vec::new();
        for position in 0..cycle.profile.points.post_filter.len() {
            let index = cycle.profile.points.post_filter[position];
            if index == plugins::DYNAMIC_RESOURCES {
                if self.diagnosis.pre.as_ref().is_some_and(|pre| !pre.after_dynamic_resources) {
                    // its own PreFilter was never reached, so it finds no state and gives up: upstream's words
                    self.diagnosis.post = "not found".to_string();
                    return;
                }
                texts.push("no new claims to deallocate".to_string());
            } else if index == plugins::DEFAULT_PREEMPTION {
                let outcome = preemption::preempt(cycle, &self.diagnosis, order, preempted, stream);
                let text = match &outcome {
                    Outcome::Chosen { .. } => None,
                    Outcome::NotEligible(text) => Some(format!("preemption: {text}")),
                    Outcome::Nothing(text) => Some(format!("preemption: {text}")),
                };
                self.preemption = Some(outcome);
                match text {
                    None => return,
                    Some(text) => texts.push(text),
                }
            }
        }
        self.diagnosis.post = texts.join(", ");
    }
}

/// One of the best nodes.
fn pick(top: &[NodeId], ties: TieBreak, stream: &mut Stream) -> Option<NodeId> {
    match (top, ties) {
        ([], _) => None,
        ([only], _) => Some(*only),
        (several, TieBreak::First) => several.first().copied(),
        (several, TieBreak::Seeded) => several.get(stream.below(several.len() as u64) as usize).copied(),
    }
}
