//! A deterministic discrete-event simulator of a Kubernetes-like cluster.
//!
//! Modules in reading order; `docs/ARCHITECTURE.md` is the map. Each module may import only those
//! above it (`tests/tidy.rs` holds the exact table).

pub mod cluster;
pub mod engine;
pub mod fidelity;
pub mod manifest;
pub mod scheduler;
