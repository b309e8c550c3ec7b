//! A run against its recording. Counts, identities and sequences must be equal; instants may differ by
//! a second or a twentieth of the time since something was last done, those of nodes by 0.6 s.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::story::{NodeStory, PodStory, Since, Story};

/// How far instants of nodes may be off, in seconds.
const NODE_TOLERANCE: f64 = 0.6;
/// How far other instants may be off at least, in seconds.
const TOLERANCE: f64 = 1.0;
/// States that last no longer than this, in seconds, are steps of one burst: how many there are, and in
/// which order, is chance.
const BURST: f64 = 0.5;

/// Something that differs.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What.
    pub what: String,
    /// What was recorded.
    pub recorded: String,
    /// What the run did.
    pub ours: String,
}

impl Difference {
    /// A difference.
    pub fn new(what: &str, recorded: String, ours: String) -> Self {
        Difference { what: what.to_string(), recorded, ours }
    }
}

/// Compares a run with its recording: how many comparisons, and what differs. `matched` says which
/// recorded pod each pod of the run stands for.
pub fn compare(case: &Case, run: &Story, matched: &[Option<usize>]) -> (usize, Vec<Difference>) {
    let mut comparison = Comparison { actions: case.actions(), made: 0, found: Vec::new() };
    let recorded = case.recorded();
    comparison.nodes(recorded, run);
    comparison.pods(recorded, run, matched);
    comparison.workloads(recorded, run);
    comparison.events(recorded, run);
    (comparison.made, comparison.found)
}

struct Comparison {
    /// When something was done.
    actions: Vec<f64>,
    made: usize,
    found: Vec<Difference>,
}

impl Comparison {
    fn expect(&mut self, what: impl FnOnce() -> String, recorded: &str, ours: &str) {
        self.made += 1;
        if recorded != ours {
            self.found.push(Difference::new(&what(), recorded.to_string(), ours.to_string()));
        }
    }

    fn tolerance(&self, t: f64) -> f64 {
        let since = self.actions.iter().filter(|action| **action <= t).fold(0.0_f64, |last, action| last.max(*action));
        TOLERANCE.max((t - since) * 0.05)
    }

    /// Compares instants after zero, in order.
    fn instants(&mut self, what: impl FnOnce() -> String, recorded: &[f64], ours: &[f64]) {
        let after = |times: &[f64]| times.iter().copied().filter(|t| *t >= 0.0).collect::<Vec<f64>>();
        let (recorded, ours) = (after(recorded), after(ours));
        if recorded.is_empty() && ours.is_empty() {
            return;
        }
        self.made += 1;
        let close = |(r, o): (&f64, &f64)| (r - o).abs() <= self.tolerance(r.min(*o));
        if recorded.len() != ours.len() || !recorded.iter().zip(&ours).all(close) {
            self.found.push(Difference::new(&what(), times_text(&recorded), times_text(&ours)));
        }
    }

    fn nodes(&mut self, recorded: &Story, run: &Story) {
        let empty = NodeStory::default();
        for (name, node) in &recorded.nodes {
            let ours = run.nodes.get(name).unwrap_or(&empty);
            let text = |states: &[Since<Vec<String>>]| -> Vec<Since<String>> {
                states.iter().map(|(t, taints)| (*t, taints.join(" "))).collect()
            };
            self.states(&format!("node {name} Ready"), &node.ready, &ours.ready, Some(NODE_TOLERANCE), 0.0);
            let (taints, ours_taints) = (text(&node.taints), text(&ours.taints));
            self.states(&format!("node {name} taints"), &taints, &ours_taints, Some(NODE_TOLERANCE), 0.35);
            let removed = |node: &NodeStory| node.removed.into_iter().collect::<Vec<_>>();
            self.instants(|| format!("node {name} removed"), &removed(node), &removed(ours));
        }
    }

    /// Compares the states that hold from zero on, those shorter than `burst` left out unless the
    /// sequences agree with them.
    fn states(
        &mut self,
        what: &str,
        recorded: &[Since<String>],
        ours: &[Since<String>],
        tolerance: Option<f64>,
        burst: f64,
    ) {
        self.made += 1;
        let close = |recorded: &[Since<String>], ours: &[Since<String>]| {
            let near =
                |t: f64, u: f64| (t.max(0.0) - u.max(0.0)).abs() <= tolerance.unwrap_or_else(|| self.tolerance(t));
            recorded.len() == ours.len() && recorded.iter().zip(ours).all(|(r, o)| r.1 == o.1 && near(r.0, o.0))
        };
        let (all, all_ours) = (settled(recorded, 0.0), settled(ours, 0.0));
        let (kept, kept_ours) = (settled(recorded, burst), settled(ours, burst));
        if !close(&all, &all_ours) && !close(&kept, &kept_ours) {
            self.found.push(Difference::new(what, states_text(&kept), states_text(&kept_ours)));
        }
    }

    fn pods(&mut self, recorded: &Story, run: &Story, matched: &[Option<usize>]) {
        let pairs = pair(recorded, run, matched);
        for owner in owners(recorded, run) {
            for (what, of) in COUNTS {
                let count = |story: &Story| {
                    let pods = story.pods.iter().filter(|pod| pod.owner == owner);
                    pods.filter_map(of).filter(|t| *t >= 0.0).count().to_string()
                };
                self.expect(|| format!("pods of {owner} {what}"), &count(recorded), &count(run));
            }
        }
        for (theirs, ours) in pairs {
            self.pod(&recorded.pods[theirs], &run.pods[ours]);
        }
    }

    fn pod(&mut self, recorded: &PodStory, ours: &PodStory) {
        let named = |what: &str| format!("pod {} of {} {what}", recorded.name, recorded.owner);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        if recorded.bound.or(ours.bound).is_some_and(|t| t >= 0.0) {
            self.expect(|| named("node"), &text(&recorded.node), &text(&ours.node));
        }
        for (what, of) in INSTANTS {
            let times = |pod: &PodStory| of(pod).into_iter().collect::<Vec<f64>>();
            self.instants(|| named(what), &times(recorded), &times(ours));
        }
        self.instants(|| named("Ready"), &recorded.ready, &ours.ready);
        self.instants(|| named("not Ready"), &before_end(recorded), &before_end(ours));
        if recorded.nominated.is_some() || ours.nominated.is_some() {
            self.expect(|| named("nominated"), &text(&recorded.nominated), &text(&ours.nominated));
        }
        if recorded.restarts + ours.restarts > 0 {
            self.expect(|| named("restarts"), &recorded.restarts.to_string(), &ours.restarts.to_string());
        }
    }

    fn workloads(&mut self, recorded: &Story, run: &Story) {
        for (name, states) in &recorded.workloads {
            if name.starts_with("Endpoints/") || name.starts_with("Lease/") {
                continue; // what follows from the pods, and the heartbeats of leaders
            }
            let Some(ours) = run.workloads.get(name) else {
                self.expect(|| format!("{name} not modelled"), &format!("{} states", states.len()), "none");
                continue;
            };
            let fields: BTreeSet<&String> = states.iter().flat_map(|(_, state)| state.keys()).collect();
            for field in fields {
                let of = |states: &[Since<BTreeMap<String, String>>]| -> Vec<Since<String>> {
                    states.iter().filter_map(|(t, state)| Some((*t, state.get(field)?.clone()))).collect()
                };
                if field != "unavailable" && field != "lastScheduleTime" {
                    self.states(&format!("{name} {field}"), &of(states), &of(ours), None, BURST);
                }
            }
        }
        let kind = |name: &str| name.split('/').next().unwrap_or_default().to_string();
        let kinds: BTreeSet<String> = recorded.workloads.keys().map(|name| kind(name)).collect();
        let unknown = |name: &&String| !recorded.workloads.contains_key(*name) && kinds.contains(&kind(name));
        for name in run.workloads.keys().filter(unknown) {
            self.expect(|| format!("{name} exists"), "no", "yes");
        }
    }

    fn events(&mut self, recorded: &Story, run: &Story) {
        let (theirs, ours) = (told(recorded), told(run));
        let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
        for key in keys {
            let count = |told: &BTreeMap<_, usize>| told.get(key).copied().unwrap_or(0).to_string();
            self.expect(|| format!("event {key}"), &count(&theirs), &count(&ours));
        }
    }
}

/// When a pod became not Ready, but for its end.
fn before_end(pod: &PodStory) -> Vec<f64> {
    let end = pod.succeeded.or(pod.failed).unwrap_or(f64::INFINITY);
    pod.not_ready.iter().copied().filter(|t| *t < end - 0.05).collect()
}

type InstantOf = fn(&PodStory) -> Option<f64>;

/// What is counted for each owner.
const COUNTS: [(&str, InstantOf); 5] = [
    ("created", |pod| Some(pod.created)),
    ("bound", |pod| pod.bound),
    ("marked", |pod| pod.marked),
    ("removed", |pod| pod.removed),
    ("ended", |pod| pod.succeeded.or(pod.failed)),
];

/// What happens at most once to a pod.
const INSTANTS: [(&str, InstantOf); 7] = [
    ("created", |pod| Some(pod.created)),
    ("bound", |pod| pod.bound),
    ("Running", |pod| pod.running),
    ("Succeeded", |pod| pod.succeeded),
    ("Failed", |pod| pod.failed),
    ("marked", |pod| pod.marked),
    ("removed", |pod| pod.removed),
];

/// Recorded pods with the run's: as matched, the others of an owner in order of creation.
fn pair(recorded: &Story, run: &Story, matched: &[Option<usize>]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> =
        matched.iter().enumerate().filter_map(|(ours, theirs)| Some(((*theirs)?, ours))).collect();
    let taken: BTreeSet<usize> = pairs.iter().map(|(theirs, _)| *theirs).collect();
    for owner in owners(recorded, run) {
        let theirs = (0..recorded.pods.len()).filter(|index| recorded.pods[*index].owner == owner);
        let ours = (0..run.pods.len()).filter(|index| run.pods[*index].owner == owner);
        let ours = ours.filter(|index| matched.get(*index).copied().flatten().is_none());
        pairs.extend(theirs.filter(|index| !taken.contains(index)).zip(ours));
    }
    pairs.sort_unstable();
    pairs
}

fn owners(recorded: &Story, run: &Story) -> BTreeSet<String> {
    recorded.pods.iter().chain(&run.pods).map(|pod| pod.owner.clone()).collect()
}

/// Events after zero by what they say, and how often. Kubelets of recordings say nothing; of the
/// endpoint slices nothing is modelled. How often a pod was tried in vain is chance.
fn told(story: &Story) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for event in story.events.iter().filter(|event| event.t >= 0.0) {
        if event.source == "kubelet" || event.source == "endpoint-slice-controller" {
            continue;
        }
        let text = format!("{} {} {} {}: {}", event.source, event.subject, event.kind, event.reason, event.message);
        let count = told.entry(text).or_insert(0);
        *count = if event.reason == "FailedScheduling" { 1 } else { *count + 1 };
    }
    told
}

/// The state at zero and those after it; states that last less than `burst` are left out.
fn settled(states: &[Since<String>], burst: f64) -> Vec<Since<String>> {
    let mut kept: Vec<Since<String>> = Vec::new();
    let mut states = states.to_vec();
    states.dedup_by(|next, state| next.1 == state.1);
    let first = states.iter().rposition(|(t, _)| *t < 0.0).unwrap_or(0);
    let states = &states[first..];
    for (index, (t, state)) in states.iter().enumerate() {
        let lasts = states.get(index + 1).map_or(f64::INFINITY, |(next, _)| next - t);
        let burst = if *t < 0.0 { 0.0 } else { burst };
        if (lasts > burst || lasts > 0.0 && burst == 0.0) && kept.last().is_none_or(|(_, last)| last != state) {
            kept.push((*t, state.clone()));
        }
    }
    kept
}

fn times_text(times: &[f64]) -> String {
    times.iter().map(|t| format!("{t:.2}")).collect::<Vec<_>>().join(" ")
}

fn states_text(states: &[Since<String>]) -> String {
    states.iter().map(|(t, state)| format!("{t:.2} {state}")).collect::<Vec<_>>().join(" | ")
}
