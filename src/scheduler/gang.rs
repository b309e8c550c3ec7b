//! Gangs: pods of which at least so many (`min-count`) are bound, or none. This file knows who belongs together
//! and how far each gang is; [`super::permit`] decides by it. Only the queue order `gang` keeps this memory.
//!
//! ```text
//!              fewer than min-count pods          tried one after another, nothing between      min-count placed
//!  created ───▶ held (PreEnqueue) ──quorum──▶ queue ──▶ attempt: Reserve, wait on Permit ──────▶ bound, all of them
//!                    ▲                         ▲            │
//!                    └────── quorum lost ──────┴────────────┤ cannot be completed: all let go, nothing was bound
//!                                                           └ only victims of preemption are in the way:
//!                                                             those reserved wait on, until the timeout
//! ```
//! Sources: kubernetes.io, "Gang Scheduling" and "PodGroup Scheduling" (1.35, 1.36; KEP-4671); Permit and its timeout
//! as in 1.35 and in scheduler-plugins' Coscheduling.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, NodeId, ObjectId, Phase, Pod, PodId, SpecId};
use crate::engine::{Span, Time};

use super::queue::PluginSet;

/// What makes pods belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GangKey {
    /// They have this controller.
    Owner(ObjectId),
    /// They have no controller and are made from this template: one entry with a `count`.
    Template(SpecId),
}

impl GangKey {
    /// The group of a pod. Pods without a controller are on their own unless they declare a minimum.
    pub fn of(pod: &Pod, min_count: u32) -> Option<GangKey> {
        let alone = (min_count > 1).then_some(GangKey::Template(pod.template));
        pod.owner.map(GangKey::Owner).or(alone)
    }
}

/// Why a gang that waits on Permit is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It waited for too long.
    Timeout,
    /// Too few of its pods are left.
    TooFew,
    /// One that waits was to make room for another pod.
    Preempted,
    /// The node on which one waits is gone.
    NodeGone(NodeId),
}

/// A gang.
#[derive(Debug)]
pub(super) struct Gang {
    /// How many of its pods are bound at least, if any: `min-count` of the pod that came last.
    pub(super) min: usize,
    /// All its pods that there are.
    pub(super) members: BTreeSet<PodId>,
    /// There were enough pods to try them.
    pub(super) open: bool,
    /// Pods that hold room and wait on Permit.
    pub(super) waiting: BTreeSet<PodId>,
    /// They wait on after their attempt, while other pods are tried.
    pub(super) held: bool,
    /// The plugins that rejected members in the last attempt.
    pub(super) rejected_by: PluginSet,
    /// When those that wait are let go, and why; [`Time::MAX`] if not yet known.
    due: (Time, Reason),
}

impl Gang {
    /// Pods that count towards the minimum: not Failed, not on their way out. One that Succeeded has done its part.
    fn counted<'a>(&'a self, cluster: &'a Cluster) -> impl Iterator<Item = &'a Pod> + 'a {
        let there = self.members.iter().filter(|pod| cluster.pod_exists(**pod));
        let found = there.filter_map(|pod| cluster.pod(*pod));
        found.filter(|pod| pod.phase != Phase::Failed && pod.deletion.is_none())
    }

    /// How many pods it has.
    pub(super) fn size(&self, cluster: &Cluster) -> usize {
        self.counted(cluster).count()
    }

    /// How many of them have a node, bound or reserved.
    pub(super) fn placed(&self, cluster: &Cluster) -> usize {
        self.counted(cluster).filter(|pod| pod.node.is_some()).count()
    }
}

/// The pods of a gang are being tried, one cycle each, and no others between.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Whose.
    pub(super) key: GangKey,
    /// Taken from the queue, not tried yet.
    pub(super) pending: VecDeque<PodId>,
    /// Found no node, but victims that will make room.
    pub(super) expecting: usize,
    /// Victims to be deleted if the gang can be completed with their room.
    pub(super) preemptions: Vec<Preemption>,
    /// Nominated in this attempt.
    pub(super) nominated: Vec<PodId>,
    /// The last that found no node.
    pub(super) failed: Option<PodId>,
}

/// Victims that make room for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// The pod.
    pub pod: PodId,
    /// Pods to be deleted with their own grace period.
    pub victims: Vec<PodId>,
    /// Pods of lower priority that lose their nomination to the same node.
    pub unnominated: Vec<PodId>,
}

/// What is known of all gangs.
#[derive(Debug)]
pub(super) struct Gangs {
    /// How long reserved pods wait on Permit for the victims of a preemption.
    pub(super) timeout: Span,
    groups: BTreeMap<GangKey, Gang>,
    of: FxHashMap<PodId, GangKey>,
    /// The running attempt.
    pub(super) attempt: Option<Attempt>,
    /// When gangs that wait are let go.
    due: BTreeSet<(Time, GangKey)>,
    /// Pods let go within their attempt: nobody was tried meanwhile, so their room is news to nobody.
    silent: BTreeSet<PodId>,
}

const NEVER: (Time, Reason) = (Time::MAX, Reason::Timeout);

impl Gangs {
    /// No gangs yet.
    pub(super) fn new(timeout: Span) -> Self {
        Gangs {
            timeout,
            groups: BTreeMap::new(),
            of: FxHashMap::default(),
            attempt: None,
            due: BTreeSet::new(),
            silent: BTreeSet::new(),
        }
    }

    /// The gang of a pod, if it is in one.
    pub(super) fn key_of(&self, pod: PodId) -> Option<GangKey> {
        self.of.get(&pod).copied()
    }

    /// The gang.
    pub(super) fn get(&self, key: GangKey) -> Option<&Gang> {
        self.groups.get(&key)
    }

    /// The gang, to be changed.
    pub(super) fn get_mut(&mut self, key: GangKey) -> Option<&mut Gang> {
        self.groups.get_mut(&key)
    }

    /// A pod was created. If its gang has its quorum with it, its members, which may be tried now.
    pub(super) fn join(&mut self, id: PodId, pod: &Pod, cluster: &Cluster) -> Vec<PodId> {
        let min_count = cluster.spec(pod.spec).min_count;
        let Some(key) = GangKey::of(pod, min_count).filter(|_| min_count > 1) else { return Vec::new() };
        let gang = self.groups.entry(key).or_insert_with(|| Gang {
            min: 0,
            members: BTreeSet::new(),
            open: false,
            waiting: BTreeSet::new(),
            held: false,
            rejected_by: 0,
            due: NEVER,
        });
        gang.min = min_count as usize;
        gang.members.insert(id);
        self.of.insert(id, key);
        if gang.open || gang.members.len() < gang.min || gang.size(cluster) < gang.min {
            return Vec::new();
        }
        gang.open = true;
        gang.members.iter().copied().collect()
    }

    /// Whether PreEnqueue holds the pod: its gang has no quorum.
    pub(super) fn holds(&self, pod: PodId) -> bool {
        self.key_of(pod).and_then(|key| self.get(key)).is_some_and(|gang| !gang.open)
    }

    /// Whether the pod waits on Permit.
    pub(super) fn waits(&self, pod: PodId) -> bool {
        self.key_of(pod).and_then(|key| self.get(key)).is_some_and(|gang| gang.waiting.contains(&pod))
    }

    /// Takes note of what can make waiting in vain.
    pub(super) fn observe(&mut self, change: Change, cluster: &Cluster) {
        match change {
            Change::PodRemoved(pod) => self.leave(pod, cluster),
            Change::PodMarked(pod) | Change::PodPhase { pod, to: Phase::Failed, .. } => self.review(pod, cluster),
            Change::NodeRemoved(node) => self.node_gone(node, cluster),
            _ => (),
        }
    }

    fn leave(&mut self, pod: PodId, cluster: &Cluster) {
        if let Some(attempt) = &mut self.attempt {
            attempt.pending.retain(|other| *other != pod);
        }
        self.review(pod, cluster);
        let Some(key) = self.of.remove(&pod) else { return };
        let Some(gang) = self.groups.get_mut(&key) else { return };
        gang.members.remove(&pod);
        gang.waiting.remove(&pod);
        if gang.members.is_empty() {
            self.due.remove(&(gang.due.0, key));
            self.groups.remove(&key);
        }
    }

    /// A member may count no more: if too few are left, those that wait do so in vain.
    fn review(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(key) = self.key_of(pod) else { return };
        let short = self.get(key).is_some_and(|gang| !gang.waiting.is_empty() && gang.size(cluster) < gang.min);
        if short {
            self.let_go_at(key, cluster.now, Reason::TooFew);
        }
    }

    fn node_gone(&mut self, node: NodeId, cluster: &Cluster) {
        let on = |pod: &PodId| cluster.pod(*pod).is_some_and(|found| found.node == Some(node));
        let hit = self.groups.iter().filter(|(_, gang)| gang.waiting.iter().any(on));
        let hit: Vec<GangKey> = hit.map(|(key, _)| *key).collect();
        hit.into_iter().for_each(|key| self.let_go_at(key, cluster.now, Reason::NodeGone(node)));
    }

    /// The gang of a pod that waits is let go now; false if the pod does not wait.
    pub(super) fn reject(&mut self, pod: PodId, now: Time) -> bool {
        let key = self.key_of(pod).filter(|_| self.waits(pod));
        if let Some(key) = key {
            self.let_go_at(key, now, Reason::Preempted);
        }
        key.is_some()
    }

    /// Those that wait are let go at this instant, unless they are earlier.
    pub(super) fn let_go_at(&mut self, key: GangKey, at: Time, reason: Reason) {
        let Some(gang) = self.groups.get_mut(&key).filter(|gang| at < gang.due.0) else { return };
        self.due.remove(&(gang.due.0, key));
        gang.due = (at, reason);
        self.due.insert((at, key));
    }

    /// A gang whose waiting is over by now, why, and the first of those that wait.
    pub(super) fn overdue(&mut self, now: Time) -> Option<(GangKey, Reason, PodId)> {
        while let Some((_, key)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            let gang = self.get(key)?;
            if let Some(first) = gang.waiting.first() {
                return Some((key, gang.due.1, *first));
            }
            self.end_waiting(key); // they have gone meanwhile
        }
        None
    }

    /// Nobody of the gang waits any more; those who did.
    pub(super) fn end_waiting(&mut self, key: GangKey) -> Vec<PodId> {
        let Some(gang) = self.groups.get_mut(&key) else { return Vec::new() };
        self.due.remove(&(gang.due.0, key));
        gang.due = NEVER;
        gang.held = false;
        std::mem::take(&mut gang.waiting).into_iter().collect()
    }

    /// The room of these pods will be given back, and that is no news.
    pub(super) fn silence(&mut self, pods: &[PodId]) {
        self.silent.extend(pods);
    }

    /// Whether giving back the pod's room is no news; to be asked once.
    pub(super) fn silenced(&mut self, pod: PodId) -> bool {
        self.silent.remove(&pod)
    }

    /// The earliest instant at which a cycle is due because of gangs.
    pub(super) fn next_wake(&self, now: Time) -> Time {
        match (&self.attempt, self.due.first()) {
            (Some(_), _) => now,
            (None, Some((at, _))) => (*at).max(now),
            (None, None) => Time::MAX,
        }
    }
}
