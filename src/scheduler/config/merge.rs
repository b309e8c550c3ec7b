//! Which plugins run where: the default list, what the user disables and enables, and how
//! `multiPoint` expands (reference: scheduler.md 7.3).

use serde_json::Value;

use crate::scheduler::plugins::{self, Points};

use super::PointLists;
use super::read::{Reader, field, join};

/// A plugin and its weight, 0 where none was given.
type Enabled = Vec<(usize, i64)>;

/// `enabled` and `disabled` of one extension point.
#[derive(Default)]
struct Set {
    enabled: Enabled,
    disabled: Vec<usize>,
    all_disabled: bool,
}

impl Set {
    fn disables(&self, plugin: usize) -> bool {
        self.all_disabled || self.disabled.contains(&plugin)
    }
}

const POINTS: &[(&str, Points)] = &[
    ("preEnqueue", Points::PRE_ENQUEUE),
    ("queueSort", Points::QUEUE_SORT),
    ("preFilter", Points::PRE_FILTER),
    ("filter", Points::FILTER),
    ("postFilter", Points::POST_FILTER),
    ("preScore", Points::PRE_SCORE),
    ("score", Points::SCORE),
    ("reserve", Points::RESERVE),
    ("permit", Points::PERMIT),
    ("preBind", Points::PRE_BIND),
    ("bind", Points::BIND),
    ("postBind", Points::POST_BIND),
];

/// Plugins whose Filter fails in Kubernetes if their PreFilter has not run ("reading … from cycleState: not found"):
/// under such a profile no pod is ever placed.
const BY_PRE_FILTER: &[&str] = &["NodePorts", "NodeResourcesFit", "PodTopologySpread", "InterPodAffinity"];

/// Reads `plugins` of a profile and expands it.
pub(super) fn merge(reader: &mut Reader<'_>, path: &str, value: &Value) -> PointLists {
    let known: Vec<&str> = POINTS.iter().map(|(name, _)| *name).chain(["multiPoint"]).collect();
    let Some(map) = reader.map(path, value, &known) else { return PointLists::default_profile() };
    let multi = read_set(reader, &join(path, "multiPoint"), field(map, "multiPoint"), None);
    let multi = merged_default(&multi);
    let mut lists = PointLists::default();
    for &(name, point) in POINTS {
        let set = read_set(reader, &join(path, name), field(map, name), Some(point));
        let expanded = expand(&multi, &set, point);
        let plain = expanded.iter().map(|(plugin, _)| *plugin).collect();
        match name {
            "preEnqueue" => lists.pre_enqueue = plain,
            "preFilter" => lists.pre_filter = plain,
            "filter" => lists.filter = plain,
            "postFilter" => lists.post_filter = plain,
            "preScore" => lists.pre_score = plain,
            "score" => lists.score = expanded.iter().map(|(plugin, weight)| (*plugin, (*weight).max(1))).collect(),
            "queueSort" if expanded.len() != 1 => {
                reader.problem(join(path, name), "exactly one queueSort plugin is wanted");
            }
            "bind" if expanded.is_empty() => reader.problem(join(path, name), "at least one bind plugin is wanted"),
            _ => (),
        }
    }
    for name in BY_PRE_FILTER {
        let is_in = |list: &[usize]| list.iter().any(|plugin| plugins::ALL[*plugin].name == *name);
        if is_in(&lists.filter) && !is_in(&lists.pre_filter) {
            let problem = format!("plugin {name} filters by what its preFilter finds, which is disabled");
            reader.problem(join(path, "filter"), problem);
        }
    }
    lists
}

fn read_set(reader: &mut Reader<'_>, path: &str, value: &Value, point: Option<Points>) -> Set {
    let mut set = Set::default();
    let Some(map) = reader.map(path, value, &["enabled", "disabled"]) else { return set };
    let enabled_path = join(path, "enabled");
    for (index, item) in reader.list(&enabled_path, field(map, "enabled")).iter().enumerate() {
        let path = format!("{enabled_path}[{index}]");
        let Some((plugin, weight)) = read_plugin(reader, &path, item, point) else { continue };
        if set.enabled.iter().any(|(other, _)| *other == plugin) {
            reader.problem(path, format!("plugin {} is enabled twice", plugins::ALL[plugin].name));
        } else {
            set.enabled.push((plugin, weight));
        }
    }
    let disabled_path = join(path, "disabled");
    for (index, item) in reader.list(&disabled_path, field(map, "disabled")).iter().enumerate() {
        let path = format!("{disabled_path}[{index}]");
        if item.get("name").and_then(Value::as_str) == Some("*") {
            set.all_disabled = true;
        } else if let Some((plugin, _)) = read_plugin(reader, &path, item, None) {
            set.disabled.push(plugin);
        }
    }
    set
}

fn read_plugin(reader: &mut Reader<'_>, path: &str, value: &Value, point: Option<Points>) -> Option<(usize, i64)> {
    let map = reader.map(path, value, &["name", "weight"])?;
    let name = reader.text(&join(path, "name"), field(map, "name")).unwrap_or_default();
    let weight = reader.integer(&join(path, "weight"), field(map, "weight"), (0, 1 << 31), 0);
    let Some(plugin) = plugins::find(name) else {
        reader.problem(join(path, "name"), unknown_plugin(name));
        return None;
    };
    if plugin == plugins::GANG_SCHEDULING {
        reader.problem(join(path, "name"), "plugin GangScheduling comes with `queue: gang` of the scenario");
        return None;
    }
    if point.is_some_and(|point| !plugins::ALL[plugin].points.contains(point)) {
        reader.problem(join(path, "name"), format!("plugin {name} does not take part here"));
        return None;
    }
    Some((plugin, weight))
}

/// What to say about a plugin that is not in the list.
pub(super) fn unknown_plugin(name: &str) -> String {
    match name {
        "NodeResourcesLeastAllocated" | "NodeResourcesMostAllocated" | "RequestedToCapacityRatio" => {
            format!("plugin {name} is gone: use NodeResourcesFit with scoringStrategy")
        }
        "SelectorSpread" => format!("plugin {name} is gone: PodTopologySpread's defaults do its work"),
        "NodePreferAvoidPods" | "NodeLabel" | "ServiceAffinity" => format!("plugin {name} is gone"),
        "EBSLimits" | "GCEPDLimits" | "AzureDiskLimits" | "CinderLimits" => {
            format!("plugin {name} is gone: NodeVolumeLimits does its work")
        }
        _ => format!("plugin {name} is not one of kube-scheduler's own, so it cannot be honoured"),
    }
}

/// The default list with the user's `multiPoint` changes: disabled ones out, known ones reweighted in
/// place, others appended.
fn merged_default(multi: &Set) -> Enabled {
    let defaults = (0..plugins::ALL.len()).filter(|plugin| !multi.disables(*plugin));
    let mut list: Enabled = defaults.map(|plugin| (plugin, plugins::ALL[plugin].weight)).collect();
    for &(plugin, weight) in &multi.enabled {
        match list.iter_mut().find(|(other, _)| *other == plugin) {
            Some(entry) => entry.1 = weight,
            None => list.push((plugin, weight)),
        }
    }
    list
}

/// The plugins of one point: those enabled here that are in multiPoint too, the rest of multiPoint,
/// the rest of those enabled here.
fn expand(multi: &Enabled, set: &Set, point: Points) -> Enabled {
    let in_multi = |plugin: usize| multi.iter().any(|(other, _)| *other == plugin);
    let enabled_here = |plugin: usize| set.enabled.iter().any(|(other, _)| *other == plugin);
    let overrides = set.enabled.iter().filter(|(plugin, _)| in_multi(*plugin));
    let rest = multi.iter().filter(|(plugin, _)| {
        plugins::ALL[*plugin].points.contains(point) && !enabled_here(*plugin) && !set.disables(*plugin)
    });
    let own = set.enabled.iter().filter(|(plugin, _)| !in_multi(*plugin));
    overrides.chain(rest).chain(own).copied().collect()
}
