//! HashiCorp Nomad's ranking: a few feasible nodes by lot, the best of them.
//!
//! ```text
//! binpack  fit = clamp(20 − 10^freeC − 10^freeM, 0, 18) / 18         free shares after placing
//! spread   fit = clamp(10^freeC + 10^freeM − 2, 0, 18) / 18
//! job anti-affinity, if k > 0 of the group are on the node:  −(k + 1) / group size
//! reschedule penalty, if a pod failed on the node whose place this one takes:  −1
//! score = mean of those that apply
//! limit = 2 for batch, max(2, ceil(log2 n)) for services, n the Ready nodes that are not cordoned, before any look
//!         at whether the pod fits; up to 3 nodes with a score of 0 or less are set aside while looking, and used
//!         only if nothing better turns up
//! ```
//! Only pods of an Indexed Job say whose place they take (that of the failed ones of their index); pods of other
//! controllers are never penalised.
//!
//! Source: nomad/structs/funcs.go and scheduler/feasible (reference: scheduler.md 9.1). Affinities and spread
//! blocks of job files have no counterpart here; Kubernetes' own filters stand for the first.

use crate::engine::Stream;

use super::{Ask, Candidate, Policy, first_best};

/// The policy.
pub struct Nomad {
    spread: bool,
}

/// How many bad options are set aside.
const MAX_SKIP: usize = 3;

impl Nomad {
    /// Filling nodes.
    pub fn binpack() -> Self {
        Nomad { spread: false }
    }

    /// Levelling them.
    pub fn spread() -> Self {
        Nomad { spread: true }
    }

    /// The final score of an option.
    pub fn rank(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> f64 {
        let power = |free: f64| libm::pow(10.0, free);
        let sum = power(node.cpu.free_after(ask.cpu)) + power(node.memory.free_after(ask.memory));
        let fit = if self.spread { sum - 2.0 } else { 20.0 - sum };
        let fit = fit.clamp(0.0, 18.0) / 18.0;
        let (mut sum, mut n) = (fit, 1.0);
        if node.pods_of_group > 0 {
            sum -= (node.pods_of_group + 1) as f64 / ask.group_size.max(1) as f64;
            n += 1.0;
        }
        if node.failed_before {
            sum -= 1.0;
            n += 1.0;
        }
        sum / n
    }
}

/// How many options are scored.
fn limit(n: usize, batch: bool) -> usize {
    let log2_up = usize::BITS - n.saturating_sub(1).leading_zeros();
    if batch { 2 } else { (log2_up as usize).max(2) }
}

impl Policy for Nomad {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        (self.rank(ask, node) * 1e6).round() as i64
    }

    fn tell(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> Option<String> {
        Some(format!("{:.4}", self.rank(ask, node)))
    }

    fn choose(&mut self, ask: &Ask<'_>, nodes: &[Candidate<'_>], draw: &mut Stream) -> usize {
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        let limit = limit(ask.n_nodes.max(nodes.len()), ask.batch);
        let mut options: Vec<(usize, f64)> = Vec::new();
        let mut aside: Vec<(usize, f64)> = Vec::new();
        for step in 0..nodes.len() {
            draw.choose_to_front(&mut order[step..], 1); // the shuffle, as far as it is needed
            let option = (order[step], self.rank(ask, &nodes[order[step]]));
            if option.1 <= 0.0 && aside.len() < MAX_SKIP {
                aside.push(option);
            } else {
                options.push(option);
            }
            if options.len() == limit {
                break;
            }
        }
        let missing = limit.saturating_sub(options.len()).min(aside.len());
        options.extend(aside.drain(..missing));
        options[first_best(options.iter().map(|option| option.1))].0
    }

    fn scores_alone(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::scheduler::policies::tests::{ask, node};

    #[test]
    fn worked_numbers_of_the_reference() {
        let close = |got: f64, expected: f64| assert!((got - expected).abs() < 5e-5, "{got} {expected}");
        let half = node(0, (60, 100), (60, 100));
        close(Nomad::binpack().rank(&ask(10, 10), &half), 0.7597);
        close(Nomad::spread().rank(&ask(10, 10), &half), 0.2403);
        let uneven = node(0, (40, 100), (70, 100));
        close(Nomad::binpack().rank(&ask(10, 10), &uneven), 0.7791);
        close(Nomad::spread().rank(&ask(10, 10), &uneven), 0.2209);
        let two_there = Candidate { pods_of_group: 2, ..half };
        close(Nomad::binpack().rank(&ask(10, 10), &two_there), 0.0049);
        // (0.7597 − 1) / 2, and (0.7597 − 3/4 − 1) / 3
        let failed = Candidate { failed_before: true, ..half };
        close(Nomad::binpack().rank(&ask(10, 10), &failed), -0.1201);
        close(Nomad::binpack().rank(&ask(10, 10), &Candidate { failed_before: true, ..two_there }), -0.3301);
    }

    #[test]
    fn the_limit_grows_with_the_logarithm() {
        assert_eq!([1, 2, 3, 5, 8, 9, 1000].map(|n| limit(n, false)), [2, 2, 2, 3, 3, 4, 10]);
        assert_eq!(limit(1000, true), 2);
    }

    /// Of 256 nodes eight are feasible: the limit is log2 256 = 8, so all are looked at and the best always wins. Of eight
    /// nodes in all, the limit is 3, and the best is missed more often than not.
    #[test]
    fn the_limit_counts_nodes_that_are_not_feasible() {
        let worse = node(0, (60, 100), (60, 100));
        let mut nodes = [worse; 8];
        nodes[5] = node(5, (30, 100), (30, 100));
        let best = |n_nodes: usize| {
            let ask = Ask { n_nodes, ..ask(10, 10) };
            let wins = |index| Nomad::binpack().choose(&ask, &nodes, &mut Seed(1).stream("test", index)) == 5;
            (0..100).filter(|index| wins(*index)).count()
        };
        assert_eq!(best(256), 100, "log2 256 = 8: all of them");
        assert!(best(8) < 60, "3 of 8: {}", best(8));
    }

    #[test]
    fn bad_options_are_used_only_for_want_of_better() {
        let good = node(0, (60, 100), (60, 100));
        let bad = Candidate { id: crate::cluster::NodeId(1), pods_of_group: 9, ..good };
        let mut nomad = Nomad::binpack();
        for index in 0..50 {
            let mut draw = Seed(1).stream("test", index);
            assert_eq!(nomad.choose(&ask(10, 10), &[bad, good, bad, bad], &mut draw), 1);
            assert!(nomad.choose(&ask(10, 10), &[bad, bad], &mut draw) < 2);
        }
    }
}
