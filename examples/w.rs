#[path = "../benches/common/mod.rs"]
mod common;
use sim::simulation::{Silent, Simulation};
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).filter_map(|x| x.parse().ok()).collect();
    let mut s = Simulation::new(common::w(a[0], a[1]), &mut Silent);
    s.run(&mut Silent);
    println!("{} events, {} pods left", s.events_handled(), s.cluster.n_pods());
}
