//! PF-1, the benchmark of placing and failing, at any size: `place_and_fail TASKS [fail]`.

use sim::experiment::place_and_fail::{benchmark_hosts, benchmark_tasks, run};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let n = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    let failing = arguments.next().is_some_and(|word| word == "fail");
    println!("{:#?}", run(&benchmark_tasks(n), &benchmark_hosts(failing)));
}
