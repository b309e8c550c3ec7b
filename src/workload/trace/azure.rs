//! Azure's public VM trace (`AzurePublicDataset`, V1 and V2), table `vmtable.csv`.
//!
//! No header; columns in order: vm id, subscription id, deployment id, created (s), deleted (s), maximum,
//! mean and 95th percentile of CPU use, category, virtual cores, memory (GB). V2 writes the last two as
//! buckets: `>24` and `>64` for the largest, which are read as 30 cores and 70 GB after the dataset's own
//! notebooks. Source: Cortez et al., SOSP 2017.

use crate::engine::Span;

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "azure",
    about: "virtual machines of the AzurePublicDataset, table vmtable (V1, V2)",
    separator: Separator::Comma,
    columns: Some(&[
        "vm",
        "subscription",
        "deployment",
        "created",
        "deleted",
        "cpu_max",
        "cpu_mean",
        "cpu_p95",
        "category",
        "cores",
        "memory",
    ]),
    wanted: &[],
    comment: None,
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    if row.text("vm")? == "vmid" {
        return Ok(None); // some copies have a header
    }
    let created = row.needed("created", row.time("created", SECOND)?)?;
    let deleted = row.time("deleted", SECOND)?;
    if deleted.is_some_and(|deleted| deleted < created) {
        return Err("deleted: it lies before created".to_string());
    }
    let bucket = |column: &str, largest: i64, unit: i64| match row.text(column)? {
        text if text.starts_with('>') => Ok(largest * unit),
        _ => row.needed(column, row.amount(column, unit)?),
    };
    Ok(Some(Task {
        group: row.text("deployment")?.to_string(),
        tenant: row.text("subscription")?.to_string(),
        cpu: bucket("cores", 30, 1000)?,
        memory: bucket("memory", 70, 1 << 30)?,
        run_for: deleted.map(|deleted| deleted.since(created)),
        ..Task::new(row.text("vm")?, created)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

    #[test]
    fn numbers_and_buckets() {
        let read = tasks(&FORMAT, "a,s,d,300,900,99,5,20,Unknown,4,32\nb,s,d,0,2591700,1,1,1,Interactive,>24,>64\n");
        assert_eq!((read[0].cpu, read[0].memory, read[0].run_for), (4000, 32 << 30, Some(Span::from_secs(600))));
        assert_eq!((read[1].cpu, read[1].memory), (30_000, 70 << 30));
    }
}
