//! Same scenario and seed: the same bytes in every file. `.ci/run` compares debug with release builds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::experiment::{self, Options, Unwatched};
use sim::scenario;

/// Every committed scenario but the large and long ones, which take too long in a debug build.
fn small_scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_small = |path: &PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy();
        let is_large = ["scale-", "a-year-of-", "placement-and-", "patience", "eviction-rate", "checkpoint-", "fgd-"]
            .iter()
            .any(|prefix| stem.starts_with(prefix));
        path.extension().is_some_and(|extension| extension == "yaml") && !is_large
    };
    let mut paths: Vec<PathBuf> = paths.filter(is_small).collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths
}

/// Runs a scenario in a fresh folder: its standard output, and the bytes of its files by path.
fn run(scenario: &Path, more: &[&str]) -> (String, BTreeMap<String, Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    let output = command.arg("run").arg(scenario).args(["--out", "out"]).args(more).current_dir(&folder).output();
    let output = output.unwrap();
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 1)),
        "{}: {code:?} {}",
        scenario.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    (String::from_utf8(output.stdout).unwrap(), files(&folder.path().join("out")))
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().to_string();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[track_caller]
fn assert_equal(scenario: &Path, one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) {
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{}", scenario.display());
    for (name, bytes) in one {
        assert!(bytes == &other[name], "{}: {name} differs between two runs", scenario.display());
    }
}

#[test]
fn two_runs_leave_the_same_bytes_in_every_file() {
    for scenario in small_scenarios() {
        let plain = run(&scenario, &["--single"]);
        let verified = run(&scenario, &["--single", "--verify"]); // and two more in lockstep before it
        assert_eq!(plain.0, verified.0, "{}", scenario.display());
        assert_equal(&scenario, &plain.1, &verified.1);
        for file in ["events.csv", "summary.json", "metrics.csv", "manifest.json"] {
            assert!(plain.1.contains_key(file), "{}: no {file}", scenario.display());
        }
    }
}

#[test]
fn another_seed_is_another_run_and_the_first_seed_the_first_run() {
    for path in small_scenarios() {
        let mut scenario = scenario::load(&path, &[]).unwrap_or_else(|wrong| panic!("{wrong}"));
        let mut outcome = |seed| {
            scenario.seed = seed;
            let setup = scenario::build(&scenario).unwrap_or_else(|wrong| panic!("{wrong}"));
            experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
        };
        let (first, other, again) = (outcome(1), outcome(2), outcome(1));
        assert_ne!(first.digest, other.digest, "{}", path.display());
        assert!(first == again, "{}", path.display());
    }
}

#[test]
fn files_do_not_depend_on_where_the_scenario_lies_or_what_the_environment_says() {
    let scenario = &small_scenarios()[0];
    let elsewhere = tempfile::tempdir().unwrap();
    let name = scenario.file_name().unwrap();
    let copy = elsewhere.path().join(name);
    fs::copy(scenario, &copy).unwrap();
    let (_, plain) = run(scenario, &[]);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    command.env_clear().env("LANG", "de_DE.UTF-8").env("TZ", "Asia/Tokyo").env("SOURCE_DATE_EPOCH", "1");
    command.arg("run").arg(name).args(["--quiet", "--out", "out"]).current_dir(&elsewhere);
    assert!(command.status().unwrap().success());
    assert_equal(scenario, &plain, &files(&elsewhere.path().join("out")));
}
