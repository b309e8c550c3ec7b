//! Docker Swarm's spread: pods of a service, then pods of a node, evenly; resources only filter.
//!
//! ```text
//! 1. a node with 5 or more failures of the service comes after those with fewer
//! 2. fewer tasks of the service      3. fewer tasks      4. the first looked at
//! ```
//! Swarm counts failures of the last five minutes; here those count whose pods still exist. Source: swarmkit, manager/scheduler/nodeinfo.go and scheduler.go (reference: scheduler.md 9.2).

use super::{Ask, Candidate, Policy};

/// The policy.
pub struct Spread;

/// Failures from which a node is avoided.
const MAX_FAILURES: i64 = 5;
/// More than any node has tasks.
const STEP: i64 = 1 << 20;

impl Policy for Spread {
    fn score(&self, _ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let failures = if node.failures_of_group >= MAX_FAILURES { node.failures_of_group } else { 0 };
        -((failures * STEP + node.pods_of_group) * STEP + node.pods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    #[test]
    fn failures_then_the_service_then_all() {
        let of = |failures_of_group, pods_of_group, pods| {
            let node = Candidate { pods, pods_of_group, failures_of_group, ..node(0, (1, 1), (1, 1)) };
            Spread.score(&ask(0, 0), &node)
        };
        assert!(of(0, 1, 50) > of(0, 2, 10), "fewer of the service wins over fewer in all");
        assert!(of(0, 1, 10) > of(0, 1, 11));
        assert_eq!(of(4, 1, 10), of(0, 1, 10), "four failures are forgiven");
        assert!(of(0, 9, 90) > of(5, 0, 0));
    }
}
