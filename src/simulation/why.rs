//! Why a pod is where it is, or why it is pending: the run is repeated up to the instant asked about, each
//! attempt to schedule the pod being explained just before it is made.
//!
//! The run is made twice: once to find the pod by its name, once to explain. Explaining draws nothing and
//! changes nothing, so both are the run that anybody else saw; a run that is not asked pays nothing.

mod answer;

use crate::cluster::{Change, Cluster, Message, PodId, Record, Subject};
use crate::engine::Time;
use crate::outcome::why::{Attempt, Failure, State, Why};

use super::{Note, Observer, Setup, Simulation};

/// What a run that is asked to explain a pod has to tell.
#[derive(Default)]
pub(super) struct Inquiry {
    /// The last attempt.
    attempt: Option<Attempt>,
}

/// There is no such pod.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no pod {name} was created until then{}", nearest.as_ref().map_or(String::new(), |name| format!(", did you mean {name}?")))]
pub struct NoSuchPod {
    /// What was asked for.
    pub name: String,
    /// The pod whose name is most like it.
    pub nearest: Option<String>,
}

/// Explains where the pod of this name (`name` or `namespace/name`) is at `at`. `setup` is called once for each
/// repetition of the run.
///
/// # Errors
/// No pod of this name was created until then.
pub fn why<E>(setup: impl Fn() -> Result<Setup, E>, name: &str, at: Time) -> Result<Result<Why, NoSuchPod>, E> {
    let mut search = Search::new(name);
    let mut first = Simulation::new(setup()?, &mut search);
    first.run_until(at, &mut search);
    let Some(found) = search.found else { return Ok(Err(search.nobody())) };
    let mut history = History { pod: found.pod, failures: Vec::new() };
    let mut second = Simulation::with_inquiry(setup()?, Some(found.pod), &mut history);
    second.run_until(at, &mut history);
    Ok(Ok(second.told(found, history.failures)))
}

impl Simulation {
    /// Notes what the scheduler said of the attempt it has just made, while everything is still as it was.
    pub(super) fn note_explanation(&mut self) {
        if let (Some(inquiry), Some(explanation)) = (&mut self.inquiry, self.scheduler.take_explanation()) {
            inquiry.attempt = Some(answer::attempt(&explanation, &self.cluster));
        }
    }

    /// All there is to say about the pod asked about.
    fn told(mut self, asked: Found, mut failures: Vec<Failure>) -> Why {
        let (pod, attempt) = (asked.pod, self.inquiry.take().and_then(|inquiry| inquiry.attempt));
        // the failure of the last attempt is told with it; that of its gang is not
        let told = attempt.as_ref().filter(|attempt| attempt.message.is_some());
        if told.is_some_and(|attempt| failures.last().is_some_and(|last| last.at == attempt.at)) {
            failures.pop();
        }
        let here = self.cluster.pod(pod).filter(|_| self.cluster.pod_exists(pod));
        let served = here.is_none_or(|found| {
            let spec = self.cluster.spec(found.spec);
            spec.node_name.is_some() || self.scheduler.serves(spec.scheduler_name)
        });
        let gang = here.filter(|_| served).and_then(|_| self.scheduler.gang_wait(pod, &self.cluster));
        let unplaced = served
            && gang.is_none()
            && here.is_some_and(|found| found.node.is_none() && !found.gated && found.deletion.is_none());
        let now = unplaced.then(|| answer::now(&self.scheduler.explain(pod, &self.cluster, None), &self.cluster));
        let waiting =
            self.scheduler.waiting(pod).filter(|_| unplaced || gang.is_some() || here.is_some_and(|found| found.gated));
        let waiting = waiting.map(|waiting| answer::waiting(&waiting));
        let state = match gang {
            Some(wait) => answer::in_gang(pod, wait, &self.cluster),
            None if served => answer::state(pod, &self.cluster),
            None => State::Unserved,
        };
        answer::why(asked, state, self.cluster.now, attempt, failures, waiting, now)
    }
}

/// The pod asked about, as it was created: at the instant asked about it may be gone.
struct Found {
    pod: PodId,
    /// `namespace/name`.
    path: String,
    priority: i32,
    scheduler: String,
}

impl Found {
    fn of(pod: PodId, cluster: &Cluster) -> Self {
        let spec = cluster.pod(pod).map(|found| cluster.spec(found.spec));
        Found {
            pod,
            path: format!("{}/{}", cluster.pod_namespace(pod), cluster.pod_name(pod)),
            priority: spec.map_or(0, |spec| spec.priority),
            scheduler: spec.map_or(String::new(), |spec| cluster.names.text(spec.scheduler_name).to_string()),
        }
    }
}

/// Looks for a pod by its name.
struct Search {
    name: String,
    /// Whether the name says the namespace.
    qualified: bool,
    /// The pod created last under this name.
    found: Option<Found>,
    /// The most similar name so far, and how far it is.
    nearest: Option<(usize, String)>,
}

impl Search {
    fn new(name: &str) -> Self {
        let name = name.strip_prefix("pod/").unwrap_or(name).to_string();
        Search { qualified: name.contains('/'), name, found: None, nearest: None }
    }

    fn nobody(self) -> NoSuchPod {
        let limit = self.name.len() / 2 + 1;
        let nearest = self.nearest.filter(|(distance, _)| *distance <= limit).map(|(_, name)| name);
        NoSuchPod { name: self.name, nearest }
    }
}

impl Observer for Search {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        let Change::PodCreated(pod) = change else { return };
        let name = cluster.pod_name(pod);
        let name = if self.qualified { format!("{}/{name}", cluster.pod_namespace(pod)) } else { name };
        if name == self.name {
            self.found = Some(Found::of(pod, cluster));
        } else if self.found.is_none() {
            let distance = distance(&self.name, &name);
            if self.nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
                self.nearest = Some((distance, name));
            }
        }
    }

    fn record(&mut self, _: &Record, _: &Cluster) {}

    fn note(&mut self, _: Note, _: &Cluster) {}
}

/// How far a pod's name is from what was asked for, of which the end may be missing: people leave out the
/// letters that were drawn.
fn distance(asked: &str, name: &str) -> usize {
    let begin: String = name.chars().take(asked.chars().count()).collect();
    strsim::levenshtein(name, asked).min(strsim::levenshtein(&begin, asked) + 1)
}

/// Keeps the pod's failed attempts.
struct History {
    pod: PodId,
    failures: Vec<Failure>,
}

impl Observer for History {
    fn observe(&mut self, _: Change, _: &Cluster) {}

    fn record(&mut self, record: &Record, _: &Cluster) {
        if let (Subject::Pod(pod), Message::FailedScheduling(message)) = (record.subject, &record.message)
            && pod == self.pod
        {
            self.failures.push(Failure { at: record.at, message: message.to_string() });
        }
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begin_of_a_name_is_near_it() {
        assert_eq!(distance("web", "web-698b86fd4f-dg6dq"), 1);
        assert_eq!(distance("wbe", "web-698b86fd4f-dg6dq"), 3);
        assert_eq!(distance("web-1", "web-2"), 1);
    }
}
