//! The types of the scenario file, one module per section.

pub mod arrivals;
pub mod chaos;
pub mod cluster;
pub mod components;
pub mod expect;
pub mod fault_kinds;
pub mod faults;
pub mod inventory;
pub mod matrix;
pub mod policies;
pub mod replications;
pub mod scheduler;
pub mod selector;
pub mod strikes;
pub mod timeline;
pub mod values;
pub mod workloads;

use std::path::PathBuf;

use crate::engine::Span;
use crate::outcome::provenance::{Input, StoredScenario};
use crate::scenario::diagnostics::Problems;
use crate::scenario::fields::{Fields, Key, Record};
use crate::scenario::read::Spanned;
use crate::scenario::record::{record, words};
use crate::scenario::source::Sources;
use crate::scheduler::policies::{self as listed, Chosen};

use arrivals::Arrivals;
use chaos::Chaos;
use cluster::Cluster;
use components::{ControlPlane, Kubelet, Phases};
use expect::Expectation;
use faults::FaultEntry;
use matrix::{Matrix, Placement};
use policies::WrittenPolicy;
use replications::Replications;
use scheduler::Scheduler;
use timeline::Step;
use values::ObjectName;
use workloads::Workload;

record! {
    /// One question to a cluster: what it is made of, what runs on it, what happens to it.
    pub struct Scenario {
        /// Name of the scenario and of its folder of results.
        "name" => name: ObjectName,
        /// What the scenario asks, in words.
        "description" => description: Option<String>,
        /// Seed of everything random.
        "seed" => seed: u64 = "1",
        /// Length of the run.
        "duration" => duration: Spanned<Span>,
        /// The nodes.
        "cluster" => cluster: Cluster,
        /// What runs from the start.
        "workloads" => workloads: Vec<Workload>,
        /// Pods that come over time by themselves.
        "arrivals" => arrivals: Vec<Arrivals>,
        /// Whether they run already when the run starts, or are created then.
        "start" => start: Start = "empty",
        /// What happens when.
        "timeline" => timeline: Vec<Step>,
        /// What breaks by chance, or again and again.
        "faults" => faults: Vec<FaultEntry>,
        /// Placement policies of one's own.
        "policies" => policies: Vec<WrittenPolicy>,
        /// Faults of every kind from the seed, then quiet.
        "chaos" => chaos: Option<Chaos>,
        /// How pods are placed.
        "scheduler" => scheduler: Scheduler,
        /// Flags and latencies of the control plane.
        "control-plane" => control_plane: ControlPlane,
        /// Flags and timings of the kubelet.
        "kubelet" => kubelet: Kubelet,
        /// Phases of periodic loops.
        "phases" => phases: Phases,
        /// Objectives of service, as shares between 0 and 1, for which error budgets, burn rates and their alerts are computed;
        /// 0.99, 0.999 and 0.9999 unless given.
        "objectives" => objectives: Vec<Spanned<f64>>,
        /// Conditions on metrics; a broken one makes `sim run` exit with 1. One without labels is about
        /// the metric's row without labels or, where there is none, about every row. A metric without
        /// a value, as no fault struck, breaks its condition.
        "expect" => expect: Vec<Expectation>,
        /// The same under several seeds, for intervals instead of single numbers.
        "replications" => replications: Replications,
        /// What `sim compare` varies.
        "matrix" => matrix: Matrix,
        /// One-shot placement without time, in place of a run; `cluster` and `duration` are not needed then.
        "placement" => placement: Option<Placement>,
        /// Folder of the data that `placement` reads, relative to the scenario file: `--set data=PATH`.
        "data" => data: Option<String>,
        /// What is written beside the summary.
        "outputs" => outputs: Outputs,
        ..files: Files
    }
}

impl Scenario {
    /// Name of the scheduling policy, for reports.
    pub fn policy_name(&self) -> String {
        match (&self.scheduler.policy, &self.scheduler.config, &self.scheduler.scoring) {
            (Some(policy), ..) => policy.value.clone(),
            (None, Some(_), _) => "config".to_string(),
            (None, None, Some(scoring)) => scoring.value.word().to_string(),
            (None, None, None) => "default".to_string(),
        }
    }

    /// The policy of this name: of the scenario, or of the list. `default` is none.
    pub fn chosen_policy(&self, name: &str) -> Option<Chosen> {
        let written = self.policies.iter().find(|policy| policy.name.text == name);
        let written = written.map(|policy| Chosen::Written(policy.policy()));
        written.or_else(|| listed::find(name).map(Chosen::Listed))
    }

    /// The scenario's files, for a manifest.
    pub fn stored(&self) -> StoredScenario {
        let files = self.files.sources.files_below(&self.files.folder);
        StoredScenario { name: files.first().map(|(name, _)| name.clone()).unwrap_or_default(), files }
    }

    /// The scenario file as it was written, with the files it names behind it.
    pub fn text(&self) -> String {
        self.files.sources.texts()
    }
}

/// What a scenario was read from; filled in after reading.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The scenario file first, then what `--set` gave, then the files it names.
    pub sources: Sources,
    /// The folder of the scenario file.
    pub folder: PathBuf,
    /// The data it reads, with hashes; filled in when somebody asks.
    pub inputs: Vec<Input>,
}

impl Record for Files {
    const NAME: &'static str = "Files";
    const ABOUT: &'static str = "";
    fn keys() -> Vec<Key> {
        Vec::new() // nothing of it is written in the scenario file
    }
    fn take(_: &Fields<'_>, _: &mut Problems) -> Option<Self> {
        Some(Files::default())
    }
}

words! {
    /// What the run starts with.
    pub enum Start {
        /// The nodes are there; the workloads are created at time zero and start as they would.
        "empty" => Empty,
        /// The workloads run already, placed by the scheduler as if they had been created one after
        /// the other.
        "settled" => Settled,
    }
}

record! {
    /// What is written beside the summary.
    pub struct Outputs {
        /// Write `events.csv`, every change of the cluster.
        "event-log" => event_log: bool = "true",
    }
}
