//! Arrivals: where pods come from that no controller makes. A source is pulled lazily, one arrival
//! ahead, so that a million pods need no room before they come.

pub mod generator;
pub mod trace;

use crate::cluster::{GpuRequest, Name, PodSpec, SpecId};
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

/// A hash over arrivals: when each came, what it asks for, how long it runs. Integers only, and no ids, so that
/// two policies that meet the same arrivals have the same hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct ArrivalHash(u64);

impl ArrivalHash {
    /// Adds the next arrival, whose template is `spec`.
    pub fn add(&mut self, arrival: &Arrival, spec: &PodSpec) {
        let gpu = spec.gpu.as_ref().map_or(0, GpuRequest::total);
        let run_for = arrival.run_for.map_or(u64::MAX, |span| span.0);
        let priority = spec.priority.cast_unsigned();
        for part in [arrival.at.0, spec.requests.cpu as u64, spec.requests.memory as u64, gpu as u64, run_for] {
            self.0 = mixed(self.0 ^ part);
        }
        self.0 = mixed(self.0 ^ u64::from(priority));
    }

    /// The hash; 0 of nothing.
    pub fn value(self) -> u64 {
        self.0
    }
}

/// SplitMix64: the increment, then the output function.
fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
