//! `sim events`: what the components of the cluster said until an instant of a run.

use clap::Args;

use crate::kubectl::{self, Resource};

use super::get::kind;
use super::instant::AtArgs;
use super::{Failure, print};

#[derive(Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    at: AtArgs,
    /// Events about this kind only
    #[arg(value_parser = kind)]
    kind: Option<&'static Resource>,
    /// Events about this object only: NAME or NAMESPACE/NAME
    name: Option<String>,
}

pub(super) fn run(args: &EventsArgs) -> Result<(), Failure> {
    print(&kubectl::events(&args.at.snapshot()?, args.kind, args.name.as_deref()))
}
