//! What a controller has decided to create and delete, done as slow start and its client's rate
//! allow (controllers.md 1 and 12). Until all of it is done (Kubernetes' *expectations*), an owner's
//! further syncs decide nothing new. If admission refuses a creation, the rest of that sync's are
//! dropped and the owner is looked at again after a back-off that doubles.

use std::collections::{BTreeMap, VecDeque};

use crate::cluster::{Action, Cluster, NewPod, ObjectId, PodId};
use crate::engine::{Span, Time};

use super::client::Client;
use super::{Key, Todo};

/// The first delay of a work queue's back-off, and its cap.
const BACKOFF: Span = Span::from_millis(5);
const BACKOFF_MAX: Span = Span::from_secs(1000);

/// The calls of one controller.
pub(super) struct Calls {
    /// The controller, as its events name it.
    name: &'static str,
    /// Calls under way, in order, each with the instant at which its token comes.
    ready: VecDeque<(Time, ObjectId, Call)>,
    expectations: BTreeMap<ObjectId, Expectation>,
    /// Syncs that failed in a row.
    failures: BTreeMap<ObjectId, Failures>,
}

/// One API call.
#[derive(Clone, Copy, Debug)]
enum Call {
    Create(NewPod),
    Delete(PodId),
}

/// What a sync of one owner has decided on.
#[derive(Debug)]
struct Expectation {
    /// Calls of the current batch not yet made.
    in_batch: usize,
    /// Creations after the current batch.
    creations: VecDeque<NewPod>,
    /// Size of the next batch: 1, 2, 4 ….
    next_batch: usize,
    /// Deletions, all at once after the creations.
    deletions: Vec<PodId>,
    /// When the calls of the last batch have returned, and the next may start.
    returned: Time,
}

/// Syncs of one owner that failed in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    /// When the last of them failed.
    last: Time,
    /// When the owner is tried again.
    retry: Time,
}

impl Calls {
    /// No calls yet; `name` is the controller's.
    pub(super) fn new(name: &'static str) -> Self {
        Calls { name, ready: VecDeque::new(), expectations: BTreeMap::new(), failures: BTreeMap::new() }
    }

    /// Whether everything decided for the owner is done.
    pub(super) fn are_done(&self, owner: ObjectId) -> bool {
        !self.expectations.contains_key(&owner)
    }

    /// A sync's decisions for an owner without open ones. None at all: the sync succeeded.
    pub(super) fn decide(&mut self, owner: ObjectId, creations: Vec<NewPod>, deletions: Vec<PodId>, now: Time) {
        if creations.is_empty() {
            self.failures.remove(&owner);
        }
        if creations.is_empty() && deletions.is_empty() {
            return;
        }
        let creations = creations.into();
        let expectation = Expectation { in_batch: 0, creations, next_batch: 1, deletions, returned: now };
        self.expectations.insert(owner, expectation);
    }

    /// Starts the owner's next batch, once the one before has returned: its calls ask for their tokens
    /// all at once.
    pub(super) fn start_batch(&mut self, owner: ObjectId, now: Time, client: &mut Client) {
        let Some(expectation) = self.expectations.get_mut(&owner) else { return };
        if expectation.in_batch > 0 || now < expectation.returned {
            return;
        }
        let size = expectation.next_batch.min(expectation.creations.len());
        expectation.next_batch *= 2;
        let batch: Vec<Call> = if size > 0 {
            expectation.creations.drain(..size).map(Call::Create).collect()
        } else {
            expectation.deletions.drain(..).map(Call::Delete).collect()
        };
        expectation.in_batch = batch.len();
        self.ready.extend(batch.into_iter().map(|call| (client.take(now), owner, call)));
        self.drop_if_done(owner);
    }

    /// A batch has returned: the next one starts, or the sync is over, and if it succeeded the owner is
    /// looked at again.
    pub(super) fn returned(&mut self, owner: ObjectId, now: Time, todo: &mut Todo) {
        if !self.are_done(owner) {
            self.start_batch(owner, now, todo.client);
        } else if !self.have_failed(owner) {
            todo.timers.push((now, Key::Object(owner)));
        }
    }

    /// Makes the calls whose tokens have come.
    pub(super) fn work(&mut self, cluster: &Cluster, todo: &mut Todo) {
        while let Some(&(at, owner, call)) = self.ready.front() {
            if at > cluster.now {
                todo.timers.push((at, Key::Work));
                return;
            }
            self.ready.pop_front();
            todo.calls.push(match call {
                Call::Create(new) => Action::CreatePod { new, by: self.name },
                Call::Delete(pod) => Action::DeletePod { pod, grace: None, by: Some(self.name) },
            });
            self.call_made(owner, cluster.now, todo);
        }
    }

    /// Counts one call of an owner.
    fn call_made(&mut self, owner: ObjectId, now: Time, todo: &mut Todo) {
        let Some(expectation) = self.expectations.get_mut(&owner) else { return };
        expectation.in_batch -= 1;
        if expectation.in_batch == 0 {
            expectation.returned = now + todo.client.write();
            todo.timers.push((expectation.returned, Key::Returned(owner)));
        }
        self.drop_if_done(owner);
    }

    fn drop_if_done(&mut self, owner: ObjectId) {
        if self.expectations.get(&owner).is_some_and(Expectation::is_done) {
            self.expectations.remove(&owner);
        }
    }

    /// Admission refused a creation: the sync has failed. Answers when to look at the owner again;
    /// several refusals at one instant are one failure.
    pub(super) fn refused(&mut self, owner: ObjectId, now: Time) -> Option<Time> {
        if let Some(expectation) = self.expectations.get_mut(&owner) {
            expectation.creations.clear();
            expectation.deletions.clear();
        }
        self.drop_if_done(owner);
        let failures = self.failures.entry(owner).or_default();
        if failures.count > 0 && failures.last == now {
            return None;
        }
        let delay = Span(BACKOFF.0.saturating_mul(1 << failures.count.min(40))).min(BACKOFF_MAX);
        failures.count += 1;
        failures.last = now;
        if failures.retry > now {
            return None; // the queue holds the owner once, for the earlier instant
        }
        failures.retry = now + delay;
        Some(failures.retry)
    }

    /// Whether the owner's last sync failed.
    pub(super) fn have_failed(&self, owner: ObjectId) -> bool {
        self.failures.contains_key(&owner)
    }

    /// The owner is gone.
    pub(super) fn forget(&mut self, owner: ObjectId) {
        self.expectations.remove(&owner);
        self.failures.remove(&owner);
        self.ready.retain(|(_, of, _)| *of != owner);
    }
}

impl Expectation {
    fn is_done(&self) -> bool {
        self.in_batch == 0 && self.creations.is_empty() && self.deletions.is_empty()
    }
}
