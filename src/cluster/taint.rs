//! Taints and tolerations (reference: scheduler.md 3.2).

use crate::engine::{Span, Time};

use super::names::{Name, Names};

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// New pods are kept away.
    NoSchedule,
    /// New pods are kept away if possible.
    PreferNoSchedule,
    /// New pods are kept away and running ones evicted.
    NoExecute,
}

impl Effect {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::NoSchedule => "NoSchedule",
            Effect::PreferNoSchedule => "PreferNoSchedule",
            Effect::NoExecute => "NoExecute",
        }
    }
}

/// A taint on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taint {
    /// The key.
    pub key: Name,
    /// The value; the empty name for none.
    pub value: Name,
    /// The effect.
    pub effect: Effect,
    /// When it was added.
    pub added_at: Time,
}

/// How a toleration compares values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TolerationOperator {
    /// The values are equal.
    Equal,
    /// Any value.
    Exists,
}

/// A pod's willingness to bear taints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// The taint's key; `None` matches every key.
    pub key: Option<Name>,
    /// The comparison.
    pub operator: TolerationOperator,
    /// The value for [`TolerationOperator::Equal`].
    pub value: Name,
    /// The effect; `None` matches every effect.
    pub effect: Option<Effect>,
    /// For NoExecute: how long the taint is borne; `None` for ever.
    pub seconds: Option<Span>,
}

impl Toleration {
    /// Whether this toleration covers `taint`.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.is_none_or(|key| key == taint.key)
            && (self.operator == TolerationOperator::Exists || self.value == taint.value)
    }
}

/// Text of a taint as `kubectl` shows it: `key=value:Effect`, or `key:Effect` without a value.
pub fn taint_text(taint: &Taint, names: &Names) -> String {
    let (key, value) = (names.text(taint.key), names.text(taint.value));
    let effect = taint.effect.as_str();
    if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") }
}
