//! Whole runs of the workload W with the whole model: arrivals, queue, filters and scores, binding,
//! kubelets, ends, garbage collection.

mod common;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sim::simulation::{Silent, Simulation};

fn whole_runs(c: &mut Criterion) {
    let mut group = c.benchmark_group("run");
    group.sample_size(10);
    for &(name, nodes, pods) in &common::SIZES[..4] {
        group.bench_function(BenchmarkId::new(name, format!("{nodes} nodes, {pods} pods")), |b| {
            b.iter(|| {
                let mut simulation = Simulation::new(common::w(nodes, pods), &mut Silent);
                simulation.run(&mut Silent);
                simulation.events_handled()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, whole_runs);
criterion_main!(benches);
