//! `manifest.json`: what was run, so that it can be run again and its files be told from others. No
//! clock and no machine in it: the same run gives the same bytes anywhere.

use serde::Serialize;

use crate::outcome::Outcome;

use super::summary::{digest_text, to_text};

#[derive(Serialize)]
struct Manifest<'a> {
    sim: &'static str,
    scenario: &'a str,
    scenario_hash: String,
    seed: u64,
    policy: &'a str,
    set: Vec<SettingJson<'a>>,
    digest: String,
    fault_trace: String,
    files: &'a [String],
    scenario_text: &'a str,
}

#[derive(Serialize)]
struct SettingJson<'a> {
    path: &'a str,
    value: &'a str,
}

/// The whole file; `files` are the paths written beside it.
pub(crate) fn json(outcome: &Outcome, files: &[String]) -> String {
    let run = &outcome.run;
    to_text(&Manifest {
        sim: env!("CARGO_PKG_VERSION"),
        scenario: &run.scenario,
        scenario_hash: format!("fnv1a64:{:016x}", fnv1a(run.text.as_bytes())),
        seed: run.seed,
        policy: &run.policy,
        set: run.settings.iter().map(|(path, value)| SettingJson { path, value }).collect(),
        digest: digest_text(outcome.digest),
        fault_trace: digest_text(outcome.fault_trace),
        files,
        scenario_text: &run.text,
    })
}

/// 64-bit FNV-1a: tells files apart; no protection against malice.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The files an earlier manifest lists, as far as they are plain relative paths.
pub(crate) fn listed_files(manifest: &str) -> Vec<String> {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(manifest) else { return Vec::new() };
    let files = value["files"].as_array().into_iter().flatten();
    files.filter_map(|file| file.as_str()).filter(|file| is_plain(file)).map(String::from).collect()
}

fn is_plain(path: &str) -> bool {
    let mut parts = std::path::Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, std::path::Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_taken_from_an_old_manifest() {
        let old = r#"{"files": ["pods.csv", "plots/web.svg", "/etc/passwd", "../up", "a/../b", ""]}"#;
        assert_eq!(listed_files(old), ["pods.csv", "plots/web.svg"]);
        assert!(listed_files("not json").is_empty());
    }
}
