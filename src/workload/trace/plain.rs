//! Plain CSV: the format to bring one's own trace in.
//!
//! Columns by name, in any order, others ignored: `at` (seconds, needed), `cpu` (cores, needed), `memory`
//! (MiB), `duration` (seconds; empty: no end), `gpus`, `gpu_milli` (of each, 1000 if empty), `gpu_models`
//! (joined by `|`), `instances` (1 if empty), `priority`, `name`, `group`. Numbers may have fractions.

use crate::engine::Span;

use super::row::{MIB, Row};
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "csv",
    about: "plain CSV with columns at, cpu, memory, duration, gpus, gpu_milli, instances, priority, name, group",
    separator: Separator::Comma,
    columns: None,
    wanted: &["at", "cpu"],
    comment: Some('#'),
    read,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    let n_gpus = row.count("gpus")?.unwrap_or(0);
    let milli = row.count("gpu_milli")?.unwrap_or(1000);
    if n_gpus > 0 && (milli == 0 || milli > 1000 || (milli < 1000 && n_gpus > 1)) {
        return Err(format!("gpu_milli: {milli} does not go with {n_gpus} GPUs"));
    }
    let models = row.text("gpu_models")?.split('|').filter(|model| !model.is_empty());
    let priority = row.scaled("priority", 1)?.unwrap_or(0);
    Ok(Some(Task {
        group: row.text("group")?.to_string(),
        cpu: row.needed("cpu", row.amount("cpu", 1000)?)?,
        memory: row.amount("memory", MIB)?.unwrap_or(0),
        gpu: (n_gpus > 0).then_some((n_gpus, milli)),
        gpu_models: models.map(ToString::to_string).collect(),
        run_for: row.amount("duration", SECOND.0 as i64)?.map(|nanos| Span(nanos as u64)),
        instances: row.count("instances")?.unwrap_or(1),
        priority: i32::try_from(priority).map_err(|_| format!("priority: {priority} is out of range"))?,
        ..Task::new(row.text("name")?, row.needed("at", row.time("at", SECOND)?)?)
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
}
