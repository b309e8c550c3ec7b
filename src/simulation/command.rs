//! Carries out what an operator commands and what faults do.

use rustc_hash::FxHashSet;

use crate::cluster::{Action, Cascade, Cluster, Effect, Kind, Link, Machine, Name, NodeId, Pod, PodId, PodName, Power};
use crate::engine::Span;
use crate::faults::Condition;
use crate::outcome::ActionKind;

use super::observer::{Note, Observer};
use super::setup::{Command, Target, Workload};
use super::{Simulation, target};

impl Simulation {
    /// Carries out one entry of the timeline.
    pub(super) fn execute(&mut self, command: Command, observer: &mut dyn Observer) {
        let nodes = target_of(&command).map(|target| self.resolve(target, &command)).unwrap_or_default();
        let note = self.describe(&command, &nodes);
        if note.kind == ActionKind::Fault {
            self.trace(note.verb, &nodes, None);
        }
        observer.note(note, &self.cluster);
        if needs_api(&command) && !self.faults.outages.api_is_up() {
            return; // the request fails
        }
        match command {
            Command::Crash(_, back) => self.begin_outage(Condition::Off, &nodes, back),
            Command::Reboot(_, duration) => self.reboot(&nodes, duration),
            Command::Partition(_, back) => self.begin_outage(Condition::CutOff, &nodes, back),
            Command::Recover(_) => self.recover(&nodes),
            Command::Heal(_) => {
                self.end_outages(&nodes, &[Condition::CutOff]);
                self.each_machine(&nodes, |machine| machine.link = Link::Connected);
            }
            Command::Cordon(_, back) => {
                self.each(&nodes, |cluster, node| cluster.set_cordon(node, true));
                self.undo_later(back, &nodes, Command::Uncordon);
            }
            Command::Uncordon(_) => self.each(&nodes, |cluster, node| cluster.set_cordon(node, false)),
            Command::Drain(_, grace) => self.drain(&nodes, grace),
            Command::Taint(_, key, value, effect) => {
                self.each(&nodes, |cluster, node| cluster.add_taint(node, key, value, effect));
            }
            Command::Untaint(_, key, effect) => self.each(&nodes, |cluster, node| untaint(cluster, node, key, effect)),
            Command::DeleteNode(_) => self.each(&nodes, Cluster::remove_node),
            other => self.execute_on_kubelets(other, &nodes),
        }
    }

    /// The nodes a command is for. A sample is drawn from a stream named by the verb, the instant, and how many
    /// such commands came before at that instant: no other entry of the timeline moves it.
    fn resolve(&mut self, target: &Target, command: &Command) -> Vec<NodeId> {
        let (_, verb) = verb(command);
        let now = self.cluster.now;
        let (at, before) = self.targets_drawn.entry(verb).or_default();
        *before = if *at == now { *before + 1 } else { 0 };
        *at = now;
        let stream = self.cluster.seed.stream(&format!("target/{verb}/{before}"), now.0);
        target::resolve(target, &self.cluster, stream)
    }

    /// Labels, what kubelets say of their nodes, and recorded machines.
    fn execute_on_kubelets(&mut self, command: Command, nodes: &[NodeId]) {
        match command {
            Command::ReplaceTaints(_, taints) => {
                self.each(nodes, |cluster, node| cluster.replace_taints(node, taints.clone()));
            }
            Command::Label(_, key, value) => self.each(nodes, |cluster, node| label(cluster, node, key, value)),
            Command::Sicken(_, back) => {
                self.each_machine(nodes, |machine| machine.healthy = false);
                self.undo_later(back, nodes, Command::Cure);
            }
            Command::Cure(_) => self.each_machine(nodes, |machine| machine.healthy = true),
            Command::MachineJoins(spec) => self.join_when_possible(spec),
            Command::MachineLeaves(target) => self.machines_leave(&target.names, nodes),
            Command::MachineResized(target, cpu, memory) => self.machines_resized(&target.names, nodes, cpu, memory),
            other => self.execute_on_objects(other),
        }
    }

    /// The commands that are not about nodes that exist.
    fn execute_on_objects(&mut self, command: Command) {
        match command {
            Command::AddNodes(nodes) => {
                for node in nodes {
                    if self.cluster.find_node(node.name).is_none() {
                        self.join(node);
                    }
                }
            }
            Command::Create(workloads) => self.create_all(workloads),
            Command::Scale(kind, namespace, name, replicas) => {
                if let Some(id) = self.cluster.find_object(kind, namespace, name) {
                    self.cluster.scale(id, replicas);
                }
            }
            Command::Delete(kind, namespace, name) => self.delete(kind, namespace, name),
            Command::DeletePod(namespace, name, grace) => self.delete_pod(namespace, &name, grace),
            Command::SetTemplate(kind, namespace, name, template) => {
                if let Some(id) = self.cluster.find_object(kind, namespace, name) {
                    self.cluster.set_template(id, template);
                }
            }
            Command::Pause(namespace, name, paused) => {
                if let Some(id) = self.cluster.find_object(Kind::Deployment, namespace, name) {
                    self.cluster.update_deployment(id, |deployment| deployment.paused = paused);
                }
            }
            Command::Apply(workloads) => workloads.into_iter().for_each(|workload| self.replace_spec(workload)),
            Command::Ungate(namespace, name) => {
                if let Some(pod) = self.find_pod(namespace, &name) {
                    self.cluster.ungate(pod);
                }
            }
            Command::SetDeletionCost(namespace, name, cost) => {
                if let Some(pod) = self.find_pod(namespace, &name) {
                    self.cluster.set_deletion_cost(pod, cost);
                }
            }
            Command::Stop(component) => self.stop(component),
            Command::Start(component) => self.start(component),
            Command::FailOver(component, exit, after) => self.fail_over(component, exit, after),
            _ => (),
        }
    }

    /// `kubectl apply` of an object.
    fn replace_spec(&mut self, workload: Workload) {
        if let Workload::Object { namespace, name, body, .. } = &workload
            && let Some(id) = self.cluster.find_object(body.kind(), *namespace, *name)
        {
            self.cluster.replace_spec(id, body.clone());
        } else {
            self.create(workload);
        }
    }

    /// `kubectl create`: what is there already stays as it is.
    fn create_all(&mut self, workloads: Vec<Workload>) {
        let key = |(_, pod): (PodId, &Pod)| match pod.name {
            PodName::Given(name) => Some((self.cluster.spec(pod.spec).namespace, name)),
            PodName::Generated(_) | PodName::Ordinal(..) | PodName::Indexed(..) => None,
        };
        let taken: FxHashSet<(Name, Name)> = self.cluster.pods().filter_map(key).collect();
        for workload in workloads {
            match &workload {
                Workload::Pod { name, spec } if taken.contains(&(self.cluster.spec(*spec).namespace, *name)) => (),
                _ => self.create(workload),
            }
        }
    }

    fn each(&mut self, nodes: &[NodeId], mut act: impl FnMut(&mut Cluster, NodeId)) {
        for &node in nodes {
            act(&mut self.cluster, node);
        }
    }

    fn each_machine(&mut self, nodes: &[NodeId], change: impl Fn(&mut Machine)) {
        self.each(nodes, |cluster, node| cluster.set_machine(node, &change));
    }

    /// The command that ends this one, for the same nodes.
    fn undo_later(&mut self, after: Option<Span>, nodes: &[NodeId], undo: fn(Target) -> Command) {
        let Some(after) = after else { return };
        let names: Vec<Name> = nodes.iter().filter_map(|id| self.cluster.node(*id)).map(|node| node.name()).collect();
        if !names.is_empty() {
            self.command_at(self.cluster.now + after, undo(Target { names, ..Target::default() }));
        }
    }

    /// Machines that are off are switched on; partitions end.
    fn recover(&mut self, nodes: &[NodeId]) {
        self.end_outages(nodes, &[Condition::Off, Condition::CutOff, Condition::NoKubelet]);
        self.each_machine(nodes, |machine| {
            machine.link = Link::Connected;
            machine.kubelet = true;
            if machine.power == Power::Off {
                machine.power = Power::Booting;
            }
        });
    }

    /// Power off and on again; a given duration stands for the whole boot.
    fn reboot(&mut self, nodes: &[NodeId], duration: Option<Span>) {
        match duration {
            None => self.restart_machines(nodes),
            Some(_) => self.begin_outage(Condition::Off, nodes, duration),
        }
    }

    fn delete(&mut self, kind: Kind, namespace: Name, name: Name) {
        if let Some(id) = self.cluster.find_object(kind, namespace, name) {
            self.cluster.delete_object(id, Cascade::Background);
        }
    }

    fn delete_pod(&mut self, namespace: Name, name: &str, grace: Option<Span>) {
        if let Some(pod) = self.find_pod(namespace, name) {
            self.cluster.apply(Action::DeletePod { pod, grace, by: None });
        }
    }

    /// The note for observers.
    fn describe(&self, command: &Command, nodes: &[NodeId]) -> Note {
        let (kind, verb) = verb(command);
        let names = &self.cluster.names;
        let what = match command {
            Command::Scale(of, _, name, replicas) => {
                format!("{}/{} to {replicas}", of.as_str().to_lowercase(), names.text(*name))
            }
            Command::Delete(of, _, name) => format!("{}/{}", of.as_str().to_lowercase(), names.text(*name)),
            Command::DeletePod(_, name, _) => format!("pod/{name}"),
            Command::SetTemplate(of, _, name, _) => format!("{}/{}", of.as_str().to_lowercase(), names.text(*name)),
            Command::Pause(_, name, _) => format!("deployment/{}", names.text(*name)),
            Command::AddNodes(nodes) => list(nodes.iter().map(|node| names.text(node.name))),
            Command::MachineJoins(node) => names.text(node.name).to_string(),
            Command::Create(workloads) => list(workloads.iter().map(|workload| self.reference(workload))),
            Command::Apply(workloads) => list(workloads.iter().map(|workload| self.reference(workload))),
            Command::Ungate(_, name) | Command::SetDeletionCost(_, name, _) => format!("pod/{name}"),
            Command::Stop(component) | Command::Start(component) | Command::FailOver(component, ..) => {
                component.as_str().to_string()
            }
            _ => list(nodes.iter().map(|node| self.cluster.node_name(*node))),
        };
        let struck = match target_of(command) {
            Some(_) => !nodes.is_empty(),
            None => self.has_object(command),
        };
        let struck = struck && (self.faults.outages.api_is_up() || !needs_api(command));
        Note { nodes: nodes.to_vec(), struck, ..Note::new(kind, verb, format!("{verb} {what}")) }
    }

    /// What is created or applied, as kubectl names it.
    fn reference(&self, workload: &Workload) -> String {
        let names = &self.cluster.names;
        match workload {
            Workload::Object { body, name, .. } => {
                format!("{}/{}", body.kind().as_str().to_lowercase(), names.text(*name))
            }
            Workload::Pod { name, .. } => format!("pod/{}", names.text(*name)),
        }
    }

    /// Whether what a command is about exists now.
    fn has_object(&self, command: &Command) -> bool {
        match command {
            Command::Scale(kind, namespace, name, _) | Command::Delete(kind, namespace, name) => {
                self.cluster.find_object(*kind, *namespace, *name).is_some()
            }
            Command::SetTemplate(kind, namespace, name, _) => {
                self.cluster.find_object(*kind, *namespace, *name).is_some()
            }
            Command::Pause(namespace, name, _) => {
                self.cluster.find_object(Kind::Deployment, *namespace, *name).is_some()
            }
            Command::Ungate(namespace, name)
            | Command::SetDeletionCost(namespace, name, _)
            | Command::DeletePod(namespace, name, _) => self.find_pod(*namespace, name).is_some(),
            _ => true,
        }
    }

    fn find_pod(&self, namespace: Name, name: &str) -> Option<PodId> {
        let namespace = self.cluster.names.text(namespace);
        let is_it = |id: &PodId| self.cluster.pod_name(*id) == name && self.cluster.pod_namespace(*id) == namespace;
        self.cluster.pods().map(|(id, _)| id).find(is_it)
    }
}

/// Up to three names, and how many more.
pub(super) fn list<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    let names: Vec<T> = names.collect();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.len() {
        0 => "(no node matches)".to_string(),
        1..=3 => names.join(", "),
        n => format!("{} and {} more", names[..2].join(", "), n - 2),
    }
}

/// Its kind and its verb. What takes pods away on purpose is a disruption.
fn verb(command: &Command) -> (ActionKind, &'static str) {
    use ActionKind::{Command as Operation, Disruption, Fault, FaultEnded};
    match command {
        Command::Crash(..) => (Fault, "crash"),
        Command::Recover(..) => (FaultEnded, "recover"),
        Command::Reboot(..) => (Fault, "reboot"),
        Command::Partition(..) => (Fault, "partition"),
        Command::Heal(..) => (FaultEnded, "heal"),
        Command::Cordon(..) => (Operation, "cordon"),
        Command::Uncordon(..) => (Operation, "uncordon"),
        Command::Drain(..) => (Disruption, "drain"),
        Command::Taint(_, _, _, Effect::NoExecute) => (Disruption, "taint"),
        Command::Taint(..) => (Operation, "taint"),
        Command::Untaint(..) => (Operation, "untaint"),
        Command::DeleteNode(..) => (Disruption, "delete-node"),
        Command::AddNodes(..) => (Operation, "add-nodes"),
        Command::Create(..) => (Operation, "create"),
        Command::Scale(..) => (Operation, "scale"),
        Command::Delete(..) | Command::DeletePod(..) => (Operation, "delete"),
        Command::SetTemplate(..) => (Operation, "update"),
        Command::Pause(_, _, true) => (Operation, "pause"),
        Command::Pause(..) => (Operation, "resume"),
        Command::Apply(..) => (Operation, "apply"),
        Command::ReplaceTaints(_, taints) if taints.iter().any(|taint| taint.effect == Effect::NoExecute) => {
            (Disruption, "taint")
        }
        Command::ReplaceTaints(..) => (Operation, "taint"),
        Command::Label(..) => (Operation, "label"),
        Command::Ungate(..) => (Operation, "ungate"),
        Command::SetDeletionCost(..) => (Operation, "annotate"),
        Command::Sicken(..) => (Fault, "sicken"),
        Command::Cure(..) => (FaultEnded, "cure"),
        Command::Stop(..) => (Fault, "stop"),
        Command::Start(..) => (FaultEnded, "start"),
        Command::FailOver(..) => (Fault, "fail over"),
        Command::MachineJoins(..) => (Operation, "machine-joins"),
        Command::MachineLeaves(..) => (Fault, "machine-leaves"),
        Command::MachineResized(..) => (Operation, "machine-resized"),
    }
}

/// Whether a command is a request to the API server.
fn needs_api(command: &Command) -> bool {
    let physical = matches!(
        command,
        Command::Crash(..)
            | Command::Recover(_)
            | Command::Reboot(..)
            | Command::Partition(..)
            | Command::Heal(_)
            | Command::Sicken(..)
            | Command::Cure(_)
            | Command::Stop(_)
            | Command::Start(_)
            | Command::FailOver(..)
            | Command::MachineJoins(_)
            | Command::MachineLeaves(_)
            | Command::MachineResized(..)
    );
    !physical
}

fn target_of(command: &Command) -> Option<&Target> {
    match command {
        Command::Crash(target, _)
        | Command::Recover(target)
        | Command::Reboot(target, _)
        | Command::Partition(target, _)
        | Command::Heal(target)
        | Command::Cordon(target, _)
        | Command::Uncordon(target)
        | Command::Drain(target, _)
        | Command::Taint(target, ..)
        | Command::Untaint(target, ..)
        | Command::DeleteNode(target)
        | Command::ReplaceTaints(target, _)
        | Command::Label(target, ..)
        | Command::Sicken(target, _)
        | Command::Cure(target)
        | Command::MachineLeaves(target)
        | Command::MachineResized(target, ..) => Some(target),
        _ => None,
    }
}

/// Sets a label of a node, or removes it.
fn label(cluster: &mut Cluster, id: NodeId, key: Name, value: Option<Name>) {
    let Some(labels) = cluster.node(id).map(|node| &node.spec.labels) else { return };
    let labels = match value {
        Some(value) => labels.with(key, value),
        None => labels.without(key),
    };
    cluster.set_node_labels(id, labels);
}

fn untaint(cluster: &mut Cluster, node: NodeId, key: Name, effect: Option<Effect>) {
    match effect {
        Some(effect) => cluster.remove_taint(node, key, effect),
        None => {
            for effect in [Effect::NoSchedule, Effect::PreferNoSchedule, Effect::NoExecute] {
                cluster.remove_taint(node, key, effect);
            }
        }
    }
}
