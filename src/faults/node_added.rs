//! `node-added`: capacity that comes, after the time a machine takes to boot (latencies.md 4).

use std::rc::Rc;

use crate::cluster::NodeSpec;
use crate::engine::{Distribution, Span};

use super::{About, Effect, Entry, Plan, Step, Strike};

/// Machines are ordered and join once they have booted, each after a time of its own.
#[derive(Clone, Debug)]
pub struct NodeAdded {
    /// The machines.
    pub nodes: Vec<NodeSpec>,
    /// From the order to the registration.
    pub boot: Distribution,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "node-added",
    about: "new machines are ordered and join once they have booted",
    hits: About::ControlPlane,
    chaos: |making| {
        let nodes = making.machine.into_iter().cloned().collect();
        Rc::new(NodeAdded { nodes, boot: Distribution::Uniform(Span::ZERO, making.lasts) })
    },
};

impl Plan for NodeAdded {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn is_planned(&self) -> bool {
        true
    }

    fn needs_victims(&self) -> bool {
        false
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let join = |spec: &NodeSpec| {
            let after = self.boot.sample(strike.stream);
            Step::later(after, None, Effect::Join(vec![spec.clone()]))
        };
        self.nodes.iter().map(join).collect()
    }
}
