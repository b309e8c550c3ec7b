//! The data a scenario reads beside its own files: recorded traces and lists of machines. They are too large to be kept in a manifest,
//! so that their hashes are.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::build::{skipped, skipped_machines};
use super::schema::Scenario;
use super::schema::arrivals::Arrivals;
use super::schema::matrix::PlacementExperiment;
use crate::outcome::provenance::{Input, hash, hash_on};

impl Scenario {
    /// Files of data, as the scenario names them.
    fn input_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        if let (Some(placement), Some(data)) = (&self.placement, self.data.as_ref().filter(|data| !data.is_empty())) {
            let workload = &placement.workload.value;
            let names = match placement.experiment {
                PlacementExperiment::Openb => [
                    "openb_node_list_gpu_node.csv".to_string(),
                    format!("openb_pod_list_{workload}.csv"),
                    format!("arrivals/arrival_order_{workload}.txt"),
                    format!("arrivals/node_order_{workload}.txt"),
                ],
            };
            paths.extend(names.map(|name| Path::new(data).join(name).display().to_string()));
        }
        paths.extend(self.cluster.inventory().map(|inventory| inventory.file.value.clone()));
        for arrivals in &self.arrivals {
            if let Arrivals::Trace(trace) = arrivals {
                paths.push(trace.path.value.clone());
                paths.extend(trace.types.iter().map(|types| types.value.clone()));
            }
        }
        paths
    }

    /// Where a file of data is that the scenario names.
    pub fn data_path(&self, written: &str) -> PathBuf {
        self.files.folder.join(written)
    }

    /// Hashes the data, so that [`Scenario::inputs`] knows them.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn hash_inputs(&mut self) -> Result<(), (String, io::Error)> {
        let mut inputs = Vec::new();
        for path in self.input_paths() {
            match hash_file(&self.data_path(&path)) {
                Ok(hash) => {
                    let (skipped, first_skipped) = self.skipped_of(&path);
                    inputs.push(Input { path, hash, skipped, first_skipped });
                }
                Err(error) => return Err((self.data_path(&path).display().to_string(), error)),
            }
        }
        self.files.inputs = inputs;
        Ok(())
    }

    /// Rows skipped of the trace at `path`: how many, and the first with its line.
    fn skipped_of(&self, path: &str) -> (u64, String) {
        let traces = self.arrivals.iter().filter_map(|arrivals| match arrivals {
            Arrivals::Trace(trace) if trace.path.value == path => skipped(self, trace),
            _ => None,
        });
        let inventory = self.cluster.inventory().filter(|inventory| inventory.file.value == path);
        let machines = inventory.and_then(|_| skipped_machines(self));
        let most = traces.chain(machines).max_by_key(|skipped| skipped.count);
        most.map_or((0, String::new()), |found| {
            (found.count, found.first.first().map_or(String::new(), ToString::to_string))
        })
    }

    /// The data with hashes, once [`Scenario::hash_inputs`] was called.
    pub fn inputs(&self) -> &[Input] {
        &self.files.inputs
    }

    /// What `--set` gave, as `path=value`.
    pub fn settings(&self) -> Vec<String> {
        self.files.sources.settings()
    }
}

fn hash_file(path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (mut sum, mut buffer) = (hash(b""), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sum),
            read => sum = hash_on(sum, &buffer[..read]),
        }
    }
}
