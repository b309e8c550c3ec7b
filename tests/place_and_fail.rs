//! PF-1: the outcome of placing and failing is the benchmark's, number by number.

use sim::engine::{Span, Time};
use sim::experiment::place_and_fail::{Outcome, Task, benchmark_hosts, benchmark_tasks, run};
use sim::simulation::{Silent, Simulation};

fn outcome(events: u64, killed: u64, queue_max: usize, makespan_ms: u64, checksum: u64) -> Outcome {
    let makespan = Time(makespan_ms * 1_000_000);
    Outcome { events, killed, wait: Span::ZERO, queue_max, makespan, checksum }
}

#[test]
fn ten_thousand_tasks() {
    let tasks = benchmark_tasks(10_000);
    assert_eq!(run(&tasks, &benchmark_hosts(false)), outcome(20_000, 0, 1, 3_804_120, 9_024_981_329));
    assert_eq!(run(&tasks, &benchmark_hosts(true)), outcome(20_020, 6, 3, 3_804_120, 9_025_022_251));
}

#[test]
fn a_hundred_thousand_tasks() {
    let tasks = benchmark_tasks(100_000);
    assert_eq!(run(&tasks, &benchmark_hosts(false)), outcome(200_000, 0, 1, 5_571_190, 1_119_982_540_786));
    assert_eq!(run(&tasks, &benchmark_hosts(true)), outcome(200_020, 180, 44, 5_571_190, 1_129_054_252_271));
}

/// The benchmark's scenario for the whole simulator: no delay anywhere, first fit, first in, first out.
const WITHOUT_DELAYS: &str = "name: pf1
duration: 2h
cluster: { nodes: [{ name: h, count: 1000, capacity: { cpu: 32, memory: 128Gi, pods: 100000 } }] }
arrivals: [{ trace: pf1.csv }]
scheduler: { policy: first-fit, queue: fifo }
control-plane:
  kube-scheduler: { kube-api-qps: 1000000, kube-api-burst: 1000000 }
  latencies: { api-write: 0s, watch: 0s, kubelet-watch: 0s, scheduling-cycle: 0s, scheduling-cycle-per-node: 0s }
kubelet: { start: 0s, notice: 0s, volumes: 0s, sandbox: 0s, container-start: 0s, status: 0s, stop: 0s, teardown: 0s }
";

#[test]
fn the_whole_simulator_places_as_the_benchmark_where_nothing_fails() {
    let folder = tempfile::tempdir().unwrap();
    let row = |task: &Task| {
        let (at, duration) = (task.at.as_secs_f64(), task.duration.as_secs_f64());
        format!("{at},{},{},{duration}\n", f64::from(task.cpu) / 1000.0, task.memory)
    };
    let rows: String = benchmark_tasks(10_000).iter().map(row).collect();
    std::fs::write(folder.path().join("pf1.csv"), format!("submit,cpu,memory,duration\n{rows}")).unwrap();
    let path = folder.path().join("pf1.yaml");
    std::fs::write(&path, WITHOUT_DELAYS).unwrap();
    let scenario = sim::scenario::load(&path, &[]).unwrap();
    let mut simulation = Simulation::new(sim::scenario::build(&scenario).unwrap(), &mut Silent);
    simulation.run(&mut Silent);
    let (mut placed, mut wait, mut makespan, mut checksum) = (0, Span::ZERO, Time::ZERO, 0u64);
    for (id, pod) in simulation.cluster.pods() {
        placed += 1;
        wait += pod.bound_at.unwrap().since(pod.created_at);
        makespan = makespan.max(pod.finished_at.unwrap());
        checksum = checksum.wrapping_add((id.0 as u64 + 1) * (u64::from(pod.node.unwrap().0) + 1));
    }
    // the row N = 10 000, F = 0 of the benchmark's table
    let expected = (10_000, Span::ZERO, Time(3_804_120 * 1_000_000), 9_024_981_329);
    assert_eq!((placed, wait, makespan, checksum), expected);
}
