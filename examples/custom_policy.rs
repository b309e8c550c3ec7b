//! A placement policy of one's own, run by the command line beside all others.
//!
//! ```text
//! cargo run --release --example custom_policy -- compare scenarios/my-policy.yaml --policy default,mine-in-rust
//! ```
//! The node with the fewest pods of the pod's controller wins; among those, the one with the largest share of free cpu.

use std::process::ExitCode;

use sim::scheduler::policies::{Ask, Candidate, Entry, Policy};

struct Apart;

impl Policy for Apart {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let free = (node.cpu.free - ask.cpu) * 1_000_000 / node.cpu.capacity.max(1);
        free - 10_000_000 * node.pods_of_group
    }
}

const ENTRY: Entry =
    Entry { name: "mine-in-rust", about: "a controller's pods apart, then free cpu", build: || Box::new(Apart) };

fn main() -> ExitCode {
    sim::cli::run_with(std::env::args_os(), &[ENTRY])
}
