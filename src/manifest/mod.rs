//! Kubernetes objects → cluster types, with the API server's defaulting and admission.
//!
//! Pure conversion of `k8s-openapi`'s typed objects; reading files and refusing unknown fields is the
//! scenario's business. Each conversion returns everything it found wrong, each problem with the
//! path of its field, in the words of the API server where it has some.
//!
//! Start with [`pod_spec`] and [`node_spec`].

pub mod affinity;
pub mod batch;
pub mod node;
pub mod pod;
pub mod policy;
pub mod quantity;
pub mod quota;
pub mod resources;
pub mod selector;
pub mod sets;
pub mod volume;
pub mod workload;

use std::fmt;

use crate::cluster::Names;

pub use node::node_spec;
pub use pod::{Defaults, PriorityClass, RESTARTED_AT, normalized_image, pod_spec};
pub use policy::{disruption_budget, priority_class, runtime_overhead, service_selector};
pub use quantity::Quantity;
pub use selector::{label_selector, labels, node_selector};
pub use volume::{
    csi_driver, csi_node, csi_storage_capacity, persistent_volume, persistent_volume_claim, storage_class,
    volume_attachment,
};

/// Something wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as Kubernetes writes it: `spec.containers[0].resources.requests[cpu]`.
    pub path: String,
    /// What is wrong: a lower-case fragment, or the API server's own words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// All that is wrong with an object, in the order of its fields.
pub type Problems = Vec<Problem>;

/// What a conversion carries along: the name table, and the problems found so far.
pub(crate) struct Reader<'a> {
    pub(crate) names: &'a mut Names,
    pub(crate) problems: Problems,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(names: &'a mut Names) -> Self {
        Reader { names, problems: Vec::new() }
    }

    pub(crate) fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { path: path.into(), message: message.into() });
    }

    /// `value` if nothing was wrong.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(self.problems) }
    }
}
