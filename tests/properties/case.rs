//! What is drawn: nodes, workloads, and what happens to them, written as a scenario.

use std::fmt::Write as _;

use proptest::prelude::*;
use sim::scenario;
use sim::simulation::Setup;

/// A scenario as it is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    settled: bool,
    /// Whether the control plane reacts at once and makes as many calls as it likes.
    pub(crate) prompt: bool,
    /// Cores of each node; they take turns over two zones.
    nodes: Vec<u32>,
    pub(crate) workloads: Vec<Workload>,
    /// Second and what happens then.
    steps: Vec<(u32, Step)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Workload {
    pub(crate) kind: Kind,
    replicas: u32,
    cpu_milli: u32,
    /// Further keys of the pod.
    pod: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Rolling { surge: u32, unavailable: u32 },
    Recreate,
    ReplicaSet,
    Pods,
}

/// What happens; numbers name nodes and workloads, modulo how many there are.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Anything that is done to one node: the verb, and more than the node.
    Node(&'static str, &'static str, usize),
    Zone(&'static str, usize),
    Add(u32),
    Scale(usize, u32),
    Update(usize),
    Delete(usize),
}

/// Everything is brought up and let go at this second; after that nothing happens for long.
const CALM: u32 = 1_200;

fn step() -> impl Strategy<Value = Step> {
    let on_nodes = prop::sample::select(vec![
        ("crash", ""),
        ("crash", ", for: 20s"),
        ("crash", ", for: 100s"),
        ("crash", ", for: 400s"),
        ("recover", ""),
        ("reboot", ""),
        ("partition", ", for: 30s"),
        ("partition", ", for: 200s"),
        ("partition", ", for: 420s"),
        ("heal", ""),
        ("cordon", ""),
        ("cordon", ", for: 60s"),
        ("uncordon", ""),
        ("drain", ""),
        ("drain", ", grace-period: 1s"),
        ("taint", ", key: work, effect: NoExecute"),
        ("taint", ", key: work, effect: NoSchedule"),
        ("untaint", ", key: work"),
        ("delete-node", ""),
    ]);
    let on_zones = prop::sample::select(vec!["crash", "partition", "recover"]);
    prop_oneof![
        6 => (on_nodes, 0..8usize).prop_map(|((verb, more), node)| Step::Node(verb, more, node)),
        1 => (on_zones, 0..2usize).prop_map(|(verb, zone)| Step::Zone(verb, zone)),
        1 => (1..4u32).prop_map(Step::Add),
        3 => (0..4usize, 0..7u32).prop_map(|(workload, replicas)| Step::Scale(workload, replicas)),
        3 => (0..4usize).prop_map(Step::Update),
        1 => (0..4usize).prop_map(Step::Delete),
    ]
}

fn workload() -> impl Strategy<Value = Workload> {
    let kind = prop_oneof![
        4 => (0..3u32, 0..3u32).prop_map(|(surge, unavailable)| Kind::Rolling { surge, unavailable }),
        1 => Just(Kind::Recreate),
        2 => Just(Kind::ReplicaSet),
        1 => Just(Kind::Pods),
    ];
    let pod = prop::sample::select(vec![
        "",
        "toleration-seconds: 0",
        "toleration-seconds: 20",
        "toleration-seconds: 100",
        "priority: 100",
        "ready-after: 15s, stop-after: 12s",
        "stop-after: 10m, termination-grace-period-seconds: 45",
        "run-for: { exponential: { mean: 200s } }",
        "run-for: 50s, exit-code: 1",
        "run-for: 100s, checkpoint-every: 20s, checkpoint-overhead: 3s",
    ]);
    let cpu = prop::sample::select(vec![0, 100, 300, 500, 900, 1500]);
    (kind, 0..6u32, cpu, pod).prop_map(|(kind, replicas, cpu_milli, pod)| Workload { kind, replicas, cpu_milli, pod })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let nodes = prop::collection::vec(1..4u32, 1..6);
    let workloads = prop::collection::vec(workload(), 1..4);
    let steps = prop::collection::vec((1..CALM - 1, step()), 0..14);
    let drawn = (any::<u64>(), any::<bool>(), any::<bool>(), nodes, workloads, steps);
    drawn.prop_map(|(seed, settled, prompt, nodes, workloads, mut steps)| {
        steps.sort_by_key(|(second, _)| *second);
        Case { seed, settled, prompt, nodes, workloads, steps }
    })
}

impl Case {
    /// The scenario in the user's language.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("name: case\nseed: {}\nduration: 3h\n", self.seed);
        if self.prompt {
            text += "control-plane:\n  kube-controller-manager: { kube-api-qps: 1000000 }\n";
            text += "  latencies: { api-write: 0s, watch: 0s }\n";
        }
        let start = if self.settled { "settled" } else { "empty" };
        writeln!(text, "start: {start}\ncluster:\n  nodes:").unwrap();
        for (index, cores) in self.nodes.iter().enumerate() {
            writeln!(text, "    - {}", node(index, *cores)).unwrap();
        }
        text += "workloads:\n";
        for (index, workload) in self.workloads.iter().enumerate() {
            writeln!(text, "  - {{ {} }}", workload.text(index)).unwrap();
        }
        text += "timeline:\n";
        let nodes = self.timeline(&mut text);
        for zone in 0..nodes.min(2) {
            for (verb, more) in [("recover", ""), ("heal", ""), ("uncordon", ""), ("untaint", ", key: work")] {
                writeln!(text, "  - {{ at: {CALM}s, {verb}: {{ zone: z{zone}{more} }} }}").unwrap();
            }
        }
        text
    }

    /// The steps whose node or workload is there: what was deleted is not spoken of again. Answers how many
    /// nodes there ever were.
    fn timeline(&self, text: &mut String) -> usize {
        let (mut nodes, mut gone_nodes): (usize, Vec<usize>) = (self.nodes.len(), Vec::new());
        let (mut gone_workloads, mut version): (Vec<usize>, u32) = (Vec::new(), 1);
        for (second, step) in &self.steps {
            let done = match step {
                Step::Node(verb, more, node) => {
                    let node = node % nodes;
                    if gone_nodes.contains(&node) {
                        continue;
                    }
                    if *verb == "delete-node" {
                        gone_nodes.push(node);
                    }
                    format!("{verb}: {{ node: n-{node}{more} }}")
                }
                Step::Zone(verb, zone) => format!("{verb}: {{ zone: z{} }}", zone % self.nodes.len().min(2)),
                Step::Add(cores) => {
                    nodes += 1;
                    format!("add-nodes: {}", node(nodes - 1, *cores))
                }
                Step::Scale(index, _) | Step::Update(index) | Step::Delete(index) => {
                    let index = index % self.workloads.len();
                    let kind = match self.workloads[index].kind {
                        Kind::Pods => continue,
                        Kind::ReplicaSet => "replica-set",
                        Kind::Rolling { .. } | Kind::Recreate => "deployment",
                    };
                    if gone_workloads.contains(&index) {
                        continue;
                    }
                    match step {
                        Step::Scale(_, replicas) => format!("scale: {{ {kind}: w{index}, replicas: {replicas} }}"),
                        Step::Update(_) if kind == "deployment" => {
                            version += 1;
                            format!("update: {{ deployment: w{index}, image: 'app:{version}' }}")
                        }
                        Step::Update(_) => continue,
                        _ => {
                            gone_workloads.push(index);
                            format!("delete: {{ {kind}: w{index} }}")
                        }
                    }
                }
            };
            writeln!(text, "  - {{ at: {second}s, {done} }}").unwrap();
        }
        nodes
    }

    pub(crate) fn setup(&self) -> Setup {
        let text = self.text();
        let scenario = scenario::load_text("case.yaml", &text, &[]).and_then(|scenario| scenario::build(&scenario));
        scenario.unwrap_or_else(|wrong| panic!("{wrong}\n{text}"))
    }
}

fn node(index: usize, cores: u32) -> String {
    let zone = index % 2;
    format!("{{ name: n-{index}, zone: z{zone}, capacity: {{ cpu: {cores}, memory: 4Gi, pods: 8 }} }}")
}

impl Workload {
    fn text(&self, index: usize) -> String {
        let Workload { kind, replicas, cpu_milli, pod } = self;
        let pod = format!("{{ requests: {{ cpu: {cpu_milli}m, memory: 100Mi }}, {pod} }}");
        match kind {
            Kind::Rolling { surge, unavailable } => format!(
                "deployment: w{index}, replicas: {replicas}, \
                 strategy: {{ max-surge: {surge}, max-unavailable: {} }}, pod: {pod}",
                if *surge == 0 { 1 + unavailable } else { *unavailable }
            ),
            Kind::Recreate => {
                format!("deployment: w{index}, replicas: {replicas}, strategy: {{ type: Recreate }}, pod: {pod}")
            }
            Kind::ReplicaSet => format!("replica-set: w{index}, replicas: {replicas}, pod: {pod}"),
            Kind::Pods => format!("pod: w{index}, count: {}, spec: {pod}", replicas + 1),
        }
    }

    /// How many pods there may be beyond `replicas`.
    pub(crate) fn surge(&self) -> u32 {
        if let Kind::Rolling { surge, .. } = self.kind { surge } else { 0 }
    }
}
