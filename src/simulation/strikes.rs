//! The course of a strike: its steps at once and later, the faults of a sequence, and nodes dragged along.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::num::NonZero;
use std::rc::Rc;

use crate::cluster::{NodeId, PodId, Status};
use crate::engine::{Class, Seed, Span, Stream};
use crate::faults::{Deed, Effect, Member, NodeVictims, Plan, Step, Strike, Victims};
use crate::outcome::ActionKind;

use super::faults::Faults;
use super::{Event, Note, Observer, Simulation};

/// Chance of one strike: a stream for each purpose, so that no draw moves one of another purpose, and none
/// of a later strike.
pub(super) struct Chance {
    /// The run's.
    pub(super) seed: Seed,
    /// Name and number of the process.
    pub(super) process: String,
    /// Which of its strikes.
    pub(super) strike: u64,
}

impl Chance {
    /// The stream for a purpose.
    pub(super) fn stream(&self, purpose: &str) -> Stream {
        self.seed.stream(&format!("{}/{purpose}", self.process), self.strike)
    }
}

/// Which cascade, from 1.
pub(super) type CascadeNumber = NonZero<u32>;

impl Faults {
    /// A strike may bring on others by the load that it leaves to them.
    fn begin_cascade(&mut self, nodes: &[NodeId]) -> CascadeNumber {
        self.cascades.push(nodes.iter().copied().collect());
        NonZero::new(self.cascades.len() as u32).unwrap_or(NonZero::<u32>::MIN)
    }

    /// The nodes that have fallen in a cascade. No node falls in it twice: a fault that leaves them up for a while, a
    /// drain, would go on for ever.
    fn fallen(&self, cascade: CascadeNumber) -> &BTreeSet<NodeId> {
        &self.cascades[cascade.get() as usize - 1]
    }

    /// A node falls, unless it has.
    fn falls(&mut self, node: NodeId, cascade: CascadeNumber) -> bool {
        self.cascades[cascade.get() as usize - 1].insert(node)
    }
}

/// What follows from a strike.
pub(super) enum Part {
    /// A step of its plan.
    Step(Step),
    /// A fault of a sequence, with chance of its own.
    Member(Rc<Member>, Chance),
}

impl Simulation {
    /// The victims are hit: the steps of the plan begin.
    pub(super) fn hit(
        &mut self,
        index: u16,
        (nodes, pods): (&[NodeId], &[PodId]),
        lasts: Option<Span>,
        chance: &Chance,
        observer: &mut dyn Observer,
    ) {
        let fault = self.faults.armed[index as usize].fault.clone();
        for (number, member) in fault.plan.members().iter().enumerate() {
            let process = format!("{}/{number}", chance.process);
            let part = Part::Member(member.clone(), Chance { process, ..*chance });
            self.follows(index, member.after, part, observer);
        }
        if fault.plan.members().is_empty() {
            self.begin_plan(index, &*fault.plan, (nodes, pods), lasts, chance, observer);
        }
    }

    /// A fault of a sequence strikes.
    fn member_strikes(&mut self, index: u16, member: &Member, chance: &Chance, observer: &mut dyn Observer) {
        let (nodes, pods) = member.victims.choose(&self.cluster, &mut chance.stream("victims"));
        let lasts = member.lasts.as_ref().map(|lasts| lasts.sample(&mut chance.stream("length")));
        let fault = self.faults.armed[index as usize].fault.clone();
        self.trace(&fault.name, &nodes, lasts);
        self.begin_plan(index, &*member.plan, (&nodes, &pods), lasts, chance, observer);
    }

    /// The steps of a plan begin, unless it hits nobody.
    fn begin_plan(
        &mut self,
        index: u16,
        plan: &dyn Plan,
        (nodes, pods): (&[NodeId], &[PodId]),
        lasts: Option<Span>,
        chance: &Chance,
        observer: &mut dyn Observer,
    ) {
        let armed = &mut self.faults.armed[index as usize];
        if plan.needs_victims() && nodes.is_empty() && pods.is_empty() {
            if armed.fault.expected {
                let (verb, label) = (plan.name(), format!("{} (nobody matches)", plan.name()));
                let name = armed.fault.name.clone();
                let note = Note { fault: name, struck: false, ..Note::new(ActionKind::Fault, verb, label) };
                observer.note(note, &self.cluster);
            }
            return;
        }
        armed.hits += 1;
        let stream = &mut chance.stream("course");
        let steps = plan.steps(&mut Strike { nodes, pods, lasts, stream, cluster: &self.cluster });
        for step in steps {
            // a member of a sequence goes by its own verb
            let step = Step { verb: step.verb.or(Some(plan.name())), ..step };
            self.follows(index, step.after, Part::Step(step), observer);
        }
    }

    /// A part of a strike, at once or later.
    fn follows(&mut self, index: u16, after: Span, part: Part, observer: &mut dyn Observer) {
        if after == Span::ZERO {
            return self.take_part(index, part, observer);
        }
        let at = self.cluster.now.saturating_add(after);
        let number = self.keep_part(index, part);
        self.queue.push(at, Class::World, Event::FaultStep(number));
    }

    fn keep_part(&mut self, index: u16, part: Part) -> u32 {
        self.faults.to_come.push(Some((index, part)));
        self.faults.to_come.len() as u32 - 1
    }

    fn take_part(&mut self, index: u16, part: Part, observer: &mut dyn Observer) {
        match part {
            Part::Step(step) => self.take_step(index, step, observer),
            Part::Member(member, chance) => self.member_strikes(index, &member, &chance, observer),
        }
    }

    /// Whoever is dragged along by a strike, at once or in a moment.
    pub(super) fn drag_along(&mut self, index: u16, nodes: &[NodeId], cascade: Option<CascadeNumber>, chance: &Chance) {
        let fault = self.faults.armed[index as usize].fault.clone();
        let Victims::Nodes(victims) = &fault.victims else { return };
        if fault.burst.is_none() && fault.cascade.is_none() {
            return;
        }
        // whoever is named is struck, and others follow
        let among = NodeVictims { names: Vec::new(), ..victims.clone() };
        let candidates = OnceCell::new();
        let candidates = || -> &[NodeId] { candidates.get_or_init(|| among.candidates(&self.cluster)) };
        let stream = &mut chance.stream("followers");
        let mut followers = Vec::new();
        let begins = fault.cascade.is_some() && !nodes.is_empty();
        let number = cascade.or_else(|| begins.then(|| self.faults.begin_cascade(nodes)));
        for &node in nodes {
            if let Some(burst) = &fault.burst {
                let dragged = burst.followers(node, candidates, &self.cluster, stream);
                followers.extend(dragged.into_iter().map(|(after, node)| (after, node, None)));
            }
            if let (Some(cascade), Some(number)) = (&fault.cascade, number) {
                // what follows from the load is no matter of the fault's own chance
                let mut own = self.cluster.seed.stream(&format!("fault/{}/cascade", fault.name), self.events_handled);
                let fallen = self.faults.fallen(number);
                let failures = cascade.failures(node, candidates(), fallen, &self.cluster, &mut own);
                followers.extend(failures.into_iter().map(|(after, node)| (after, node, Some(number))));
            }
        }
        for (after, node, cascade) in followers {
            let at = self.cluster.now.saturating_add(after);
            if fault.followers_until.is_none_or(|until| at <= until) {
                self.queue.push(at, Class::World, Event::Follow(index, node, cascade));
            }
        }
    }

    /// A node that was dragged along fails in the same way; in a cascade others may follow it.
    pub(super) fn follow(
        &mut self,
        index: u16,
        node: NodeId,
        cascade: Option<CascadeNumber>,
        observer: &mut dyn Observer,
    ) {
        let Some(found) = self.cluster.node(node) else { return };
        let is_up = found.machine.is_managed();
        let fault = self.faults.armed[index as usize].fault.clone();
        let process = format!("fault/{}/follower/{}", fault.name, self.cluster.node_name(node));
        let chance = Chance { seed: self.cluster.seed, process, strike: self.cluster.now.0 };
        let lasts = fault.lasts.as_ref().map(|lasts| lasts.sample(&mut chance.stream("length")));
        if cascade.is_none() {
            self.trace(&fault.name, &[node], lasts); // also if it is down, for which a cascade may be the reason
        }
        if !is_up || cascade.is_some_and(|cascade| !self.faults.falls(node, cascade)) {
            return;
        }
        self.hit(index, (&[node], &[]), lasts, &chance, observer);
        if cascade.is_some() {
            self.drag_along(index, &[node], cascade, &chance);
        }
    }

    /// A part of a strike whose time has come.
    pub(super) fn fault_step(&mut self, number: u32, observer: &mut dyn Observer) {
        if let Some((index, part)) = self.faults.to_come[number as usize].take() {
            self.take_part(index, part, observer);
        }
    }

    /// Carries out a step and tells observers of it just before. What is a request to the API server is made again
    /// when that is back; nodes are uncordoned once they are up.
    fn take_step(&mut self, index: u16, mut step: Step, observer: &mut dyn Observer) {
        if step.effect.needs_api() && !self.faults.outages.api_is_up() {
            let number = self.keep_part(index, Part::Step(step));
            self.wait_for_api(Event::FaultStep(number));
            return;
        }
        let is_left = match &mut step.effect {
            Effect::Node(_, nodes) | Effect::Deed(_, nodes) => {
                nodes.retain(|node| self.cluster.node(*node).is_some());
                !nodes.is_empty()
            }
            Effect::Pod(_, pods) | Effect::Kill(pods, _) | Effect::CrashContainers(pods) => {
                pods.retain(|pod| self.cluster.pod_exists(*pod));
                !pods.is_empty()
            }
            Effect::ControlPlane(_) | Effect::Join(_) => true,
        };
        if !is_left {
            return; // the strike hit them, and they went before this step
        }
        if let Effect::Deed(Deed::Uncordon, nodes) = &step.effect {
            let (up, down): (Vec<NodeId>, Vec<NodeId>) = nodes.iter().partition(|node| self.is_up(**node));
            for node in down {
                let number = self.keep_part(index, Part::Step(Step { effect: uncordon(vec![node]), ..step.clone() }));
                self.faults.outages.until_up.entry(node).or_default().push(number);
            }
            if up.is_empty() {
                return;
            }
            step.effect = uncordon(up);
        }
        let fault = self.faults.armed[index as usize].fault.clone();
        let note = self.note_of(&fault, &step);
        observer.note(note, &self.cluster);
        self.carry_out_step(step);
    }

    /// Whether a node has booted, is heard and is called Ready, the taints that said otherwise gone: an operator would
    /// uncordon it.
    fn is_up(&self, node: NodeId) -> bool {
        let known = &self.cluster.known;
        let is_up = |node: &crate::cluster::Node| {
            let taints = &node.spec.taints;
            let is_tainted = taints.iter().any(|taint| [known.not_ready, known.unreachable].contains(&taint.key));
            node.machine.is_heard() && node.machine.healthy && node.ready.status == Status::True && !is_tainted
        };
        self.cluster.node(node).is_some_and(is_up)
    }

    /// A node's machine, Ready condition or taints changed: goes on with the steps that wait for it to be up.
    pub(super) fn node_may_be_up(&mut self, node: NodeId, observer: &mut dyn Observer) {
        if self.is_up(node) {
            let numbers = self.faults.outages.until_up.remove(&node).unwrap_or_default();
            numbers.into_iter().for_each(|number| self.fault_step(number, observer));
        }
    }
}

fn uncordon(nodes: Vec<NodeId>) -> Effect {
    Effect::Deed(Deed::Uncordon, nodes)
}
