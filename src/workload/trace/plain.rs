//! Plain CSV: the format to bring one's own trace in.
//!
//! Columns by name, in any order, others ignored: `at` or `submit` (seconds, needed), `cpu` (cores, needed),
//! `memory` (MiB), `duration` (seconds; empty: no end), `gpus`, `gpu_milli` (of each, 1000 if empty), `gpu_models`
//! (joined by `|`), `instances` (1 if empty), `priority`, `name`, `group`, `tenant` or `namespace`, `max_per_node`
//! (of the group; empty: no limit). Numbers may have fractions.

use crate::engine::Span;

use super::row::{MIB, Row};
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "csv",
    about: "plain CSV with columns submit (or at), cpu, memory, duration, gpus, gpu_milli, instances, priority, group, tenant",
    separator: Separator::Comma,
    columns: None,
    wanted: &["at|submit", "cpu"],
    comment: Some('#'),
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    let at = row.either("at|submit");
    let n_gpus = row.count("gpus")?.unwrap_or(0);
    let milli = row.count("gpu_milli")?.unwrap_or(1000);
    if n_gpus > 0 && (milli == 0 || milli > 1000 || (milli < 1000 && n_gpus > 1)) {
        return Err(format!("gpu_milli: {milli} does not go with {n_gpus} GPUs"));
    }
    let models = row.text("gpu_models")?.split('|').filter(|model| !model.is_empty());
    let priority = row.scaled("priority", 1)?.unwrap_or(0);
    let (group, max_per_node) = (row.text("group")?, row.count("max_per_node")?);
    if max_per_node == Some(0) || (max_per_node.is_some() && group.is_empty()) {
        return Err("max_per_node: at least 1 of a group is wanted".to_string());
    }
    Ok(Some(Task {
        group: group.to_string(),
        tenant: row.text(row.either("tenant|namespace"))?.to_string(),
        cpu: row.needed("cpu", row.amount("cpu", 1000)?)?,
        memory: row.amount("memory", MIB)?.unwrap_or(0),
        gpu: (n_gpus > 0).then_some((n_gpus, milli)),
        gpu_models: models.map(ToString::to_string).collect(),
        run_for: row.amount("duration", SECOND.0 as i64)?.map(|nanos| Span(nanos as u64)),
        instances: row.count("instances")?.unwrap_or(1),
        priority: i32::try_from(priority).map_err(|_| format!("priority: {priority} is out of range"))?,
        max_per_node,
        ..Task::new(row.text("name")?, row.needed(at, row.time(at, SECOND)?)?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Time;
    use crate::workload::trace::tests::tasks;

    #[test]
    fn fractions_and_defaults() {
        let read = tasks(&FORMAT, "# mine\ncpu,at,duration,memory,gpus,group\n0.5,1.25,60,256,1,web\n1,2,,,,\n");
        let first = &read[0];
        assert_eq!((first.cpu, first.at, first.run_for), (500, Time(1_250_000_000), Some(Span::from_secs(60))));
        assert_eq!((first.memory, first.gpu, first.group.as_str()), (256 << 20, Some((1, 1000)), "web"));
        assert_eq!((read[1].run_for, read[1].gpu, read[1].instances), (None, None, 1));
    }

    #[test]
    fn a_time_may_be_called_submit_and_a_tenant_namespace() {
        let read = tasks(
            &FORMAT,
            "submit,cpu,memory,duration,namespace,priority,group,max_per_node\n1.5,2,512,60,shop,7,web,2\n2,1,,,,,,\n",
        );
        let first = &read[0];
        assert_eq!((first.at, first.cpu, first.memory), (Time(1_500_000_000), 2000, 512 << 20));
        assert_eq!((first.tenant.as_str(), first.priority, first.max_per_node), ("shop", 7, Some(2)));
        assert_eq!((read[1].tenant.as_str(), read[1].priority, read[1].max_per_node), ("", 0, None));
        let both = tasks(&FORMAT, "submit,at,cpu,tenant\n9,1,1,a\n");
        assert_eq!((both[0].at, both[0].tenant.as_str()), (Time::from_secs(1), "a"), "`at` comes first");
    }
}
