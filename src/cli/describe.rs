//! `sim describe`: an object in full at an instant of a run, with what was said about it.

use clap::Args;

use crate::kubectl::{self, Resource};

use super::get::{kind, not_found};
use super::instant::AtArgs;
use super::{Failure, print};

#[derive(Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    at: AtArgs,
    /// The kind: pod, node, deployment …, as kubectl knows them, singular, plural or short
    #[arg(value_parser = kind)]
    kind: &'static Resource,
    /// The object: NAME or NAMESPACE/NAME
    name: String,
}

pub(super) fn run(args: &DescribeArgs) -> Result<(), Failure> {
    let snapshot = args.at.snapshot()?;
    let text = kubectl::describe(&snapshot, args.kind, &args.name);
    if text.is_empty() { Err(not_found(&snapshot, args.kind, &args.name)) } else { print(&text) }
}
