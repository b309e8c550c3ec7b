//! `container-crash`: main containers end with a failure; their kubelets start them again (nodes.md 9.4).

use std::rc::Rc;

use super::{About, Effect, Entry, Plan, Step, Strike};

/// The main containers of pods end with a failure.
#[derive(Clone, Copy, Debug)]
pub struct ContainerCrash;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "container-crash",
    about: "containers end with a failure; the kubelet starts them again, with back-off",
    hits: About::Pods,
    chaos: |_| Rc::new(ContainerCrash),
};

impl Plan for ContainerCrash {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::CrashContainers(strike.pods.to_vec()), None)]
    }
}
