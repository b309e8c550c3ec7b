//! The inputs of the experiment: nodes, pods, and the orders of arrival and of nodes for each seed.
//!
//! Orders are read, not drawn: the artifact draws them with Go's `math/rand`, and the lists that come with
//! the data spare a copy of it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::cluster::fragmentation::{Histogram, TypicalPods};
use crate::cluster::{GpuInventory, GpuRequest, Gpus, Names};
use crate::experiment::board::{Machine, PodShape};
use crate::workload::trace::{OnBadRow, Scale, Task, Trace, openb};

/// A workload of the experiment.
pub struct Openb {
    /// Nodes in the order of the list.
    pub machines: Vec<Machine>,
    /// GPUs of all nodes.
    pub gpus: i64,
    /// Distinct requests.
    pub shapes: Vec<PodShape>,
    /// Pods in the order of the list, by shape.
    pub pods: Vec<usize>,
    /// The typical pods of the list.
    pub typical: TypicalPods,
    /// Orders by seed.
    pub orders: Vec<Order>,
}

/// The order of a seed.
pub struct Order {
    /// The seed.
    pub seed: u64,
    /// Pods by row of the list; a row may come again.
    pub arrivals: Vec<usize>,
    /// Nodes by row of the list; on equal scores the first wins.
    pub nodes: Vec<usize>,
}

impl Openb {
    /// Reads a workload from the folder of the data.
    ///
    /// # Errors
    /// Which file cannot be read, and at which line.
    pub fn read(folder: &Path, workload: &str) -> Result<Self, String> {
        let mut names = Names::default();
        let path = folder.join("openb_node_list_gpu_node.csv");
        let nodes = openb::nodes(open(&path)?).map_err(|bad| format!("{}: {bad}", path.display()))?;
        let gpus = nodes.iter().map(|node| i64::from(node.n_gpus)).sum();
        let machine = |node: &openb::OpenbNode| {
            let model = names.intern(&node.model);
            let inventory = (node.n_gpus > 0).then_some(GpuInventory { model, count: node.n_gpus });
            Machine::new(node.cpu, node.memory, Gpus::new(inventory))
        };
        let machines: Vec<Machine> = nodes.iter().map(machine).collect();
        let path = folder.join(format!("openb_pod_list_{workload}.csv"));
        let in_file = |bad| format!("{}: {bad}", path.display());
        let trace = Trace::open(open(&path)?, &openb::FORMAT, Scale::default(), OnBadRow::Stop).map_err(in_file)?;
        let tasks: Vec<Task> = trace.collect::<Result<_, _>>().map_err(in_file)?;
        let (shapes, pods) = shapes(&tasks, &mut names);
        let mut histogram = Histogram::default();
        pods.iter().map(|pod| &shapes[*pod]).for_each(|shape| histogram.count(shape.cpu, shape.gpu.as_ref()));
        let typical = histogram.typical(|model| names.text(model));
        let arrivals = read_orders(&folder.join(format!("arrivals/arrival_order_{workload}.txt")), pods.len())?;
        let orders = read_orders(&folder.join(format!("arrivals/node_order_{workload}.txt")), machines.len())?;
        let order = |((seed, arrivals), (_, nodes))| Order { seed, arrivals, nodes };
        let orders = arrivals.into_iter().zip(orders).map(order).collect();
        Ok(Openb { machines, gpus, shapes, pods, typical, orders })
    }
}

/// CPU, memory, devices with the share of each, accepted models.
type Request<'a> = (i64, i64, Option<(u32, u32)>, &'a [String]);

/// Distinct requests, and each pod's among them.
fn shapes(tasks: &[Task], names: &mut Names) -> (Vec<PodShape>, Vec<usize>) {
    let mut shapes = Vec::new();
    let mut known: FxHashMap<Request<'_>, usize> = FxHashMap::default();
    let pods = tasks.iter().map(|task| {
        let key = (task.cpu, task.memory, task.gpu, task.gpu_models.as_slice());
        *known.entry(key).or_insert_with(|| {
            let models = task.gpu_models.iter().map(|model| names.intern(model)).collect();
            let gpu = task.gpu.map(|(count, milli)| GpuRequest { count, milli, models });
            shapes.push(PodShape { cpu: task.cpu, memory: task.memory, gpu });
            shapes.len() - 1
        })
    });
    let pods = pods.collect();
    (shapes, pods)
}

fn open(path: &PathBuf) -> Result<BufReader<File>, String> {
    File::open(path).map(BufReader::new).map_err(|error| format!("{}: {error}", path.display()))
}

/// Lines of a seed, a tab and row numbers below `bound`.
fn read_orders(path: &PathBuf, bound: usize) -> Result<Vec<(u64, Vec<usize>)>, String> {
    let mut orders = Vec::new();
    for (index, line) in open(path)?.lines().enumerate() {
        let bad = |message: String| format!("{}: line {}: {message}", path.display(), index + 1);
        let line = line.map_err(|error| bad(error.to_string()))?;
        let (seed, rows) = line.split_once('\t').ok_or_else(|| bad("no tab after the seed".to_string()))?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| bad(format!("`{text}` is not a number")));
        let rows = rows.split_whitespace().map(|row| {
            number(row).and_then(|row| match row as usize {
                row if row < bound => Ok(row),
                row => Err(bad(format!("there is no row {row}"))),
            })
        });
        orders.push((number(seed)?, rows.collect::<Result<_, _>>()?));
    }
    Ok(orders)
}
