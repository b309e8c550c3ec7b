//! Runs: one ([`run()`]), and many that are compared.

mod run;
mod verify;

pub use run::{Interrupted, Options, Progress, Unwatched, run};
pub use verify::{Difference, verify};
