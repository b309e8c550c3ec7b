//! `sim get`: kubectl's tables at an instant of a run.

use clap::{Args, ValueEnum};

use crate::kubectl::{self, Resource, Snapshot};

use super::instant::AtArgs;
use super::{Failure, print};

#[derive(Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    at: AtArgs,
    /// The kind: pods, nodes, deployments …, as kubectl knows them, singular, plural or short
    #[arg(value_parser = kind)]
    kind: &'static Resource,
    /// The object: NAME or NAMESPACE/NAME [default: all]
    name: Option<String>,
    /// More columns
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Output>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// All columns
    Wide,
    /// For programs
    Json,
}

/// The kind of this name.
///
/// # Errors
/// There is none; with the nearest name.
pub(super) fn kind(text: &str) -> Result<&'static Resource, String> {
    kubectl::find(text).ok_or_else(|| {
        let names: Vec<&str> = kubectl::ALL.iter().map(|resource| resource.name).collect();
        let nearest = crate::scenario::diagnostics::nearest(text, names.iter().copied());
        let nearest = nearest.map_or(String::new(), |name| format!("; did you mean {name}?"));
        format!("expected one of {}{nearest}", names.join(", "))
    })
}

pub(super) fn run(args: &GetArgs) -> Result<(), Failure> {
    let snapshot = args.at.snapshot()?;
    let table = snapshot.table(args.kind, args.name.as_deref());
    match &args.name {
        Some(name) if table.rows.is_empty() => return Err(not_found(&snapshot, args.kind, name)),
        None if table.rows.is_empty() && args.output != Some(Output::Json) => return print("No resources found\n"),
        _ => (),
    }
    match args.output {
        Some(Output::Json) => print(&table.json()),
        output => print(&table.text(output.is_some())),
    }
}

/// There is no such object.
pub(super) fn not_found(snapshot: &Snapshot, kind: &Resource, name: &str) -> Failure {
    let names = snapshot.names(kind);
    let begins = names.iter().find(|other| other.starts_with(name)).map(String::as_str);
    let nearest = begins.or_else(|| crate::scenario::diagnostics::nearest(name, names.iter().map(String::as_str)));
    let nearest = nearest.map_or(String::new(), |name| format!(", did you mean {name}?"));
    Failure::Usage(format!("{} {name} not found{nearest}", kind.name))
}
