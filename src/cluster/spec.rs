//! The pod template: everything about a pod that is fixed when it is created.

use crate::engine::{Distribution, Span};

use super::gpu::GpuRequest;
use super::labels::{Labels, NodeSelector, NodeSelectorTerm, Selector};
use super::names::{Name, Names};
use super::resources::Resources;
use super::taint::Toleration;
use super::volumes::PersistentVolumeClaim;
use super::work::Checkpoints;

/// A pod template, interned in the cluster and shared by all pods made from it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSpec {
    /// The namespace.
    pub namespace: Name,
    /// The labels.
    pub labels: Labels,
    /// App containers and init containers, in the order of the manifest, init containers first.
    pub containers: Vec<ContainerSpec>,
    /// Pod-level requests (`spec.resources.requests`): they replace the sum for the resources named.
    pub pod_level_requests: Option<Resources>,
    /// Overhead of the runtime class.
    pub overhead: Resources,
    /// What the scheduler and the kubelet count: see [`PodSpec::compute_requests`].
    pub requests: Resources,
    /// CPU (thousandths) and memory (bytes) as the scores count them, with Kubernetes' non-zero
    /// defaults for containers that ask for nothing.
    pub score_requests: (i64, i64),
    /// Shares of GPUs, or whole ones with accepted models.
    pub gpu: Option<GpuRequest>,
    /// The group it belongs to though no controller owns it: the application or job of a trace.
    pub group: Option<Name>,
    /// Most pods of its group on one node.
    pub max_per_node: Option<u32>,
    /// How many pods of its group are bound at least, if any is; 1 for pods that go alone.
    pub min_count: u32,
    /// `spec.priority`, resolved from the priority class.
    pub priority: i32,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
    /// `schedulerName`.
    pub scheduler_name: Name,
    /// `spec.nodeName` given at creation: the pod is born bound.
    pub node_name: Option<Name>,
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// `affinity.nodeAffinity.required…`.
    pub node_affinity: Option<NodeSelector>,
    /// `affinity.nodeAffinity.preferred…`, with weights.
    pub preferred_node_affinity: Vec<(i64, NodeSelectorTerm)>,
    /// `affinity.podAffinity.required…`.
    pub pod_affinity: Vec<AffinityTerm>,
    /// `affinity.podAffinity.preferred…`, with weights.
    pub preferred_pod_affinity: Vec<(i64, AffinityTerm)>,
    /// `affinity.podAntiAffinity.required…`.
    pub pod_anti_affinity: Vec<AffinityTerm>,
    /// `affinity.podAntiAffinity.preferred…`, with weights.
    pub preferred_pod_anti_affinity: Vec<(i64, AffinityTerm)>,
    /// `topologySpreadConstraints`.
    pub spread: Vec<SpreadConstraint>,
    /// `tolerations`, with the API server's defaults added.
    pub tolerations: Vec<Toleration>,
    /// `schedulingGates`.
    pub gates: Vec<Name>,
    /// Claims and inline disks among `volumes`.
    pub volumes: Vec<VolumeSource>,
    /// `terminationGracePeriodSeconds`.
    pub grace: Span,
    /// `restartPolicy`.
    pub restart_policy: RestartPolicy,
    /// Annotation `kubectl.kubernetes.io/restartedAt`, which makes the template another one.
    pub restarted_at: Option<Name>,
    /// What the containers do once they run; not part of Kubernetes.
    pub behaviour: Behaviour,
}

/// `restartPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Containers that end are started again.
    Always,
    /// Containers that fail are started again.
    OnFailure,
    /// Containers are never started again.
    Never,
}

/// What part a container plays in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `initContainers`: runs to its end before the next starts.
    Init,
    /// `initContainers` with `restartPolicy: Always`: starts in order and runs along.
    Sidecar,
    /// `containers`.
    App,
}

/// One container of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerSpec {
    /// Its name.
    pub name: Name,
    /// Its part.
    pub role: Role,
    /// The image, as written.
    pub image: Name,
    /// `imagePullPolicy: Always`, also by default for tag `latest` or none.
    pub always_pull: bool,
    /// Requests, each defaulted from its limit. CPU or memory not named here is 0 and marked in
    /// `asks`.
    pub requests: Resources,
    /// Limits.
    pub limits: Resources,
    /// Whether cpu and memory were asked for at all (an explicit 0 counts).
    pub asks: (bool, bool),
    /// Ports on the host: (IP or the empty name, protocol, port).
    pub host_ports: Vec<(Name, Name, u16)>,
}

/// A term of pod affinity or anti-affinity. `matchLabelKeys` are already merged into the selector.
#[derive(Clone, Debug, PartialEq)]
pub struct AffinityTerm {
    /// Which pods; `None` matches nothing.
    pub selector: Option<Selector>,
    /// `namespaces`.
    pub namespaces: Vec<Name>,
    /// `namespaceSelector`.
    pub namespace_selector: Option<Selector>,
    /// `topologyKey`.
    pub topology_key: Name,
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadConstraint {
    /// `maxSkew`.
    pub max_skew: i64,
    /// `topologyKey`.
    pub topology_key: Name,
    /// `whenUnsatisfiable: DoNotSchedule`.
    pub hard: bool,
    /// `minDomains`, 1 by default.
    pub min_domains: i64,
    /// `nodeAffinityPolicy: Honor` (the default).
    pub honor_affinity: bool,
    /// `nodeTaintsPolicy: Honor`.
    pub honor_taints: bool,
    /// `labelSelector`, without the match label keys; `None` matches nothing.
    pub selector: Option<Selector>,
    /// `matchLabelKeys`.
    pub match_label_keys: Vec<Name>,
}

/// What a pod's volume refers to, where that matters to the scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// A PersistentVolumeClaim of the pod's namespace.
    Claim(Name),
    /// A generic ephemeral volume: its name, and the claim to be made as `<pod>-<volume>`.
    Ephemeral(Name, Box<PersistentVolumeClaim>),
    /// An inline disk: (kind and id, read-only).
    Disk(Name, bool),
}

/// What the containers of a pod do, as far as the simulation needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// From the start of the containers to Ready; `None`: ready as soon as started.
    pub ready_after: Option<Distribution>,
    /// Never becomes Ready.
    pub never_ready: bool,
    /// Readiness is seen at the first probe: `initialDelaySeconds` and `periodSeconds`.
    pub readiness_probe: Option<(Span, Span)>,
    /// How long the main container runs before it ends by itself; `None`: for ever.
    pub run_for: Option<Distribution>,
    /// Its checkpoints; `None`: it begins from the start each time.
    pub checkpoints: Option<Checkpoints>,
    /// The exit code when it ends by itself.
    pub exit_code: i32,
    /// From the deletion mark to the end of the containers; `None`: the kubelet's default.
    pub stop_after: Option<Distribution>,
    /// Shares of GPUs that they use.
    pub gpu: Option<GpuRequest>,
    /// How many pods of their group are bound at least, if any is; `None`: they go alone.
    pub min_count: Option<u32>,
}

/// CPU assumed by the scores for a container that asks for none, in thousandths.
pub const DEFAULT_SCORE_CPU: i64 = 100;
/// Memory assumed by the scores for a container that asks for none, in bytes.
pub const DEFAULT_SCORE_MEMORY: i64 = 200 * 1024 * 1024;

impl PodSpec {
    /// A template in `default` with one container of `image` that asks for nothing.
    pub fn new(names: &mut Names, image: &str) -> Self {
        let container = ContainerSpec {
            name: names.intern("app"),
            role: Role::App,
            image: names.intern(image),
            always_pull: false,
            requests: Resources::default(),
            limits: Resources::default(),
            asks: (false, false),
            host_ports: Vec::new(),
        };
        let mut spec = PodSpec {
            namespace: names.intern("default"),
            labels: Labels::default(),
            containers: vec![container],
            pod_level_requests: None,
            overhead: Resources::default(),
            requests: Resources::default(),
            score_requests: (0, 0),
            gpu: None,
            group: None,
            max_per_node: None,
            min_count: 1,
            priority: 0,
            never_preempts: false,
            scheduler_name: names.intern("default-scheduler"),
            node_name: None,
            node_selector: Labels::default(),
            node_affinity: None,
            preferred_node_affinity: Vec::new(),
            pod_affinity: Vec::new(),
            preferred_pod_affinity: Vec::new(),
            pod_anti_affinity: Vec::new(),
            preferred_pod_anti_affinity: Vec::new(),
            spread: Vec::new(),
            tolerations: Vec::new(),
            gates: Vec::new(),
            volumes: Vec::new(),
            grace: Span::from_secs(30),
            restart_policy: RestartPolicy::Always,
            restarted_at: None,
            behaviour: Behaviour::default(),
        };
        spec.compute_requests();
        spec
    }

    /// Sets what the containers do, their shares of GPUs and their gang, but for the readiness probe, which Kubernetes itself describes.
    pub fn set_behaviour(&mut self, behaviour: &Behaviour) {
        let readiness_probe = self.behaviour.readiness_probe.or(behaviour.readiness_probe);
        self.behaviour = Behaviour { readiness_probe, ..behaviour.clone() };
        self.gpu = self.behaviour.gpu.take();
        self.min_count = self.behaviour.min_count.take().unwrap_or(1);
    }

    /// Sets what the first app container asks for, and recomputes the sums.
    pub fn with_requests(mut self, requests: Resources) -> Self {
        if let Some(container) = self.containers.iter_mut().find(|container| container.role == Role::App) {
            container.asks = (true, true);
            container.requests = requests;
        }
        self.compute_requests();
        self
    }

    /// Recomputes `requests` and `score_requests` from the containers, the pod-level requests and the
    /// overhead (reference: scheduler.md 3.4 and 4.2).
    pub fn compute_requests(&mut self) {
        let mut requests = sum_containers(&self.containers, |container| container.requests.clone());
        if let Some(level) = &self.pod_level_requests {
            requests.cpu = if level.cpu > 0 { level.cpu } else { requests.cpu };
            requests.memory = if level.memory > 0 { level.memory } else { requests.memory };
            for &(name, amount) in &level.scalars {
                requests.set_scalar(name, amount);
            }
        }
        requests.add(&self.overhead);
        self.requests = requests;
        self.score_requests = self.container_score_requests();
        if let Some(level) = &self.pod_level_requests {
            if level.cpu > 0 {
                self.score_requests.0 = level.cpu + self.overhead.cpu;
            }
            if level.memory > 0 {
                self.score_requests.1 = level.memory + self.overhead.memory;
            }
        }
    }

    /// CPU and memory by the containers alone, with the non-zero defaults, and the overhead: how
    /// NodeResourcesFit scores the pod being placed, which leaves out pod-level requests.
    pub fn container_score_requests(&self) -> (i64, i64) {
        let scored = sum_containers(&self.containers, |container| {
            let (asks_cpu, asks_memory) = container.asks;
            Resources::new(
                if asks_cpu { container.requests.cpu } else { DEFAULT_SCORE_CPU },
                if asks_memory { container.requests.memory } else { DEFAULT_SCORE_MEMORY },
            )
        });
        (scored.cpu + self.overhead.cpu, scored.memory + self.overhead.memory)
    }

    /// The limits of all containers together, summed as requests are.
    pub fn limits(&self) -> Resources {
        sum_containers(&self.containers, |container| container.limits.clone())
    }

    /// Whether it has affinity or anti-affinity terms, required or preferred, towards other pods.
    pub fn has_pod_terms(&self) -> bool {
        !(self.pod_affinity.is_empty()
            && self.preferred_pod_affinity.is_empty()
            && self.pod_anti_affinity.is_empty()
            && self.preferred_pod_anti_affinity.is_empty())
    }

    /// The controller's or scheduler's name for the images of all containers.
    pub fn images(&self) -> impl Iterator<Item = Name> + '_ {
        self.containers.iter().map(|container| container.image)
    }
}

/// The effective sum over containers: app containers and sidecars together, or the largest moment of
/// the init sequence if that is more.
fn sum_containers(containers: &[ContainerSpec], of: impl Fn(&ContainerSpec) -> Resources) -> Resources {
    let mut running = Resources::default();
    let mut sidecars = Resources::default();
    let mut init_max = Resources::default();
    for container in containers {
        let amount = of(container);
        match container.role {
            Role::App => running.add(&amount),
            Role::Sidecar => {
                running.add(&amount);
                sidecars.add(&amount);
                init_max.raise_to(&sidecars);
            }
            Role::Init => {
                let mut moment = sidecars.clone();
                moment.add(&amount);
                init_max.raise_to(&moment);
            }
        }
    }
    running.raise_to(&init_max);
    running
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn init_containers_and_sidecars_count_as_in_kubernetes() {
        // init 3 cpu beside a 1 cpu sidecar started before it: 4; apps 1 + sidecar 1: 2 → 4
        let mut names = Names::default();
        let mut spec = PodSpec::new(&mut names, "app").with_requests(Resources::new(1000, 0));
        let part = |role, cpu| ContainerSpec {
            role,
            requests: Resources::new(cpu, 0),
            asks: (true, false),
            ..PodSpec::new(&mut Names::default(), "x").containers[0].clone()
        };
        spec.containers.insert(0, part(Role::Init, 3000));
        spec.containers.insert(0, part(Role::Sidecar, 1000));
        spec.overhead = Resources::new(250, 0);
        spec.compute_requests();
        assert_eq!(spec.requests.cpu, 4250);
    }

    #[test]
    fn missing_requests_are_scored_with_defaults_and_zero_stays_zero() {
        let mut names = Names::default();
        assert_eq!(PodSpec::new(&mut names, "app").score_requests, (100, 209_715_200));
        let zero = PodSpec::new(&mut names, "app").with_requests(Resources::default());
        assert_eq!(zero.score_requests, (0, 0));
    }
}
