//! How long things take on a node (reference: latencies.md 3, nodes.md 2 and 8).

use crate::cluster::spec::Behaviour;
use crate::engine::{Distribution, Sampler, Span, Stream};

/// Timings of kubelets, containers and machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// From the binding to Running as a whole; `None`: the stages below.
    pub start: Option<Distribution>,
    /// From a write of the control plane to the kubelet's hearing of it.
    pub watch: Sampler,
    /// From hearing of a new pod to work on it.
    pub notice: Distribution,
    /// Volumes of the pod.
    pub volumes: Distribution,
    /// Sandbox and network.
    pub sandbox: Sampler,
    /// Creating and starting one container, also one that has ended.
    pub container_start: Sampler,
    /// A whole image pull, whatever the size; `None`: what follows.
    pub pull: Option<Distribution>,
    /// Part of an image pull that does not depend on the size.
    pub pull_base: Distribution,
    /// Download rate of a node, bytes a second.
    pub pull_rate: u64,
    /// Unpack rate of a node, bytes of compressed data a second.
    pub unpack_rate: u64,
    /// Compressed size of an image the scenario says nothing about: median bytes and sigma.
    pub image_size: (u64, f64),
    /// `serializeImagePulls`: one pull at a time.
    pub serialize_image_pulls: bool,
    /// `maxParallelImagePulls`, if they are not one at a time; `None`: no limit.
    pub max_parallel_image_pulls: Option<u32>,
    /// From the start of the containers until their readiness probe would succeed, for pods that have
    /// one and do not say.
    pub ready: Distribution,
    /// Containers are ready as soon as they start, whatever their pods say: for setting a cluster up.
    pub ready_at_once: bool,
    /// From a change of the containers to the kubelet's seeing and reporting it.
    pub status: Distribution,
    /// From the deletion mark's arrival to the end of the containers, capped by the grace period.
    pub stop: Sampler,
    /// Kubelets as simple as those of recordings: pods whose containers a boot took away take as long to stop
    /// as others do, stay Ready until they run again, and count a restart though they never ran before; nobody says that a node is
    /// cordoned.
    pub simple: bool,
    /// From the end of the containers to the removal of the object.
    pub teardown: Sampler,
    /// From the unmounting of a volume to the node's status that says so: it is sent every 10 s
    /// (`nodeStatusUpdateFrequency`).
    pub volume_report: Distribution,
    /// How long a machine takes to boot until its kubelet starts.
    pub boot: Distribution,
    /// From the kubelet's start to its first status and lease.
    pub kubelet_start: Distribution,
    /// From its first status to Ready: runtime and network.
    pub node_ready: Distribution,
    /// From the end of a partition to the next lease and status; also from what changes of a node, its health or that it
    /// is cordoned, to the status that says so.
    pub reconnect: Distribution,
    /// From then to the reconciliation of the pods.
    pub resync: Distribution,
    /// Time between lease renewals, drawn once for each node (the kubelet's jitter of 4 %).
    pub lease_interval: Distribution,
    /// First delay of CrashLoopBackOff after the first restart, which has none.
    pub crash_backoff: Span,
    /// Its cap.
    pub crash_backoff_max: Span,
}

impl Default for Settings {
    fn default() -> Self {
        let ms = Span::from_millis;
        let log_normal = |median, sigma| Distribution::LogNormal { median, sigma };
        Settings {
            start: None,
            watch: log_normal(ms(15), 1.0).into(),
            notice: Distribution::Uniform(Span::ZERO, ms(20)),
            volumes: Distribution::Uniform(ms(100), ms(400)),
            sandbox: log_normal(ms(350), 0.5).into(),
            container_start: log_normal(ms(300), 0.5).into(),
            pull: None,
            pull_base: Distribution::Constant(ms(300)),
            pull_rate: 60_000_000,
            unpack_rate: 80_000_000,
            image_size: (120_000_000, 1.1),
            serialize_image_pulls: true,
            max_parallel_image_pulls: None,
            ready: log_normal(Span::from_secs(2), 0.8),
            ready_at_once: false,
            status: Distribution::Uniform(Span::ZERO, ms(1000)),
            simple: false,
            stop: log_normal(ms(500), 0.8).into(),
            teardown: log_normal(ms(800), 0.5).into(),
            volume_report: Distribution::Uniform(Span::ZERO, Span::from_secs(10)),
            boot: log_normal(Span::from_secs(40), 0.4),
            kubelet_start: log_normal(Span::from_secs(5), 0.4),
            node_ready: log_normal(Span::from_secs(8), 0.5),
            reconnect: Distribution::Uniform(Span::ZERO, Span::from_secs(10)),
            resync: Distribution::Uniform(ms(100), Span::from_secs(1)),
            lease_interval: Distribution::Uniform(Span::from_secs(10), ms(10_400)),
            crash_backoff: Span::from_secs(10),
            crash_backoff_max: Span::from_secs(300),
        }
    }
}

impl Settings {
    /// How long the containers of a pod that was told to stop run on, if nothing cuts them short.
    pub(super) fn stop_of(&self, behaviour: &Behaviour, stream: &mut Stream) -> Span {
        match &behaviour.stop_after {
            Some(said) => said.sample(stream),
            None => self.stop.sample(stream),
        }
    }

    /// The same with every delay zero and every pod Ready at once: for setting a cluster up.
    pub fn instant() -> Self {
        let zero = Distribution::Constant(Span::ZERO);
        Settings {
            start: Some(zero.clone()),
            watch: zero.clone().into(),
            container_start: zero.clone().into(),
            ready_at_once: true,
            status: zero.clone(),
            stop: zero.clone().into(),
            teardown: zero.into(),
            ..Settings::default()
        }
    }
}
