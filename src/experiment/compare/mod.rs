//! Policies, or values of a parameter, compared over scenarios and seeds.
//!
//! [`design`] says what is run: the cells (scenario, values, policy, seed). [`cells`] runs those that are not
//! finished yet, in parallel, and keeps each as a file of its own. [`analysis`] compares, replication by
//! replication, as all arms meet the same arrivals and faults under one seed.

pub mod analysis;
pub mod cells;
pub mod design;
mod direction;

use std::path::Path;

use crate::outcome::comparison::Comparison;
use crate::outcome::study::Replicate;

use super::replicate::{Failed, Watch};
use cells::Cell;
use design::Design;

/// Runs what is not finished in `kept` yet, and compares.
///
/// # Errors
/// [`Failed`]: of the first cell that has one, or if arms did not meet the same arrivals.
pub fn run(design: &Design, kept: &Path, jobs: usize, watch: &dyn Watch) -> Result<Comparison, Failed> {
    let cells: Vec<Cell<'_>> = design.cells();
    let shared = cells::Shared::default();
    let replicates = cells::run(&cells, kept, jobs, &shared, watch)?;
    let mut replicates = replicates.into_iter();
    let mut seeds = || -> Vec<Replicate> { replicates.by_ref().take(design.seeds.len()).collect() };
    let table: Vec<Vec<Vec<Replicate>>> =
        design.blocks.iter().map(|block| block.arms.iter().map(|_| seeds()).collect()).collect();
    analysis::compare(design, table)
}
