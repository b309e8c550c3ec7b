//! `replications:` the same scenario under several seeds.

use crate::scenario::read::Spanned;
use crate::scenario::record::{record, words};

record! {
    /// The same scenario under several seeds. `sim run` then writes what the runs say together.
    pub struct Replications {
        /// How many, under the seeds `seed`, `seed + 1` and so on; `sim run --seeds N` says it, too. With `until`
        /// the fewest, at least 10 for the intervals to hold.
        "count" => count: Option<Spanned<u32>>,
        /// What the length of a run means.
        "horizon" => horizon: HorizonKind = "terminating",
        /// Confidence of all intervals, between 0 and 1.
        "confidence" => confidence: Spanned<f64> = "0.95",
        /// Go on until a metric is known well enough.
        "until" => until: Option<Until>,
    }
}

words! {
    /// What the length of a run means.
    pub enum HorizonKind {
        /// The run begins and ends where the question does: a node fails, what then? Nothing is cut off.
        "terminating" => Terminating,
        /// The run is a window on a system that goes on for ever. Its warm-up is cut off by MSER-5, and a run that is
        /// too short for that is warned of.
        "steady-state" => SteadyState,
    }
}

record! {
    /// When there are enough replications.
    pub struct Until {
        /// The metric, with the labels of one of its rows: `availability_ratio{workload="web"}`.
        "metric" => metric: Spanned<String>,
        /// Half the width of the t interval of its mean, as a share of the mean.
        "relative-half-width" => relative_half_width: Spanned<f64> = "0.05",
        /// Most replications.
        "at-most" => at_most: Spanned<u32> = "1000",
    }
}
