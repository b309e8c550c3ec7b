//! Arrivals: where pods come from that no controller makes. A source is pulled lazily, one arrival
//! ahead, so that a million pods need no room before they come.

pub mod trace;

use crate::cluster::{Name, SpecId};
use crate::engine::{Span, Time};

/// A pod that will be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// Its template.
    pub spec: SpecId,
    /// How long its main container runs; `None`: as the template says.
    pub run_for: Option<Span>,
    /// The base of its generated name.
    pub base: Name,
}

/// A stream of arrivals in order of time.
pub trait Source {
    /// The next arrival; `None` when there are no more.
    fn next(&mut self) -> Option<Arrival>;
}

impl<I: Iterator<Item = Arrival>> Source for I {
    fn next(&mut self) -> Option<Arrival> {
        Iterator::next(self)
    }
}
