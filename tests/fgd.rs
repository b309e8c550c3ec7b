//! A small part of the FGD experiment through the command line. It needs the data, which is not part of this
//! repository: `SIM_OPENB=PATH cargo test --test fgd`. Without, it says so.

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn one_seed_of_two_policies_gives_the_published_curves() {
    let Some(data) = std::env::var_os("SIM_OPENB") else {
        eprintln!("not run: SIM_OPENB does not name the folder of the openb data");
        return;
    };
    let data = Path::new(&data).canonicalize().expect("SIM_OPENB names a folder");
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
