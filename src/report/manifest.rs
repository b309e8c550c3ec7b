//! `manifest.json`: what was run and what came out, so that `sim rerun` can do it again and compare. No clock
//! and no machine in it: the same run gives the same bytes anywhere.

use serde::{Deserialize, Serialize};

use crate::outcome::provenance::{Input, Provenance, StoredScenario};

use super::summary::{digest_text, to_text};

/// The file, as it is written and as it is read again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Version of the program.
    pub sim: String,
    /// Hash of the source the program was built from.
    #[serde(default)]
    pub source: String,
    /// Name of the scenario, or of several.
    pub scenario: String,
    /// Hash of the scenario's files.
    pub scenario_hash: String,
    /// The seed, or the first of them.
    pub seed: u64,
    /// The policy, or the baseline of several.
    pub policy: String,
    /// What `--set` changed.
    pub set: Vec<SettingJson>,
    /// The command, in words that `sim rerun` repeats.
    pub arguments: Vec<String>,
    /// The digest of the run's changes, or of all runs.
    pub digest: String,
    /// Hash over all faults that struck.
    pub fault_trace: String,
    /// Data that was read, with hashes.
    pub inputs: Vec<FileJson>,
    /// Rows of traces that were skipped by choice, in words; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_rows: Vec<String>,
    /// Files that were written, with hashes.
    pub files: Vec<FileJson>,
    /// The scenarios, whole.
    pub scenarios: Vec<ScenarioJson>,
}

/// A changed setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SettingJson {
    /// Where.
    pub path: String,
    /// To what.
    pub value: String,
}

/// A file with its hash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileJson {
    /// Its path.
    pub path: String,
    /// FNV-1a over its bytes.
    pub hash: String,
}

/// A scenario with the files it names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScenarioJson {
    /// The name of its file.
    pub name: String,
    /// The files, its own first.
    pub files: Vec<TextJson>,
}

/// A file with its text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextJson {
    /// Its path, relative to the scenario's folder.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What a manifest tells of a run before its files are known.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Name of the scenario, or of several.
    pub scenario: String,
    /// The seed, or the first of them.
    pub seed: u64,
    /// The policy, or the baseline of several.
    pub policy: String,
    /// What `--set` changed: path and value.
    pub settings: Vec<(String, String)>,
    /// Digest of the run, or of all runs.
    pub digest: u64,
    /// Hash over all faults that struck.
    pub fault_trace: u64,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// The whole file; `files` are the paths written beside it, with hashes.
pub(crate) fn json(head: &Head, files: Vec<FileJson>) -> String {
    let scenario = |stored: &StoredScenario| ScenarioJson {
        name: stored.name.clone(),
        files: stored.files.iter().map(|(path, text)| TextJson { path: path.clone(), text: text.clone() }).collect(),
    };
    let input = |input: &Input| FileJson { path: input.path.clone(), hash: hash_text(input.hash) };
    let setting = |(path, value): &(String, String)| SettingJson { path: path.clone(), value: value.clone() };
    to_text(&Manifest {
        sim: env!("CARGO_PKG_VERSION").to_string(),
        source: env!("SIM_SOURCE").to_string(),
        scenario: head.scenario.clone(),
        scenario_hash: hash_text(head.provenance.hash()),
        seed: head.seed,
        policy: head.policy.clone(),
        set: head.settings.iter().map(setting).collect(),
        arguments: head.provenance.arguments.clone(),
        digest: digest_text(head.digest),
        fault_trace: digest_text(head.fault_trace),
        inputs: head.provenance.inputs.iter().map(input).collect(),
        skipped_rows: head.provenance.inputs.iter().filter_map(Input::skipped_in_words).collect(),
        files,
        scenarios: head.provenance.scenarios.iter().map(scenario).collect(),
    })
}

/// How hashes of files are written.
pub fn hash_text(hash: u64) -> String {
    format!("fnv1a64:{hash:016x}")
}

/// Reads a manifest.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Manifest, String> {
    let manifest: Manifest = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if manifest.arguments.is_empty() || manifest.scenarios.is_empty() {
        return Err("it does not say which command and which scenario to run again".to_string());
    }
    Ok(manifest)
}

/// The files an earlier manifest lists, as far as they are plain relative paths.
pub(crate) fn listed_files(manifest: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(manifest) else { return Vec::new() };
    let files = value["files"].as_array().into_iter().flatten();
    files.filter_map(|file| file["path"].as_str()).filter(|file| is_plain(file)).map(String::from).collect()
}

/// Whether a path leads nowhere but further down.
pub fn is_plain(path: &str) -> bool {
    let mut parts = std::path::Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_taken_from_an_old_manifest() {
        let old = r#"{"files": [{"path": "pods.csv"}, {"path": "plots/web.svg"}, {"path": "/etc/passwd"},
            {"path": "../up"}, {"path": "a/../b"}, {"path": ""}, 3]}"#;
        assert_eq!(listed_files(old), ["pods.csv", "plots/web.svg"]);
        assert!(listed_files("not json").is_empty());
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let provenance = Provenance {
            arguments: vec!["run".to_string(), "a.yaml".to_string()],
            scenarios: vec![StoredScenario { name: "a.yaml".to_string(), files: vec![("a.yaml".into(), "x".into())] }],
            inputs: vec![Input { path: "t.csv".to_string(), hash: 7, ..Input::default() }],
        };
        let head = Head { seed: 3, provenance, ..Head::default() };
        let read = read(&json(&head, Vec::new())).unwrap();
        assert_eq!((read.seed, read.arguments.len(), read.scenarios[0].files[0].text.as_str()), (3, 2, "x"));
        assert!(super::read("{}").is_err());
    }
}
