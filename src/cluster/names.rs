//! The name table: every string of the cluster, once.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

/// An interned string. Comparing names compares identity, not alphabetical order; use
/// [`Names::text`] to order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u32);

/// All strings, by [`Name`].
#[derive(Clone, Debug, Default)]
pub struct Names(IndexSet<Box<str>, FxBuildHasher>);

impl Names {
    /// The name for `text`, new or known.
    pub fn intern(&mut self, text: &str) -> Name {
        match self.0.get_index_of(text) {
            Some(index) => Name(index as u32),
            None => Name(self.0.insert_full(text.into()).0 as u32),
        }
    }

    /// The name for `text`, if it was ever interned.
    pub fn find(&self, text: &str) -> Option<Name> {
        self.0.get_index_of(text).map(|index| Name(index as u32))
    }

    /// The text of `name`.
    pub fn text(&self, name: Name) -> &str {
        &self.0[name.0 as usize]
    }
}

/// Names with a meaning to Kubernetes itself, interned in every cluster.
#[derive(Clone, Copy, Debug)]
pub struct WellKnown {
    /// The empty string.
    pub empty: Name,
    /// Taint `node.kubernetes.io/not-ready`.
    pub not_ready: Name,
    /// Taint `node.kubernetes.io/unreachable`.
    pub unreachable: Name,
    /// Taint `node.kubernetes.io/unschedulable`.
    pub unschedulable: Name,
    /// Taint `node.kubernetes.io/out-of-service`.
    pub out_of_service: Name,
    /// Label `kubernetes.io/hostname`.
    pub hostname: Name,
    /// Label `topology.kubernetes.io/zone`.
    pub zone: Name,
    /// Label `topology.kubernetes.io/region`.
    pub region: Name,
}

impl WellKnown {
    /// Interns them.
    pub fn new(names: &mut Names) -> Self {
        WellKnown {
            empty: names.intern(""),
            not_ready: names.intern("node.kubernetes.io/not-ready"),
            unreachable: names.intern("node.kubernetes.io/unreachable"),
            unschedulable: names.intern("node.kubernetes.io/unschedulable"),
            out_of_service: names.intern("node.kubernetes.io/out-of-service"),
            hostname: names.intern("kubernetes.io/hostname"),
            zone: names.intern("topology.kubernetes.io/zone"),
            region: names.intern("topology.kubernetes.io/region"),
        }
    }
}
