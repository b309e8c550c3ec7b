//! Chaos: it is the same for a seed, a cluster that cannot converge is told, replayed and shrunk, and the one that can
//! does for many seeds.

use std::process::Command;

use sim::engine::Time;
use sim::experiment::{self, Options, Unwatched};
use sim::outcome::Outcome;
use sim::scenario;

const SCENARIO: &str = "
name: chaos
duration: 1h
start: settled
cluster:
  nodes:
    - { name: a, count: 3, capacity: { cpu: 8, memory: 16Gi }, zone: eu-1a }
    - { name: b, count: 3, capacity: { cpu: 8, memory: 16Gi }, zone: eu-1b }
workloads:
  - { deployment: web, replicas: 8, pod: { requests: { cpu: 500m } } }
  - { deployment: api, replicas: 4, pod: { requests: { cpu: 1 }, toleration-seconds: 30 } }
chaos: { for: 15m, converge-within: 30m }
";

fn run(text: &str, settings: &[(&str, &str)]) -> Outcome {
    let settings: Vec<(String, String)> = settings.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let scenario = scenario::load_text("chaos.yaml", text, &settings).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    let setup = scenario::build(&scenario).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
}

#[test]
fn clusters_converge_after_chaos_and_keep_their_invariants() {
    for seed in 1..=20 {
        let outcome = run(SCENARIO, &[("seed", &seed.to_string())]);
        let chaos = outcome.chaos.unwrap();
        assert!(chaos.converged.is_some(), "seed {seed}: {:?}", chaos.lacking);
    }
}

#[test]
fn every_kind_of_chaos_alone_is_survived() {
    for kind in sim::faults::ALL.iter().map(|entry| entry.name) {
        let outcome = run(SCENARIO, &[("chaos.kinds", &format!("[{kind}]"))]);
        let chaos = outcome.chaos.unwrap();
        assert!(chaos.converged.is_some(), "{kind}: {:?}", chaos.lacking);
        let struck = outcome.actions.iter().filter(|action| action.struck && !action.fault.is_empty());
        let verbs: Vec<&str> = struck.map(|action| &*action.verb).collect();
        if kind == "sequence" {
            // its faults go by their own names
            let mut distinct = verbs.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert!(distinct.len() >= 5, "{verbs:?}");
        } else {
            let times = verbs.iter().filter(|verb| **verb == kind).count();
            assert!(times >= 3, "{kind} struck {times} times");
        }
    }
}

#[test]
fn all_faults_are_over_when_the_quiet_begins() {
    for seed in 1..=20 {
        // many short ones in a full cluster: the last minute sees bursts and cascades
        let text = SCENARIO.replace("for: 15m,", "for: 15m, every: 20s, lasting: { exponential: { mean: 20s } },");
        let outcome = run(&text, &[("seed", &seed.to_string()), ("workloads[0].replicas", "60")]);
        // a node that boots in the quiet is uncordoned once it is up
        let late = outcome.actions.iter().filter(|action| !action.fault.is_empty() && action.verb != "uncordon");
        let late: Vec<_> = late.filter(|action| action.at > Time::from_secs(900)).collect();
        assert!(late.is_empty(), "seed {seed}: {late:?}");
    }
}

#[test]
fn placement_moves_no_fault() {
    for seed in 1..=4 {
        let with = |policy: &str| {
            let settings = [("seed", &*seed.to_string()), ("scheduler.policy", policy)];
            let settings = [settings[0], settings[1], ("workloads[0].replicas", "60")];
            run(SCENARIO, &settings).fault_trace
        };
        assert_eq!(with("default"), with("best-fit"), "seed {seed}");
    }
}

#[test]
fn leaving_faults_out_moves_no_other() {
    let all = run(SCENARIO, &[]);
    let few = run(SCENARIO, &[("chaos.only", "[3, 5]")]);
    let begins = |outcome: &Outcome| -> Vec<(u64, String)> {
        let faults = outcome.actions.iter().filter(|action| action.verb != "start");
        faults.map(|action| (action.at.0, action.verb.clone())).collect()
    };
    assert!(!begins(&few).is_empty());
    assert!(begins(&few).len() < begins(&all).len());
    let first = &begins(&few)[0];
    assert!(begins(&all).contains(first), "{first:?}");
}

#[test]
fn an_impossible_limit_fails_is_replayed_and_shrunk() {
    let folder = tempfile::tempdir().unwrap();
    // no crashed node boots within a second
    let text = SCENARIO.replace("chaos: { for: 15m, converge-within: 30m }", "chaos: { for: 6m, converge-within: 1s }");
    let path = folder.path().join("impossible.yaml");
    std::fs::write(&path, text).unwrap();
    let sim = |more: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
        command.args(["run", "impossible.yaml", "--quiet", "--out", "out"]).args(more).current_dir(&folder);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let mut failing =
        (1..20).map(|seed| (seed, sim(&[&format!("--seed={seed}")]))).filter(|(_, (code, _))| *code == Some(1));
    let (seed, (_, said)) = failing.next().expect("some seed has a fault that ends late");
    assert!(said.contains("convergence_seconds within chaos.converge-within"), "{said}");
    assert!(
        said.contains(&format!("replay it: sim run impossible.yaml --quiet --out out --seed={seed}"))
            || said.contains("replay it: sim run impossible.yaml"),
        "{said}"
    );
    let only = said.split("chaos.only=[").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let few: Vec<u32> = only.split(", ").map(|number| number.parse().unwrap()).collect();
    assert!(few.len() <= 3, "{said}");
    let (code, again) = sim(&[&format!("--seed={seed}"), "--set", &format!("chaos.only=[{only}]")]);
    assert_eq!(code, Some(1), "{again}");
    // under many seeds the first that fails is shrunk alike
    let (code, many) = sim(&["--seeds=2", &format!("--seed={seed}")]);
    assert_eq!(code, Some(1), "{many}");
    assert!(many.contains(&format!("--seed={seed} --set 'chaos.only=[{only}]'")), "{many}");
    // nothing can be left out of the few
    for left in &few {
        let rest: Vec<String> = few.iter().filter(|number| *number != left).map(u32::to_string).collect();
        let (code, said) = sim(&[&format!("--seed={seed}"), "--set", &format!("chaos.only=[{}]", rest.join(", "))]);
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn chaos_of_no_kind_or_of_one_that_is_not_there_is_refused() {
    let said = |kinds: &str| {
        let text = SCENARIO.replace("for: 15m,", &format!("for: 15m, kinds: {kinds},"));
        scenario::load_text("chaos.yaml", &text, &[]).err().map(|wrong| wrong.to_string()).unwrap_or_default()
    };
    assert!(said("[]").contains("chaos of no kind"), "{}", said("[]"));
    assert!(said("[rebot]").contains("did you mean `reboot`?"), "{}", said("[rebot]"));
    assert_eq!(said("[reboot]"), "");
}
