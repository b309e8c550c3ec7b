//! Three recordings of a real control plane, replayed: every instant within a second once the phase
//! of the monitor pass (or of pod garbage collection) is fitted.

use sim::fidelity::timeline::{Case, Instants};

fn replay(name: &str) -> (Instants, Instants) {
    let path = format!("{}/tests/oracle/timelines/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let case = Case::parse(&std::fs::read_to_string(path).expect("the recording is there")).expect("it is readable");
    let phases = case.fit().expect("all of it is modelled");
    (case.recorded(), case.simulate(phases).expect("all of it is modelled"))
}

#[track_caller]
fn same(what: &str, recorded: &[f64], simulated: &[f64]) {
    assert_eq!(recorded.len(), simulated.len(), "{what}: recorded {recorded:?}, simulated {simulated:?}");
    for (r, s) in recorded.iter().zip(simulated) {
        assert!((r - s).abs() <= 1.0, "{what}: recorded {recorded:?}, simulated {simulated:?}");
    }
}

#[track_caller]
fn same_everywhere((recorded, simulated): &(Instants, Instants)) {
    same("Ready=Unknown", &recorded.unknown, &simulated.unknown);
    same("pods not Ready", &recorded.not_ready, &simulated.not_ready);
    same("NoExecute", &recorded.no_execute, &simulated.no_execute);
    same("untainted", &recorded.untainted, &simulated.untainted);
    same("marked", &recorded.marked, &simulated.marked);
    same("created", &recorded.created, &simulated.created);
    same("bound", &recorded.bound, &simulated.bound);
    same("Ready", &recorded.ready, &simulated.ready);
}

#[test]
fn a_crashed_node_is_noticed_tainted_and_its_pods_replaced_after_300_s() {
    let both = replay("T-crash-default-3n6r-a");
    same_everywhere(&both);
    same("removed", &both.0.removed, &both.1.removed);
}

#[test]
fn a_node_that_returns_after_60_s_keeps_its_pods() {
    let both = replay("T-return-60s-tol300");
    same_everywhere(&both);
    same("removed", &both.0.removed, &both.1.removed);
}

#[test]
fn pods_of_a_deleted_node_are_collected_after_the_quarantine() {
    // The recording shows a pod set Failed and marked an instant before it is removed; the simulator
    // removes it in one step.
    let (recorded, simulated) = replay("T-node-delete-c");
    same("removed", &recorded.removed, &simulated.removed);
    same("created", &recorded.created, &simulated.created);
    same("bound", &recorded.bound, &simulated.bound);
    same("Ready", &recorded.ready, &simulated.ready);
}
