//! Gangs under random trouble: none is ever bound in part, unless one of its pods was lost before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proptest::prelude::*;
use sim::cluster::{Change, Cluster, ObjectId, Phase, PodId, Record};
use sim::engine::{Span, Time};
use sim::experiment::{self, Unwatched};
use sim::scenario;
use sim::simulation::{Note, Observer, Setup, Simulation};

use crate::{config, overcommitted};

/// Nodes, gangs, and what happens to them.
#[derive(Clone, Debug)]
struct Case {
    seed: u64,
    nodes: Vec<u32>,
    /// Replicas, minimum, cores, priority, seconds until created.
    gangs: Vec<(u32, u32, u32, u32, u32)>,
    steps: Vec<(u32, &'static str, usize)>,
}

fn case() -> impl Strategy<Value = Case> {
    let nodes = prop::collection::vec(1..5u32, 2..5);
    let gangs = prop::collection::vec((1..6u32, 1..5u32, 1..3u32, 0..3u32, 0..300u32), 1..6);
    let verbs = ["crash", "drain", "delete-node", "cordon", "recover", "uncordon", "add-nodes", "delete", "scale"];
    let steps = prop::collection::vec((1..900u32, prop::sample::select(verbs.to_vec()), 0..6usize), 0..10);
    (any::<u64>(), nodes, gangs, steps).prop_map(|(seed, nodes, gangs, mut steps)| {
        steps.sort_unstable();
        Case { seed, nodes, gangs, steps }
    })
}

impl Case {
    fn text(&self) -> String {
        let mut text = format!(
            "name: gangs\nseed: {}\nduration: 40m\nscheduler: {{ queue: gang, gang-timeout: 20s }}\n",
            self.seed
        );
        text += "cluster:\n  nodes:\n";
        for (index, cores) in self.nodes.iter().enumerate() {
            writeln!(text, "    - {{ name: n-{index}, capacity: {{ cpu: {cores}, memory: 8Gi }} }}").unwrap();
        }
        text += "timeline:\n";
        for (index, (replicas, min, cores, priority, at)) in self.gangs.iter().enumerate() {
            let pod = format!("{{ requests: {{ cpu: {cores} }}, priority: {priority}, min-count: {min} }}");
            writeln!(
                text,
                "  - {{ at: {at}s, create: {{ replica-set: g{index}, replicas: {replicas}, pod: {pod} }} }}"
            )
            .unwrap();
        }
        let (mut gone, mut deleted, mut nodes) = (BTreeSet::new(), BTreeSet::new(), self.nodes.len());
        for (second, verb, number) in &self.steps {
            let at = 300 + second;
            let (node, gang) = (number % nodes, number % self.gangs.len());
            let step = match *verb {
                "add-nodes" => {
                    nodes += 1;
                    format!("add-nodes: {{ name: n-{}, capacity: {{ cpu: 3, memory: 8Gi }} }}", nodes - 1)
                }
                "delete" if deleted.insert(gang) => format!("delete: {{ replica-set: g{gang} }}"),
                "scale" if !deleted.contains(&gang) => format!("scale: {{ replica-set: g{gang}, replicas: {number} }}"),
                "delete" | "scale" => continue,
                _ if gone.contains(&node) => continue,
                verb => {
                    if verb == "delete-node" {
                        gone.insert(node);
                    }
                    format!("{verb}: {{ node: n-{node} }}")
                }
            };
            writeln!(text, "  - {{ at: {at}s, {step} }}").unwrap();
        }
        text
    }

    fn setup(&self) -> Setup {
        let scenario = scenario::load_text("gangs.yaml", &self.text(), &[]).map_err(|wrong| wrong.render(false));
        scenario::build(&scenario.unwrap()).map_err(|wrong| wrong.render(false)).unwrap()
    }
}

/// Which gangs have lost a pod, and who holds room without being bound, since when.
#[derive(Default)]
struct Watch {
    hurt: BTreeSet<ObjectId>,
    reserved: BTreeMap<PodId, Time>,
    wrong: Vec<String>,
}

impl Observer for Watch {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        let owner = |pod: PodId| cluster.pod(pod).and_then(|pod| pod.owner);
        match change {
            Change::PodAssumed(pod) => {
                self.reserved.insert(pod, cluster.now);
            }
            Change::PodForgotten(pod, _) | Change::PodBound(pod) | Change::PodRemoved(pod) => {
                self.reserved.remove(&pod);
            }
            _ => (),
        }
        match change {
            Change::PodMarked(pod) | Change::PodRemoved(pod) | Change::PodPhase { pod, to: Phase::Failed, .. } => {
                let on_a_node = cluster.pod(pod).is_some_and(|pod| pod.node.is_some());
                self.hurt.extend(owner(pod).filter(|_| on_a_node));
            }
            Change::PodBound(pod) => {
                let Some(gang) = owner(pod).filter(|gang| !self.hurt.contains(gang)) else { return };
                let min = cluster.pod(pod).map_or(1, |pod| cluster.spec(pod.spec).min_count) as usize;
                let placed = cluster.pods().filter(|(_, pod)| pod.owner == Some(gang) && pod.node.is_some()).count();
                if placed < min {
                    self.wrong
                        .push(format!("{}: {pod:?} is bound, and only {placed} of {min} are placed", cluster.now));
                }
            }
            _ => (),
        }
    }

    fn record(&mut self, _: &Record, _: &Cluster) {}

    fn note(&mut self, _: Note, _: &Cluster) {}
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn no_gang_is_bound_in_part(case in case()) {
        let mut watch = Watch::default();
        let mut simulation = Simulation::new(case.setup(), &mut watch);
        let end = simulation.end();
        while simulation.step(end, &mut watch) {
            let sound = simulation.cluster.check();
            prop_assert!(sound.is_ok(), "{}\n{}", sound.unwrap_err(), case.text());
            let over = overcommitted(&simulation.cluster);
            prop_assert!(over.is_none(), "{over:?}\n{}", case.text());
            prop_assert!(watch.wrong.is_empty(), "{:#?}\n{}", watch.wrong, case.text());
            // `gang-timeout`, and some time for what is being written
            let now = simulation.cluster.now;
            let long = watch.reserved.iter().find(|(_, since)| now.since(**since) > Span::from_secs(25));
            prop_assert!(long.is_none(), "{now}: room is held for good: {long:?}\n{}", case.text());
        }
    }
}

proptest! {
    #![proptest_config(config(15))]

    #[test]
    fn two_runs_with_gangs_never_part(case in case()) {
        let difference = experiment::verify(case.setup(), case.setup(), &mut Unwatched).unwrap();
        prop_assert!(difference.is_none(), "{}\n{}", difference.unwrap(), case.text());
    }
}
