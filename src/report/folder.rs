//! A folder of results: written whole or not at all, with a manifest.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::outcome::provenance::hash;
use crate::outcome::{Outcome, Run};

use super::manifest::{self, FileJson, Head, hash_text};
use super::{ALL, EventsCsv, Files};

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

    /// Writes all reports of a run and moves them into place; returns their paths below the folder.
    ///
    /// # Errors
    /// A file cannot be written or moved. Until everything is written, what was there stays.
    pub fn write(self, outcome: &Outcome) -> io::Result<Vec<String>> {
        let mut files = Files::new();
        for reporter in ALL {
            files.extend((reporter.files)(outcome)?);
        }
        let Run { scenario, seed, policy, settings, provenance, .. } = outcome.run.clone();
        self.write_files(
            files,
            &Head {
                scenario,
                seed,
                policy,
                settings,
                digest: outcome.digest,
                fault_trace: outcome.fault_trace,
                provenance,
            },
        )
    }

    /// Writes these files and a manifest, and moves them into place; returns their paths below the folder.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn write_files(mut self, files: Files, head: &Head) -> io::Result<Vec<String>> {
        let partial = self.dir.join(PARTIAL);
        let mut listed = Vec::new();
        if let Some(events) = self.events.take() {
            events.finish()?;
            let hash = hash_text(hash(&fs::read(partial.join("events.csv"))?));
            listed.push(FileJson { path: "events.csv".to_string(), hash });
        }
        for (name, bytes) in files {
            write_below(&partial, &name, &bytes)?;
            listed.push(FileJson { path: name, hash: hash_text(hash(&bytes)) });
        }
        let mut names: Vec<String> = listed.iter().map(|file| file.path.clone()).collect();
        names.push("manifest.json".to_string());
        write_below(&partial, "manifest.json", manifest::json(head, listed).as_bytes())?;
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

pub(super) fn write_below(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = dir.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}
