//! The scheduler's configuration: what a `KubeSchedulerConfiguration` says, in types.
//!
//! [`Config::new`] is the default; [`read`] makes one from a user's file.

mod args;
mod merge;
mod read;

pub use read::{Problem, read};

use crate::cluster::spec::SpreadConstraint;
use crate::cluster::{Name, Names, NodeSelector, NodeSelectorTerm};
use crate::engine::Span;

use super::order_of_pods::QueueOrder;
use super::plugins::{self, Points};
use super::policies;

/// How a choice among equally good nodes is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TieBreak {
    /// Uniformly, by a stream derived from the seed.
    Seeded,
    /// The first in the order in which nodes were looked at.
    First,
}

/// Everything the scheduler can be told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The profiles; a pod chooses by `schedulerName`.
    pub profiles: Vec<ProfileConfig>,
    /// `podInitialBackoffSeconds`.
    pub initial_backoff: Span,
    /// `podMaxBackoffSeconds`.
    pub max_backoff: Span,
    /// `--pod-max-in-unschedulable-pods-duration`.
    pub max_unschedulable: Span,
    /// `clientConnection.qps` in thousandths; the simulation's business.
    pub client_qps_milli: u64,
    /// `clientConnection.burst`; the simulation's business.
    pub client_burst: u64,
    /// In which order waiting pods are tried.
    pub queue_order: QueueOrder,
    /// How long pods of a gang wait on Permit for the victims of a preemption.
    pub gang_timeout: Span,
    /// How ties are broken.
    pub ties: TieBreak,
    /// Whether the score cache is used; without it every decision is a scan of all nodes, with the
    /// same result.
    pub cached: bool,
    /// Names the plugins know.
    pub known: WellKnown,
}

/// One profile.
#[derive(Clone, Debug)]
pub struct ProfileConfig {
    /// `schedulerName`.
    pub name: Name,
    /// `percentageOfNodesToScore`, the profile's own or the global one; 0 for adaptive.
    pub percentage_of_nodes_to_score: u32,
    /// Enabled plugins by extension point, in the order in which they run.
    pub points: PointLists,
    /// `pluginConfig`.
    pub args: Args,
}

/// Enabled plugins by extension point: indexes into [`plugins::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PointLists {
    /// `preEnqueue`.
    pub pre_enqueue: Vec<usize>,
    /// `preFilter`.
    pub pre_filter: Vec<usize>,
    /// `filter`.
    pub filter: Vec<usize>,
    /// `postFilter`.
    pub post_filter: Vec<usize>,
    /// `preScore`.
    pub pre_score: Vec<usize>,
    /// `score`, with weights.
    pub score: Vec<(usize, i64)>,
}

/// How NodeResourcesFit scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `LeastAllocated`.
    LeastAllocated,
    /// `MostAllocated`.
    MostAllocated,
    /// `RequestedToCapacityRatio`: (utilization 0..100, score 0..10).
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// Arguments of all plugins.
#[derive(Clone, Debug)]
pub struct Args {
    /// NodeResourcesFit: strategy.
    pub strategy: Strategy,
    /// NodeResourcesFit: resources and weights.
    pub fit_resources: Vec<(Name, i64)>,
    /// NodeResourcesFit: `ignoredResources`.
    pub ignored_resources: Vec<Name>,
    /// NodeResourcesFit: `ignoredResourceGroups`.
    pub ignored_resource_groups: Vec<String>,
    /// NodeResourcesBalancedAllocation: resources.
    pub balanced_resources: Vec<Name>,
    /// InterPodAffinity: `hardPodAffinityWeight`.
    pub hard_pod_affinity_weight: i64,
    /// InterPodAffinity: `ignorePreferredTermsOfExistingPods`.
    pub ignore_preferred_terms_of_existing_pods: bool,
    /// PodTopologySpread: the user's default constraints, or `None` for the system's.
    pub default_constraints: Option<Vec<SpreadConstraint>>,
    /// NodeAffinity: `addedAffinity.required…`.
    pub added_required: Option<NodeSelector>,
    /// NodeAffinity: `addedAffinity.preferred…`.
    pub added_preferred: Vec<(i64, NodeSelectorTerm)>,
    /// DefaultPreemption: `minCandidateNodesPercentage`.
    pub min_candidate_percentage: u64,
    /// DefaultPreemption: `minCandidateNodesAbsolute`.
    pub min_candidate_absolute: u64,
    /// VolumeBinding: `bindTimeoutSeconds`.
    pub bind_timeout: Span,
    /// PlacementPolicy: which.
    pub policy: Option<policies::Chosen>,
}

impl Args {
    /// The defaults (reference 7.4).
    pub fn new(known: &WellKnown) -> Self {
        Args {
            strategy: Strategy::LeastAllocated,
            fit_resources: vec![(known.cpu, 1), (known.memory, 1)],
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            balanced_resources: vec![known.cpu, known.memory],
            hard_pod_affinity_weight: 1,
            ignore_preferred_terms_of_existing_pods: false,
            default_constraints: None,
            added_required: None,
            added_preferred: Vec::new(),
            bind_timeout: Span::from_secs(600),
            min_candidate_percentage: 10,
            min_candidate_absolute: 100,
            policy: None,
        }
    }
}

macro_rules! well_known {
    ($($field:ident = $text:literal),* $(,)?) => {
        /// Names that plugins compare with.
        #[derive(Clone, Copy, Debug)]
        pub struct WellKnown {
            $(#[doc = concat!("`", $text, "`")] pub $field: Name,)*
        }

        impl WellKnown {
            /// Interns them.
            pub fn new(names: &mut Names) -> Self {
                WellKnown { $($field: names.intern($text),)* }
            }
        }
    };
}

well_known! {
    empty = "",
    cpu = "cpu",
    memory = "memory",
    ephemeral_storage = "ephemeral-storage",
    hostname = "kubernetes.io/hostname",
    zone = "topology.kubernetes.io/zone",
    region = "topology.kubernetes.io/region",
    beta_zone = "failure-domain.beta.kubernetes.io/zone",
    beta_region = "failure-domain.beta.kubernetes.io/region",
    unschedulable = "node.kubernetes.io/unschedulable",
    any_ip = "0.0.0.0",
    metadata_name = "metadata.name",
    no_provisioner = "kubernetes.io/no-provisioner",
    default_scheduler = "default-scheduler",
}

impl ProfileConfig {
    /// The default profile under `name`.
    pub fn new(name: Name, known: &WellKnown) -> Self {
        ProfileConfig {
            name,
            percentage_of_nodes_to_score: 0,
            points: PointLists::default_profile(),
            args: Args::new(known),
        }
    }
}

impl PointLists {
    /// The default profile of 1.36 (reference 7.3).
    pub fn default_profile() -> Self {
        let with = |point: Points| {
            let all = plugins::ALL.iter().enumerate();
            all.filter(move |(_, entry)| entry.points.contains(point)).map(|(index, _)| index).collect::<Vec<_>>()
        };
        let score = with(Points::SCORE).into_iter().map(|index| (index, plugins::ALL[index].weight)).collect();
        PointLists {
            pre_enqueue: with(Points::PRE_ENQUEUE),
            pre_filter: with(Points::PRE_FILTER),
            filter: with(Points::FILTER),
            post_filter: with(Points::POST_FILTER),
            pre_score: with(Points::PRE_SCORE),
            score,
        }
    }

    /// The same without the plugin of this name.
    pub fn without(mut self, name: &str) -> Self {
        let named = |index: usize| plugins::ALL[index].name == name;
        for list in
            [&mut self.pre_enqueue, &mut self.pre_filter, &mut self.filter, &mut self.post_filter, &mut self.pre_score]
        {
            list.retain(|index| !named(*index));
        }
        self.score.retain(|(index, _)| !named(*index));
        self
    }
}

impl Config {
    /// The defaults: one profile `default-scheduler`.
    pub fn new(names: &mut Names) -> Self {
        let known = WellKnown::new(names);
        Config {
            profiles: vec![ProfileConfig::new(known.default_scheduler, &known)],
            initial_backoff: Span::from_secs(1),
            max_backoff: Span::from_secs(10),
            max_unschedulable: Span::from_secs(300),
            client_qps_milli: 50_000,
            client_burst: 100,
            queue_order: QueueOrder::Priority,
            gang_timeout: Span::from_secs(300),
            ties: TieBreak::Seeded,
            cached: true,
            known,
        }
    }

    /// Puts a placement policy in the place of the score plugins of all profiles. Filters, preemption and
    /// binding stay. All nodes are looked at, and ties go to the first of them.
    pub fn use_policy(&mut self, policy: impl Into<policies::Chosen>) {
        let policy = policy.into();
        self.ties = TieBreak::First;
        for profile in &mut self.profiles {
            if policy.filters() {
                profile.points.pre_filter.push(plugins::PLACEMENT_POLICY);
                profile.points.filter.push(plugins::PLACEMENT_POLICY);
            }
            profile.args.policy = Some(policy.clone());
            profile.percentage_of_nodes_to_score = 100;
            profile.points.pre_score = vec![plugins::PLACEMENT_POLICY];
            profile.points.score = vec![(plugins::PLACEMENT_POLICY, 1)];
        }
    }
}
