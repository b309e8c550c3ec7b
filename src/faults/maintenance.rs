//! `maintenance`: cordon, drain, reboot, uncordon, as an operator plans it (latencies.md 6).

use std::rc::Rc;

use crate::engine::Span;

use super::{About, Condition, Deed, Effect, Entry, Plan, Step, Strike};

/// The nodes are drained, go off after the time left for that, and are uncordoned once they are Ready again and
/// without the taints of nodes that are not.
#[derive(Clone, Copy, Debug)]
pub struct Maintenance {
    /// How long the drain may take before the machine goes off.
    pub drain: Span,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "maintenance",
    about: "nodes are cordoned and drained, go off for the length, boot, and are uncordoned when Ready",
    hits: About::Nodes,
    chaos: |making| Rc::new(Maintenance { drain: making.prelude(Span::from_secs(120)) }),
};

impl Plan for Maintenance {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn is_planned(&self) -> bool {
        true
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let nodes = || strike.nodes.to_vec();
        let off = strike.lasts.unwrap_or(Span(1));
        vec![
            Step::later(Span::ZERO, None, Effect::Deed(Deed::Drain(None), nodes())),
            Step::later(self.drain, Some(off), Effect::Node(Condition::Off, nodes())),
            Step {
                verb: Some("uncordon"),
                ..Step::later(self.drain + off, None, Effect::Deed(Deed::Uncordon, nodes()))
            },
        ]
    }
}
