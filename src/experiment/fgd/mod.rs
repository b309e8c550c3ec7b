//! The placement experiment of the FGD paper (Weng et al., USENIX ATC 2023) on Alibaba's openb trace, as its
//! artifact runs it (reference: fgd.md).
//!
//! Pods arrive one by one at an empty cluster of 1213 nodes with 6212 GPUs; each is tried once, and dropped if
//! it fits nowhere. After each arrival the GPU allocation and the fragmentation are recorded against the
//! demand that has arrived, and averaged over whole per cents of arrived demand ([`curves`]). Ten seeds give ten
//! orders of arrival; on equal scores the node that stands first in the seed's order of nodes wins.
//!
//! `sim compare scenarios/fgd-openb.yaml --set data=PATH` makes the whole table, and [`table`] holds it against the
//! published one.

mod cell;
pub mod curves;
pub mod openb;
pub mod published;
pub mod table;

pub use cell::cell;

use crate::cluster::fragmentation::TypicalPods;
use crate::engine::Seed;
use crate::experiment::board::{Board, Machine};
use crate::scheduler::policies::fgd::Fgd;
use crate::scheduler::policies::gpu_leftovers::GpuLeftovers;
use crate::scheduler::policies::{self, Chosen, Policy};

use curves::{Curves, Recorder};
use openb::Openb;

/// The policies of the paper: its name, ours.
pub const POLICIES: [(&str, &str); 6] = [
    ("Random", "gpu-random"),
    ("DotProd", "gpu-dot-product"),
    ("GpuClustering", "gpu-clustering"),
    ("GpuPacking", "gpu-packing"),
    ("BestFit", "gpu-best-fit"),
    ("FGD", "fgd"),
];

/// One run: a workload's pods in the order of a seed, under a policy by its name. `draw` numbers independent
/// repetitions of policies that draw lots; others give the same curves for each.
///
/// # Panics
/// If there is no such policy or seed.
pub fn run(openb: &Openb, policy: &str, seed: u64, draw: u64) -> Curves {
    let Some(entry) = policies::find(policy) else { panic!("no policy is called {policy}") };
    run_chosen(openb, &Chosen::Listed(entry), seed, draw)
}

/// The same under a policy that may come from a scenario.
///
/// # Panics
/// If there is no such seed.
pub fn run_chosen(openb: &Openb, policy: &Chosen, seed: u64, draw: u64) -> Curves {
    let mut policy: Box<dyn Policy> = match policy {
        // typical pods are known in advance here, as in the paper
        Chosen::Listed(entry) if entry.name == "fgd" => Box::new(Fgd::new(openb.typical.clone())),
        Chosen::Listed(entry) if entry.name == "gpu-leftovers" => Box::new(GpuLeftovers::new(openb.typical.clone())),
        chosen => chosen.build(),
    };
    run_with(openb, policy.as_mut(), seed, draw)
}

/// The same with a policy of one's own.
///
/// # Panics
/// If there is no such seed.
pub fn run_with(openb: &Openb, policy: &mut dyn Policy, seed: u64, draw: u64) -> Curves {
    let Some(order) = openb.orders.iter().find(|order| order.seed == seed) else { panic!("no seed {seed}") };
    let machines: Vec<Machine> = order.nodes.iter().map(|node| openb.machines[*node].clone()).collect();
    let mut fragments = Fragments::new(&openb.typical, &machines);
    let mut board = Board::new(machines, openb.shapes.clone());
    let mut recorder = Recorder::new(openb.gpus);
    let mut stream = Seed(seed).stream("policy", draw);
    for &pod in &order.arrivals {
        let shape = openb.pods[pod];
        let asked = openb.shapes[shape].gpu_milli();
        let node = board.place(shape, policy, &mut stream);
        if let Some(node) = node {
            fragments.update(node, &board.machines()[node]);
        }
        recorder.record(asked, node.is_some(), fragments.total);
    }
    recorder.curves()
}

/// The cluster's fragmentation, node by node.
struct Fragments<'a> {
    typical: &'a TypicalPods,
    of_node: Vec<i64>,
    /// Thousandths of devices times the number of pods covered.
    sum: i64,
    /// Thousandths of devices.
    total: f64,
}

impl<'a> Fragments<'a> {
    fn new(typical: &'a TypicalPods, machines: &[Machine]) -> Self {
        let of_node: Vec<i64> =
            machines.iter().map(|machine| typical.fragment(machine.cpu.free, &machine.gpus)).collect();
        let sum = of_node.iter().sum();
        Fragments { typical, of_node, sum, total: sum as f64 / typical.covered() as f64 }
    }

    fn update(&mut self, node: usize, machine: &Machine) {
        let now = self.typical.fragment(machine.cpu.free, &machine.gpus);
        self.sum += now - std::mem::replace(&mut self.of_node[node], now);
        self.total = self.sum as f64 / self.typical.covered() as f64;
    }
}
