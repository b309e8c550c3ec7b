//! Google's cluster trace of 2011 (`clusterdata-2011-2`), table `machine_events`.
//!
//! No header; columns in order: time (µs), machine id, event type, platform id, CPUs, memory. ADD (0) makes a machine
//! available, REMOVE (1) takes it away, as it failed or is maintained, UPDATE (2) changes what is available of it.
//! Capacities are shares of the largest machine, scaled by [`Scale`], and empty where the trace does not know them. The
//! clock is that of [`super::google_2011`]: time 0 is what was there before, and the trace begins at 600 s.
//! Source: Reiss, Wilkes, Hellerstein, *Google cluster-usage traces: format + schema*.

use super::google_2011::{AFTER_END, time};
use super::machines::{Format, Happening, MachineRow};
use super::row::Row;
use super::{Scale, Separator};

/// The format.
pub const FORMAT: Format = Format {
    name: "google-2011-machines",
    about: "machines of Google's clusterdata-2011-2, table machine_events, for cluster.inventory",
    separator: Separator::Comma,
    columns: &["time", "machine", "event", "platform", "cpus", "memory"],
    read,
};

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<MachineRow>, String> {
    if row.text("time")? == AFTER_END {
        return Ok(None);
    }
    let happening = match row.needed("event", row.count("event")?)? {
        0 => Happening::Added,
        1 => Happening::Removed,
        2 => Happening::Updated,
        other => return Err(format!("event: {other} is none of 0 (ADD), 1 (REMOVE) and 2 (UPDATE)")),
    };
    let machine = row.needed("machine", row.amount("machine", 1)?)?;
    Ok(Some(MachineRow {
        at: time(row)?,
        machine: format!("machine-{machine}"),
        happening,
        cpu: share(row, "cpus", scale.machine_cpu)?,
        memory: share(row, "memory", scale.machine_memory)?,
    }))
}

/// A share of the largest machine, of which there is `whole`.
fn share(row: &Row<'_>, column: &str, whole: i64) -> Result<Option<i64>, String> {
    match row.amount(column, whole)? {
        Some(amount) if amount > whole => {
            Err(format!("{column}: {} is more than the largest machine has, which is 1", row.text(column)?))
        }
        amount => Ok(amount),
    }
}
