//! A run against its recording. Counts, identities and sequences must be equal; instants may differ by
//! a second or a twentieth of the time since something was last done, those of nodes by 0.6 s.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::events::told_both;
use super::story::{NodeStory, PodStory, Since, Story};

/// How far instants of nodes may be off, in seconds.
const NODE_TOLERANCE: f64 = 0.6;
/// How far other instants may be off at least, in seconds.
const TOLERANCE: f64 = 1.0;
/// States that last no longer than this, in seconds, are steps of one burst: how many there are, and in
/// which order, is chance.
pub(super) const BURST: f64 = 0.8;

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

    /// Compares the states that hold from zero on, those shorter than `burst` may be missing.
    fn states(
        &mut self,
        what: &str,
        recorded: &[Since<String>],
        ours: &[Since<String>],
        tolerance: Option<f64>,
        burst: f64,
    ) {
        self.made += 1;
        let near = |t: f64, u: f64| (t.max(0.0) - u.max(0.0)).abs() <= tolerance.unwrap_or_else(|| self.tolerance(t));
        let (recorded, ours) = (from_zero(recorded), from_zero(ours));
        if !agree(&recorded, &ours, burst, near) {
            self.found.push(Difference::new(what, states_text(&recorded), states_text(&ours)));
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
            for (what, of) in [MARKED, REMOVED] {
                let times = |story: &Story| sorted(story, &owner, of);
                self.instants(|| format!("pods of {owner} {what}, in order"), &times(recorded), &times(run));
            }
        }
        for (theirs, ours) in pairs {
            self.pod(&recorded.pods[theirs], &run.pods[ours]);
            for (what, of) in [MARKED, REMOVED] {
                self.deletion(what, of, recorded, &recorded.pods[theirs], &run.pods[ours]);
            }
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

    /// Compares whether and when a pod was marked or removed. Deletions of one sync run side by side, so
    /// which of a burst comes when is chance.
    fn deletion(&mut self, what: &str, of: InstantOf, story: &Story, recorded: &PodStory, ours: &PodStory) {
        if let (Some(theirs), Some(t)) = (of(recorded).filter(|t| *t >= 0.0), of(ours)) {
            let (from, to) = burst(&sorted(story, &recorded.owner, of), theirs);
            if t >= from - TOLERANCE && t <= to + TOLERANCE {
                self.made += 1;
                return;
            }
        }
        let named = || format!("pod {} of {} {what}", recorded.name, recorded.owner);
        let times = |pod: &PodStory| of(pod).into_iter().collect::<Vec<f64>>();
        self.instants(named, &times(recorded), &times(ours));
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
        let (theirs, ours) = told_both(recorded, run);
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
const INSTANTS: [(&str, InstantOf); 5] = [
    ("created", |pod| Some(pod.created)),
    ("bound", |pod| pod.bound),
    ("Running", |pod| pod.running),
    ("Succeeded", |pod| pod.succeeded),
    ("Failed", |pod| pod.failed),
];

const MARKED: (&str, InstantOf) = ("marked", |pod| pod.marked);
const REMOVED: (&str, InstantOf) = ("removed", |pod| pod.removed);
/// Deletions no further apart than this, in seconds, are one burst: a client makes 20 a second.
const APART: f64 = 0.2;

/// When it happened to the pods of an owner, after zero, in order.
fn sorted(story: &Story, owner: &str, of: InstantOf) -> Vec<f64> {
    let pods = story.pods.iter().filter(|pod| pod.owner == owner);
    let mut times: Vec<f64> = pods.filter_map(of).filter(|t| *t >= 0.0).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// Beginning and end of the burst that `t` is one of.
fn burst(times: &[f64], t: f64) -> (f64, f64) {
    let (mut from, mut to) = (t, t);
    for &earlier in times.iter().rev().filter(|other| **other < t) {
        if from - earlier > APART {
            break;
        }
        from = earlier;
    }
    for &later in times.iter().filter(|other| **other > t) {
        if later - to > APART {
            break;
        }
        to = later;
    }
    (from, to)
}

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

/// The state at zero and those after it.
fn from_zero(states: &[Since<String>]) -> Vec<Since<String>> {
    let mut states = states.to_vec();
    states.dedup_by(|next, state| next.1 == state.1);
    let first = states.iter().rposition(|(t, _)| *t < 0.0).unwrap_or(0);
    states.split_off(first.min(states.len()))
}

/// Whether both sequences are the same at about the same times, where either may have states of a burst
/// that the other has not.
fn agree(a: &[Since<String>], b: &[Since<String>], burst: f64, near: impl Fn(f64, f64) -> bool) -> bool {
    let brief = |states: &[Since<String>], index: usize| {
        states.get(index + 1).is_some_and(|(next, _)| states[index].0 >= 0.0 && next - states[index].0 <= burst)
    };
    // a state of a burst, or one that holds again after it
    let may_be_missing = |states: &[Since<String>], index: usize| {
        brief(states, index) || index > 1 && states[index].1 == states[index - 2].1 && brief(states, index - 1)
    };
    // reachable[j]: the first `i` of `a` and the first `j` of `b` agree
    let mut reachable = vec![false; b.len() + 1];
    for i in 0..=a.len() {
        let before = std::mem::replace(&mut reachable, vec![false; b.len() + 1]);
        reachable[0] = i == 0;
        for j in 0..=b.len() {
            let same = i > 0 && j > 0 && before[j - 1] && a[i - 1].1 == b[j - 1].1 && near(a[i - 1].0, b[j - 1].0);
            let without_a = i > 0 && before[j] && may_be_missing(a, i - 1);
            let without_b = j > 0 && reachable[j - 1] && may_be_missing(b, j - 1);
            reachable[j] |= same || without_a || without_b;
        }
    }
    reachable[b.len()]
}

fn times_text(times: &[f64]) -> String {
    times.iter().map(|t| format!("{t:.2}")).collect::<Vec<_>>().join(" ")
}

fn states_text(states: &[Since<String>]) -> String {
    states.iter().map(|(t, state)| format!("{t:.2} {state}")).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(states: &[(f64, &str)]) -> Vec<Since<String>> {
        states.iter().map(|(t, state)| (*t, state.to_string())).collect()
    }

    #[test]
    fn steps_of_a_burst_may_be_missing_and_others_not() {
        let agree = |a: &[(f64, &str)], b: &[(f64, &str)]| {
            agree(&states(a), &states(b), 0.5, |t, u| (t.max(0.0) - u.max(0.0)).abs() <= 1.0)
        };
        let recorded = [(-5.0, "6"), (10.0, "5"), (10.1, "4"), (20.0, "6")];
        assert!(agree(&recorded, &recorded));
        assert!(agree(&recorded, &[(-4.0, "6"), (10.2, "4"), (19.5, "6")]), "one step instead of two");
        assert!(!agree(&recorded, &[(-4.0, "6"), (10.2, "4"), (18.5, "6")]), "too early");
        assert!(!agree(&recorded, &[(-4.0, "6"), (10.2, "5"), (20.0, "6")]), "a state that lasts is missing");
        assert!(agree(&[(-1.0, "0"), (5.0, "1"), (5.2, "0")], &[(-1.0, "0")]), "there and back");
    }
}
