//! Pictures, as SVG and PNG: each file draws one kind, [`all`] lists them in the order they are written.
//! Colours can be told apart by colour-blind readers, and no meaning rests on colour alone where words
//! fit.

mod axes;
mod canvas;
pub(super) mod comparison;
mod incidents;
mod lines;
mod nodes;
mod paint;
mod replicas;
mod stages;
pub(super) mod study;
mod zones;

use std::io;

use crate::outcome::Outcome;
use crate::report::Files;

use self::canvas::{BLUE, GREEN, GREY, Mark, ORANGE, PURPLE};
use self::lines::Lines;
use self::nodes::Heat;
use self::paint::Picture;

/// Workloads that get a picture of their own; of more, those that lost most.
const WORKLOADS: usize = 12;

const LINES: [(&str, Lines); 3] = [
    (
        "utilisation",
        Lines {
            title: "Requested cpu and memory",
            below: "share of what Ready nodes can allocate",
            unit: "share",
            series: &[("cpu_requested_ratio", BLUE, "cpu"), ("memory_requested_ratio", ORANGE, "memory")],
            share: true,
        },
    ),
    (
        "pending",
        Lines {
            title: "Pods that wait",
            below: "for a node, or for their containers to start",
            unit: "pods",
            series: &[
                ("pods_pending", ORANGE, "Pending: without a node, or starting"),
                ("pods_unscheduled", PURPLE, "without a node"),
            ],
            share: false,
        },
    ),
    (
        "balance",
        Lines {
            title: "Balance and fragmentation",
            below: "of Ready nodes; 0 is best for both",
            unit: "share",
            series: &[
                ("node_imbalance_ratio", GREEN, "imbalance: spread of node load"),
                ("fragmentation_ratio", PURPLE, "fragmentation: free cpu that fits no typical pod"),
            ],
            share: true,
        },
    ),
];

const HEAT: [(&str, Heat); 3] = [
    ("nodes-cpu", Heat { series: "node_cpu_requested_ratio", title: "cpu requested", share: true }),
    ("nodes-memory", Heat { series: "node_memory_requested_ratio", title: "memory requested", share: true }),
    ("nodes-pods", Heat { series: "node_pods", title: "Pods", share: false }),
];

/// All pictures of a run: path below the results folder, and bytes; each as SVG and as PNG.
pub(super) fn files(outcome: &Outcome) -> io::Result<Files> {
    as_files(&all(outcome))
}

/// Pictures by name, as SVG and PNG below `plots/`.
fn as_files(pictures: &[(String, Picture)]) -> io::Result<Files> {
    let mut files = Files::new();
    for (name, picture) in pictures {
        files.push((format!("plots/{name}.svg"), picture.svg().into_bytes()));
        files.push((format!("plots/{name}.png"), picture.png()?));
    }
    Ok(files)
}

/// All pictures of a run, by name.
pub(super) fn all(outcome: &Outcome) -> Vec<(String, Picture)> {
    let mut pictures = replicas_of_each(outcome);
    let mut add = |name: &str, picture: Option<Picture>| pictures.extend(picture.map(|it| (name.to_string(), it)));
    add("stages", stages::draw(outcome));
    add("incidents", incidents::draw(outcome));
    add("nodes", nodes::states(outcome));
    add("zones", zones::draw(outcome));
    LINES.iter().for_each(|(name, lines)| add(name, lines::draw(outcome, lines)));
    HEAT.iter().for_each(|(name, heat)| add(name, nodes::heat(outcome, heat)));
    pictures
}

/// What was done, as marks, where that is little enough to label.
fn actions(outcome: &Outcome) -> Vec<Mark> {
    if outcome.actions.len() > 12 {
        return Vec::new();
    }
    let mark = |action: &crate::outcome::Action| Mark { at: action.at, words: action.label.to_string(), colour: GREY };
    outcome.actions.iter().map(mark).collect()
}

fn replicas_of_each(outcome: &Outcome) -> Vec<(String, Picture)> {
    let mut workloads: Vec<&crate::outcome::Workload> = outcome.workloads.iter().collect();
    workloads.sort_by_key(|workload| std::cmp::Reverse(workload.unavailable_pod_nanos)); // stable
    let picture = |workload: &crate::outcome::Workload| {
        let picture = replicas::draw(outcome, workload)?;
        Some((format!("replicas-{}", file_name(&workload.label)), picture))
    };
    workloads.into_iter().take(WORKLOADS).filter_map(picture).collect()
}

/// A label as part of a file name.
fn file_name(label: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '-' };
    let name: String = label.chars().map(plain).collect();
    name.trim_matches(['-', '.']).to_string()
}
