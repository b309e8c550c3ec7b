//! The rolling update: one step (controllers.md 3, "RollingUpdate step").

use super::Rollout;

impl Rollout<'_> {
    /// One step: create or grow the new ReplicaSet, else shrink old ones.
    pub(super) fn roll(&mut self) {
        if self.new.is_none() {
            let size = self.room_for_new(0);
            self.ensure_new(size);
        } else if self.grow_new() {
            return;
        }
        self.shrink_old();
    }

    /// How large the new ReplicaSet may be: what it has, grown into the surge.
    fn room_for_new(&self, size: u32) -> u32 {
        let room = self.max_replicas().saturating_sub(self.total());
        size + room.min(self.spec.replicas.saturating_sub(size))
    }

    fn grow_new(&mut self) -> bool {
        let Some(new) = &self.new else { return false };
        let size = if new.size > self.spec.replicas { self.spec.replicas } else { self.room_for_new(new.size) };
        self.resize_new(size)
    }

    /// Shrinks old ReplicaSets as far as availability allows: unhealthy pods first, then healthy ones.
    fn shrink_old(&mut self) {
        let (_, unavailable) = self.surge_and_unavailable();
        let min_available = self.spec.replicas.saturating_sub(unavailable);
        let (new_size, new_available) = self.new.as_ref().map_or((0, 0), |new| (new.size, new.status.available));
        let new_unavailable = new_size.saturating_sub(new_available);
        let max_down = i64::from(self.total()) - i64::from(min_available) - i64::from(new_unavailable);
        if max_down <= 0 || self.old.iter().all(|member| member.size == 0) {
            return;
        }
        self.shrink_unhealthy(max_down as u32);
        let available = self.available();
        self.shrink_healthy(available.saturating_sub(min_available));
    }

    fn shrink_unhealthy(&mut self, max_down: u32) {
        let mut left = max_down;
        for index in 0..self.old.len() {
            let member = &self.old[index];
            let unhealthy = member.size.saturating_sub(member.status.available).min(left);
            left -= unhealthy;
            self.resize_old(index, member.size - unhealthy);
        }
    }

    fn shrink_healthy(&mut self, max_down: u32) {
        let mut left = max_down;
        for index in 0..self.old.len() {
            let size = self.old[index].size;
            let down = size.min(left);
            left -= down;
            self.resize_old(index, size - down);
        }
    }
}
