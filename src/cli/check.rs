//! `sim check`: are these scenarios right?

use std::path::PathBuf;

use clap::Args;

use crate::scenario;

use super::{Failure, complain, print, report, setting};

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The scenario files
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Change each scenario: `seed=7`; can be given several times
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Print nothing but what is wrong
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let mut wrong = None;
    let mut count = 0;
    for path in &args.scenarios {
        let built = scenario::load(path, &args.set).and_then(|scenario| scenario::build(&scenario).map(|_| scenario));
        if let Ok(scenario) = &built {
            let missing = scenario::faults_without_domains(scenario);
            let warnings = scenario::skipped_rows(scenario).into_iter().chain(missing);
            warnings.for_each(|words| complain(&format!("warning: {words}")));
        }
        match built {
            Ok(_) if args.quiet => (),
            Ok(_) => print(&format!("{}: ok\n", path.display()))?,
            Err(diagnostics) => {
                count += 1;
                if let Some(earlier) = wrong.replace(Failure::from(diagnostics)) {
                    report(&earlier);
                }
            }
        }
    }
    if count > 1 {
        complain(&format!("{count} of {} scenarios are wrong; the last:", args.scenarios.len()));
    }
    wrong.map_or(Ok(()), Err)
}
