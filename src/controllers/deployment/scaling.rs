//! Scaling during a rollout or while paused: in proportion (controllers.md 3).

use std::cmp::Reverse;

use super::Rollout;

/// A ReplicaSet of the rollout: the new one or one of the old.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    New,
    Old(usize),
}

impl Rollout<'_> {
    /// Whether `spec.replicas` changed since the sizes were set: some active ReplicaSet says so.
    pub(super) fn was_scaled(&self) -> bool {
        let replicas = self.spec.replicas;
        self.members()
            .filter(|member| member.size > 0)
            .any(|member| member.desired_annotation.is_some_and(|desired| desired != replicas))
    }

    /// Distributes the wanted size over the ReplicaSets.
    pub(super) fn scale_proportionally(&mut self) {
        let replicas = self.spec.replicas;
        if let Some(only) = self.active_or_latest() {
            self.resize(only, replicas);
        } else if self.new_is_saturated() {
            for index in 0..self.old.len() {
                self.resize_old(index, 0);
            }
        } else if self.is_rolling() {
            self.distribute();
        }
    }

    fn is_rolling(&self) -> bool {
        matches!(self.spec.strategy, crate::cluster::Strategy::RollingUpdate { .. })
    }

    fn resize(&mut self, which: Which, size: u32) {
        match which {
            Which::New => self.resize_new(size),
            Which::Old(index) => self.resize_old(index, size),
        };
    }

    fn active(&self) -> Vec<Which> {
        let old = (0..self.old.len()).filter(|index| self.old[*index].size > 0).map(Which::Old);
        let new = self.new.as_ref().filter(|new| new.size > 0).map(|_| Which::New);
        old.chain(new).collect()
    }

    /// The only active ReplicaSet, or the newest if none is active.
    fn active_or_latest(&self) -> Option<Which> {
        match self.active()[..] {
            [] if self.new.is_some() => Some(Which::New),
            [] => self.old.len().checked_sub(1).map(Which::Old),
            [only] => Some(only),
            _ => None,
        }
    }

    fn new_is_saturated(&self) -> bool {
        let replicas = self.spec.replicas;
        self.new.as_ref().is_some_and(|new| {
            new.size == replicas && new.desired_annotation == Some(replicas) && new.status.available == replicas
        })
    }

    fn size(&self, which: Which) -> (u32, Option<u32>) {
        let member = match which {
            Which::New => self.new.as_ref(),
            Which::Old(index) => self.old.get(index),
        };
        member.map_or((0, None), |member| (member.size, member.max_annotation))
    }

    /// Adds to or takes from each active ReplicaSet its share; what rounding leaves goes to the largest.
    fn distribute(&mut self) {
        let allowed = if self.spec.replicas > 0 { self.max_replicas() } else { 0 };
        let mut active = self.active();
        let to_add = i64::from(allowed) - i64::from(self.total());
        // `active` runs from old to new; equal sizes: newer first when growing, older first when shrinking
        if to_add > 0 {
            active.reverse();
        }
        active.sort_by_key(|which| Reverse(self.size(*which).0));
        let mut added = 0;
        let mut sizes: Vec<(Which, i64)> = Vec::new();
        for which in active {
            let (size, max_annotation) = self.size(which);
            let share = if to_add == 0 { 0 } else { self.share(size, max_annotation, to_add - added) };
            sizes.push((which, i64::from(size) + share));
            added += share;
        }
        if let Some((_, largest)) = sizes.first_mut() {
            *largest = (*largest + to_add - added).max(0);
        }
        for (which, size) in sizes {
            self.resize(which, size.max(0) as u32);
        }
    }

    /// The share of one ReplicaSet, at most what is `left`.
    fn share(&self, size: u32, max_annotation: Option<u32>, left: i64) -> i64 {
        let fraction = if self.spec.replicas == 0 {
            -i64::from(size)
        } else {
            let annotated = max_annotation.filter(|max| *max > 0).unwrap_or(self.spec.status.replicas.max(1));
            let scaled = f64::from(size) * f64::from(self.max_replicas()) / f64::from(annotated);
            scaled.round() as i64 - i64::from(size)
        };
        if left > 0 { fraction.min(left) } else { fraction.max(left) }
    }
}
