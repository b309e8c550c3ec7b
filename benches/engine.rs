//! The event queue under the hold model: pop the earliest event, push it again a random while later,
//! with 1 k, 100 k and 1 M events pending; and with 100 that come back within a second beside 8 k that come back within
//! months, as with the next failures of a thousand nodes. The queue's own structure is compared with what it could have
//! been.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dary_heap::QuaternaryHeap;
use sim::engine::{Class, EventQueue, Seed, Span, Stream, Time};

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
            let mut stream = Seed(1).stream("hold", 0);
            let mut heap: BinaryHeap<Reverse<(u64, u64, Payload)>> = BinaryHeap::new();
            heap.extend(events(size).map(|event| Reverse((delay(&mut stream, event), event[0], event))));
            let mut sequence = heap.len() as u64;
            b.iter(|| {
                if let Some(Reverse((time, _, event))) = heap.pop() {
                    sequence += 1;
                    heap.push(Reverse((time + delay(&mut stream, event), sequence, black_box(event))));
                }
            });
        });
        group.bench_with_input(label("4-ary heap (time, sequence, payload)"), &size, |b, &size| {
            let mut stream = Seed(1).stream("hold", 0);
            let mut heap: QuaternaryHeap<Reverse<(u64, u64, Payload)>> = QuaternaryHeap::new();
            heap.extend(events(size).map(|event| Reverse((delay(&mut stream, event), event[0], event))));
            let mut sequence = heap.len() as u64;
            b.iter(|| {
                if let Some(Reverse((time, _, event))) = heap.pop() {
                    sequence += 1;
                    heap.push(Reverse((time + delay(&mut stream, event), sequence, black_box(event))));
                }
            });
        });
        group.bench_with_input(label("std BTreeMap"), &size, |b, &size| {
            let mut stream = Seed(1).stream("hold", 0);
            let mut map: BTreeMap<(u64, u64), Payload> =
                events(size).map(|event| ((delay(&mut stream, event), event[0]), event)).collect();
            let mut sequence = map.len() as u64;
            b.iter(|| {
                if let Some(((time, _), event)) = map.pop_first() {
                    sequence += 1;
                    map.insert((time + delay(&mut stream, event), sequence), black_box(event));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, event_queue);
criterion_main!(benches);
