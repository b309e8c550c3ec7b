//! `slow-node`: a gray failure. Heartbeats survive, work crawls (latencies.md 6).

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Starts and the progress of pods that run for a time take a multiple of their time.
#[derive(Clone, Copy, Debug)]
pub struct SlowNode {
    /// Thousandths of the time a start takes.
    pub start_milli: u32,
    /// Thousandths of the time that work takes.
    pub progress_milli: u32,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "slow-node",
    about: "pods start and progress by a factor slower; heartbeats go on",
    hits: About::Nodes,
    chaos: |making| {
        let milli = 1_500 + making.stream.below(8_500) as u32;
        Rc::new(SlowNode { start_milli: milli, progress_milli: milli })
    },
};

impl Plan for SlowNode {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let SlowNode { start_milli, progress_milli } = *self;
        let slow = Condition::Slow { start_milli, progress_milli };
        vec![Step::now(Effect::Node(slow, strike.nodes.to_vec()), strike.lasts)]
    }
}
