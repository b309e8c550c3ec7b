//! One-shot placement: pods come one after another, are placed once or dropped, and never leave. There is
//! no time and no control plane, only a [`Policy`] and the nodes.
//!
//! Equal pods meet the same scores until a node changes, and each placement changes one node. So a column of
//! scores is kept for each shape of pod, and brought up to date from the list of changes when a pod of the
//! shape comes. `every_score_is_that_of_a_fresh_scan` holds it to the plain scan.

use crate::cluster::{GpuRequest, Gpus, NodeId};
use crate::engine::Stream;
use crate::scheduler::policies::{Ask, Candidate, Policy, Room};

/// What a pod asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodShape {
    /// CPU in thousandths.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// GPUs.
    pub gpu: Option<GpuRequest>,
}

impl PodShape {
    fn ask(&self) -> Ask<'_> {
        Ask {
            cpu: self.cpu,
            memory: self.memory,
            scored: (self.cpu, self.memory),
            gpu: self.gpu.as_ref(),
            group: None,
            group_size: 1,
            batch: false,
            n_nodes: 0,
            details: None,
        }
    }

    /// Thousandths of devices it asks for in all.
    pub fn gpu_milli(&self) -> i64 {
        self.gpu.as_ref().map_or(0, GpuRequest::total)
    }
}

/// A node with what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// CPU in thousandths.
    pub cpu: Room,
    /// Memory in bytes.
    pub memory: Room,
    /// Devices.
    pub gpus: Gpus,
    /// Pods on it.
    pub pods: i64,
}

impl Machine {
    /// An empty node.
    pub fn new(cpu: i64, memory: i64, gpus: Gpus) -> Self {
        let empty = |capacity| Room { free: capacity, capacity };
        Machine { cpu: empty(cpu), memory: empty(memory), gpus, pods: 0 }
    }

    fn fits(&self, shape: &PodShape) -> bool {
        self.cpu.free >= shape.cpu
            && self.memory.free >= shape.memory
            && shape.gpu.as_ref().is_none_or(|gpu| self.gpus.fits(gpu))
    }

    fn candidate(&self, index: usize) -> Candidate<'_> {
        Candidate {
            id: NodeId(index as u32),
            cpu: self.cpu,
            memory: self.memory,
            scored: (self.cpu.capacity - self.cpu.free, self.memory.capacity - self.memory.free),
            gpus: &self.gpus,
            pods: self.pods,
            pods_of_group: 0,
            failures_of_group: 0,
            failed_before: false,
            details: None,
        }
    }
}

/// Scores of one shape, node by node.
#[derive(Clone, Debug, Default)]
struct Column {
    /// [`UNFIT`] where the pod does not fit.
    scores: Vec<i64>,
    /// How much of the list of changes they know.
    known: usize,
}

const UNFIT: i64 = i64::MIN;

/// Nodes, in the order in which ties are broken, and the shapes of pods that come.
pub struct Board {
    machines: Vec<Machine>,
    shapes: Vec<PodShape>,
    columns: Vec<Column>,
    /// Nodes that changed, oldest first.
    changes: Vec<u32>,
    /// For each node the position after its last change.
    changed: Vec<usize>,
}

impl Board {
    /// An empty board.
    pub fn new(machines: Vec<Machine>, shapes: Vec<PodShape>) -> Self {
        Board {
            changed: vec![0; machines.len()],
            columns: vec![Column::default(); shapes.len()],
            changes: Vec::new(),
            machines,
            shapes,
        }
    }

    /// The nodes.
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// The shapes.
    pub fn shapes(&self) -> &[PodShape] {
        &self.shapes
    }

    /// Places a pod of the shape, and says on which node; `None` if it fits nowhere.
    pub fn place(&mut self, shape: usize, policy: &mut dyn Policy, draw: &mut Stream) -> Option<usize> {
        self.refresh(shape, policy);
        let scores = &self.columns[shape].scores;
        let ask = self.shapes[shape].ask();
        let node = if policy.scores_alone() {
            let best = highest(scores);
            scores.get(best).filter(|score| **score != UNFIT)?;
            best
        } else {
            let fits = |(_, score): &(usize, &i64)| **score != UNFIT;
            let feasible = scores.iter().enumerate().filter(fits).map(|(node, _)| self.machines[node].candidate(node));
            let feasible: Vec<Candidate<'_>> = feasible.collect();
            let chosen = if feasible.is_empty() { None } else { Some(policy.choose(&ask, &feasible, draw)) };
            feasible[chosen?].id.index()
        };
        let devices = ask.gpu.map(|gpu| (gpu, policy.devices(&ask, &self.machines[node].candidate(node), draw)));
        policy.placed(&ask, NodeId(node as u32));
        let machine = &mut self.machines[node];
        machine.cpu.free -= ask.cpu;
        machine.memory.free -= ask.memory;
        machine.pods += 1;
        if let Some((gpu, devices)) = devices {
            machine.gpus.take(gpu, devices);
        }
        self.changes.push(node as u32);
        self.changed[node] = self.changes.len();
        Some(node)
    }

    /// Brings the shape's scores up to date.
    fn refresh(&mut self, shape: usize, policy: &dyn Policy) {
        let Board { machines, shapes, columns, changes, changed } = self;
        let (column, shape) = (&mut columns[shape], &shapes[shape]);
        let ask = shape.ask();
        let score = |node: usize| {
            let machine = &machines[node];
            if machine.fits(shape) && policy.may(&ask, &machine.candidate(node)) {
                policy.score(&ask, &machine.candidate(node))
            } else {
                UNFIT
            }
        };
        if column.scores.is_empty() {
            column.scores = (0..machines.len()).map(score).collect();
        } else {
            for (position, &node) in changes.iter().enumerate().skip(column.known) {
                let node = node as usize;
                let newest = changed[node] == position + 1;
                // a pod never leaves, so where one did not fit it never will; a policy may think again
                if newest && (column.scores[node] != UNFIT || machines[node].fits(shape)) {
                    column.scores[node] = score(node);
                }
            }
        }
        column.known = changes.len();
    }
}

/// The position of the first of the highest scores. Two passes, each of which runs several scores at once.
fn highest(scores: &[i64]) -> usize {
    let most = scores.iter().copied().fold(UNFIT, i64::max);
    scores.iter().position(|score| *score == most).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fragmentation::Histogram;
    use crate::cluster::{GpuInventory, Name};
    use crate::engine::Seed;
    use crate::scheduler::policies::{self, fgd::Fgd, first_best};
    use smallvec::smallvec;

    /// The node a plain scan would take; what the cache is tested against.
    fn scan(board: &Board, shape: usize, policy: &dyn Policy) -> Option<usize> {
        let shape = &board.shapes[shape];
        let nodes: Vec<usize> = (0..board.machines.len()).filter(|node| board.machines[*node].fits(shape)).collect();
        let scores = nodes.iter().map(|node| policy.score(&shape.ask(), &board.machines[*node].candidate(*node)));
        nodes.get(first_best(scores)).copied()
    }

    fn shapes() -> Vec<PodShape> {
        let gpu = |count, milli| Some(GpuRequest { count, milli, models: smallvec![] });
        let only = Some(GpuRequest { count: 1, milli: 500, models: smallvec![Name(2)] });
        let requests = [None, gpu(1, 1000), gpu(1, 300), gpu(1, 700), gpu(2, 1000), only];
        let shape = |(index, gpu)| PodShape { cpu: 1000 + 500 * index as i64, memory: 1 << 28, gpu };
        requests.into_iter().enumerate().map(shape).collect()
    }

    fn board() -> Board {
        let machine = |index: u32| {
            let inventory = GpuInventory { model: Name(1 + index % 2), count: 1 + index % 4 };
            Machine::new(16_000, 16 << 30, Gpus::new(Some(inventory)))
        };
        Board::new((0..12).map(machine).collect(), shapes())
    }

    #[test]
    fn every_score_is_that_of_a_fresh_scan() {
        let mut histogram = Histogram::default();
        shapes().iter().for_each(|shape| histogram.count(shape.cpu, shape.gpu.as_ref()));
        let mut all: Vec<Box<dyn Policy>> = vec![Box::new(Fgd::new(histogram.typical(|model| model)))];
        all.extend(policies::ALL.iter().filter(|entry| entry.name != "fgd").map(|entry| (entry.build)()));
        for mut policy in all.into_iter().filter(|policy| policy.scores_alone()) {
            let (mut board, mut draw) = (board(), Seed(3).stream("test", 0));
            let mut dropped = 0;
            for _ in 0..200 {
                let shape = draw.below(6) as usize;
                let expected = scan(&board, shape, policy.as_ref());
                assert_eq!(board.place(shape, policy.as_mut(), &mut draw), expected);
                dropped += usize::from(expected.is_none());
            }
            assert!(dropped > 20, "the board must fill up for the test to mean something");
        }
    }

    #[test]
    fn policies_that_choose_place_only_where_the_pod_fits() {
        for entry in policies::ALL {
            let (mut board, mut draw, mut policy) = (board(), Seed(4).stream("test", 0), (entry.build)());
            for _ in 0..200 {
                let shape = draw.below(6) as usize;
                let before = scan(&board, shape, policy.as_ref()).is_some();
                assert_eq!(board.place(shape, policy.as_mut(), &mut draw).is_some(), before, "{}", entry.name);
            }
            assert!(board.machines().iter().all(|machine| machine.cpu.free >= 0 && machine.memory.free >= 0));
        }
    }
}
