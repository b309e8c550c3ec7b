//! The scheduling queue (reference: scheduler.md 1): activeQ, backoffQ, unschedulable pods, gated
//! pods. It knows no plugins: who may move is asked of a closure.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rustc_hash::FxHashMap;

use crate::cluster::PodId;
use crate::engine::{Span, Time};

use super::active::Active;
use super::order_of_pods::Standing;

/// A set of plugins by their position in [`super::plugins::ALL`].
pub type PluginSet = u32;

/// Where a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Ready to be tried.
    Active,
    /// Waiting for its back-off to end.
    Backoff,
    /// The same after an error; never popped early.
    ErrorBackoff,
    /// Waiting for an event.
    Unschedulable,
    /// Waiting for its scheduling gates to go.
    Gated,
    /// Popped: its cycle runs, or its binding.
    InFlight,
}

/// A pod in the queue.
#[derive(Clone, Copy, Debug)]
pub struct Queued {
    /// Its priority.
    pub priority: i32,
    /// Where it stands in the order of the queue, before its priority.
    pub standing: Standing,
    /// When it came into the queue, or last came back from a failed attempt.
    pub timestamp: Time,
    /// Order of first arrival: the last key.
    pub sequence: u64,
    /// How often it was popped.
    pub attempts: u32,
    /// How often it was found unschedulable.
    pub unschedulable: u32,
    /// Errors since the last other outcome.
    pub errors: u32,
    /// The plugins that rejected it in its last attempt.
    pub rejected_by: PluginSet,
    /// Where it is.
    pub place: Place,
    /// The profile that takes care of it.
    pub profile: usize,
    /// Tells the valid entry of a heap from left-over ones.
    ticket: u64,
}

type BackoffKey = Reverse<(Time, Reverse<i32>, Time, u64, u64, PodId)>;

/// The queue.
#[derive(Debug)]
pub struct Queue {
    pods: FxHashMap<PodId, Queued>,
    active: Active,
    backoff: BinaryHeap<BackoffKey>,
    error_backoff: BinaryHeap<BackoffKey>,
    /// By timestamp.
    unschedulable: BTreeSet<(Time, u64, PodId)>,
    /// By set of rejecting plugins: how many unschedulable pods.
    rejected: [u32; 33],
    next_sequence: u64,
    next_ticket: u64,
    initial_backoff: Span,
    max_backoff: Span,
    max_unschedulable: Span,
}

const SECOND: Span = Span::from_secs(1);
const FLUSH: u64 = 30_000_000_000;
/// Slot of `rejected` for pods that no plugin rejected.
const NOBODY: usize = 32;

impl Queue {
    /// An empty queue.
    pub fn new(initial_backoff: Span, max_backoff: Span, max_unschedulable: Span) -> Self {
        Queue {
            pods: FxHashMap::default(),
            active: Active::default(),
            backoff: BinaryHeap::new(),
            error_backoff: BinaryHeap::new(),
            unschedulable: BTreeSet::new(),
            rejected: [0; 33],
            next_sequence: 0,
            next_ticket: 0,
            initial_backoff,
            max_backoff,
            max_unschedulable,
        }
    }

    /// What is known of the pod, if it is here.
    pub fn get(&self, pod: PodId) -> Option<&Queued> {
        self.pods.get(&pod)
    }

    /// A new pod, in Kubernetes' own order.
    pub fn add(&mut self, pod: PodId, priority: i32, profile: usize, gated: bool, now: Time) {
        self.add_at(Standing::default(), pod, priority, profile, gated, now);
    }

    /// A new pod that stands there.
    pub fn add_at(&mut self, standing: Standing, pod: PodId, priority: i32, profile: usize, gated: bool, now: Time) {
        if self.pods.contains_key(&pod) {
            return;
        }
        self.next_sequence += 1;
        let queued = Queued {
            priority,
            standing,
            timestamp: now,
            sequence: self.next_sequence,
            attempts: 0,
            unschedulable: 0,
            errors: 0,
            rejected_by: 0,
            place: Place::Gated,
            profile,
            ticket: 0,
        };
        self.pods.insert(pod, queued);
        if !gated {
            self.put(pod, Place::Active);
        }
    }

    /// The last gate is gone.
    pub fn ungate(&mut self, pod: PodId) {
        if self.get(pod).is_some_and(|queued| queued.place == Place::Gated) {
            self.put(pod, Place::Active);
        }
    }

    /// The pod is gone, or on a node.
    pub fn remove(&mut self, pod: PodId) {
        self.take_out(pod);
        self.pods.remove(&pod);
    }

    /// The next pod to try, if any; it is in flight from now on. With an empty activeQ the head of
    /// the backoffQ is taken at once.
    pub fn pop(&mut self, now: Time) -> Option<PodId> {
        self.pop_by(now, |_| 0)
    }

    /// The same, of the tenant with the smallest share.
    pub fn pop_by(&mut self, now: Time, share: impl Fn(u32) -> i64) -> Option<PodId> {
        self.advance(now);
        let pod = self.pop_active(share).or_else(|| self.pop_backoff())?;
        let queued = self.pods.get_mut(&pod)?;
        queued.place = Place::InFlight;
        queued.attempts += 1;
        Some(pod)
    }

    /// Takes a pod that waits, wherever it is, as if it was popped; it is to be tried soon: [`Queue::begin`].
    pub fn take(&mut self, pod: PodId) {
        self.put(pod, Place::InFlight);
    }

    /// A pod that was taken is tried now.
    pub fn begin(&mut self, pod: PodId) {
        if let Some(queued) = self.pods.get_mut(&pod) {
            queued.attempts += 1;
        }
    }

    /// PreEnqueue refuses the pod: it waits to be let in by [`Queue::ungate`].
    pub fn hold(&mut self, pod: PodId) {
        self.put(pod, Place::Gated);
    }

    fn pop_active(&mut self, share: impl Fn(u32) -> i64) -> Option<PodId> {
        self.keep_active_heads();
        self.active.pop(share)
    }

    fn keep_active_heads(&mut self) {
        let pods = &self.pods;
        self.active.keep_heads(|pod, ticket| is_at(pods, pod, Place::Active, ticket));
    }

    fn pop_backoff(&mut self) -> Option<PodId> {
        while let Some(Reverse((_, _, _, _, ticket, pod))) = self.backoff.pop() {
            if self.is_at(pod, Place::Backoff, ticket) {
                return Some(pod);
            }
        }
        None
    }

    fn is_at(&self, pod: PodId, place: Place, ticket: u64) -> bool {
        is_at(&self.pods, pod, place, ticket)
    }

    /// The attempt failed: rejected by these plugins. It waits for an event.
    pub fn fail(&mut self, pod: PodId, rejected_by: PluginSet, now: Time) {
        let Some(queued) = self.pods.get_mut(&pod) else { return };
        queued.timestamp = now;
        queued.rejected_by = rejected_by;
        queued.unschedulable += 1;
        queued.errors = 0;
        self.put(pod, Place::Unschedulable);
    }

    /// The attempt, or the binding, ended in an error: it is tried again after a back-off.
    pub fn error(&mut self, pod: PodId, now: Time) {
        let Some(queued) = self.pods.get_mut(&pod) else { return };
        queued.timestamp = now;
        queued.rejected_by = 0;
        queued.errors += 1;
        self.put(pod, Place::ErrorBackoff);
    }

    /// Moves the unschedulable pods for which `wakes` says so to the backoffQ, or the activeQ if their
    /// back-off is over. Only pods rejected by one of `plugins` are asked for, and those rejected by
    /// none, who always move.
    pub fn wake(&mut self, plugins: PluginSet, now: Time, mut wakes: impl FnMut(PodId, &Queued) -> bool) {
        let concerned = (0..32).any(|bit| plugins & (1 << bit) != 0 && self.rejected[bit] > 0);
        if !concerned && self.rejected[NOBODY] == 0 {
            return;
        }
        let moving: Vec<PodId> = self
            .unschedulable
            .iter()
            .map(|(_, _, pod)| *pod)
            .filter(|pod| {
                self.pods.get(pod).is_some_and(|queued| {
                    queued.rejected_by == 0 || (queued.rejected_by & plugins != 0 && wakes(*pod, queued))
                })
            })
            .collect();
        for pod in moving {
            self.put_back(pod, now);
        }
    }

    /// Puts the pod into the activeQ or, while its back-off lasts, the backoffQ.
    pub fn put_back(&mut self, pod: PodId, now: Time) {
        let Some(queued) = self.pods.get(&pod) else { return };
        let waits = self.expiry(queued).is_some_and(|expiry| expiry >= now.truncated_to_second());
        self.put(pod, if waits { Place::Backoff } else { Place::Active });
    }

    /// The back-off a pod has earned, `min(max, initial·2^(n-1))`; `None` without any.
    pub fn delay(&self, queued: &Queued) -> Option<Span> {
        let n = if queued.errors > 0 { queued.errors } else { queued.unschedulable };
        if n == 0 || self.max_backoff == Span::ZERO {
            return None;
        }
        let doubled = self.initial_backoff.0.saturating_mul(1u64 << (n - 1).min(40));
        Some(Span(doubled.min(self.max_backoff.0)))
    }

    /// When the back-off ends: the whole second at or before timestamp + d(n); `None` without any.
    pub fn expiry(&self, queued: &Queued) -> Option<Time> {
        self.delay(queued).map(|delay| queued.timestamp.saturating_add(delay).truncated_to_second())
    }

    /// The tick on which a pod with this back-off leaves the backoffQ: the second after its expiry.
    pub fn leaves_backoff(&self, queued: &Queued) -> Option<Time> {
        self.expiry(queued).map(|expiry| expiry + SECOND)
    }

    /// When an unschedulable pod is let go although nothing happened: the first half-minute at which it
    /// has waited for more than `max_unschedulable`.
    pub fn flushed(&self, queued: &Queued) -> Option<Time> {
        (queued.place == Place::Unschedulable).then(|| self.flush_of(queued.timestamp))
    }

    fn flush_of(&self, timestamp: Time) -> Time {
        let due = timestamp.saturating_add(self.max_unschedulable).0;
        Time((due - due % FLUSH).saturating_add(FLUSH))
    }

    /// Lets go of what is due: ended back-offs on whole seconds, pods that waited too long on the
    /// half-minutes.
    pub fn advance(&mut self, now: Time) {
        let tick = now.truncated_to_second();
        while let Some(Reverse((expiry, ..))) = self.backoff.peek()
            && *expiry < tick
        {
            if let Some(pod) = self.pop_backoff_entry(false) {
                self.put(pod, Place::Active);
            }
        }
        while let Some(Reverse((expiry, ..))) = self.error_backoff.peek()
            && *expiry < tick
        {
            if let Some(pod) = self.pop_backoff_entry(true) {
                self.put(pod, Place::Active);
            }
        }
        let flush = Time(now.0 - now.0 % FLUSH);
        while let Some(&(timestamp, _, pod)) = self.unschedulable.first()
            && flush.since(timestamp) > self.max_unschedulable
        {
            self.put_back(pod, now);
        }
    }

    fn pop_backoff_entry(&mut self, error: bool) -> Option<PodId> {
        let (heap, place) =
            if error { (&mut self.error_backoff, Place::ErrorBackoff) } else { (&mut self.backoff, Place::Backoff) };
        let Reverse((_, _, _, _, ticket, pod)) = heap.pop()?;
        self.is_at(pod, place, ticket).then_some(pod)
    }

    /// The earliest time at which a pod can be popped; [`Time::MAX`] if only an event can bring one.
    pub fn next_wake(&mut self, now: Time) -> Time {
        if self.pods.is_empty() {
            return Time::MAX; // as a rule
        }
        self.drop_left_overs();
        if !self.active.is_empty() || !self.backoff.is_empty() {
            return now;
        }
        let error = self.error_backoff.peek().map_or(Time::MAX, |Reverse((expiry, ..))| *expiry + SECOND);
        let flush = self.unschedulable.first().map_or(Time::MAX, |(timestamp, ..)| self.flush_of(*timestamp));
        error.min(flush).max(now)
    }

    fn drop_left_overs(&mut self) {
        self.keep_active_heads();
        while let Some(Reverse((_, _, _, _, ticket, pod))) = self.backoff.peek()
            && !self.is_at(*pod, Place::Backoff, *ticket)
        {
            self.backoff.pop();
        }
        while let Some(Reverse((_, _, _, _, ticket, pod))) = self.error_backoff.peek()
            && !self.is_at(*pod, Place::ErrorBackoff, *ticket)
        {
            self.error_backoff.pop();
        }
    }

    fn put(&mut self, pod: PodId, place: Place) {
        self.take_out(pod);
        let Some(queued) = self.pods.get(&pod).copied() else { return };
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let Queued { priority, standing, timestamp, sequence, .. } = queued;
        let expiry = self.expiry(&queued).unwrap_or(Time::ZERO);
        let backoff = Reverse((expiry, Reverse(priority), timestamp, sequence, ticket, pod));
        match place {
            Place::Active => {
                let key = (standing.rank, Reverse(priority), timestamp, sequence, ticket, pod);
                self.active.push(standing.tenant, key);
            }
            Place::Backoff => self.backoff.push(backoff),
            Place::ErrorBackoff => self.error_backoff.push(backoff),
            Place::Unschedulable => {
                self.unschedulable.insert((timestamp, sequence, pod));
                self.count_rejected(queued.rejected_by, 1);
            }
            Place::Gated | Place::InFlight => (),
        }
        if let Some(queued) = self.pods.get_mut(&pod) {
            queued.place = place;
            queued.ticket = ticket;
        }
    }

    /// Takes the pod out of the set it is in; heaps keep a left-over entry.
    fn take_out(&mut self, pod: PodId) {
        let Some(queued) = self.pods.get(&pod).copied() else { return };
        if queued.place == Place::Unschedulable {
            // the timestamp may have been changed only while the pod was in flight
            self.unschedulable.remove(&(queued.timestamp, queued.sequence, pod));
            self.count_rejected(queued.rejected_by, -1);
            if let Some(queued) = self.pods.get_mut(&pod) {
                queued.place = Place::InFlight;
            }
        }
    }

    fn count_rejected(&mut self, plugins: PluginSet, sign: i32) {
        if plugins == 0 {
            self.rejected[NOBODY] = self.rejected[NOBODY].saturating_add_signed(sign);
        }
        for bit in (0..32).filter(|bit| plugins & (1 << bit) != 0) {
            self.rejected[bit] = self.rejected[bit].saturating_add_signed(sign);
        }
    }
}

fn is_at(pods: &FxHashMap<PodId, Queued>, pod: PodId, place: Place, ticket: u64) -> bool {
    pods.get(&pod).is_some_and(|queued| queued.place == place && queued.ticket == ticket)
}

#[cfg(test)]
mod tests;
