//! From a checked [`Scenario`] to what a run is made from: names are interned, manifests become cluster
//! types, flags become settings. Nothing is decided here that the file does not say.
//!
//! # Example
//! ```
//! use sim::engine::Time;
//! use sim::metrics::{self, Metrics};
//! use sim::outcome::Run;
//! use sim::scenario;
//! use sim::simulation::Simulation;
//!
//! let text = r#"
//! name: node-failure
//! duration: 15m
//! cluster:
//!   nodes: [{ name: worker, count: 3, capacity: { cpu: 4, memory: 8Gi } }]
//! workloads:
//!   - { deployment: web, replicas: 6, pod: { requests: { cpu: 500m } } }
//! start: settled
//! timeline:
//!   - { at: 2m, crash: { node: worker-2 } }
//! expect:
//!   - recovery_seconds{workload="web"} <= 420
//! "#;
//!
//! // Load: every problem of the file at once, each with its place. `load` reads a file, with the files
//! // it names; the last argument is what `--set` gave.
//! let mut scenario = scenario::load_text("node-failure.yaml", text, &[]).map_err(|d| d.to_string())?;
//! scenario.seed = 7; // `--seed 7`
//!
//! // Build: once for each run, as a run uses its setup up.
//! let setup = scenario::build(&scenario).map_err(|d| d.to_string())?;
//!
//! // Run, with metrics looking on from the first change.
//! let mut metrics = Metrics::new(&setup.cluster, metrics::Settings::default());
//! let mut simulation = Simulation::new(setup, &mut metrics);
//! simulation.run(&mut metrics);
//! assert_eq!(simulation.cluster.now, Time::from_secs(900));
//!
//! // Judge.
//! let run = Run { scenario: scenario.name.text.clone(), seed: scenario.seed, ..Run::default() };
//! let mut outcome = metrics.finish(&simulation.cluster, run);
//! outcome.expectations = scenario::judge(&scenario.expect, &outcome);
//! assert!(outcome.expectations.iter().all(|expectation| expectation.held));
//! # Ok::<(), String>(())
//! ```

mod arrivals;
mod chaos;
mod faults;
mod inventory;
mod measured;
mod nodes;
mod objects;
mod scheduler;
mod settings;
mod templates;
#[cfg(test)]
mod tests;
mod timeline;

use crate::cluster::{Cluster, Labels};
use crate::engine::{Seed, Time};
use crate::manifest::Defaults;
use crate::simulation::{Command, Setup, Workload};

use super::check::objects::defaults;
use super::check::{all_objects, locate};
use super::diagnostics::{Diagnostics, Problems};
use super::manifests::{Body, Object};
use super::schema::workloads::Workload as WrittenWorkload;
use super::schema::{Scenario, Start};
use super::source::Node;

pub(super) use arrivals::skipped;
pub use arrivals::skipped_rows;
pub(super) use inventory::skipped_machines;
pub(super) use measured::{objective, objectives};
pub(super) use objects::storage_body;
pub(super) use scheduler::config as scheduler_config;

/// Makes what a run needs. The same scenario and seed give the same setup; another seed is set by
/// assigning [`Scenario::seed`] before.
///
/// # Errors
/// What only shows when the parts come together, each problem with its place: an `update` that gives a
/// Deployment pods which its selector does not match, for example. What [`super::load`] finds is not
/// found again.
pub fn build(scenario: &Scenario) -> Result<Setup, Diagnostics> {
    let mut builder = Builder::new(scenario);
    let nodes = builder.nodes();
    let objects: Vec<Object> = scenario.workloads.iter().flat_map(WrittenWorkload::objects).collect();
    let workloads: Vec<Workload> = objects.iter().flat_map(|object| builder.create(object)).collect();
    let sources = builder.sources();
    let timeline = builder.timeline();
    let mut faults = builder.faults();
    let (random, quiet) = builder.chaos(&nodes);
    faults.extend(random);
    let scheduler = scheduler_config(scenario, &mut builder.cluster.names, &mut builder.problems);
    let settings = builder.settings(&scheduler);
    let metrics = measured::settings(scenario, &faults);
    let Builder { cluster, problems, .. } = builder;
    if !problems.is_empty() {
        return Err(Diagnostics::new(problems, scenario.files.sources.clone()));
    }
    Ok(Setup {
        cluster,
        duration: Time(scenario.duration.value.0),
        nodes,
        workloads,
        settled: scenario.start == Start::Settled,
        timeline,
        faults,
        sources,
        quiet,
        settings,
        scheduler,
        metrics,
    })
}

/// What building carries along.
struct Builder<'a> {
    scenario: &'a Scenario,
    cluster: Cluster,
    /// What admission fills in.
    defaults: Defaults,
    /// The Deployments there are at the instant that is being built.
    templates: templates::Templates,
    /// What happens to recorded machines after the start, in order of time.
    recorded: Vec<(Time, Command)>,
    problems: Problems,
}

impl<'a> Builder<'a> {
    /// An empty cluster that knows the namespaces and classes of the scenario.
    fn new(scenario: &'a Scenario) -> Self {
        let mut cluster = Cluster::new(Seed(scenario.seed));
        let objects = all_objects(scenario);
        let defaults = defaults(&objects, scenario, &mut cluster.names);
        for (_, object) in &objects {
            add_namespace(object, &mut cluster);
        }
        let (templates, problems) = (templates::Templates::default(), Problems::default());
        Builder { scenario, cluster, defaults, templates, recorded: Vec::new(), problems }
    }

    /// Brings what a conversion found wrong with an object to its place in the file.
    fn report(&mut self, node: &Node, problems: Vec<crate::manifest::Problem>) {
        for crate::manifest::Problem { path, message } in problems {
            self.problems.report(locate(node, &path), message).expected(path);
        }
    }
}

/// Namespaces are there from the start, whether the scenario declares them or only uses them.
fn add_namespace(object: &Object, cluster: &mut Cluster) {
    let (text, declared) = match &object.body {
        Body::Namespace(namespace) => (object.name.as_str(), namespace.metadata.labels.as_ref()),
        _ => (object.namespace.as_str(), None),
    };
    if text.is_empty() {
        return;
    }
    let names = &mut cluster.names;
    let (name, key) = (names.intern(text), names.intern("kubernetes.io/metadata.name"));
    let labels = declared.map(|labels| crate::manifest::labels(names, Some(labels)).with(key, name));
    match cluster.namespaces.iter_mut().find(|(known, _)| *known == name) {
        Some((_, known)) => *known = labels.unwrap_or_else(|| known.clone()),
        None => {
            let labels = labels.unwrap_or_else(|| Labels::new(vec![(key, name)]));
            cluster.namespaces.push((name, labels));
        }
    }
}
