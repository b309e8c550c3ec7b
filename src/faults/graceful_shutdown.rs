//! `graceful-shutdown`: the kubelet ends its pods before the machine goes off (nodes.md 8).

use std::rc::Rc;

use crate::engine::Span;

use super::{About, Deed, Effect, Entry, Plan, Step, Strike};

/// Graceful node shutdown. Non-critical pods end first, within what the critical part leaves of the period.
#[derive(Clone, Copy, Debug)]
pub struct GracefulShutdown {
    /// `shutdownGracePeriod`.
    pub period: Span,
    /// `shutdownGracePeriodCriticalPods`, the last part of the period.
    pub critical: Span,
}

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "graceful-shutdown",
    about: "kubelets report not Ready, end their pods, and the machines go off; with a length they boot after it",
    hits: About::Nodes,
    chaos: |making| {
        let period = making.prelude(Span::from_secs(30));
        Rc::new(GracefulShutdown { period, critical: Span(period.0 / 3) })
    },
};

impl Plan for GracefulShutdown {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let deed = Deed::ShutDown { period: self.period, critical: self.critical, off: strike.lasts };
        vec![Step::now(Effect::Deed(deed, strike.nodes.to_vec()), None)]
    }
}
