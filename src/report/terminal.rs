//! The summary a person wants first: what broke, when it was noticed, when it was whole again, what it
//! cost. Plain text; reads the same with and without colours.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::engine::{Span, Time};
use crate::outcome::{Action, ActionKind, Expectation, Incident, Outcome, Point, Series, Workload};

pub(crate) use super::format::moment;
use super::format::{count, duration, percent, short};
use super::summary::digest_text;

/// Columns of the bar of serving pods.
const BAR: usize = 40;
/// Actions told one by one; of more, only the worst incidents are.
const TOLD: usize = 12;
/// Incidents told where there are too many to tell all.
const WORST: usize = 5;
/// Workloads in the table.
const WORKLOADS: usize = 20;

/// The summary, ending in a line end.
pub fn summary(outcome: &Outcome) -> String {
    let mut out = String::new();
    heading(&mut out, outcome);
    if outcome.actions.len() <= TOLD {
        story(&mut out, outcome);
    } else {
        worst(&mut out, outcome);
    }
    workloads(&mut out, outcome);
    pending(&mut out, outcome);
    unserved(&mut out, outcome);
    expectations(&mut out, outcome);
    out
}

fn heading(out: &mut String, outcome: &Outcome) {
    let run = &outcome.run;
    let policy = if run.policy.is_empty() { String::new() } else { format!(" · policy {}", run.policy) };
    let simulated = duration(outcome.duration);
    let digest = digest_text(outcome.digest);
    line(out, format_args!("{} · seed {}{policy} · {simulated} simulated · digest {digest}", run.scenario, run.seed));
    if outcome.fault_trace != 0 {
        let trace = digest_text(outcome.fault_trace);
        line(out, format_args!("faults {trace}: the same for every policy under this seed"));
    }
    line(out, format_args!(""));
}

/// Pods that wait at the end, of workloads of which no incident has told so.
fn pending(out: &mut String, outcome: &Outcome) {
    let told = |label: &str| outcome.incidents.iter().any(|i| *i.workload == *label && i.pods_pending > 0);
    let mut groups: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for pod in outcome.pods.iter().filter(|pod| pod.node.is_empty() && !pod.reason.is_empty()) {
        if pod.status == "Pending" && !told(&pod.workload) {
            *groups.entry((&pod.workload, &pod.reason)).or_default() += 1;
        }
    }
    if groups.is_empty() {
        return;
    }
    line(out, format_args!(""));
    for ((workload, reason), pods) in groups.iter().take(WORST) {
        line(out, format_args!("pending   {} of {workload}: {reason}", count(*pods, "pod")));
    }
    if groups.len() > WORST {
        line(out, format_args!("          … and more in pods.csv"));
    }
}

/// Pods that stay Pending without a word, as in Kubernetes.
fn unserved(out: &mut String, outcome: &Outcome) {
    for (name, pods) in &outcome.unserved {
        let pods = count(*pods, "pod");
        line(out, format_args!("pending   {pods} with schedulerName `{name}`, which no profile of the scheduler has"));
    }
    if !outcome.unserved.is_empty() {
        line(out, format_args!(""));
    }
}

/// Everything that was done, with what followed.
fn story(out: &mut String, outcome: &Outcome) {
    for (index, action) in outcome.actions.iter().enumerate() {
        line(out, format_args!("{:<9} {}", moment(action.at), action.label));
        let mut hit = false;
        for incident in outcome.incidents.iter().filter(|incident| incident.action == index) {
            tell(out, incident);
            hit = true;
        }
        if !hit && action.kind == ActionKind::Fault {
            let why = if action.takes_out { "no pod was hit" } else { "takes nothing out of service" };
            line(out, format_args!("{:<9}   {why}", ""));
        }
    }
    if !outcome.actions.is_empty() {
        line(out, format_args!(""));
    }
}

/// The longest recoveries of many, and a line on the rest.
fn worst(out: &mut String, outcome: &Outcome) {
    let faults = outcome.actions.iter().filter(|action| action.kind == ActionKind::Fault).count();
    let mut incidents: Vec<&Incident> = outcome.incidents.iter().collect();
    let never = |incident: &Incident| incident.whole.is_none() && !incident.undecided;
    let length = |i: &Incident| if never(i) { Span::MAX } else { i.recovery().unwrap_or_default() };
    incidents.sort_by_key(|incident| std::cmp::Reverse(length(incident)));
    let undecided = match incidents.iter().filter(|incident| incident.undecided).count() {
        0 => String::new(),
        some => format!(", {some} undecided at the end"),
    };
    let never = incidents.iter().filter(|incident| never(incident)).count();
    let (done, hits) = (outcome.actions.len(), incidents.len());
    let planned = match incidents.iter().filter(|incident| incident.planned).count() {
        0 => String::new(),
        some => format!(" ({some} planned)"),
    };
    let text = format!(
        "{done} actions, {faults} of them faults; {hits} incidents{planned}, {never} not whole again{undecided}"
    );
    line(out, format_args!("{text}"));
    for incident in incidents.iter().take(WORST) {
        line(out, format_args!("{:<9} {}", moment(incident.fault), incident.label));
        tell(out, incident);
    }
    if incidents.len() > WORST {
        line(out, format_args!("{:<9} … and {} more in incidents.csv", "", incidents.len() - WORST));
    }
    line(out, format_args!(""));
}

/// One incident, instant by instant.
fn tell(out: &mut String, i: &Incident) {
    let mut say = |after: &str, what: &str, detail: String| {
        let gap = if what.is_empty() { 0 } else { 13 };
        let text = format!("{:<9}   {after:<10} {what:<gap$}{detail}", "");
        line(out, format_args!("{}", text.trim_end()));
    };
    let hit = format!("{} of {} hit", i.pods_hit, count(i.serving_before.max(i.pods_hit), "pod"));
    say(&i.workload, "", hit);
    let after = |at: Time| format!("+{}", duration(at.since(i.fault)));
    for (at, what, detail) in instants(i) {
        say(&after(at), what, detail);
    }
    match i.whole {
        Some(whole) if whole == i.fault => say("+0s", "whole", "service never dipped".to_string()),
        Some(whole) => say(&after(whole), "whole again", String::new()),
        None if i.undecided => say("undecided", "at the end", "pods hit are neither back nor gone".to_string()),
        None => say("never", "whole again", format!("in the {} until the end", duration(i.end.since(i.fault)))),
    }
    if i.pods_left > 0 {
        say("left", "", format!("{} not moved when the run ended", count(i.pods_left, "pod")));
    }
    if i.pods_pending > 0 {
        let reason = i.pending_reason.as_deref().unwrap_or("no attempt was made");
        say("pending", "", format!("{}: {reason}", count(i.pods_pending, "pod")));
    }
    say("cost", "", cost(i));
}

/// What followed until the workload was whole, in order of time.
fn instants(i: &Incident) -> Vec<(Time, &'static str, String)> {
    let mut instants: Vec<(Time, &'static str, String)> = Vec::new();
    instants.extend(i.detected.filter(|_| !i.planned).map(|at| (at, "noticed", String::new())));
    instants.extend(i.returned.map(|at| (at, "back", i.nodes.join(" "))));
    let after = |at: Time| duration(at.since(i.fault));
    for (first, last, what, detail) in [
        (i.first_evicted, i.last_evicted, "evicted", count(i.pods_displaced, "pod")),
        (i.first_created, i.last_created, "replaced", count(i.pods_replaced, "pod")),
        (i.first_scheduled, i.last_scheduled, "scheduled", String::new()),
    ] {
        let (Some(first), Some(last)) = (first, last) else { continue };
        let to = if after(first) == after(last) { String::new() } else { format!("the last +{}", after(last)) };
        let between = if detail.is_empty() || to.is_empty() { "" } else { ", " };
        instants.push((first, what, format!("{detail}{between}{to}")));
    }
    instants.retain(|(at, ..)| i.whole.is_none_or(|whole| *at <= whole));
    instants.sort_by_key(|(at, ..)| *at); // stable: equal instants stay in the order of cause and effect
    instants
}

fn cost(i: &Incident) -> String {
    let extra =
        if i.pods_extra > 0 { format!(", {} created beyond that", count(i.pods_extra, "pod")) } else { String::new() };
    let seconds = |nanos: i128| short((nanos as f64 / 1e8).round() / 10.0);
    let unavailable = match [i.attributed_pod_nanos, i.unavailable_pod_nanos].map(seconds) {
        [own, all] if i.overlapping && own != all => {
            format!("{own} pod-seconds unavailable by this, {all} in all meanwhile")
        }
        [_, all] => format!("{all} pod-seconds unavailable"),
    };
    let wanted = i.desired_before.max(i.serving_before);
    format!("{unavailable}, fewest {} of {wanted} serving{extra}", i.serving_lowest)
}

/// The table of workloads.
fn workloads(out: &mut String, outcome: &Outcome) {
    if outcome.workloads.is_empty() {
        return;
    }
    let width = outcome.workloads.iter().take(WORKLOADS).map(|workload| workload.label.chars().count()).max();
    let width = width.unwrap_or(0).max("WORKLOAD".len());
    let serving = |workload: &Workload| format!("{}/{}", workload.serving, workload.desired);
    let second = outcome.workloads.iter().take(WORKLOADS).map(|workload| serving(workload).len()).max();
    let second = second.unwrap_or(0).max("SERVING".len());
    let bar_title = format!("SERVING, 0 TO {}", duration(outcome.duration).to_uppercase());
    let (name, now, share, least) = ("WORKLOAD", "SERVING", "AVAILABLE", "FEWEST");
    line(out, format_args!("{name:<width$}   {now:>second$}  {share:>9}  {least:>6}  {bar_title}"));
    for workload in outcome.workloads.iter().take(WORKLOADS) {
        let (label, now) = (&workload.label, serving(workload));
        let share = workload.availability_ppm.map_or("-".to_string(), percent);
        let least = workload.lowest.map_or("-".to_string(), |lowest| lowest.to_string());
        let bar = bar(outcome, workload);
        line(out, format_args!("{label:<width$}   {now:>second$}  {share:>9}  {least:>6}  {bar}"));
    }
    if outcome.workloads.len() > WORKLOADS {
        line(out, format_args!("… and {} more in summary.json", outcome.workloads.len() - WORKLOADS));
    }
}

/// Serving over desired in equal stretches of the run, the lowest of each: `█` all, `▁` hardly any,
/// `·` none, a space where nothing is wanted.
fn bar(outcome: &Outcome, workload: &Workload) -> String {
    let label = Some(("workload", workload.label.as_str()));
    let series = outcome.series("pods_serving", label).zip(outcome.series("pods_desired", label));
    let Some((serving, desired)) = series else { return String::new() };
    let step = outcome.duration.0 / BAR as u64;
    (0..BAR as u64)
        .map(|column| {
            let (from, to) = (Time(column * step), Time((column + 1) * step));
            block(least(serving, from, to), greatest(desired, from, to))
        })
        .collect()
}

fn block(serving: f64, desired: f64) -> char {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if desired <= 0.0 {
        return ' ';
    }
    match (serving / desired * 8.0) as usize {
        _ if serving <= 0.0 => '·',
        0 => LEVELS[0],
        level => LEVELS[level.min(8) - 1],
    }
}

/// The least value of a series within `[from, to)`.
fn least(series: &Series, from: Time, to: Time) -> f64 {
    within(series, from, to).iter().map(|point| point.min).fold(f64::INFINITY, f64::min)
}

/// The greatest value of a series within `[from, to)`; 0 before its beginning.
fn greatest(series: &Series, from: Time, to: Time) -> f64 {
    within(series, from, to).iter().map(|point| point.max).fold(0.0, f64::max)
}

/// The point that holds at `from`, and those until `to`.
fn within(series: &Series, from: Time, to: Time) -> &[Point] {
    let first = series.points.partition_point(|point| point.at <= from).saturating_sub(1);
    let end = series.points.partition_point(|point| point.at < to);
    &series.points[first.min(end)..end]
}

fn expectations(out: &mut String, outcome: &Outcome) {
    if outcome.expectations.is_empty() {
        return;
    }
    line(out, format_args!(""));
    for expectation in &outcome.expectations {
        let word = if expectation.held { "held" } else { "BROKEN" };
        line(out, format_args!("{word:<7} {}", expectation_line(expectation)));
    }
}

/// A condition with what was observed, and by how much it is missed.
pub fn expectation_line(expectation: &Expectation) -> String {
    let Expectation { text, observed, bound, held } = expectation;
    let Some(observed) = *observed else { return format!("{text}   nothing in the run gives it a value") };
    let missed = (observed - bound).abs();
    let by = if *held || !missed.is_finite() { String::new() } else { format!(", off by {}", not_nothing(missed)) };
    format!("{text}   observed {}{by}", short(observed))
}

/// A number as [`short`], with as many decimals as tell it from 0.
fn not_nothing(value: f64) -> String {
    let told = (3..=9).map(|decimals| format!("{value:.decimals$}"));
    let shown = |text: &String| text.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    match short(value).as_str() {
        "0" => told.into_iter().find(shown).unwrap_or_else(|| "less than a billionth".to_string()),
        short => short.to_string(),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // writing to a String cannot fail
    let _ = writeln!(out, "{text}");
}

/// One line for logs: what an action is called and when, `2m crash worker-2`.
pub fn action_line(action: &Action) -> String {
    format!("{} {}", moment(action.at), action.label)
}
