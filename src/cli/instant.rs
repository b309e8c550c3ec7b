//! A scenario and an instant of its run, for the commands that look at the cluster there.

use clap::Args;

use crate::engine::Time;
use crate::kubectl::Snapshot;
use crate::report::terminal::moment;
use crate::scenario::{self, Scenario, duration};

use super::library::Library;
use super::{Failure, ScenarioArgs};

/// Which run, and when.
#[derive(Args)]
pub(crate) struct AtArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// The instant asked about, as in 90s or 5m [default: the end of the run]
    #[arg(long, value_name = "T", value_parser = instant)]
    at: Option<Time>,
}

fn instant(text: &str) -> Result<Time, String> {
    duration::parse(text).map(|span| Time::ZERO + span).map_err(|error| error.to_string())
}

impl AtArgs {
    /// The scenario, and the instant.
    ///
    /// # Errors
    /// The scenario is wrong, or the instant beyond its end.
    pub(super) fn load(&self) -> Result<(Scenario, Time), Failure> {
        let scenario = self.scenario.load(&Library::Disk)?;
        let end = scenario::build(&scenario)?.duration;
        let at = self.at.unwrap_or(end);
        if at > end {
            return Err(Failure::Usage(format!("--at {}: the run ends at {}", moment(at), moment(end))));
        }
        Ok((scenario, at))
    }

    /// The cluster at the instant.
    ///
    /// # Errors
    /// As [`AtArgs::load`].
    pub(super) fn snapshot(&self) -> Result<Snapshot, Failure> {
        let (scenario, at) = self.load()?;
        Ok(Snapshot::take(scenario::build(&scenario)?, at))
    }
}
