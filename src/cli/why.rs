//! `sim why`: why a pod is where it is, or why it is pending.

use clap::Args;

use crate::engine::Time;
use crate::report::terminal::moment;
use crate::report::why::{Detail, json, text};
use crate::scenario::{self, duration};
use crate::simulation;

use super::library::Library;
use super::{Failure, ScenarioArgs, print};

#[derive(Args)]
pub(crate) struct WhyArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The pod: NAME or NAMESPACE/NAME, as in pods.csv
    pod: String,
    /// The instant asked about, as in 90s or 5m [default: the end of the run]
    #[arg(long, value_name = "T", value_parser = instant)]
    at: Option<Time>,
    /// Tell of every node, however many there are
    #[arg(long, conflicts_with = "json")]
    all: bool,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

fn instant(text: &str) -> Result<Time, String> {
    duration::parse(text).map(|span| Time::ZERO + span).map_err(|error| error.to_string())
}

pub(super) fn run(args: &WhyArgs) -> Result<(), Failure> {
    let scenario = args.scenario.load(&Library::Disk)?;
    let end = scenario::build(&scenario)?.duration;
    let at = args.at.unwrap_or(end);
    if at > end {
        return Err(Failure::Usage(format!("--at {}: the run ends at {}", moment(at), moment(end))));
    }
    let why = simulation::why(|| scenario::build(&scenario), &args.pod, at)??;
    let detail = if args.all { Detail::Full } else { Detail::Short };
    print(&if args.json { json(&why) } else { text(&why, detail) })
}
