//! The scheduler's fast paths against plain ones, on random clusters.
//!
//! Two worlds live the same life: in one the scheduler decides by its score cache, in the other by
//! asking every plugin about every node. Each decision must be the same in every respect: node, tie
//! broken, nodes looked at, message, victims. Now and then a third scheduler that has just come to the
//! cluster, and so has counted everything from scratch, is asked about the same nodes: what plugins keep
//! between cycles must give its verdicts, scores and set of best nodes.

mod life;
mod manifests;

use life::Life;

/// One life: nodes at the start, steps.
fn live(seed: u64, nodes: u64, steps: usize) {
    live_in(seed, nodes, 3, steps);
}

fn live_in(seed: u64, nodes: u64, zones: u64, steps: usize) {
    let mut life = Life::new(seed, nodes, zones);
    for _ in 0..steps {
        life.step();
    }
    assert!(life.decisions > steps / 4, "seed {seed}: only {} decisions", life.decisions);
}

#[test]
fn small_clusters_where_every_node_is_looked_at() {
    (0..40).for_each(|seed| live(seed, 3 + seed % 20, 150));
}

#[test]
fn clusters_large_enough_for_sampling_and_rotation() {
    (100..106).for_each(|seed| live(seed, 120 + 30 * (seed % 6), 250));
}

#[test]
fn clusters_of_more_zones_than_grades_are_kept() {
    (300..304).for_each(|seed| live_in(seed, 800, 1000, 60));
}

#[test]
fn crowded_clusters_where_pods_wait_and_preempt() {
    (200..220).for_each(|seed| live(seed, 4, 250));
}
