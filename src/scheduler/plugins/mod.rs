//! The in-tree plugins, one file each, and the one ordered list of them.
//!
//! The order is that of the default profile's `multiPoint` list (reference: scheduler.md 7.3).

pub mod balanced_allocation;
pub mod gang_scheduling;
pub mod gpu_devices;
pub mod group_limit;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod node_volume_limits;
pub mod placement_policy;
pub mod pod_topology_spread;
pub mod taint_toleration;
pub mod volume_binding;
pub mod volume_restrictions;
pub mod volume_zone;

use super::config::{Args, WellKnown};
use super::framework::Plugin;

/// A set of extension points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Points(u16);

impl Points {
    /// Nowhere, unless put there by name.
    pub const NONE: Points = Points(0);
    /// `preEnqueue`
    pub const PRE_ENQUEUE: Points = Points(1);
    /// `queueSort`
    pub const QUEUE_SORT: Points = Points(2);
    /// `preFilter`
    pub const PRE_FILTER: Points = Points(4);
    /// `filter`
    pub const FILTER: Points = Points(8);
    /// `postFilter`
    pub const POST_FILTER: Points = Points(16);
    /// `preScore`
    pub const PRE_SCORE: Points = Points(32);
    /// `score`
    pub const SCORE: Points = Points(64);
    /// `reserve`
    pub const RESERVE: Points = Points(128);
    /// `permit`
    pub const PERMIT: Points = Points(256);
    /// `preBind`
    pub const PRE_BIND: Points = Points(512);
    /// `bind`
    pub const BIND: Points = Points(1024);
    /// `postBind`
    pub const POST_BIND: Points = Points(2048);

    /// Both sets.
    pub const fn and(self, other: Points) -> Points {
        Points(self.0 | other.0)
    }

    /// Whether all of `other` are here.
    pub const fn contains(self, other: Points) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How a plugin instance is made from the profile's arguments.
pub type Build = fn(&Args, &WellKnown) -> Box<dyn Plugin>;

/// A plugin in the list.
pub struct Entry {
    /// Kubernetes' name.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Where it takes part.
    pub points: Points,
    /// Its weight in the default profile.
    pub weight: i64,
    /// Makes an instance; `None` for those without behaviour of their own in a profile.
    pub build: Option<Build>,
}

/// Position of DynamicResources in [`ALL`].
pub const DYNAMIC_RESOURCES: usize = 14;
/// Position of PlacementPolicy in [`ALL`].
pub const PLACEMENT_POLICY: usize = 21;
/// Position of GangScheduling in [`ALL`].
pub const GANG_SCHEDULING: usize = 22;
/// Position of DefaultPreemption in [`ALL`].
pub const DEFAULT_PREEMPTION: usize = 15;

const FILTERS: Points = Points::PRE_FILTER.and(Points::FILTER);
const SCORES: Points = Points::PRE_SCORE.and(Points::SCORE);

macro_rules! plugin {
    ($name:literal, $about:literal, $points:expr, $weight:literal, $build:expr) => {
        Entry { name: $name, about: $about, points: $points, weight: $weight, build: $build }
    };
}

/// All plugins, in the order of the default profile.
pub const ALL: &[Entry] = &[
    plugin!("SchedulingGates", "pods wait until their schedulingGates are gone", Points::PRE_ENQUEUE, 0, None),
    plugin!("PrioritySort", "higher priority first, then who has waited longer", Points::QUEUE_SORT, 0, None),
    plugin!(
        "NodeUnschedulable",
        "no cordoned nodes, unless tolerated",
        Points::FILTER,
        0,
        Some(|_, known| Box::new(node_unschedulable::NodeUnschedulable::new(known)))
    ),
    plugin!(
        "NodeName",
        "only the node named in spec.nodeName",
        Points::FILTER,
        0,
        Some(|_, _| Box::new(node_name::NodeName))
    ),
    plugin!(
        "TaintToleration",
        "no nodes with taints the pod does not tolerate; fewer PreferNoSchedule taints are better",
        Points::FILTER.and(SCORES),
        3,
        Some(|_, _| Box::new(taint_toleration::TaintToleration))
    ),
    plugin!(
        "NodeAffinity",
        "nodeSelector and required node affinity; preferred terms score",
        FILTERS.and(SCORES),
        2,
        Some(|args, known| Box::new(node_affinity::NodeAffinity::new(args, known)))
    ),
    plugin!(
        "NodePorts",
        "the host ports must be free",
        FILTERS,
        0,
        Some(|_, known| Box::new(node_ports::NodePorts::new(known)))
    ),
    plugin!(
        "NodeResourcesFit",
        "the requests must fit; nodes score by how full they would be",
        FILTERS.and(SCORES),
        1,
        Some(|args, known| Box::new(node_resources_fit::NodeResourcesFit::new(args, known)))
    ),
    plugin!(
        "VolumeRestrictions",
        "disks and ReadWriteOncePod claims that must not be shared",
        FILTERS,
        0,
        Some(|_, _| Box::new(volume_restrictions::VolumeRestrictions::default()))
    ),
    plugin!(
        "NodeVolumeLimits",
        "no more volumes of a CSI driver than the node can attach",
        FILTERS,
        0,
        Some(|_, _| Box::new(node_volume_limits::NodeVolumeLimits::default()))
    ),
    plugin!(
        "VolumeBinding",
        "claims must be bound where the node is, or bindable or provisionable there",
        FILTERS,
        0,
        Some(|_, known| Box::new(volume_binding::VolumeBinding::new(known)))
    ),
    plugin!(
        "VolumeZone",
        "bound volumes with zone labels only in their zone",
        FILTERS,
        0,
        Some(|_, known| Box::new(volume_zone::VolumeZone::new(known)))
    ),
    plugin!(
        "PodTopologySpread",
        "pods of a kind spread evenly over hosts, zones …",
        FILTERS.and(SCORES),
        2,
        Some(|args, known| Box::new(pod_topology_spread::PodTopologySpread::new(args, known)))
    ),
    plugin!(
        "InterPodAffinity",
        "near to some pods, away from others",
        FILTERS.and(SCORES),
        2,
        Some(|args, _| Box::new(inter_pod_affinity::InterPodAffinity::new(args)))
    ),
    plugin!(
        "DynamicResources",
        "resource claims; no pod here has any, so it only adds its words to messages",
        FILTERS.and(Points::POST_FILTER).and(SCORES),
        2,
        None
    ),
    plugin!("DefaultPreemption", "makes room by removing pods of lower priority", Points::POST_FILTER, 0, None),
    plugin!(
        "NodeResourcesBalancedAllocation",
        "nodes score by how much more balanced their use would be",
        SCORES,
        1,
        Some(|args, known| Box::new(balanced_allocation::BalancedAllocation::new(args, known)))
    ),
    plugin!(
        "ImageLocality",
        "nodes that have the pod's images are better",
        Points::SCORE,
        1,
        Some(|_, _| Box::new(image_locality::ImageLocality))
    ),
    plugin!("DefaultBinder", "binds the pod through the API", Points::BIND, 0, None),
    plugin!("NodeDeclaredFeatures", "features a node declares; no pod here asks for any", FILTERS, 0, None),
    plugin!(
        "GpuDevices",
        "GPUs with enough free, of an accepted model, for pods that share them (not in Kubernetes)",
        FILTERS,
        0,
        Some(|_, _| Box::new(gpu_devices::GpuDevices))
    ),
    plugin!(
        "PlacementPolicy",
        "the policy named in the scenario, in place of all scores (not in Kubernetes)",
        Points::NONE,
        0,
        Some(|args, _| Box::new(placement_policy::PlacementPolicy::new(args)))
    ),
    plugin!(
        "GangScheduling",
        "minCount pods of a group are bound together or not at all; on with the queue order `gang`",
        Points::NONE,
        0,
        Some(|_, _| Box::new(gang_scheduling::GangScheduling))
    ),
    plugin!(
        "GroupLimit",
        "no more pods of a group on a node than its trace allows (not in Kubernetes)",
        FILTERS,
        0,
        Some(|_, _| Box::new(group_limit::GroupLimit))
    ),
];

/// The position of the plugin with this name.
pub fn find(name: &str) -> Option<usize> {
    ALL.iter().position(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_known_by_number_are_right() {
        assert_eq!(find("DynamicResources"), Some(DYNAMIC_RESOURCES));
        assert_eq!(find("DefaultPreemption"), Some(DEFAULT_PREEMPTION));
        assert_eq!(find("PlacementPolicy"), Some(PLACEMENT_POLICY));
        assert_eq!(find("GangScheduling"), Some(GANG_SCHEDULING));
        assert!(ALL.len() <= 32, "sets of plugins are kept in 32 bits");
    }
}
