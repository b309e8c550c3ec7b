//! Alibaba's batch tasks of 2017, in the form derived from `cluster-trace-v2017` by CloudSimPy.
//!
//! Columns `submit_time` (s), `duration` (s, with fractions), `cpu` (cores), `memory` (share of a machine),
//! `job_id`, `task_id`, `instances_num`. Memory is scaled by [`Scale::machine_memory`].

use crate::engine::Span;

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "alibaba-2017",
    about: "batch tasks of Alibaba's cluster-trace-v2017, as jobs.csv of CloudSimPy",
    separator: Separator::Comma,
    columns: None,
    wanted: &["submit_time", "duration", "cpu", "memory", "job_id", "task_id", "instances_num"],
    comment: None,
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<Task>, String> {
    let (job, task) = (row.text("job_id")?, row.text("task_id")?);
    let nanos = row.needed("duration", row.amount("duration", SECOND.0 as i64)?)?;
    Ok(Some(Task {
        group: job.to_string(),
        cpu: row.needed("cpu", row.amount("cpu", 1000)?)?,
        memory: row.needed("memory", row.amount("memory", scale.machine_memory)?)?,
        run_for: Some(Span(nanos as u64)),
        instances: row.needed("instances_num", row.count("instances_num")?)?,
        ..Task::new(&format!("{job}-{task}"), row.needed("submit_time", row.time("submit_time", SECOND)?)?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

    #[test]
    fn a_task_of_many_instances() {
        let text =
            ",submit_time,duration,cpu,memory,job_id,task_id,instances_num,disk\n0,539,116.5,1.0,0.0054,1,2,283,0\n";
        let task = &tasks(&FORMAT, text)[0];
        assert_eq!((task.name.as_str(), task.group.as_str(), task.instances), ("1-2", "1", 283));
        assert_eq!((task.cpu, task.run_for), (1000, Some(Span::from_millis(116_500))));
        assert_eq!(task.memory, (0.0054 * (128i64 << 30) as f64).round() as i64);
    }
}
