//! What holds while an outage lasts. Conditions are held, not set: a node that two outages keep without
//! power boots when both have ended, and an end never undoes what another outage has begun.

use std::collections::BTreeMap;

use crate::cluster::{Action, Link, NodeId, NodeSpec, Pace, PodId, Power, Resources};
use crate::engine::{Class, Distribution, Span};
use crate::faults::{Condition, Deed, Effect, Fault, Part, PodCondition, Step};
use crate::kubelet::{self, PodStep};
use crate::outcome::ActionKind;

use super::setup::Component;
use super::{Event, Note, Observer, Simulation};

/// All outages that have begun and not ended.
#[derive(Default)]
pub(super) struct Outages {
    /// By the number that the event of the end carries.
    lasting: Vec<Option<Outage>>,
    nodes: BTreeMap<NodeId, Vec<(u32, Condition)>>,
    pods: BTreeMap<PodId, u32>,
    control_plane: Vec<(u32, Part)>,
    /// What nodes can allocate when nothing reduces it.
    whole: BTreeMap<NodeId, Resources>,
    /// How often nodes renew their leases when their clocks are right.
    periods: BTreeMap<NodeId, Span>,
    /// Parts of strikes that wait for a node to be up, by the numbers they are kept under.
    pub(super) until_up: BTreeMap<NodeId, Vec<u32>>,
    /// What waits for the API server to come back.
    waiting: Vec<Event>,
}

enum Outage {
    Nodes(Condition, Vec<NodeId>),
    Pods(Vec<PodId>),
    ControlPlane,
}

impl Outages {
    /// Whether the API server answers.
    pub(super) fn api_is_up(&self) -> bool {
        self.control_plane.iter().all(|(_, part)| *part != Part::ApiServer)
    }

    /// Whether an outage keeps a component from running.
    pub(super) fn holds(&self, component: Component) -> bool {
        let own = match component {
            Component::ControllerManager => Part::ControllerManager,
            Component::Scheduler => Part::Scheduler,
        };
        self.control_plane.iter().any(|(_, part)| *part == own || *part == Part::ApiServer)
    }

    /// Thousandths of the time that the scheduler's work takes.
    pub(super) fn scheduler_milli(&self) -> u64 {
        let factor = |(_, part): &(u32, Part)| match part {
            Part::SlowScheduler(milli) => u64::from(*milli),
            _ => 1000,
        };
        self.control_plane.iter().map(factor).max().unwrap_or(1000)
    }

    fn conditions(&self, node: NodeId, like: Condition) -> impl Iterator<Item = Condition> + '_ {
        let held = self.nodes.get(&node).map_or(&[][..], Vec::as_slice);
        held.iter().map(|(_, condition)| *condition).filter(move |condition| condition.is_like(like))
    }

    /// Ends every hold of such a condition on a node.
    fn forget(&mut self, node: NodeId, like: Condition) {
        if let Some(held) = self.nodes.get_mut(&node) {
            held.retain(|(_, condition)| !condition.is_like(like));
        }
    }
}

impl Simulation {
    /// What observers are told of a step.
    pub(super) fn note_of(&self, fault: &Fault, step: &Step) -> Note {
        let verb = step.verb.unwrap_or(fault.plan.name());
        let planned = |deed: &Deed| matches!(deed, Deed::Drain(_) | Deed::ShutDown { .. });
        let kind = match &step.effect {
            Effect::Deed(Deed::Uncordon | Deed::Replace(_), _) => ActionKind::FaultEnded,
            Effect::Deed(Deed::Cordon | Deed::Reclaim, _) | Effect::Join(_) => ActionKind::Command,
            Effect::Deed(deed, _) if planned(deed) => ActionKind::Disruption,
            _ if fault.plan.is_planned() => ActionKind::Disruption,
            _ => ActionKind::Fault,
        };
        let (nodes, pods) = match &step.effect {
            Effect::Node(_, nodes) | Effect::Deed(_, nodes) => (nodes.clone(), Vec::new()),
            Effect::Pod(_, pods) | Effect::Kill(pods, _) | Effect::CrashContainers(pods) => (Vec::new(), pods.clone()),
            Effect::ControlPlane(_) | Effect::Join(_) => (Vec::new(), Vec::new()),
        };
        let names = nodes.iter().map(|node| self.cluster.node_name(*node).to_string());
        let names: Vec<String> = names.chain(pods.iter().map(|pod| self.cluster.pod_name(*pod))).collect();
        let about = match &step.effect {
            Effect::Join(nodes) => super::command::list(nodes.iter().map(|node| self.cluster.names.text(node.name))),
            Effect::ControlPlane(_) => String::new(),
            _ => super::command::list(names.iter().map(String::as_str)),
        };
        let struck = !names.is_empty() || matches!(step.effect, Effect::ControlPlane(_) | Effect::Join(_));
        let label = format!("{verb} {about}").trim_end().to_string();
        // what only slows down or shrinks takes no pod out of service
        let takes_out = !matches!(
            step.effect,
            Effect::Node(Condition::Slow { .. } | Condition::Reduced(_) | Condition::Skewed(_), _)
        );
        let nodes = if takes_out { nodes } else { Vec::new() };
        let outage = matches!(step.effect, Effect::ControlPlane(_)).then_some(self.faults.outages.lasting.len() as u32);
        Note { kind, verb, fault: fault.name.clone(), label, nodes, pods, struck, takes_out, outage }
    }

    /// Does what a step says.
    pub(super) fn carry_out_step(&mut self, Step { lasts, effect, .. }: Step) {
        match effect {
            Effect::Node(condition, nodes) => self.begin_outage(condition, &nodes, lasts),
            Effect::Deed(deed, nodes) => self.do_to_nodes(deed, &nodes),
            Effect::Pod(PodCondition::Unready, pods) => self.begin_unready(pods, lasts),
            Effect::Kill(pods, grace) => {
                for pod in pods {
                    self.cluster.apply(Action::DeletePod { pod, grace, by: None });
                }
            }
            Effect::CrashContainers(pods) => pods.into_iter().for_each(|pod| self.pod_step_now(pod, PodStep::Crash)),
            Effect::ControlPlane(part) => self.begin_control_plane_outage(part, lasts),
            Effect::Join(specs) => specs.into_iter().for_each(|spec| self.join_when_possible(spec)),
        }
    }

    fn pod_step_now(&mut self, id: PodId, step: PodStep) {
        if let Some(pod) = self.cluster.pod(id).filter(|_| self.cluster.pod_exists(id)) {
            let event = kubelet::Event::Pod(id, pod.epoch, step);
            self.queue.push(self.cluster.now, Class::World, Event::Kubelet(event));
        }
    }

    /// The outage gets the number that its end will carry.
    fn lasting(&mut self, outage: Outage, lasts: Option<Span>) -> u32 {
        let number = self.faults.outages.lasting.len() as u32;
        self.faults.outages.lasting.push(Some(outage));
        if let Some(lasts) = lasts {
            self.queue.push(self.cluster.now.saturating_add(lasts), Class::World, Event::OutageEnds(number));
        }
        number
    }

    /// Nodes are in a condition from now on, for the span if given.
    pub(super) fn begin_outage(&mut self, condition: Condition, nodes: &[NodeId], lasts: Option<Span>) {
        let number = self.lasting(Outage::Nodes(condition, nodes.to_vec()), lasts);
        for &node in nodes {
            self.faults.outages.nodes.entry(node).or_default().push((number, condition));
            self.impose(node, condition);
        }
    }

    /// The end of an outage.
    pub(super) fn outage_ends(&mut self, number: u32, observer: &mut dyn Observer) {
        match self.faults.outages.lasting[number as usize].take() {
            Some(Outage::Nodes(condition, nodes)) => self.nodes_are_rid_of(number, condition, nodes, observer),
            Some(Outage::Pods(pods)) => {
                for pod in pods {
                    let Some(held) = self.faults.outages.pods.get_mut(&pod) else { continue };
                    *held -= 1;
                    if *held == 0 {
                        self.faults.outages.pods.remove(&pod);
                        self.pod_step_now(pod, PodStep::ReadyAgain);
                    }
                }
            }
            Some(Outage::ControlPlane) => self.end_control_plane_outage(number, observer),
            None => (),
        }
    }

    fn nodes_are_rid_of(&mut self, number: u32, condition: Condition, nodes: Vec<NodeId>, observer: &mut dyn Observer) {
        let outages = &mut self.faults.outages;
        let (mut rid, mut out_of_api) = (Vec::new(), Vec::new());
        for node in nodes {
            let Some(held) = outages.nodes.get_mut(&node) else { continue };
            let before = held.len();
            held.retain(|(outage, _)| *outage != number);
            let is_last = held.len() < before && !held.iter().any(|(_, other)| other.is_like(condition));
            if held.is_empty() {
                outages.nodes.remove(&node);
            }
            if self.cluster.node(node).is_some() && before > 0 {
                rid.push((node, is_last));
            } else if before > 0 {
                out_of_api.push(node);
            }
        }
        let ended: Vec<NodeId> = rid.iter().filter(|(_, last)| *last).map(|(node, _)| *node).collect();
        if !ended.is_empty() {
            let verb = end_verb(condition);
            let names = super::command::list(ended.iter().map(|node| self.cluster.node_name(*node)));
            let label = format!("{verb} {names}");
            let note = Note { nodes: ended, ..Note::new(ActionKind::FaultEnded, verb, label) };
            observer.note(note, &self.cluster);
        }
        rid.into_iter().map(|(node, _)| node).chain(out_of_api).for_each(|node| self.impose(node, condition));
    }

    /// Ends all outages of these kinds on nodes, as an operator does who repairs them.
    pub(super) fn end_outages(&mut self, nodes: &[NodeId], conditions: &[Condition]) {
        for &node in nodes {
            for &condition in conditions {
                self.faults.outages.forget(node, condition);
            }
        }
    }

    /// Makes a node what the outages that hold on it say, as far as conditions like this one go.
    /// Of a node that is gone from the API only the machine is left.
    fn impose(&mut self, id: NodeId, like: Condition) {
        let of_machine = matches!(like, Condition::Off | Condition::CutOff | Condition::NoKubelet);
        let removed = self.cluster.removed_node(id).filter(|_| of_machine);
        let Some(node) = self.cluster.node(id).or(removed) else { return };
        let (machine, outages) = (node.machine, &mut self.faults.outages);
        let held = outages.conditions(id, like).next().is_some();
        match like {
            Condition::Off if held => self.cluster.set_machine(id, |machine| machine.power = Power::Off),
            Condition::Off if machine.power == Power::Off => {
                self.cluster.set_machine(id, |machine| machine.power = Power::Booting);
            }
            Condition::Off => (),
            Condition::CutOff => {
                let link = if held || !outages.api_is_up() { Link::Partitioned } else { Link::Connected };
                self.cluster.set_machine(id, |machine| machine.link = link);
            }
            Condition::NoKubelet if machine.power == Power::On => {
                self.cluster.set_machine(id, |machine| machine.kubelet = !held);
            }
            Condition::NoKubelet => (), // the kubelet starts with the machine
            Condition::Slow { .. } => {
                let mut pace = Pace::default();
                for condition in outages.conditions(id, like) {
                    if let Condition::Slow { start_milli, progress_milli } = condition {
                        pace.start_milli = pace.start_milli.max(start_milli);
                        pace.progress_milli = pace.progress_milli.max(progress_milli);
                    }
                }
                self.cluster.set_pace(id, pace);
            }
            Condition::Reduced(_) => self.reduce(id, like),
            Condition::Skewed(_) => {
                let usual = *outages.periods.entry(id).or_insert(node.lease.period);
                let rate = |condition| if let Condition::Skewed(milli) = condition { milli } else { 1000 };
                let milli = outages.conditions(id, like).map(rate).max().unwrap_or(1000);
                let period = Span((u128::from(usual.0) * u128::from(milli) / 1000) as u64);
                self.cluster.set_lease_period(id, period.max(Span(1)));
            }
        }
    }

    /// Cpu and memory that can be allocated are the least share that any outage leaves.
    fn reduce(&mut self, id: NodeId, like: Condition) {
        let Some(node) = self.cluster.node(id) else { return };
        let outages = &mut self.faults.outages;
        let whole = outages.whole.entry(id).or_insert_with(|| node.spec.allocatable.clone()).clone();
        let share = |condition| if let Condition::Reduced(milli) = condition { i64::from(milli) } else { 1000 };
        let left = outages.conditions(id, like).map(share).min().unwrap_or(1000);
        let max_pods = node.spec.max_pods;
        let part = |amount: i64| (i128::from(amount) * i128::from(left) / 1000) as i64;
        let allocatable = Resources { cpu: part(whole.cpu), memory: part(whole.memory), ..whole };
        self.cluster.set_allocatable(id, allocatable, max_pods);
    }

    /// The whole of a node is another: outages leave their share of that.
    pub(super) fn reduce_again(&mut self, id: NodeId) {
        if self.faults.outages.whole.remove(&id).is_some() {
            self.reduce(id, Condition::Reduced(0));
        }
    }

    fn do_to_nodes(&mut self, deed: Deed, nodes: &[NodeId]) {
        match deed {
            Deed::Reboot => self.restart_machines(nodes),
            Deed::Drain(grace) => self.drain(nodes, grace),
            Deed::Cordon => nodes.iter().for_each(|node| self.cluster.set_cordon(*node, true)),
            Deed::Uncordon => nodes.iter().for_each(|node| self.cluster.set_cordon(*node, false)),
            Deed::Reclaim => self.reclaim(nodes),
            Deed::ShutDown { period, critical, off } => {
                nodes.iter().for_each(|node| self.shut_down(*node, (period, critical), off));
            }
            Deed::Replace(after) => nodes.iter().for_each(|node| self.replace(*node, &after)),
        }
    }

    /// Machines with power restart.
    pub(super) fn restart_machines(&mut self, nodes: &[NodeId]) {
        for &node in nodes {
            if self.faults.outages.conditions(node, Condition::Off).next().is_none() {
                self.cluster.set_machine(node, |machine| machine.power = Power::Booting);
            }
        }
    }

    /// The kubelet ends its pods; once it has, the machine is off.
    fn shut_down(&mut self, node: NodeId, periods: (Span, Span), off: Option<Span>) {
        let mut todo = kubelet::Todo::default();
        let ended = self.kubelet.shut_down(node, periods, &self.cluster, &mut todo);
        self.cluster.set_machine(node, |machine| machine.healthy = false);
        self.carry_out(todo);
        let ended = ended + Span(1); // what the kubelet does at that instant comes first
        self.queue.push(ended, Class::World, Event::PowerOff(node, off.map_or(u64::MAX, |off| off.0)));
    }

    /// A machine that has shut down is off.
    pub(super) fn power_off(&mut self, node: NodeId, lasts: u64) {
        if self.cluster.node(node).is_some() {
            self.begin_outage(Condition::Off, &[node], (lasts < u64::MAX).then_some(Span(lasts)));
        }
    }

    /// A machine like this one joins under its name once it has booted: fresh, so without the taints of
    /// conditions and without images.
    fn replace(&mut self, id: NodeId, after: &Distribution) {
        let Some(node) = self.cluster.node(id) else { return };
        let mut spec = node.spec.clone();
        let names = &self.cluster.names;
        spec.taints.retain(|taint| !names.text(taint.key).starts_with("node.kubernetes.io/"));
        spec.unschedulable = false;
        spec.images.clear();
        if let Some(whole) = self.faults.outages.whole.get(&id) {
            spec.allocatable = whole.clone();
        }
        let name = self.cluster.names.text(spec.name);
        let mut stream = self.cluster.seed.stream(&format!("replacement/{name}"), self.cluster.now.0);
        let at = self.cluster.now.saturating_add(after.sample(&mut stream));
        self.joining.push(Some(spec));
        self.queue.push(at, Class::World, Event::Join(self.joining.len() as u32 - 1));
    }

    /// A machine that was ordered registers.
    pub(super) fn join_ordered(&mut self, number: u32) {
        if let Some(spec) = self.joining[number as usize].take() {
            self.join_when_possible(spec);
        }
    }

    /// A machine registers, now or as soon as somebody takes its registration.
    pub(super) fn join_when_possible(&mut self, spec: NodeSpec) {
        if !self.faults.outages.api_is_up() {
            self.joining.push(Some(spec));
            self.wait_for_api(Event::Join(self.joining.len() as u32 - 1));
        } else if let Some(node) = self.cluster.find_node(spec.name) {
            self.cloud.wait_for_name(node, spec);
        } else {
            self.join(spec);
        }
    }

    /// The event happens again when the API server is back.
    pub(super) fn wait_for_api(&mut self, event: Event) {
        self.faults.outages.waiting.push(event);
    }

    fn begin_unready(&mut self, pods: Vec<PodId>, lasts: Option<Span>) {
        for &pod in &pods {
            *self.faults.outages.pods.entry(pod).or_default() += 1;
            self.pod_step_now(pod, PodStep::Unready);
        }
        self.lasting(Outage::Pods(pods), lasts);
    }

    fn begin_control_plane_outage(&mut self, part: Part, lasts: Option<Span>) {
        let number = self.lasting(Outage::ControlPlane, lasts);
        self.faults.outages.control_plane.push((number, part));
        match part {
            Part::Scheduler => self.stop(Component::Scheduler),
            Part::ControllerManager => self.stop(Component::ControllerManager),
            Part::SlowScheduler(_) => (),
            Part::ApiServer => {
                self.stop(Component::Scheduler);
                self.stop(Component::ControllerManager);
                self.impose_link_everywhere();
            }
        }
    }

    fn impose_link_everywhere(&mut self) {
        let nodes: Vec<NodeId> = self.cluster.nodes().map(|(id, _)| id).collect();
        nodes.into_iter().for_each(|node| self.impose(node, Condition::CutOff));
    }

    fn end_control_plane_outage(&mut self, number: u32, observer: &mut dyn Observer) {
        let outages = &mut self.faults.outages;
        let Some(position) = outages.control_plane.iter().position(|(outage, _)| *outage == number) else { return };
        let (_, part) = outages.control_plane.remove(position);
        let (verb, what) = ("start", part_name(part));
        let label = format!("{verb} {what}");
        let note = Note { outage: Some(number), ..Note::new(ActionKind::FaultEnded, verb, label) };
        observer.note(note, &self.cluster);
        if part == Part::ApiServer && self.faults.outages.api_is_up() {
            self.impose_link_everywhere();
            // at once, so that no request made at this instant overtakes one that has waited
            for event in std::mem::take(&mut self.faults.outages.waiting) {
                self.handle(event, observer);
            }
        }
        for component in [Component::Scheduler, Component::ControllerManager] {
            let was_held = part == Part::ApiServer
                || (part == Part::Scheduler) == (component == Component::Scheduler)
                    && !matches!(part, Part::SlowScheduler(_));
            if was_held && !self.faults.outages.holds(component) {
                self.start(component);
            }
        }
    }
}

/// What the end of a condition is called.
fn end_verb(condition: Condition) -> &'static str {
    match condition {
        Condition::Off => "recover",
        Condition::CutOff => "heal",
        Condition::NoKubelet => "kubelet-start",
        Condition::Slow { .. } => "speed-up",
        Condition::Reduced(_) => "capacity-back",
        Condition::Skewed(_) => "clock-right",
    }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Scheduler => "kube-scheduler",
        Part::SlowScheduler(_) => "kube-scheduler at full speed",
        Part::ControllerManager => "kube-controller-manager",
        Part::ApiServer => "kube-apiserver",
    }
}
