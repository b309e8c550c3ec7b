//! How pods leave: the mark, the finalizer, the removal.
//!
//! ```text
//! mark ─ grace 0, bound nowhere, ended ─► removed, or, while held, condemned ─ release ─► removed
//!   └── else Terminating ─ the kubelet confirms ─► removed, or condemned …
//! ```

use crate::engine::Span;

use super::Cluster;
use super::change::Change;
use super::ids::PodId;
use super::pod::{Deletion, Phase};

impl Cluster {
    /// Marks the pod for deletion with `grace`. A pod that is bound nowhere or has ended goes at once,
    /// as does one with a grace of zero; a second mark may shorten the grace, never lengthen it.
    pub fn mark(&mut self, id: PodId, grace: Span) {
        let at = self.now;
        let pod = self.pod_mut(id);
        if !pod.bound || pod.phase.is_terminal() || grace == Span::ZERO {
            self.remove_pod(id);
            return;
        }
        match &mut pod.deletion {
            Some(deletion) if deletion.grace <= grace => (),
            Some(deletion) => {
                deletion.grace = grace;
                self.emit(Change::PodMarked(id));
            }
            None => {
                self.count(id, |pod| pod.deletion = Some(Deletion { at, grace }));
                self.emit(Change::PodMarked(id));
            }
        }
    }

    /// Takes the finalizer off; if nothing else held the object, it goes.
    pub fn release_pod(&mut self, id: PodId) {
        let pod = self.pod_mut(id);
        pod.held = false;
        if pod.condemned {
            self.remove_pod(id);
        }
    }

    /// Nothing but its finalizer keeps the object from now on.
    fn condemn(&mut self, id: PodId) {
        let pod = self.pod_mut(id);
        pod.condemned = true;
        self.note_deletion(id);
    }

    /// A deletion without grace is seen as a mark, too, before the object goes.
    fn note_deletion(&mut self, id: PodId) {
        let at = self.now;
        if self.pod_mut(id).deletion.is_none() {
            self.count(id, |pod| pod.deletion = Some(Deletion { at, grace: Span::ZERO }));
            self.emit(Change::PodMarked(id));
        }
    }

    /// Removes the pod object, or, while a finalizer holds it, sees to it that it goes with that. It can
    /// be read until [`Cluster::bury`].
    pub fn remove_pod(&mut self, id: PodId) {
        if !self.pod_exists(id) {
            return;
        }
        if self.pod_mut(id).held {
            self.condemn(id);
            return;
        }
        let pod = self.pod_mut(id);
        let (node, holds, owner) = (pod.node, pod.holds_resources(), pod.owner);
        if pod.phase == Phase::Failed {
            self.count_failure_in_group(id, -1);
        }
        let pod = self.pod_mut(id);
        let was_active = pod.is_active();
        self.remove_work(id, was_active);
        if let Some(node) = node {
            if holds {
                self.charge(id, node, -1);
            }
            self.displace(id, node);
        }
        if let Some(owner) = owner {
            self.disown(owner, id);
        }
        self.pods.removed.push(id);
        self.emit(Change::PodRemoved(id));
    }

    /// Lets go of removed pods and objects; called once everybody has been told.
    pub fn bury(&mut self) {
        for id in std::mem::take(&mut self.pods.removed) {
            self.pods.free(id);
        }
        self.removed_objects.clear();
    }

    /// Takes the owner off a pod.
    pub(super) fn orphan_pod(&mut self, id: PodId) {
        if let Some(owner) = self.pod_mut(id).owner {
            self.disown(owner, id);
            let pod = self.pod_mut(id);
            pod.owner = None;
            pod.held = false;
        }
    }
}
