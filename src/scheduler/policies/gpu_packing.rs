//! GPU packing: occupied devices first, then free devices of occupied nodes, then free nodes.
//!
//! ```text
//! all devices free                     max(33 − n, n),  n the number of devices
//! the pod's n tightest take u free     max(50 − u, 33)
//! none of them entirely free           max(100 − int(Σ int(g · 100/1000) / 10), 50),  g free of each
//! ```
//! A pod without GPU scores 0 everywhere. Source: Gandiva (Xiao et al., OSDI 2018) as the FGD artifact has
//! it (reference: fgd.md 5).

use crate::cluster::gpu::DEVICE;

use super::{Ask, Candidate, Policy};

/// The policy.
pub struct GpuPacking;

impl Policy for GpuPacking {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let Some(devices) = ask.gpu.and_then(|gpu| node.gpus.tightest(gpu)) else { return 0 };
        let whole = |free: &u16| u32::from(*free) == DEVICE;
        let free = node.gpus.free();
        if free.iter().all(whole) {
            let n = free.len() as i64;
            return n.max(33 - n);
        }
        let untouched = devices.iter().filter(|device| whole(&free[*device])).count() as i64;
        if untouched > 0 {
            return (50 - untouched).max(33);
        }
        let tenths: i64 = devices.iter().map(|device| i64::from(free[device]) * 100 / i64::from(DEVICE)).sum();
        (100 - tenths / 10).max(50)
    }
}
