//! ResourceQuota and LimitRange: what admission asks of new pods (controllers.md 12).

use super::names::Name;

/// A resource a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaResource {
    /// `pods`, `count/pods`.
    Pods,
    /// `cpu`, `requests.cpu`, in thousandths.
    RequestsCpu,
    /// `memory`, `requests.memory`.
    RequestsMemory,
    /// `requests.ephemeral-storage`.
    RequestsStorage,
    /// `limits.cpu`, in thousandths.
    LimitsCpu,
    /// `limits.memory`.
    LimitsMemory,
    /// `limits.ephemeral-storage`.
    LimitsStorage,
    /// `requests.<extended resource>`.
    Extended(Name),
}

/// One line of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaLine {
    /// The resource as written.
    pub name: Name,
    /// What it is.
    pub resource: QuotaResource,
    /// `spec.hard`.
    pub hard: i64,
    /// `status.used`.
    pub used: i64,
}

/// A ResourceQuota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceQuota {
    /// Its lines, in order of name.
    pub lines: Vec<QuotaLine>,
    /// Whether the controller has written `status.hard`; before, nothing is limited.
    pub observed: bool,
}

/// What a line of a LimitRange is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// Each container.
    Container,
    /// The sum over a pod's containers.
    Pod,
}

/// The resources a LimitRange can speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitResource {
    /// `cpu`, in thousandths.
    Cpu,
    /// `memory`.
    Memory,
    /// `ephemeral-storage`.
    Storage,
}

/// What a LimitRange says about one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitLine {
    /// Containers or pods.
    pub scope: LimitScope,
    /// The resource.
    pub resource: LimitResource,
    /// `default`: the limit of a container without one.
    pub default: Option<i64>,
    /// `defaultRequest`: the request of a container without one.
    pub default_request: Option<i64>,
    /// `min`.
    pub min: Option<i64>,
    /// `max`.
    pub max: Option<i64>,
}

/// A LimitRange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRange {
    /// What it says, by scope and resource.
    pub lines: Vec<LimitLine>,
}
