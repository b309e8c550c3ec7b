//! Named sets of faults with their sources: what a scenario asks for with `model: NAME`.
//!
//! `datacenter-default` and its relatives are the recommended defaults of the reference (latencies.md 6),
//! whose published sources each fault names; `archive` holds the fits of the Failure Trace Archive.

mod archive;

use std::rc::Rc;

use crate::cluster::{Name, Names};
use crate::engine::{Distribution, Span};

use super::{
    Burst, ContainerCrash, DomainOutage, Fault, HardwareFailure, KubeletStop, Maintenance, Mode, NodeCrash,
    NodeVictims, Partition, Plan, PodVictims, SlowNode, SpotInterruption, Victims, When,
};

/// A named set of faults.
pub struct Model {
    /// Its name.
    pub name: String,
    /// What it is, and where its numbers come from.
    pub about: String,
    build: Build,
}

enum Build {
    Faults(fn(&Labels) -> Vec<Fault>),
    Fit(archive::Fit),
}

/// The topology labels that domains are told by.
struct Labels {
    rack: Name,
    zone: Name,
}

impl Model {
    /// Its faults. `rack` is the label whose value nodes of a rack share.
    pub fn faults(&self, rack: Name, names: &mut Names) -> Vec<Fault> {
        let labels = Labels { rack, zone: names.intern("topology.kubernetes.io/zone") };
        let mut faults = match &self.build {
            Build::Faults(build) => build(&labels),
            Build::Fit(fit) => vec![fit.fault()],
        };
        for fault in &mut faults {
            fault.name = format!("{}/{}", self.name, fault.name);
        }
        faults
    }
}

/// All models, in the order they are listed.
pub fn all() -> Vec<Model> {
    let named = NAMED.iter().map(|(name, about, build)| Model {
        name: (*name).to_string(),
        about: (*about).to_string(),
        build: Build::Faults(*build),
    });
    let fits = archive::fits().map(|fit| Model { name: fit.name(), about: fit.about(), build: Build::Fit(fit) });
    named.chain(fits).collect()
}

/// The model of this name.
pub fn find(name: &str) -> Option<Model> {
    all().into_iter().find(|model| model.name == name)
}

type Named = (&'static str, &'static str, fn(&Labels) -> Vec<Fault>);

const NAMED: [Named; 5] = [
    (
        "datacenter-default",
        "own hardware: restarts (4.2 down events per node-year), hardware failures, maintenance, gray failures, \
         kubelet crashes, partitions, rack and zone outages (after Schroeder and Gibson, DSN 2006; Barroso and Hölzle, \
         The Datacenter as a Computer; Ford et al., OSDI 2010; Dean, LADIS 2009)",
        |labels| {
            let mut faults = unplanned(labels);
            faults.push(hardware());
            faults.push(maintenance());
            faults
        },
    ),
    ("datacenter-unplanned", "the same without maintenance", |labels| {
        let mut faults = unplanned(labels);
        faults.push(hardware());
        faults
    }),
    (
        "cloud-default",
        "rented machines: as datacenter-default, but a machine whose hardware fails is replaced by a fresh node",
        |labels| {
            let mut faults = unplanned(labels);
            faults.push(replaced_hardware());
            faults.push(maintenance());
            faults
        },
    ),
    ("spot-default", "machines that the provider takes back: exponential, mean 10 d, 120 s notice, replaced", |_| {
        vec![spot()]
    }),
    ("application-default", "containers crash: exponential, mean 30 d per pod", |_| vec![application()]),
];

const fn minutes(minutes: u64) -> Span {
    Span::from_secs(60 * minutes)
}

const fn hours(hours: u64) -> Span {
    Span::from_secs(3600 * hours)
}

const fn days(days: u64) -> Span {
    Span::from_secs(86_400 * days)
}

fn exponential(mean: Span) -> When {
    When::Process(Distribution::Exponential { mean })
}

fn log_normal(median: Span, sigma: f64) -> Distribution {
    Distribution::LogNormal { median, sigma }
}

/// A process of its own for each node, as if it had run for ever.
fn of_nodes(name: &str, plan: impl Plan + 'static, when: When, lasts: Distribution) -> Fault {
    Fault {
        name: name.to_string(),
        plan: Rc::new(plan),
        victims: Victims::Nodes(NodeVictims::all()),
        when,
        lasts: Some(lasts),
        probability: 1.0,
        aged: true,
        burst: None,
        cascade: None,
        followers_until: None,
        expected: false,
    }
}

/// What restarts, cuts off and slows down nodes wherever they are.
fn unplanned(labels: &Labels) -> Vec<Fault> {
    let uniform = |from, to| Distribution::Uniform(from, to);
    let downtime = Distribution::Mixture(vec![
        (0.55, uniform(minutes(1), minutes(6))),
        (0.25, uniform(minutes(6), minutes(30))),
        (0.19, log_normal(minutes(90), 1.0)),
        (0.01, log_normal(hours(30), 0.5)),
    ]);
    let weibull = When::Process(Distribution::Weibull { shape: 0.75, mean: days(150) });
    let window = Span::from_secs(120);
    let burst = Burst { probability: 0.2, followers_mean: 2.0, window, domain: Some(labels.rack) };
    let crawls = SlowNode { start_milli: 3333, progress_milli: 3333 };
    let year = days(365);
    vec![
        Fault { burst: Some(burst), ..of_nodes("restart", NodeCrash, weibull, downtime) },
        of_nodes("gray", crawls, exponential(year * 10), log_normal(minutes(30), 1.2)),
        of_nodes(
            "kubelet-crash",
            KubeletStop,
            exponential(days(180)),
            uniform(Span::from_secs(10), Span::from_secs(60)),
        ),
        of_nodes("partition", Partition, exponential(days(200)), log_normal(Span::from_secs(90), 1.3)),
        domain("rack-outage", labels.rack, 500, log_normal(minutes(90), 0.8)),
        domain("zone-outage", labels.zone, 0, log_normal(hours(2), 0.8)),
    ]
}

fn domain(name: &str, key: Name, partitions_milli: u32, lasts: Distribution) -> Fault {
    let victims = NodeVictims { by_domain: Some(key), ..NodeVictims::all() };
    let fault = of_nodes(name, DomainOutage { partitions_milli }, exponential(days(3 * 365)), lasts);
    Fault { victims: Victims::Nodes(victims), ..fault }
}

/// 8 % of machines a year.
fn hardware() -> Fault {
    of_nodes("hardware", NodeCrash, exponential(days(365) * 100 / 8), log_normal(hours(6), 1.2))
}

fn replaced_hardware() -> Fault {
    let gone = HardwareFailure { replacement: log_normal(Span::from_secs(60), 0.3) };
    Fault { lasts: None, ..of_nodes("hardware", gone, exponential(days(365) * 100 / 8), log_normal(hours(1), 0.0)) }
}

/// Every 30 days, a fifth more or less.
fn maintenance() -> Fault {
    let every = When::Process(Distribution::Uniform(days(24), days(36)));
    of_nodes("maintenance", Maintenance { drain: minutes(2) }, every, log_normal(minutes(5), 0.5))
}

fn spot() -> Fault {
    let replacement = Some(log_normal(Span::from_secs(75), 0.35));
    let plan = SpotInterruption { notice: Span::from_secs(120), drain: true, replacement };
    Fault { lasts: None, ..of_nodes("interruption", plan, exponential(days(10)), log_normal(hours(1), 0.0)) }
}

fn application() -> Fault {
    let fault = of_nodes("crash", ContainerCrash, exponential(days(30)), log_normal(hours(1), 0.0));
    let victims = Victims::Pods(PodVictims { mode: Mode::All, ..PodVictims::all() });
    Fault { victims, lasts: None, ..fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let all = all();
        assert_eq!(all.len(), 5 + 36);
        for model in &all {
            assert_eq!(all.iter().filter(|other| other.name == model.name).count(), 1, "{}", model.name);
            assert!(find(&model.name).is_some());
        }
        assert!(find("no-such-model").is_none());
    }

    #[test]
    fn only_spot_machines_are_interrupted() {
        let mut names = Names::default();
        let rack = names.intern("rack");
        for model in all() {
            for fault in model.faults(rack, &mut names) {
                assert_eq!(fault.plan.name() == "spot-interruption", model.name == "spot-default", "{}", fault.name);
            }
        }
    }

    #[test]
    fn faults_of_a_model_have_names_of_their_own() {
        let mut names = Names::default();
        let rack = names.intern("rack");
        for model in all() {
            let faults = model.faults(rack, &mut names);
            for fault in &faults {
                assert_eq!(faults.iter().filter(|other| other.name == fault.name).count(), 1, "{}", fault.name);
            }
        }
    }
}
