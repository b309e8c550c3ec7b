//! Kubernetes' scoring strategies as policies of their own, without the other score plugins.
//!
//! ```text
//! least-allocated        mean over cpu and memory of (alloc − req)·100 / alloc
//! most-allocated         mean of req·100 / alloc
//! requested-to-capacity  mean of f(req·100 / alloc), f the line through (0, 0), (80, 100), (100, 80); resources with
//!                        f = 0 left out, the mean rounded half away from zero
//! ```
//! `req` includes the pod, and 100m and 200 MiB for each container that asks for nothing. The bent line packs, but
//! leaves the last fifth of a node to last. The formulas are those of [`node_resources_fit`], not written twice. A line
//! of one's own needs `config:` instead of `policy:`. Source: NodeResourcesFit (reference: scheduler.md 4.2 and 4.3).

use crate::scheduler::config;
use crate::scheduler::plugins::node_resources_fit;

use super::{Ask, Candidate, Policy};

/// One of the strategies.
pub struct Strategy(config::Strategy);

impl Strategy {
    /// Emptier is better.
    pub fn least_allocated() -> Self {
        Strategy(config::Strategy::LeastAllocated)
    }

    /// Fuller is better.
    pub fn most_allocated() -> Self {
        Strategy(config::Strategy::MostAllocated)
    }

    /// Fuller is better up to 80 %.
    pub fn requested_to_capacity() -> Self {
        Strategy(config::Strategy::RequestedToCapacityRatio(vec![(0, 0), (80, 10), (100, 8)]))
    }
}

impl Policy for Strategy {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let parts = [
            (node.scored.0 + ask.scored.0, node.cpu.capacity, 1),
            (node.scored.1 + ask.scored.1, node.memory.capacity, 1),
        ];
        node_resources_fit::scored(&self.0, parts.into_iter().filter(|(_, alloc, _)| *alloc != 0))
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
    }

    #[test]
    fn the_ratio_is_rounded_half_away_from_zero_and_leaves_out_what_scores_nothing() {
        let score = |cpu, memory, asked: (i64, i64)| {
            Strategy::requested_to_capacity().score(&ask(asked.0, asked.1), &node(0, cpu, memory))
        };
        // 60 % and 40 %: 75 and 50, in the mean 62.5
        assert_eq!(score((6, 10), (8, 10), (2, 2)), 63);
        // 60 %, and nothing of the memory: 75 alone
        assert_eq!(score((6, 10), (10, 10), (2, 0)), 75);
        // 90 %, on the falling part: 100 − 20·10/20
        assert_eq!(score((2, 10), (10, 10), (1, 0)), 90);
    }
}
