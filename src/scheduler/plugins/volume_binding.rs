//! VolumeBinding (reference: scheduler.md 3.7).

use crate::scheduler::config::WellKnown;
use crate::scheduler::framework::{Context, Plugin, PreFilter};

/// The plugin.
pub struct VolumeBinding {}

impl VolumeBinding {
    /// An instance.
    pub fn new(_known: &WellKnown) -> Self {
        VolumeBinding {}
    }
}

impl Plugin for VolumeBinding {
    fn pre_filter(&mut self, _cx: &mut Context<'_>) -> PreFilter {
        PreFilter::Skip
    }
}
