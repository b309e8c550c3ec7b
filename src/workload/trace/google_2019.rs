//! Google's cluster trace of 2019 (`clusterdata-2019`), table `instance_events`, exported from BigQuery as CSV.
//!
//! BigQuery exports no nested columns, so the export selects them by name:
//!
//! ```text
//! SELECT time, type, collection_id, instance_index, priority,
//!        resource_request.cpus AS cpus, resource_request.memory AS memory FROM instance_events ORDER BY time
//! ```
//! SUBMIT events (type 0) are tasks; requests are shares of the largest machine (Normalized Compute Units and memory),
//! scaled by [`Scale`]; empty ones count as 0. Time is in µs, the trace begins at 600 s, what was there before comes
//! at 0. No run time stands in a row, so tasks run on. Source: Wilkes, *Google cluster-usage traces v3*, 2020.

use crate::engine::{Span, Time};

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "google-2019",
    about: "submissions of Google's clusterdata-2019, table instance_events exported as CSV",
    separator: Separator::Comma,
    columns: None,
    wanted: &["time", "type", "collection_id", "instance_index", "cpus", "memory"],
    comment: None,
    read,
};

const MICROSECOND: Span = Span::from_micros(1);
/// The trace begins 600 s after its own zero.
const START: Span = Span::from_secs(600);
/// Events beyond the end of the trace carry this time: 2^63 − 1 µs.
const AFTER_END: &str = "9223372036854775807";

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<Task>, String> {
    let submitted = match row.text("type")? {
        "SUBMIT" => true,
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => false,
        _ => row.needed("type", row.count("type")?)? == 0,
    };
    if !submitted || row.text("time")? == AFTER_END {
        return Ok(None);
    }
    let time = row.needed("time", row.time("time", MICROSECOND)?)?;
    let collection = row.text("collection_id")?;
    let name = format!("{collection}-{}", row.text("instance_index")?);
    Ok(Some(Task {
        group: collection.to_string(),
        cpu: row.amount("cpus", scale.machine_cpu)?.unwrap_or(0),
        memory: row.amount("memory", scale.machine_memory)?.unwrap_or(0),
        priority: row.count("priority")?.unwrap_or(0) as i32,
        ..Task::new(&name, time.saturating_sub(START).max(Time::ZERO))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

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
    }
}
