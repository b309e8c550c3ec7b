//! The event queue under the hold model: pop the earliest event, push it again a random while later,
//! with 1 k, 100 k and 1 M events pending; and with 100 that come back within a second beside 8 k that come back within
//! months, as with the next failures of a thousand nodes. The queue's own structure is compared with what it could have
//! been. And a log-normal delay by its formula and by its table.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hint::black_box;

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use dary_heap::QuaternaryHeap;
use sim::engine::{Class, Distribution, EventQueue, Sampler, Seed, Span, Stream, Time};

/// Events pending that come back within about a second, and such that come back within about 200 days.
const SIZES: [(u64, u64); 4] = [(1_000, 0), (100_000, 0), (1_000_000, 0), (100, 8_000)];

/// An event, and whether it is one of the rare ones.
type Payload = [u64; 2];

fn delay(stream: &mut Stream, event: Payload) -> u64 {
    stream.next_u64() >> if event[1] == 0 { 34 } else { 10 }
}

/// The events that are pending.
fn events((soon, late): (u64, u64)) -> impl Iterator<Item = Payload> {
    (0..soon + late).map(move |number| [number, u64::from(number >= soon)])
}

/// A pending event: its time, its sequence, the event.
type Entry = Reverse<(u64, u64, Payload)>;

/// The hold model on another structure.
fn hold<Q>(
    b: &mut Bencher<'_>,
    size: (u64, u64),
    mut queue: Q,
    pop: impl Fn(&mut Q) -> Option<Entry>,
    push: impl Fn(&mut Q, Entry),
) {
    let mut stream = Seed(1).stream("hold", 0);
    events(size).for_each(|event| push(&mut queue, Reverse((delay(&mut stream, event), event[0], event))));
    let mut sequence = size.0 + size.1;
    b.iter(|| {
        if let Some(Reverse((time, _, event))) = pop(&mut queue) {
            sequence += 1;
            push(&mut queue, Reverse((time + delay(&mut stream, event), sequence, black_box(event))));
        }
    });
}

fn event_queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("hold");
    group.sample_size(20);
    for size in SIZES {
        let label = |name| BenchmarkId::new(name, format!("{} soon, {} late", size.0, size.1));
        group.bench_with_input(label("EventQueue (4-ary heap, packed keys, buckets)"), &size, |b, &size| {
            let mut stream = Seed(1).stream("hold", 0);
            let mut queue = EventQueue::new();
            for event in events(size) {
                queue.push(Time(delay(&mut stream, event)), Class::World, event);
            }
            b.iter(|| {
                if let Some(event) = queue.pop(Time::MAX) {
                    queue.push(queue.now() + Span(delay(&mut stream, event)), Class::World, black_box(event));
                }
            });
        });
        group.bench_with_input(label("std BinaryHeap (time, sequence, payload)"), &size, |b, &size| {
            hold(b, size, BinaryHeap::new(), BinaryHeap::pop, BinaryHeap::push);
        });
        group.bench_with_input(label("4-ary heap (time, sequence, payload)"), &size, |b, &size| {
            hold(b, size, QuaternaryHeap::new(), QuaternaryHeap::pop, QuaternaryHeap::push);
        });
        group.bench_with_input(label("std BTreeSet (time, sequence, payload)"), &size, |b, &size| {
            // the order is reversed, so that the last is the next
            let push = |set: &mut BTreeSet<Entry>, entry| {
                set.insert(entry);
            };
            hold(b, size, BTreeSet::new(), BTreeSet::pop_last, push);
        });
    }
    group.finish();
}

fn delays(c: &mut Criterion) {
    let mut group = c.benchmark_group("log-normal");
    let watch = Distribution::LogNormal { median: Span::from_millis(8), sigma: 0.9 };
    let sampler = Sampler::from(watch.clone());
    let mut stream = Seed(1).stream("delay", 0);
    group.bench_function("formula", |b| b.iter(|| watch.sample(&mut stream)));
    group.bench_function("table", |b| b.iter(|| sampler.sample(&mut stream)));
}

criterion_group!(benches, event_queue, delays);
criterion_main!(benches);
