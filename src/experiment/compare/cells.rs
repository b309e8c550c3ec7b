//! Cells: one scenario under one seed. Each finished one is a file named by the hash of what it was made from, so
//! that an interrupted comparison goes on where it was, and no cell is computed twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::experiment::fgd::{self, openb::Openb};
use crate::experiment::replicate::{Failed, Watch, replicate};
use crate::experiment::replications::in_parallel;
use crate::outcome::provenance::hash;
use crate::outcome::study::Replicate;
use crate::scenario::Scenario;
use crate::scheduler::policies;

/// One scenario under one seed.
pub struct Cell<'a> {
    scenario: &'a Scenario,
    seed: u64,
    /// Everything its result depends on.
    key: String,
    /// Whether the key does hold everything, so that a finished one can be trusted.
    told: bool,
}

/// A finished cell, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// What it was made from: two keys with one hash are told apart.
    key: String,
    replicate: Replicate,
}

/// Data that many cells read, kept in memory once.
#[derive(Default)]
pub struct Shared {
    openb: Mutex<BTreeMap<(PathBuf, String), Arc<Openb>>>,
}

impl Shared {
    /// The pod list of an openb workload.
    ///
    /// # Errors
    /// Which file cannot be read.
    pub fn openb(&self, folder: &Path, workload: &str) -> Result<Arc<Openb>, Failed> {
        let mut known = self.openb.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (folder.to_path_buf(), workload.to_string());
        if let Some(openb) = known.get(&key) {
            return Ok(Arc::clone(openb));
        }
        let openb = Arc::new(Openb::read(folder, workload).map_err(Failed::Other)?);
        known.insert(key, Arc::clone(&openb));
        Ok(openb)
    }
}

impl<'a> Cell<'a> {
    /// A cell. Its key holds the program's source, the scenario as written, what was set, the data, the seed. Our source
    /// tells nothing of a policy that was added: such a cell is run again always.
    pub fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let stored = scenario.stored().hash();
        let inputs: Vec<String> =
            scenario.inputs().iter().map(|input| format!("{} {:016x}", input.path, input.hash)).collect();
        let settings = scenario.settings().join("\n");
        let key = format!(
            "sim {} {}\nscenario {stored:016x}\nseed {seed}\n{settings}\n{}",
            env!("CARGO_PKG_VERSION"),
            env!("SIM_SOURCE"),
            inputs.join("\n")
        );
        let added = scenario.scheduler.policy.as_ref().is_some_and(|policy| policies::is_added(policy));
        Cell { scenario, seed, key, told: !added }
    }

    fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{:016x}.json", hash(self.key.as_bytes())))
    }

    /// The result, if it is there and whole.
    fn finished(&self, folder: &Path) -> Option<Replicate> {
        let kept: Kept = serde_json::from_slice(&fs::read(self.file(folder)).ok()?).ok()?;
        (self.told && kept.key == self.key).then_some(kept.replicate)
    }

    fn run(&self, shared: &Shared, watch: &dyn Watch) -> Result<Replicate, Failed> {
        match &self.scenario.placement {
            Some(placement) => fgd::cell(self.scenario, placement, self.seed, shared),
            None => replicate(self.scenario, self.seed, watch),
        }
    }

    /// Keeps the result; the file is whole or not there.
    fn keep(&self, folder: &Path, replicate: &Replicate) -> Result<(), Failed> {
        let kept = Kept { key: self.key.clone(), replicate: replicate.clone() };
        let file = self.file(folder);
        let partial = file.with_extension("partial");
        let bytes = serde_json::to_vec(&kept).map_err(|error| Failed::Other(error.to_string()))?;
        let written = fs::write(&partial, bytes).and_then(|()| fs::rename(&partial, &file));
        written.map_err(|error| Failed::Other(format!("{}: {error}", file.display())))
    }
}

/// The results of all cells, in their order; those that are not in `folder` yet are run.
///
/// # Errors
/// [`Failed`], of the first cell that has one; what was finished stays in `folder`.
pub fn run(
    cells: &[Cell<'_>],
    folder: &Path,
    jobs: usize,
    shared: &Shared,
    watch: &dyn Watch,
) -> Result<Vec<Replicate>, Failed> {
    fs::create_dir_all(folder).map_err(|error| Failed::Other(format!("{}: {error}", folder.display())))?;
    let finished = AtomicUsize::new(0);
    watch.done(0, cells.len());
    in_parallel(cells, jobs, |cell| {
        if watch.stopped() {
            return Err(Failed::Interrupted);
        }
        let replicate = match cell.finished(folder) {
            Some(replicate) => replicate,
            None => {
                let replicate = cell.run(shared, watch)?;
                cell.keep(folder, &replicate)?;
                replicate
            }
        };
        watch.done(finished.fetch_add(1, Ordering::Relaxed) + 1, cells.len());
        Ok(replicate)
    })
}
