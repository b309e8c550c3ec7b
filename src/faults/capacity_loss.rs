//! `capacity-loss`: a noisy neighbour or broken hardware leaves less to allocate. What runs, runs on.

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Only a share of the cpu and memory of the nodes can be allocated.
#[derive(Clone, Copy, Debug)]
pub struct CapacityLoss {
    /// Thousandths that are left.
    pub left_milli: u32,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "capacity-loss",
    about: "only a share of the nodes' cpu and memory can be allocated; what runs there stays",
    hits: About::Nodes,
    chaos: |making| Rc::new(CapacityLoss { left_milli: making.stream.below(900) as u32 }),
};

impl Plan for CapacityLoss {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let reduced = Condition::Reduced(self.left_milli);
        vec![Step::now(Effect::Node(reduced, strike.nodes.to_vec()), strike.lasts)]
    }
}
