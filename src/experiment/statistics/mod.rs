//! Statistics for comparing runs: pure functions of numbers, one file each, with formula and source.
//!
//! A *sample* is one number per replication (a run under a seed), never one per pod: pods of one run are
//! not independent. Everything here is deterministic to the bit: transcendental functions come from the
//! pinned `libm`, resampling from a seeded stream. That is also why no statistics crate is used: those
//! we know of (`statrs` among them) call the platform's `ln` and `exp`, whose last bits differ.
//!
//! Reading order: [`moments`], [`interval`] (one mean), [`paired`] (two policies under common random
//! numbers), [`bootstrap`] and [`percentile`] (anything but a mean), [`friedman`] (many policies over many
//! scenarios), [`holm`] (many tests at once), [`effect`] (how much it matters), [`warm_up`] and
//! [`sequential`] (how long and how often to run).

pub mod beta;
pub mod bootstrap;
pub mod chi_squared;
pub mod effect;
pub mod friedman;
pub mod holm;
pub mod interval;
pub mod kolmogorov_smirnov;
pub mod moments;
pub mod normal;
pub mod paired;
pub mod percentile;
pub mod ranks;
pub mod sequential;
pub mod student_t;
pub mod studentized_range;
pub mod warm_up;
pub mod wilcoxon;

pub use interval::{Interval, t_interval};
pub use moments::Moments;
