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
