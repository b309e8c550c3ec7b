//! `arrivals:` pods that come over time by themselves, generated or from a recorded trace.

use super::values::{Latency, ObjectName};
use super::workloads::PodTemplate;
use crate::engine::Span;
use crate::manifest::Quantity;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::read::{Definitions, Read, Spanned, map_entries};
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::Node;

/// One entry of `arrivals:`.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// `generate: …`.
    Generated(Box<GeneratedArrivals>),
    /// `trace: FILE`.
    Trace(Box<TraceArrivals>),
}

record! {
    /// Pods that come by a random process, without a controller. A pod that has ended is not made again, and one that
    /// is lost with its node neither.
    pub struct GeneratedArrivals {
        /// When they come.
        "generate" => process: Process,
        /// How they are called: `NAME-…`.
        "name" => name: ObjectName = "job",
        /// Namespace; with `queue: dominant-share` the tenant.
        "namespace" => namespace: ObjectName = "default",
        /// At most so many.
        "count" => count: Option<Spanned<u64>>,
        /// When the process begins.
        "from" => from: Span = "0s",
        /// When it ends; with the run unless given.
        "until" => until: Option<Span>,
        /// How their requests vary, as multiples of those of `pod`; all equal unless given.
        "sizes" => sizes: Option<Sizes>,
        /// The pods. `run-for` is drawn for each when it comes; a pod without it runs on.
        "pod" => pod: Spanned<PodTemplate>,
    }
}

choice! {
    /// When pods come.
    pub enum Process {
        /// One by one, with exponential gaps of this mean.
        "poisson" => Poisson(PoissonProcess),
        /// One by one, with gaps of any distribution.
        "every" => Every(Latency),
        /// One by one, at a rate that swings about its mean through the day.
        "diurnal" => Diurnal(DiurnalProcess),
        /// Several at once.
        "batch" => Batch(BatchProcess),
    }
}

record! {
    /// A Poisson process.
    pub struct PoissonProcess {
        /// Mean gap.
        "mean" => mean: Spanned<Span>,
    }
}

record! {
    /// A Poisson process whose rate is a cosine.
    pub struct DiurnalProcess {
        /// Mean gap over a whole period.
        "mean" => mean: Spanned<Span>,
        /// How far the rate swings: 0 not at all, 1 down to nothing.
        "amplitude" => amplitude: Spanned<f64> = "0.5",
        /// From peak to peak.
        "period" => period: Spanned<Span> = "24h",
        /// The first peak.
        "peak" => peak: Span = "14h",
    }
}

record! {
    /// Batches.
    pub struct BatchProcess {
        /// From one batch to the next.
        "every" => every: Latency,
        /// Mean number of pods in a batch; the numbers are geometric.
        "size" => size: Spanned<f64>,
    }
}

choice! {
    /// How requests vary, as multiples of those of the template.
    pub enum Sizes {
        /// A heavy tail, in powers of two: a size of 2^k or more has the probability `2^(-k·shape)`.
        "pareto" => Pareto(ParetoSizes),
        /// A few sizes with weights.
        "mix" => Mix(Vec<WeightedSize>),
    }
}

record! {
    /// A heavy tail of sizes.
    pub struct ParetoSizes {
        /// Tail index; 1 and below is very heavy.
        "shape" => shape: Spanned<f64>,
        /// The largest size, a power of two or what is below it.
        "largest" => largest: Spanned<u32>,
    }
}

record! {
    /// A size with its weight.
    pub struct WeightedSize {
        /// How often it comes, relative to the others.
        "weight" => weight: Spanned<f64>,
        /// How many times the requests of the template.
        "size" => size: Spanned<u32>,
    }
}

record! {
    /// Pods of a recorded trace; each row is a pod (or several) without a controller. The file is read while the run goes
    /// on; if its rows are not in order of time, it is held in memory and sorted.
    pub struct TraceArrivals {
        /// The file, relative to the scenario file; one that ends in `.gz` is unpacked.
        "trace" => path: Spanned<String>,
        /// Its format; `sim list traces` shows them.
        "format" => format: Spanned<String> = "csv",
        /// A second file, which tells what the types are that rows name: table vmType of `azure-packing-2020`.
        "types" => types: Option<Spanned<String>>,
        /// What becomes of a row that cannot be read.
        "bad-rows" => bad_rows: BadRows = "stop",
        /// A whole machine, where the trace gives shares of one.
        "machine-cpu" => machine_cpu: Quantity = "64",
        /// Its memory.
        "machine-memory" => machine_memory: Quantity = "128Gi",
        /// Only rows from this instant of the trace on; it becomes the start of the run.
        "from" => from: Span = "0s",
        /// Only rows before this instant of the trace.
        "until" => until: Option<Span>,
        /// Gaps become so many times as long: 0.5 is twice the load.
        "time-scale" => time_scale: Spanned<f64> = "1",
        /// Run times become so many times as long.
        "duration-scale" => duration_scale: Spanned<f64> = "1",
        /// The share of rows that are kept, drawn from the seed.
        "sample" => sample: Spanned<f64> = "1",
        /// Input shaking: gaps and run times vary by up to this share, drawn from the seed.
        "shake" => shake: Spanned<f64> = "0",
    }
}

words! {
    /// What becomes of a row that cannot be read.
    pub enum BadRows {
        /// The scenario is refused, with the line and what is wrong with it.
        "stop" => Stop,
        /// It is counted and skipped.
        "skip" => Skip,
    }
}

/// The keys that say what an entry is.
const KINDS: [&str; 2] = ["generate", "trace"];

impl Read for Arrivals {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let wanted = format!("a map with one of {}", listed(KINDS));
        let entries = map_entries(node, &wanted, problems)?;
        match entries.iter().find(|entry| KINDS.contains(&entry.key.as_str())).map(|entry| entry.key.as_str()) {
            Some("generate") => GeneratedArrivals::read(node, problems).map(|it| Arrivals::Generated(Box::new(it))),
            Some(_) => TraceArrivals::read(node, problems).map(|it| Arrivals::Trace(Box::new(it))),
            None => {
                problems
                    .report(node.location, "no kind of arrivals")
                    .expected(format!("expected one of {}", listed(KINDS)));
                None
            }
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        serde_json::json!({ "oneOf": [GeneratedArrivals::schema(definitions), TraceArrivals::schema(definitions)] })
    }
}
