//! The scheduler: which node a pod goes to, exactly as kube-scheduler 1.36 decides
//! (reference: `scheduler.md`; judged by recordings of the real one, `tests/fidelity.rs`).
//!
//! It reads the [`Cluster`] and returns [`Decision`]s; the simulation applies them and owns the clock:
//! how long a cycle takes, when a binding lands, rate limits.
//!
//! Reading order: [`framework`] (what a plugin is), [`plugins`] (the list and a file each), [`cycle`]
//! (what they are asked), `search` (the walk over nodes), this file (a decision), [`preemption`],
//! [`queue`], `gang` and [`permit`] (pods bound together), [`index`] (counts kept between cycles), `cache` (answers kept), [`diagnosis`] (messages),
//! [`config`].

mod active;
mod cache;
pub mod config;
pub mod cycle;
pub mod diagnosis;
pub mod event;
pub mod explain;
pub mod framework;
pub mod gang;
pub mod index;
pub mod nominator;
pub mod order;
pub mod order_of_pods;
pub mod permit;
mod placed;
pub mod plugins;
pub mod policies;
pub mod preemption;
pub mod queue;
mod search;
pub mod volumes;
mod watch;

use std::rc::Rc;

use rustc_hash::FxHashSet;

use crate::cluster::{Cluster, DeviceSet, Name, NodeId, PodId};
use crate::engine::{Seed, Span, Stream, Time};

use cache::Cache;
pub use config::{Config, TieBreak};
use cycle::Profile;
use event::SeenNode;
use gang::Gangs;
use index::Index;
use nominator::Nominator;
use order::NodeOrder;
use order_of_pods::{PodOrder, QueueOrder};
use permit::Permit;
use plugins::volume_binding::ClaimDecision;
use preemption::Outcome;
use queue::Queue;
use search::{Mode, Search};

/// The scheduler with its queue and its memory of the cluster.
pub struct Scheduler {
    config: Config,
    profiles: Vec<Profile>,
    queue: Queue,
    pod_order: PodOrder,
    /// With the queue order `gang` only.
    gangs: Option<Box<Gangs>>,
    index: Index,
    cache: Cache,
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
    /// Asked to choose among several best nodes before the configured rule is.
    tie_breaker: Option<TieBreaker>,
    /// The pod whose attempts are explained, and the explanation of the last.
    asked: Option<PodId>,
    explained: Option<Box<explain::Explanation>>,
}

/// Chooses one of several best nodes for a pod; `None` leaves it to the configured rule. A replay takes
/// the node that was recorded.
pub type TieBreaker = Box<dyn FnMut(PodId, &[NodeId], &Cluster) -> Option<NodeId>>;

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
    /// What it means for the pod's gang.
    pub permit: Permit,
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
            gangs: (config.queue_order == QueueOrder::Gang).then(|| Box::new(Gangs::new(config.gang_timeout))),
            index: Index::default(),
            cache: Cache::default(),
            order: NodeOrder::default(),
            nominator: Nominator::default(),
            preempted: FxHashSet::default(),
            seen: Vec::new(),
            next_start: 0,
            ties: seed.stream("scheduler-ties", 0),
            offsets: seed.stream("scheduler-preemption-offset", 0),
            tie_breaker: None,
            asked: None,
            explained: None,
            config,
        }
    }

    /// The earliest time at which a cycle has something to do; [`Time::MAX`] if only a change of the
    /// cluster can bring it.
    pub fn next_wake(&mut self, now: Time) -> Time {
        let queue = self.queue.next_wake(now);
        self.gangs.as_ref().map_or(queue, |gangs| queue.min(gangs.next_wake(now)))
    }

    /// The process starts again: it has seen nothing yet.
    pub fn restart(&mut self, seed: Seed) {
        let (breaker, asked) = (self.tie_breaker.take(), self.asked);
        *self = Scheduler::new(self.config.clone(), seed);
        (self.tie_breaker, self.asked) = (breaker, asked);
    }

    /// Lets somebody else choose among several best nodes.
    pub fn break_ties_by(&mut self, breaker: TieBreaker) {
        self.tie_breaker = Some(breaker);
    }

    /// What failed so far of what people wrote, by profile.
    pub fn failures(&self) -> impl Iterator<Item = policies::Failures> + '_ {
        let plugins = self.profiles.iter().flat_map(|profile| profile.plugins.iter().flatten());
        plugins.flat_map(|plugin| plugin.failures())
    }

    /// Whether some profile is called so. Pods that ask for another are left alone, as by Kubernetes.
    pub fn serves(&self, scheduler_name: Name) -> bool {
        self.config.profiles.iter().any(|profile| profile.name == scheduler_name)
    }

    /// The queue, to look at.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Pops one pod and decides. `None` if there is nothing to do now. The queue already counts the
    /// attempt as having ended so; the simulation has to make the rest true.
    pub fn cycle(&mut self, cluster: &Cluster) -> Option<Decision> {
        let decision = if self.gangs.is_some() {
            self.gang_cycle(cluster)?
        } else {
            let pod = self.pop(cluster)?;
            self.attempt(pod, cluster)
        };
        if let Verdict::Unschedulable { victims, .. } = &decision.verdict {
            self.preempted.extend(victims);
        }
        if let Permit::Hold(preemptions) = &decision.permit {
            self.preempted.extend(preemptions.iter().flat_map(|preemption| &preemption.victims));
        }
        Some(decision)
    }

    fn pop(&mut self, cluster: &Cluster) -> Option<PodId> {
        let order = &self.pod_order;
        self.queue.pop_by(cluster.now, |tenant| order.share(tenant))
    }

    /// Decides about a pod that was popped.
    fn attempt(&mut self, pod: PodId, cluster: &Cluster) -> Decision {
        if self.asked == Some(pod)
            && cluster.pod(pod).is_some_and(|found| found.node.is_none() && found.deletion.is_none())
        {
            self.explained = Some(Box::new(self.explain(pod, cluster, None)));
        }
        self.decide(pod, cluster)
    }

    /// The binding of an assumed pod failed and the simulation has forgotten it: back to the queue.
    pub fn binding_failed(&mut self, pod: PodId, cluster: &Cluster) {
        self.queue.error(pod, cluster.now);
    }

    /// How long the claims of an assumed pod may take to be bound: `bindTimeoutSeconds` of its profile.
    pub fn bind_timeout(&self, pod: PodId, cluster: &Cluster) -> Span {
        let name = cluster.pod(pod).map(|found| cluster.spec(found.spec).scheduler_name);
        let profiles = &self.config.profiles;
        let profile = profiles.iter().find(|profile| Some(profile.name) == name).or_else(|| profiles.first());
        profile.map_or(Span::ZERO, |profile| profile.args.bind_timeout)
    }

    fn decide(&mut self, pod: PodId, cluster: &Cluster) -> Decision {
        let Some(found) = cluster.pod(pod).filter(|_| cluster.pod_exists(pod)) else {
            self.queue.remove(pod);
            return Decision::skip(pod, None);
        };
        if found.deletion.is_some() {
            self.queue.remove(pod);
            let (namespace, name) = (cluster.pod_namespace(pod), cluster.pod_name(pod));
            return Decision::skip(pod, Some(format!("skip schedule deleting pod: {namespace}/{name}")));
        }
        if found.node.is_some() {
            return Decision::skip(pod, None);
        }
        if cluster.n_nodes() == 0 {
            self.queue.error(pod, cluster.now);
            let verdict = Verdict::Error("no nodes available to schedule pods".into());
            return Decision { verdict, ..Decision::skip(pod, None) };
        }
        let profile = self.queue.get(pod).map_or(0, |queued| queued.profile);
        let search = self.search(pod, profile, cluster, Mode::Decide);
        match search.chosen {
            Some(node) => {
                let Search { examined, claims, .. } = search;
                let devices = self.placed(pod, profile, node, cluster);
                Decision { pod, verdict: Verdict::Bind(node), examined, claims, devices, permit: Permit::Free }
            }
            None => self.give_up(pod, search, cluster),
        }
    }

    fn give_up(&mut self, pod: PodId, search: Search, cluster: &Cluster) -> Decision {
        self.queue.fail(pod, search.diagnosis.rejected_by(), cluster.now);
        let (nomination, victims, unnominated) = match search.preemption {
            Some(Outcome::Chosen { mut candidates, chosen }) => {
                let chosen = candidates.swap_remove(chosen);
                let priority = cluster.pod(pod).map_or(0, |found| cluster.spec(found.spec).priority);
                let unnominated = self.nominator.behind(pod, priority, chosen.node, cluster);
                (Nomination::Set(chosen.node), chosen.victims, unnominated)
            }
            Some(Outcome::Nothing(_)) => (Nomination::Clear, Vec::new(), Vec::new()),
            Some(Outcome::NotEligible(_)) | None => (Nomination::Keep, Vec::new(), Vec::new()),
        };
        let message = search.diagnosis.message(cluster).into();
        let verdict = Verdict::Unschedulable { message, nomination, victims, unnominated };
        Decision { verdict, examined: search.examined, ..Decision::skip(pod, None) }
    }
}
