//! Two stand-ins for Borg's scoring, whose formula was never published.
//!
//! ```text
//! hybrid  smallest |max_r u_r − min_r u_r| after placing (in thousandths), ties by best fit
//! E-PVM   smallest Σ_r [2^(u_r + d_r) − 2^u_r]                       u in use, d asked, as shares
//! ```
//! The hybrid keeps resources from being stranded because another ran out; E-PVM, Borg's first, spreads like
//! worst fit. Sources: Verma et al., EuroSys 2015, 3.2; Amir et al., IEEE TPDS 11(7), 2000 (reference:
//! scheduler.md 9.4).

use super::{Ask, Candidate, Policy, classical::room_left};

/// The least stranded resources.
pub struct Hybrid;

impl Policy for Hybrid {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let (cpu, memory) = (node.cpu.used_after(ask.cpu), node.memory.used_after(ask.memory));
        let stranded = ((cpu - memory).abs() * 1000.0).round() as i64;
        -(stranded * 10_000_000 + room_left(ask, node))
    }
}

/// The smallest rise of an exponential cost.
pub struct EPvm;

impl Policy for EPvm {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let rise = [(node.cpu, ask.cpu), (node.memory, ask.memory)]
            .map(|(room, asked)| libm::exp2(room.used_after(asked)) - libm::exp2(room.used_after(0)));
        -(rise.iter().sum::<f64>() * 1e6).round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    #[test]
    fn the_hybrid_levels_and_then_packs() {
        let pod = ask(10, 10);
        let (level, tilted) = (node(0, (80, 100), (80, 100)), node(1, (80, 100), (30, 100)));
        assert!(Hybrid.score(&pod, &level) > Hybrid.score(&pod, &tilted));
        let fuller = node(2, (40, 100), (40, 100));
        assert!(Hybrid.score(&pod, &fuller) > Hybrid.score(&pod, &level), "both level: the fuller");
    }

    #[test]
    fn e_pvm_spreads() {
        let pod = ask(10, 10);
        assert!(EPvm.score(&pod, &node(0, (80, 100), (80, 100))) > EPvm.score(&pod, &node(1, (40, 100), (40, 100))));
        // from empty to full in one resource: 2 - 1
        assert_eq!(EPvm.score(&ask(1, 0), &node(0, (1, 1), (1, 1))), -1_000_000);
    }
}
