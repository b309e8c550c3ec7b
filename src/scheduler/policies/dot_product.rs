//! DotProd of the FGD paper: the smallest product of demand and free room.
//!
//! ```text
//! score = int(100 · (1 − (C/128000 · c/128000 + G/8000 · d/8000) / 2))
//! ```
//! Tetris takes the *largest* product; the artifact compared with inverts it, and so does this. See
//! [`super::tetris`] for the original. Source: the FGD artifact (reference: fgd.md 5).

use super::best_fit::{CPU_MAX, GPU_MAX};
use super::{Ask, Candidate, Policy};

/// The policy.
pub struct DotProduct;

impl Policy for DotProduct {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let asked = ask.gpu.map_or(0, |gpu| gpu.total()) as f64;
        let cpu = node.cpu.free as f64 / CPU_MAX * (ask.cpu as f64 / CPU_MAX);
        let gpu = node.gpus.total_free() as f64 / GPU_MAX * (asked / GPU_MAX);
        (100.0 * (1.0 - (cpu + gpu) / 2.0)) as i64
    }
}
