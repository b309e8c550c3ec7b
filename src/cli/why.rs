//! `sim why`: why a pod is where it is, or why it is pending.

use clap::Args;

use crate::report::why::{Detail, json, text};
use crate::scenario;
use crate::simulation;

use super::instant::AtArgs;
use super::{Failure, print};

#[derive(Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    at: AtArgs,
    /// The pod: NAME or NAMESPACE/NAME, as in pods.csv
    pod: String,
    /// Tell of every node, however many there are
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &WhyArgs) -> Result<(), Failure> {
    let (scenario, at) = args.at.load()?;
    let why = simulation::why(|| scenario::build(&scenario), &args.pod, at)??;
    let detail = if args.all { Detail::Full } else { Detail::Short };
    print(&if args.json { json(&why) } else { text(&why, detail) })
}
