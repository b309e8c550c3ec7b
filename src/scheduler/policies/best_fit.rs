//! Best fit by CPU and GPU, as in the FGD paper.
//!
//! ```text
//! score = int(100 · (1 − ½ (C − c)/128000 − ½ (G − d)/8000))
//! ```
//! with C and G free before placing, c and d what the pod asks, both in thousandths; memory is not used. The
//! artifact then stretches scores over [0, 100] between the worst and the best feasible node, which moves
//! neither the best nor its ties. Source: the FGD artifact (reference: fgd.md 5).

use super::{Ask, Candidate, Policy};

/// The policy.
pub struct BestFit;

/// The largest node's CPU in thousandths.
pub(super) const CPU_MAX: f64 = 128_000.0;
/// The largest node's GPUs in thousandths.
pub(super) const GPU_MAX: f64 = 8_000.0;

impl Policy for BestFit {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let asked = ask.gpu.map_or(0, |gpu| gpu.total());
        let cpu = (node.cpu.free - ask.cpu) as f64 / CPU_MAX;
        let gpu = (node.gpus.total_free() - asked) as f64 / GPU_MAX;
        (100.0 * (1.0 - 0.5 * cpu - 0.5 * gpu)) as i64
    }
}
