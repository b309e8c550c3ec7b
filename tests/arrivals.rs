//! Workloads that come over time, as users meet them: traces with bad rows, scaled, thinned and shaken; machines from a
//! list; equal arrivals under every policy.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Machines as openb lists them.
const MACHINES: &str = "sn,cpu_milli,memory_mib,gpu,model\na,16000,65536,2,T4\nb,16000,65536,0,\nc,16000,65536,4,G2\n";
/// Line 3 has no number where one is wanted.
const TRACE: &str =
    "at,cpu,memory,duration,gpus,gpu_milli\n10,1,512,100,,\n20,x,512,100,,\n30,2,512,50,1,500\n60,2,512,,2,\n";
const SCENARIO: &str = r#"
name: traced
duration: 10m
cluster: { inventory: machines.csv }
arrivals:
  - { trace: pods.csv, bad-rows: skip }
"#;

fn folder(scenario: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("machines.csv", MACHINES), ("pods.csv", TRACE), ("s.yaml", scenario)] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn sim(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    command.args(arguments).current_dir(folder.path()).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Name, node and creation in seconds of the pods at the end.
fn pods(folder: &TempDir, out: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.path().join(out).join("pods.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (node, created) = (column("node"), column("created_s"));
    rows.map(|row| (row[node].clone(), row[created].clone())).collect()
}

#[test]
fn a_bad_row_is_refused_with_its_line_or_counted_and_skipped() {
    let strict = folder(&SCENARIO.replace(", bad-rows: skip", ""));
    let output = sim(&strict, &["check", "s.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = errors(&output);
    assert!(told.contains("pods.csv: line 3: cpu: `x` is not a number") && told.contains("s.yaml:6"), "{told}");
    let lenient = folder(SCENARIO);
    let output = sim(&lenient, &["check", "s.yaml"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("1 rows skipped; the first: line 3"), "{}", errors(&output));
}

#[test]
fn pods_come_when_the_trace_says_and_go_where_their_devices_are() {
    let folder = folder(SCENARIO);
    assert!(sim(&folder, &["run", "s.yaml", "--quiet", "--out", "out"]).status.success());
    let found = pods(&folder, "out");
    let created: Vec<&str> = found.iter().map(|(_, created)| created.as_str()).collect();
    assert_eq!(created, ["10.000000", "30.000000", "60.000000"]);
    assert!(found[1].0 != "b" && found[2].0 != "b", "b has no GPUs: {found:?}");
}

#[test]
fn traces_are_scaled_cut_and_thinned() {
    let folder = folder(SCENARIO);
    let run = |settings: &[&str], out: &str| {
        let sets: Vec<String> = settings.iter().map(|set| format!("--set=arrivals[0].{set}")).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let output = sim(&folder, &[&["run", "s.yaml", "--quiet", "--out", out], &sets[..]].concat());
        assert!(output.status.success(), "{}", errors(&output));
        pods(&folder, out).into_iter().map(|(_, created)| created).collect::<Vec<_>>()
    };
    assert_eq!(run(&["time-scale=0.5"], "half"), ["5.000000", "15.000000", "30.000000"]);
    assert_eq!(run(&["from=30s", "until=60s"], "cut"), ["0.000000"]);
    assert_eq!(run(&["sample=0.000000001"], "none"), [""; 0]);
    let shaken = run(&["shake=0.1"], "shaken");
    assert_ne!(shaken, ["10.000000", "30.000000", "60.000000"]);
    let seconds: Vec<f64> = shaken.iter().map(|created| created.parse().unwrap()).collect();
    assert!(seconds.iter().zip([10.0, 30.0, 60.0]).all(|(a, b)| (a - b).abs() <= b * 0.1), "{seconds:?}");
}

/// Runs the scenario with this trace; for each pod in the order of arrival: namespace, node, status.
fn placed(trace: &str, format: &str, settings: &[&str]) -> Vec<(String, String, String)> {
    let folder = folder(&SCENARIO.replace(", bad-rows: skip", format));
    fs::write(folder.path().join("pods.csv"), trace).unwrap();
    let sets: Vec<String> = settings.iter().map(|set| format!("--set={set}")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let output = sim(&folder, &[&["run", "s.yaml", "--quiet", "--verify", "--out", "out"], &sets[..]].concat());
    assert!(output.status.success(), "{}", errors(&output));
    let text = fs::read_to_string(folder.path().join("out/pods.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').map(String::from).collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (namespace, node, status) = (column("namespace"), column("node"), column("status"));
    rows.map(|row| (row[namespace].clone(), row[node].clone(), row[status].clone())).collect()
}

fn nodes(placed: &[(String, String, String)]) -> Vec<&str> {
    placed.iter().map(|(_, node, _)| node.as_str()).collect()
}

#[test]
fn limits_per_node_hold_and_policies_see_groups() {
    // two to a node, and the seventh nowhere
    let rows: String = (1..=7).map(|at| format!("{at},1,web,shop,2\n")).collect();
    let limited = placed(&format!("submit,cpu,group,tenant,max_per_node\n{rows}"), "", &["scheduler.policy=first-fit"]);
    assert_eq!(nodes(&limited), ["a", "a", "b", "b", "c", "c", ""]);
    assert!(limited.iter().all(|(namespace, ..)| namespace == "shop"), "{limited:?}");
    // the first allows one pod of its group beside none: the second, without a limit, stays away from it
    let mixed = "submit,cpu,group,max_per_node\n1,1,web,1\n2,1,web,\n3,1,web,\n4,1,web,1\n";
    assert_eq!(nodes(&placed(mixed, "", &["scheduler.policy=first-fit"])), ["a", "b", "b", "c"]);
    // p on a, b; q on c, which is empty; the third p on c, which alone has no p; the second q on a, as b has no q either
    let trace = "submit,cpu,group\n1,1,p\n2,1,p\n3,1,q\n4,1,p\n5,1,q\n";
    assert_eq!(nodes(&placed(trace, "", &["scheduler.policy=swarm-spread"])), ["a", "b", "c", "c", "a"]);
}

#[test]
fn tasks_of_an_event_log_end_as_recorded() {
    // job 9 starts at 20 s and ends at 50 s; evicted work comes again at 100 s and runs on
    let row =
        |second: u64, job: u64, event: u64| format!("{}000000,,{job},0,,{event},u,0,2,0.01,0.01,0,0\n", 600 + second);
    let rows = [(10, 9, 0), (15, 8, 0), (20, 9, 1), (30, 8, 1), (50, 9, 4), (100, 8, 2), (100, 8, 0), (110, 8, 1)];
    let trace: String = rows.iter().map(|(second, job, event)| row(*second, *job, *event)).collect();
    let after = |duration: &str| {
        let pods = placed(&trace, ", format: google-2011", &[&format!("duration={duration}")]);
        assert!(pods.iter().all(|(namespace, ..)| namespace == "u"), "{pods:?}");
        pods.into_iter().map(|(_, _, status)| status).collect::<Vec<_>>().join(" ")
    };
    // a pod starts some seconds after it came: they run for 30 s from about 12 s, and for 70 s from about 17 s
    assert_eq!(after("38s"), "Running Running");
    assert_eq!(after("60s"), "Completed Running");
    assert_eq!(after("99s"), "Completed Completed");
    assert_eq!(after("10m"), "Completed Completed Running");
}

#[test]
fn a_bad_row_beyond_the_end_of_the_run_is_not_read() {
    let trace = "at,cpu\n10,1\n602,1\n603,x\n";
    assert_eq!(placed(trace, "", &[]).len(), 1);
    assert_eq!(placed(trace, "", &["duration=30m", "arrivals[0].until=300s"]).len(), 1);
}

#[test]
fn skipped_rows_are_told_wherever_results_are() {
    let folder = folder(SCENARIO);
    let words = "pods.csv: 1 rows skipped; the first: line 3: cpu: `x` is not a number";
    let output = sim(&folder, &["compare", "s.yaml", "--policy", "default,fgd", "--seeds", "2", "--out", "c"]);
    assert!(errors(&output).contains(words), "{}", errors(&output));
    let output = sim(&folder, &["run", "s.yaml", "--quiet", "--seeds", "2", "--out", "r"]);
    assert!(errors(&output).contains(words), "{}", errors(&output));
    assert!(sim(&folder, &["run", "s.yaml", "--quiet", "--out", "out"]).status.success());
    let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    for manifest in ["c/manifest.json", "r/manifest.json", "out/manifest.json"] {
        assert!(read(manifest).contains(words), "{manifest}");
    }
    let summary = read("out/summary.json");
    assert!(summary.contains("\"rows\": 1") && summary.contains("line 3: cpu"), "{summary}");
}

#[test]
fn machines_of_azure_s_packing_trace_are_of_types() {
    let vms = "vmId,tenantId,vmTypeId,priority,starttime,endtime\n0,7,50,0,-0.5,\n1,8,60,1,0.001,0.5\n";
    let kinds =
        "id,vmTypeId,machineId,core,memory,hdd,ssd,nic\n0,50,16,0.125,0.0625,0,0,0\n1,60,16,0.0625,0.03,0,0,0\n";
    let folder = folder(&SCENARIO.replace("bad-rows: skip", "format: azure-packing-2020, types: kinds.csv"));
    fs::write(folder.path().join("pods.csv"), vms).unwrap();
    fs::write(folder.path().join("kinds.csv"), kinds).unwrap();
    let output = sim(&folder, &["run", "s.yaml", "--quiet", "--out", "out"]);
    assert!(output.status.success(), "{}", errors(&output));
    let created: Vec<String> = pods(&folder, "out").into_iter().map(|(_, created)| created).collect();
    assert_eq!(created, ["0.000000", "86.400000"], "there at the start, and a thousandth of a day later");
    let output = sim(&folder, &["check", "s.yaml", "--set", "arrivals[0].format=csv"]);
    assert!(errors(&output).contains("format `csv` has no types"), "{}", errors(&output));
}

#[test]
fn a_manifest_knows_the_data_and_says_when_it_changed() {
    let folder = folder(SCENARIO);
    let output = sim(&folder, &["compare", "s.yaml", "--policy", "default,fgd", "--seeds", "2", "--out", "out"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("equal arrivals and faults under each seed"));
    assert!(sim(&folder, &["rerun", "out/manifest.json"]).status.success());
    fs::write(folder.path().join("pods.csv"), TRACE.replace("30,2,", "31,2,")).unwrap();
    let output = sim(&folder, &["rerun", "out/manifest.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("pods.csv: the data is not what it was"), "{}", errors(&output));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let folder = folder(SCENARIO);
    for (set, words) in [
        ("arrivals[0].format=cvs", "did you mean `csv`?"),
        ("arrivals[0].sample=2", "number out of range"),
        ("arrivals[0].trace=nowhere.csv", "nowhere.csv"),
        ("cluster.inventory=nowhere.csv", "nowhere.csv"),
        ("arrivals[0]={ generate: { every: 0s }, pod: {} }", "time would stand still"),
        ("arrivals[0]={ generate: { poison: { mean: 1s } }, pod: {} }", "did you mean `poisson`?"),
        ("arrivals[0]={ trce: x }", "no kind of arrivals"),
    ] {
        let output = sim(&folder, &["check", "s.yaml", "--set", set]);
        assert_eq!(output.status.code(), Some(2), "{set}: {}", errors(&output));
        assert!(errors(&output).contains(words), "{set}: {}", errors(&output));
    }
}
