//! One run: a built scenario in, an [`Outcome`] out.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::cluster::PodId;
use crate::engine::Time;
use crate::metrics::Metrics;
use crate::outcome::{EventSink, Outcome, PodRow, Run};
use crate::simulation::{Setup, Simulation};

use super::chaos::Watch;

/// Events between two looks at [`Progress`].
const STRIDE: u32 = 4096;

/// What a run needs beside its setup.
#[derive(Default)]
pub struct Options {
    /// What was run, for the outcome.
    pub run: Run,
    /// Takes the event log.
    pub log: Option<Box<dyn EventSink>>,
}

/// Somebody who waits for a long run.
pub trait Progress {
    /// The virtual clock has come to `now`. `false` stops the run.
    fn reached(&mut self, now: Time) -> bool;
}

/// Nobody waits.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn reached(&mut self, _: Time) -> bool {
        true
    }
}

/// The run was stopped before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Pods that wait for others of their gang have no event that says so.
fn tell_waits(rows: &mut [PodRow], simulation: &Simulation) {
    let waits: BTreeMap<PodId, Rc<str>> = simulation.gang_waits().into_iter().collect();
    let rows = simulation.cluster.pods().zip(rows);
    for ((id, _), row) in rows {
        if let Some(message) = waits.get(&id) {
            row.reason = message.to_string();
        }
    }
}

/// Runs to the end and sums up. `expectations` of the outcome are left empty: see
/// [`crate::scenario::judge`].
///
/// # Errors
/// [`Interrupted`] if `progress` stops it.
pub fn run(setup: Setup, options: Options, progress: &mut dyn Progress) -> Result<Outcome, Interrupted> {
    let mut metrics = Metrics::new(&setup.cluster, setup.metrics.clone());
    if let Some(log) = options.log {
        metrics.log_to(log);
    }
    let mut watch = setup.quiet.map(Watch::new);
    let mut simulation = Simulation::new(setup, &mut metrics);
    let end = simulation.end();
    let mut events = 0_u32;
    loop {
        let look = watch.as_ref().and_then(Watch::next).filter(|look| *look <= end);
        if !simulation.step(look.unwrap_or(end), &mut metrics) {
            let (Some(look), Some(watch)) = (look, &mut watch) else { break };
            simulation.run_until(look, &mut metrics);
            watch.look(&simulation.cluster, &metrics);
            continue;
        }
        events += 1;
        if events == STRIDE {
            events = 0;
            if !progress.reached(simulation.cluster.now) {
                return Err(Interrupted);
            }
        }
    }
    simulation.run_until(end, &mut metrics); // the clock to the end
    metrics.converged(watch.map(Watch::finish));
    let mut outcome = metrics.finish(&simulation.cluster, options.run);
    tell_waits(&mut outcome.pods, &simulation);
    let idle_faults = simulation.faults_without_hits().into_iter().map(str::to_string).collect();
    Ok(Outcome {
        arrivals: simulation.arrivals(),
        unserved: simulation.unserved(),
        fault_trace: simulation.fault_trace(),
        idle_faults,
        failed_expressions: simulation.failed_expressions(),
        ..outcome
    })
}
