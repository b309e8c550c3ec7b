//! Policies by lot: any feasible node, or the better of two.
//!
//! Power of two choices: two distinct feasible nodes, the one with the lower dominant use after placing,
//! ties the first drawn. Sources: Mitzenmacher, IEEE TPDS 12(10), 2001 (reference: scheduler.md 9.7); the
//! FGD artifact for the random device (fgd.md 5).

use crate::cluster::DeviceSet;
use crate::engine::Stream;

use super::{Ask, Candidate, Policy};

/// Any feasible node.
pub struct Random;

impl Policy for Random {
    fn choose(&mut self, _ask: &Ask<'_>, nodes: &[Candidate<'_>], draw: &mut Stream) -> usize {
        draw.below(nodes.len() as u64) as usize
    }

    fn scores_alone(&self) -> bool {
        false
    }
}

/// Any feasible node, and any device that fits for a share.
pub struct GpuRandom;

impl Policy for GpuRandom {
    fn choose(&mut self, ask: &Ask<'_>, nodes: &[Candidate<'_>], draw: &mut Stream) -> usize {
        Random.choose(ask, nodes, draw)
    }

    fn scores_alone(&self) -> bool {
        false
    }

    fn devices(&self, ask: &Ask<'_>, node: &Candidate<'_>, draw: &mut Stream) -> DeviceSet {
        let Some(gpu) = ask.gpu else { return DeviceSet::default() };
        if !gpu.is_share() {
            return node.gpus.tightest(gpu).unwrap_or_default();
        }
        let n = node.gpus.fitting(gpu.milli).count() as u64;
        let device = if n == 0 { None } else { node.gpus.fitting(gpu.milli).nth(draw.below(n) as usize) };
        device.map(DeviceSet::one).unwrap_or_default()
    }
}

/// The dominant share in use after placing, of cpu, memory and, where the node has any, GPUs.
fn load(ask: &Ask<'_>, node: &Candidate<'_>) -> f64 {
    node.rooms(ask).map(|(room, asked)| room.used_after(asked)).fold(0.0, f64::max)
}

/// The less loaded of two feasible nodes.
pub struct PowerOfTwo;

impl Policy for PowerOfTwo {
    fn choose(&mut self, ask: &Ask<'_>, nodes: &[Candidate<'_>], draw: &mut Stream) -> usize {
        let n = nodes.len() as u64;
        let first = draw.below(n) as usize;
        if n == 1 {
            return first;
        }
        let step = 1 + draw.below(n - 1) as usize;
        let second = (first + step) % nodes.len();
        if load(ask, &nodes[second]) < load(ask, &nodes[first]) { second } else { first }
    }

    fn tell(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> Option<String> {
        Some(format!("load {:.4}", load(ask, node)))
    }

    fn scores_alone(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::scheduler::policies::tests::{ask, gpu, gpu_node, node};

    #[test]
    fn of_two_nodes_the_less_loaded_always_wins_and_of_three_the_fullest_never() {
        let nodes = [node(0, (50, 100), (9, 10)), node(1, (20, 100), (9, 10)), node(2, (90, 100), (9, 10))];
        let mut wins = [0; 3];
        for index in 0..3000 {
            let mut draw = Seed(1).stream("test", index);
            assert_eq!(PowerOfTwo.choose(&ask(10, 1), &nodes[..2], &mut draw), 0);
            wins[PowerOfTwo.choose(&ask(10, 1), &nodes, &mut draw)] += 1;
        }
        // pairs are equally likely: the emptiest wins two of three
        assert_eq!(wins[1], 0);
        assert!((f64::from(wins[2]) / 3000.0 - 2.0 / 3.0).abs() < 0.03, "{wins:?}");
    }

    #[test]
    fn the_load_is_that_of_the_gpus_where_they_are_fullest() {
        let half = gpu(500);
        let ask = Ask { gpu: Some(&half), ..ask(10, 1) };
        // cpu 60 %, memory 20 %; 1000 of 1000 thousandths, or of 2000
        assert_eq!(load(&ask, &gpu_node(0, (50, 100), (9, 10), 1, 500)), 1.0);
        assert_eq!(load(&ask, &gpu_node(0, (50, 100), (9, 10), 2, 500)), 0.6);
    }

    #[test]
    fn every_node_gets_its_share() {
        let nodes = [node(0, (1, 1), (1, 1)), node(1, (1, 1), (1, 1)), node(2, (1, 1), (1, 1))];
        let mut counts = [0; 3];
        (0..3000).for_each(|i| counts[Random.choose(&ask(0, 0), &nodes, &mut Seed(1).stream("test", i))] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
