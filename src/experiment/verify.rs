//! Two runs of one scenario in lockstep: the first event after which they differ.

use std::fmt;

use crate::cluster::{Change, Cluster, Record};
use crate::engine::Time;
use crate::metrics::event_log;
use crate::metrics::{self, Metrics};
use crate::outcome::EventRow;
use crate::simulation::{Note, Observer, Setup, Simulation};

use super::run::{Interrupted, Progress};

/// Where two runs of the same scenario part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Virtual time of the first event whose changes differ.
    pub at: Time,
    /// Its number, from 1.
    pub event: u64,
    /// What the first run did then.
    pub first: Vec<EventRow>,
    /// What the second run did then.
    pub second: Vec<EventRow>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the runs differ at {}, event {}", self.at, self.event)?;
        for (name, rows) in [("first", &self.first), ("second", &self.second)] {
            writeln!(f, "  {name} run:")?;
            for row in rows {
                writeln!(f, "    {row}")?;
            }
        }
        Ok(())
    }
}

/// Events between two counts from scratch.
const STRIDE: u64 = 4096;

/// A run that remembers what its last event did.
struct Watched {
    metrics: Metrics,
    rows: Vec<EventRow>,
}

impl Watched {
    fn new(cluster: &Cluster) -> Self {
        Watched { metrics: Metrics::new(cluster, metrics::Settings::default()), rows: Vec::new() }
    }
}

impl Observer for Watched {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        self.rows.extend(event_log::change_row(change, cluster));
        Observer::observe(&mut self.metrics, change, cluster);
    }

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        self.rows.push(event_log::record_row(record, cluster));
        Observer::record(&mut self.metrics, record, cluster);
    }

    fn note(&mut self, note: Note, cluster: &Cluster) {
        self.rows.push(event_log::action_row(cluster.now, &note.label));
        Observer::note(&mut self.metrics, note, cluster);
    }
}

/// Runs two setups of the same scenario event by event and compares what they do; now and then the kept
/// aggregates of the cluster are compared with those counted from scratch.
///
/// # Errors
/// [`Interrupted`] if `progress` stops it.
///
/// # Panics
/// If an aggregate is not what a count from scratch gives.
pub fn verify(first: Setup, second: Setup, progress: &mut dyn Progress) -> Result<Option<Difference>, Interrupted> {
    let (mut a, mut b) = (Watched::new(&first.cluster), Watched::new(&second.cluster));
    let (mut left, mut right) = (Simulation::new(first, &mut a), Simulation::new(second, &mut b));
    let end = left.end();
    let mut event = 0;
    loop {
        let same = a.metrics.digest() == b.metrics.digest() && a.rows == b.rows;
        if !same || left.cluster.now != right.cluster.now {
            let at = left.cluster.now.min(right.cluster.now);
            return Ok(Some(Difference { at, event, first: a.rows, second: b.rows }));
        }
        a.rows.clear();
        b.rows.clear();
        event += 1;
        let (more, other) = (left.step(end, &mut a), right.step(end, &mut b));
        if (!more && !other) || event % STRIDE == 0 {
            left.cluster.check().unwrap_or_else(|wrong| panic!("at {}, event {event}: {wrong}", left.cluster.now));
        }
        if !more && !other {
            return Ok(None);
        }
        if event % STRIDE == 0 && !progress.reached(left.cluster.now) {
            return Err(Interrupted);
        }
    }
}
