//! Many runs: seeds × policies × parameters, paired and compared.
//!
//! [`statistics`] holds the arithmetic, pure functions of numbers. [`board`] places pods one after another
//! without time, for placement policies alone; [`fgd`] repeats a published comparison on it.
//! [`place_and_fail`] is the smallest model with time, for comparing simulators.

pub mod board;
pub mod fgd;
pub mod place_and_fail;
pub mod statistics;
