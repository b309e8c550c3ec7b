//! Entries of `faults:` as faults of the simulation.

use std::rc::Rc;

use super::Builder;
use super::timeline::selector;
use crate::cluster::{Name, Names};
use crate::engine::{Distribution, Span, Time};
use crate::faults::{self, Condition, Mode, NodeVictims, Plan, PodVictims, Trace, Victims, When, models};
use crate::scenario::schema::faults::{self as written, Fault, NodeChoice, NodeFault, PodFault, Timing};
use crate::scenario::schema::values::{Amount, Latency};

const ZONE: &str = "topology.kubernetes.io/zone";

impl Builder<'_> {
    /// All faults, in the order of the file.
    pub(super) fn faults(&mut self) -> Vec<faults::Fault> {
        let mut built: Vec<faults::Fault> = Vec::new();
        for entry in &self.scenario.faults {
            let given = entry.name.as_ref().map(|name| name.text.clone());
            if let Fault::Model(model) = &entry.fault {
                let rack = self.cluster.names.intern(&model.0.rack_label);
                for mut fault in
                    models::find(&model.0.name).iter().flat_map(|m| m.faults(rack, &mut self.cluster.names))
                {
                    fault.name =
                        free_name(given.as_ref().map_or(fault.name.clone(), |n| format!("{n}/{}", fault.name)), &built);
                    built.push(fault);
                }
                continue;
            }
            let own = format!("{} {}", entry.fault.key(), entry.aim);
            let name = free_name(given.unwrap_or_else(|| own.trim_end().to_string()), &built);
            let fault = self.fault(name, &entry.fault);
            built.push(fault);
        }
        built
    }

    fn fault(&mut self, name: String, fault: &Fault) -> faults::Fault {
        let names = &mut self.cluster.names;
        let nodes = fault.nodes();
        let burst = nodes.and_then(|nodes| nodes.burst.as_ref()).map(|burst| faults::Burst {
            probability: burst.probability.value,
            followers_mean: burst.followers.value,
            window: burst.window,
            domain: burst.label.as_ref().map(|label| names.intern(label)),
        });
        let cascade = nodes.and_then(|nodes| nodes.cascade.as_ref()).map(|cascade| faults::Cascade {
            overload_milli: milli(cascade.overload.value).into(),
            probability: cascade.probability.value,
            window: cascade.window,
            domain: cascade.label.as_ref().map(|label| names.intern(label)),
        });
        let victims = victims(fault, names);
        let (plan, timing) = (self.plan(fault), fault.timing());
        let when = timing.map_or(When::At(Time::ZERO), when);
        faults::Fault {
            name,
            plan,
            victims,
            when,
            lasts: timing.and_then(lasts),
            probability: timing.and_then(|timing| timing.probability.as_ref()).map_or(1.0, |it| it.value),
            aged: timing.is_some_and(|timing| timing.aged),
            burst,
            cascade,
            followers_until: None,
            expected: true,
        }
    }

    /// What happens to the victims.
    fn plan(&mut self, fault: &Fault) -> Rc<dyn Plan> {
        match fault {
            Fault::NodeCrash(_) => Rc::new(faults::NodeCrash),
            Fault::Reboot(_) => Rc::new(faults::Reboot),
            Fault::KubeletStop(_) => Rc::new(faults::KubeletStop),
            Fault::Partition(_) => Rc::new(faults::Partition),
            Fault::GracefulShutdown(it) => {
                Rc::new(faults::GracefulShutdown { period: it.grace_period, critical: it.critical })
            }
            Fault::Flapping(it) => Rc::new(faults::Flapping {
                condition: silent(it.by),
                down: it.down.0.clone(),
                up: it.up.0.clone(),
                in_all: Span(1),
            }),
            Fault::SlowNode(it) => {
                Rc::new(faults::SlowNode { start_milli: milli(it.start.value), progress_milli: milli(it.work.value) })
            }
            Fault::CapacityLoss(it) => Rc::new(faults::CapacityLoss { left_milli: milli(1.0 - it.lost.value) }),
            Fault::ClockSkew(it) => Rc::new(faults::ClockSkew { rate_milli: milli(it.rate.value) }),
            Fault::DomainOutage(it) => Rc::new(faults::DomainOutage { partitions_milli: milli(it.partitions.value) }),
            Fault::RollingRestart(it) => {
                Rc::new(faults::RollingRestart { interval: it.interval, batch: it.batch as usize })
            }
            Fault::Maintenance(it) => Rc::new(faults::Maintenance { drain: it.drain }),
            Fault::SpotInterruption(it) => Rc::new(faults::SpotInterruption {
                notice: it.notice,
                drain: it.drain,
                replacement: it.replacement.as_ref().map(|latency| latency.0.clone()),
            }),
            Fault::PodKill(it) => Rc::new(faults::PodKill { grace: it.grace_period }),
            Fault::ContainerCrash(_) => Rc::new(faults::ContainerCrash),
            Fault::ReadinessFlap(_) => Rc::new(faults::ReadinessFlap),
            Fault::SchedulerDown(_) => Rc::new(faults::SchedulerDown),
            Fault::SchedulerSlow(it) => Rc::new(faults::SchedulerSlow { milli: milli(it.factor.value) }),
            Fault::ControllerManagerDown(_) => Rc::new(faults::ControllerManagerDown),
            Fault::ApiServerDown(_) => Rc::new(faults::ApiServerDown),
            Fault::NodeAdded(it) => {
                Rc::new(faults::NodeAdded { nodes: self.group(&it.nodes), boot: it.boot.0.clone() })
            }
            Fault::Sequence(it) => Rc::new(faults::Sequence { members: self.members(it) }),
            // models are taken apart before, and the check lets none into a sequence
            Fault::Model(_) => Rc::new(faults::Sequence { members: Vec::new() }),
        }
    }

    fn members(&mut self, sequence: &written::Sequence) -> Vec<Rc<faults::Member>> {
        let mut members = Vec::new();
        for step in &sequence.steps {
            let plan = self.plan(&step.fault);
            members.push(Rc::new(faults::Member {
                after: step.after,
                plan,
                victims: victims(&step.fault, &mut self.cluster.names),
                lasts: step.fault.timing().and_then(lasts),
            }));
        }
        members
    }
}

/// `name`, or with a number where another fault is called so.
fn free_name(name: String, built: &[faults::Fault]) -> String {
    let is_free = |name: &String| built.iter().all(|other| other.name != *name);
    let numbered = (2..).map(|number| format!("{name}#{number}"));
    [name.clone()].into_iter().chain(numbered).find(is_free).unwrap_or(name)
}

fn milli(value: f64) -> u32 {
    (value * 1000.0).round() as u32
}

fn silent(by: written::SilentBy) -> Condition {
    match by {
        written::SilentBy::Partition => Condition::CutOff,
        written::SilentBy::Crash => Condition::Off,
        written::SilentBy::Kubelet => Condition::NoKubelet,
    }
}

fn lasts(timing: &Timing) -> Option<Distribution> {
    timing.duration.as_ref().or(timing.mttr.as_ref()).map(|latency: &Latency| latency.0.clone())
}

/// The check has seen to it that the timing says exactly one thing.
fn when(timing: &Timing) -> When {
    let at = timing.at.as_ref().map(|at| Time(at.value.0));
    let times = timing.times.as_ref().map(|times| times.value);
    if let Some(every) = &timing.every {
        return When::Every { first: at, period: every.0.clone(), times };
    }
    if let Some(within) = &timing.within {
        let (from, to) = (Time(within.from.value.0), Time(within.to.value.0));
        return When::Within { from, to, times: times.unwrap_or(1) };
    }
    if let Some(mtbf) = &timing.mtbf {
        return When::Process(mtbf.0.clone());
    }
    if let Some(trace) = &timing.trace {
        return When::Trace(Trace {
            outages: trace.loaded.outages.clone().into(),
            skip: trace.skip as usize,
            repeat: trace.repeat,
            scale_milli: milli(trace.scale.value),
            interval_milli: milli(trace.interval_scale.value),
        });
    }
    When::At(at.unwrap_or(Time::ZERO))
}

fn mode(random: Option<&Amount>, mode: Option<&written::Mode>) -> Mode {
    use written::{ModeNumber, ModeWord};
    match (random, mode) {
        (Some(Amount::Count(count)), _) => Mode::Fixed(*count),
        (Some(Amount::Percent(percent)), _) => Mode::Percent(*percent),
        (None, Some(written::Mode::Word(ModeWord::One))) => Mode::One,
        (None, Some(written::Mode::Number(ModeNumber::Fixed(count)))) => Mode::Fixed(*count),
        (None, Some(written::Mode::Number(ModeNumber::Percent(percent)))) => Mode::Percent(*percent),
        (None, Some(written::Mode::Number(ModeNumber::RandomMaxPercent(percent)))) => Mode::RandomMaxPercent(*percent),
        (None, Some(written::Mode::Word(ModeWord::All)) | None) => Mode::All,
    }
}

fn victims(fault: &Fault, names: &mut Names) -> Victims {
    if let Some(pods) = fault.pods() {
        return Victims::Pods(pod_victims(pods, names));
    }
    let Some(nodes) = fault.nodes() else { return Victims::None };
    let mut victims = node_victims(nodes, names);
    if let Fault::DomainOutage(outage) = fault {
        let key = names.intern(&outage.label);
        victims.by_domain = Some(key);
        let domain: Option<Name> = outage.domain.as_ref().map(|domain| names.intern(domain));
        victims.domains.extend(domain.map(|domain| (key, domain)));
    }
    Victims::Nodes(victims)
}

fn node_victims(written: &NodeFault, names: &mut Names) -> NodeVictims {
    let mode = mode(written.random.as_deref(), written.mode.as_deref());
    NodeVictims { mode, ..places(written.node.as_deref(), written.nodes.as_ref(), written.zone.as_deref(), names) }
}

/// All nodes of a name, a list or a selector, and a zone.
fn places(
    node: Option<&String>,
    nodes: Option<&NodeChoice>,
    in_zone: Option<&String>,
    names: &mut Names,
) -> NodeVictims {
    let mut places = NodeVictims::all();
    places.names.extend(node.map(|node| names.intern(node)));
    let mut zone = |zone: &String| (names.intern(ZONE), names.intern(zone));
    places.domains.extend(in_zone.map(&mut zone));
    match nodes {
        Some(NodeChoice::Names(nodes)) => places.names.extend(nodes.iter().map(|node| names.intern(node))),
        Some(NodeChoice::Labels(labels)) => {
            places.domains.extend(labels.zone.as_deref().map(zone));
            places.selector = labels.selector.as_ref().map(|it| selector(it, names));
        }
        None => (),
    }
    places
}

fn pod_victims(written: &PodFault, names: &mut Names) -> PodVictims {
    let placed = written.node.is_some() || written.nodes.is_some() || written.zone.is_some();
    let on = places(written.node.as_deref(), written.nodes.as_ref(), written.zone.as_deref(), names);
    PodVictims {
        workload: written.workload.as_ref().map(|workload| names.intern(workload)),
        namespace: written.namespace.as_ref().map(|namespace| names.intern(namespace)),
        selector: written.selector.as_ref().map(|it| selector(it, names)),
        on: placed.then_some(on),
        mode: mode(written.random.as_deref(), written.mode.as_deref()),
    }
}
