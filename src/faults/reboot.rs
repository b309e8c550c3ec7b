//! `reboot`: machines restart; pods of before start again in place (nodes.md 8).

use std::rc::Rc;

use super::{About, Condition, Deed, Effect, Entry, Plan, Step, Strike};

/// Machines stop at once and boot; a length is the time without power before the boot.
#[derive(Clone, Copy, Debug)]
pub struct Reboot;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "reboot",
    about: "machines stop at once and boot again; their pods start again in place",
    hits: About::Nodes,
    chaos: |_| Rc::new(Reboot),
};

impl Plan for Reboot {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let nodes = strike.nodes.to_vec();
        match strike.lasts {
            None => vec![Step::now(Effect::Deed(Deed::Reboot, nodes), None)],
            Some(off) => vec![Step::now(Effect::Node(Condition::Off, nodes), Some(off))],
        }
    }
}
