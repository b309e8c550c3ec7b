//! Zones of the node lifecycle (nodes.md 6): how disrupted each is, and its queue of nodes to taint,
//! worked off at the rate that goes with the state.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Name, NodeId, Status};
use crate::engine::{Stream, Time, TokenBucket};

use super::settings::Settings;

/// Region and zone.
pub(super) type ZoneKey = (Name, Name);

/// How disrupted a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Most nodes are Ready.
    Normal,
    /// More than two nodes, and the threshold's share, are not.
    Partial,
    /// None is.
    Full,
}

/// One zone.
#[derive(Debug)]
pub(super) struct Zone {
    ready: u32,
    not_ready: u32,
    state: State,
    limiter: TokenBucket,
    /// Nodes that wait for their taint. Each pass puts them in again, in an order of chance.
    queue: Vec<NodeId>,
}

/// All zones in the order of their keys.
#[derive(Debug)]
pub(super) struct Zones {
    settings: Settings,
    zones: BTreeMap<ZoneKey, Zone>,
    /// All zones are fully disrupted: nothing is evicted.
    all_down: bool,
    /// Which of the nodes that wait comes next.
    order: Stream,
}

/// What the end of a pass changed for the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disruption {
    /// Nothing.
    Unchanged,
    /// All zones are down now: taints are to be removed.
    Entered,
    /// Some zone is up again: every node gets a fresh grace period.
    Left,
}

impl Zones {
    pub(super) fn new(settings: &Settings, order: Stream) -> Self {
        Zones { settings: settings.clone(), zones: BTreeMap::new(), all_down: false, order }
    }

    /// Counts a node by its Ready condition (`None`: no node).
    pub(super) fn count(&mut self, key: ZoneKey, from: Option<Status>, to: Option<Status>) {
        let normal = rate(self.settings.node_eviction_rate_milli);
        let zone = self.zones.entry(key).or_insert_with(|| Zone {
            ready: 0,
            not_ready: 0,
            state: State::Normal,
            limiter: normal,
            queue: Vec::new(),
        });
        for (status, delta) in [(from, -1), (to, 1)] {
            match status {
                Some(Status::True) => zone.ready = zone.ready.saturating_add_signed(delta),
                Some(_) => zone.not_ready = zone.not_ready.saturating_add_signed(delta),
                None => (),
            }
        }
    }

    /// Queues a node for its NoExecute taint, once.
    pub(super) fn enqueue(&mut self, key: ZoneKey, node: NodeId) {
        if let Some(zone) = self.zones.get_mut(&key)
            && !zone.queue.contains(&node)
        {
            zone.queue.push(node);
        }
    }

    /// Takes a node out of the queue.
    pub(super) fn dequeue(&mut self, key: ZoneKey, node: NodeId) {
        if let Some(zone) = self.zones.get_mut(&key) {
            zone.queue.retain(|queued| *queued != node);
        }
    }

    /// Whether some node waits for its taint.
    pub(super) fn have_queued(&self) -> bool {
        self.zones.values().any(|zone| !zone.queue.is_empty())
    }

    /// The nodes whose taint is due now, and the next instant at which one may be.
    pub(super) fn due(&mut self, now: Time, cluster: &Cluster) -> (Vec<NodeId>, Time) {
        let mut due = Vec::new();
        let mut next = Time::MAX;
        for zone in self.zones.values_mut() {
            while !zone.queue.is_empty() && zone.limiter.try_take(now) {
                let wanted = &mut self.settings.taint_order;
                let given = wanted.iter().find_map(|name| {
                    zone.queue.iter().position(|id| cluster.node(*id).is_some_and(|node| node.name() == *name))
                });
                let position = given.unwrap_or_else(|| self.order.below(zone.queue.len() as u64) as usize);
                let node = zone.queue.remove(position);
                let name = cluster.node(node).map(crate::cluster::Node::name);
                if let Some(position) = wanted.iter().position(|wanted| Some(*wanted) == name) {
                    wanted.remove(position);
                }
                due.push(node);
            }
            if !zone.queue.is_empty() {
                next = next.min(zone.limiter.next(now));
            }
        }
        (due, next)
    }

    /// The end of a pass: brings every zone's state and rate up to date.
    pub(super) fn end_pass(&mut self, now: Time) -> Disruption {
        let states: BTreeMap<ZoneKey, State> =
            self.zones.iter().map(|(key, zone)| (*key, self.state_of(zone))).collect();
        let was_down = self.all_down;
        let mut populated = self.zones.values().filter(|zone| zone.ready + zone.not_ready > 0).peekable();
        self.all_down = populated.peek().is_some() && populated.all(|zone| self.state_of(zone) == State::Full);
        for (key, zone) in &mut self.zones {
            let state = states[key];
            if state != zone.state || was_down != self.all_down {
                let limiter = limiter(&self.settings, state, zone.ready + zone.not_ready, self.all_down);
                if !zone.limiter.has_rate_of(&limiter) {
                    zone.limiter.replace(now, limiter);
                }
                zone.state = state;
            }
        }
        match (was_down, self.all_down) {
            (false, true) => Disruption::Entered,
            (true, false) => Disruption::Left,
            _ => Disruption::Unchanged,
        }
    }

    fn state_of(&self, zone: &Zone) -> State {
        let (ready, not_ready) = (u64::from(zone.ready), u64::from(zone.not_ready));
        let threshold = u64::from(self.settings.unhealthy_zone_threshold_milli);
        if ready == 0 && not_ready > 0 {
            State::Full
        } else if not_ready > 2 && not_ready * 1000 >= threshold * (ready + not_ready) {
            State::Partial
        } else {
            State::Normal
        }
    }
}

fn limiter(settings: &Settings, state: State, size: u32, all_down: bool) -> TokenBucket {
    match state {
        _ if all_down => rate(0),
        State::Normal | State::Full => rate(settings.node_eviction_rate_milli),
        State::Partial if size > settings.large_cluster_size_threshold => {
            rate(settings.secondary_node_eviction_rate_milli)
        }
        State::Partial => rate(0),
    }
}

fn rate(milli: u64) -> TokenBucket {
    TokenBucket::per_second_milli(milli, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// Zones of `nodes` nodes, `dead` of them down at once, all in one zone.
    fn after_pass(nodes: u32, dead: u32) -> (Zones, Disruption) {
        let mut zones = Zones::new(&Settings::default(), Seed(1).stream("order", 0));
        let key = (Name(0), Name(0));
        for node in 0..nodes {
            zones.count(key, None, Some(Status::True));
            if node < dead {
                zones.count(key, Some(Status::True), Some(Status::Unknown));
                zones.enqueue(key, NodeId(node));
            }
        }
        let disruption = zones.end_pass(Time::from_secs(100));
        (zones, disruption)
    }

    #[test]
    fn worked_consequences_of_the_reference() {
        // nodes.md 6: nodes, dead at once, first taint at once?, seconds to the second
        let s = Time::from_secs;
        for (nodes, dead, first, next) in [
            (3, 1, true, Time::MAX),
            (3, 2, true, s(110)),
            (4, 3, false, Time::MAX),
            (10, 5, true, s(110)),
            (10, 6, false, Time::MAX),
            (100, 60, true, s(200)),
        ] {
            let (mut zones, _) = after_pass(nodes, dead);
            let (due, wake) = zones.due(s(100), &Cluster::new(Seed(1)));
            assert_eq!((due.len() == 1, wake), (first, next), "{dead} of {nodes}");
        }
    }

    #[test]
    fn nothing_is_tainted_when_all_is_down() {
        let (mut zones, disruption) = after_pass(3, 3);
        assert_eq!(disruption, Disruption::Entered);
        assert_eq!(zones.due(Time::from_secs(100), &Cluster::new(Seed(1))), (vec![], Time::MAX));
    }
}
