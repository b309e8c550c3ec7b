//! What happens on the nodes: admission, image pulls, start, readiness, restarts, termination; and
//! what a kubelet does when its machine crashes, boots, is cut off or comes back.
//!
//! Containers live on their machine ([`Container`], the truth); the API learns of it only while the
//! kubelet works and is heard. Start reading at [`Kubelet::watch`] (what makes a kubelet act) and
//! [`Kubelet::handle`] (what happens then). Probes beyond readiness, in-place resize and eviction
//! under pressure are not modelled.

mod images;
mod node;
mod pod;
pub mod settings;
mod shutdown;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use crate::cluster::{Action, Change, Cluster, Link, NodeId, PodId, Power};
use crate::engine::{Seed, Span, Time};

pub use settings::Settings;

/// What happens on a node at an instant. Events of an older epoch are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something in the life of a pod.
    Pod(PodId, u32, PodStep),
    /// Something in the life of a machine.
    Node(NodeId, u32, NodeStep),
}

/// A step in the life of a pod on its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodStep {
    /// The kubelet has seen the binding.
    Accept,
    /// The containers run.
    Start,
    /// The containers are ready.
    Ready,
    /// The kubelet reports what it sees.
    Report,
    /// The main container ends by itself.
    End,
    /// The main container ends with a failure, whatever its template says.
    Crash,
    /// The kubelet sees that the main container has ended.
    EndSeen,
    /// The readiness check fails, though the containers run.
    Unready,
    /// It passes again.
    ReadyAgain,
    /// The node shuts down gracefully: the containers have been stopped.
    ShutDown,
    /// A container that ended is started again.
    Restart,
    /// The kubelet has seen the deletion mark.
    Terminate,
    /// The containers have been stopped.
    Stopped,
    /// Everything is cleaned up: the object goes.
    Gone,
    /// The volumes are still not there.
    MountTimeout,
}

/// A step in the life of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStep {
    /// The machine has booted: the kubelet starts.
    Booted,
    /// The kubelet's first status and lease after a boot.
    FirstStatus,
    /// Runtime and network are up: the node is Ready.
    Ready,
    /// The kubelet reaches the control plane again.
    Reconnected,
    /// The kubelet brings the API up to date with its pods.
    Resync,
    /// The kubelet says whether its node is Ready, and whether it is cordoned.
    Status,
    /// The kubelet says which volumes are in use.
    Volumes,
}

/// What comes of an event: what is to be done, and what will happen.
#[derive(Debug, Default)]
pub struct Todo {
    /// To be done at once and in order.
    pub actions: Vec<Action>,
    /// Will happen.
    pub events: Vec<(Time, Event)>,
}

/// All kubelets.
pub struct Kubelet {
    settings: Settings,
    seed: Seed,
    images: images::Images,
    waiting: volumes::Waiting,
    /// CrashLoopBackOff of pods that have been restarted: delay before the next, and when it grew last.
    backoffs: FxHashMap<PodId, (Span, Time)>,
    /// When main containers that run for a time will end; other instants are void.
    ends: FxHashMap<PodId, Time>,
    /// How fast nodes worked when that was computed, if not as usual.
    paces: BTreeMap<NodeId, u32>,
    /// What happened to pods while their kubelet did not work: it sees it when it does again.
    unseen: BTreeMap<NodeId, Vec<(PodId, u32, PodStep)>>,
    /// Nodes that have reported after a boot and are not Ready yet, and the epoch for which Ready is planned.
    coming_up: BTreeMap<NodeId, u32>,
    /// Nodes that shut down gracefully: they take on no pods.
    shutting_down: BTreeSet<NodeId>,
    /// Nodes whose kubelet has said that they are cordoned.
    cordoned: BTreeSet<NodeId>,
}

impl Kubelet {
    /// Kubelets with these timings.
    pub fn new(settings: Settings, seed: Seed) -> Self {
        Kubelet {
            settings,
            seed,
            images: images::Images::default(),
            waiting: volumes::Waiting::default(),
            backoffs: FxHashMap::default(),
            ends: FxHashMap::default(),
            paces: BTreeMap::new(),
            unseen: BTreeMap::new(),
            coming_up: BTreeMap::new(),
            shutting_down: BTreeSet::new(),
            cordoned: BTreeSet::new(),
        }
    }

    /// Other timings from now on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Makes kubelets notice what became true.
    pub fn watch(&mut self, change: Change, cluster: &Cluster, todo: &mut Todo) {
        self.volumes_changed(change, cluster, todo);
        match change {
            Change::PodBound(pod) => self.notice(pod, PodStep::Accept, cluster, todo),
            Change::PodMarked(pod) => self.notice(pod, PodStep::Terminate, cluster, todo),
            Change::PodRemoved(pod) => {
                self.backoffs.remove(&pod);
                self.ends.remove(&pod);
            }
            Change::NodeAdded(id) => {
                self.remember_cordon(id, cluster.node(id).is_some_and(|node| node.spec.unschedulable));
            }
            Change::NodeCordoned(node, _) => self.cordon_changed(node, cluster, todo),
            Change::NodeRemoved(node) => self.remember_cordon(node, false),
            Change::Machine(node) => self.machine_changed(node, cluster, todo),
            Change::NodePaced(node) => self.pace_changed(node, cluster, todo),
            _ => (),
        }
    }

    /// Something happens on a node.
    pub fn handle(&mut self, event: Event, cluster: &Cluster, todo: &mut Todo) {
        match event {
            Event::Pod(id, epoch, step) => {
                if cluster.pod_exists(id) && cluster.pod(id).is_some_and(|pod| pod.epoch == epoch) {
                    self.pod_step(id, step, cluster, todo);
                }
            }
            Event::Node(id, epoch, step) => {
                if cluster.node(id).is_some_and(|node| node.machine.epoch == epoch) {
                    self.node_step(id, step, cluster, todo);
                }
            }
        }
    }

    /// The kubelet of the pod's node learns of a change to the pod, if it is heard.
    fn notice(&mut self, id: PodId, step: PodStep, cluster: &Cluster, todo: &mut Todo) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(node) = pod.node.and_then(|node| cluster.node(node)) else { return };
        if node.machine.is_heard() {
            let whole_start = step == PodStep::Accept && self.settings.start.is_some();
            let delay = if whole_start {
                Span::ZERO
            } else {
                let mut stream = self.seed.stream("kubelet-watch", 2 * u64::from(id.0) + step as u64 % 2);
                let heard = self.settings.watch.sample(&mut stream);
                if step == PodStep::Accept { heard + self.settings.notice.sample(&mut stream) } else { heard }
            };
            todo.events.push((cluster.now + delay, Event::Pod(id, pod.epoch, step)));
        }
    }

    fn machine_changed(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(machine) = cluster.node(id).map(|node| node.machine) else { return };
        match (machine.power, machine.link) {
            (Power::Off, _) => self.machine_died(id, cluster, todo),
            (Power::Booting, _) => self.machine_boots(id, cluster, todo),
            (Power::On, _) if !machine.kubelet => {
                self.remember_cordon(id, false);
                todo.actions.push(Action::StopLease(id));
            }
            (Power::On, Link::Partitioned) => {
                self.see_all(id, cluster, todo);
                self.comes_up_still(id, cluster, todo);
                todo.actions.push(Action::StopLease(id));
            }
            (Power::On, Link::Connected) => {
                self.see_all(id, cluster, todo);
                self.comes_up_still(id, cluster, todo);
                self.reconnects(id, cluster, todo);
                self.health_changed(id, cluster, todo);
            }
        }
    }
}
