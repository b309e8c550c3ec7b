//! VolumeZone (reference: scheduler.md 3.7).

use crate::scheduler::config::WellKnown;
use crate::scheduler::framework::{Context, Plugin, PreFilter};

/// The plugin.
pub struct VolumeZone {}

impl VolumeZone {
    /// An instance.
    pub fn new(_known: &WellKnown) -> Self {
        VolumeZone {}
    }
}

impl Plugin for VolumeZone {
    fn pre_filter(&mut self, _cx: &mut Context<'_>) -> PreFilter {
        PreFilter::Skip
    }
}
