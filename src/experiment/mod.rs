//! Runs: one ([`run()`]), and many that are compared.
//!
//! [`statistics`] holds the arithmetic of comparing, pure functions of numbers. [`board`] places pods one
//! after another without time, for placement policies alone; [`fgd`] repeats a published comparison on it.
//! [`place_and_fail`] is the smallest model with time, for comparing simulators.

pub mod board;
pub mod compare;
pub mod fgd;
pub mod place_and_fail;
pub mod replicate;
pub mod replications;
mod run;
pub mod statistics;
pub mod summary;
mod verify;

pub use run::{Interrupted, Options, Progress, Unwatched, run};
pub use verify::{Difference, verify};
