//! What of a run is kept, and in how much detail.

use std::rc::Rc;

use crate::cluster::Name;

use super::{BarePods, Objective, burn};

/// How much detail to keep.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How pods without an owner are grouped.
    pub bare_pods: BarePods,
    /// Points kept of each series before they are averaged.
    pub series_points: usize,
    /// Series are kept for the first so many workloads …
    pub series_workloads: usize,
    /// … and for so many nodes: half of them the first, half the first that fail.
    pub series_nodes: usize,
    /// What error budgets are computed for.
    pub objectives: Rc<[Objective]>,
    /// Labels of nodes whose values fail as a whole, beside zone and rack.
    pub domains: Rc<[Name]>,
    /// Names of all faults, also of those that may never strike.
    pub faults: Rc<[String]>,
}

impl Default for Settings {
    /// Pods together; 2,000 points; 100 workloads; 100 nodes; 0.99, 0.999 and 0.9999.
    fn default() -> Self {
        Settings {
            bare_pods: BarePods::Together,
            series_points: 2000,
            series_workloads: 100,
            series_nodes: 100,
            objectives: burn::usual(),
            domains: Rc::default(),
            faults: Rc::default(),
        }
    }
}
