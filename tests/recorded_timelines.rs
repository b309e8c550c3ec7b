//! Recordings of a real control plane, replayed: what happens, to whom, in which order and when.

use std::collections::BTreeSet;
use std::path::Path;

use sim::fidelity::{read_cases, timeline};

/// Cases in which the simulator falls short of the recording; it is a mistake to list one that agrees.
const FALL_SHORT: &[&str] = &[
    "T-chaos-1-6n",
    "T-chaos-2-9n",
    "T-chaos-3-6n",
    "T-two-drains-pdb",
    "T-rolling-10-rollover",
    "T-rolling-random-0",
    "T-zone-large-60",
];

#[test]
fn recorded_timelines_are_followed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/timelines");
    let mut differ = BTreeSet::new();
    let mut told = String::new();
    for case in read_cases(&folder).expect("the recordings are there") {
        let outcome = timeline::replay(case).expect("it is a recording");
        if !outcome.differences.is_empty() {
            if !FALL_SHORT.contains(&outcome.id.as_str()) {
                told += &timeline::table::differences(&outcome);
            }
            differ.insert(outcome.id);
        }
    }
    let expected: BTreeSet<String> = FALL_SHORT.iter().map(ToString::to_string).collect();
    assert_eq!(differ, expected, "{told}");
}
