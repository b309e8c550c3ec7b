//! The event queue under the hold model: pop the earliest event, push it again a random while later,
//! with 1 k, 100 k and 1 M events pending. The queue's own structure is compared with what it could
//! have been.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sim::engine::{Class, EventQueue, Seed, Span, Stream, Time};

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

fn delay(stream: &mut Stream) -> u64 {
    stream.next_u64() >> 34 // up to about a second
}

fn event_queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("hold");
    group.sample_size(20);
    for size in SIZES {
        group.bench_with_input(BenchmarkId::new("EventQueue (4-ary heap, packed keys)", size), &size, |b, &size| {
            let mut stream = Seed(1).stream("hold", 0);
            let mut queue = EventQueue::new();
            for payload in 0..size as u64 {
                queue.push(Time(delay(&mut stream)), Class::World, [payload; 2]);
            }
            b.iter(|| {
                if let Some(event) = queue.pop(Time::MAX) {
                    queue.push(queue.now() + Span(delay(&mut stream)), Class::World, black_box(event));
                }
            });
        });
        group.bench_with_input(
            BenchmarkId::new("std BinaryHeap (time, sequence, payload)", size),
            &size,
            |b, &size| {
                let mut stream = Seed(1).stream("hold", 0);
                let mut heap: BinaryHeap<Reverse<(u64, u64, [u64; 2])>> = BinaryHeap::new();
                let mut sequence = size as u64;
                heap.extend((0..sequence).map(|payload| Reverse((delay(&mut stream), payload, [payload; 2]))));
                b.iter(|| {
                    if let Some(Reverse((time, _, event))) = heap.pop() {
                        sequence += 1;
                        heap.push(Reverse((time + delay(&mut stream), sequence, black_box(event))));
                    }
                });
            },
        );
        group.bench_with_input(BenchmarkId::new("std BTreeMap", size), &size, |b, &size| {
            let mut stream = Seed(1).stream("hold", 0);
            let mut sequence = size as u64;
            let mut map: BTreeMap<(u64, u64), [u64; 2]> =
                (0..sequence).map(|payload| ((delay(&mut stream), payload), [payload; 2])).collect();
            b.iter(|| {
                if let Some(((time, _), event)) = map.pop_first() {
                    sequence += 1;
                    map.insert((time + delay(&mut stream), sequence), black_box(event));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, event_queue);
criterion_main!(benches);
