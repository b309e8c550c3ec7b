//! Decisions recorded from a real kube-scheduler 1.36, replayed: the outcome, the set of best nodes, who was
//! filtered by what and why, every plugin's weighted score, victims, nomination and message.

use std::path::Path;

use sim::fidelity::{read_cases, replay_case, table};

#[test]
fn every_recorded_decision_is_ours_too() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/placements");
    let cases = read_cases(&folder).expect("the recordings are there");
    assert_eq!(cases.len(), 210, "cases");
    let mut told = String::new();
    for case in &cases {
        told += &table::disagreements(&replay_case(case).expect("it is a recording"));
    }
    assert!(told.is_empty(), "{told}");
}
