//! Why a pod is where it is, or why it is pending: the plain data behind `sim why`.

use serde::{Serialize, Serializer};

use crate::engine::{Span, Time};

/// Everything there is to say about a pod at an instant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// `namespace/name`.
    pub pod: String,
    /// The instant asked about.
    #[serde(rename = "at_seconds", serialize_with = "time")]
    pub at: Time,
    /// Where it is.
    pub state: State,
    /// `spec.priority`.
    pub priority: i32,
    /// `schedulerName`: the profile that takes care of it.
    pub scheduler: String,
    /// The last attempt to schedule it; `None` if there was none.
    pub attempt: Option<Attempt>,
    /// The failed attempts before, the latest ones.
    pub earlier: Vec<Failure>,
    /// What it waits for, if it is in the scheduling queue.
    pub waiting: Option<Waiting>,
    /// What an attempt at this instant would come to, if the pod is on no node.
    pub now: Option<Now>,
}

/// Where a pod is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// On a node.
    OnNode {
        /// The node.
        node: String,
        /// Whether the API knows, or the scheduler only assumes it yet.
        bound: bool,
        /// `status.phase`.
        phase: String,
    },
    /// On no node.
    Pending,
    /// On no node, and nobody will see to it: no profile of the scheduler has its `schedulerName`.
    Unserved,
    /// It is held back by scheduling gates.
    Gated,
    /// It waits for others of its gang.
    Gang {
        /// Where it holds room meanwhile; `None` if there are too few of them to try.
        node: Option<String>,
        /// In Kubernetes' words.
        message: String,
    },
    /// Its manifest named the node, so that no scheduler was asked.
    Named {
        /// The node.
        node: String,
    },
    /// The object is gone; what is told is its last attempt.
    Gone,
}

/// An attempt to schedule the pod.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// When.
    #[serde(rename = "at_seconds", serialize_with = "time")]
    pub at: Time,
    /// The how manieth, from 1.
    pub number: u32,
    /// How many nodes there were, were looked at, and would have been enough if feasible.
    pub nodes_total: usize,
    /// See `nodes_total`.
    pub nodes_looked_at: usize,
    /// See `nodes_total`.
    pub nodes_enough: usize,
    /// The node on which the walk began.
    pub first_node: Option<String>,
    /// Why no node came into question at all.
    pub rejected: Option<Rejection>,
    /// Nodes in the order of the scheduler's list from the first one on.
    pub nodes: Vec<Node>,
    /// How the node was chosen among the feasible ones.
    pub choice: Choice,
    /// The FailedScheduling text, if there was no node.
    pub message: Option<String>,
    /// What became of the attempt to make room.
    pub preemption: Option<Preemption>,
}

/// How a node was chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// No node was feasible.
    Nothing,
    /// Only this one was feasible, so nothing was scored.
    Only(String),
    /// The pod was nominated to it and it fits, so no other was looked at.
    Nominated(String),
    /// It has the highest total.
    Best(String),
    /// Several have the highest total.
    Tie {
        /// The one taken.
        taken: String,
        /// All of them, in the order in which they were looked at.
        among: Vec<String>,
        /// How it was taken.
        rule: String,
    },
}

/// What the scheduler said of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// What was said.
    pub verdict: Verdict,
}

/// What was said of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was not looked at: enough others were feasible.
    NotLookedAt,
    /// A PreFilter plugin narrowed the nodes, and it is not among them.
    LeftOut,
    /// A filter rejected it.
    Rejected(Rejection),
    /// It passed all filters.
    Feasible {
        /// What each plugin gave it; empty where nothing was scored.
        scores: Vec<Score>,
        /// The sum of the weighted scores.
        total: i64,
    },
}

/// A plugin's no.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rejection {
    /// The first plugin that said no.
    pub plugin: String,
    /// `Unschedulable` (removing pods may help) or `UnschedulableAndUnresolvable`.
    pub code: String,
    /// Its reasons.
    pub reasons: Vec<String>,
}

/// What a plugin gave a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// The plugin.
    pub plugin: String,
    /// As the plugin computed it.
    pub raw: i64,
    /// Brought to 0..100 over the feasible nodes.
    pub normalised: i64,
    /// The plugin's weight in the profile.
    pub weight: i64,
    /// What it adds to the total.
    pub weighted: i64,
    /// The score in the words of a placement policy, which says more than the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// When.
    #[serde(rename = "at_seconds", serialize_with = "time")]
    pub at: Time,
    /// The FailedScheduling text.
    pub message: String,
}

/// What a pod in the scheduling queue waits for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waiting {
    /// `active`, `back-off`, `unschedulable` ….
    pub place: String,
    /// Since when: its last attempt, or its coming.
    #[serde(rename = "since_seconds", serialize_with = "time")]
    pub since: Time,
    /// Attempts so far, and how many of them found no node.
    pub attempts: u32,
    /// See `attempts`.
    pub unschedulable: u32,
    /// The back-off that its failures have earned it: the delay, and when it leaves the back-off queue
    /// unless the scheduler is idle before.
    pub backoff: Option<Backoff>,
    /// The plugins that rejected it in its last attempt, with the events to which each may say yes.
    pub plugins: Vec<PluginWaits>,
    /// When it is tried again even if nothing happens.
    #[serde(rename = "flush_seconds", serialize_with = "maybe_time")]
    pub flush: Option<Time>,
}

/// A back-off.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backoff {
    /// `min(maxBackoff, initialBackoff·2^(n-1))`.
    #[serde(rename = "delay_seconds", serialize_with = "span")]
    pub delay: Span,
    /// The tick on which the pod leaves the back-off queue.
    #[serde(rename = "until_seconds", serialize_with = "time")]
    pub until: Time,
}

/// What a plugin that rejected the pod listens to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PluginWaits {
    /// The plugin.
    pub plugin: String,
    /// What happens, and under which condition the pod is tried again.
    pub events: Vec<(String, String)>,
}

/// What an attempt now would come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Now {
    /// The node it would go to.
    pub node: Option<String>,
    /// The text if there is none.
    pub message: Option<String>,
}

/// An attempt to make room.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preemption {
    /// What it came to, if nobody had to go.
    pub message: Option<String>,
    /// Nodes on which the pod would fit without some pods, in the order tried.
    pub candidates: Vec<Candidate>,
    /// The node taken.
    pub node: Option<String>,
    /// By what it won over the others.
    pub decided_by: Option<String>,
}

/// A node on which the pod would fit without some pods.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// The node.
    pub node: String,
    /// Who would have to go, most important first.
    pub victims: Vec<Victim>,
    /// How many of them a disruption budget protects.
    pub violations: usize,
    /// The sum of their priorities, each raised by 2^31.
    pub priority_sum: i64,
    /// The earliest start among the victims of the highest priority.
    #[serde(rename = "earliest_start_seconds", serialize_with = "maybe_time")]
    pub earliest_start: Option<Time>,
}

/// A pod that would have to go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Victim {
    /// `namespace/name`.
    pub pod: String,
    /// Its priority.
    pub priority: i32,
}

fn time<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.since(Time::ZERO).as_secs_f64())
}

fn span<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}

fn maybe_time<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(known) => self::time(known, serializer),
        None => serializer.serialize_none(),
    }
}
