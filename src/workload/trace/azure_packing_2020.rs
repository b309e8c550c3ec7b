//! Azure's trace for packing of 2020 (`AzureTracesForPacking2020`): requests for virtual machines, exported as CSV.
//!
//! The dataset is a sqlite file with two tables, to be exported with headers (`sqlite3 -header -csv FILE 'SELECT …'`):
//!
//! ```text
//! vm      vmId, tenantId, vmTypeId, priority, starttime, endtime; ORDER BY starttime
//! vmType  id, vmTypeId, machineId, core, memory, hdd, ssd, nic
//! ```
//! The trace is the first; the second is given beside it and read by [`Types`], or joined into the first beforehand. Times
//! are days with fractions: a negative start means there at the beginning, an empty end still alive after 90 days.
//! Priority 0 is high, 1 low, so that pods get 1 and 0. Core and memory are shares of a machine, scaled by [`Scale`]; a type
//! has a row for each kind of machine, of which the first in the file counts. The tenant, the owner of a group of requests,
//! is namespace and group. Source: Hadary et al., *Protean: VM Allocation Service at Scale*, OSDI 2020, and the dataset's page.

use crate::engine::{Span, Time};

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "azure-packing-2020",
    about: "virtual machines of AzureTracesForPacking2020, table vm as CSV, with table vmType as `types`",
    separator: Separator::Comma,
    columns: None,
    wanted: &["vmId", "tenantId", "vmTypeId", "starttime", "endtime", "core", "memory"],
    comment: None,
    read,
    turns: None,
};

/// The column by which [`Types`] belong to rows.
pub const TYPE: &str = "vmTypeId";
const DAY: i64 = 86_400_000_000_000;

fn read(row: &Row<'_>, scale: &Scale) -> Result<Option<Task>, String> {
    let start = row.needed("starttime", row.scaled("starttime", DAY)?)?.max(0);
    let end = match row.text("endtime")? {
        "NULL" => None,
        _ => row.scaled("endtime", DAY)?,
    };
    if end.is_some_and(|end| end < start) {
        return Err("endtime: it lies before starttime or before the trace".to_string());
    }
    let tenant = row.text("tenantId")?;
    Ok(Some(Task {
        group: format!("tenant-{tenant}"),
        tenant: format!("tenant-{tenant}"),
        cpu: row.needed("core", row.amount("core", scale.machine_cpu)?)?,
        memory: row.needed("memory", row.amount("memory", scale.machine_memory)?)?,
        priority: i32::from(row.count("priority")? == Some(0)),
        run_for: end.map(|end| Span((end - start) as u64)),
        ..Task::new(row.text("vmId")?, Time(start as u64))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::types::Types;
    use crate::workload::trace::{BadRow, OnBadRow, Trace};

    const VMS: &str =
        "vmId,tenantId,vmTypeId,priority,starttime,endtime\n0,7,50,0,-0.5,\n1,8,60,1,0.25,0.5\n2,8,61,1,1,2\n";
    const TYPES: &str = "id,vmTypeId,machineId,core,memory,hdd,ssd,nic\n0,50,16,0.5,0.25,0,0,0\n1,60,16,0.125,0.0625,0,0,0\n2,60,17,0.1,0.1,0,0,0\n";

    fn tasks(vms: &str) -> Vec<Result<Task, BadRow>> {
        let types = Types::read(TYPES.as_bytes(), TYPE).unwrap();
        Trace::open_with(vms.as_bytes(), &FORMAT, Scale::default(), OnBadRow::Stop, Some(types)).unwrap().collect()
    }

    #[test]
    fn requests_are_shares_of_a_machine_and_times_days() {
        let read = tasks(VMS);
        let [Ok(old), Ok(young), Err(unknown)] = &read[..] else { panic!("{read:?}") };
        // half of 64 cores, a quarter of 128 GiB; six hours from a quarter to half a day; 60 is of the first machine
        assert_eq!((old.at, old.run_for, old.cpu, old.memory), (Time::ZERO, None, 32_000, 32 << 30));
        assert_eq!((young.at, young.run_for), (Time::from_secs(21_600), Some(Span::from_secs(21_600))));
        assert_eq!((young.cpu, young.memory, young.tenant.as_str()), (8000, 8 << 30, "tenant-8"));
        assert_eq!((old.priority, young.priority), (1, 0));
        assert_eq!(unknown.to_string(), "line 4: vmTypeId: no row of the second file is of type `61`");
    }

    #[test]
    fn without_types_it_says_what_is_missing() {
        let error = Trace::open(VMS.as_bytes(), &FORMAT, Scale::default(), OnBadRow::Stop).err().unwrap();
        assert_eq!(error.to_string(), "line 1: format azure-packing-2020 needs a column `core`, here or in `types`");
    }
}
