//! The node lifecycle controller (nodes.md 3 to 6): a pass every 5 s that notices silent nodes, marks
//! them and their pods, and queues them for the NoExecute taint, which each zone gives out at its
//! own rate. NoSchedule taints follow the conditions at once.
//!
//! Passes that would find nothing cost nothing: the tick at which a silent node's grace period is
//! over is computed from the phases of its lease and of the pass. A pass takes the time its API calls
//! need at the client's rate, and the next begins one period after its end.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Action, Change, Cluster, Effect, Message, Name, NodeId, Status, Subject};
use crate::controllers::topic::Topic;
use crate::engine::{Distribution, Seed, Span, Stream, Time};

mod pass;

use super::settings::Settings;
use super::zones::{Disruption, Zones};
use super::{Controller, Key, Timers, Todo, Wakes};
use pass::Pass;

const NAME: &str = "node-controller";
/// First back-off of a patch of taints that met another one.
const BACKOFF: Span = Span::from_millis(100);
/// The worker that places NoExecute taints looks at its queues this often.
const QUEUE_POLL: Span = Span::from_millis(100);

/// The controller.
pub struct NodeLifecycle {
    settings: Settings,
    stream: Stream,
    /// The next tick, if no pass runs.
    next_tick: Time,
    /// The earliest pass already asked for.
    pass_at: Time,
    zones: Zones,
    /// Nodes seen by a pass.
    registered: BTreeSet<NodeId>,
    /// Nodes seen by a pass that are gone since the last one.
    removed: Vec<NodeId>,
    /// When the controller noticed the last sign of life of nodes that are silent now.
    silent: BTreeMap<NodeId, Time>,
    /// Nodes whose condition changed since the last pass.
    dirty: BTreeSet<NodeId>,
    /// What is left of the pass that runs.
    pass: Pass,
    /// Whether a look at the taint queues is due already.
    queue_at: Time,
}

impl NodeLifecycle {
    /// A controller whose passes start at the phase of the settings, or one drawn from the seed.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        let mut stream = seed.stream("node-monitor", 0);
        let drawn = Time(stream.below(settings.node_monitor_period.0.max(1)));
        NodeLifecycle {
            next_tick: settings.node_monitor_phase.unwrap_or(drawn),
            stream,
            pass_at: Time::MAX,
            zones: Zones::new(settings, seed.stream("taint-order", 0)),
            registered: BTreeSet::new(),
            removed: Vec::new(),
            silent: BTreeMap::new(),
            dirty: BTreeSet::new(),
            pass: Pass::default(),
            queue_at: Time::MAX,
            settings: settings.clone(),
        }
    }

    /// How long the taint of a new node stays: mostly the patch meets one of the kubelet's, and is tried
    /// again after a back-off of 100 ms, jittered (as recorded: a tenth within 12 ms, the others 120 to
    /// 220 ms).
    fn untainting(&mut self, name: Name) -> Span {
        if let Some((_, given)) = self.settings.untainting.iter().find(|(of, _)| *of == name) {
            return *given;
        }
        let patch = self.settings.watch.sample(&mut self.stream);
        let conflict =
            *self.settings.watch.distribution() != Distribution::Constant(Span::ZERO) && self.stream.below(10) > 0;
        patch + if conflict { BACKOFF + Span(self.stream.below(BACKOFF.0)) } else { Span::ZERO }
    }

    fn tick_period(&self) -> Span {
        self.settings.node_monitor_period + self.settings.monitor_pass
    }

    /// The first tick at or after `time`, as far as can be foretold; ticks before `next_tick` are
    /// extrapolated backwards.
    fn tick_at_or_after(&self, time: Time) -> Time {
        let period = self.tick_period().0;
        if time >= self.next_tick {
            return self.next_tick + Span(time.since(self.next_tick).0.div_ceil(period) * period);
        }
        let back = self.next_tick.since(time).0 / period * period;
        self.next_tick - Span(back)
    }

    /// The tick at which a node last noticed alive at `probe` is found silent: strictly after the
    /// grace period.
    fn lapse(&self, probe: Time) -> Time {
        self.tick_at_or_after(probe.saturating_add(self.settings.node_monitor_grace_period) + Span(1))
    }

    /// Asks for a pass at the tick that `time` leads to.
    fn request_pass(&mut self, time: Time, timers: &mut Timers) {
        let at = self.tick_at_or_after(time);
        if at < self.pass_at {
            self.pass_at = at;
            timers.push((at, Key::Pass));
        }
    }

    /// A node fell silent: computes when the controller noticed its last sign of life.
    fn fell_silent(&mut self, node: NodeId, cluster: &Cluster, timers: &mut Timers) {
        let Some(lease) = cluster.node(node).map(|node| node.lease) else { return };
        let seen = lease.anchor.saturating_add(self.settings.watch.sample(&mut self.stream));
        let probe = self.tick_at_or_after(seen);
        self.silent.insert(node, probe);
        let lapse = self.lapse(probe);
        self.request_pass(lapse, timers);
    }

    /// NoExecute for one node, by its condition now. The pass's own transition to Unknown counts.
    fn taint(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id) else { return };
        let known = self.settings.first_nodes_are_known && node.created_at == Time::ZERO;
        if self.registered.insert(id) && !known {
            todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::RegisteredNode));
        }
        let grace = self.settings.node_monitor_grace_period;
        let lapsed = self.silent.get(&id).is_some_and(|probe| cluster.now > probe.saturating_add(grace));
        let status = if lapsed { Status::Unknown } else { node.ready.status };
        let (right, wrong) = match status {
            Status::Unknown => (Some(cluster.known.unreachable), cluster.known.not_ready),
            Status::False => (Some(cluster.known.not_ready), cluster.known.unreachable),
            Status::True => (None, cluster.known.unreachable),
        };
        let has =
            |key: Name| node.spec.taints.iter().any(|taint| taint.key == key && taint.effect == Effect::NoExecute);
        match right {
            None => {
                self.zones.dequeue(node.zone, id);
                let present = [cluster.known.unreachable, cluster.known.not_ready].into_iter().filter(|key| has(*key));
                todo.actions.extend(present.map(|key| Action::RemoveTaint(id, key, Effect::NoExecute)));
            }
            Some(right) if has(wrong) => {
                todo.actions.push(Action::AddTaint(id, right, Effect::NoExecute));
                todo.actions.push(Action::RemoveTaint(id, wrong, Effect::NoExecute));
            }
            Some(right) if !has(right) => {
                // the queue is polled while the pass still runs
                self.zones.enqueue(node.zone, id);
                let poll = Span(self.stream.below(QUEUE_POLL.0));
                self.look_at_queues(cluster.now + poll, todo);
            }
            Some(_) => (),
        }
    }

    /// The end of a pass: zone states, the next tick, and a look at the taint queues.
    fn end_pass(&mut self, cluster: &Cluster, todo: &mut Todo) {
        let now = cluster.now;
        self.next_tick = now + self.tick_period();
        match self.zones.end_pass(now) {
            Disruption::Unchanged => (),
            Disruption::Entered => self.clear_taints(cluster, todo),
            Disruption::Left => self.renew_grace(now, cluster),
        }
        if self.zones.have_queued() {
            let poll = Span(self.stream.below(QUEUE_POLL.0));
            self.look_at_queues(now + poll, todo);
        }
        self.pass_at = Time::MAX;
        // a long pass may have outlasted the grace period of others
        let known = |node: &NodeId| cluster.node(*node).is_none_or(|node| node.ready.status == Status::Unknown);
        let waiting = self.silent.iter().filter(|(node, _)| !known(node)).map(|(_, probe)| *probe).min();
        if let Some(probe) = waiting {
            self.request_pass(self.lapse(probe).max(self.next_tick), &mut todo.timers);
        }
        if !self.dirty.is_empty() {
            self.request_pass(self.next_tick, &mut todo.timers);
        }
    }

    fn look_at_queues(&mut self, at: Time, todo: &mut Todo) {
        if at < self.queue_at {
            self.queue_at = at;
            todo.timers.push((at, Key::TaintQueue));
        }
    }

    /// All zones are down: the taints go, and with them every pending eviction.
    fn clear_taints(&mut self, cluster: &Cluster, todo: &mut Todo) {
        for (id, node) in cluster.nodes() {
            self.zones.dequeue(node.zone, id);
            for taint in node.spec.taints.iter().filter(|taint| taint.effect == Effect::NoExecute) {
                if taint.key == cluster.known.unreachable || taint.key == cluster.known.not_ready {
                    todo.actions.push(Action::RemoveTaint(id, taint.key, Effect::NoExecute));
                }
            }
        }
    }

    /// Some zone is up again: the grace period of every node starts anew.
    fn renew_grace(&mut self, now: Time, cluster: &Cluster) {
        for (node, probe) in &mut self.silent {
            *probe = now;
            self.dirty.insert(*node);
        }
        self.dirty.retain(|node| cluster.node(*node).is_some());
    }

    /// Gives the NoExecute taints that are due.
    fn work_queue(&mut self, cluster: &Cluster, todo: &mut Todo) {
        self.queue_at = Time::MAX;
        let (due, next) = self.zones.due(cluster.now, cluster);
        for id in due {
            let key = match cluster.node(id).map(|node| node.ready.status) {
                Some(Status::Unknown) => cluster.known.unreachable,
                Some(Status::False) => cluster.known.not_ready,
                Some(Status::True) | None => continue,
            };
            todo.actions.push(Action::AddTaint(id, key, Effect::NoExecute));
        }
        if next != Time::MAX {
            let poll = Span(self.stream.below(QUEUE_POLL.0));
            self.look_at_queues(next + poll, todo);
        }
    }
}

impl Controller for NodeLifecycle {
    fn name(&self) -> &'static str {
        NAME
    }

    fn workers(&self) -> usize {
        8
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Taints]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::NodeAdded(id) => {
                let Some(node) = cluster.node(id) else { return };
                self.zones.count(node.zone, None, Some(node.ready.status));
                self.dirty.insert(id);
                self.request_pass(cluster.now, &mut wakes.timers);
                wakes.timers.push((cluster.now + self.untainting(node.name()), Key::Node(id)));
                if !node.lease.renewing {
                    // silent since before this controller's time: the grace period starts now
                    self.silent.insert(id, self.tick_at_or_after(cluster.now));
                }
            }
            Change::NodeRemoved(id) => {
                let Some(node) = cluster.removed_node(id) else { return };
                self.zones.count(node.zone, Some(node.ready.status), None);
                self.zones.dequeue(node.zone, id);
                self.silent.remove(&id);
                self.dirty.remove(&id);
                if self.registered.remove(&id) {
                    self.removed.push(id);
                    self.request_pass(cluster.now, &mut wakes.timers);
                }
            }
            Change::NodeReady { node: id, from, to } => {
                let Some(node) = cluster.node(id) else { return };
                if to != Status::Unknown {
                    self.zones.count(node.zone, Some(from), Some(to));
                    self.dirty.insert(id);
                    self.request_pass(cluster.now, &mut wakes.timers);
                }
                wakes.news.push(Key::Node(id));
            }
            Change::NodeCordoned(id, _) => wakes.news.push(Key::Node(id)),
            Change::NodeTainted(id) => {
                let (no_schedule, no_execute) = taints_are_outdated(id, cluster);
                if no_schedule {
                    wakes.news.push(Key::Node(id));
                }
                if no_execute {
                    self.dirty.insert(id);
                    self.request_pass(cluster.now, &mut wakes.timers);
                }
            }
            Change::LeaseRenewing(id, false) => self.fell_silent(id, cluster, &mut wakes.timers),
            Change::LeaseRenewing(id, true) => {
                self.silent.remove(&id);
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Pass if cluster.now == self.pass_at && !self.pass.is_running() => {
                for id in std::mem::take(&mut self.removed) {
                    todo.actions.push(Action::Record(NAME, Subject::Node(id), Message::RemovingNode));
                }
                self.start_pass(cluster);
                self.run_pass(cluster, todo);
            }
            Key::Work => self.run_pass(cluster, todo),
            Key::TaintQueue if cluster.now == self.queue_at => self.work_queue(cluster, todo),
            Key::Node(id) => no_schedule(id, cluster, todo),
            _ => (),
        }
    }
}

/// Whether a node bears NoSchedule or NoExecute taints that its condition no longer gives, or lacks the former:
/// the call was decided on before the condition changed and came through after it. Kubernetes looks at a node's
/// NoSchedule taints at every change of it and at its NoExecute taints in every pass; here that is looked
/// for when it comes about.
fn taints_are_outdated(id: NodeId, cluster: &Cluster) -> (bool, bool) {
    let Some(node) = cluster.node(id) else { return (false, false) };
    let has = |key: Name, effect: Effect| node.spec.taints.iter().any(|it| it.key == key && it.effect == effect);
    let both = |effect| (has(cluster.known.unreachable, effect), has(cluster.known.not_ready, effect));
    let ready = node.ready.status == Status::True;
    let no_schedule = match both(Effect::NoSchedule) {
        (false, false) => !ready,
        _ => ready,
    };
    let no_execute = match (node.ready.status, both(Effect::NoExecute)) {
        (Status::True, (unreachable, not_ready)) => unreachable || not_ready,
        (Status::False, (unreachable, not_ready)) => unreachable && !not_ready,
        (Status::Unknown, (unreachable, not_ready)) => not_ready && !unreachable,
    };
    (no_schedule, no_execute)
}

/// Makes the NoSchedule taints of the conditions what the conditions imply (nodes.md 4.1).
fn no_schedule(id: NodeId, cluster: &Cluster, todo: &mut Todo) {
    let Some(node) = cluster.node(id) else { return };
    let status = node.ready.status;
    let known = cluster.known;
    for (key, wanted) in [
        (known.not_ready, status == Status::False),
        (known.unreachable, status == Status::Unknown),
        (known.unschedulable, node.spec.unschedulable),
    ] {
        let has = node.spec.taints.iter().any(|taint| taint.key == key && taint.effect == Effect::NoSchedule);
        match (has, wanted) {
            (false, true) => todo.actions.push(Action::AddTaint(id, key, Effect::NoSchedule)),
            (true, false) => todo.actions.push(Action::RemoveTaint(id, key, Effect::NoSchedule)),
            _ => (),
        }
    }
}
