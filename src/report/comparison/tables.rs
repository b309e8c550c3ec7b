//! The tables of a comparison as CSV.

use crate::outcome::comparison::{ArmResult, Comparison};
use crate::report::format::number;
use crate::report::summary::digest_text;
use crate::report::tables::table;

/// `comparison.csv`: a row a block, metric and arm.
pub(super) fn comparison(comparison: &Comparison) -> String {
    const HEADER: [&str; 29] = [
        "block",
        "scenario",
        "metric",
        "unit",
        "arm",
        "baseline",
        "n",
        "never",
        "mean",
        "sd",
        "t_low",
        "t_high",
        "bootstrap_low",
        "bootstrap_high",
        "median",
        "median_low",
        "median_high",
        "difference",
        "difference_low",
        "difference_high",
        "p",
        "p_holm",
        "p_wilcoxon",
        "cohen_dz",
        "rank_biserial",
        "cliffs_delta",
        "effect",
        "variance_reduction",
        "scenario_hash",
    ];
    let hash = digest_text(comparison.provenance.hash());
    let mut rows = Vec::new();
    for metric in &comparison.metrics {
        for (block, arms) in comparison.blocks.iter().zip(&metric.results) {
            for (name, arm) in comparison.arms.iter().zip(arms) {
                let names = [&block.label, &block.scenario, &metric.metric, &metric.unit, name];
                let mut row: Vec<String> = names.map(String::clone).to_vec();
                row.push(comparison.arms[comparison.baseline].clone());
                row.extend(numbers(arm));
                row.push(hash.clone());
                rows.push(row);
            }
        }
    }
    table(&HEADER, rows.into_iter())
}

/// From `n` to `variance_reduction`.
fn numbers(arm: &ArmResult) -> Vec<String> {
    let summary = &arm.summary;
    let optional = |value: Option<f64>| value.map_or(String::new(), number);
    let median = summary.quantiles.first();
    let between = median.and_then(|(_, _, interval)| *interval);
    let mut row = vec![summary.n.to_string(), summary.never.to_string()];
    row.extend([summary.moments.map(|(mean, _)| mean), summary.moments.map(|(_, sd)| sd)].map(optional));
    row.extend([summary.t.map(|t| t.low), summary.t.map(|t| t.high)].map(optional));
    row.extend([summary.bootstrap.map(|b| b.low), summary.bootstrap.map(|b| b.high)].map(optional));
    row.extend([median.map(|median| median.1), between.map(|ends| ends.0), between.map(|ends| ends.1)].map(optional));
    match &arm.difference {
        None => row.extend(std::iter::repeat_n(String::new(), 11)),
        Some(difference) => {
            let mean = difference.mean;
            row.extend([mean.value, mean.low, mean.high].map(number));
            row.extend([difference.p, difference.holm, difference.wilcoxon].map(|p| format!("{p:.3e}")));
            row.extend([optional(difference.dz), number(difference.rank_biserial)]);
            row.extend([number(difference.delta), difference.word.to_string(), number(difference.variance_reduction)]);
        }
    }
    row
}

/// `runs.csv`: a row a run.
pub(super) fn runs(comparison: &Comparison) -> String {
    const HEADER: [&str; 8] =
        ["block", "arm", "seed", "digest", "arrivals_hash", "faults_hash", "incidents", "expectations_broken"];
    let rows = every_run(comparison).map(|(block, arm, run)| {
        let mut row = vec![block.to_string(), arm.to_string(), run.seed.to_string()];
        row.extend([run.digest, run.arrivals, run.faults].map(digest_text));
        row.extend([run.recoveries.len(), run.broken.len()].map(|count| count.to_string()));
        row
    });
    table(&HEADER, rows)
}

/// `metrics.csv`: a row a run and metric; all metrics, also those that were not compared.
pub(super) fn metrics(comparison: &Comparison) -> String {
    let rows = every_run(comparison).flat_map(|(block, arm, run)| {
        run.values.iter().map(move |row| {
            let value = number(row.value.unwrap_or(f64::INFINITY));
            vec![block.to_string(), arm.to_string(), run.seed.to_string(), row.metric.clone(), value, row.unit.clone()]
        })
    });
    table(&["block", "arm", "seed", "metric", "value", "unit"], rows)
}

fn every_run(comparison: &Comparison) -> impl Iterator<Item = (&str, &str, &crate::outcome::study::Replicate)> {
    comparison.blocks.iter().zip(&comparison.replicates).flat_map(|(block, arms)| {
        comparison
            .arms
            .iter()
            .zip(arms)
            .flat_map(|(arm, runs)| runs.iter().map(|run| (block.label.as_str(), arm.as_str(), run)))
    })
}

/// `ranking.csv`: a row a metric and arm.
pub(super) fn ranking(comparison: &Comparison) -> String {
    const HEADER: [&str; 9] = [
        "metric",
        "arm",
        "mean_rank",
        "blocks",
        "friedman_chi_squared",
        "friedman_p",
        "iman_davenport_f",
        "iman_davenport_p",
        "critical_difference",
    ];
    let rows = comparison.metrics.iter().filter_map(|metric| Some((metric, metric.ranking.as_ref()?)));
    let rows = rows.flat_map(|(metric, ranking)| {
        comparison.arms.iter().zip(&ranking.mean_ranks).map(|(arm, rank)| {
            let mut row = vec![metric.metric.clone(), arm.clone(), number(*rank), ranking.blocks.to_string()];
            row.extend([number(ranking.chi_squared.0), format!("{:.3e}", ranking.chi_squared.1)]);
            row.extend([number(ranking.f.0), format!("{:.3e}", ranking.f.1), number(ranking.critical_difference)]);
            row
        })
    });
    table(&HEADER, rows)
}
