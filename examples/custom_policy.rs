//! A placement policy of one's own: like FGD's best fit, but GPU models kept for pods that insist on them.
//!
//! ```text
//! cargo run --release --example custom_policy -- DATA
//! ```
//! runs it in the experiment of the FGD paper beside FGD itself (DATA as for `results/fgd`). In a simulation:
//! `config.use_policy(&ENTRY)` with `static ENTRY: Entry`, see [`sim::scheduler::policies`].

use sim::experiment::fgd::openb::Openb;
use sim::experiment::fgd::{run, run_with};
use sim::scheduler::policies::{Ask, Candidate, Policy};

struct Considerate;

impl Policy for Considerate {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let asked = ask.gpu.map_or(0, |gpu| gpu.total());
        let left = (node.gpus.total_free() - asked) / 100 + (node.cpu.free - ask.cpu) / 1000;
        let picky = ask.gpu.is_some_and(|gpu| !gpu.models.is_empty());
        let common = node.gpus.len() == 8;
        -left - if !picky && !common { 20 } else { 0 }
    }
}

fn main() -> Result<(), String> {
    let data = std::env::args_os().nth(1).ok_or("usage: custom_policy DATA")?;
    let openb = Openb::read(data.as_ref(), "gpuspec25")?;
    for seed in openb.orders.iter().map(|order| order.seed) {
        let own = run_with(&openb, &mut Considerate, seed, 0).alloc[130];
        println!("seed {seed}: {own:.2} % of GPUs allocated, FGD {:.2} %", run(&openb, "fgd", seed, 0).alloc[130]);
    }
    Ok(())
}
