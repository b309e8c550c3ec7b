//! The classical fits of bin packing. A file together, as each is a line or two.
//!
//! ```text
//! first fit    lowest index               next fit     from the node of the last placement on, going round
//! best fit     least room left            round robin  from one past the last placement on, going round
//! worst fit    most room left             least pods   fewest pods
//! ```
//! Room left is half the sum over CPU, memory and, where the node has any, GPUs of free/capacity after placing, in
//! millionths; ties go to the node looked at first. Bounds in one dimension: first and best fit at most 1.7 of the optimum, next fit 2.
//! Source: Johnson et al., SIAM J. Comput. 3(4), 1974 (reference: scheduler.md 9.7).

use crate::cluster::NodeId;
use crate::engine::Stream;

use super::{Ask, Candidate, Policy, first_best};

/// Lowest index.
pub struct FirstFit;

impl Policy for FirstFit {
    fn score(&self, _ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        -i64::from(node.id.0)
    }
}

/// Least room left.
pub struct BestFit;

impl Policy for BestFit {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        -room_left(ask, node)
    }
}

/// Most room left.
pub struct WorstFit;

impl Policy for WorstFit {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        room_left(ask, node)
    }
}

/// Fewest pods.
pub struct LeastPods;

impl Policy for LeastPods {
    fn score(&self, _ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        -node.pods
    }
}

/// Half the sum of the free shares of CPU, memory and GPUs after placing, in millionths.
pub(super) fn room_left(ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
    let left: f64 = node.rooms(ask).map(|(room, asked)| room.free_after(asked)).sum();
    (left * 500_000.0).round() as i64
}

/// From the node of the last placement on.
#[derive(Default)]
pub struct NextFit {
    last: u32,
}

impl Policy for NextFit {
    fn choose(&mut self, _ask: &Ask<'_>, nodes: &[Candidate<'_>], _draw: &mut Stream) -> usize {
        from(self.last, nodes)
    }

    fn scores_alone(&self) -> bool {
        false
    }

    fn placed(&mut self, _ask: &Ask<'_>, node: NodeId) {
        self.last = node.0;
    }
}

/// Feasible nodes in turn.
#[derive(Default)]
pub struct RoundRobin {
    next: u32,
}

impl Policy for RoundRobin {
    fn choose(&mut self, _ask: &Ask<'_>, nodes: &[Candidate<'_>], _draw: &mut Stream) -> usize {
        from(self.next, nodes)
    }

    fn scores_alone(&self) -> bool {
        false
    }

    fn placed(&mut self, _ask: &Ask<'_>, node: NodeId) {
        self.next = node.0 + 1;
    }
}

/// The first node with at least this index, else the first of all.
fn from(index: u32, nodes: &[Candidate<'_>]) -> usize {
    first_best(nodes.iter().map(|node| (node.id.0 >= index, std::cmp::Reverse(node.id.0))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::scheduler::policies::tests::{ask, gpu, gpu_node, node};

    #[test]
    fn each_takes_its_own() {
        // room left of 2 cpu and 2 memory: 0.3, 0.05, 0.3; pods 2, 3, 1
        let mut nodes = [node(4, (5, 10), (5, 10)), node(2, (2, 10), (3, 10)), node(7, (7, 10), (3, 10))];
        (nodes[0].pods, nodes[1].pods, nodes[2].pods) = (2, 3, 1);
        let mut draw = Seed(0).stream("test", 0);
        let mut chosen = |mut policy: Box<dyn Policy>| policy.choose(&ask(2, 2), &nodes, &mut draw);
        assert_eq!(chosen(Box::new(FirstFit)), 1);
        assert_eq!(chosen(Box::new(BestFit)), 1);
        assert_eq!(chosen(Box::new(WorstFit)), 0, "a tie: the first looked at");
        assert_eq!(chosen(Box::new(LeastPods)), 2);
    }

    #[test]
    fn room_left_counts_gpus_where_there_are_any() {
        let half = gpu(500);
        let ask = Ask { gpu: Some(&half), ..ask(2, 2) };
        // cpu and memory (0.3 + 0.3) / 2; of two devices 1500 − 500 of 2000 are left, of one nothing: + 0.5 / 2, + 0
        let (two, one) = (gpu_node(0, (5, 10), (5, 10), 2, 500), gpu_node(1, (5, 10), (5, 10), 1, 500));
        assert_eq!([room_left(&ask, &two), room_left(&ask, &one)], [550_000, 300_000]);
        assert_eq!(room_left(&ask, &node(2, (5, 10), (5, 10))), 300_000, "no GPU, none counted");
        assert!(BestFit.score(&ask, &one) > BestFit.score(&ask, &two));
        assert!(WorstFit.score(&ask, &two) > WorstFit.score(&ask, &one));
    }

    #[test]
    fn next_fit_stays_and_round_robin_moves_on() {
        let nodes = [node(2, (5, 10), (5, 10)), node(4, (2, 10), (3, 10)), node(7, (7, 10), (3, 10))];
        let mut draw = Seed(0).stream("test", 0);
        let (mut next, mut round) = (NextFit::default(), RoundRobin::default());
        let mut places = Vec::new();
        for _ in 0..4 {
            let (a, b) = (next.choose(&ask(1, 1), &nodes, &mut draw), round.choose(&ask(1, 1), &nodes, &mut draw));
            next.placed(&ask(1, 1), nodes[a].id);
            round.placed(&ask(1, 1), nodes[b].id);
            places.push((a, b));
        }
        assert_eq!(places, [(0, 0), (0, 1), (0, 2), (0, 0)]);
        next.placed(&ask(1, 1), NodeId(5));
        assert_eq!(next.choose(&ask(1, 1), &nodes, &mut draw), 2);
    }
}
