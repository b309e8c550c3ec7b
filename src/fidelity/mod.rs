//! Replay of recorded scheduling decisions: the judge of the scheduler.
//!
//! A folder of cases (`placements/*.json`, format in the recordings' README) is replayed step by step:
//! the scheduler is asked, its answer compared with the recorded one in every detail, and the recorded
//! node forced so that later steps start from the same state. Reading order: [`world`] (manifests into
//! a cluster), [`replay`] (steps), [`compare`] (an answer against a recorded one), [`table`].

pub mod compare;
pub mod profiles;
pub mod replay;
pub mod storage;
pub mod table;
pub mod world;

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use serde_json::Value;

pub use compare::Disagreement;
pub use table::Summary;

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case's id.
    pub id: String,
    /// Its class.
    pub class: String,
    /// Decisions compared.
    pub decisions: usize,
    /// Those that differ.
    pub disagreements: Vec<Disagreement>,
}

/// Replays one case.
///
/// # Errors
/// If the case cannot be read.
pub fn replay_case(case: &Value) -> Result<Outcome, String> {
    replay::run(case)
}

/// Reads all cases of `folder/placements`, or of the folder itself if it has none, in order of name. A file
/// holds a case or a list of cases, and may be compressed (`.json.gz`).
///
/// # Errors
/// If a file cannot be read.
pub fn read_cases(folder: &Path) -> Result<Vec<Value>, String> {
    let inner = folder.join("placements");
    let folder = if inner.is_dir() { inner } else { folder.to_path_buf() };
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_case = |path: &Path| path.to_str().is_some_and(|name| name.ends_with(".json") || name.ends_with(".json.gz"));
    paths.retain(|path| is_case(path));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = text_of(path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut cases = Vec::new();
    for path in &paths {
        match read(path)? {
            Value::Array(list) => cases.extend(list),
            case => cases.push(case),
        }
    }
    Ok(cases)
}

/// A file's text, unpacked if its name ends in `.gz`.
fn text_of(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        file.read_to_string(&mut text)?;
    }
    Ok(text)
}

pub mod timeline;
