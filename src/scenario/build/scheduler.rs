//! The scheduler's configuration: the default profile, its shorthand, or a KubeSchedulerConfiguration.

use super::settings::milli;
use crate::cluster::Names;
use crate::scenario::check::locate;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::to_json;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::scheduler::{Queue, SchedulerConfig, Scoring};
use crate::scenario::source::{Location, Node, Value};
use crate::scheduler::Config;
use crate::scheduler::config::{Problem, Strategy, read};
use crate::scheduler::order_of_pods::QueueOrder;

/// What the scenario says about the scheduler; what is wrong with its configuration is reported at its
/// place in the file, and the default stands in.
pub(in crate::scenario) fn config(scenario: &Scenario, names: &mut Names, problems: &mut Problems) -> Config {
    let mut config = match &scenario.scheduler.config {
        Some(SchedulerConfig::Object(node)) => read(&to_json(node), names).unwrap_or_else(|found| {
            found.iter().for_each(|problem| report(node, problem, problems));
            Config::new(names)
        }),
        Some(SchedulerConfig::File(_)) | None => Config::new(names),
    };
    if let Some(scoring) = &scenario.scheduler.scoring {
        config.profiles[0].args.strategy = match scoring.value {
            Scoring::LeastAllocated => Strategy::LeastAllocated,
            Scoring::MostAllocated => Strategy::MostAllocated,
        };
    }
    if let Some(policy) = scenario.scheduler.policy.as_ref().and_then(|policy| scenario.chosen_policy(policy)) {
        config.use_policy(policy);
    }
    config.queue_order = match scenario.scheduler.queue {
        Queue::Priority => QueueOrder::Priority,
        Queue::Fifo => QueueOrder::Fifo,
        Queue::ShortestJob => QueueOrder::ShortestJob,
        Queue::Gang => QueueOrder::Gang,
        Queue::DominantShare => QueueOrder::DominantShare,
    };
    config.gang_timeout = scenario.scheduler.gang_timeout.value;
    let flags = &scenario.control_plane.scheduler;
    config.max_unschedulable = flags.pod_max_in_unschedulable_pods_duration;
    if let Some(qps) = &flags.kube_api_qps {
        config.client_qps_milli = milli(qps.value);
    }
    if let Some(burst) = &flags.kube_api_burst {
        config.client_burst = burst.value.into();
    }
    config
}

fn report(node: &Node, Problem { path, message }: &Problem, problems: &mut Problems) {
    // of a field that should not be there, the name is what is wrong
    let name =
        path.rsplit_once('.').map_or((node.location, path.as_str()), |(parent, name)| (locate(node, parent), name));
    let key = message.starts_with("unknown field").then(|| key_at(node, name)).flatten();
    problems.report(key.unwrap_or_else(|| locate(node, path)), message.as_str()).expected(path.as_str());
}

/// Where the key of this name stands in the map at this location.
fn key_at(node: &Node, (map, name): (Location, &str)) -> Option<Location> {
    if node.location == map
        && let Some(entry) = node.entry(name)
    {
        return Some(entry.key_location);
    }
    let children = node.entries().iter().map(|entry| &entry.value);
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => &[],
    };
    children.chain(items).find_map(|child| key_at(child, (map, name)))
}
