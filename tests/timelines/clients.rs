//! How fast controllers may talk to the API: 20 calls a second after a burst of 30 (controllers.md 12, and
//! as recorded: 299 pods created in 13.9 s, 280 deleted in 12.5 s).

use sim::engine::Time;

use crate::run;

/// How many happened in each whole second, from 60 s on.
fn per_second(instants: &[Time]) -> Vec<usize> {
    let second = |at: &Time| (at.0 / 1_000_000_000) as usize - 60;
    let mut counts = vec![0; instants.iter().map(second).max().unwrap_or(0) + 1];
    instants.iter().for_each(|at| counts[second(at)] += 1);
    counts
}

#[test]
fn pods_are_created_and_deleted_at_the_rate_of_the_client() {
    let log = run("
        duration: 10m
        cluster: { nodes: [{ name: n, count: 4 }] }
        workloads: [{ replica-set: rs, replicas: 1 }]
        timeline:
          - { at: 60s, scale: { replica-set: rs, replicas: 300 } }
          - { at: 120s, scale: { replica-set: rs, replicas: 20 } }");
    // 30 at once, then one in 50 ms, the first of them at 60.05 s: at most 49 within the first second, fewer by
    // what the status of the ReplicaSet and the first events cost
    let created = per_second(&log.instants("pod", "Created", ""));
    assert!((40..=49).contains(&created[0]), "{created:?}");
    assert!(created[1..created.len() - 1].iter().all(|n| (19..=20).contains(n)), "{created:?}");
    assert_eq!(created.iter().sum::<usize>(), 299);
    let deleted = log.instants("pod", "Deleting", "");
    assert_eq!(deleted.len(), 280);
    assert_eq!(deleted.last(), Some(&Time(120_000_000_000 + 250 * 50_000_000)), "250 after the burst");
}

#[test]
fn evictions_share_one_client() {
    // 100 pods on a dead node, each at the cost of an event, a get, a patch and a deletion (nodes.md 7): the
    // burst of 30 is enough for 7 to 10, as events may wait; all that waits goes at 20 tokens a second
    let log = run("
        duration: 10m
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        workloads: [{ replica-set: rs, replicas: 100 }]
        timeline:
          - { at: 30s, add-nodes: { name: n-2 } }
          - { at: 60s, crash: { node: n-1 } }");
    let marked = log.instants("pod", "Deleting", "");
    assert_eq!(marked.len(), 100);
    let (first, last) = (marked[0], marked[99]);
    let at_once = marked.iter().filter(|at| **at == first).count();
    assert!((7..=10).contains(&at_once), "{at_once}");
    let tenths = last.since(first).0 / 100_000_000;
    assert!(((100 * 3 - 30) / 2..=(100 * 4 - 30) / 2).contains(&tenths), "{tenths}");
}
