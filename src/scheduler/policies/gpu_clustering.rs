//! GPU clustering: pods that ask for the same number of GPUs share nodes.
//!
//! ```text
//! score = b + int(25 · (8000 − G) / 8000),  G the idle thousandths of the node
//! b     = 75 only pods of the pod's class · 50 its class and others · 25 no GPU pod yet · 0 only others
//! ```
//! Classes are shares, 1, 2, 4 and 8 devices. A pod without GPU scores 0 everywhere. Source: the affinity of
//! Gandiva (Xiao et al., OSDI 2018) as the FGD artifact has it (reference: fgd.md 5).

use super::{Ask, Candidate, Policy};

/// The policy.
pub struct GpuClustering;

const MOST: i64 = 8000;

impl Policy for GpuClustering {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let Some(gpu) = ask.gpu else { return 0 };
        let class = gpu.class();
        let has = |of: usize| node.gpus.classes()[of] > 0;
        let others = (0..node.gpus.classes().len()).any(|other| other != class && has(other));
        let base = match (has(class), others) {
            (true, false) => 75,
            (true, true) => 50,
            (false, false) => 25,
            (false, true) => 0,
        };
        base + 25 * (MOST - node.gpus.total_free()) / MOST
    }
}
