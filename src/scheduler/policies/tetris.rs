//! Tetris: the node best aligned with what the pod asks.
//!
//! ```text
//! A = Σ_r demand_r/capacity_r · free_r/capacity_r      r = cpu, memory, GPU; the largest wins
//! ```
//! in millionths, free before placing. Its other half, shorter remaining work first, is an order of the queue.
//! Source: Grandl et al., SIGCOMM 2014 (reference: scheduler.md 9.6).

use super::{Ask, Candidate, Policy, Room};

/// The policy.
pub struct Tetris;

impl Policy for Tetris {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        (node.rooms(ask).map(product).sum::<f64>() * 1e6).round() as i64
    }
}

fn product((room, asked): (Room, i64)) -> f64 {
    if room.capacity == 0 {
        return 0.0;
    }
    let capacity = room.capacity as f64;
    asked as f64 / capacity * (room.free as f64 / capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    #[test]
    fn a_pod_of_cpu_goes_where_cpu_is_free() {
        let pod = ask(4, 1);
        let (cpu, memory) = (node(0, (8, 10), (2, 10)), node(1, (5, 10), (9, 10)));
        // 0.4·0.8 + 0.1·0.2 = 0.34; 0.4·0.5 + 0.1·0.9 = 0.29
        assert_eq!((Tetris.score(&pod, &cpu), Tetris.score(&pod, &memory)), (340_000, 290_000));
    }
}
