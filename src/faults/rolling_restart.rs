//! `rolling-restart`: every victim restarts, one batch after the other.

use std::rc::Rc;

use crate::engine::Span;

use super::{About, Condition, Deed, Effect, Entry, Plan, Step, Strike};

/// Machines restart in batches; between two batches lies an interval, whether the nodes are back or not.
#[derive(Clone, Copy, Debug)]
pub struct RollingRestart {
    /// From one batch to the next.
    pub interval: Span,
    /// Nodes at once.
    pub batch: usize,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "rolling-restart",
    about: "machines restart one after another, an interval apart",
    hits: About::Nodes,
    chaos: |making| {
        let in_all = making.prelude(Span::from_secs(60) * making.most_nodes);
        Rc::new(RollingRestart { interval: Span(in_all.0 / making.most_nodes.max(1)), batch: 1 })
    },
};

impl Plan for RollingRestart {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let batches = strike.nodes.chunks(self.batch.max(1)).enumerate();
        let step = |(index, nodes): (usize, &[crate::cluster::NodeId])| {
            let effect = match strike.lasts {
                None => Effect::Deed(Deed::Reboot, nodes.to_vec()),
                Some(_) => Effect::Node(Condition::Off, nodes.to_vec()),
            };
            Step::later(self.interval * index as u64, strike.lasts, effect)
        };
        batches.map(step).collect()
    }
}
