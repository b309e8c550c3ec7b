//! Place and fail: the smallest model with arrivals, placement, ends, failures and repairs, for comparing
//! simulators event by event. There is no control plane and no delay; every number of its outcome is fixed.
//!
//! ```text
//! hosts       identical; the lowest index that is up and has room wins
//! queue       first in, first out; only its head is tried, after every event, while it fits
//! failure     all tasks of the host rejoin the tail at once, lowest id first, with their full duration
//! one instant failure, then completion, then repair, then arrival; within a kind by id
//! ```
//! Tasks, hosts and times are those of the benchmark called PF-1; `tests/place_and_fail.rs` holds the outcome to
//! its table.

use std::collections::{BTreeSet, VecDeque};

use crate::engine::{Class, EventQueue, Span, Time};

/// What a task asks, and how long it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// When it comes.
    pub at: Time,
    /// How long it runs.
    pub duration: Span,
    /// CPU in thousandths.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory: u32,
}

/// The hosts and what becomes of them.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// How many.
    pub count: usize,
    /// CPU of each, in thousandths.
    pub cpu: u32,
    /// Memory of each, in MiB.
    pub memory: u32,
    /// Hosts that fail, when, and for how long.
    pub failures: Vec<(usize, Time, Span)>,
}

/// What came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Arrivals, completions, failures and repairs.
    pub events: u64,
    /// Tasks that died with their host, as often as they did.
    pub killed: u64,
    /// Time in the queue, summed over placements.
    pub wait: Span,
    /// Most tasks in the queue, before its head is tried.
    pub queue_max: usize,
    /// The last completion.
    pub makespan: Time,
    /// Σ (task + 1)(host + 1) over placements, modulo 2^64.
    pub checksum: u64,
}

/// The order of kinds at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Failure(u32),
    /// Task and attempt; void if the attempt is over.
    Completion(u32, u32),
    Repair(u32),
    Arrival(u32),
}

struct Model<'a> {
    tasks: &'a [Task],
    hosts: &'a Hosts,
    events: EventQueue<Event>,
    queue: VecDeque<(u32, Time)>,
    /// Free CPU and memory by host; nothing while it is down.
    free: Vec<(u32, u32)>,
    /// Tasks by host.
    running: Vec<BTreeSet<u32>>,
    /// Host and attempt by task.
    placed: Vec<(u32, u32)>,
    outcome: Outcome,
}

/// Runs the tasks, which come in order of time, to their end.
pub fn run(tasks: &[Task], hosts: &Hosts) -> Outcome {
    let mut model = Model {
        tasks,
        hosts,
        events: EventQueue::new(),
        queue: VecDeque::new(),
        free: vec![(hosts.cpu, hosts.memory); hosts.count],
        running: vec![BTreeSet::new(); hosts.count],
        placed: vec![(u32::MAX, 0); tasks.len()],
        outcome: Outcome::default(),
    };
    for &(host, at, _) in &hosts.failures {
        model.events.push(at, Class::World, Event::Failure(host as u32));
    }
    model.await_arrival(0);
    let mut instant: Vec<Event> = Vec::new();
    while let Some(first) = model.events.pop(Time::MAX) {
        instant.push(first);
        let now = model.events.now();
        while model.events.peek_time() == Some(now) {
            instant.extend(model.events.pop(now));
        }
        instant.sort_unstable(); // the queue gives equal times in the order of insertion
        instant.drain(..).for_each(|event| model.handle(event));
    }
    model.outcome
}

impl Model<'_> {
    /// All arrivals of the next instant are pending, and none after it.
    fn await_arrival(&mut self, first: usize) {
        let Some(at) = self.tasks.get(first).map(|task| task.at) else { return };
        let together = self.tasks[first..].iter().take_while(|task| task.at == at);
        for index in 0..together.count() {
            self.events.push(at, Class::World, Event::Arrival((first + index) as u32));
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.events.now();
        match event {
            Event::Arrival(task) => {
                self.queue.push_back((task, now));
                let next = task as usize + 1;
                if self.tasks.get(next).is_some_and(|next| next.at > now) {
                    self.await_arrival(next);
                }
            }
            Event::Completion(task, attempt) => {
                if self.placed[task as usize].1 != attempt {
                    return; // it died before
                }
                self.release(task);
                self.outcome.makespan = now;
            }
            Event::Failure(host) => self.fail(host),
            Event::Repair(host) => self.free[host as usize] = (self.hosts.cpu, self.hosts.memory),
        }
        self.outcome.events += 1;
        self.outcome.queue_max = self.outcome.queue_max.max(self.queue.len());
        while self.place_head() {}
    }

    fn release(&mut self, task: u32) {
        let Task { cpu, memory, .. } = self.tasks[task as usize];
        let host = self.placed[task as usize].0 as usize;
        self.free[host].0 += cpu;
        self.free[host].1 += memory;
        self.running[host].remove(&task);
    }

    fn fail(&mut self, host: u32) {
        let now = self.events.now();
        for task in std::mem::take(&mut self.running[host as usize]) {
            self.placed[task as usize].1 += 1;
            self.queue.push_back((task, now));
            self.outcome.killed += 1;
        }
        self.free[host as usize] = (0, 0);
        let repair = self.hosts.failures.iter().find(|failure| (failure.0, failure.1) == (host as usize, now));
        if let Some((_, _, after)) = repair {
            self.events.push(now + *after, Class::World, Event::Repair(host));
        }
    }

    /// Places the head of the queue if it fits.
    fn place_head(&mut self) -> bool {
        let Some(&(task, since)) = self.queue.front() else { return false };
        let Task { cpu, memory, duration, .. } = self.tasks[task as usize];
        let Some(host) = self.free.iter().position(|free| free.0 >= cpu && free.1 >= memory) else { return false };
        self.queue.pop_front();
        self.free[host].0 -= cpu;
        self.free[host].1 -= memory;
        self.running[host].insert(task);
        let now = self.events.now();
        let (on, attempt) = &mut self.placed[task as usize];
        *on = host as u32;
        self.events.push(now + duration, Class::World, Event::Completion(task, *attempt));
        self.outcome.wait += now.since(since);
        let product = (u64::from(task) + 1).wrapping_mul(host as u64 + 1);
        self.outcome.checksum = self.outcome.checksum.wrapping_add(product);
        true
    }
}

/// The benchmark's tasks: `n` of them from SplitMix64 with state 42.
pub fn benchmark_tasks(n: usize) -> Vec<Task> {
    let mut state = 42u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let unit = |bits: u64| (bits >> 11) as f64 / (1u64 << 53) as f64;
    let mut clock = 0.0; // the benchmark's own arrival clock is a float, in milliseconds
    let task = |_| {
        clock += -25.0 * libm::log(1.0 - unit(next()));
        let duration = (-300_000.0 * libm::log(1.0 - unit(next()))) as u64;
        let cpu = [500, 1000, 2000, 4000][(next() >> 62) as usize];
        let memory = [512, 1024, 2048, 4096, 8192][((next() >> 32) % 5) as usize];
        Task { at: Time(clock as u64 * 1_000_000), duration: Span::from_millis(duration.max(1)), cpu, memory }
    };
    (0..n).map(task).collect()
}

/// The benchmark's hosts, with its ten failures or without.
pub fn benchmark_hosts(failing: bool) -> Hosts {
    let failure = |k: usize| (70 * k, Time::from_secs(1000 + 10 * k as u64), Span::from_secs(600));
    let failures = if failing { (0..10).map(failure).collect() } else { Vec::new() };
    Hosts { count: 1000, cpu: 32_000, memory: 131_072, failures }
}
