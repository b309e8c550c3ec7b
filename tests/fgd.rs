//! A small part of the FGD experiment through the command line. It needs the data, which is not part of this
//! repository: `SIM_OPENB=PATH cargo test --test fgd`. Without, it says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sim::experiment::fgd::openb::Openb;
use sim::experiment::fgd::run;

fn data() -> Option<PathBuf> {
    let Some(data) = std::env::var_os("SIM_OPENB") else {
        eprintln!("not run: SIM_OPENB does not name the folder of the openb data");
        return None;
    };
    Some(Path::new(&data).canonicalize().expect("SIM_OPENB names a folder"))
}

#[test]
fn one_seed_of_two_policies_gives_the_published_curves() {
    let Some(data) = data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/fgd-openb.yaml");
    let output = Command::new(assert_cmd::cargo::cargo_bin!("sim"))
        .args(["compare", scenario, "--policy", "gpu-best-fit,fgd", "--seeds", "2", "--out"])
        .arg(folder.path())
        .arg(format!("--set=data={}", data.display()))
        .arg("--set=matrix.parameters=null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = fs::read_to_string(folder.path().join("published.md")).unwrap();
    // reference: fgd.md 8: no distance in allocation and amount but the rounding of means
    for policy in ["BestFit", "FGD"] {
        assert!(table.contains(&format!("| default | {policy} | 2 | 0.0")), "{table}");
    }
}

#[test]
fn our_own_policy_leaves_fewer_gpus_idle_than_fgd() {
    let Some(data) = data() else { return };
    let openb = Openb::read(&data, "default").unwrap();
    let alloc = |policy| run(&openb, policy, 42, 0).alloc;
    let (fgd, ours) = (alloc("fgd"), alloc("gpu-leftovers"));
    // results/fgd/README.md: at least 0.7 points more in the end under every seed; and never less on the way
    assert!(ours[130] > fgd[130] + 0.7, "{} {}", ours[130], fgd[130]);
    assert!((0..=130).all(|demand| ours[demand] > fgd[demand] - 0.01));
}

#[test]
fn without_data_the_scenario_is_sound_but_runs_nothing() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/fgd-openb.yaml");
    let sim = |arguments: &[&str]| Command::new(assert_cmd::cargo::cargo_bin!("sim")).args(arguments).output().unwrap();
    assert!(sim(&["check", scenario]).status.success());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").display().to_string();
    let output = sim(&["compare", scenario, "--out", &out]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--set data=PATH"));
    assert_eq!(sim(&["run", scenario, "--out", &out]).status.code(), Some(2));
}
