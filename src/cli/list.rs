//! `sim list`: the registries, with a line on each entry.

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::scenario::schema::timeline::Action;
use crate::scheduler::policies::written::facts;
use crate::workload::trace;
use crate::{controllers, faults, metrics, report, scenario, scheduler};

use super::{Failure, print};

#[derive(Args)]
pub(crate) struct ListArgs {
    /// What to list
    #[arg(value_enum)]
    what: What,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The registries.
#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// Scheduling policies
    Policies,
    /// What expressions of `policies:` can ask about the pod and the node
    Facts,
    /// Scheduler plugins, in the order of the default profile
    Plugins,
    /// Kinds of faults, for `faults:`
    Faults,
    /// Named failure models, for `faults: [{ model: NAME }]`
    Models,
    /// All actions of the timeline
    Actions,
    /// Metrics, as `expect:` knows them
    Metrics,
    /// Formats of recorded workloads
    Traces,
    /// Controllers
    Controllers,
    /// Files that `sim run` writes
    Outputs,
}

#[derive(Serialize)]
struct Row {
    name: String,
    about: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl Row {
    fn new(name: &str, about: &str) -> Row {
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        Row { name: name.to_string(), about, detail: String::new() }
    }
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let rows = rows(args.what);
    if args.json {
        // strings only: this cannot fail
        let text = serde_json::to_string_pretty(&rows).unwrap_or_default();
        return print(&(text + "\n"));
    }
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in &rows {
        text += &format!("{:<width$}  {}\n", row.name, row.about);
        if !row.detail.is_empty() {
            text += &format!("{:<width$}  {}\n", "", row.detail);
        }
    }
    print(&text)
}

fn rows(what: What) -> Vec<Row> {
    let actions = || Action::keys().into_iter().map(|key| Row::new(key.name, key.about));
    match what {
        What::Policies => scenario::policies().map(|(name, about)| Row::new(name, about)).collect(),
        What::Facts => {
            let facts = facts::ALL.iter().map(|fact| (fact.name, fact.kind.word(), fact.about));
            let maps = facts::MAPS.iter().map(|map| (map.name, "map(string, string)", map.about));
            facts.chain(maps).map(|(name, kind, about)| Row::new(&format!("{name}: {kind}"), about)).collect()
        }
        What::Plugins => scheduler::plugins::ALL.iter().map(plugin).collect(),
        What::Faults => faults::ALL.iter().map(|entry| Row::new(entry.name, entry.about)).collect(),
        What::Models => faults::models::all().iter().map(|model| Row::new(&model.name, &model.about)).collect(),
        What::Actions => actions().collect(),
        What::Metrics => metrics::ALL.iter().map(|metric| self::metric(metric)).collect(),
        What::Traces => {
            let tasks = trace::FORMATS.iter().map(|format| (format.name, format.about));
            let machines = trace::machines::FORMATS.iter().map(|format| (format.name, format.about));
            tasks.chain(machines).map(|(name, about)| Row::new(name, about)).collect()
        }
        What::Controllers => controllers::ALL.iter().map(|entry| Row::new(entry.name, entry.about)).collect(),
        What::Outputs => report::ALL.iter().map(|reporter| Row::new(reporter.name, reporter.about)).collect(),
    }
}

fn plugin(entry: &scheduler::plugins::Entry) -> Row {
    let mut row = Row::new(entry.name, entry.about);
    if entry.weight > 0 {
        row.detail = format!("weight {} in the default profile", entry.weight);
    }
    row
}

fn metric(metric: &metrics::Metric) -> Row {
    let labels = if metric.labels.is_empty() { String::new() } else { format!("{{{}}}", metric.labels.join(",")) };
    let mut row = Row::new(&format!("{}{labels}", metric.name), metric.about);
    row.detail = format!("{}; in {}", metric.formula, metric.unit);
    row
}
