//! The command line as its users meet it: exit codes, what stands on which stream, which files are there.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Two nodes, two pods, a crash; whole again some 350 s after it, seed 1.
const SMALL: &str = r#"# Small?
# Expected: small.
name: small
duration: 10m
cluster:
  nodes: [{ name: n, count: 2, capacity: { cpu: 4, memory: 8Gi } }]
workloads:
  - { deployment: web, replicas: 2, pod: { requests: { cpu: 1 } } }
timeline:
  - { at: 1m, crash: { node: n-1 } }
expect:
  - recovery_seconds{workload="web"} <= 420
"#;

/// A folder of its own with `small.yaml` in it.
struct Sandbox {
    folder: TempDir,
}

/// What a run of the program left behind.
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

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("plain text");
        Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// The entries of the folder beside the scenario.
    fn written(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.to_string_lossy().to_string()).filter(|name| name != "small.yaml").collect()
    }
}

impl Ran {
    #[track_caller]
    fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    fn says(self, words: &str) -> Ran {
        assert!(self.stdout.contains(words), "no {words:?} on stdout: {}", self.stdout);
        self
    }

    #[track_caller]
    fn complains(self, words: &str) -> Ran {
        assert!(self.stderr.contains(words), "no {words:?} on stderr: {}", self.stderr);
        self
    }

    #[track_caller]
    fn silent(self) -> Ran {
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""));
        self
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_run_whose_expectations_hold_exits_with_0_and_writes_its_folder() {
    let sandbox = Sandbox::new(SMALL);
    let ran = sandbox.run(&["run", "small.yaml"]).exits(0);
    let ran = ran.says("small · seed 1").says("crash n-1").says("whole again").says("files in results/small");
    assert_eq!(ran.stderr, "");
    let manifest = json(&sandbox.read("results/small/manifest.json"));
    assert_eq!(manifest["scenarios"][0]["files"][0]["text"], SMALL);
    for file in manifest["files"].as_array().unwrap() {
        let path = sandbox.path("results/small").join(file["path"].as_str().unwrap());
        assert!(fs::metadata(&path).is_ok_and(|found| found.len() > 0), "{}", path.display());
    }
    assert!(!sandbox.path("results/small/.partial").exists());
}

#[test]
fn a_broken_expectation_exits_with_1_and_says_by_how_much() {
    let sandbox = Sandbox::new(&SMALL.replace("420", "42"));
    let ran = sandbox.run(&["run", "small.yaml"]).exits(1).says("BROKEN");
    ran.complains("expectation broken: recovery_seconds{workload=\"web\"} <= 42   observed 3");
    assert!(sandbox.path("results/small/manifest.json").exists(), "the results are wanted most when it broke");
}

#[test]
fn bad_usage_exits_with_2() {
    let sandbox = Sandbox::new(SMALL);
    for (arguments, words) in [
        (&[][..], "Usage"),
        (&["fly"], "unrecognized subcommand 'fly'"),
        (&["run"], "<SCENARIO>"),
        (&["run", "absent.yaml"], "cannot read absent.yaml"),
        (&["run", "small.yaml", "--seed", "x"], "invalid value 'x'"),
        (&["run", "small.yaml", "--set", "seed"], "expected PATH=VALUE"),
        (&["run", "small.yaml", "--json", "--quiet"], "cannot be used with"),
        (&["run", "small.yaml", "--out", "small.yaml/below"], "small.yaml/below"),
        (&["list", "things"], "invalid value 'things'"),
        (&["completions", "cmd"], "invalid value 'cmd'"),
    ] {
        let ran = sandbox.run(arguments).exits(2).complains(words);
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
    assert_eq!(sandbox.written(), [""; 0]);
}

#[test]
fn an_unknown_key_is_told_with_file_line_column_and_the_nearest_name() {
    let sandbox = Sandbox::new(&SMALL.replace("replicas: 2", "replcias: 2"));
    for command in ["run", "check"] {
        let ran = sandbox.run(&[command, "small.yaml"]).exits(2);
        let ran = ran.complains("unknown key `replcias`").complains("small.yaml:8:24");
        let ran = ran.complains("did you mean `replicas`?");
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn every_problem_is_told_at_once_and_nothing_is_written() {
    let wrong = SMALL.replace("node: n-1", "node: n-9").replace("10m", "10").replace("recovery_s", "recover_s");
    let sandbox = Sandbox::new(&wrong);
    for arguments in [&["run", "small.yaml"][..], &["run", "small.yaml", "--out", "out/deep"]] {
        let ran = sandbox.run(arguments).exits(2);
        ran.complains("small.yaml:4:11").complains("`n-9`").complains("did you mean `recovery_seconds`?");
        assert_eq!(sandbox.written(), [""; 0]);
    }
}

#[test]
fn a_metric_unknown_in_expect_is_an_error_with_the_nearest_name() {
    let sandbox = Sandbox::new(&SMALL.replace("recovery_seconds", "recovery_second"));
    let ran = sandbox.run(&["run", "small.yaml"]).exits(2);
    ran.complains("no metric is called `recovery_second`").complains("did you mean `recovery_seconds`?");
    let sandbox = Sandbox::new(&SMALL.replace("{workload=\"web\"}", "{workload=\"wbe\"}"));
    sandbox.run(&["run", "small.yaml"]).exits(2).complains("did you mean").complains("`web`");
}

#[test]
fn percent_where_a_share_is_meant_is_an_error() {
    let sandbox = Sandbox::new(&SMALL.replace("expect:\n", "expect:\n  - availability_ratio >= 99.9\n"));
    let ran = sandbox.run(&["run", "small.yaml"]).exits(2);
    ran.complains("never above 1").complains("did you mean 0.999?");
}

#[test]
fn a_fault_that_struck_nothing_is_reported() {
    let late = "  - { at: 2m, delete-node: { node: n-2 } }\n  - { at: 3m, crash: { node: n-2 } }\nexpect:\n";
    let sandbox = Sandbox::new(&SMALL.replace("expect:\n", late).replace("<= 420", ">= 0"));
    let ran = sandbox.run(&["run", "small.yaml", "--quiet"]);
    let ran = ran.complains("the fault at 3m crash").complains("struck nothing");
    assert!(!ran.stderr.contains("2m delete node"), "{}", ran.stderr);
}

#[test]
fn a_pod_that_no_profile_serves_is_reported() {
    let sandbox = Sandbox::new(&SMALL.replace("timeline:", "  - { manifest: pod.yaml }\ntimeline:"));
    let pod = "{ apiVersion: v1, kind: Pod, metadata: { name: lost }, \
        spec: { schedulerName: mine, containers: [{ name: c, image: i }] } }";
    fs::write(sandbox.path("pod.yaml"), pod).unwrap();
    let ran = sandbox.run(&["run", "small.yaml"]).exits(0);
    ran.says("pending   1 pod with schedulerName `mine`, which no profile of the scheduler has");
    sandbox.run(&["why", "small.yaml", "lost"]).exits(0).says("no profile of the scheduler has its schedulerName");
}

#[test]
fn quiet_prints_nothing_but_what_is_wrong() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["run", "small.yaml", "--quiet"]).exits(0).silent();
    assert!(sandbox.path("results/small/summary.json").exists());
    sandbox.run(&["check", "small.yaml", "--quiet"]).exits(0).silent();
    let broken = ["run", "small.yaml", "--quiet", "--set", "expect[0]=pods_serving == 1"];
    let ran = sandbox.run(&broken).exits(1).complains("pods_serving == 1");
    assert_eq!(ran.stdout, "");
}

#[test]
fn json_is_the_summary_that_is_written() {
    let sandbox = Sandbox::new(SMALL);
    let ran = sandbox.run(&["run", "small.yaml", "--json"]).exits(0);
    assert_eq!(ran.stdout, sandbox.read("results/small/summary.json"));
    let summary = json(&ran.stdout);
    assert_eq!((summary["scenario"].as_str(), summary["seed"].as_u64()), (Some("small"), Some(1)));
    assert_eq!(summary["expectations"][0]["held"], true);
    assert_eq!(summary["incidents"][0]["action"], "crash n-1");
}

#[test]
fn set_seed_and_out_change_the_run_and_are_recorded() {
    let sandbox = Sandbox::new(SMALL);
    let set = "cluster.nodes[0].count=5";
    let arguments = ["run", "small.yaml", "--seed", "7", "--set", set, "--set", "seed=3", "--out", "deep/out"];
    sandbox.run(&arguments).exits(0).says("seed 7");
    assert_eq!(sandbox.written(), ["deep"], "and no results/");
    assert_eq!(sandbox.read("deep/out/nodes.csv").lines().count(), 1 + 5);
    let manifest = json(&sandbox.read("deep/out/manifest.json"));
    assert_eq!(manifest["seed"], 7, "--seed wins");
    assert!(manifest["set"].to_string().contains("cluster.nodes[0].count"), "{}", manifest["set"]);
    let wrong = ["run", "small.yaml", "--set", "cluster.nodes[0].cuont=5"];
    sandbox.run(&wrong).exits(2).complains("--set cluster.nodes[0].cuont").complains("did you mean `count`?");
    sandbox.run(&["run", "small.yaml", "--policy", "defualt"]).exits(2).complains("`defualt`");
}

#[test]
fn check_tells_right_from_wrong_and_runs_nothing() {
    let sandbox = Sandbox::new(SMALL);
    fs::write(sandbox.path("wrong.yaml"), SMALL.replace("name: small", "nmae: small")).unwrap();
    sandbox.run(&["check", "small.yaml"]).exits(0).says("small.yaml: ok");
    let ran = sandbox.run(&["check", "wrong.yaml", "small.yaml"]).exits(2);
    ran.says("small.yaml: ok").complains("wrong.yaml:3:1").complains("unknown key `nmae`");
    assert_eq!(sandbox.written(), ["wrong.yaml"]);
}

#[test]
fn every_committed_scenario_is_sound() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = fs::read_dir(scenarios).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.to_string_lossy().to_string())
        .collect();
    let arguments: Vec<&str> = ["check", "--quiet"].into_iter().chain(files.iter().map(String::as_str)).collect();
    Sandbox::new(SMALL).run(&arguments).exits(0).silent();
}

#[test]
fn every_registry_is_listed_for_people_and_for_programs() {
    let sandbox = Sandbox::new(SMALL);
    for (what, entry) in [
        ("policies", "default"),
        ("plugins", "NodeResourcesFit"),
        ("faults", "crash"),
        ("actions", "drain"),
        ("metrics", "recovery_seconds"),
        ("controllers", "taint-eviction-controller"),
        ("outputs", "summary.json"),
    ] {
        let text = sandbox.run(&["list", what]).exits(0).says(entry).stdout;
        let rows = json(&sandbox.run(&["list", what, "--json"]).exits(0).stdout);
        for row in rows.as_array().unwrap() {
            let (name, about) = (row["name"].as_str().unwrap(), row["about"].as_str().unwrap());
            assert!(text.contains(name) && text.contains(about), "{name}");
            assert!(about.chars().count() > 10, "{what}: {name} is not explained: {about:?}");
        }
    }
}

#[test]
fn schema_and_reference_are_the_committed_ones() {
    let sandbox = Sandbox::new(SMALL);
    let committed = |file| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let schema = sandbox.run(&["schema"]).exits(0).stdout;
    assert_eq!(json(&schema), json(&committed("docs/scenario.schema.json")));
    assert_eq!(sandbox.run(&["schema", "--markdown"]).exits(0).stdout, committed("docs/SCENARIOS.md"));
}

#[test]
fn completions_know_the_subcommands() {
    let script = Sandbox::new(SMALL).run(&["completions", "bash"]).exits(0).says("_sim()").stdout;
    for subcommand in ["run", "check", "list", "schema", "completions"] {
        assert!(script.contains(subcommand), "{subcommand}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let sandbox = Sandbox::new(SMALL);
    sandbox.run(&["--version"]).exits(0).says(concat!("sim ", env!("CARGO_PKG_VERSION")));
    sandbox.run(&["run", "--help"]).exits(0).says("--verify").says("--set <PATH=VALUE>");
}

#[test]
fn hostile_files_are_bad_scenarios_like_others() {
    let bomb: String = (1..30)
        .map(|level| format!("a{level}: &a{level} [{}]\n", ["*a"; 9].map(|a| format!("{a}{}", level - 1)).join(",")))
        .collect();
    let deployment = "  - { deployment: web, ";
    for (text, words) in [
        (format!("a0: &a0 [x,x,x,x,x,x,x,x,x]\n{bomb}"), "aliases"),
        ("[".repeat(100_000), "nested"),
        ("{a: ".repeat(100_000), "nested"),
        (SMALL.replace("count: 2", "count: 9999999999"), "9999999999"),
        (SMALL.replace("replicas: 2", "replicas: 9999999999"), "number out of range"),
        (SMALL.replace("cpu: 4", "cpu: 9999999999999999999999"), "small.yaml:6"),
        (SMALL.replace("10m", "99999999999999999999d"), "not a duration"),
        (SMALL.replace(deployment, &format!("  - manifest: small.yaml\n{deployment}")), "small.yaml"),
        (SMALL.replace(deployment, &format!("  - manifest: /dev/zero\n{deployment}")), "/dev/zero"),
        (SMALL.replace("name: small", "name: ../../../tmp/evil"), "not a valid name"),
        (format!("name: {}\n", "x".repeat(20 << 20)), "16 MiB"),
        ("\u{0}\u{1}".to_string(), "not sound YAML"),
    ] {
        let sandbox = Sandbox::new(&text);
        let ran = sandbox.run(&["run", "small.yaml"]).exits(2).complains(words);
        assert!(ran.stderr.len() < 20_000, "{words}: {} bytes", ran.stderr.len());
        assert_eq!(sandbox.written(), [""; 0], "{words}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_a_bad_scenario() {
    let sandbox = Sandbox::new(SMALL);
    fs::write(sandbox.path("small.yaml"), b"name: \xff\xfe\n").unwrap();
    sandbox.run(&["check", "small.yaml"]).exits(2).complains("small.yaml");
    sandbox.run(&["check", "."]).exits(2);
}

/// Runs with a reader that goes away at once, as `sim … | head -0` has it.
fn unread(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let mut child = sandbox.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Ran { code: child.wait().unwrap().code(), stdout: String::new(), stderr }
}

#[test]
fn nobody_reading_on_is_no_error() {
    let sandbox = Sandbox::new(SMALL);
    for arguments in
        [&["schema"][..], &["list", "metrics"], &["completions", "zsh"], &["--help"], &["run", "small.yaml", "--json"]]
    {
        let ran = unread(&sandbox, arguments).exits(0);
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
    let broken = ["run", "small.yaml", "--set", "expect[0]=pods_serving == 1"];
    unread(&sandbox, &broken).exits(1).complains("expectation broken");
    assert!(sandbox.path("results/small/summary.json").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_writes_nothing() {
    // one container that ends and starts every two seconds for a thousand years: it would go on for long
    let flapping = "kubelet: { crash-loop-back-off: { initial: 1s, max: 1s } }\nduration: 100000d\n";
    let busy = SMALL.replace("duration: 10m\n", flapping).replace("pod: {", "pod: { run-for: 1s,");
    let sandbox = Sandbox::new(&busy);
    let arguments = ["run", "small.yaml", "--out", "out", "--quiet"];
    let child = sandbox.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let log = sandbox.path("out/.partial/events.csv");
    while !fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        std::thread::sleep(Duration::from_millis(5)); // until it is under way
    }
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!(status.code(), Some(130), "{}", String::from_utf8_lossy(&stderr));
    let left: Vec<_> = fs::read_dir(sandbox.path("out")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Two pods that stay. At the first decision both nodes are empty and `1 / node.pods` fails on both; at the second on
/// the other one: 3 of 4.
#[test]
fn expressions_that_fail_are_refused_or_told_of() {
    let steady = SMALL.split("timeline").next().unwrap();
    let policy =
        |score: &str| format!("policies: [{{ name: mine, score: '{score}' }}]\nscheduler: {{ policy: mine }}\n");
    let sandbox = Sandbox::new(&format!("{steady}{}", policy("node.pods / 0")));
    sandbox.run(&["check", "small.yaml"]).exits(2).complains("this fails for every pod and node");
    let sandbox = Sandbox::new(&format!("{steady}{}", policy("1 / node.pods")));
    let warning = "warning: policy mine: score `1 / node.pods` failed, or came to no number, 3 of 4 times it was asked";
    sandbox.run(&["run", "small.yaml", "--quiet"]).exits(0).complains(warning);
    let three = warning.replace("3 of 4", "9 of 12");
    sandbox.run(&["run", "small.yaml", "--quiet", "--seeds", "3"]).exits(0).complains(&three);
    sandbox
        .run(&["compare", "small.yaml", "--quiet", "--seeds", "3", "--policy", "default,mine"])
        .exits(0)
        .complains(&three);
}

/// The example is a program of its own, with a policy in Rust beside ours; its cells are run again each time.
#[test]
fn a_policy_in_rust_runs_through_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let example = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "custom_policy", "--"]).args(arguments);
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("plain text");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    };
    example(&["list", "policies"]).exits(0).says("mine-in-rust");
    let out = folder.path().display().to_string();
    let compare =
        ["compare", "scenarios/my-policy.yaml", "--policy", "default,mine-in-rust", "--seeds", "2", "--out", &out];
    example(&compare).exits(0).says("mine-in-rust");
    let cells = || {
        let files = fs::read_dir(folder.path().join("cells")).unwrap().map(|cell| cell.unwrap());
        files.map(|cell| (cell.path(), cell.metadata().unwrap().modified().unwrap())).collect::<BTreeMap<_, _>>()
    };
    let first = cells();
    example(&compare).exits(0);
    let again = cells();
    let written = again.iter().filter(|(path, at)| first[*path] != **at).count();
    assert_eq!((first.len(), again.len(), written), (4, 4, 2), "one for each seed");
    let near = ["run", "scenarios/my-policy.yaml", "--policy", "mine-in-rost"];
    example(&near).exits(2).complains("did you mean `mine-in-rust`?");
}
