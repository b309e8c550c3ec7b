//! An [`Outcome`] as bytes: text for the terminal, CSV, JSON, pictures. Reports see outcomes and
//! nothing else; the same outcome gives the same bytes.
//!
//! [`ALL`] lists the reporters. A new one is a file with a function from outcome to files, and a line.

mod format;
mod manifest;
pub mod plots;
mod summary;
pub mod tables;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod why;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;

pub use self::tables::EventsCsv;

/// Paths below the results folder, and what is in each file.
type Files = Vec<(String, Vec<u8>)>;

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

/// Where unfinished files are until they are whole.
const PARTIAL: &str = ".partial";

/// Writes the files of one run into a folder.
///
/// Everything is first written below `.partial` in the folder and moved into place once all of it is
/// there, so that no file is ever seen half written; dropping the folder before removes `.partial`.
/// Files of an earlier run that its manifest lists and this run does not write are removed; files of
/// others are left alone.
pub struct Folder {
    dir: PathBuf,
    events: Option<EventsCsv<BufWriter<File>>>,
}

impl Folder {
    /// Creates the folder, before the run, so that a path that cannot be written is found out first.
    ///
    /// # Errors
    /// The folder cannot be created or written; nothing is changed then.
    pub fn create(dir: &Path) -> io::Result<Folder> {
        let partial = dir.join(PARTIAL);
        if partial.exists() {
            fs::remove_dir_all(&partial)?; // left by a run that was killed
        }
        fs::create_dir_all(&partial)?;
        Ok(Folder { dir: dir.to_path_buf(), events: None })
    }

    /// Opens `events.csv` for the run to write to.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn events(&mut self) -> io::Result<EventsCsv<BufWriter<File>>> {
        let file = File::create(self.dir.join(PARTIAL).join("events.csv"))?;
        let events = EventsCsv::new(BufWriter::new(file));
        self.events = Some(events.clone());
        Ok(events)
    }

    /// Writes all reports and moves them into place; returns their paths below the folder.
    ///
    /// # Errors
    /// A file cannot be written or moved. Until everything is written, what was there stays.
    pub fn write(mut self, outcome: &Outcome) -> io::Result<Vec<String>> {
        let partial = self.dir.join(PARTIAL);
        let mut names = Vec::new();
        if let Some(events) = self.events.take() {
            events.finish()?;
            names.push("events.csv".to_string());
        }
        for reporter in ALL {
            for (name, bytes) in (reporter.files)(outcome)? {
                write_below(&partial, &name, &bytes)?;
                names.push(name);
            }
        }
        let manifest = "manifest.json".to_string();
        write_below(&partial, &manifest, manifest::json(outcome, &names).as_bytes())?;
        names.push(manifest);
        self.move_into_place(&names)?;
        Ok(names)
    }

    fn move_into_place(&self, names: &[String]) -> io::Result<()> {
        let old = fs::read_to_string(self.dir.join("manifest.json")).unwrap_or_default();
        for stale in manifest::listed_files(&old).into_iter().filter(|file| !names.contains(file)) {
            let _ = fs::remove_file(self.dir.join(stale)); // gone already is as well
        }
        for name in names {
            let target = self.dir.join(name);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(self.dir.join(PARTIAL).join(name), target)?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.dir.join(PARTIAL));
    }
}

/// Writes all reports of a run that kept no event log.
///
/// # Errors
/// See [`Folder::create`] and [`Folder::write`].
pub fn write_all(outcome: &Outcome, dir: &Path) -> io::Result<Vec<String>> {
    Folder::create(dir)?.write(outcome)
}

/// A reporter's single file of text.
#[expect(clippy::unnecessary_wraps, reason = "the form of `Reporter::files`")]
fn text(name: &str, text: String) -> io::Result<Files> {
    Ok(vec![(name.to_string(), text.into_bytes())])
}

fn write_below(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}
