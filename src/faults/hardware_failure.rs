//! A machine that breaks for good where machines are rented: the provider gives a fresh one. Only models have it; a
//! scenario writes `spot-interruption` without notice.

use crate::engine::{Distribution, Span};

use super::{Plan, SpotInterruption, Step, Strike};

/// Power goes without notice, the Node object is removed, and a machine like it joins under the same name.
#[derive(Clone, Debug)]
pub struct HardwareFailure {
    /// How long until the other machine joins.
    pub replacement: Distribution,
}

impl Plan for HardwareFailure {
    fn name(&self) -> &'static str {
        "hardware-failure"
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        let replacement = Some(self.replacement.clone());
        SpotInterruption { notice: Span::ZERO, drain: false, replacement }.steps(strike)
    }
}
