//! Flags of the controller manager under Kubernetes' own names, with the defaults of 1.36
//! (reference: nodes.md 1, controllers.md 12).

use crate::cluster::Name;
use crate::engine::{Distribution, Sampler, Span, Time, TokenBucket};

/// Flags of kube-controller-manager that change what it does and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whether the nodes there are at time zero have been registered long ago, so that nothing is said of them.
    pub first_nodes_are_known: bool,
    /// `--node-monitor-period`.
    pub node_monitor_period: Span,
    /// `--node-monitor-grace-period`.
    pub node_monitor_grace_period: Span,
    /// `--node-startup-grace-period`.
    pub node_startup_grace_period: Span,
    /// `--node-eviction-rate`, in thousandths of a node a second.
    pub node_eviction_rate_milli: u64,
    /// `--secondary-node-eviction-rate`, in thousandths of a node a second.
    pub secondary_node_eviction_rate_milli: u64,
    /// `--large-cluster-size-threshold`.
    pub large_cluster_size_threshold: u32,
    /// `--unhealthy-zone-threshold`, in thousandths.
    pub unhealthy_zone_threshold_milli: u32,
    /// `--terminated-pod-gc-threshold`; 0 turns the collection of ended pods off.
    pub terminated_pod_gc_threshold: u32,
    /// `--kube-api-qps` of each controller's client, in thousandths.
    pub kube_api_qps_milli: u64,
    /// `--kube-api-burst`.
    pub kube_api_burst: u64,
    /// From the controller manager's start to the first pass of its controllers: the caches are filled.
    pub startup: Distribution,
    /// From a write to the moment a controller has seen it and taken it up.
    pub watch: Sampler,
    /// One API write.
    pub api_write: Sampler,
    /// A CSI driver makes a volume, or deletes one.
    pub provision: Distribution,
    /// A CSI driver attaches a volume to a node, and it is mounted there.
    pub attach: Distribution,
    /// A CSI driver detaches a volume from a node.
    pub detach: Distribution,
    /// Time between two passes of the attach/detach reconciler.
    pub attach_detach_period: Span,
    /// `--disable-force-detach-on-timeout`.
    pub disable_force_detach_on_timeout: bool,
    /// How long a pass of the node monitor takes that finds nothing to do. It must be positive: the
    /// comparison with the grace period is strict, and a pass of no length would miss it by a period
    /// (nodes.md 3).
    pub monitor_pass: Span,
    /// The first pass of the node monitor; `None`: drawn within the period.
    pub node_monitor_phase: Option<Time>,
    /// The first pass of pod garbage collection; `None`: drawn within the period.
    pub pod_gc_phase: Option<Time>,
    /// The first pass of the attach/detach reconciler; `None`: drawn within the period.
    pub attach_detach_phase: Option<Time>,
    /// The first resync of the volume binder; `None`: drawn within the period.
    pub volume_binder_phase: Option<Time>,
    /// How long the taint `not-ready` of these nodes stays after they joined; of others it is drawn.
    pub untainting: Vec<(Name, Span)>,
    /// Nodes that come first, in this order, where chance decides in which a pass takes them.
    pub pass_order: Vec<Name>,
    /// Nodes that come first, in this order, where chance decides which node of a zone is tainted next.
    pub taint_order: Vec<Name>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            first_nodes_are_known: true,
            node_monitor_period: Span::from_secs(5),
            node_monitor_grace_period: Span::from_secs(50),
            node_startup_grace_period: Span::from_secs(60),
            node_eviction_rate_milli: 100,
            secondary_node_eviction_rate_milli: 10,
            large_cluster_size_threshold: 50,
            unhealthy_zone_threshold_milli: 550,
            terminated_pod_gc_threshold: 12_500,
            kube_api_qps_milli: 20_000,
            kube_api_burst: 30,
            startup: Distribution::LogNormal { median: Span::from_secs(3), sigma: 0.6 },
            watch: Distribution::LogNormal { median: Span::from_millis(8), sigma: 0.9 }.into(),
            api_write: Distribution::LogNormal { median: Span::from_millis(6), sigma: 0.8 }.into(),
            provision: Distribution::LogNormal { median: Span::from_millis(5_500), sigma: 0.6 },
            attach: Distribution::LogNormal { median: Span::from_secs(8), sigma: 0.6 },
            detach: Distribution::LogNormal { median: Span::from_secs(8), sigma: 0.6 },
            attach_detach_period: Span::from_millis(100),
            disable_force_detach_on_timeout: false,
            monitor_pass: Span::from_millis(2),
            node_monitor_phase: None,
            pod_gc_phase: None,
            attach_detach_phase: None,
            volume_binder_phase: None,
            untainting: Vec::new(),
            pass_order: Vec::new(),
            taint_order: Vec::new(),
        }
    }
}

impl Settings {
    /// The token bucket of one controller's client.
    pub fn client(&self) -> TokenBucket {
        TokenBucket::per_second_milli(self.kube_api_qps_milli, self.kube_api_burst)
    }
}
