//! One run of the workload W, with what it cost: `workload W3 [--naive] [--digest]`, or `workload NODES PODS …`.
//!
//! `--naive` scans all nodes for each decision instead of asking the score cache; `--digest` prints the
//! digest of the run's changes, by which two ways of running are compared. CPU time (user and system)
//! and peak memory are the kernel's own figures, where it gives any.

#[path = "../benches/common/mod.rs"]
#[allow(unreachable_pub)] // the benches need it public
mod common;

use sim::cluster::{Change, Cluster, Record};
use sim::metrics::digest::Digest;
use sim::simulation::{Note, Observer, Silent, Simulation};

/// Hashes every change.
#[derive(Default)]
struct Hashing(Digest);

impl Observer for Hashing {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        self.0.add(change, cluster);
    }

    fn record(&mut self, _: &Record, _: &Cluster) {}

    fn note(&mut self, _: Note, _: &Cluster) {}
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let sizes: Vec<&str> = arguments.iter().map(String::as_str).filter(|text| !text.starts_with("--")).collect();
    let size = match sizes[..] {
        [name] => common::SIZES.iter().find(|(known, ..)| *known == name).map(|(_, nodes, pods)| (*nodes, *pods)),
        [nodes, pods] => nodes.parse().ok().zip(pods.parse().ok()),
        _ => None,
    };
    let Some((nodes, pods)) = size else {
        eprintln!("usage: workload W1…W6 | NODES PODS [--naive] [--digest]");
        std::process::exit(2);
    };
    let mut setup = common::w(nodes, pods);
    setup.scheduler.cached = !has("--naive");
    let mut hashing = Hashing::default();
    let observer: &mut dyn Observer = if has("--digest") { &mut hashing } else { &mut Silent };
    let mut simulation = Simulation::new(setup, observer);
    simulation.run(observer);
    println!("{nodes} nodes, {pods} pods: {} events", simulation.events_handled());
    if has("--digest") {
        println!("digest {:016x} over {} changes", hashing.0.value(), hashing.0.changes());
    }
    print_cost();
}

/// CPU seconds and peak memory of this process, as Linux tells them.
fn print_cost() {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let nanoseconds = read("/proc/self/schedstat").split(' ').next().and_then(|text| text.parse::<u64>().ok());
    let status = read("/proc/self/status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim);
    if let (Some(nanoseconds), Some(peak)) = (nanoseconds, peak) {
        let milliseconds = nanoseconds / 1_000_000;
        println!("CPU {}.{:03} s, peak memory {peak}", milliseconds / 1000, milliseconds % 1000);
    }
}
