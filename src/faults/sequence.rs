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
    /// Whom it hits, as matched at its own time: by then others run than when the sequence began.
    pub victims: Victims,
    /// How long it lasts.
    pub lasts: Option<Distribution>,
}

/// Faults that follow one another.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The faults.
    pub members: Vec<Rc<Member>>,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "sequence",
    about: "several faults, each some time after the first",
    hits: About::ControlPlane,
    chaos: |making| Rc::new(Sequence { members: making.members.to_vec() }),
};

impl Plan for Sequence {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn needs_victims(&self) -> bool {
        false
    }

    fn steps(&self, _: &mut Strike<'_>) -> Vec<Step> {
        Vec::new()
    }

    fn members(&self) -> &[Rc<Member>] {
        &self.members
    }
}
