//! `sim rerun`: what a manifest tells of, once more, and what differs.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Parser};

use crate::outcome::provenance::{StoredScenario, hash};
use crate::report::manifest::{self, FileJson, Manifest, ScenarioJson, hash_text, is_plain};

use super::library::Library;
use super::{Cli, Command, Failure, complain, print};

#[derive(Args)]
pub(crate) struct RerunArgs {
    /// The manifest.json of results
    manifest: PathBuf,
    /// Keep what is run again in this folder [default: nothing is kept]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The folder of the scenario, where it reads data from
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

/// Most differing files told one by one.
const TOLD: usize = 10;

pub(super) fn run(args: &RerunArgs) -> Result<(), Failure> {
    let shown = args.manifest.display().to_string();
    let text = fs::read_to_string(&args.manifest).map_err(|error| Failure::File(shown.clone(), error))?;
    let manifest = manifest::read(&text).map_err(|why| Failure::Usage(format!("{shown}: not a manifest: {why}")))?;
    let beside = args.manifest.parent().unwrap_or(Path::new("")).to_path_buf();
    let out = args.out.clone().unwrap_or_else(|| beside.join(".rerun"));
    let result = again(&manifest, &out, &args.folder).and_then(|again| differences(&manifest, &again, &beside, &out));
    if args.out.is_none() {
        let _ = fs::remove_dir_all(&out); // nothing is there if nothing was run
    }
    let differing = result?;
    if differing.is_empty() {
        return print(&format!("reproduced: {} files, byte for byte\n", manifest.files.len()));
    }
    for line in differing.iter().take(TOLD) {
        complain(line);
    }
    if differing.len() > TOLD {
        complain(&format!("… and {} more", differing.len() - TOLD));
    }
    Err(Failure::Broken)
}

/// Runs the manifest's command into a folder; the manifest it leaves.
fn again(manifest: &Manifest, out: &Path, folder: &Path) -> Result<Manifest, Failure> {
    let stored = |scenario: &ScenarioJson| StoredScenario {
        name: scenario.name.clone(),
        files: scenario.files.iter().map(|file| (file.path.clone(), file.text.clone())).collect(),
    };
    let library = Library::Stored(manifest.scenarios.iter().map(stored).collect(), folder.to_path_buf());
    let own = ["--quiet".to_string(), "--out".to_string(), out.display().to_string()];
    let words = ["sim".to_string()].into_iter().chain(manifest.arguments.iter().cloned()).chain(own);
    let cli = Cli::try_parse_from(words);
    let cli = cli.map_err(|error| Failure::Usage(format!("the manifest's command cannot be read: {error}")))?;
    let ran = match &cli.command {
        Command::Run(args) => super::run::run(args, &library),
        Command::Compare(args) => super::compare::run(args, &library),
        _ => Err(Failure::Usage(format!("`{}` leaves no manifest", manifest.arguments[0]))),
    };
    match ran {
        Ok(()) | Err(Failure::Broken) => (), // a broken expectation is broken again
        Err(failure) => return Err(failure),
    }
    let path = out.join("manifest.json");
    let text = fs::read_to_string(&path).map_err(|error| Failure::File(path.display().to_string(), error))?;
    manifest::read(&text).map_err(Failure::Usage)
}

/// What differs, in words, the causes first.
fn differences(old: &Manifest, new: &Manifest, beside: &Path, out: &Path) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for input in &old.inputs {
        match new.inputs.iter().find(|other| other.path == input.path) {
            Some(other) if other.hash == input.hash => (),
            Some(_) => lines.push(format!("{}: the data is not what it was", input.path)),
            None => lines.push(format!("{}: the data is no longer read", input.path)),
        }
    }
    for file in &old.files {
        match new.files.iter().find(|other| other.path == file.path) {
            Some(other) if other.hash == file.hash => lines.extend(changed_since(file, beside)),
            Some(_) => lines.push(format!("{}: differs{}", file.path, first_difference(&file.path, beside, out))),
            None => lines.push(format!("{}: is no longer written", file.path)),
        }
    }
    let added = new.files.iter().filter(|file| !old.files.iter().any(|other| other.path == file.path));
    lines.extend(added.map(|file| format!("{}: was not there before", file.path)));
    if !lines.is_empty() && old.digest != new.digest {
        lines.insert(0, format!("the digest was {} and is {}", old.digest, new.digest));
    }
    if !lines.is_empty() && old.sim != new.sim {
        lines.insert(0, format!("the results are of version {}, this is {}", old.sim, new.sim));
    } else if !lines.is_empty() && old.source != new.source {
        lines.insert(0, "the results are of another build of this version".to_string());
    }
    Ok(lines)
}

/// That a file beside the manifest is not what it tells of, though the run is.
fn changed_since(file: &FileJson, beside: &Path) -> Option<String> {
    let bytes = fs::read(beside.join(&file.path)).ok().filter(|_| is_plain(&file.path))?;
    (hash_text(hash(&bytes)) != file.hash).then(|| format!("{}: reproduced, but changed here since", file.path))
}

/// Where the old file, if it is still there and text, first differs from the new one.
fn first_difference(path: &str, beside: &Path, out: &Path) -> String {
    let read = |folder: &Path| fs::read_to_string(folder.join(path)).ok();
    let (Some(old), Some(new)) = (Some(path).filter(|path| is_plain(path)).and_then(|_| read(beside)), read(out))
    else {
        return String::new();
    };
    let mut pairs = old.lines().zip(new.lines()).enumerate();
    match pairs.find(|(_, (old, new))| old != new) {
        Some((index, (old, new))) => {
            format!(" from line {} on\n  was  {}\n  is   {}", index + 1, shortened(old), shortened(new))
        }
        None if old == new => ": the file beside the manifest was changed since".to_string(),
        None => format!(" in length: {} lines, now {}", old.lines().count(), new.lines().count()),
    }
}

fn shortened(line: &str) -> String {
    let start: String = line.chars().take(160).collect();
    if start.len() < line.len() { format!("{start}…") } else { start }
}
