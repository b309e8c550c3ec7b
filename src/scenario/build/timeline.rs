//! Steps of the timeline as commands.

use super::Builder;
use crate::cluster::{Effect, Kind, Name, Names, Operator, Requirement, Selector};
use crate::engine::{Span, Time};
use crate::scenario::schema::selector::{LabelSelector, SelectorOperator};
use crate::scenario::schema::timeline::{Action, NodeSet, ObjectReference, Step, Target, TimedTarget, Update};
use crate::scenario::schema::values::{Amount, Effect as WrittenEffect};
use crate::simulation::{self, Command, Sample};

impl Builder<'_> {
    /// All commands in order of time; of one instant, what happens to recorded machines, then steps in the order of the
    /// file.
    pub(super) fn timeline(&mut self) -> Vec<(Time, Command)> {
        let mut steps: Vec<&Step> = self.scenario.timeline.iter().collect();
        steps.sort_by_key(|step| step.at.value);
        let command = |step: &Step| Some((Time(step.at.value.0), self.command(step)?));
        let steps: Vec<(Time, Command)> = steps.into_iter().filter_map(command).collect();
        let mut timeline = std::mem::take(&mut self.recorded);
        timeline.extend(steps);
        timeline.sort_by_key(|(at, _)| *at);
        timeline
    }

    fn command(&mut self, step: &Step) -> Option<Command> {
        let names = &mut self.cluster.names;
        Some(match &step.action {
            Action::Crash(timed) => Command::Crash(target(&timed.target, names), span(timed)),
            Action::Recover(which) => Command::Recover(target(which, names)),
            Action::Reboot(which) => Command::Reboot(target(which, names), None),
            Action::Partition(timed) => Command::Partition(target(&timed.target, names), span(timed)),
            Action::Heal(which) => Command::Heal(target(which, names)),
            Action::Cordon(timed) => Command::Cordon(target(&timed.target, names), span(timed)),
            Action::Uncordon(which) => Command::Uncordon(target(which, names)),
            Action::Drain(drain) => Command::Drain(target(&drain.target, names), drain.grace_period),
            Action::Taint(taint) => {
                let (key, value) = (names.intern(&taint.key), names.intern(taint.value.as_deref().unwrap_or_default()));
                Command::Taint(target(&taint.target, names), key, value, effect(taint.effect))
            }
            Action::Untaint(taint) => {
                let key = names.intern(&taint.key);
                Command::Untaint(target(&taint.target, names), key, taint.effect.map(effect))
            }
            Action::DeleteNode(which) => Command::DeleteNode(target(which, names)),
            Action::AddNodes(group) => Command::AddNodes(self.group(group)),
            Action::Create(workload) => {
                Command::Create(workload.objects().iter().flat_map(|object| self.create(object)).collect())
            }
            Action::Scale(scale) => {
                let (kind, namespace, name) = reference(&scale.object, names)?;
                Command::Scale(kind, namespace, name, scale.replicas.value)
            }
            Action::Apply(workload) => {
                Command::Apply(workload.objects().iter().flat_map(|object| self.apply(object)).collect())
            }
            Action::Delete(object) => self.delete(object)?,
            Action::Update(Update { object, .. }) | Action::Restart(object) | Action::Undo(object) => {
                self.roll(object, step)?
            }
            Action::Pause(object) | Action::Resume(object) => {
                let (_, namespace, name) = reference(object, names)?;
                Command::Pause(namespace, name, matches!(step.action, Action::Pause(_)))
            }
            Action::Label(label) => {
                let value = label.value.as_ref().map(|value| names.intern(value));
                Command::Label(target(&label.target, names), names.intern(&label.key), value)
            }
        })
    }

    fn delete(&mut self, object: &ObjectReference) -> Option<Command> {
        let names = &mut self.cluster.names;
        if let Some(pod) = &object.pod {
            return Some(Command::DeletePod(names.intern(&object.namespace), pod.text.clone(), None));
        }
        self.templates.delete(object);
        let (kind, namespace, name) = reference(object, names)?;
        Some(Command::Delete(kind, namespace, name))
    }

    /// A rollout, with the template that the object then has.
    fn roll(&mut self, reference: &ObjectReference, step: &Step) -> Option<Command> {
        let object = match self.templates.roll(reference, step) {
            Ok(object) => object.clone(),
            Err(why) => {
                self.problems.report(step.location, why);
                return None;
            }
        };
        match self.body(&object) {
            Ok(body) => {
                let (kind, namespace, name) = self::reference(reference, &mut self.cluster.names)?;
                Some(Command::SetTemplate(kind, namespace, name, body.template()?))
            }
            Err(problems) => {
                for problem in problems {
                    self.problems.report(step.location, problem.message).expected(problem.path);
                }
                None
            }
        }
    }
}

fn span(timed: &TimedTarget) -> Option<Span> {
    timed.duration.as_ref().map(|duration| duration.value)
}

fn target(written: &Target, names: &mut Names) -> simulation::Target {
    let mut target = simulation::Target {
        names: written.node.iter().map(|node| names.intern(node)).collect(),
        zone: written.zone.as_ref().map(|zone| names.intern(zone)),
        selector: None,
        sample: written.random.as_ref().map(|random| match random.value {
            Amount::Count(count) => Sample::Count(count),
            Amount::Percent(percent) => Sample::Percent(percent),
        }),
    };
    match &written.nodes {
        Some(NodeSet::Names(nodes)) => target.names.extend(nodes.iter().map(|node| names.intern(node))),
        Some(NodeSet::Selector(selector)) => target.selector = Some(self::selector(selector, names)),
        None => {}
    }
    target
}

pub(super) fn selector(written: &LabelSelector, names: &mut Names) -> Selector {
    let requirements = written.requirements.iter().map(|requirement| Requirement {
        key: names.intern(&requirement.key),
        operator: match requirement.operator {
            SelectorOperator::In => Operator::In,
            SelectorOperator::NotIn => Operator::NotIn,
            SelectorOperator::Exists => Operator::Exists,
            SelectorOperator::DoesNotExist => Operator::DoesNotExist,
        },
        values: requirement.values.iter().map(|value| names.intern(value)).collect(),
    });
    Selector { requirements: requirements.collect() }
}

fn effect(written: WrittenEffect) -> Effect {
    match written {
        WrittenEffect::NoSchedule => Effect::NoSchedule,
        WrittenEffect::PreferNoSchedule => Effect::PreferNoSchedule,
        WrittenEffect::NoExecute => Effect::NoExecute,
    }
}

/// Kind, namespace and name of an object that is no pod.
fn reference(object: &ObjectReference, names: &mut Names) -> Option<(Kind, Name, Name)> {
    let (_, kind, name) = object.named().next()?;
    let kind = match kind {
        "Deployment" => Kind::Deployment,
        "ReplicaSet" => Kind::ReplicaSet,
        "StatefulSet" => Kind::StatefulSet,
        "DaemonSet" => Kind::DaemonSet,
        "Job" => Kind::Job,
        "CronJob" => Kind::CronJob,
        "PodDisruptionBudget" => Kind::PodDisruptionBudget,
        _ => return None,
    };
    Some((kind, names.intern(&object.namespace), names.intern(name)))
}
