//! NodeResourcesBalancedAllocation (reference: scheduler.md 4.4).
//!
//! ```text
//! frac_i  = min(1, used_i / alloc_i)         resources with alloc 0 left out
//! std     = two: |f1 - f2| / 2; more: sqrt(Σ (f - mean)² / n); fewer: 0
//! B(used) = trunc((1 - std)·100)
//! score   = 50 + (50 + B(used + pod) - B(used)) / 2
//! ```
//! True requests, not the defaulted ones. A pod that asks for none of the resources skips it.

use smallvec::SmallVec;

use crate::cluster::{Name, Node, NodeId, Resources};
use crate::scheduler::config::{Args, WellKnown};
use crate::scheduler::framework::{Context, Kept, Plugin};

use super::node_resources_fit::amount;

/// The plugin.
pub struct BalancedAllocation {
    resources: Vec<Name>,
    known: WellKnown,
}

impl BalancedAllocation {
    /// An instance.
    pub fn new(args: &Args, known: &WellKnown) -> Self {
        BalancedAllocation { resources: args.balanced_resources.clone(), known: *known }
    }

    /// B(used) of the module's formula.
    fn balance(&self, used: &Resources, asked: Option<&Resources>, node: &Node, pod: &Resources) -> i64 {
        let mut fractions: SmallVec<[f64; 4]> = SmallVec::new();
        for &name in &self.resources {
            let alloc = amount(&self.known, name, &node.spec.allocatable);
            if alloc == 0 || (self.is_scalar(name) && amount(&self.known, name, pod) == 0) {
                continue;
            }
            let asked = asked.map_or(0, |asked| amount(&self.known, name, asked));
            let fraction = (amount(&self.known, name, used) + asked) as f64 / alloc as f64;
            fractions.push(if fraction > 1.0 { 1.0 } else { fraction });
        }
        let deviation = match fractions[..] {
            [a, b] => ((a - b) / 2.0).abs(),
            [] | [_] => 0.0,
            _ => {
                let mean = fractions.iter().sum::<f64>() / fractions.len() as f64;
                let squares: f64 = fractions.iter().map(|fraction| (fraction - mean) * (fraction - mean)).sum();
                (squares / fractions.len() as f64).sqrt()
            }
        };
        ((1.0 - deviation) * 100.0) as i64
    }

    /// Neither cpu, memory nor ephemeral storage: counts only for pods that ask for it.
    fn is_scalar(&self, name: Name) -> bool {
        ![self.known.cpu, self.known.memory, self.known.ephemeral_storage].contains(&name)
    }
}

impl Plugin for BalancedAllocation {
    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        self.resources.iter().any(|name| amount(&self.known, *name, &cx.spec.requests) != 0)
    }

    fn score(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        let pod = &cx.spec.requests;
        let with = self.balance(&node.requested, Some(pod), node, pod);
        let without = self.balance(&node.requested, None, node, pod);
        50 + (50 + with - without) / 2
    }

    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Score
    }
}
