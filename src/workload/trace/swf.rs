//! The Standard Workload Format of the Parallel Workloads Archive: jobs of supercomputers.
//!
//! 18 columns by white space, `;` begins a comment, −1 means unknown: job, submit (s), wait, run time (s),
//! processors used, CPU time, memory used (KB a processor), processors asked, time asked, memory asked, status,
//! user, group, executable, queue, partition, preceding job, think time. A job of n processors becomes n pods of
//! one core each, a gang. What was asked is preferred to what was used. Jobs of unknown size or run time
//! (cancelled before start) hold no task. Source: Chapin et al., JSSPP 1999.

use crate::engine::Span;

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "swf",
    about: "jobs in the Standard Workload Format of the Parallel Workloads Archive",
    separator: Separator::Space,
    columns: Some(&[
        "job",
        "submit",
        "wait",
        "run",
        "used",
        "cpu_time",
        "memory_used",
        "asked",
        "time_asked",
        "memory_asked",
        "status",
        "user",
        "group",
        "executable",
        "queue",
        "partition",
        "preceding",
        "think",
    ]),
    wanted: &[],
    comment: Some(';'),
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    row.text("think")?; // a row that ends early is broken, not unknown
    let known = |column: &str, unit: i64| Ok::<_, String>(row.scaled(column, unit)?.filter(|value| *value >= 0));
    let processors = match known("asked", 1)?.filter(|n| *n > 0) {
        Some(asked) => Some(asked),
        None => known("used", 1)?.filter(|n| *n > 0),
    };
    let (Some(processors), Some(run)) = (processors, known("run", SECOND.0 as i64)?) else { return Ok(None) };
    let memory = match known("memory_asked", 1024)? {
        Some(asked) => Some(asked),
        None => known("memory_used", 1024)?,
    };
    let job = row.text("job")?;
    let tenant = known("user", 1)?.map_or(String::new(), |user| format!("user-{user}"));
    Ok(Some(Task {
        group: job.to_string(),
        tenant,
        cpu: 1000,
        memory: memory.unwrap_or(0),
        run_for: Some(Span(run as u64)),
        instances: u32::try_from(processors).map_err(|_| format!("asked: {processors} is too large"))?,
        ..Task::new(job, row.needed("submit", row.time("submit", SECOND)?)?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Time;
    use crate::workload::trace::tests::tasks;

    #[test]
    fn a_job_is_a_gang_and_the_unknown_is_left_out() {
        let text = "; Version: 2.2\n    1   5 -1 1451 128 -1 2048 -1 -1 -1 -1 1 1 -1 -1 -1 -1 -1\n\
                    2 6 -1 10 4 -1 -1 8 -1 512 1 1 1 -1 -1 -1 -1 -1\n3 7 -1 -1 4 -1 -1 8 -1 512 5 1 1 -1 -1 -1 -1 -1\n";
        let read = tasks(&FORMAT, text);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].instances, read[0].cpu, read[0].memory), (128, 1000, 2 << 20));
        assert_eq!((read[0].at, read[0].run_for), (Time::from_secs(5), Some(Span::from_secs(1451))));
        assert_eq!((read[0].group.as_str(), read[0].tenant.as_str()), ("1", "user-1"));
        assert_eq!((read[1].instances, read[1].memory), (8, 512 << 10), "asked before used");
    }
}
