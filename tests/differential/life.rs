//! A random life of a cluster, lived twice.

use serde_json::Value;
use sim::cluster::{Change, Effect, Labels, NodeId, Phase, PodId};
use sim::engine::{Seed, Span, Stream};
use sim::fidelity::world::World;
use sim::scheduler::config::Strategy;
use sim::scheduler::explain::Explanation;
use sim::scheduler::{Config, Decision, Nomination, Scheduler, Verdict};

use super::manifests::{labels, node, objects, once_in, one, service, template};

/// Two worlds with the same history, the first of which decides by the cache.
pub(crate) struct Life {
    seed: u64,
    zones: u64,
    worlds: [World; 2],
    draw: Stream,
    templates: Vec<Value>,
    nodes_made: u64,
    pods_made: u64,
    services_made: u64,
    /// How many decisions were compared.
    pub decisions: usize,
}

/// The default profile with some things changed, the same for the same seed.
fn config(seed: u64, cached: bool, names: &mut sim::cluster::Names) -> Config {
    let mut draw = Seed(seed).stream("profile", 0);
    let mut config = Config::new(names);
    config.cached = cached;
    let profile = &mut config.profiles[0];
    match draw.below(6) {
        0 => profile.percentage_of_nodes_to_score = 10 + draw.below(90) as u32,
        1 => profile.args.strategy = Strategy::MostAllocated,
        2 => profile.points = profile.points.clone().without("NodeResourcesFit"),
        3 => profile.args.hard_pod_affinity_weight = 50,
        4 => profile.points.filter.reverse(),
        _ => (),
    }
    config
}

impl Life {
    /// A cluster with this many nodes, in so many zones.
    pub(crate) fn new(seed: u64, nodes: u64, zones: u64) -> Self {
        let world = |cached| World::new(|names| Ok(config(seed, cached, names))).expect("a world");
        let mut draw = Seed(seed).stream("life", 0);
        let templates = (0..10).map(|_| template(&mut draw)).collect();
        let worlds = [world(true), world(false)];
        let mut life =
            Life { seed, zones, worlds, draw, templates, nodes_made: 0, pods_made: 0, services_made: 0, decisions: 0 };
        for object in objects() {
            life.both(|world| {
                let _ = world.create(&object).expect("an object");
            });
        }
        (0..nodes).for_each(|_| life.add_node());
        life
    }

    fn both(&mut self, act: impl Fn(&mut World)) {
        self.worlds.iter_mut().for_each(|world| {
            act(world);
            world.settle();
        });
    }

    /// Something happens, and the scheduler does what it finds to do.
    pub(crate) fn step(&mut self) {
        match self.draw.below(20) {
            0 => self.add_node(),
            1 => self.on_node(|world, node, _| world.cluster.remove_node(node)),
            2 => self.on_node(|world, node, draw| world.cluster.set_cordon(node, draw.below(2) == 0)),
            3 => self.on_node(|world, node, draw| {
                let (key, value) = (world.cluster.names.intern("a"), world.cluster.names.intern("x"));
                let effect = one(draw, &[Effect::NoSchedule, Effect::PreferNoSchedule]);
                if draw.below(2) == 0 {
                    world.cluster.add_taint(node, key, value, effect);
                } else {
                    world.cluster.remove_taint(node, key, effect);
                }
            }),
            4 => {
                let zones = self.zones;
                self.on_node(|world, node, draw| relabel(world, node, draw, zones));
            }
            5 => self.on_node(|world, node, draw| {
                let image = one(draw, &["big:1", "small:1"]);
                let image = world.cluster.names.intern(image);
                world.cluster.add_image(node, image, 500_000_000);
            }),
            6 => {
                self.services_made += 1;
                let service = service(&mut self.draw, self.services_made);
                self.both(|world| {
                    let _ = world.create(&service).expect("a service");
                });
            }
            7 | 8 => self.on_pod(|world, pod| world.cluster.remove_pod(pod)),
            9 => self.on_pod(|world, pod| world.cluster.mark(pod, Span::from_secs(30))),
            10 => self.on_pod(|world, pod| {
                if world.cluster.pod(pod).is_some_and(|pod| pod.bound && !pod.phase.is_terminal()) {
                    world.cluster.set_phase(pod, Phase::Succeeded);
                }
            }),
            _ => self.submit(),
        }
        let wait = Span::from_millis(one(&mut self.draw, &[10, 500, 5_000, 40_000]));
        self.both(|world| world.cluster.now += wait);
        self.schedule();
    }

    fn add_node(&mut self) {
        self.nodes_made += 1;
        let node = node(&mut self.draw, self.nodes_made, self.zones);
        self.both(|world| world.add_node(&node).expect("a node"));
    }

    fn on_node(&mut self, act: impl Fn(&mut World, NodeId, &mut Stream)) {
        let nodes: Vec<NodeId> = self.worlds[0].cluster.nodes().map(|(id, _)| id).collect();
        if nodes.len() > 2 {
            let node = one(&mut self.draw, &nodes);
            let draw = self.draw.clone();
            self.both(|world| act(world, node, &mut draw.clone()));
            self.draw.next_u64();
        }
    }

    fn on_pod(&mut self, act: impl Fn(&mut World, PodId)) {
        let pods: Vec<PodId> = self.worlds[0].cluster.pods().map(|(id, _)| id).collect();
        if !pods.is_empty() {
            let pod = one(&mut self.draw, &pods);
            self.both(|world| act(world, pod));
        }
    }

    fn submit(&mut self) {
        if once_in(&mut self.draw, 30) {
            let number = self.draw.below(10) as usize;
            self.templates[number] = template(&mut self.draw);
        }
        self.pods_made += 1;
        let mut pod = one(&mut self.draw, &self.templates);
        pod["metadata"]["name"] = format!("pod-{}", self.pods_made).into();
        self.both(|world| {
            let _ = world.create_pod(&pod).expect("a pod");
        });
    }

    /// Runs the cycles there are, comparing each decision.
    fn schedule(&mut self) {
        for _ in 0..30 {
            let now = self.worlds[0].cluster.now;
            let wakes = self.worlds.each_mut().map(|world| world.scheduler.next_wake(now));
            assert_eq!(wakes[0], wakes[1], "seed {}", self.seed);
            if wakes[0] > now {
                return;
            }
            self.check_against_newcomer();
            let decisions = self.worlds.each_mut().map(|world| world.scheduler.cycle(&world.cluster));
            let [Some(fast), Some(plain)] = decisions else { return };
            self.decisions += 1;
            let case = format!("seed {}, decision {}", self.seed, self.decisions);
            assert_eq!(format!("{fast:?}"), format!("{plain:?}"), "{case}");
            self.both(|world| apply(world, &fast));
        }
    }

    /// Asks a scheduler that has just come about the nodes that the pod next in line would be asked for.
    fn check_against_newcomer(&mut self) {
        if !once_in(&mut self.draw, 3) {
            return;
        }
        let waiting: Vec<PodId> =
            self.worlds[0].cluster.pods().filter(|(_, pod)| pod.node.is_none()).map(|(id, _)| id).collect();
        if waiting.is_empty() {
            return;
        }
        let pod = one(&mut self.draw, &waiting);
        let world = &mut self.worlds[0];
        let known = world.scheduler.explain(pod, &world.cluster, None);
        let mut nodes: Vec<NodeId> = known.diagnosis.rejected.iter().map(|(node, _)| node).collect();
        nodes.extend(&known.feasible);
        let newcomer = newcomer(world, self.seed).explain(pod, &world.cluster, Some(&nodes));
        let (known, newcomer) = (answer(&known), answer(&newcomer));
        let difference = known.iter().zip(&newcomer).find(|(known, newcomer)| known != newcomer);
        assert_eq!(
            difference,
            None,
            "seed {}, decision {}, {}",
            self.seed,
            self.decisions,
            world.cluster.pod_name(pod)
        );
        assert_eq!(known.len(), newcomer.len(), "seed {}, decision {}", self.seed, self.decisions);
    }
}

fn relabel(world: &mut World, node: NodeId, draw: &mut Stream, zones: u64) {
    let name = world.cluster.node_name(node).to_string();
    let text = labels(draw, &name, zones);
    let pairs = text.as_object().into_iter().flatten();
    let names = &mut world.cluster.names;
    let pairs = pairs.map(|(key, value)| (names.intern(key), names.intern(value.as_str().unwrap_or_default())));
    let labels = Labels::new(pairs.collect());
    world.cluster.set_node_labels(node, labels);
}

/// Makes true what was decided.
fn apply(world: &mut World, decision: &Decision) {
    match &decision.verdict {
        Verdict::Bind(node) => {
            world.cluster.assume(decision.pod, *node);
            world.settle();
            world.cluster.bind(decision.pod);
        }
        Verdict::Unschedulable { nomination, victims, unnominated, .. } => {
            world.cluster.set_unschedulable(decision.pod);
            match nomination {
                Nomination::Keep => (),
                Nomination::Clear => world.cluster.nominate(decision.pod, None),
                Nomination::Set(node) => world.cluster.nominate(decision.pod, Some(*node)),
            }
            unnominated.iter().for_each(|pod| world.cluster.nominate(*pod, None));
            victims.iter().for_each(|pod| world.cluster.mark(*pod, Span::from_secs(30)));
        }
        Verdict::Error(_) | Verdict::Skip(_) => (),
    }
}

/// A scheduler that is told of the cluster as it is.
fn newcomer(world: &mut World, seed: u64) -> Scheduler {
    let config = config(seed, false, &mut world.cluster.names);
    let cluster = &world.cluster;
    let mut scheduler = Scheduler::new(config, Seed(1));
    let mut tell = |change| scheduler.observe(change, cluster);
    cluster.objects().for_each(|(object, _)| tell(Change::ObjectCreated(object)));
    cluster.nodes().for_each(|(node, _)| tell(Change::NodeAdded(node)));
    for (id, pod) in cluster.pods() {
        if pod.holds_resources() {
            tell(Change::PodAssumed(id));
        } else if pod.nominated.is_some() {
            tell(Change::PodNominated(id));
        }
    }
    scheduler
}

/// Verdicts, scores and best nodes, in the order of node ids.
fn answer(explanation: &Explanation) -> Vec<String> {
    let mut rejected: Vec<String> = explanation.diagnosis.rejected.iter().map(|one| format!("{one:?}")).collect();
    rejected.sort();
    let columns = |position: usize| {
        let cells =
            explanation.scores.iter().map(|column| (column.plugin, column.raw[position], column.weighted[position]));
        cells.collect::<Vec<_>>()
    };
    let mut scores: Vec<String> = explanation
        .feasible
        .iter()
        .enumerate()
        .map(|(position, node)| {
            let scored = explanation.feasible.len() > 1;
            format!("{node:?} {:?}", scored.then(|| (columns(position), explanation.totals[position])))
        })
        .collect();
    scores.sort();
    let mut top = explanation.top.clone();
    top.sort_unstable();
    let pre = explanation.diagnosis.pre.as_ref().map(|pre| &pre.message);
    [vec![format!("{pre:?}")], rejected, scores, vec![format!("{top:?}")]].concat()
}
