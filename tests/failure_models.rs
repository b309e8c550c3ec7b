//! The failure models against the figures of the literature that they are made from (latencies.md 6).

use std::collections::BTreeMap;
use std::fmt::Write;

use sim::cluster::{Change, Cluster, Link, NodeId, Power, Record};
use sim::engine::Time;
use sim::scenario;
use sim::simulation::{Note, Observer, Simulation};

const RACKS: u32 = 100;
const NODES: u32 = 4 * RACKS;
const YEARS: u32 = 5;

/// What befalls machines: how many restarts and outages of domains, and how long they are down.
#[derive(Default)]
struct Downs {
    restarts: usize,
    in_domains: usize,
    since: BTreeMap<NodeId, Time>,
    nanos: u128,
}

impl Observer for Downs {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        let Change::Machine(id) = change else { return };
        let Some(node) = cluster.node(id) else { return };
        let is_down = node.machine.power == Power::Off || node.machine.link == Link::Partitioned;
        match (is_down, self.since.get(&id)) {
            (true, None) => drop(self.since.insert(id, cluster.now)),
            (false, Some(since)) => {
                self.nanos += u128::from(cluster.now.since(*since).0);
                self.since.remove(&id);
            }
            _ => (),
        }
    }
    fn record(&mut self, _: &Record, _: &Cluster) {}
    fn note(&mut self, note: Note, _: &Cluster) {
        match note.verb {
            "node-crash" => self.restarts += note.nodes.len(),
            "domain-outage" => self.in_domains += note.nodes.len(),
            _ => (),
        }
    }
}

#[test]
fn the_default_model_fails_as_often_as_published() {
    // 400 nodes in racks of 4, each rack a zone of its own, for 5 years: T = 2000 node-years. Partitions of single
    // nodes, gray failures and kubelets are no down events.
    let mut text = format!("name: m\nduration: {}d\nfaults: [{{ model: datacenter-unplanned }}]\n", 365 * YEARS);
    text += "kubelet: { boot: 0s, kubelet-start: 0s, node-ready: 0s }\ncluster:\n  nodes:\n";
    for rack in 0..RACKS {
        let labels = format!("{{ topology.kubernetes.io/rack: r{rack} }}");
        let _ = writeln!(
            text,
            "    - {{ name: r{rack}, count: 4, capacity: {{ cpu: 4, memory: 8Gi }}, zone: z{rack}, labels: {labels} }}"
        );
    }
    let scenario = scenario::load_text("model.yaml", &text, &[]).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    let mut downs = Downs::default();
    let mut simulation = Simulation::new(scenario::build(&scenario).unwrap(), &mut downs);
    simulation.run(&mut downs);
    let node_years = f64::from(NODES * YEARS);

    // Own restarts: λ = 365/150 = 2.43 a year. Each comes with B others, B = 0 but for a fifth of them, where it is
    // geometric with mean 2: E(1+B) = 1.4, E(1+B)² = 0.8 + 0.2·11 = 3, so 3.41 restarts, and 0.08 of hardware.
    // The number of own ones has the variance λT·c² (c² = 1.83 for a Weibull of shape 0.75), of all λT(3 − 1.96 +
    // 1.83·1.96) = 22500 and 160: deviation 151. The bound is 3.29 deviations (99.9 %): 0.25 a node-year.
    let restarts = downs.restarts as f64 / node_years;
    assert!((restarts - (3.41 + 0.08)).abs() < 0.25, "{restarts} restarts");

    // Racks and zones: 2/3 a year, 4 nodes at once, variance 16 · 333 = 5330. All events: 4.15, published 4.2;
    // deviation √(22700 + 5330) = 167: 0.28 a node-year.
    let events = restarts + downs.in_domains as f64 / node_years;
    assert!((events - 4.15).abs() < 0.28, "{events} events");

    // Hours down a node-year: restarts 3.41 · 0.917, hardware 0.08 · 12.3, racks and zones (2.07 + 2.75)/3, partitions of
    // single nodes 1.83 · 0.058 (90 s, 1.3): 5.82 h of 8760, so 99.93 %. Second moments: restarts 6813 · 18 h²,
    // hardware 160 · 641 h², domains 167 · 16 · (8.1 + 14.4) h²: deviation of the sum √285,000 = 534 h: 0.88 h.
    let hours = downs.nanos as f64 / 3.6e12 / node_years;
    assert!((hours - 5.82).abs() < 0.88, "{hours} h");
}
