//! Which controllers hear of which changes, so that those nobody waits for are told to nobody: most changes
//! are of a few frequent kinds, and each concerns a few controllers.

use crate::cluster::Change;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A pod was created.
    Created,
    /// A pod was bound.
    Bound,
    /// A pod's phase changed.
    Phase,
    /// A pod's Ready condition changed.
    Readiness,
    /// A pod was marked for deletion.
    Marked,
    /// A pod is gone.
    Removed,
    /// An object's status changed.
    Status,
    /// A node's taints changed.
    Taints,
    /// What the API does not show or no controller asks for: physics, the scheduler's own bookkeeping.
    Unheard,
    /// Anything else: every controller hears of it.
    Other,
}

impl Topic {
    /// All of them, by number.
    pub const ALL: [Topic; 10] = [
        Topic::Created,
        Topic::Bound,
        Topic::Phase,
        Topic::Readiness,
        Topic::Marked,
        Topic::Removed,
        Topic::Status,
        Topic::Taints,
        Topic::Unheard,
        Topic::Other,
    ];

    /// What a change is about.
    pub fn of(change: Change) -> Topic {
        match change {
            Change::PodCreated(_) => Topic::Created,
            Change::PodBound(_) => Topic::Bound,
            Change::PodPhase { .. } => Topic::Phase,
            Change::PodReady(..) => Topic::Readiness,
            Change::PodMarked(_) => Topic::Marked,
            Change::PodRemoved(_) => Topic::Removed,
            Change::ObjectStatus(_) => Topic::Status,
            Change::NodeTainted(_) => Topic::Taints,
            Change::PodContainer(_)
            | Change::PodRestarted(_)
            | Change::PodAssumed(_)
            | Change::PodForgotten(..)
            | Change::PodNominated(_)
            | Change::PodUnschedulable(_)
            | Change::PodUngated(_)
            | Change::Machine(_)
            | Change::NodePaced(_)
            | Change::NodeImages(_) => Topic::Unheard,
            _ => Topic::Other,
        }
    }
}

/// What happens to the pods of an owner.
pub const PODS_OF_OWNER: &[Topic] = &[Topic::Created, Topic::Phase, Topic::Readiness, Topic::Marked, Topic::Removed];
