//! What the metrics know of a pod at an instant, in a few bits.

use crate::cluster::{Container, Phase, Pod};

/// Facts about a pod at an instant, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts(pub(crate) u16);

impl Facts {
    /// Seen before.
    pub(crate) const KNOWN: Facts = Facts(1);
    /// No longer in the API.
    pub(crate) const GONE: Facts = Facts(2);
    /// Neither ended nor marked for deletion.
    pub(crate) const ACTIVE: Facts = Facts(4);
    /// Active and Ready in the API.
    pub(crate) const READY: Facts = Facts(8);
    /// Ready, and its containers really are.
    pub(crate) const SERVING: Facts = Facts(16);
    /// Bound to a node.
    pub(crate) const BOUND: Facts = Facts(32);
    /// In phase Pending.
    pub(crate) const PENDING: Facts = Facts(64);
    /// Waits for the scheduler: active, neither bound nor gated.
    pub(crate) const WAITING: Facts = Facts(128);
    /// Ended well.
    pub(crate) const SUCCEEDED: Facts = Facts(256);
    /// Was Ready at some time.
    pub(crate) const EVER_READY: Facts = Facts(512);
    /// Has a part in an open incident.
    pub(crate) const INVOLVED: Facts = Facts(1024);

    /// Whether all of `facts` hold.
    pub(crate) fn has(self, facts: Facts) -> bool {
        self.0 & facts.0 == facts.0
    }

    /// The same and `facts`.
    pub(crate) fn with(self, facts: Facts) -> Facts {
        Facts(self.0 | facts.0)
    }

    /// The same without `facts`.
    pub(crate) fn without(self, facts: Facts) -> Facts {
        Facts(self.0 & !facts.0)
    }

    /// What holds for `pod` now, keeping what is remembered from `before`.
    pub(crate) fn of(pod: &Pod, before: Facts) -> Facts {
        let mut facts = Facts(before.0 & (Facts::EVER_READY.0 | Facts::INVOLVED.0)).with(Facts::KNOWN);
        let mut set = |condition: bool, fact: Facts| facts = if condition { facts.with(fact) } else { facts };
        let active = pod.is_active();
        let ready = active && pod.ready;
        set(active, Facts::ACTIVE);
        set(ready, Facts(Facts::READY.0 | Facts::EVER_READY.0));
        set(ready && pod.container == Container::Ready, Facts::SERVING);
        set(pod.bound, Facts::BOUND);
        set(pod.phase == Phase::Pending, Facts::PENDING);
        set(active && !pod.bound && !pod.gated, Facts::WAITING);
        set(pod.phase == Phase::Succeeded, Facts::SUCCEEDED);
        facts
    }
}
