//! Placement policies: other schedulers' ways to choose a node, and the devices on it, for comparison.
//!
//! A policy stands where Kubernetes' score plugins stand. Filters stay Kubernetes' own, so a policy only
//! ever sees nodes on which the pod may run. It is a small trait: give each node a score, or choose among
//! all of them, or choose devices; everything has a default. `examples/custom_policy.rs` is a whole one.
//!
//! ```text
//! score    by ask and node alone        most policies; the first of the highest scores wins
//! choose   among all feasible nodes     policies with a memory or a draw (next fit, random …)
//! devices  on the node chosen           the tightest that fit, unless the policy knows better
//! placed   where the pod really went    for policies with a memory
//! ```
//! The same objects serve the scheduler of a simulation (`scheduler: {policy: fgd}`, by the plugin
//! `plugins::placement_policy`) and one-shot placement experiments (`experiment`, a
//! layer above), which look at candidates in an order of their own.
//!
//! Scores are integers; where a published policy computes in floating point and truncates, its order of
//! operations is kept, as ties between truncated scores decide placements.
//!
//! **Adding one**: a file with formula and source, and a line in [`ALL`]. Programs of others add theirs with [`add`], as
//! `cli::run_with` does.

pub mod best_fit;
pub mod borg;
pub mod classical;
pub mod details;
pub mod dot_product;
pub mod fgd;
pub mod gpu_clustering;
pub mod gpu_leftovers;
pub mod gpu_packing;
pub mod kubernetes;
pub mod nomad;
pub mod random;
pub mod swarm;
pub mod tetris;
mod typical;
pub mod written;

use std::sync::{Arc, OnceLock};

use crate::cluster::gpu::DEVICE;
use crate::cluster::{DeviceSet, GpuRequest, Gpus, NodeId, ObjectId};
use crate::engine::Stream;

use details::{NodeDetails, PodDetails};

/// What a pod asks for, as a policy sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// CPU in thousandths.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// CPU and memory as Kubernetes' scores count them: 100m and 200 MiB for each container that asks for nothing.
    pub scored: (i64, i64),
    /// GPUs.
    pub gpu: Option<&'a GpuRequest>,
    /// Who else belongs to it: its controller or job.
    pub group: Option<ObjectId>,
    /// How many pods the group is to have; 1 alone.
    pub group_size: i64,
    /// Whether it runs to an end.
    pub batch: bool,
    /// Nodes of the cluster that are Ready and not cordoned, whether the pod may run there or not; 0 if nobody counted.
    pub n_nodes: usize,
    /// What it is called and marked with; nothing in placement without time.
    pub details: Option<PodDetails<'a>>,
}

/// One resource of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// What is free, before the pod comes.
    pub free: i64,
    /// What there is, free or not.
    pub capacity: i64,
}

impl Room {
    /// The share that is free after `asked` is taken, 0 of nothing.
    pub fn free_after(self, asked: i64) -> f64 {
        if self.capacity == 0 { 0.0 } else { (self.free - asked) as f64 / self.capacity as f64 }
    }

    /// The share in use after `asked` is taken.
    pub fn used_after(self, asked: i64) -> f64 {
        if self.capacity == 0 { 0.0 } else { (self.capacity - self.free + asked) as f64 / self.capacity as f64 }
    }
}

/// A node on which the pod may run.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The node.
    pub id: NodeId,
    /// CPU in thousandths.
    pub cpu: Room,
    /// Memory in bytes.
    pub memory: Room,
    /// CPU and memory in use as Kubernetes' scores count them.
    pub scored: (i64, i64),
    /// Its devices.
    pub gpus: &'a Gpus,
    /// Pods on it that have not ended.
    pub pods: i64,
    /// Those of them that belong to the pod's group.
    pub pods_of_group: i64,
    /// Pods of the group that failed on it and still exist.
    pub failures_of_group: i64,
    /// Whether a pod failed on it whose place this one takes: one of its index, of an Indexed Job.
    pub failed_before: bool,
    /// What it is called and marked with; nothing in placement without time.
    pub details: Option<NodeDetails<'a>>,
}

impl Candidate<'_> {
    /// All its devices together, in thousandths.
    pub fn gpu(&self) -> Room {
        Room { free: self.gpus.total_free(), capacity: self.gpus.len() as i64 * i64::from(DEVICE) }
    }

    /// What there is of CPU, memory and, where the node has any, GPUs, each with what the pod asks of it.
    pub fn rooms(&self, ask: &Ask<'_>) -> impl Iterator<Item = (Room, i64)> + use<> {
        let gpu = (self.gpu(), ask.gpu.map_or(0, GpuRequest::total));
        let gpu = (!self.gpus.is_empty()).then_some(gpu);
        [(self.cpu, ask.cpu), (self.memory, ask.memory)].into_iter().chain(gpu)
    }
}

/// A placement policy.
pub trait Policy {
    /// How good the node is; higher is better. Called for feasible nodes only, any number of times and in
    /// any order; must depend on nothing but `ask` and `node`.
    fn score(&self, _ask: &Ask<'_>, _node: &Candidate<'_>) -> i64 {
        0
    }

    /// The position of the node to take among `nodes`, which are not empty. `draw` is a stream of this
    /// decision alone.
    fn choose(&mut self, ask: &Ask<'_>, nodes: &[Candidate<'_>], _draw: &mut Stream) -> usize {
        first_best(nodes.iter().map(|node| self.score(ask, node)))
    }

    /// Whether [`Policy::choose`] is the one above, so that scores may be kept until a node changes.
    fn scores_alone(&self) -> bool {
        true
    }

    /// Whether the pod may go there at all, as far as the policy has a say. As [`Policy::score`], it must depend on
    /// nothing but `ask` and `node`.
    fn may(&self, _ask: &Ask<'_>, _node: &Candidate<'_>) -> bool {
        true
    }

    /// What `sim why` shows for the node beside or instead of the score: the figure the policy goes by, as its source
    /// counts it.
    fn tell(&self, _ask: &Ask<'_>, _node: &Candidate<'_>) -> Option<String> {
        None
    }

    /// The devices to take on the node chosen; the pod asks for some, and they fit.
    fn devices(&self, ask: &Ask<'_>, node: &Candidate<'_>, _draw: &mut Stream) -> DeviceSet {
        ask.gpu.and_then(|gpu| node.gpus.tightest(gpu)).unwrap_or_default()
    }

    /// What failed so far of what people wrote.
    fn failures(&self) -> Vec<Failures> {
        Vec::new()
    }

    /// The pod goes to this node. Called once for each pod placed, also when there was no choice.
    fn placed(&mut self, _ask: &Ask<'_>, _node: NodeId) {}
}

/// How often something that people wrote failed while it ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures {
    /// What it is for: `policy mine: score`.
    pub of: String,
    /// As written.
    pub text: String,
    /// How often it failed.
    pub failed: u64,
    /// How often it was asked.
    pub asked: u64,
}

/// The position of the first of the highest scores, 0 of none.
pub fn first_best<S: PartialOrd>(scores: impl IntoIterator<Item = S>) -> usize {
    let mut best: Option<(usize, S)> = None;
    for (position, score) in scores.into_iter().enumerate() {
        if best.as_ref().is_none_or(|(_, highest)| score > *highest) {
            best = Some((position, score));
        }
    }
    best.map_or(0, |(position, _)| position)
}

/// The best score of `score` over choices of devices for the request, which fits, and that choice: for a share each
/// device that differs from those before it, the first of the best; for whole ones the tightest.
fn best_devices(request: &GpuRequest, gpus: &Gpus, mut score: impl FnMut(DeviceSet) -> i64) -> (i64, DeviceSet) {
    if !request.is_share() {
        let devices = gpus.tightest(request).unwrap_or_default();
        return (score(devices), devices);
    }
    let mut best = (i64::MIN, DeviceSet::default());
    for device in gpus.fitting(request.milli) {
        if gpus.free()[..device].contains(&gpus.free()[device]) {
            continue; // an equal device before it scored the same
        }
        let devices = DeviceSet::one(device);
        let scored = score(devices);
        if scored > best.0 {
            best = (scored, devices);
        }
    }
    best
}

/// A policy in the list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its name in scenario files.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Makes one that has placed nothing yet.
    pub build: fn() -> Box<dyn Policy>,
}

macro_rules! policies {
    ($($name:literal, $about:literal, $build:expr;)*) => {
        &[$(Entry { name: $name, about: $about, build: || Box::new($build) },)*]
    };
}

/// All policies of ours besides `default`, which is Kubernetes' own plugins.
pub const ALL: &[Entry] = policies! {
    "least-allocated", "the emptiest node by cpu and memory (Kubernetes' LeastAllocated alone)", kubernetes::Strategy::least_allocated();
    "most-allocated", "the fullest node that fits (Kubernetes' MostAllocated)", kubernetes::Strategy::most_allocated();
    "requested-to-capacity", "most-allocated by a bent line: full is best, but 100 % is not (RequestedToCapacityRatio)", kubernetes::Strategy::requested_to_capacity();
    "first-fit", "the node with the lowest index", classical::FirstFit;
    "next-fit", "from the node of the last placement on, going round", classical::NextFit::default();
    "best-fit", "the least room left, cpu, memory and GPUs together", classical::BestFit;
    "worst-fit", "the most room left, cpu, memory and GPUs together", classical::WorstFit;
    "random-fit", "any feasible node, evenly", random::Random;
    "round-robin", "feasible nodes in turn", classical::RoundRobin::default();
    "power-of-two", "the less loaded of two feasible nodes drawn at random", random::PowerOfTwo;
    "least-pods", "the node with the fewest pods", classical::LeastPods;
    "tetris", "the best aligned node: largest dot product of demand and free room (SIGCOMM 2014)", tetris::Tetris;
    "swarm-spread", "fewest tasks of the service, then fewest tasks (Docker Swarm)", swarm::Spread;
    "nomad-binpack", "bin packing with job anti-affinity over a few random nodes (HashiCorp Nomad)", nomad::Nomad::binpack();
    "nomad-spread", "spreading with job anti-affinity over a few random nodes (HashiCorp Nomad)", nomad::Nomad::spread();
    "borg-hybrid", "the least stranded resources, ties by best fit (after Borg, EuroSys 2015)", borg::Hybrid;
    "borg-epvm", "the smallest rise of an exponential cost of load (E-PVM, Borg's first)", borg::EPvm;
    "gpu-random", "any feasible node and device, evenly (FGD paper)", random::GpuRandom;
    "gpu-dot-product", "the smallest product of demand and free room (DotProd of the FGD paper)", dot_product::DotProduct;
    "gpu-clustering", "pods with equal numbers of GPUs together (Gandiva, FGD paper)", gpu_clustering::GpuClustering;
    "gpu-packing", "occupied GPUs first, then occupied nodes (Gandiva, FGD paper)", gpu_packing::GpuPacking;
    "gpu-best-fit", "the least cpu and GPU left (BestFit of the FGD paper)", best_fit::BestFit;
    "fgd", "the smallest rise of GPU fragmentation (USENIX ATC 2023)", fgd::Fgd::learning();
    "gpu-leftovers", "the least GPU left over in the end, by what pods usually ask for (ours)", gpu_leftovers::GpuLeftovers::learning();
};

/// A policy to be used: one of the list, or one that a scenario wrote.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// From [`ALL`], or a list of one's own.
    Listed(&'static Entry),
    /// From a scenario.
    Written(Arc<written::Written>),
}

impl Chosen {
    /// Makes one that has placed nothing yet.
    pub fn build(&self) -> Box<dyn Policy> {
        match self {
            Chosen::Listed(entry) => (entry.build)(),
            Chosen::Written(written) => Box::new(written::Expressed::new(Arc::clone(written))),
        }
    }

    /// Whether [`Policy::may`] has to be asked.
    pub fn filters(&self) -> bool {
        matches!(self, Chosen::Written(written) if written.filter.is_some())
    }
}

impl From<&'static Entry> for Chosen {
    fn from(entry: &'static Entry) -> Chosen {
        Chosen::Listed(entry)
    }
}

/// Policies of the program that this library is part of, beside [`ALL`]. Set once, before anything is read, as all
/// threads look names up here.
static OWN: OnceLock<&'static [Entry]> = OnceLock::new();

/// Makes policies of one's own known by their names.
///
/// # Errors
/// The name that is taken, or that policies were added before.
pub fn add(own: &'static [Entry]) -> Result<(), String> {
    let known = |name: &str| name == "default" || ALL.iter().any(|entry| entry.name == name);
    for (index, entry) in own.iter().enumerate() {
        if known(entry.name) || own[..index].iter().any(|other| other.name == entry.name) {
            return Err(format!("there is a policy `{}` already", entry.name));
        }
    }
    OWN.set(own).map_err(|_| "policies were added before".to_string())
}

/// [`ALL`], and those that were added.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    ALL.iter().chain(OWN.get().copied().unwrap_or_default())
}

/// Whether the policy of this name was added: what it does, our source does not tell.
pub fn is_added(name: &str) -> bool {
    OWN.get().is_some_and(|own| own.iter().any(|entry| entry.name == name))
}

/// The policy of this name.
pub fn find(name: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.name == name)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cluster::{GpuInventory, Name};

    /// A node without GPUs: free and capacity of cpu and memory.
    pub(crate) fn node(id: u32, cpu: (i64, i64), memory: (i64, i64)) -> Candidate<'static> {
        Candidate {
            id: NodeId(id),
            cpu: Room { free: cpu.0, capacity: cpu.1 },
            memory: Room { free: memory.0, capacity: memory.1 },
            scored: (cpu.1 - cpu.0, memory.1 - memory.0),
            gpus: Box::leak(Box::default()),
            pods: 0,
            pods_of_group: 0,
            failures_of_group: 0,
            failed_before: false,
            details: None,
        }
    }

    /// A pod of a group of four that asks for cpu and memory.
    pub(crate) fn ask(cpu: i64, memory: i64) -> Ask<'static> {
        Ask {
            cpu,
            memory,
            scored: (cpu, memory),
            gpu: None,
            group: None,
            group_size: 4,
            batch: false,
            n_nodes: 0,
            details: None,
        }
    }

    /// A node with CPU and memory as given and so many devices, of which `used` thousandths are taken from the first.
    pub(crate) fn gpu_node(
        id: u32,
        cpu: (i64, i64),
        memory: (i64, i64),
        devices: u32,
        used: u32,
    ) -> Candidate<'static> {
        let mut gpus = Gpus::new(Some(GpuInventory { model: Name(0), count: devices }));
        if used > 0 {
            gpus.take(&gpu(used), DeviceSet::one(0));
        }
        Candidate { gpus: Box::leak(Box::new(gpus)), ..node(id, cpu, memory) }
    }

    /// Thousandths of one device.
    pub(crate) fn gpu(milli: u32) -> GpuRequest {
        GpuRequest { count: 1, milli, models: Default::default() }
    }

    #[test]
    fn names_are_unique_and_the_first_of_the_best_wins() {
        for (index, entry) in ALL.iter().enumerate() {
            assert!(!ALL[..index].iter().any(|other| other.name == entry.name), "{} twice", entry.name);
        }
        assert_eq!(first_best([1, 5, 3, 5]), 1);
        assert_eq!(first_best::<i64>([]), 0);
        assert!(find("fgd").is_some() && find("default").is_none());
        let taken = |own: &'static [Entry]| add(own).is_err();
        assert!(taken(&ALL[..1]) && !is_added("fgd"), "a name of ours is taken");
    }
}
