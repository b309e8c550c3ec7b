//! A deterministic discrete-event simulator of a Kubernetes-like cluster.
//!
//! Modules in reading order; `docs/ARCHITECTURE.md` is the map. Each module may import only those
//! above it (`tests/tidy.rs` holds the exact table).

pub mod engine;

pub mod cluster;

pub mod manifest;

pub mod scheduler;

pub mod controllers;

pub mod kubelet;

pub mod workload;

pub mod faults;

pub mod outcome;

pub mod metrics;

pub mod simulation;

pub mod kubectl;

pub mod scenario;

pub mod experiment;

pub mod report;

pub mod fidelity;

pub mod cli;
