//! `partition`: nodes and control plane do not hear each other (nodes.md 8). The truth goes on on the
//! nodes, what is known of it goes on in the API.

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// The nodes run on unheard.
#[derive(Clone, Copy, Debug)]
pub struct Partition;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "partition",
    about: "nodes run on, but neither hear nor are heard by the control plane",
    hits: About::Nodes,
    chaos: |_| Rc::new(Partition),
};

impl Plan for Partition {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::Node(Condition::CutOff, strike.nodes.to_vec()), strike.lasts)]
    }
}
