//! The activeQ: pods ready to be tried, a heap for each tenant. There is one tenant only, unless tenants take
//! turns by their share.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::cluster::PodId;
use crate::engine::Time;

/// Rank, priority, timestamp, sequence, ticket, pod: the smallest is tried first.
pub(super) type Key = (u64, Reverse<i32>, Time, u64, u64, PodId);

/// Heaps by tenant, in the order in which tenants were first met.
#[derive(Debug, Default)]
pub(super) struct Active(Vec<(u32, BinaryHeap<Reverse<Key>>)>);

impl Active {
    /// Adds a pod of a tenant.
    pub(super) fn push(&mut self, tenant: u32, key: Key) {
        match self.0.iter_mut().find(|(known, _)| *known == tenant) {
            Some((_, heap)) => heap.push(Reverse(key)),
            None => self.0.push((tenant, BinaryHeap::from([Reverse(key)]))),
        }
    }

    /// Whether nothing is in it, left-overs included.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, heap)| heap.is_empty())
    }

    /// Drops heads that are left over of pods that went elsewhere.
    pub(super) fn keep_heads(&mut self, valid: impl Fn(PodId, u64) -> bool) {
        for (_, heap) in &mut self.0 {
            while heap.peek().is_some_and(|Reverse((.., ticket, pod))| !valid(*pod, *ticket)) {
                heap.pop();
            }
        }
    }

    /// Takes the first pod of the tenant with the smallest share; among equals of the one whose head is first.
    pub(super) fn pop(&mut self, share: impl Fn(u32) -> i64) -> Option<PodId> {
        let heads = self.0.iter_mut().filter_map(|(tenant, heap)| {
            let Reverse(head) = *heap.peek()?;
            Some(((share(*tenant), head), heap))
        });
        let (_, heap) = heads.min_by_key(|(order, _)| *order)?;
        heap.pop().map(|Reverse((.., pod))| pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_share_goes_first_and_left_overs_are_dropped() {
        let mut active = Active::default();
        let key = |sequence: u64| (0, Reverse(0), Time::ZERO, sequence, sequence, PodId(sequence as u32));
        [(7, 1), (7, 2), (8, 3), (8, 4)].into_iter().for_each(|(tenant, sequence)| active.push(tenant, key(sequence)));
        active.keep_heads(|pod, _| pod != PodId(3));
        assert_eq!(active.pop(|tenant| i64::from(tenant == 7)), Some(PodId(4)));
        assert_eq!(active.pop(|tenant| i64::from(tenant == 8)), Some(PodId(1)));
        assert_eq!(active.pop(|_| 0), Some(PodId(2)));
        assert!(active.is_empty());
    }
}
