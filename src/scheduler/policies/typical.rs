//! What a policy knows of the pods that usually come: told at the start, or learned from the pods it places.
//!
//! In an experiment the typical pods are those of the whole pod list, as in the FGD paper. In a simulation, where
//! the future is not known, they are those of all pods placed so far.

use crate::cluster::fragmentation::{Histogram, TypicalPods};

use super::Ask;

/// Typical pods, known or learned.
#[derive(Default)]
pub(super) struct Knowledge {
    typical: TypicalPods,
    /// Shapes seen so far, if it learns.
    seen: Option<Histogram>,
}

/// When learning, the typical pods are recomputed whenever the number of pods seen reaches a power of two, or a
/// multiple of this.
const RELEARN: i64 = 256;

impl Knowledge {
    /// Known from the start, for good.
    pub(super) fn told(typical: TypicalPods) -> Self {
        Knowledge { typical, seen: None }
    }

    /// Nothing yet.
    pub(super) fn learning() -> Self {
        Knowledge { typical: TypicalPods::default(), seen: Some(Histogram::default()) }
    }

    /// The typical pods as far as they are known.
    pub(super) fn typical(&self) -> &TypicalPods {
        &self.typical
    }

    /// Whether they may change.
    pub(super) fn learns(&self) -> bool {
        self.seen.is_some()
    }

    /// A pod was placed. Says whether the typical pods were recomputed.
    pub(super) fn placed(&mut self, ask: &Ask<'_>) -> bool {
        let Some(seen) = &mut self.seen else { return false };
        seen.count(ask.cpu, ask.gpu);
        let n = seen.pods();
        let due = n % RELEARN == 0 || n.count_ones() == 1;
        if due {
            self.typical = seen.typical(|model| model.0);
        }
        due
    }
}
