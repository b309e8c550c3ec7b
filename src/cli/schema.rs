//! `sim schema`: the JSON Schema of the scenario file, or its reference page.

use clap::Args;

use crate::scenario;

use super::{Failure, print};

#[derive(Args)]
pub(crate) struct SchemaArgs {
    /// Print the reference page (docs/SCENARIOS.md) instead
    #[arg(long)]
    markdown: bool,
    /// Print what becomes of each field of a Kubernetes manifest (docs/MANIFESTS.md) instead
    #[arg(long, conflicts_with = "markdown")]
    manifests: bool,
}

pub(super) fn run(args: &SchemaArgs) -> Result<(), Failure> {
    if args.manifests {
        print(&scenario::manifests::fields::page())
    } else if args.markdown {
        print(&scenario::reference())
    } else {
        print(&format!("{:#}\n", scenario::schema()))
    }
}
