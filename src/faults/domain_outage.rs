//! `domain-outage`: everything in a rack, zone or power domain fails at once. Which domain is a matter of
//! the victims: all nodes with one value of a topology label.

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// All nodes of a domain lose power, or their network.
#[derive(Clone, Copy, Debug)]
pub struct DomainOutage {
    /// In how many of a thousand outages only the network goes.
    pub partitions_milli: u32,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "domain-outage",
    about: "all nodes of a rack, zone or power domain lose power, or their network",
    hits: About::Nodes,
    chaos: |_| Rc::new(DomainOutage { partitions_milli: 500 }),
};

impl Plan for DomainOutage {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let network = strike.stream.below(1000) < u64::from(self.partitions_milli);
        let condition = if network { Condition::CutOff } else { Condition::Off };
        vec![Step::now(Effect::Node(condition, strike.nodes.to_vec()), strike.lasts)]
    }
}
