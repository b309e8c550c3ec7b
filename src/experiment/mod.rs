//! Many runs: seeds × policies × parameters, paired and compared.
//!
//! [`statistics`] holds the arithmetic, pure functions of numbers.

pub mod statistics;
