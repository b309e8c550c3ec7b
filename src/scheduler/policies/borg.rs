//! Two stand-ins for Borg's scoring, whose formula was never published.
//!
//! ```text
//! hybrid  smallest |max_r u_r − min_r u_r| after placing (in thousandths), ties by best fit
//! E-PVM   smallest Σ_r [2^(u_r + d_r) − 2^u_r]                       u in use, d asked, as shares
//!         r = cpu, memory and, where the node has any, GPUs
//! ```
//! The hybrid keeps resources from being stranded because another ran out; E-PVM, Borg's first, spreads like
//! worst fit. Sources: Verma et al., EuroSys 2015, 3.2; Amir et al., IEEE TPDS 11(7), 2000 (reference:
//! scheduler.md 9.4).

use super::{Ask, Candidate, Policy, Room, classical::room_left};

/// The least stranded resources.
pub struct Hybrid;

impl Policy for Hybrid {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let (least, most) = node.rooms(ask).fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), (room, asked)| {
            let used = room.used_after(asked);
            (used.min(least), used.max(most))
        });
        let stranded = ((most - least) * 1000.0).round() as i64;
        -(stranded * 10_000_000 + room_left(ask, node))
    }
}

/// The smallest rise of an exponential cost.
pub struct EPvm;

impl Policy for EPvm {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let rise = |(room, asked): (Room, i64)| libm::exp2(room.used_after(asked)) - libm::exp2(room.used_after(0));
        -(node.rooms(ask).map(rise).sum::<f64>() * 1e6).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::policies::tests::{ask, gpu, gpu_node, node};

    #[test]
    fn the_hybrid_levels_and_then_packs() {
        let pod = ask(10, 10);
        let (level, tilted) = (node(0, (80, 100), (80, 100)), node(1, (80, 100), (30, 100)));
        assert!(Hybrid.score(&pod, &level) > Hybrid.score(&pod, &tilted));
        let fuller = node(2, (40, 100), (40, 100));
        assert!(Hybrid.score(&pod, &fuller) > Hybrid.score(&pod, &level), "both level: the fuller");
    }

    #[test]
    fn gpus_count_where_there_are_any() {
        let whole = gpu(1000);
        let pod = Ask { gpu: Some(&whole), ..ask(10, 10) };
        let (full, half) = (gpu_node(0, (60, 100), (60, 100), 1, 0), gpu_node(1, (60, 100), (60, 100), 2, 0));
        // used after: cpu and memory 0.5 on both, GPUs 1 and 0.5: stranded 500 and 0 thousandths, room left 500 000 and
        // 750 000 millionths
        assert_eq!([Hybrid.score(&pod, &full), Hybrid.score(&pod, &half)], [-5_000_500_000, -750_000]);
        // beside the same for cpu and memory: 2^1 − 2^0 and 2^0.5 − 2^0
        assert_eq!(EPvm.score(&pod, &half) - EPvm.score(&pod, &full), 585_786);
    }

    #[test]
    fn e_pvm_spreads() {
        let pod = ask(10, 10);
        assert!(EPvm.score(&pod, &node(0, (80, 100), (80, 100))) > EPvm.score(&pod, &node(1, (40, 100), (40, 100))));
        // from empty to full in one resource: 2 - 1
        assert_eq!(EPvm.score(&ask(1, 0), &node(0, (1, 1), (1, 1))), -1_000_000);
    }
}
