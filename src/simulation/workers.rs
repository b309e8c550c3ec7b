//! How controllers work: news wakes them, they decide, and what they decide is written one call after
//! the other through their clients. A key is not looked at again while its last sync still writes.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cluster::{Action, Change, StorageAction};
use crate::controllers::topic::Topic;
use crate::controllers::{self, Client, Controller, Key, Settings, Todo, Wakes};
use crate::engine::{Class, Seed, Span, Stream, Time};

use super::{Event, Simulation};

/// A controller with its work queue and its client.
pub(super) struct Worker {
    controller: Box<dyn Controller>,
    client: Client,
    /// Keys whose news is on the way.
    pub(super) dirty: FxHashSet<Key>,
    /// Keys whose last sync still writes, and whether they are to be looked at again.
    busy: FxHashMap<Key, bool>,
    /// Keys that wait for a worker.
    waiting: VecDeque<Key>,
    /// The same keys.
    queued: FxHashSet<Key>,
    /// Syncs with a call under way, by number, and numbers not in use.
    jobs: Vec<Option<Job>>,
    free_jobs: Vec<u32>,
    /// When [`Key::Work`] is looked at next; one such wake-up is enough, whoever asks for more.
    work_at: Time,
    /// Delays of the watch.
    watch: Stream,
}

/// What is left to write of a sync.
struct Job {
    /// What it is about, unless it is a pass over everything.
    key: Option<Key>,
    actions: smallvec::IntoIter<[Action; 1]>,
    /// What comes before them, and how many calls are left for it.
    begun: Option<(Action, u32)>,
}

impl Job {
    /// What is to be done next, and how many calls are left for it.
    fn next(&mut self) -> Option<(Action, u32)> {
        self.begun.take().or_else(|| {
            let action = self.actions.next()?;
            let calls = calls(&action);
            Some((action, calls))
        })
    }
}

impl Worker {
    /// The worker of a controller.
    pub(super) fn new(entry: &controllers::Entry, settings: &Settings, seed: Seed) -> Self {
        Worker {
            controller: (entry.build)(settings, seed),
            client: Client::new(entry.name, settings, seed),
            dirty: FxHashSet::default(),
            busy: FxHashMap::default(),
            waiting: VecDeque::new(),
            queued: FxHashSet::default(),
            jobs: Vec::new(),
            free_jobs: Vec::new(),
            work_at: Time::MAX,
            watch: seed.stream("watch", entry.name.bytes().map(u64::from).sum()),
        }
    }

    /// Whether its controller is told of changes of this kind.
    fn hears(&self, topic: Topic) -> bool {
        topic == Topic::Other || self.controller.hears().contains(&topic)
    }

    /// Keeps a sync until its call has returned: its number.
    fn keep(&mut self, job: Job) -> u32 {
        let number = self.free_jobs.pop().unwrap_or_else(|| {
            self.jobs.push(None);
            self.jobs.len() as u32 - 1
        });
        self.jobs[number as usize] = Some(job);
        number
    }

    /// The process starts again, its memory empty.
    pub(super) fn restart(&mut self, entry: &controllers::Entry, settings: &Settings, seed: Seed) {
        let watch = self.watch.clone();
        *self = Worker { watch, ..Worker::new(entry, settings, seed) };
    }
}

/// The controllers that hear of each topic.
pub(super) type Audiences = [Vec<u8>; Topic::ALL.len()];

/// Who hears of what.
pub(super) fn audiences(workers: &[Worker]) -> Audiences {
    let of =
        |topic: Topic| (0..workers.len()).filter(move |index| workers[*index].hears(topic)).map(|index| index as u8);
    Topic::ALL.map(|topic| of(topic).collect())
}

impl Simulation {
    /// Tells the controllers that hear of a change.
    pub(super) fn tell_all(&mut self, change: Change) {
        let topic = Topic::of(change) as usize;
        for position in 0..self.audiences[topic].len() {
            self.tell(self.audiences[topic][position] as usize, change);
        }
        if cfg!(debug_assertions) {
            self.assert_unheard(change);
        }
    }

    /// A controller that does not say it hears of a change has nothing to say to it.
    fn assert_unheard(&mut self, change: Change) {
        for worker in &mut self.workers {
            if !worker.hears(Topic::of(change)) {
                let mut wakes = Wakes::default();
                worker.controller.watch(change, &self.cluster, &mut wakes);
                assert!(wakes.are_none(), "{} answers {change:?}, of which it does not hear", worker.controller.name());
            }
        }
    }

    /// Tells one controller of a change and schedules what it wants to look at.
    pub(super) fn tell(&mut self, index: usize, change: Change) {
        self.workers[index].controller.watch(change, &self.cluster, &mut self.room.wakes);
        if !self.room.wakes.are_none() {
            let mut wakes = std::mem::take(&mut self.room.wakes);
            self.wake(index, &mut wakes);
            self.room.wakes = wakes;
        }
    }

    /// Schedules what a controller wants to look at.
    fn wake(&mut self, index: usize, wakes: &mut Wakes) {
        let worker = &mut self.workers[index];
        let (now, life) = (self.cluster.now, self.processes.life);
        for (source, subject, message) in wakes.records.drain(..) {
            self.cluster.record(source, subject, message);
        }
        for key in wakes.news.drain(..) {
            if worker.dirty.insert(key) {
                let delay =
                    if self.instant { Span::ZERO } else { self.settings.controllers.watch.sample(&mut worker.watch) };
                self.queue.push(now + delay, Class::Control, Event::News(index as u8, life, key));
            }
        }
        for (at, key) in wakes.timers.drain(..) {
            self.set_timer(index as u8, at.max(now), key);
        }
    }

    /// News has reached a controller.
    pub(super) fn news(&mut self, index: u8, key: Key) {
        self.workers[index as usize].dirty.remove(&key);
        self.look_at(index, key);
    }

    /// An instant that a controller asked for.
    pub(super) fn timer(&mut self, index: u8, key: Key) {
        if key == Key::Work {
            let work_at = &mut self.workers[index as usize].work_at;
            if *work_at != self.cluster.now {
                return; // it was brought forward
            }
            *work_at = Time::MAX;
        }
        self.look_at(index, key);
    }

    /// A controller looks at a key, at once or after what its last sync still writes, and once it has a
    /// worker to spare.
    fn look_at(&mut self, index: u8, key: Key) {
        let worker = &mut self.workers[index as usize];
        let all_busy = worker.busy.len() >= worker.controller.workers();
        match worker.busy.get_mut(&key) {
            Some(again) => *again = true,
            None if all_busy && is_of_one(key) => {
                if worker.queued.insert(key) {
                    worker.waiting.push_back(key);
                }
            }
            None => self.reconcile(index, key),
        }
    }

    fn reconcile(&mut self, index: u8, key: Key) {
        let worker = &mut self.workers[index as usize];
        worker.client.send_events(self.cluster.now);
        let mut todo = Todo::by(&mut worker.client);
        worker.controller.reconcile(key, &self.cluster, &mut todo);
        let Todo { calls, actions, timers, .. } = todo;
        for call in calls {
            self.cluster.apply(call);
        }
        let job = Job { key: is_of_one(key).then_some(key), actions: actions.into_iter(), begun: None };
        self.go_on(index, job);
        self.report(index);
        for (at, key) in timers {
            self.set_timer(index, at, key);
        }
    }

    /// A controller wants to look at a key at an instant of its own.
    fn set_timer(&mut self, index: u8, at: Time, key: Key) {
        let worker = &mut self.workers[index as usize];
        if key == Key::Work {
            if worker.work_at <= at {
                return;
            }
            worker.work_at = at;
        }
        self.queue.push(at, Class::Control, Event::Timer(index, self.processes.life, key));
    }

    /// Does what is left of a sync up to its next call.
    fn go_on(&mut self, index: u8, mut job: Job) {
        while let Some((action, left)) = job.next() {
            if left == 0 || self.instant {
                self.cluster.apply(action);
                continue;
            }
            let worker = &mut self.workers[index as usize];
            worker.client.send_events(self.cluster.now);
            let at = worker.client.take(self.cluster.now).saturating_add(worker.client.write());
            if at == Time::MAX {
                return; // never: the client has no rate
            }
            job.begun = Some((action, left - 1));
            if at == self.cluster.now {
                continue; // it takes no time
            }
            worker.busy.extend(job.key.map(|key| (key, false)).filter(|(key, _)| !worker.busy.contains_key(key)));
            let number = worker.keep(job);
            self.queue.push(at, Class::Control, Event::Write(index, self.processes.life, number));
            return;
        }
        let worker = &mut self.workers[index as usize];
        let again = job.key.and_then(|key| worker.busy.remove(&key).filter(|again| *again).map(|_| key));
        let spare = worker.busy.len() < worker.controller.workers();
        let next = if spare { worker.waiting.pop_front() } else { None };
        next.iter().for_each(|key| {
            worker.queued.remove(key);
        });
        for key in next.into_iter().chain(again) {
            self.queue.push(self.cluster.now, Class::Control, Event::Timer(index, self.processes.life, key));
        }
    }

    /// A call has returned.
    pub(super) fn write(&mut self, index: u8, number: u32) {
        let worker = &mut self.workers[index as usize];
        if let Some(job) = worker.jobs[number as usize].take() {
            worker.free_jobs.push(number);
            self.go_on(index, job);
            self.report(index);
        }
    }

    /// The events of what a controller just did go through its client: some are combined or dropped, the
    /// others sent one after the other, each for a token.
    fn report(&mut self, index: u8) {
        if self.instant || !self.cluster.has_records() {
            return;
        }
        let client = &mut self.workers[index as usize].client;
        client.send_events(self.cluster.now);
        let mut records = self.cluster.exchange_records(std::mem::take(&mut self.room.records));
        for record in records.drain(..) {
            if let Some(record) = client.tell(record) {
                self.cluster.publish(record);
            }
        }
        self.room.records = records;
    }
}

/// Whether a key is of one thing: workers take such keys side by side, and none twice at once.
fn is_of_one(key: Key) -> bool {
    matches!(key, Key::Object(_) | Key::Node(_) | Key::Pod(_))
}

/// How many API calls an action takes. Taints are read before they are patched; a forced deletion first
/// sets the pod Failed; annotations go with the size.
fn calls(action: &Action) -> u32 {
    match action {
        Action::Record(..) | Action::AnnotateReplicaSet(..) => 0,
        Action::AddTaint(..) | Action::RemoveTaint(..) | Action::ForceDeletePod(_) => 2,
        Action::Storage(StorageAction::Bind { .. }) => 4,
        _ => 1,
    }
}
