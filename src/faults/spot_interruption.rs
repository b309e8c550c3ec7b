//! `spot-interruption`: the provider takes machines back, with notice (latencies.md 4).

use std::rc::Rc;

use crate::engine::{Distribution, Span};

use super::{About, Condition, Deed, Effect, Entry, Plan, Step, Strike};

/// A notice, then power goes; the cloud controller removes the Node objects once they are not Ready (nodes.md 7).
#[derive(Clone, Debug)]
pub struct SpotInterruption {
    /// From the notice to the end: 120 s (AWS), 30 s (GCP, Azure).
    pub notice: Span,
    /// Whether a termination handler drains the nodes on notice.
    pub drain: bool,
    /// How long until a machine like it joins under the same name, or when the Node object is gone if that is later;
    /// `None`: never.
    pub replacement: Option<Distribution>,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "spot-interruption",
    about: "the provider takes machines back after a notice; others may come in their place",
    hits: About::Nodes,
    chaos: |making| {
        let notice = making.prelude(Span::from_secs(120));
        let replacement = Some(Distribution::Uniform(Span::ZERO, making.lasts));
        Rc::new(SpotInterruption { notice, drain: making.stream.below(2) == 0, replacement })
    },
};

impl Plan for SpotInterruption {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let deed = |after, deed| Step::later(after, None, Effect::Deed(deed, strike.nodes.to_vec()));
        let mut steps = Vec::new();
        if self.drain {
            steps.push(deed(Span::ZERO, Deed::Drain(None)));
        }
        let off = Effect::Node(Condition::Off, strike.nodes.to_vec());
        steps.push(Step::later(self.notice, None, off));
        steps.extend(self.replacement.iter().map(|after| deed(self.notice, Deed::Replace(after.clone()))));
        steps.push(deed(self.notice, Deed::Reclaim));
        steps
    }
}
