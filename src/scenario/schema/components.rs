//! `control-plane:`, `kubelet:` and `phases:` the flags and timings of Kubernetes' components.
//!
//! Flags have Kubernetes' names and defaults (1.36). The other timings are estimates, with their
//! sources in docs/MODEL.md.

use std::collections::BTreeMap;

use super::values::Latency;
use crate::engine::Span;
use crate::manifest::Quantity;
use crate::scenario::read::Spanned;
use crate::scenario::record::record;

record! {
    /// Flags of the control plane, by component, and the latencies between its parts.
    pub struct ControlPlane {
        /// kube-controller-manager.
        "kube-controller-manager" => controller_manager: ControllerManager,
        /// kube-scheduler.
        "kube-scheduler" => scheduler: SchedulerFlags,
        /// kube-apiserver.
        "kube-apiserver" => api_server: ApiServer,
        /// How long reads, writes and notices take.
        "latencies" => latencies: Latencies,
    }
}

record! {
    /// Flags of kube-controller-manager.
    pub struct ControllerManager {
        /// How long a node may be silent before it counts as unreachable.
        "node-monitor-grace-period" => node_monitor_grace_period: Spanned<Span> = "50s",
        /// Time between two looks at all nodes.
        "node-monitor-period" => node_monitor_period: Spanned<Span> = "5s",
        /// Nodes per second and zone that get their NoExecute taint.
        "node-eviction-rate" => node_eviction_rate: Spanned<f64> = "0.1",
        /// The same while the zone is unhealthy and large.
        "secondary-node-eviction-rate" => secondary_node_eviction_rate: Spanned<f64> = "0.01",
        /// Zones with more nodes than this are large; small ones evict nothing while unhealthy.
        "large-cluster-size-threshold" => large_cluster_size_threshold: u32 = "50",
        /// Share of unready nodes from which a zone is unhealthy (and more than two).
        "unhealthy-zone-threshold" => unhealthy_zone_threshold: Spanned<f64> = "0.55",
        /// Requests per second to the API server.
        "kube-api-qps" => kube_api_qps: Spanned<f64> = "20",
        /// Requests at once before the rate applies.
        "kube-api-burst" => kube_api_burst: Spanned<u32> = "30",
        /// Ended pods that are kept; 0 keeps all.
        "terminated-pod-gc-threshold" => terminated_pod_gc_threshold: u32 = "12500",
        /// Volumes are never detached from a node that is not Ready because of the time alone (6 min).
        "disable-force-detach-on-timeout" => disable_force_detach_on_timeout: bool = "false",
    }
}

record! {
    /// Flags of kube-scheduler. What its configuration file says stands under `scheduler`.
    pub struct SchedulerFlags {
        /// Requests per second to the API server; 50 unless given. With `scheduler.config`, its
        /// `clientConnection` says it.
        "kube-api-qps" => kube_api_qps: Option<Spanned<f64>>,
        /// Requests at once before the rate applies; 100 unless given. With `scheduler.config`, its
        /// `clientConnection` says it.
        "kube-api-burst" => kube_api_burst: Option<Spanned<u32>>,
        /// How long a pod may stay unschedulable before it is tried again without cause.
        "pod-max-in-unschedulable-pods-duration" => pod_max_in_unschedulable_pods_duration: Span = "5m",
    }
}

record! {
    /// Flags of kube-apiserver.
    pub struct ApiServer {
        /// Seconds that pods bear `node.kubernetes.io/not-ready` unless they say otherwise.
        "default-not-ready-toleration-seconds" => default_not_ready_toleration_seconds: u32 = "300",
        /// Seconds that pods bear `node.kubernetes.io/unreachable` unless they say otherwise.
        "default-unreachable-toleration-seconds" => default_unreachable_toleration_seconds: u32 = "300",
    }
}

record! {
    /// Latencies of the control plane.
    pub struct Latencies {
        /// A write to the API server: create, update, patch, bind, delete.
        "api-write" => api_write: Latency = "{ lognormal: { median: 6ms, sigma: 0.8 } }",
        /// From a write until a controller or the scheduler hears of it.
        "watch" => watch: Latency = "{ lognormal: { median: 8ms, sigma: 0.9 } }",
        /// From a write until a kubelet hears of it.
        "kubelet-watch" => kubelet_watch: Latency = "{ lognormal: { median: 15ms, sigma: 1 } }",
        /// One decision of the scheduler, for looking at up to 100 nodes.
        "scheduling-cycle" => scheduling_cycle: Span = "1ms",
        /// What each node looked at beyond the hundredth adds to it.
        "scheduling-cycle-per-node" => scheduling_cycle_per_node: Span = "2us",
        /// From the moment a volume is asked for until the driver has made it, or deleted it.
        "volume-provision" => volume_provision: Latency = "{ lognormal: { median: 5500ms, sigma: 0.6 } }",
        /// From the moment a volume is to be on a node until it is attached and mounted there.
        "volume-attach" => volume_attach: Latency = "{ lognormal: { median: 8s, sigma: 0.6 } }",
        /// Detaching a volume from a node.
        "volume-detach" => volume_detach: Latency = "{ lognormal: { median: 8s, sigma: 0.6 } }",
        /// One look of kube-controller-manager at all nodes.
        "node-monitor-pass" => node_monitor_pass: Spanned<Span> = "2ms",
    }
}

record! {
    /// Flags of the kubelet, and how long things take on a node.
    pub struct Kubelet {
        /// Seconds a node lease lasts; it is renewed four times as often.
        "node-lease-duration-seconds" => node_lease_duration_seconds: Spanned<u32> = "40",
        /// How much later than that a node may renew its lease, as a share; drawn once for each node.
        "node-lease-jitter" => node_lease_jitter: Spanned<f64> = "0.04",
        /// One image at a time.
        "serialize-image-pulls" => serialize_image_pulls: bool = "true",
        /// Images at a time, if not serialised; no limit unless given.
        "max-parallel-image-pulls" => max_parallel_image_pulls: Option<Spanned<u32>>,
        /// From the binding of a pod until its containers run, all in one. Replaces `kubelet-watch`,
        /// `notice`, `volumes`, `sandbox`, image pulls and `container-start`, the last except for containers that are
        /// started again.
        "start" => start: Option<Latency>,
        /// From hearing of a pod until work on it begins.
        "notice" => notice: Latency = "{ uniform: { min: 0s, max: 20ms } }",
        /// Until its volumes are there, once those that have to be attached are.
        "volumes" => volumes: Latency = "{ uniform: { min: 100ms, max: 400ms } }",
        /// Making its sandbox and network.
        "sandbox" => sandbox: Latency = "{ lognormal: { median: 350ms, sigma: 0.5 } }",
        /// Pulling an image, whatever its size; computed from the size unless given.
        "image-pull" => image_pull: Option<Latency>,
        /// Part of a computed pull that does not depend on the size.
        "image-pull-overhead" => image_pull_overhead: Latency = "300ms",
        /// Median size of an image that no node lists under `images`.
        "image-size" => image_size: Quantity = "120M",
        /// Spread of those sizes: standard deviation of the logarithm.
        "image-size-sigma" => image_size_sigma: Spanned<f64> = "1.1",
        /// Bytes per second from the registry to one node.
        "registry-rate" => registry_rate: Spanned<Quantity> = "60M",
        /// Compressed bytes per second that a node unpacks.
        "unpack-rate" => unpack_rate: Spanned<Quantity> = "80M",
        /// Creating and starting one container, also one that has ended.
        "container-start" => container_start: Latency = "{ lognormal: { median: 300ms, sigma: 0.5 } }",
        /// From the start of the containers until their readiness probe would succeed, for pods that
        /// have one and do not say `ready-after`. Pods without a probe are ready as soon as they run.
        "ready" => ready: Latency = "{ lognormal: { median: 2s, sigma: 0.8 } }",
        /// From being ready, or having ended, until the kubelet sees and reports it.
        "status" => status: Latency = "{ uniform: { min: 0s, max: 1s } }",
        /// From the stop signal until a container ends, for pods that do not say `stop-after`; cut
        /// off by the grace period.
        "stop" => stop: Latency = "{ lognormal: { median: 500ms, sigma: 0.8 } }",
        /// From the end of the last container until the pod is gone.
        "teardown" => teardown: Latency = "{ lognormal: { median: 800ms, sigma: 0.5 } }",
        /// From the unmounting of a volume until the node's status says so, sent every 10 s.
        "volume-report" => volume_report: Latency = "{ uniform: { min: 0s, max: 10s } }",
        /// From power on until the kubelet starts.
        "boot" => boot: Latency = "{ lognormal: { median: 40s, sigma: 0.4 } }",
        /// From the start of the kubelet to its first report.
        "kubelet-start" => kubelet_start: Latency = "{ lognormal: { median: 5s, sigma: 0.4 } }",
        /// From the first report until the node is Ready: network, volumes.
        "node-ready" => node_ready: Latency = "{ lognormal: { median: 8s, sigma: 0.5 } }",
        /// From the end of a partition until the node is heard again; also from a cordon or a change of the node's health to the
        /// kubelet's next status.
        "reconnect" => reconnect: Latency = "{ uniform: { min: 0s, max: 10s } }",
        /// From then until kubelet and control plane agree about its pods.
        "resync" => resync: Latency = "{ uniform: { min: 100ms, max: 1s } }",
        /// How long a container that keeps ending waits for its next start.
        "crash-loop-back-off" => crash_loop_back_off: CrashLoopBackOff,
    }
}

record! {
    /// The first restart is at once, the second after `initial`, each further one after twice the
    /// time of the one before, up to `max`.
    pub struct CrashLoopBackOff {
        /// Wait before the second restart.
        "initial" => initial: Span = "10s",
        /// Longest wait.
        "max" => max: Spanned<Span> = "5m",
    }
}

record! {
    /// Phases of periodic loops: the first tick after the start of the run. Those not given are
    /// drawn from the seed.
    pub struct Phases {
        /// The look of kube-controller-manager at all nodes.
        "node-monitor" => node_monitor: Option<Spanned<Span>>,
        /// The pod garbage collector.
        "pod-gc" => pod_gc: Option<Spanned<Span>>,
        /// The pass of the attach/detach controller over all volumes, ten times a second.
        "attach-detach" => attach_detach: Option<Spanned<Span>>,
        /// The look of the volume binder at all claims that wait, every 15 s.
        "volume-binder" => volume_binder: Option<Spanned<Span>>,
        /// The renewal of node leases, by node.
        "leases" => leases: BTreeMap<String, Spanned<Span>>,
    }
}
