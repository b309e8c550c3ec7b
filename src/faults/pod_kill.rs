//! `pod-kill`: pods are deleted, as Chaos Mesh and kube-monkey do.

use std::rc::Rc;

use crate::engine::Span;

use super::{About, Effect, Entry, Plan, Step, Strike};

/// Pods are deleted through the API; without grace the object goes at once.
#[derive(Clone, Copy, Debug)]
pub struct PodKill {
    /// Grace period; `None`: the pod's own.
    pub grace: Option<Span>,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "pod-kill",
    about: "pods are deleted through the API",
    hits: About::Pods,
    chaos: |making| {
        let grace = (making.stream.below(2) == 0).then_some(Span::ZERO);
        Rc::new(PodKill { grace })
    },
};

impl Plan for PodKill {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::Kill(strike.pods.to_vec(), self.grace), None)]
    }
}
