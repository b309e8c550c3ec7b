//! Faults of a run: processes that strike, whom they hit, and the hash over all of it. What follows from a
//! strike is told in `strikes`, what a step does in `outages`.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::cluster::{Change, Name, NodeId, PodId};
use crate::engine::{Class, Span, Stream, Time};
use crate::faults::{self, Aim, Fault, Mode, Victims, When};

use super::outages::Outages;
use super::strikes::{Chance, Part};
use super::{Event, Observer, Simulation};

/// All faults of a run.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) armed: Vec<Armed>,
    /// Parts of strikes that are still to come, by the number their event carries, and the fault each belongs to.
    pub(super) to_come: Vec<Option<(u16, Part)>>,
    pub(super) outages: Outages,
    /// By cascade: who has fallen in it.
    pub(super) cascades: Vec<BTreeSet<NodeId>>,
    /// Hash over everything that struck so far.
    trace: u64,
    /// Whether processes have begun: new nodes and pods get theirs as they come.
    begun: bool,
}

/// A fault with its processes.
pub(super) struct Armed {
    pub(super) fault: Rc<Fault>,
    processes: Vec<Process>,
    /// Processes of pods that are gone, to be used again.
    free: Vec<u32>,
    /// How many nodes of a name there have been.
    incarnations: BTreeMap<Name, u64>,
    /// Strikes that hit somebody.
    pub(super) hits: u64,
}

/// One random process, or the only schedule of a fault.
struct Process {
    aim: Aim,
    /// Tells the streams of nodes that had the same name apart.
    number: u64,
    /// Draws instants and lengths, and nothing else: how many victims there are moves no instant.
    stream: Stream,
    strikes: u32,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        let arm = |fault| Armed {
            fault: Rc::new(fault),
            processes: Vec::new(),
            free: Vec::new(),
            incarnations: BTreeMap::new(),
            hits: 0,
        };
        Faults { armed: faults.into_iter().map(arm).collect(), ..Faults::default() }
    }

    /// Whether a change may start a process, or be waited for by a strike.
    pub(super) fn want(&self, change: Change) -> bool {
        match change {
            Change::NodeAdded(_) | Change::PodBound(_) => self.begun && !self.armed.is_empty(),
            Change::Machine(node) | Change::NodeReady { node, .. } | Change::NodeTainted(node) => {
                self.outages.until_up.contains_key(&node)
            }
            _ => false,
        }
    }
}

/// The output function of SplitMix64.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Simulation {
    /// Hash over all faults that struck: kind, instant, and the nodes or domain hit. Under one seed it is the same
    /// for every policy: faults are aimed without a look at what runs where. What a fault brings on
    /// (cascades) and the processes of single pods depend on that and are left out.
    pub fn fault_trace(&self) -> u64 {
        self.faults.trace
    }

    /// Names of the faults written by hand that hit nobody so far.
    pub fn faults_without_hits(&self) -> Vec<&str> {
        let idle = self.faults.armed.iter().filter(|armed| armed.hits == 0 && armed.fault.expected);
        idle.map(|armed| armed.fault.name.as_str()).collect()
    }

    /// Adds a strike to the hash.
    pub(super) fn trace(&mut self, what: &str, nodes: &[NodeId], lasts: Option<Span>) {
        let names = nodes.iter().map(|node| self.cluster.node_name(*node));
        let mut hash = mix(self.faults.trace ^ self.cluster.now.0);
        for text in [what].into_iter().chain(names) {
            hash = text.bytes().fold(mix(hash), |hash, byte| mix(hash ^ u64::from(byte)));
        }
        self.faults.trace = mix(hash ^ lasts.map_or(u64::MAX, |lasts| lasts.0));
    }

    /// The processes of all faults begin.
    pub(super) fn begin_faults(&mut self) {
        self.faults.begun = true;
        for index in 0..self.faults.armed.len() {
            let fault = self.faults.armed[index].fault.clone();
            let own = |mode| fault.when.is_process() && mode == Mode::All;
            match &fault.victims {
                Victims::Nodes(nodes) if own(nodes.mode) && nodes.by_domain.is_some() => {
                    for domain in nodes.domains(&self.cluster) {
                        self.begin_process(index, Aim::Domain(domain));
                    }
                }
                Victims::Nodes(nodes) if own(nodes.mode) => {
                    for node in nodes.candidates(&self.cluster) {
                        self.begin_process(index, Aim::Node(node));
                    }
                }
                Victims::Pods(pods) if own(pods.mode) => {
                    let on_nodes = self.cluster.nodes().flat_map(|(_, node)| node.pods.iter().copied());
                    let mut all: Vec<PodId> = on_nodes.filter(|pod| pods.matches(*pod, &self.cluster)).collect();
                    all.sort_unstable();
                    all.into_iter().for_each(|pod| self.begin_process(index, Aim::Pod(pod)));
                }
                _ => self.begin_process(index, Aim::Group),
            }
        }
    }

    /// Nodes and pods that come later get processes of their own, and some steps wait for nodes to be up.
    pub(super) fn faults_see(&mut self, change: Change, observer: &mut dyn Observer) {
        if let Change::Machine(node) | Change::NodeReady { node, .. } | Change::NodeTainted(node) = change {
            return self.node_may_be_up(node, observer);
        }
        for index in 0..self.faults.armed.len() {
            let fault = &self.faults.armed[index].fault;
            let aim = match (change, &fault.victims) {
                _ if !fault.when.is_process() => None,
                (Change::NodeAdded(id), Victims::Nodes(nodes)) if nodes.mode == Mode::All => {
                    let node = self.cluster.node(id).filter(|_| nodes.by_domain.is_none());
                    node.filter(|node| nodes.matches(node, &self.cluster)).map(|_| Aim::Node(id))
                }
                (Change::PodBound(id), Victims::Pods(pods)) if pods.mode == Mode::All => {
                    pods.matches(id, &self.cluster).then_some(Aim::Pod(id))
                }
                _ => None,
            };
            if let Some(aim) = aim {
                self.begin_process(index, aim);
            }
        }
    }

    fn begin_process(&mut self, index: usize, aim: Aim) {
        let now = self.cluster.now;
        let number = self.number_of(index, aim);
        let mut stream = self.cluster.seed.stream(&self.stream_name(index, aim), number);
        let armed = &mut self.faults.armed[index];
        let fault = armed.fault.clone();
        let is_old = fault.aged && now == Time::ZERO;
        let first = if is_old {
            fault.when.first_aged(fault.lasts.as_ref(), &mut stream)
        } else {
            fault.when.first(&mut stream)
        };
        let process = Process { aim, number, stream, strikes: 0 };
        let number = match armed.free.pop() {
            Some(free) => {
                armed.processes[free as usize] = process;
                free
            }
            None => {
                armed.processes.push(process);
                (armed.processes.len() - 1) as u32
            }
        };
        for at in first {
            // a process counts from its own beginning
            let at = if fault.when.is_process() { now.saturating_add(at.since(Time::ZERO)) } else { at };
            self.strike_at(at, index as u16, number);
        }
    }

    /// The name of a process' random stream: of the fault and of whom it is about, never of a position.
    fn stream_name(&self, index: usize, aim: Aim) -> String {
        let name = &self.faults.armed[index].fault.name;
        match aim {
            Aim::Group => format!("fault/{name}"),
            Aim::Domain(domain) => format!("fault/{name}/domain/{}", self.cluster.names.text(domain)),
            Aim::Pod(_) => format!("fault/{name}/pod"),
            Aim::Node(node) if self.cluster.node(node).is_none() => format!("fault/{name}/node"),
            Aim::Node(node) => format!("fault/{name}/node/{}", self.cluster.node_name(node)),
        }
    }

    /// The number of a new process' stream, among those of its name.
    fn number_of(&mut self, index: usize, aim: Aim) -> u64 {
        match aim {
            Aim::Group | Aim::Domain(_) => 0,
            Aim::Pod(pod) => u64::from(pod.0),
            Aim::Node(id) => {
                let Some(node) = self.cluster.node(id) else { return 0 };
                let incarnation = self.faults.armed[index].incarnations.entry(node.name()).or_default();
                *incarnation += 1;
                *incarnation
            }
        }
    }

    fn strike_at(&mut self, at: Time, fault: u16, process: u32) {
        if at <= self.until {
            self.queue.push(at, Class::World, Event::Strike(fault, process));
        }
    }

    /// A process strikes, and its next strike is drawn.
    pub(super) fn strike(&mut self, index: u16, number: u32, observer: &mut dyn Observer) {
        let now = self.cluster.now;
        let armed = &mut self.faults.armed[index as usize];
        let fault = armed.fault.clone();
        let process = &mut armed.processes[number as usize];
        let (aim, of_name) = (process.aim, process.number);
        process.strikes += 1;
        let count = process.strikes;
        if self.is_gone(aim) {
            self.faults.armed[index as usize].free.extend(matches!(aim, Aim::Pod(_)).then_some(number));
            return;
        }
        let process = &mut self.faults.armed[index as usize].processes[number as usize];
        let outage = match &fault.when {
            When::Trace(trace) => trace.outage(count as usize - 1),
            _ => None,
        };
        let drawn = fault.lasts.as_ref().map(|lasts| lasts.sample(&mut process.stream));
        let lasts = outage.map(|outage| outage.duration).or(drawn);
        if let Some(next) = fault.when.next(now, lasts, count, &mut process.stream) {
            self.strike_at(next, index, number);
        }
        let process = format!("{}/{of_name}", self.stream_name(index as usize, aim));
        let chance = Chance { seed: self.cluster.seed, process, strike: count.into() };
        let (nodes, pods) = self.victims_of(&fault, aim, outage, &mut chance.stream("victims"));
        if !matches!(aim, Aim::Pod(_)) {
            self.trace(&fault.name, &nodes, lasts);
        }
        self.hit(index, (&nodes, &pods), lasts, &chance, observer);
        self.drag_along(index, &nodes, None, &chance);
    }

    /// Whom a strike hits.
    fn victims_of(
        &self,
        fault: &Fault,
        aim: Aim,
        outage: Option<faults::Outage>,
        stream: &mut Stream,
    ) -> (Vec<NodeId>, Vec<PodId>) {
        let (mut nodes, mut pods) = self.aimed(fault, aim, stream);
        if let Some(outage) = outage {
            let hit = outage.hits(nodes.len());
            stream.choose_to_front(&mut nodes, hit);
            nodes.truncate(hit);
            nodes.sort_unstable();
        }
        if fault.probability < 1.0 {
            nodes.retain(|_| stream.unit() < fault.probability);
            pods.retain(|_| stream.unit() < fault.probability);
        }
        (nodes, pods)
    }

    fn is_gone(&self, aim: Aim) -> bool {
        match aim {
            Aim::Node(node) => self.cluster.node(node).is_none(),
            Aim::Pod(pod) => !self.cluster.pod_exists(pod),
            Aim::Group | Aim::Domain(_) => false,
        }
    }

    fn aimed(&self, fault: &Fault, aim: Aim, stream: &mut Stream) -> (Vec<NodeId>, Vec<PodId>) {
        match (aim, &fault.victims) {
            (Aim::Node(node), _) => (vec![node], Vec::new()),
            (Aim::Pod(pod), _) => (Vec::new(), vec![pod]),
            (Aim::Domain(domain), Victims::Nodes(nodes)) => (nodes.in_domain(domain, &self.cluster), Vec::new()),
            (_, victims) => victims.choose(&self.cluster, stream),
        }
    }
}
