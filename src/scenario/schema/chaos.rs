//! `chaos:` faults of every kind from the seed, then quiet, in which the cluster must converge.

use super::values::Latency;
use crate::engine::Span;
use crate::scenario::read::Spanned;
use crate::scenario::record::record;

record! {
    /// Random faults for a while, then none. Within the limit there must be an instant at which every node is Ready and
    /// not cordoned, every workload complete and no pod on its way out; otherwise the run fails, tells how to replay it, and shrinks
    /// the faults to a few that still make it fail.
    pub struct Chaos {
        /// How long faults strike; all of them have ended by then.
        "for" => duration: Spanned<Span>,
        /// From one to the next.
        "every" => every: Latency = "{ exponential: { mean: 60s } }",
        /// How long each lasts, cut off at the end of the chaos.
        "lasting" => lasting: Latency = "{ exponential: { mean: 90s } }",
        /// How long the cluster may take to converge in the quiet after it.
        "converge-within" => limit: Spanned<Span>,
        /// The kinds of faults, as `sim list faults` shows them; every one that chaos can make if not given.
        "kinds" => kinds: Option<Vec<Spanned<String>>>,
        /// Only the faults with these numbers, as a run that failed tells them.
        "only" => only: Option<Vec<u32>>,
    }
}
