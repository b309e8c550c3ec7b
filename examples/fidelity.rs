//! Replays recorded scheduling decisions and timelines, and prints where the simulator differs.
//!
//! ```text
//! cargo run --release --example fidelity -- DIR [--table] [--only TEXT [--story]]
//! ```
//! `DIR` holds `placements/*.json` and `timelines/*.json`, or the decisions themselves. `--table` prints
//! the tables only, `--only` replays the timelines whose name contains the text, `--story` tells what
//! happens in them instead of comparing. Exit code 1 on any
//! disagreement, 2 if something cannot be read.

use std::path::Path;
use std::process::ExitCode;

use sim::fidelity::{self, Summary, table, timeline};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let table_only = arguments.iter().any(|argument| argument == "--table");
    let only = arguments.iter().position(|argument| argument == "--only").map(|at| at + 1);
    let texts = arguments.iter().enumerate().filter(|(at, argument)| !argument.starts_with("--") && Some(*at) != only);
    let Some(folder) = texts.map(|(_, argument)| argument).next() else {
        eprintln!("usage: fidelity DIR [--table] [--only TEXT]");
        return ExitCode::from(2);
    };
    let only = only.and_then(|at| arguments.get(at)).map(String::as_str);
    let folder = Path::new(folder);
    let story = arguments.iter().any(|argument| argument == "--story");
    let placements = if only.is_none() { decisions(folder, table_only) } else { Ok(true) };
    match placements.and_then(|agree| Ok(timelines(folder, table_only, story, only)? && agree)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Replays decisions, if there are any; whether all agree.
fn decisions(folder: &Path, table_only: bool) -> Result<bool, String> {
    if !folder.join("placements").is_dir() && folder.join("timelines").is_dir() {
        return Ok(true);
    }
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

/// Replays timelines, if there are any; whether all agree.
fn timelines(folder: &Path, table_only: bool, story: bool, only: Option<&str>) -> Result<bool, String> {
    let folder = folder.join("timelines");
    if !folder.is_dir() {
        return Ok(true);
    }
    let mut summary = timeline::Summary::default();
    let mut agree = true;
    for case in fidelity::read_cases(&folder)? {
        if only.is_some_and(|only| !case["id"].as_str().unwrap_or_default().contains(only)) {
            continue;
        }
        if story {
            print!("{}", timeline::table::story(&timeline::story_of(case)?));
            continue;
        }
        let outcome = timeline::replay(case)?;
        summary.add(&outcome);
        agree &= outcome.differences.is_empty();
        if !table_only {
            print!("{}", timeline::table::differences(&outcome));
        }
    }
    print!("{}", summary.table());
    Ok(agree)
}
