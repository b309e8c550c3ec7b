//! Replays what a real control plane was recorded doing, and compares.

pub mod timeline;
