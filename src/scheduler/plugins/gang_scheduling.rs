//! GangScheduling: at least `min-count` pods of a group are bound, or none (1.35 alpha; off by default, as in
//! Kubernetes, and on with the queue order `gang`). It takes part in no profile: what it does at PreEnqueue and
//! Permit concerns several pods at once, and stands in `scheduler::permit`.

use crate::scheduler::framework::Plugin;

/// The plugin: only its name in the queue, for pods rejected with their gang.
pub struct GangScheduling;

impl Plugin for GangScheduling {
    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod of its gang is created", "the gang has minCount pods then"),
            ("a pod of its gang is tried again", "the others come along"),
        ]
    }
}
