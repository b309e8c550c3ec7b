//! Whether a cluster converges after chaos, and the few faults that keep it from converging.

use crate::cluster::{Cluster, Status};
use crate::engine::{Span, Time};
use crate::metrics::Metrics;
use crate::outcome::Convergence;
use crate::simulation::Quiet;

/// From one look at the cluster to the next.
const LOOK: Span = Span::from_secs(10);
/// Lacks that are told.
const TOLD: usize = 8;

/// Looks at the cluster every 10 s: at its invariants all the time, and in the quiet at what it lacks.
pub(super) struct Watch {
    quiet: Quiet,
    next: Time,
    found: Convergence,
    over: bool,
}

impl Watch {
    pub(super) fn new(quiet: Quiet) -> Self {
        let found = Convergence { quiet_from: quiet.from, limit: quiet.limit, converged: None, lacking: Vec::new() };
        Watch { quiet, next: Time::ZERO + LOOK, found, over: false }
    }

    /// When to look next; `None`: never again.
    pub(super) fn next(&self) -> Option<Time> {
        (!self.over).then_some(self.next)
    }

    /// Looks now.
    pub(super) fn look(&mut self, cluster: &Cluster, metrics: &Metrics) {
        let deadline = self.quiet.from.saturating_add(self.quiet.limit);
        if let Err(broken) = cluster.check() {
            self.found.lacking = vec![format!("invariant: {broken}")];
            self.over = true;
            return;
        }
        if self.next >= self.quiet.from {
            self.found.lacking = lacking(cluster, metrics);
            if self.found.lacking.is_empty() {
                self.found.converged = Some(self.next);
            }
            self.over = self.found.converged.is_some() || self.next >= deadline;
        }
        let next = self.next + LOOK;
        self.next = if self.next < self.quiet.from { next.min(self.quiet.from) } else { next.min(deadline) };
    }

    pub(super) fn finish(self) -> Convergence {
        self.found
    }
}

/// What keeps the cluster from being as it should be.
fn lacking(cluster: &Cluster, metrics: &Metrics) -> Vec<String> {
    let mut lacking = Vec::new();
    for (id, node) in cluster.nodes() {
        let name = cluster.node_name(id);
        if node.ready.status != Status::True {
            lacking.push(format!("node {name} is not Ready"));
        } else if node.spec.unschedulable {
            lacking.push(format!("node {name} is cordoned"));
        }
    }
    let incomplete = metrics.incomplete();
    lacking.extend(incomplete.map(|(label, desired, serving)| format!("{label}: {serving} of {desired} pods serve")));
    let on_nodes = cluster.nodes().flat_map(|(_, node)| &node.pods);
    let leaving = on_nodes.filter(|pod| cluster.pod(**pod).is_some_and(|pod| pod.deletion.is_some()));
    lacking.extend(leaving.map(|pod| format!("pod {} is Terminating", cluster.pod_name(*pod))));
    let more = lacking.len().saturating_sub(TOLD);
    lacking.truncate(TOLD);
    if more > 0 {
        lacking.push(format!("and {more} more"));
    }
    lacking
}

/// The smallest part of `items` found that still fails, by delta debugging: whole, halves and complements, then
/// finer (Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing Input*, IEEE TSE 28(2), 2002). No single
/// item can be left out of it.
///
/// `fails` is asked about parts of `items` in their order; that the whole fails is taken for granted.
pub fn shrink<T: Clone>(items: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = items.to_vec();
    let mut parts = 2;
    while left.len() >= 2 {
        let size = left.len().div_ceil(parts);
        let chunk = left.chunks(size).find(|chunk| fails(chunk)).map(<[T]>::to_vec);
        if let Some(chunk) = chunk {
            (left, parts) = (chunk, 2);
            continue;
        }
        let without = |index: usize| -> Vec<T> {
            let others = left.chunks(size).enumerate().filter(|(other, _)| *other != index);
            others.flat_map(|(_, chunk)| chunk).cloned().collect()
        };
        match (0..left.len().div_ceil(size)).map(without).find(|rest| rest.len() < left.len() && fails(rest)) {
            Some(rest) => (left, parts) = (rest, (parts - 1).max(2)),
            None if size == 1 => break,
            None => parts = (parts * 2).min(left.len()),
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_finds_the_few_that_matter() {
        let items: Vec<u32> = (1..=100).collect();
        let mut asked = 0;
        let found = shrink(&items, |part| {
            asked += 1;
            part.contains(&17) && part.contains(&64)
        });
        assert_eq!(found, [17, 64]);
        assert!(asked < 150, "{asked}");
        assert_eq!(shrink(&items, |part| part.contains(&5)), [5]);
        assert_eq!(shrink(&items[..3], |part| part.len() == 3), [1, 2, 3]);
        assert_eq!(shrink(&[9], |_| true), [9]);
    }
}
