//! Small random scenarios, drawn with fixed seeds: whatever happens, some things never do.

mod case;
mod gangs;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sim::cluster::{Body, Change, Cluster, ObjectId, Phase, PodId, Record, Resources};
use sim::engine::Time;
use sim::experiment::{self, Unwatched};
use sim::simulation::{Note, Observer, Simulation};

use crate::case::{Case, Kind, case};

/// Watches every change; says what should not have happened.
#[derive(Default)]
struct Watch {
    pods: BTreeMap<PodId, Life>,
    wrong: Vec<String>,
    last: Time,
}

/// How far a pod has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Life {
    bound: bool,
    phase: Phase,
    marked: bool,
    removed: bool,
}

impl Watch {
    fn pod(&mut self, id: PodId, change: Change, step: impl FnOnce(&mut Life) -> bool) {
        match self.pods.get_mut(&id) {
            Some(life) if !life.removed => {
                let before = *life;
                if !step(life) {
                    self.wrong.push(format!("{change:?} of a pod that was {before:?}"));
                }
            }
            other => self.wrong.push(format!("{change:?} of a pod that was {other:?}")),
        }
    }
}

impl Observer for Watch {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        if cluster.now < self.last {
            self.wrong.push(format!("{change:?} at {}, after {}", cluster.now, self.last));
        }
        self.last = cluster.now;
        match change {
            Change::PodCreated(id) => {
                let life = Life { bound: false, phase: Phase::Pending, marked: false, removed: false };
                if self.pods.insert(id, life).is_some() {
                    self.wrong.push(format!("{change:?} twice"));
                }
            }
            Change::PodBound(id) => self.pod(id, change, |life| !std::mem::replace(&mut life.bound, true)),
            Change::PodPhase { pod, from, to } => self.pod(pod, change, |life| {
                let follows = life.phase == from && from < to && !from.is_terminal();
                life.phase = to;
                follows && (life.bound || to.is_terminal())
            }),
            Change::PodReady(id, ready) => self.pod(id, change, |life| !ready || life.phase == Phase::Running),
            Change::PodMarked(id) => self.pod(id, change, |life| {
                life.marked = true; // again, with a shorter grace period, is fine
                life.bound && !life.phase.is_terminal()
            }),
            Change::PodRemoved(id) => self.pod(id, change, |life| !std::mem::replace(&mut life.removed, true)),
            _ => (),
        }
    }

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        if record.at > cluster.now || record.at < self.last {
            self.wrong.push(format!("{record:?} told at {}", cluster.now));
        }
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}

/// More on a node than it has.
fn overcommitted(cluster: &Cluster) -> Option<String> {
    cluster.nodes().find_map(|(_, node)| {
        let holding = || node.pods.iter().filter_map(|id| cluster.pod(*id)).filter(|pod| pod.holds_resources());
        let mut sum = Resources::default();
        holding().for_each(|pod| sum.add(&cluster.spec(pod.spec).requests));
        let room = &node.spec.allocatable;
        let over = sum.cpu > room.cpu || sum.memory > room.memory || holding().count() as i64 > node.spec.max_pods;
        over.then(|| format!("{}: {sum:?} on {}, which has {room:?}", cluster.now, cluster.names.text(node.name())))
    })
}

/// What a workload wants and has.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    wants: u32,
    /// `spec.replicas` of its ReplicaSets together.
    size: u32,
    /// Pods that have neither ended nor are being deleted.
    active: u32,
}

/// Each workload of a controller, by its index.
fn counts(cluster: &Cluster) -> BTreeMap<usize, Counts> {
    let roots = cluster.objects().filter(|(_, object)| object.owner.is_none());
    let counted = roots.filter_map(|(id, object)| {
        let sets = std::iter::once(id).chain(object.children.iter().copied());
        let (wants, sets): (u32, Vec<ObjectId>) = match &object.body {
            Body::Deployment(deployment) => (deployment.replicas, sets.skip(1).collect()),
            Body::ReplicaSet(set) => (set.replicas, sets.take(1).collect()),
            _ => return None,
        };
        let size = sets.iter().filter_map(|set| cluster.replica_set(*set)).map(|set| set.replicas).sum();
        let active = sets.iter().filter_map(|set| cluster.object(*set)).map(|set| set.active).sum();
        let index = cluster.names.text(object.name)[1..].parse().ok()?;
        Some((index, Counts { wants, size, active }))
    });
    counted.collect()
}

/// What must hold after each event.
struct Invariants<'a> {
    case: &'a Case,
    /// The most that each workload has wanted so far.
    most: BTreeMap<usize, u32>,
    /// More pods than allowed, which is an error only if time goes on with them.
    surplus: Option<(Time, String)>,
}

impl Invariants<'_> {
    fn hold(&mut self, cluster: &Cluster) -> Result<(), String> {
        cluster.check()?;
        if let Some(wrong) = overcommitted(cluster) {
            return Err(wrong);
        }
        if let Some((at, surplus)) = self.surplus.take()
            && at < cluster.now
        {
            return Err(surplus);
        }
        for (index, Counts { wants, size, active }) in counts(cluster) {
            let most = self.most.entry(index).or_insert(0);
            *most = wants.max(*most);
            let limit = *most + self.case.workloads[index].surge();
            if size > limit {
                return Err(format!("{}: w{index} has size {size}, at most {limit} is allowed", cluster.now));
            }
            // A ReplicaSet may create pods before another one has deleted those it was told to. If all is
            // done at once, there is no such time.
            if active > limit && self.case.prompt {
                let surplus = format!("{}: w{index} has {active} pods, at most {limit} are allowed", cluster.now);
                self.surplus = Some((cluster.now, surplus));
            }
        }
        Ok(())
    }
}

/// As many cases as take a few seconds, always the same.
fn config(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config(150))]

    #[test]
    fn after_every_event_the_cluster_is_sound(case in case()) {
        let mut watch = Watch::default();
        let mut simulation = Simulation::new(case.setup(), &mut watch);
        let mut invariants = Invariants { case: &case, most: BTreeMap::new(), surplus: None };
        let end = simulation.end();
        let mut now = simulation.cluster.now;
        while simulation.step(end, &mut watch) {
            prop_assert!(simulation.cluster.now >= now, "{now}, then {}", simulation.cluster.now);
            now = simulation.cluster.now;
            let held = invariants.hold(&simulation.cluster);
            prop_assert!(held.is_ok(), "{}\n{}", held.unwrap_err(), case.text());
            prop_assert!(watch.wrong.is_empty(), "{:#?}\n{}", watch.wrong, case.text());
        }
        every_pod_is_where_it_was_seen_to_go(&watch, &simulation.cluster)?;
        calm_has_come(&case, &simulation.cluster)?;
    }
}

proptest! {
    #![proptest_config(config(25))]

    #[test]
    fn two_runs_never_part(case in case()) {
        let difference = experiment::verify(case.setup(), case.setup(), &mut Unwatched).unwrap();
        prop_assert!(difference.is_none(), "{}\n{}", difference.unwrap(), case.text());
    }
}

/// Each pod there ever was is in the API as it was seen, or was seen to be removed.
fn every_pod_is_where_it_was_seen_to_go(watch: &Watch, cluster: &Cluster) -> Result<(), TestCaseError> {
    prop_assert_eq!(watch.pods.len(), cluster.pods_created());
    for (id, life) in &watch.pods {
        prop_assert_eq!(cluster.pod_exists(*id), !life.removed, "{:?} {:?}", id, life);
        if let Some(pod) = cluster.pod(*id) {
            prop_assert_eq!((pod.bound, pod.phase, pod.deletion.is_some()), (life.bound, life.phase, life.marked));
        }
    }
    Ok(())
}

/// Long after the last fault every node is Ready, nothing is Terminating, and every workload has as many
/// pods as it wants, a rollout without room for its new pods as many as its strategy allows.
fn calm_has_come(case: &Case, cluster: &Cluster) -> Result<(), TestCaseError> {
    for (_, node) in cluster.nodes() {
        let taints: Vec<&str> = node.spec.taints.iter().map(|taint| cluster.names.text(taint.key)).collect();
        prop_assert!(node.ready.status.as_str() == "True" && taints.is_empty(), "{taints:?}\n{}", case.text());
    }
    let terminating = cluster.pods().filter(|(_, pod)| pod.deletion.is_some()).count();
    prop_assert_eq!(terminating, 0, "Terminating pods\n{}", case.text());
    for (index, Counts { wants, active, .. }) in counts(cluster) {
        let (least, most) = match case.workloads[index].kind {
            Kind::Rolling { surge, unavailable } => (wants.saturating_sub(unavailable.max(1)), wants + surge),
            Kind::Recreate | Kind::ReplicaSet | Kind::Pods => (wants, wants),
        };
        prop_assert!((least..=most).contains(&active), "w{index} has {active} of {wants}\n{}", case.text());
    }
    Ok(())
}
