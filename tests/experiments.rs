//! Many runs, as users meet them: replications, comparisons, running again. Bytes do not depend on the number of
//! jobs, finished runs are not run again, and what differs is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use tempfile::TempDir;

/// Two nodes, two deployments, a crash of a node drawn from the seed.
const SMALL: &str = r#"# Small?
# Expected: small.
name: small
duration: 10m
start: settled
cluster:
  nodes: [{ name: n, count: 3, capacity: { cpu: 4, memory: 8Gi } }]
workloads:
  - { deployment: web, replicas: 4, pod: { requests: { cpu: 500m } } }
policies:
  - { name: mine, score: "node.used.cpu / node.capacity.cpu", filter: "node.pods < 3" }
timeline:
  - { at: 1m, crash: { random: 1 } }
expect:
  - recovery_seconds{workload="web"} <= 420
"#;

/// A folder of its own with `small.yaml` in it.
struct Sandbox {
    folder: TempDir,
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Sandbox {
    fn new(scenario: &str) -> Sandbox {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("small.yaml"), scenario).unwrap();
        Sandbox { folder }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("plain text");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs what must succeed.
    fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Every file below a folder, with its bytes.
    fn files(&self, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(below);
        let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(&root).unwrap().to_path_buf();
                        files.insert(name, fs::read(path).unwrap());
                    }
                }
            }
        }
        files
    }
}

fn rows(files: &BTreeMap<PathBuf, Vec<u8>>, name: &str) -> Vec<String> {
    let text = String::from_utf8(files[Path::new(name)].clone()).unwrap();
    text.lines().map(String::from).collect()
}

#[test]
fn replications_give_the_same_bytes_for_any_number_of_jobs() {
    let sandbox = Sandbox::new(SMALL);
    let told = sandbox.ok(&["run", "small.yaml", "--seeds", "6", "--jobs", "1", "--out", "one"]);
    assert!(told.contains("n = 6 (seeds 1 to 6)") && told.contains("95 % T INTERVAL"), "{told}");
    sandbox.ok(&["run", "small.yaml", "--seeds", "6", "--jobs", "4", "--quiet", "--out", "four"]);
    let (one, four) = (sandbox.files("one"), sandbox.files("four"));
    assert!(one == four, "files differ");
    for name in
        ["plots/recovery-cdf.png", "plots/stages.svg", "plots/replicas-web.svg", "summary.json", "manifest.json"]
    {
        assert!(one.contains_key(Path::new(name)), "{name} is missing");
    }
    let seeds: Vec<String> =
        rows(&one, "runs.csv")[1..].iter().map(|row| row.split(',').next().unwrap().into()).collect();
    assert_eq!(seeds, ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn replications_go_on_until_a_metric_is_precise_and_say_why_they_stopped() {
    let until = r#"replications: { count: 10, until: { metric: "recovery_seconds{workload=\"web\"}", relative-half-width: 0.2, at-most: 40 } }"#;
    let sandbox = Sandbox::new(&format!("{SMALL}{until}\n"));
    let told = sandbox.ok(&["run", "small.yaml", "--out", "out"]);
    assert!(told.contains("is within 20 %"), "{told}");
    // 0.0001 is out of reach: as many as are allowed
    let width = "replications.until.relative-half-width=0.0001";
    let told =
        sandbox.ok(&["run", "small.yaml", "--set", width, "--set", "replications.until.at-most=12", "--out", "out"]);
    assert!(told.contains("n = 12") && told.contains("no more are allowed"), "{told}");
    let told = sandbox.ok(&["run", "small.yaml", "--single", "--out", "single"]);
    assert!(told.contains("seed 1 · policy"), "{told}");
}

#[test]
fn a_steady_state_has_its_warm_up_cut_off_and_a_run_too_short_is_warned_of() {
    let scenario =
        SMALL.replace("start: settled\n", "").replace("timeline:\n  - { at: 1m, crash: { random: 1 } }\n", "");
    let scenario = scenario.replace("expect:\n  - recovery_seconds{workload=\"web\"} <= 420\n", "");
    let sandbox = Sandbox::new(&format!("{scenario}replications: {{ count: 4, horizon: steady-state }}\n"));
    let told = sandbox.ok(&["run", "small.yaml", "--out", "out"]);
    // the four pods start within seconds, and four serve from then on
    assert!(told.contains("pods_serving{workload=\"web\"} 4 [4, 4] after"), "{told}");
    let rows = rows(&sandbox.files("out"), "steady.csv");
    assert!(rows.iter().any(|row| row.contains("cpu_requested_ratio")), "{rows:?}");
}

#[test]
fn an_expectation_broken_under_one_seed_fails_and_names_the_command() {
    let sandbox = Sandbox::new(&SMALL.replace("<= 420", "<= 1"));
    let ran = sandbox.run(&["run", "small.yaml", "--seeds", "3", "--out", "out"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("of 3 seeds broke an expectation"), "{}", ran.stderr);
    assert!(ran.stderr.contains("sim run small.yaml --seed=1"), "{}", ran.stderr);
}

#[test]
fn faults_that_never_strike_are_told_of_many_runs_too() {
    let faults = "faults:
  - { name: nobody, node-crash: { nodes: { selector: disk=tape }, at: 1m } }
  - { name: steps, sequence: { at: 1m, steps: [{ reboot: { nodes: { selector: disk=tape } } }] } }
  - { name: somebody, reboot: { random: 1, at: 2m } }
";
    let sandbox = Sandbox::new(&format!("{}{faults}", SMALL));
    let ran = sandbox.run(&["run", "small.yaml", "--seeds=2", "--out=out"]);
    for fault in ["nobody", "steps"] {
        let words = format!("warning: the fault `{fault}` never struck anybody in 2 of 2 runs");
        assert!(ran.stderr.contains(&words), "{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("somebody"), "{}", ran.stderr);
    let summary = std::fs::read_to_string(sandbox.path("out/summary.json")).unwrap();
    assert!(summary.contains("\"fault\": \"nobody\",\n      \"idle\": 2,\n      \"of\": 2"), "{summary}");
    let compare = ["compare", "small.yaml", "--policy=default,best-fit", "--seeds=2", "--out=both"];
    let ran = sandbox.run(&compare);
    assert!(ran.stderr.contains("`nobody` never struck anybody in 4 of 4 runs"), "{}", ran.stderr);
    let page = std::fs::read_to_string(sandbox.path("both/comparison.md")).unwrap();
    assert!(page.contains("**Idle**: the fault `steps` never struck anybody in 4 of 4 runs."), "{page}");
}

#[test]
fn what_a_manifest_tells_of_can_be_run_again_without_the_scenario() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.ok(&["run", "small.yaml", "--seed", "3", "--set", "workloads[0].replicas=5", "--quiet", "--out", "a"]);
    sandbox.ok(&["run", "small.yaml", "--seeds", "3", "--quiet", "--out", "b"]);
    sandbox.ok(&["compare", "small.yaml", "--policy", "default,mine", "--seeds", "3", "--quiet", "--out", "c"]);
    fs::remove_file(sandbox.path("small.yaml")).unwrap();
    for folder in ["a", "b", "c"] {
        let told = sandbox.ok(&["rerun", &format!("{folder}/manifest.json")]);
        assert!(told.starts_with("reproduced: ") && told.contains("byte for byte"), "{told}");
        assert!(!sandbox.path(folder).join(".rerun").exists());
    }
    // the run is the same, but somebody has edited a file of it
    fs::write(sandbox.path("b/summary.csv"), "metric\n").unwrap();
    let ran = sandbox.run(&["rerun", "b/manifest.json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("summary.csv: reproduced, but changed here since"), "{}", ran.stderr);
    // a manifest of other results: what differs, where, and that it was changed
    let manifest = sandbox.path("a/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap().replace("replicas=5", "replicas=6");
    fs::write(&manifest, text).unwrap();
    let ran = sandbox.run(&["rerun", "a/manifest.json", "--out", "again"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("the digest was"), "{}", ran.stderr);
    assert!(ran.stderr.contains("pods.csv: differs from line"), "{}", ran.stderr);
    assert!(sandbox.path("again/pods.csv").exists(), "--out keeps what was run again");
    let ran = sandbox.run(&["rerun", "nowhere.json"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
}

#[test]
fn comparisons_go_on_where_they_were_and_do_not_depend_on_jobs() {
    let sandbox = Sandbox::new(SMALL);
    let compare = |jobs: &str, out: &str| {
        let arguments = ["compare", "small.yaml", "--policy", "default,mine,first-fit", "--seeds", "4", "--jobs", jobs];
        sandbox.ok(&[&arguments[..], &["--out", out]].concat())
    };
    let told = compare("1", "one");
    assert!(told.contains("equal arrivals and faults under each seed") && told.contains("against default"), "{told}");
    compare("3", "three");
    assert!(sandbox.files("one") == sandbox.files("three"), "files differ");
    let cells = || {
        let mut cells: Vec<(PathBuf, SystemTime)> = fs::read_dir(sandbox.path("one/cells"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::metadata(path).unwrap().modified().unwrap()))
            .collect();
        cells.sort();
        cells
    };
    let before = cells();
    assert_eq!(before.len(), 12, "a file a run");
    let lost = before[5].0.clone();
    fs::write(&lost, "half a fi").unwrap();
    compare("2", "one");
    let after = cells();
    let again: Vec<&PathBuf> =
        before.iter().zip(&after).filter(|(a, b)| a.1 != b.1).map(|(_, after)| &after.0).collect();
    assert_eq!(again, [&lost], "only what was not whole is run again");
    assert!(sandbox.files("one") == sandbox.files("three"), "and comes out the same");
}

#[test]
fn parameters_are_swept_and_drawn() {
    let sandbox = Sandbox::new(SMALL);
    let sweep = ["--set", "workloads[0].replicas=[2,4]", "--set", "workloads[0].pod.toleration-seconds=[10,100]"];
    let metric = ["--metric", "unavailable_pod_seconds", "--seeds", "2"];
    sandbox.ok(&[&["compare", "small.yaml", "--out", "grid"], &sweep[..], &metric[..]].concat());
    let files = sandbox.files("grid");
    assert!(files.contains_key(Path::new("plots/heat-unavailable-pod-seconds.svg")));
    assert_eq!(rows(&files, "comparison.csv").len(), 1 + 4);
    let matrix = "matrix:\n  latin-hypercube: 3\n  parameters:\n    - { path: \"workloads[0].pod.toleration-seconds\", range: { from: 10, to: 300, whole: true } }\n";
    fs::write(sandbox.path("small.yaml"), format!("{SMALL}{matrix}")).unwrap();
    let told = sandbox.ok(&["compare", "small.yaml", "--seeds", "2", "--out", "drawn"]);
    assert!(told.contains("3 points"), "{told}");
    let ran = sandbox.run(&["compare", "small.yaml", "--set", "matrix.latin-hypercube=null", "--out", "drawn"]);
    assert_eq!(ran.code, Some(2), "a range has no single values: {}", ran.stderr);
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_runs() {
    let sandbox = Sandbox::new(SMALL);
    for (arguments, words) in [
        (&["compare", "small.yaml"][..], "nothing to compare"),
        (
            &["compare", "small.yaml", "--policy", "default,mine", "--baseline", "best-fit"],
            "not among what is compared",
        ),
        (&["compare", "small.yaml", "--policy", "default,mime"], "did you mean `mine`?"),
        (&["compare", "small.yaml", "--policy", "default,mine", "--metric", "recovery_second"], "did you mean"),
        (&["compare", "small.yaml", "--set", "workloads[0].replicas=[2,x]"], "whole number"),
    ] {
        let ran = sandbox.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{arguments:?}: {}", ran.stderr);
        assert!(!sandbox.path("results").exists(), "{arguments:?}: nothing is written");
    }
}
