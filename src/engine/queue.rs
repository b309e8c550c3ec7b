//! The event queue: what will happen, in a total order of (time, class, insertion).
//!
//! Keys of 16 bytes over a slab of payloads. What happens soon is in a 4-ary heap, what happens later in unsorted
//! buckets by time, each of which becomes the heap in its turn: so the heap stays small although every node's next
//! failures are pending all year long. `benches/engine.rs` holds the comparison by which this was chosen. Nothing is
//! ever cancelled: an event that no longer applies is recognised as stale and dropped by whoever handles it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dary_heap::QuaternaryHeap;

use super::time::Time;

/// Which events go first at one instant: the world before those who control it, and both before
/// those who only look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Physics: machines, containers, arrivals, faults, an operator's commands.
    World = 0,
    /// The control plane: controllers, scheduler, kubelet decisions.
    Control = 1,
    /// Measurements.
    Observe = 2,
}

const SEQUENCE_BITS: u32 = 34;
const SLOT_BITS: u32 = 26;
const CLASS_SHIFT: u32 = SEQUENCE_BITS + SLOT_BITS;
const TIME_SHIFT: u32 = 64;
/// A bucket spans 2^36 ns, some 69 seconds.
const BUCKET_BITS: u32 = 36;

/// `time:64 | class:4 | sequence:34 | slot:26`; the slot never decides, as sequences differ.
type Key = u128;

/// A priority queue of events that also carries the clock.
///
/// Invariants: [`EventQueue::now`] never goes back; no event is ever pushed into the past; the heap is empty only if
/// nothing is pending.
#[derive(Debug)]
pub struct EventQueue<E> {
    /// What happens up to the end of bucket `bucket`.
    heap: QuaternaryHeap<Reverse<Key>>,
    bucket: u64,
    /// What happens later, by bucket.
    later: BTreeMap<u64, Vec<Reverse<Key>>>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    next_sequence: u64,
    now: Time,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue {
            heap: QuaternaryHeap::new(),
            bucket: 0,
            later: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            next_sequence: 0,
            now: Time::ZERO,
        }
    }
}

impl<E> EventQueue<E> {
    /// An empty queue at time zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// The time of the event handled last.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len() // each pending event has a slot
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Number of events ever pushed.
    pub fn pushed(&self) -> u64 {
        self.next_sequence
    }

    /// Schedules `event` at `time`. An event at [`Time::MAX`] never happens and is not kept.
    ///
    /// # Panics
    /// If `time` lies in the past, or after 2^34 pushes, or with more than 2^26 events pending.
    pub fn push(&mut self, time: Time, class: Class, event: E) {
        if time == Time::MAX {
            return;
        }
        assert!(time >= self.now, "event pushed into the past: {time} is before {}", self.now);
        assert!(self.next_sequence < 1 << SEQUENCE_BITS, "more than 2^{SEQUENCE_BITS} events in one run");
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(event);
                slot
            }
            None => {
                assert!(self.slots.len() < 1 << SLOT_BITS, "more than 2^{SLOT_BITS} events pending");
                self.slots.push(Some(event));
                (self.slots.len() - 1) as u32
            }
        };
        let key = (u128::from(time.0) << TIME_SHIFT)
            | ((class as u128) << CLASS_SHIFT)
            | (u128::from(self.next_sequence) << SLOT_BITS)
            | u128::from(slot);
        self.next_sequence += 1;
        let bucket = time.0 >> BUCKET_BITS;
        if self.heap.is_empty() {
            self.bucket = bucket;
        }
        if bucket <= self.bucket {
            self.heap.push(Reverse(key));
        } else {
            self.later.entry(bucket).or_default().push(Reverse(key));
        }
    }

    /// The time of the next event.
    pub fn peek_time(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(key)| Time((key >> TIME_SHIFT) as u64))
    }

    /// Takes the next event if it happens at or before `until`, and moves the clock to it.
    pub fn pop(&mut self, until: Time) -> Option<E> {
        let time = self.peek_time()?;
        if time > until {
            return None;
        }
        let Reverse(key) = self.heap.pop()?;
        self.now = time;
        if self.heap.is_empty()
            && let Some((bucket, keys)) = self.later.pop_first()
        {
            self.bucket = bucket;
            self.heap = keys.into();
        }
        let slot = (key & ((1 << SLOT_BITS) - 1)) as u32;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// Moves the clock forward to `time` when nothing is left before it.
    ///
    /// # Panics
    /// If an event is pending before `time`, or `time` lies in the past.
    pub fn advance_to(&mut self, time: Time) {
        assert!(time >= self.now, "the clock does not go back");
        assert!(self.peek_time().is_none_or(|next| next >= time), "an event is pending before {time}");
        self.now = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_time_then_class_then_insertion() {
        let mut queue = EventQueue::new();
        queue.push(Time(5), Class::Observe, "e");
        queue.push(Time(5), Class::Control, "c");
        queue.push(Time(5), Class::World, "b");
        queue.push(Time(5), Class::Control, "d");
        queue.push(Time(1), Class::Observe, "a");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(Time::MAX)).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e"]);
        assert_eq!(queue.now(), Time(5));
    }

    #[test]
    fn order_is_the_same_near_and_far() {
        let mut stream = crate::engine::Seed(3).stream("queue", 0);
        let (mut queue, mut all) = (EventQueue::new(), std::collections::BTreeSet::new());
        for number in 0..3000 {
            // within a bucket, over a few of them, and over thousands
            let bits = [10, 33, 38, 48][stream.below(4) as usize];
            let at = queue.now() + crate::engine::Span(stream.below(1 << bits));
            queue.push(at, Class::World, number);
            all.insert((at, number));
            for _ in 0..stream.below(3) {
                assert_eq!(queue.pop(Time::MAX).map(|number| (queue.now(), number)), all.pop_first());
                assert_eq!(queue.len(), all.len());
            }
        }
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop(Time::MAX).map(|number| (queue.now(), number))).collect();
        assert_eq!(rest, all.into_iter().collect::<Vec<_>>());
        assert!(queue.is_empty());
    }

    #[test]
    fn nothing_after_until_is_taken() {
        let mut queue = EventQueue::new();
        queue.push(Time(10), Class::World, ());
        assert_eq!(queue.pop(Time(9)), None);
        assert_eq!(queue.pop(Time(10)), Some(()));
    }

    #[test]
    #[should_panic(expected = "into the past")]
    fn the_past_is_closed() {
        let mut queue = EventQueue::new();
        queue.push(Time(10), Class::World, ());
        queue.pop(Time::MAX);
        queue.push(Time(9), Class::World, ());
    }

    #[test]
    fn never_is_not_kept() {
        let mut queue = EventQueue::new();
        queue.push(Time::MAX, Class::World, ());
        assert!(queue.is_empty());
    }
}
