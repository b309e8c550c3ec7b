//! Replays recorded scheduling decisions and prints where the simulator's scheduler differs.
//!
//! ```text
//! cargo run --release --example fidelity -- DIR [--table]
//! ```
//! `DIR` holds `placements/*.json`, or the cases themselves. `--table` prints the table only. Exit code
//! 1 on any disagreement, 2 if something cannot be read.

use std::path::Path;
use std::process::ExitCode;

use sim::fidelity::{self, Summary, table};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let table_only = arguments.iter().any(|argument| argument == "--table");
    let Some(folder) = arguments.iter().find(|argument| !argument.starts_with("--")) else {
        eprintln!("usage: fidelity DIR [--table]");
        return ExitCode::from(2);
    };
    match replay(Path::new(folder), table_only) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything agrees.
fn replay(folder: &Path, table_only: bool) -> Result<bool, String> {
    let mut summary = Summary::default();
    let mut agree = true;
    for case in fidelity::read_cases(folder)? {
        let outcome = fidelity::replay_case(&case)?;
        summary.add(&outcome);
        agree &= outcome.disagreements.is_empty();
        if !table_only {
            print!("{}", table::disagreements(&outcome));
        }
    }
    print!("{}", summary.table());
    Ok(agree)
}
