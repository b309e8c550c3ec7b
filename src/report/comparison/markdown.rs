//! The comparison as a page of Markdown.

use std::fmt::Write;

use crate::outcome::comparison::{ArmResult, Compared, Comparison};

use super::{about, blocks, confident, digits, footer, mean, p_value, verdict};

/// The whole page.
pub(super) fn page(comparison: &Comparison) -> String {
    let mut out = format!("# {}\n\n", comparison.name);
    let method = confident(
        comparison,
        "t intervals, paired by seed, p-values after Holm's correction, effect: matched-pairs rank-biserial r",
    );
    let _ = writeln!(out, "{}\n", footer(comparison, &method)); // into a String: cannot fail
    if let Some(first) = &comparison.common.first {
        let _ = writeln!(out, "**Not common random numbers**: {first}.\n");
    }
    for fault in comparison.idle_faults() {
        let _ = writeln!(out, "**Idle**: {fault}.\n");
    }
    for metric in &comparison.metrics {
        let _ = writeln!(out, "## {}\n\n{}\n", metric.metric, about(metric));
        for (block, label) in blocks(comparison) {
            if !label.is_empty() {
                let _ = writeln!(out, "### {label}\n");
            }
            out += &one(comparison, metric, &metric.results[block]);
        }
        out += &ranking(comparison, metric);
    }
    out
}

fn one(comparison: &Comparison, metric: &Compared, arms: &[ArmResult]) -> String {
    let baseline = &comparison.arms[comparison.baseline];
    let mut out = format!(
        "| {} | n | mean | interval | median | minus {baseline} | interval | p | effect r | |\n|---|---|---|---|---|---|---|---|---|---|\n",
        comparison.arms_are
    );
    for (name, arm) in comparison.arms.iter().zip(arms) {
        let interval = arm.summary.t.map_or(String::new(), |t| format!("{} to {}", digits(t.low), digits(t.high)));
        let median = arm.summary.quantiles.first().map_or(String::new(), |(_, median, _)| digits(*median));
        let _ = write!(out, "| {name} | {} | {} | {interval} | {median} |", arm.summary.n, mean(arm));
        match &arm.difference {
            None => out += " | | | | |\n",
            Some(difference) => {
                let ends = format!("{} to {}", digits(difference.mean.low), digits(difference.mean.high));
                let p = p_value(difference.holm);
                let effect = difference.rank_biserial;
                let told = verdict(metric, difference);
                let _ = writeln!(out, " {} | {ends} | {p} | {effect:+.2} | {told} |", digits(difference.mean.value));
            }
        }
    }
    out + "\n"
}

fn ranking(comparison: &Comparison, metric: &Compared) -> String {
    let Some(ranking) = &metric.ranking else { return String::new() };
    let mut out = format!(
        "Ranks over {} blocks: Friedman χ² = {}, p {}; Iman-Davenport p {}; critical difference (Nemenyi, 0.05) {:.2}\n\n",
        ranking.blocks,
        digits(ranking.chi_squared.0),
        p_value(ranking.chi_squared.1),
        p_value(ranking.f.1),
        ranking.critical_difference
    );
    out += &format!("| {} | mean rank |\n|---|---|\n", comparison.arms_are);
    let mut ranked: Vec<(&String, f64)> = comparison.arms.iter().zip(ranking.mean_ranks.iter().copied()).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (name, rank) in ranked {
        let _ = writeln!(out, "| {name} | {rank:.2} |");
    }
    out + "\n"
}
