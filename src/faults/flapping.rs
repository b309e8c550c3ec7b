//! `flapping`: a condition that comes and goes, which grace periods and tolerations are there for.

use std::rc::Rc;

use crate::engine::{Distribution, Span};

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Nodes are down for a time, up for a time, and so on until the length is over.
#[derive(Clone, Debug)]
pub struct Flapping {
    /// What they are in while down: [`Condition::CutOff`], [`Condition::Off`] or [`Condition::NoKubelet`].
    pub condition: Condition,
    /// How long each time.
    pub down: Distribution,
    /// How long between two.
    pub up: Distribution,
    /// How long in all, if the fault does not say.
    pub in_all: Span,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "flapping",
    about: "nodes fall silent and return, again and again",
    hits: About::Nodes,
    chaos: |making| {
        let minute = Span::from_secs(60);
        let condition = if making.stream.below(2) == 0 { Condition::CutOff } else { Condition::NoKubelet };
        let length = Distribution::Uniform(Span::from_secs(5), minute + minute);
        Rc::new(Flapping { condition, down: length.clone(), up: length, in_all: making.lasts })
    },
};

impl Plan for Flapping {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let end = strike.lasts.unwrap_or(self.in_all);
        let (mut steps, mut at) = (Vec::new(), Span::ZERO);
        while at < end {
            let down = self.down.sample(strike.stream).min(end.saturating_sub(at)).max(Span(1));
            let effect = Effect::Node(self.condition, strike.nodes.to_vec());
            steps.push(Step::later(at, Some(down), effect));
            at += down + self.up.sample(strike.stream).max(Span(1));
        }
        steps
    }
}
