//! Faults of a run: processes that strike, the steps that follow from a strike, and the hash over all of it.
//! What a step does is carried out in `outages`.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cluster::{Change, Name, NodeId, PodId};
use crate::engine::{Class, Span, Stream, Time};
use crate::faults::{Aim, Effect, Fault, Mode, Step, Strike, Victims, When};
use crate::outcome::ActionKind;

use super::outages::Outages;
use super::{Event, Note, Observer, Simulation};

/// All faults of a run.
#[derive(Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    /// Steps that are still to come, by the number their event carries, and the fault each belongs to.
    steps: Vec<Option<(u16, Step)>>,
    pub(super) outages: Outages,
    /// Hash over everything that struck so far.
    trace: u64,
    /// Whether processes have begun: new nodes and pods get theirs as they come.
    begun: bool,
}

/// A fault with its processes.
struct Armed {
    fault: Rc<Fault>,
    processes: Vec<Process>,
    /// Processes of pods that are gone, to be used again.
    free: Vec<u32>,
    /// How many nodes of a name there have been.
    incarnations: BTreeMap<Name, u64>,
    strikes: u64,
    /// Strikes that hit somebody.
    hits: u64,
}

/// One random process, or the only schedule of a fault.
struct Process {
    aim: Aim,
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
            strikes: 0,
            hits: 0,
        };
        Faults { armed: faults.into_iter().map(arm).collect(), ..Faults::default() }
    }

    /// Whether news of nodes and pods may start a process.
    pub(super) fn want_news(&self) -> bool {
        self.begun && !self.armed.is_empty()
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

    /// Nodes and pods that come later get processes of their own.
    pub(super) fn faults_see(&mut self, change: Change) {
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
        let (label, number) = self.stream_of(index, aim);
        let armed = &mut self.faults.armed[index];
        let mut stream = self.cluster.seed.stream(&label, number);
        let fault = armed.fault.clone();
        let is_old = fault.aged && now == Time::ZERO;
        let first = if is_old {
            fault.when.first_aged(fault.lasts.as_ref(), &mut stream)
        } else {
            fault.when.first(&mut stream)
        };
        let process = Process { aim, stream, strikes: 0 };
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

    /// The random stream of a process: named by the fault and by whom it is about, never by position.
    fn stream_of(&mut self, index: usize, aim: Aim) -> (String, u64) {
        let armed = &mut self.faults.armed[index];
        let name = &armed.fault.name;
        let text = |text: Name| self.cluster.names.text(text);
        match aim {
            Aim::Group => (format!("fault/{name}"), 0),
            Aim::Domain(domain) => (format!("fault/{name}/domain/{}", text(domain)), 0),
            Aim::Pod(pod) => (format!("fault/{name}/pod"), u64::from(pod.0)),
            Aim::Node(id) => {
                let Some(node) = self.cluster.node(id).map(crate::cluster::Node::name) else {
                    return (format!("fault/{name}/node"), 0);
                };
                let incarnation = armed.incarnations.entry(node).or_default();
                *incarnation += 1;
                (format!("fault/{name}/node/{}", text(node)), *incarnation)
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
        let (aim, mut stream) = (process.aim, process.stream.clone());
        process.strikes += 1;
        let count = process.strikes;
        if self.is_gone(aim) {
            self.faults.armed[index as usize].free.extend(matches!(aim, Aim::Pod(_)).then_some(number));
            return;
        }
        let outage = match &fault.when {
            When::Trace(trace) => trace.outage(count as usize - 1),
            _ => None,
        };
        let drawn = fault.lasts.as_ref().map(|lasts| lasts.sample(&mut stream));
        let lasts = outage.map(|outage| outage.duration).or(drawn);
        if let Some(next) = fault.when.next(now, lasts, count, &mut stream) {
            self.strike_at(next, index, number);
        }
        let (mut nodes, mut pods) = self.aimed(&fault, aim, &mut stream);
        if let Some(outage) = outage {
            let hit = (nodes.len() as u64 * u64::from(outage.intensity_ppm) / 1_000_000) as usize;
            stream.choose_to_front(&mut nodes, hit);
            nodes.truncate(hit);
            nodes.sort_unstable();
        }
        if fault.probability < 1.0 {
            nodes.retain(|_| stream.unit() < fault.probability);
            pods.retain(|_| stream.unit() < fault.probability);
        }
        if !matches!(aim, Aim::Pod(_)) {
            self.trace(&fault.name, &nodes, lasts);
        }
        self.hit(index, (&nodes, &pods), lasts, &mut stream, observer);
        self.drag_along(index, &nodes, &mut stream);
        self.faults.armed[index as usize].processes[number as usize].stream = stream;
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

    /// The victims are hit: the steps of the plan begin.
    fn hit(
        &mut self,
        index: u16,
        (nodes, pods): (&[NodeId], &[PodId]),
        lasts: Option<Span>,
        stream: &mut Stream,
        observer: &mut dyn Observer,
    ) {
        let armed = &mut self.faults.armed[index as usize];
        armed.strikes += 1;
        let fault = armed.fault.clone();
        if fault.plan.needs_victims() && nodes.is_empty() && pods.is_empty() {
            if fault.expected {
                let label = format!("{} (nobody matches)", fault.plan.name());
                let verb = fault.plan.name();
                let name = fault.name.clone();
                let note = Note { fault: name, struck: false, ..Note::new(ActionKind::Fault, verb, label) };
                observer.note(note, &self.cluster);
            }
            return;
        }
        armed.hits += 1;
        let steps = fault.plan.steps(&mut Strike { nodes, pods, lasts, stream, cluster: &self.cluster });
        for step in steps {
            if step.after == Span::ZERO {
                self.take_step(index, step, observer);
            } else {
                let at = self.cluster.now.saturating_add(step.after);
                self.faults.steps.push(Some((index, step)));
                self.queue.push(at, Class::World, Event::FaultStep(self.faults.steps.len() as u32 - 1));
            }
        }
    }

    /// Whoever is dragged along by a strike, at once or in a moment.
    fn drag_along(&mut self, index: u16, nodes: &[NodeId], stream: &mut Stream) {
        let fault = self.faults.armed[index as usize].fault.clone();
        let Victims::Nodes(victims) = &fault.victims else { return };
        if fault.burst.is_none() && fault.cascade.is_none() {
            return;
        }
        let candidates = victims.candidates(&self.cluster);
        let mut followers = Vec::new();
        for &node in nodes {
            if let Some(burst) = &fault.burst {
                let dragged = burst.followers(node, &candidates, &self.cluster, stream);
                followers.extend(dragged.into_iter().map(|(after, node)| (after, node, false)));
            }
            if let Some(cascade) = &fault.cascade {
                // what follows from the load is no matter of the fault's own chance
                let mut own = self.cluster.seed.stream(&format!("fault/{}/cascade", fault.name), self.events_handled);
                let failures = cascade.failures(node, &candidates, &self.cluster, &mut own);
                followers.extend(failures.into_iter().map(|(after, node)| (after, node, true)));
            }
        }
        for (after, node, cascades) in followers {
            let at = self.cluster.now.saturating_add(after);
            self.queue.push(at, Class::World, Event::Follow(index, node, cascades));
        }
    }

    /// A node that was dragged along fails in the same way; in a cascade others may follow it.
    pub(super) fn follow(&mut self, index: u16, node: NodeId, cascades: bool, observer: &mut dyn Observer) {
        let is_up = self.cluster.node(node).is_some_and(|node| node.machine.is_managed());
        if !is_up {
            return;
        }
        let fault = self.faults.armed[index as usize].fault.clone();
        let label = format!("fault/{}/follower/{}", fault.name, self.cluster.node_name(node));
        let mut stream = self.cluster.seed.stream(&label, self.cluster.now.0);
        let lasts = fault.lasts.as_ref().map(|lasts| lasts.sample(&mut stream));
        if !cascades {
            self.trace(&fault.name, &[node], lasts);
        }
        self.hit(index, (&[node], &[]), lasts, &mut stream, observer);
        if cascades {
            self.drag_along(index, &[node], &mut stream);
        }
    }

    /// A step of a strike whose time has come.
    pub(super) fn fault_step(&mut self, number: u32, observer: &mut dyn Observer) {
        if let Some((index, step)) = self.faults.steps[number as usize].take() {
            self.take_step(index, step, observer);
        }
    }

    /// Carries out a step and tells observers of it just before. What is a request to the API server is made again
    /// when that is back.
    fn take_step(&mut self, index: u16, mut step: Step, observer: &mut dyn Observer) {
        if step.effect.needs_api() && !self.faults.outages.api_is_up() {
            self.faults.steps.push(Some((index, step)));
            self.wait_for_api(Event::FaultStep(self.faults.steps.len() as u32 - 1));
            return;
        }
        let fault = self.faults.armed[index as usize].fault.clone();
        if let Effect::Node(_, nodes) | Effect::Deed(_, nodes) = &mut step.effect {
            nodes.retain(|node| self.cluster.node(*node).is_some());
        }
        if let Effect::Pod(_, pods) | Effect::Kill(pods, _) | Effect::CrashContainers(pods) = &mut step.effect {
            pods.retain(|pod| self.cluster.pod_exists(*pod));
        }
        let note = self.note_of(&fault, &step);
        observer.note(note, &self.cluster);
        self.carry_out_step(step);
    }
}
