//! In which order waiting pods are tried.
//!
//! ```text
//! priority        higher priority first, then who has waited longer      Kubernetes' PrioritySort
//! fifo            who came first; a pod that failed keeps its turn
//! shortest-job    the shortest declared run time first, unknown last     SJF; half of Tetris
//! gang            priority, then the group that came first, whole groups together
//! dominant-share  the tenant (namespace) with the smallest dominant share next, within it by priority
//! ```
//! With `gang`, groups whose pods declare a `min-count` are bound together or not at all ([`super::gang`]); of others
//! the order only keeps the pods together. Dominant shares: `s_u = max_r used_{u,r} / total_r` over
//! cpu, memory and the thousandths of GPUs, counted from the moment a pod is assumed on a node; all tenants weigh the
//! same. Sources: Ghodsi et al., NSDI 2011
//! (reference: scheduler.md 9.3); kubernetes-sigs/scheduler-plugins, Coscheduling's queueSort.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::gpu::DEVICE;
use crate::cluster::{Change, Cluster, GpuRequest, Name, Phase, Pod, PodId};
use crate::engine::Span;

use super::gang::GangKey;

/// The order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueOrder {
    /// Kubernetes' own.
    #[default]
    Priority,
    /// First in, first out.
    Fifo,
    /// Shortest job first.
    ShortestJob,
    /// Groups together.
    Gang,
    /// Dominant resource fairness among namespaces.
    DominantShare,
}

/// What the order needs to remember of the cluster.
#[derive(Debug, Default)]
pub struct PodOrder {
    order: QueueOrder,
    /// The turn of each group: how many groups came before it.
    groups: FxHashMap<GangKey, u64>,
    /// Turns given so far.
    turns: u64,
    shares: Shares,
}

/// Where a pod stands: smaller ranks first, before priority; and the tenant it is counted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Compared before priority.
    pub rank: u64,
    /// Whose turn it uses up.
    pub tenant: u32,
}

impl PodOrder {
    /// An order that has seen no pod.
    pub fn new(order: QueueOrder) -> Self {
        PodOrder { order, ..PodOrder::default() }
    }

    /// Where a pod that comes stands.
    pub fn standing(&mut self, pod: &Pod, cluster: &Cluster) -> Standing {
        let spec = cluster.spec(pod.spec);
        match self.order {
            QueueOrder::Priority => Standing::default(),
            QueueOrder::Fifo => Standing { rank: self.turn(None), tenant: 0 },
            QueueOrder::ShortestJob => {
                let declared = spec.behaviour.run_for.as_ref().and_then(|run| run.constant());
                Standing { rank: pod.run_for.or(declared).unwrap_or(Span::MAX).0, tenant: 0 }
            }
            QueueOrder::Gang => {
                let priority = u64::from(spec.priority.abs_diff(i32::MAX));
                Standing { rank: priority << 32 | self.turn(GangKey::of(pod, spec.min_count)), tenant: 0 }
            }
            QueueOrder::DominantShare => Standing { rank: 0, tenant: spec.namespace.0 },
        }
    }

    /// The turn of a group, or a new one.
    fn turn(&mut self, group: Option<GangKey>) -> u64 {
        let next = self.turns;
        let turn = group.map_or(next, |group| *self.groups.entry(group).or_insert(next));
        self.turns += u64::from(turn == next);
        turn
    }

    /// The dominant share of a tenant, in billionths; 0 for all in other orders.
    pub fn share(&self, tenant: u32) -> i64 {
        self.shares.dominant(tenant)
    }

    /// Takes note of a change.
    pub fn observe(&mut self, change: Change, cluster: &Cluster) {
        if self.order == QueueOrder::DominantShare {
            self.shares.observe(change, cluster);
        }
    }
}

/// CPU, memory, thousandths of GPUs.
type Amounts = [i64; 3];

/// What tenants use, and what there is.
#[derive(Debug, Default)]
struct Shares {
    used: BTreeMap<u32, Amounts>,
    total: Amounts,
}

const BILLION: i128 = 1_000_000_000;

impl Shares {
    fn dominant(&self, tenant: u32) -> i64 {
        let used = self.used.get(&tenant).copied().unwrap_or_default();
        let share = |(used, total): (i64, i64)| (i128::from(used) * BILLION / i128::from(total.max(1))) as i64;
        used.into_iter().zip(self.total).map(share).max().unwrap_or(0)
    }

    fn observe(&mut self, change: Change, cluster: &Cluster) {
        match change {
            Change::NodeAdded(_) | Change::NodeRemoved(_) | Change::NodeResized(_) => {
                self.total = Amounts::default();
                for (_, node) in cluster.nodes() {
                    let alloc = &node.spec.allocatable;
                    add(&mut self.total, 1, [alloc.cpu, alloc.memory, node.gpus.len() as i64 * i64::from(DEVICE)]);
                }
            }
            Change::PodAssumed(pod) => self.charge(pod, 1, cluster),
            Change::PodForgotten(pod, _) => self.charge(pod, -1, cluster),
            Change::PodPhase { pod, to: Phase::Succeeded | Phase::Failed, .. }
                if cluster.pod(pod).is_some_and(|found| found.node.is_some()) =>
            {
                self.charge(pod, -1, cluster);
            }
            Change::PodRemoved(pod) if cluster.pod(pod).is_some_and(Pod::holds_resources) => {
                self.charge(pod, -1, cluster);
            }
            _ => (),
        }
    }

    fn charge(&mut self, pod: PodId, sign: i64, cluster: &Cluster) {
        let Some(spec) = cluster.pod(pod).map(|found| cluster.spec(found.spec)) else { return };
        let Name(tenant) = spec.namespace;
        let used = self.used.entry(tenant).or_default();
        let gpu = spec.gpu.as_ref().map_or(0, GpuRequest::total);
        add(used, sign, [spec.requests.cpu, spec.requests.memory, gpu]);
    }
}

fn add(sum: &mut Amounts, sign: i64, amounts: Amounts) {
    sum.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += sign * amount);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_paper_ends_three_to_two() {
        // 9 cpu, 18 GB; A asks <1, 4>, B <3, 1>: A runs three tasks, B two, dominant shares 2/3 each
        let mut shares = Shares { used: BTreeMap::new(), total: [9, 18, 0] };
        let demands = [(1, 4), (3, 1)];
        let mut tasks = [0, 0];
        loop {
            let next = usize::from(shares.dominant(1) < shares.dominant(0));
            let (cpu, memory) = demands[next];
            let sum = |resource: usize| shares.used.values().map(|used| used[resource]).sum::<i64>();
            if sum(0) + cpu > 9 || sum(1) + memory > 18 {
                break;
            }
            add(shares.used.entry(next as u32).or_default(), 1, [cpu, memory, 0]);
            tasks[next] += 1;
        }
        assert_eq!(tasks, [3, 2]);
        assert_eq!([shares.dominant(0), shares.dominant(1)], [666_666_666; 2]);
    }
}
