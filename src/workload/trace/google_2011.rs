//! Google's cluster trace of 2011 (`clusterdata-2011-2`), table `task_events`.
//!
//! No header; columns in order: time (µs), missing info, job id, task index, machine id, event type, user,
//! scheduling class, priority, cpu request, memory request, disk request, different machine. SUBMIT events
//! (0) are tasks, of the group of their job and the tenant of their user; requests are shares of the largest machine,
//! scaled by [`Scale`]; empty ones count as 0. Time 600 s is the start of the trace; what was there before comes at 0.
//! A task runs from SCHEDULE (1) to EVICT, FAIL, FINISH, KILL or LOST (2 to 6); submitted again, it is another task.
//! Source: Reiss, Wilkes, Hellerstein, *Google cluster-usage traces: format + schema*.

use crate::engine::{Span, Time};

use super::lives::{TaskKey, Turn};
use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "google-2011",
    about: "tasks of Google's clusterdata-2011-2, table task_events in order of time",
    separator: Separator::Comma,
    columns: Some(&[
        "time",
        "missing",
        "job",
        "index",
        "machine",
        "event",
        "user",
        "class",
        "priority",
        "cpu",
        "memory",
        "disk",
        "different",
    ]),
    wanted: &[],
    comment: None,
    read,
    turns: Some(turns),
};

const MICROSECOND: Span = Span::from_micros(1);
/// The trace begins 600 s after its own zero.
const START: Span = Span::from_secs(600);
/// Events beyond the end of the trace carry this time: 2^63 − 1 µs.
pub(super) const AFTER_END: &str = "9223372036854775807";

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<Task>, String> {
    if row.needed("event", row.count("event")?)? != 0 || row.text("time")? == AFTER_END {
        return Ok(None);
    }
    let job = row.text("job")?;
    let name = format!("{job}-{}", row.text("index")?);
    Ok(Some(Task {
        group: job.to_string(),
        tenant: row.text("user")?.to_string(),
        cpu: row.amount("cpu", scale.machine_cpu)?.unwrap_or(0),
        memory: row.amount("memory", scale.machine_memory)?.unwrap_or(0),
        priority: row.count("priority")?.unwrap_or(0) as i32,
        max_per_node: (row.text("different")? == "1").then_some(1),
        key: key(row)?,
        ..Task::new(&name, time(row)?)
    }))
}

fn turns(row: &Row<'_>) -> Result<Option<Turn>, String> {
    let event = row.needed("event", row.count("event")?)?;
    if !(1..=6).contains(&event) || row.text("time")? == AFTER_END {
        return Ok(None);
    }
    Ok(Some(Turn { key: key(row)?, at: time(row)?, starts: event == 1 }))
}

fn key(row: &Row<'_>) -> Result<TaskKey, String> {
    let number = |column| Ok::<_, String>(row.needed(column, row.amount(column, 1)?)? as u64);
    Ok((number("job")?, number("index")?))
}

/// The instant of a row, from the start of the trace.
pub(super) fn time(row: &Row<'_>) -> Result<Time, String> {
    Ok(row.needed("time", row.time("time", MICROSECOND)?)?.saturating_sub(START))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

    #[test]
    fn only_submissions_are_tasks() {
        let text = "0,2,3418309,0,4155527081,0,u,3,9,0.125,0.07446,0.0004244,0\n\
                    0,2,3418309,0,4155527081,1,u,3,9,0.125,0.07446,0.0004244,0\n\
                    600500000,,99,4,,0,u,0,2,0.0625,,,1\n\
                    9223372036854775807,,99,5,,0,u,0,2,0.0625,,,1\n";
        let read = tasks(&FORMAT, text);
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].cpu, read[0].at, read[0].priority), (8000, Time::ZERO, 9));
        assert_eq!((read[1].name.as_str(), read[1].at), ("99-4", Time(500_000_000)));
        assert_eq!((read[1].memory, read[1].max_per_node, read[1].key), (0, Some(1), (99, 4)));
        assert_eq!((read[1].group.as_str(), read[1].tenant.as_str()), ("99", "u"));
    }
}
