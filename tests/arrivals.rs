//! Workloads that come over time, as users meet them: traces with bad rows, scaled, thinned and shaken; machines from a
//! list and from the record of a cluster; equal arrivals under every policy.

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

/// Rows of Google's machine_events: second of the trace after its start, machine, event, share of the largest machine.
/// Machines with second 0 are there before.
fn machine_events(rows: &[(u64, u32, u32, &str)]) -> String {
    let micros = |second: u64| if second == 0 { 0 } else { (600 + second) * 1_000_000 };
    rows.iter()
        .map(|(second, machine, event, share)| format!("{},{machine},{event},p,{share},{share}\n", micros(*second)))
        .collect()
}

const RECORDED: &str = r#"
name: recorded
duration: 10m
cluster: { inventory: { file: machines.csv, format: google-2011-machines, machine-cpu: 96, machine-memory: 384Gi } }
arrivals:
  - { trace: pods.csv, format: google-2011, machine-cpu: 96, machine-memory: 384Gi }
"#;

fn recorded(machines: &str, tasks: &str) -> TempDir {
    let folder = folder(RECORDED);
    fs::write(folder.path().join("machines.csv"), machines).unwrap();
    fs::write(folder.path().join("pods.csv"), tasks).unwrap();
    folder
}

/// Node, and instant in whole seconds, of every event of this kind and reason.
fn told(folder: &TempDir, kind: &str, reason: &str) -> Vec<(String, u64)> {
    let text = fs::read_to_string(folder.path().join("out/events.csv")).unwrap();
    let rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[1] == "Fact" && row[2] == kind && row[5] == reason);
    rows.map(|row| {
        let of = if kind == "node" { row[4] } else { row[6] };
        (of.to_string(), row[0].split('.').next().unwrap().parse().unwrap())
    })
    .collect()
}

fn run(folder: &TempDir, settings: &[&str]) {
    let sets: Vec<String> = settings.iter().map(|set| format!("--set={set}")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let output = sim(folder, &[&["run", "s.yaml", "--quiet", "--verify", "--out", "out"], &sets[..]].concat());
    assert!(output.status.success(), "{}", errors(&output));
}

fn at(found: &[(String, u64)]) -> Vec<(&str, u64)> {
    found.iter().map(|(node, at)| (node.as_str(), *at)).collect()
}

#[test]
fn recorded_machines_come_go_and_change_under_recorded_tasks() {
    let machines = machine_events(&[
        (0, 5, 0, "0.5"),
        (0, 6, 0, "0.25"),
        (60, 7, 0, "1"),
        (120, 5, 1, ""),
        (180, 6, 2, "0.5"),
        (400, 5, 0, "0.5"),
        (9999, 7, 1, ""),
    ]);
    let task = |second: u64, job: u64, cpu: &str| format!("{}000000,,{job},0,,0,u,0,2,{cpu},0.01,0,0\n", 600 + second);
    let tasks = [task(10, 1, "0.5"), task(20, 2, "1"), task(130, 3, "0.5"), task(200, 4, "0.5")].concat();
    let folder = recorded(&machines, &tasks);
    run(&folder, &[]);
    // the first fits on 5 alone; the second waits for 7; when the third comes, 5 is lost but still holds the first, and
    // it waits until 6 is as large as it; the fourth waits for 5 to be back
    let bound = told(&folder, "pod", "Node");
    assert_eq!(at(&bound), [("machine-5", 10), ("machine-7", 60), ("machine-6", 180), ("machine-5", 400)]);
    let added = told(&folder, "node", "Added");
    assert_eq!(at(&added), [("machine-5", 0), ("machine-6", 0), ("machine-7", 60), ("machine-5", 400)]);
    // nobody hears of 5 after 120 s: not Ready when 40 s without a lease have passed, deleted at the cloud's next look
    let removed = told(&folder, "node", "Removed");
    assert!(matches!(at(&removed)[..], [("machine-5", 150..=175)]), "{removed:?}");
    // from 60 s of the trace on at half the pace, so that only the first 300 s after it are in the run
    let settings = ["from=60s", "time-scale=2"].map(|set| format!("cluster.inventory.{set}"));
    run(&folder, &settings.each_ref().map(String::as_str));
    let added = told(&folder, "node", "Added");
    assert_eq!(at(&added), [("machine-5", 0), ("machine-6", 0), ("machine-7", 0)]);
    assert_eq!(at(&told(&folder, "node", "Resized")), [("machine-6", 240)]);
}

#[test]
fn a_recorded_machine_that_is_back_soon_waits_for_its_name() {
    // 5 is back after 5 s and larger after 10 s, which is how it registers; 6 is back after 5 s and gone for good again
    let machines = machine_events(&[
        (0, 5, 0, "0.5"),
        (0, 6, 0, "0.5"),
        (60, 5, 1, ""),
        (60, 6, 1, ""),
        (65, 5, 0, ""),
        (65, 6, 0, ""),
        (70, 5, 2, "1"),
        (75, 6, 1, ""),
    ]);
    let folder = recorded(&machines, "610000000,,1,0,,0,u,0,2,1,0.01,0,0\n");
    run(&folder, &[]);
    let (added, removed) = (told(&folder, "node", "Added"), told(&folder, "node", "Removed"));
    assert!(matches!(at(&removed)[..], [("machine-5", 90..=115), ("machine-6", 90..=115)]), "{removed:?}");
    assert_eq!(at(&added), [("machine-5", 0), ("machine-6", 0), ("machine-5", removed[0].1)]);
    assert!(matches!(at(&told(&folder, "pod", "Node"))[..], [("machine-5", 90..=120)]));
}

#[test]
fn bad_rows_of_machines_are_refused_or_told_of_and_keys_go_with_the_format() {
    let folder = recorded(&machine_events(&[(0, 5, 0, "0.5"), (0, 6, 0, ""), (60, 5, 1, "")]), "");
    let output = sim(&folder, &["check", "s.yaml"]);
    let refused = errors(&output);
    assert!(refused.contains("machines.csv: line 2: nothing tells the CPUs of machine-6"), "{refused}");
    assert_eq!(output.status.code(), Some(2));
    let output = sim(&folder, &["check", "s.yaml", "--set=cluster.inventory.bad-rows=skip"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("machines.csv: 1 rows skipped; the first: line 2"), "{}", errors(&output));
    run(&folder, &["cluster.inventory.bad-rows=skip"]);
    let summary = fs::read_to_string(folder.path().join("out/summary.json")).unwrap();
    assert!(summary.contains("nothing tells the CPUs of machine-6"), "{summary}");
    let output = sim(&folder, &["check", "s.yaml", "--set=cluster.inventory.format=openb"]);
    assert!(errors(&output).contains("a list of format `openb` has no `machine-cpu`"), "{}", errors(&output));
}
