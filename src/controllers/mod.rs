//! The controllers of the controller manager: level-triggered deciders, one file each.
//!
//! A [`Change`] tells a controller *which* key to look at again ([`Controller::watch`]); after the
//! watch delay it reads everything it needs from the cluster and answers with actions
//! ([`Controller::reconcile`]). All latency of the control plane sits on those wake-ups and in the
//! token buckets of the clients; no controller ever misses its own writes. They read what the
//! control plane *knows* (`Pod::ready`, `Node::ready`, leases), never the truth of the machines.
//!
//! Adding a controller: one file, and one line in [`ALL`].

mod calls;
pub mod client;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod garbage_collector;
pub mod job;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod replica_set;
pub mod resource_quota;
pub mod settings;
pub mod stateful_set;
pub mod storage;
pub mod taint_eviction;
pub mod topic;
pub mod ttl_after_finished;
mod zones;

use smallvec::SmallVec;

use crate::cluster::{Action, Change, Cluster, Message, NodeId, ObjectId, Pod, PodId, Subject};
use crate::engine::{Seed, Span, Time};

pub use client::Client;
pub use settings::Settings;
use topic::Topic;

/// The object a change is about: itself, or the owner of the pod.
fn object_of(change: Change, cluster: &Cluster) -> Option<ObjectId> {
    match change {
        Change::ObjectCreated(object)
        | Change::ObjectScaled { object, .. }
        | Change::ObjectUpdated(object)
        | Change::ObjectMarked(object) => Some(object),
        Change::PodCreated(pod)
        | Change::PodReady(pod, _)
        | Change::PodPhase { pod, .. }
        | Change::PodMarked(pod)
        | Change::PodRemoved(pod) => cluster.pod(pod).and_then(|pod| pod.owner),
        _ => None,
    }
}

/// When a Ready pod will have been so for `min_ready`, as counted from the stored timestamp.
fn available_at(pod: &Pod, min_ready: Span, cluster: &Cluster) -> Time {
    cluster.stored(pod.ready_at) + min_ready
}

/// Whether a pod is Ready and has been so for `min_ready`.
fn is_available(pod: &Pod, min_ready: Span, cluster: &Cluster) -> bool {
    pod.ready && (min_ready == Span::ZERO || available_at(pod, min_ready, cluster) <= cluster.now)
}

/// What to look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An object.
    Object(ObjectId),
    /// A node.
    Node(NodeId),
    /// A pod.
    Pod(PodId),
    /// A periodic pass over everything.
    Pass,
    /// Work the controller has decided on and does as its client's rate allows.
    Work,
    /// A batch of an object's creations or deletions has returned.
    Returned(ObjectId),
    /// The node lifecycle's queue of nodes to be tainted NoExecute.
    TaintQueue,
}

/// What is to be done, in order; most often one thing.
pub type Actions = SmallVec<[Action; 1]>;
/// Keys, and when to look at them; most often one or two.
pub type Timers = SmallVec<[(Time, Key); 2]>;

/// Keys a controller wants woken: after its watch delay, or at an instant of its own.
#[derive(Debug, Default)]
pub struct Wakes {
    /// To be looked at once the news has reached the controller.
    pub news: Vec<Key>,
    /// To be looked at at an instant (a tick of a periodic loop).
    pub timers: Timers,
    /// Said at once, as what it is about may be gone when the news is worked on.
    pub records: Vec<(&'static str, Subject, Message)>,
}

impl Wakes {
    /// Whether the change does not concern the controller.
    pub fn are_none(&self) -> bool {
        self.news.is_empty() && self.timers.is_empty() && self.records.is_empty()
    }
}

/// What comes of looking at a key.
#[derive(Debug)]
pub struct Todo<'c> {
    /// The controller's client, lent for the sync.
    pub client: &'c mut Client,
    /// API calls that are made now: their tokens have been taken from the client.
    pub calls: Actions,
    /// What else is to be written, one call after the other as the client's rate allows. The key is not
    /// looked at again before the last has returned.
    pub actions: Actions,
    /// Keys to look at again at an instant, without any news.
    pub timers: Timers,
}

impl<'c> Todo<'c> {
    /// Nothing to do yet, by this client.
    pub fn by(client: &'c mut Client) -> Self {
        Todo { client, calls: Actions::new(), actions: Actions::new(), timers: Timers::new() }
    }
}

/// One controller.
pub trait Controller {
    /// Its name in events, as Kubernetes writes it.
    fn name(&self) -> &'static str;

    /// How many keys it works on side by side: `--concurrent-…-syncs`, or what is fixed in its source
    /// (controllers.md 12).
    fn workers(&self) -> usize {
        5
    }

    /// The frequent changes that it is told of, besides [`Topic::Other`]: all that `watch` answers or remembers. Debug
    /// builds find an answer to another; that nothing else is remembered is for whoever writes the controller to see.
    fn hears(&self) -> &'static [Topic];

    /// Called for every change that it hears of, in order, and for everything there is when it starts: adds the keys to
    /// look at again. Must be cheap.
    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes);

    /// Looks at one key and adds what is to be done.
    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo);
}

/// A controller in the registry.
pub struct Entry {
    /// Kubernetes' name of the controller.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Makes it.
    pub build: fn(&Settings, Seed) -> Box<dyn Controller>,
}

/// All controllers, in the order in which they see changes.
pub const ALL: &[Entry] = &[
    Entry {
        name: "deployment-controller",
        about: "rolls templates out: creates and sizes ReplicaSets",
        build: |settings, _| Box::new(deployment::DeploymentController::new(settings)),
    },
    Entry {
        name: "replicaset-controller",
        about: "keeps the wanted number of pods: creates, ranks and deletes",
        build: |settings, seed| Box::new(replica_set::ReplicaSetController::new(settings, seed)),
    },
    Entry {
        name: "statefulset-controller",
        about: "keeps pods with an identity, made and ended in order",
        build: |settings, seed| Box::new(stateful_set::StatefulSetController::new(settings, seed)),
    },
    Entry {
        name: "daemonset-controller",
        about: "keeps one pod on each node that suits",
        build: |settings, seed| Box::new(daemon_set::DaemonSetController::new(settings, seed)),
    },
    Entry {
        name: "job-controller",
        about: "runs pods until enough have succeeded or too many failed",
        build: |settings, seed| Box::new(job::JobController::new(settings, seed)),
    },
    Entry {
        name: "cronjob-controller",
        about: "starts Jobs by a schedule",
        build: |settings, _| Box::new(cron_job::CronJobController::new(settings)),
    },
    Entry {
        name: "ttl-after-finished-controller",
        about: "deletes Jobs some time after their end",
        build: |settings, _| Box::new(ttl_after_finished::TtlAfterFinished::new(settings)),
    },
    Entry {
        name: "resourcequota-controller",
        about: "counts what the pods of a namespace use",
        build: |settings, _| Box::new(resource_quota::ResourceQuotaController::new(settings)),
    },
    Entry {
        name: "disruption-controller",
        about: "says how many pods of each PodDisruptionBudget may be evicted",
        build: |settings, _| Box::new(disruption::DisruptionController::new(settings)),
    },
    Entry {
        name: "node-controller",
        about: "notices silent nodes, marks their pods, taints them at the zone's rate",
        build: |settings, seed| Box::new(node_lifecycle::NodeLifecycle::new(settings, seed)),
    },
    Entry {
        name: "taint-eviction-controller",
        about: "deletes pods from tainted nodes when their toleration ends",
        build: |settings, _| Box::new(taint_eviction::TaintEviction::new(settings)),
    },
    Entry {
        name: "pod-garbage-collector",
        about: "removes pods of deleted nodes and surplus ended pods",
        build: |settings, seed| Box::new(pod_gc::PodGc::new(settings, seed)),
    },
    Entry {
        name: "garbage-collector",
        about: "deletes what a deleted owner leaves behind",
        build: |settings, _| Box::new(garbage_collector::GarbageCollector::new(settings)),
    },
    Entry {
        name: "persistentvolume-binder-controller",
        about: "binds claims and volumes to one another, asks for volumes to be made",
        build: |settings, seed| Box::new(storage::binder::Binder::new(settings, seed)),
    },
    Entry {
        name: "ephemeral-volume-controller",
        about: "makes the claims of pods' ephemeral volumes",
        build: |settings, _| Box::new(storage::ephemeral::EphemeralVolumes::new(settings)),
    },
    Entry {
        name: "persistentvolumeclaim-protection-controller",
        about: "keeps deleted claims until no pod uses them",
        build: |settings, _| Box::new(storage::protection::ClaimProtection::new(settings)),
    },
    Entry {
        name: "persistentvolume-attach-detach-controller",
        about: "has volumes attached to the nodes of the pods that use them, and detached",
        build: |settings, seed| Box::new(storage::attach_detach::AttachDetach::new(settings, seed)),
    },
    Entry {
        name: "external-provisioner",
        about: "makes and deletes volumes, as a CSI driver's sidecar does",
        build: |settings, seed| Box::new(storage::provisioner::Provisioner::new(settings, seed)),
    },
    Entry {
        name: "external-attacher",
        about: "attaches and detaches volumes, as a CSI driver's sidecar does",
        build: |settings, seed| Box::new(storage::attacher::Attacher::new(settings, seed)),
    },
];
