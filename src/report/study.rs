//! Files and words of replications: one row a seed, one a metric with its intervals, pictures.

use std::io;

use serde::Serialize;

use crate::outcome::study::{Estimate, FAN, IdleFault, MetricSummary, QUANTILES, Stop, Study};
use crate::outcome::{Outcome, STAGES};

use super::Files;
use super::format::{duration, number, rough, short};
use super::manifest::hash_text;
use super::plots::study as pictures;
use super::summary::{digest_text, to_text};
use super::tables::table;

/// Metrics told on the terminal.
const TOLD: usize = 16;
/// Causes told on the terminal.
const CAUSES: usize = 8;
/// With fewer seeds than these, intervals are called rough.
const FEW: usize = 10;
/// Those told first: what a person wants to know of a design, as far as the run has it.
const FIRST: [&str; 9] = [
    "overall_availability_ratio",
    "unavailable_pod_seconds",
    "node_availability_ratio",
    "incidents_total",
    "incidents_unrecovered_total",
    "recovery_seconds_mean",
    "recovery_seconds",
    "false_evictions_total",
    "lost_work_seconds",
];

/// All files of a study; `example` is one of its runs in full, for what cannot be summed up.
///
/// # Errors
/// A picture cannot be encoded.
pub fn files(study: &Study, example: Option<&Outcome>) -> io::Result<Files> {
    let text = |name: &str, text: String| (name.to_string(), text.into_bytes());
    let mut files = vec![
        text("summary.json", json(study)),
        text("summary.csv", summary(study)),
        text("runs.csv", runs(study)),
        text("metrics.csv", metrics(study)),
        text("recovery-cdf.csv", cdf(study)),
        text("stages.csv", stages(study)),
        text("fans.csv", fans(study)),
    ];
    if !study.steady.is_empty() {
        files.push(text("steady.csv", steady(study)));
    }
    files.extend(pictures::files(study, example)?);
    Ok(files)
}

/// `n = 30 (seeds 1 to 30)`.
pub(super) fn seeds(study: &Study) -> String {
    let n = study.replicates.len();
    match (study.replicates.first(), study.replicates.last()) {
        (Some(first), Some(last)) => format!("n = {n} (seeds {} to {})", first.seed, last.seed),
        _ => format!("n = {n}"),
    }
}

/// The words that each picture ends with; `method` says how its intervals were made.
pub(super) fn footer(study: &Study, method: &str) -> String {
    let hash = hash_text(study.run.provenance.hash());
    format!("{} · {method} · scenario {hash} · sim {}", seeds(study), env!("CARGO_PKG_VERSION"))
}

/// `95 % t intervals`.
pub(super) fn confident(study: &Study, intervals: &str) -> String {
    format!("{} % {intervals}", short(study.confidence * 100.0))
}

fn ends(estimate: Option<(f64, f64)>) -> [String; 2] {
    estimate.map_or([String::new(), String::new()], |(low, high)| [number(low), number(high)])
}

fn of(estimate: Option<Estimate>) -> Option<(f64, f64)> {
    estimate.map(|estimate| (estimate.low, estimate.high))
}

/// `summary.csv`: a row a metric.
fn summary(study: &Study) -> String {
    let mut header: Vec<String> =
        ["metric", "unit", "n", "never", "mean", "sd", "t_low", "t_high", "bootstrap_low", "bootstrap_high"]
            .map(String::from)
            .to_vec();
    for q in QUANTILES {
        let name = format!("p{}", short(q * 100.0));
        header.extend([name.clone(), format!("{name}_low"), format!("{name}_high")]);
    }
    let row = |metric: &MetricSummary| {
        let mut row = vec![metric.metric.clone(), metric.unit.clone(), metric.n.to_string(), metric.never.to_string()];
        let moments = metric.moments.map_or([String::new(), String::new()], |(mean, sd)| [number(mean), number(sd)]);
        row.extend(moments);
        row.extend(ends(of(metric.t)));
        row.extend(ends(of(metric.bootstrap)));
        for (_, value, interval) in &metric.quantiles {
            row.push(number(*value));
            row.extend(ends(*interval));
        }
        row.resize(header.len(), String::new());
        row
    };
    let rows: Vec<Vec<String>> = study.metrics.iter().map(row).collect();
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows.into_iter())
}

/// `runs.csv`: a row a seed.
fn runs(study: &Study) -> String {
    const HEADER: [&str; 7] =
        ["seed", "digest", "arrivals_hash", "faults_hash", "incidents", "not_recovered", "expectations_broken"];
    let rows = study.replicates.iter().map(|run| {
        let never = run.recoveries.iter().filter(|recovery| recovery.seconds.is_none()).count();
        let hashes = [run.digest, run.arrivals, run.faults].map(digest_text);
        let counts = [run.recoveries.len(), never, run.broken.len()].map(|count| count.to_string());
        [run.seed.to_string()].into_iter().chain(hashes).chain(counts).collect()
    });
    table(&HEADER, rows)
}

/// `metrics.csv`: a row a seed and metric.
fn metrics(study: &Study) -> String {
    let rows = study.replicates.iter().flat_map(|run| {
        run.values.iter().map(|row| {
            let value = number(row.value.unwrap_or(f64::INFINITY));
            vec![run.seed.to_string(), row.metric.clone(), value, row.unit.clone()]
        })
    });
    table(&["seed", "metric", "value", "unit"], rows)
}

fn cdf(study: &Study) -> String {
    let rows = study.recovery.iter().map(|point| {
        let Estimate { value, low, high } = point.share;
        [point.at, value, low, high].map(number).to_vec()
    });
    table(&["recovery_seconds", "share", "low", "high"], rows)
}

fn stages(study: &Study) -> String {
    let rows = STAGES.iter().zip(&study.stages).map(|(name, Estimate { value, low, high })| {
        [(*name).to_string()].into_iter().chain([*value, *low, *high].map(number)).collect()
    });
    table(&["stage", "mean_seconds", "low", "high"], rows)
}

fn fans(study: &Study) -> String {
    let mut header = vec!["workload".to_string(), "from_s".to_string(), "desired".to_string()];
    header.extend(FAN.map(|q| format!("serving_p{}", short(q * 100.0))));
    let rows = study.fans.iter().flat_map(|fan| {
        let stretches = fan.quantiles.len().max(1) as f64;
        fan.quantiles.iter().zip(&fan.desired).enumerate().map(move |(index, (quantiles, desired))| {
            let from = study.duration.as_secs_f64() * index as f64 / stretches;
            let numbers = [from, *desired].into_iter().chain(*quantiles).map(number);
            [fan.workload.clone()].into_iter().chain(numbers).collect()
        })
    });
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

fn steady(study: &Study) -> String {
    let rows = study.steady.iter().map(|steady| {
        let mut row = vec![steady.name.clone(), steady.unit.clone(), number(steady.warm_up.as_secs_f64())];
        row.push(steady.too_short.to_string());
        row.push(steady.mean.map_or(String::new(), |mean| number(mean.value)));
        row.extend(ends(of(steady.mean)));
        row
    });
    table(&["quantity", "unit", "warm_up_s", "too_short", "mean", "low", "high"], rows)
}

#[derive(Serialize)]
struct StudyJson<'a> {
    scenario: &'a str,
    policy: &'a str,
    seeds: Vec<u64>,
    horizon: &'static str,
    confidence: f64,
    stopped: String,
    seeds_broken: usize,
    idle_faults: Vec<IdleFault>,
    metrics: Vec<MetricJson<'a>>,
}

#[derive(Serialize)]
struct MetricJson<'a> {
    metric: &'a str,
    unit: &'a str,
    n: usize,
    never: usize,
    mean: Option<f64>,
    sd: Option<f64>,
    t_interval: Option<(f64, f64)>,
    bootstrap_interval: Option<(f64, f64)>,
}

/// The summary as JSON text.
pub fn json(study: &Study) -> String {
    to_text(&StudyJson {
        scenario: &study.run.scenario,
        policy: &study.run.policy,
        seeds: study.replicates.iter().map(|run| run.seed).collect(),
        horizon: study.horizon.word(),
        confidence: study.confidence,
        stopped: stopped(study),
        seeds_broken: study.broken(),
        idle_faults: study.idle_faults(),
        metrics: study.metrics.iter().map(metric_json).collect(),
    })
}

/// Infinite values have no moments, so that all numbers here are finite.
fn metric_json(summary: &MetricSummary) -> MetricJson<'_> {
    MetricJson {
        metric: &summary.metric,
        unit: &summary.unit,
        n: summary.n,
        never: summary.never,
        mean: summary.moments.map(|(mean, _)| mean),
        sd: summary.moments.map(|(_, sd)| sd),
        t_interval: of(summary.t),
        bootstrap_interval: of(summary.bootstrap),
    }
}

/// Why there are not more replications, in words.
fn stopped(study: &Study) -> String {
    let per_cent = |share: f64| if share.is_finite() { format!("{} %", short(share * 100.0)) } else { "-".to_string() };
    match &study.stop {
        Stop::Count => "as many as asked for".to_string(),
        Stop::Precise(metric, wanted, reached) => {
            format!("{metric} is within {} (relative half width {})", per_cent(*wanted), per_cent(*reached))
        }
        Stop::Exhausted(metric, wanted, reached) => format!(
            "{metric} is not within {} (relative half width {}), but no more are allowed",
            per_cent(*wanted),
            per_cent(*reached)
        ),
        Stop::Missing(metric) => format!("{metric} has no value in any of them"),
    }
}

/// The summary for people.
pub fn terminal(study: &Study) -> String {
    let run = &study.run;
    let mut out = format!(
        "{} · {} · policy {} · {} simulated, {} horizon\n",
        run.scenario,
        seeds(study),
        run.policy,
        duration(study.duration),
        study.horizon.word()
    );
    out += &format!("stopped: {}\n", stopped(study));
    if let [first, ..] = study.replicates.as_slice() {
        let [arrivals, faults] = [first.arrivals, first.faults].map(digest_text);
        out += &format!("seed {}: arrivals {arrivals} · faults {faults} (all seeds: runs.csv)\n", first.seed);
    }
    out += &format!("\n{}", columns(study, "METRIC", "MEDIAN"));
    let first = FIRST.iter().filter_map(|name| study.metrics.iter().find(|metric| metric.metric == *name));
    let shown = first.chain(study.metrics.iter().filter(|metric| !metric.metric.contains('{'))).chain(&study.metrics);
    let mut told: Vec<&str> = Vec::new();
    for metric in shown {
        if told.len() < TOLD && !told.contains(&metric.metric.as_str()) {
            told.push(&metric.metric);
            out += &line(metric);
        }
    }
    if study.metrics.len() > told.len() {
        out += &format!("… and {} more in summary.csv\n", study.metrics.len() - told.len());
    }
    out += &causes(study);
    for steady in &study.steady {
        let Some(mean) = steady.mean else { continue };
        out += &format!(
            "steady state: {} {} [{}, {}] after {} of warm-up{}\n",
            steady.name,
            short(mean.value),
            short(mean.low),
            short(mean.high),
            duration(steady.warm_up),
            if steady.too_short { " (too short a run to tell)" } else { "" }
        );
    }
    let n = study.replicates.len();
    if (2..FEW).contains(&n) {
        out += &format!(
            "\n{n} seeds are few: t intervals of what is skewed, as costs are, are rough. summary.csv has bootstrap intervals, too\n"
        );
    }
    out.push_str(if study.expectations.is_empty() { "" } else { "\n" });
    for (text, held) in &study.expectations {
        match n - held {
            0 => out += &format!("held    {text}   in all {n} seeds\n"),
            broken => out += &format!("BROKEN  {text}   broken in {broken} of {n} seeds\n"),
        }
    }
    out
}

/// What the pods that were missing were missing for: the causes that cost most, on average over all seeds. Chaos draws
/// other faults from each seed: there it is their verbs, of which some seeds may have none.
fn causes(study: &Study) -> String {
    let by = |label: &str| {
        let prefix = format!("attributed_pod_seconds{{{label}=\"");
        let mut causes: Vec<(String, f64, String)> = Vec::new();
        for metric in &study.metrics {
            let cause = metric.metric.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix("\"}"));
            if let (Some(cause), Some((mean, _))) = (cause, metric.moments)
                && mean > 0.0
            {
                let all = metric.n == study.replicates.len();
                let mean = mean * metric.n as f64 / study.replicates.len() as f64;
                causes.push((cause.to_string(), mean, if all { interval_of(metric) } else { "-".to_string() }));
            }
        }
        causes.sort_by(|one, other| other.1.total_cmp(&one.1));
        causes
    };
    let mut causes = by("fault");
    if causes.iter().any(|(cause, ..)| cause.starts_with("chaos-")) {
        causes = by("verb");
    }
    if causes.is_empty() {
        return String::new();
    }
    let total: f64 = causes.iter().map(|(_, mean, _)| mean).sum();
    let mut out = format!("\n{}", columns(study, "UNAVAILABLE POD-SECONDS BY CAUSE", "SHARE"));
    for (cause, mean, interval) in causes.iter().take(CAUSES) {
        let share = format!("{} %", short((mean / total * 1000.0).round() / 10.0));
        out += &format!("{cause:<56} {:>12}  {interval:<24} {share:>10}\n", rough(*mean));
    }
    if causes.len() > CAUSES {
        out += &format!("… and {} more: attributed_pod_seconds in summary.csv\n", causes.len() - CAUSES);
    }
    out
}

/// The heads of the columns of a table on the terminal.
fn columns(study: &Study, first: &str, last: &str) -> String {
    let interval = format!("{} % T INTERVAL", short(study.confidence * 100.0));
    format!("{first:<56} {:>12}  {interval:<24} {last:>10}\n", "MEAN")
}

fn interval_of(metric: &MetricSummary) -> String {
    metric.t.map_or("-".to_string(), |t| format!("[{}, {}]", rough(t.low), rough(t.high)))
}

fn line(metric: &MetricSummary) -> String {
    let mean = metric.moments.map_or_else(|| format!("{} infinite", metric.never), |(mean, _)| rough(mean));
    let interval = interval_of(metric);
    let median = metric.quantiles.first().map_or("-".to_string(), |(_, median, _)| rough(*median));
    format!("{:<56} {mean:>12}  {interval:<24} {median:>10}\n", metric.metric)
}
