//! `node-crash`: the machines lose power; nothing runs, nobody reports (nodes.md 3).

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Machines lose power; with a length they are switched on after it and boot.
#[derive(Clone, Copy, Debug)]
pub struct NodeCrash;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "node-crash",
    about: "machines lose power; with a length they boot again after it",
    hits: About::Nodes,
    chaos: |_| Rc::new(NodeCrash),
};

impl Plan for NodeCrash {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::Node(Condition::Off, strike.nodes.to_vec()), strike.lasts)]
    }
}
