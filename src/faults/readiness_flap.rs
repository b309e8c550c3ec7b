//! `readiness-flap`: readiness checks fail for a while though the containers run.

use std::rc::Rc;

use super::{About, Effect, Entry, Plan, PodCondition, Step, Strike};

/// Pods do not pass their readiness check.
#[derive(Clone, Copy, Debug)]
pub struct ReadinessFlap;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "readiness-flap",
    about: "pods do not pass their readiness check for a while; their containers run on",
    hits: About::Pods,
    chaos: |_| Rc::new(ReadinessFlap),
};

impl Plan for ReadinessFlap {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::Pod(PodCondition::Unready, strike.pods.to_vec()), strike.lasts)]
    }
}
