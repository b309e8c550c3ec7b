//! Files and words of a comparison: every run, tables as CSV, Markdown and LaTeX, pictures.

mod latex;
mod markdown;
mod tables;

use std::io;

use crate::outcome::comparison::{ArmResult, Better, Compared, Comparison, Difference};

use super::Files;
use super::format::short;
use super::manifest::hash_text;
use super::plots::comparison as pictures;

/// Metrics told on the terminal.
const TOLD: usize = 4;
/// Blocks told on the terminal.
const BLOCKS: usize = 6;

/// All files of a comparison.
///
/// # Errors
/// A picture cannot be encoded.
pub fn files(comparison: &Comparison) -> io::Result<Files> {
    let text = |name: &str, text: String| (name.to_string(), text.into_bytes());
    let mut files = vec![
        text("comparison.csv", tables::comparison(comparison)),
        text("comparison.md", markdown::page(comparison)),
        text("comparison.tex", latex::page(comparison)),
        text("runs.csv", tables::runs(comparison)),
        text("metrics.csv", tables::metrics(comparison)),
    ];
    if comparison.metrics.iter().any(|metric| metric.ranking.is_some()) {
        files.push(text("ranking.csv", tables::ranking(comparison)));
    }
    files.extend(pictures::files(comparison)?);
    Ok(files)
}

/// `n = 10 (seeds 42 to 51)`.
fn seeds(comparison: &Comparison) -> String {
    let n = comparison.seeds.len();
    match (comparison.seeds.first(), comparison.seeds.last()) {
        (Some(first), Some(last)) => format!("n = {n} (seeds {first} to {last})"),
        _ => format!("n = {n}"),
    }
}

/// The words that each table and picture ends with; `method` says how its intervals were made.
pub(super) fn footer(comparison: &Comparison, method: &str) -> String {
    let hash = hash_text(comparison.provenance.hash());
    let common = match (comparison.common.arrivals, comparison.common.faults) {
        (true, true) => "",
        (true, false) => " · faults NOT common",
        (false, _) => " · arrivals NOT common",
    };
    format!("{} · {method} · scenario {hash} · sim {}{common}", seeds(comparison), env!("CARGO_PKG_VERSION"))
}

/// `95 % t intervals`.
pub(super) fn confident(comparison: &Comparison, intervals: &str) -> String {
    format!("{} % {intervals}", short(comparison.confidence * 100.0))
}

/// `gpu_allocation_percent, per cent; more is better`.
pub(super) fn about(metric: &Compared) -> String {
    let direction = match metric.better {
        Better::More => "more is better",
        Better::Less => "less is better",
        Better::Neither => "neither way is better",
    };
    let unit = if metric.unit.is_empty() { String::new() } else { format!(" in {}", metric.unit) };
    format!("{}{unit}; {direction}", metric.metric)
}

/// A number with as many digits as tables show: four that count.
pub(super) fn digits(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "infinite".to_string(),
        _ if size >= 1000.0 => format!("{value:.0}"),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 10.0 => format!("{value:.2}"),
        _ if !(1e-12..0.01).contains(&size) => format!("{value:.3}"),
        _ if size >= 1e-6 => format!("{value:.6}"),
        _ => format!("{value:.1e}"),
    }
}

/// A p-value: `0.012`, `< 0.001`.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_string() } else { format!("{p:.3}") }
}

/// The mean, or why there is none.
pub(super) fn mean(arm: &ArmResult) -> String {
    match (arm.summary.moments, arm.summary.n) {
        (Some((mean, _)), _) => digits(mean),
        (None, 0) => "-".to_string(),
        (None, n) => format!("{} of {n} infinite", arm.summary.never),
    }
}

/// Whether a difference is for the better, the worse, or cannot be told after Holm's correction.
pub(super) fn verdict(metric: &Compared, difference: &Difference) -> &'static str {
    let more = difference.mean.value > 0.0;
    match metric.better {
        _ if difference.holm >= 0.05 || difference.mean.value == 0.0 => "no difference shown",
        Better::Neither if more => "more",
        Better::Neither => "less",
        better if more == (better == Better::More) => "better",
        _ => "worse",
    }
}

/// The blocks by number, those that have a label with it.
pub(super) fn blocks(comparison: &Comparison) -> impl Iterator<Item = (usize, &str)> {
    comparison.blocks.iter().enumerate().map(|(index, block)| (index, block.label.as_str()))
}

/// The summary for people.
pub fn terminal(comparison: &Comparison) -> String {
    let (arms, blocks_of) = (comparison.arms.len(), comparison.blocks.len());
    let baseline = &comparison.arms[comparison.baseline];
    let common = match (comparison.common.arrivals, comparison.common.faults) {
        (true, true) => "equal arrivals and faults under each seed",
        (true, false) => "equal arrivals, but not equal faults",
        (false, _) => "NOT equal arrivals",
    };
    let mut out = format!(
        "{} · {arms} {} × {blocks_of} · {} · {common}\n",
        comparison.name,
        if comparison.arms_are == "policy" { "policies" } else { "points" },
        seeds(comparison)
    );
    let width = comparison.arms.iter().map(|arm| arm.chars().count()).max().unwrap_or(0).max(8);
    for metric in comparison.metrics.iter().take(TOLD) {
        out += &format!("\n{}\n", about(metric));
        for (block, label) in blocks(comparison).take(BLOCKS) {
            if !label.is_empty() {
                out += &format!(" {label}\n");
            }
            for (name, arm) in comparison.arms.iter().zip(&metric.results[block]) {
                out +=
                    &format!("  {name:<width$}  {:>12}  {}\n", mean(arm), against(comparison, metric, arm, baseline));
            }
        }
        if blocks_of > BLOCKS {
            out += &format!(" … and {} more in comparison.md\n", blocks_of - BLOCKS);
        }
    }
    if comparison.metrics.len() > TOLD {
        out += &format!("\n… and {} more metrics in comparison.md\n", comparison.metrics.len() - TOLD);
    }
    out
}

fn against(comparison: &Comparison, metric: &Compared, arm: &ArmResult, baseline: &str) -> String {
    let Some(difference) = &arm.difference else { return String::new() };
    let mean = difference.mean;
    let sign = if mean.value > 0.0 { "+" } else { "" };
    format!(
        "{sign}{} [{}, {}] against {baseline}, p {} ({} arms corrected): {}",
        digits(mean.value),
        digits(mean.low),
        digits(mean.high),
        p_value(difference.holm),
        comparison.arms.len() - 1,
        verdict(metric, difference)
    )
}
