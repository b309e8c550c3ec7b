//! Kubernetes' scoring strategies as policies of their own, without the other score plugins.
//!
//! ```text
//! least-allocated        mean over cpu and memory of (alloc − req)·100 / alloc
//! most-allocated         mean of req·100 / alloc
//! requested-to-capacity  mean of f(req·100 / alloc), f the line through (0, 0), (80, 100), (100, 80)
//! ```
//! `req` includes the pod. The bent line packs, but leaves the last fifth of a node to last. All in integers,
//! rounded towards zero as in kube-scheduler. A line of one's own needs `config:` instead of `policy:`.
//! Source: NodeResourcesFit (reference: scheduler.md 4.3).

use super::{Ask, Candidate, Policy, Room};

/// A line through (utilisation, score) points.
pub struct Strategy(&'static [(i64, i64)]);

impl Strategy {
    /// Emptier is better.
    pub fn least_allocated() -> Self {
        Strategy(&[(0, 100), (100, 0)])
    }

    /// Fuller is better.
    pub fn most_allocated() -> Self {
        Strategy(&[(0, 0), (100, 100)])
    }

    /// Fuller is better up to 80 %.
    pub fn requested_to_capacity() -> Self {
        Strategy(&[(0, 0), (80, 100), (100, 80)])
    }

    fn of(&self, room: Room, asked: i64) -> i64 {
        let requested = room.capacity - room.free + asked;
        if room.capacity == 0 || requested > room.capacity {
            return self.at(100);
        }
        if let [(0, 100), (100, 0)] = self.0 {
            return (room.capacity - requested) * 100 / room.capacity; // rounded as upstream does
        }
        self.at(requested * 100 / room.capacity)
    }

    fn at(&self, x: i64) -> i64 {
        let within = self.0.windows(2).find(|ends| x <= ends[1].0);
        within.map_or(0, |ends| {
            let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
            y0 + (y1 - y0) * (x - x0) / (x1 - x0)
        })
    }
}

impl Policy for Strategy {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        (self.of(node.cpu, ask.cpu) + self.of(node.memory, ask.memory)) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    #[test]
    fn by_hand() {
        // 4 of 10 cpu used and 2 asked: 60 %; 1 of 8 memory used and 1 asked: 25 %
        let node = node(0, (6, 10), (7, 8));
        let score = |strategy: Strategy| strategy.score(&ask(2, 1), &node);
        assert_eq!(score(Strategy::least_allocated()), (40 + 75) / 2);
        assert_eq!(score(Strategy::most_allocated()), (60 + 25) / 2);
        assert_eq!(score(Strategy::requested_to_capacity()), (75 + 31) / 2);
        assert_eq!(Strategy::requested_to_capacity().at(90), 90);
    }
}
