//! Steps of the timeline as commands.

use super::Builder;
use crate::cluster::{Body, Effect, Kind, Name, Names, Operator, Requirement, Selector};
use crate::engine::{Span, Time};
use crate::scenario::schema::selector::{LabelSelector, SelectorOperator};
use crate::scenario::schema::timeline::{Action, NodeSet, ObjectReference, Step, Target, TimedTarget, Update};
use crate::scenario::schema::values::{Amount, Effect as WrittenEffect};
use crate::simulation::{self, Command, Sample};

impl Builder<'_> {
    /// All commands in order of time; those of one instant in the order of the file.
    pub(super) fn timeline(&mut self) -> Vec<(Time, Command)> {
        let mut steps: Vec<&Step> = self.scenario.timeline.iter().collect();
        steps.sort_by_key(|step| step.at.value);
        let command = |step: &Step| Some((Time(step.at.value.0), self.command(step)?));
        steps.into_iter().filter_map(command).collect()
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
            Action::Delete(object) => self.delete(object)?,
            Action::Update(update) => self.update(update, step)?,
        })
    }

    fn delete(&mut self, object: &ObjectReference) -> Option<Command> {
        let names = &mut self.cluster.names;
        if let Some(pod) = &object.pod {
            return Some(Command::DeletePod(names.intern(&object.namespace), pod.text.clone(), None));
        }
        if let Some(deployment) = &object.deployment {
            self.templates.delete(&object.namespace, deployment);
        }
        let (kind, namespace, name) = reference(object, names)?;
        Some(Command::Delete(kind, namespace, name))
    }

    /// An update, with the template that the Deployment then has.
    fn update(&mut self, update: &Update, step: &Step) -> Option<Command> {
        let object = match self.templates.update(update) {
            Ok(object) => object.clone(),
            Err(why) => {
                self.problems.report(step.location, why);
                return None;
            }
        };
        match self.body(&object) {
            Ok(Body::Deployment(deployment)) => {
                let names = &mut self.cluster.names;
                let (namespace, name) = (names.intern(&update.namespace), names.intern(&update.deployment));
                Some(Command::SetTemplate(namespace, name, deployment.template))
            }
            Ok(_) => None,
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

/// Kind, namespace and name of what owns pods.
fn reference(object: &ObjectReference, names: &mut Names) -> Option<(Kind, Name, Name)> {
    let namespace = names.intern(&object.namespace);
    match (&object.deployment, &object.replica_set) {
        (Some(name), _) => Some((Kind::Deployment, namespace, names.intern(name))),
        (None, Some(name)) => Some((Kind::ReplicaSet, namespace, names.intern(name))),
        (None, None) => None,
    }
}
