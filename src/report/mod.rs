//! An [`Outcome`] as bytes: text for the terminal, CSV, JSON, pictures. Reports see outcomes and
//! nothing else; the same outcome gives the same bytes.
//!
//! [`ALL`] lists the reporters. A new one is a file with a function from outcome to files, and a line.

pub mod comparison;
mod folder;
mod format;
pub mod manifest;
pub mod plots;
pub mod study;
mod summary;
pub mod tables;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod why;

use std::io;

use crate::outcome::Outcome;

pub use self::folder::{Folder, write_all};
pub use self::tables::EventsCsv;

/// Paths below the results folder, and what is in each file.
pub type Files = Vec<(String, Vec<u8>)>;

/// Makes one kind of file.
pub struct Reporter {
    /// The file, or the folder for several.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// The files.
    files: fn(&Outcome) -> io::Result<Files>,
}

/// All reporters, in the order they write. `manifest.json` comes after them, as it lists their files;
/// `events.csv` is written while the run goes on.
pub const ALL: &[Reporter] = &[
    Reporter {
        name: "summary.json",
        about: "the run in figures, for programs",
        files: |outcome| text("summary.json", summary::json(outcome)),
    },
    Reporter {
        name: "incidents.csv",
        about: "each fault and each workload it hit: all instants, stages and costs",
        files: |outcome| text("incidents.csv", tables::incidents(outcome)),
    },
    Reporter {
        name: "metrics.csv",
        about: "every value of every metric",
        files: |outcome| text("metrics.csv", tables::metrics(outcome)),
    },
    Reporter { name: "pods.csv", about: "pods at the end", files: |outcome| text("pods.csv", tables::pods(outcome)) },
    Reporter {
        name: "nodes.csv",
        about: "nodes at the end",
        files: |outcome| text("nodes.csv", tables::nodes(outcome)),
    },
    Reporter {
        name: "timeseries.csv",
        about: "quantities over time, a row for each step",
        files: |outcome| text("timeseries.csv", tables::timeseries(outcome)),
    },
    Reporter { name: "plots/", about: "pictures, each as SVG and PNG", files: plots::files },
];

/// The summary as JSON text, for `--json`.
pub fn summary_json(outcome: &Outcome) -> String {
    summary::json(outcome)
}

/// A reporter's single file of text.
#[expect(clippy::unnecessary_wraps, reason = "the form of `Reporter::files`")]
fn text(name: &str, text: String) -> io::Result<Files> {
    Ok(vec![(name.to_string(), text.into_bytes())])
}
