//! PF-1: the outcome of placing and failing is the benchmark's, number by number.

use sim::engine::{Span, Time};
use sim::experiment::place_and_fail::{Outcome, benchmark_hosts, benchmark_tasks, run};

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
