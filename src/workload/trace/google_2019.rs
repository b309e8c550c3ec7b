//! Google's cluster trace of 2019 (`clusterdata-2019`), table `instance_events`, exported from BigQuery as CSV.
//!
//! BigQuery exports no nested columns, so the export selects them by name:
//!
//! ```text
//! SELECT time, type, collection_id, instance_index, priority,
//!        resource_request.cpus AS cpus, resource_request.memory AS memory FROM instance_events ORDER BY time
//! ```
//! SUBMIT events (type 0, or by name) are tasks, of the group of their collection; a column `user`, which is in the
//! table collection_events and may be joined, is their tenant. Requests are shares of the largest machine (Normalized
//! Compute Units and memory), scaled by [`Scale`]; empty ones count as 0. Time is in µs, the trace begins at 600 s,
//! what was there before comes at 0. An instance runs from SCHEDULE (3) to EVICT, FAIL, FINISH, KILL or LOST (4 to 8);
//! submitted again, it is another task. Source: Wilkes, *Google cluster-usage traces v3*, 2020.

use crate::engine::{Span, Time};

use super::lives::{TaskKey, Turn};
use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "google-2019",
    about: "tasks of Google's clusterdata-2019, table instance_events as CSV in order of time",
    separator: Separator::Comma,
    columns: None,
    wanted: &["time", "type", "collection_id", "instance_index", "cpus", "memory"],
    comment: None,
    read,
    turns: Some(turns),
};

const MICROSECOND: Span = Span::from_micros(1);
/// The trace begins 600 s after its own zero.
const START: Span = Span::from_secs(600);
/// Events beyond the end of the trace carry this time: 2^63 − 1 µs.
const AFTER_END: &str = "9223372036854775807";

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<Task>, String> {
    if event(row)? != Some(Event::Submit) {
        return Ok(None);
    }
    let collection = row.text("collection_id")?;
    let name = format!("{collection}-{}", row.text("instance_index")?);
    Ok(Some(Task {
        group: collection.to_string(),
        tenant: row.text("user")?.to_string(),
        cpu: row.amount("cpus", scale.machine_cpu)?.unwrap_or(0),
        memory: row.amount("memory", scale.machine_memory)?.unwrap_or(0),
        priority: row.count("priority")?.unwrap_or(0) as i32,
        key: key(row)?,
        ..Task::new(&name, time(row)?)
    }))
}

/// What a row tells of an instance.
#[derive(PartialEq)]
enum Event {
    Submit,
    Schedule,
    End,
}

/// `None` if it is none of these, or lies beyond the end of the trace.
fn event(row: &Row<'_>) -> Result<Option<Event>, String> {
    if row.text("time")? == AFTER_END {
        return Ok(None);
    }
    Ok(match row.text("type")? {
        "SUBMIT" => Some(Event::Submit),
        "SCHEDULE" => Some(Event::Schedule),
        "EVICT" | "FAIL" | "FINISH" | "KILL" | "LOST" => Some(Event::End),
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => None,
        _ => match row.needed("type", row.count("type")?)? {
            0 => Some(Event::Submit),
            3 => Some(Event::Schedule),
            4..=8 => Some(Event::End),
            _ => None,
        },
    })
}

fn turns(row: &Row<'_>) -> Result<Option<Turn>, String> {
    let Some(event) = event(row)? else { return Ok(None) };
    Ok(Some(Turn { key: key(row)?, at: time(row)?, starts: event == Event::Schedule }))
}

fn key(row: &Row<'_>) -> Result<TaskKey, String> {
    let number = |column| Ok::<_, String>(row.needed(column, row.amount(column, 1)?)? as u64);
    Ok((number("collection_id")?, number("instance_index")?))
}

fn time(row: &Row<'_>) -> Result<Time, String> {
    Ok(row.needed("time", row.time("time", MICROSECOND)?)?.saturating_sub(START))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;
    use crate::workload::trace::{OnBadRow, Step, Trace};

    #[test]
    fn submissions_are_tasks_in_shares_of_a_machine() {
        let text = "time,type,collection_id,instance_index,priority,cpus,memory\n\
                    0,0,7,0,200,0.5,0.25\n\
                    601000000,SUBMIT,7,1,103,,\n\
                    602000000,3,7,1,103,0.5,0.5\n\
                    603000000,FINISH,7,1,103,0.5,0.5\n\
                    9223372036854775807,0,8,0,0,0.5,0.5\n";
        let read = tasks(&FORMAT, text);
        assert_eq!(read.len(), 2);
        // half of 64 cores, a quarter of 128 GiB
        assert_eq!((read[0].at, read[0].cpu, read[0].memory, read[0].priority), (Time::ZERO, 32_000, 32 << 30, 200));
        assert_eq!((read[1].at, read[1].cpu, read[1].name.as_str()), (Time::from_secs(1), 0, "7-1"));
        assert_eq!((read[1].group.as_str(), read[1].key), ("7", (7, 1)));
    }

    #[test]
    fn starts_and_ends_by_number_and_by_name() {
        let text = "time,type,collection_id,instance_index,cpus,memory\n\
                    601000000,1,7,1,,\n602000000,3,7,1,,\n603000000,FINISH,7,1,,\n604000000,9,7,1,,\n\
                    605000000,SCHEDULE,7,2,,\n606000000,8,7,2,,\n";
        let mut trace = Trace::open(text.as_bytes(), &FORMAT, Scale::default(), OnBadRow::Stop).unwrap();
        let turn = |key, second, starts| Ok(Step::Turn(Turn { key, at: Time::from_secs(second), starts }));
        let told = [turn((7, 1), 2, true), turn((7, 1), 3, false), turn((7, 2), 5, true), turn((7, 2), 6, false)];
        assert_eq!(std::iter::from_fn(|| trace.step()).collect::<Vec<_>>(), told);
    }
}
