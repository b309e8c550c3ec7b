//! `sequence`: several faults one after another, as one strike.

use std::rc::Rc;

use crate::engine::{Distribution, Span};

use super::{About, Entry, Plan, Step, Strike, Victims};

/// One fault of a sequence.
#[derive(Clone, Debug)]
pub struct Member {
    /// How long after the strike.
    pub after: Span,
    /// What happens.
    pub plan: Rc<dyn Plan>,
    /// Whom it hits, as matched when the sequence strikes.
    pub victims: Victims,
    /// How long it lasts.
    pub lasts: Option<Distribution>,
}

/// Faults that follow one another.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The faults.
    pub members: Vec<Member>,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "sequence",
    about: "several faults, each some time after the first",
    hits: About::ControlPlane,
    chaos: None,
};

impl Plan for Sequence {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs_victims(&self) -> bool {
        false
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        for member in &self.members {
            let (nodes, pods) = member.victims.choose(strike.cluster, strike.stream);
            let lasts = member.lasts.as_ref().map(|lasts| lasts.sample(strike.stream));
            let mut part =
                Strike { nodes: &nodes, pods: &pods, lasts, stream: &mut *strike.stream, cluster: strike.cluster };
            let verb = Some(member.plan.name());
            let later = |step: Step| Step { after: step.after + member.after, verb, ..step };
            steps.extend(member.plan.steps(&mut part).into_iter().map(later));
        }
        steps
    }
}
