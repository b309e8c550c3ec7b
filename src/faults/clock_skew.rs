//! `clock-skew`: the clocks of nodes are wrong.
//!
//! An offset changes nothing, as the node controller goes by its own clock from the moment it sees a lease
//! change (nodes.md 3, step 2). A rate does: it stretches or shortens the time between two renewals, and
//! with it the age of the last one when a node falls silent.

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Clocks run slow or fast.
#[derive(Clone, Copy, Debug)]
pub struct ClockSkew {
    /// Thousandths of the time between two renewals of the lease: above 1000 for a slow clock.
    pub rate_milli: u32,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "clock-skew",
    about: "clocks of nodes run at another rate: leases are renewed more rarely or more often",
    hits: About::Nodes,
    chaos: |making| Rc::new(ClockSkew { rate_milli: 500 + making.stream.below(1500) as u32 }),
};

impl Plan for ClockSkew {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let skewed = Condition::Skewed(self.rate_milli);
        vec![Step::now(Effect::Node(skewed, strike.nodes.to_vec()), strike.lasts)]
    }
}
