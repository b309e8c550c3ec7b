//! NodeVolumeLimits (reference: scheduler.md 3.7).

use crate::scheduler::framework::{Context, Plugin, PreFilter};

/// The plugin.
#[derive(Default)]
pub struct NodeVolumeLimits {}

impl Plugin for NodeVolumeLimits {
    fn pre_filter(&mut self, _cx: &mut Context<'_>) -> PreFilter {
        PreFilter::Skip
    }
}
