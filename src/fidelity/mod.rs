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

use std::path::Path;

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

/// Reads all cases of `folder/placements`, or of the folder itself if it has none, in order of name.
///
/// # Errors
/// If a file cannot be read.
pub fn read_cases(folder: &Path) -> Result<Vec<Value>, String> {
    let inner = folder.join("placements");
    let folder = if inner.is_dir() { inner } else { folder.to_path_buf() };
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
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

pub mod timeline;
