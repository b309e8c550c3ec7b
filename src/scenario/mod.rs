//! The scenario file: text → checked [`Scenario`] data.
//!
//! Start with [`load`]. `source` turns YAML into a tree with positions, `read`, `fields` and `record` turn
//! trees into the types of `schema`, `manifests` does so for Kubernetes objects, `check` compares
//! the parts with one another. Every problem is collected in `diagnostics`; nothing stops at the
//! first. [`build()`] makes a run's setup of the data, which knows no text any more, and [`judge()`]
//! compares the run's outcome with what was expected.

pub mod build;
mod check;
pub mod diagnostics;
pub mod duration;
pub mod fields;
mod inputs;
mod judge;
mod load;
pub mod manifests;
mod outages;
mod overrides;
pub mod read;
mod record;
mod reference;
pub mod schema;
pub mod source;
#[cfg(test)]
mod tests;

pub use build::{build, skipped_rows};
pub use check::{faults_without_domains, policies};
pub use diagnostics::Diagnostics;
pub use judge::judge;
pub use load::{load, load_stored, load_text};
pub use overrides::list_items;
pub use reference::{reference, schema};
pub use schema::Scenario;
