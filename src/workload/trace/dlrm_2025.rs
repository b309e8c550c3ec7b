//! Alibaba's disaggregated recommendation models of 2025 (`cluster-trace-gpu-v2025`): inference services.
//!
//! Columns used: `instance_sn`, `app_name`, `cpu_request` (cores), `gpu_request` (whole devices),
//! `memory_request` (GiB), `max_instance_per_node` (−1: no limit), `creation_time`, `deletion_time` (s). An
//! empty creation means present before the start, an empty deletion alive at the end.

use crate::engine::{Span, Time};

use super::row::Row;
use super::{Format, Scale, Separator, Task};

/// The format.
pub const FORMAT: Format = Format {
    name: "dlrm-2025",
    about: "inference instances of Alibaba's cluster-trace-gpu-v2025, with limits per node",
    separator: Separator::Comma,
    columns: None,
    wanted: &["instance_sn", "app_name", "cpu_request", "gpu_request", "memory_request", "max_instance_per_node"],
    comment: None,
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    let created = row.time("creation_time", SECOND)?.unwrap_or(Time::ZERO);
    let deleted = row.time("deletion_time", SECOND)?;
    if deleted.is_some_and(|deleted| deleted < created) {
        return Err("deletion_time: it lies before creation_time".to_string());
    }
    let n_gpus = row.count("gpu_request")?.unwrap_or(0);
    let limit = row.scaled("max_instance_per_node", 1)?.unwrap_or(-1);
    Ok(Some(Task {
        group: row.text("app_name")?.to_string(),
        cpu: row.needed("cpu_request", row.amount("cpu_request", 1000)?)?,
        memory: row.needed("memory_request", row.amount("memory_request", 1 << 30)?)?,
        gpu: (n_gpus > 0).then_some((n_gpus, 1000)),
        run_for: deleted.map(|deleted| deleted.since(created)),
        max_per_node: u32::try_from(limit).ok().filter(|limit| *limit > 0),
        ..Task::new(row.text("instance_sn")?, created)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

    const HEAD: &str = "instance_sn,role,app_name,cpu_request,cpu_limit,gpu_request,gpu_limit,rdma_request,rdma_limit,memory_request,memory_limit,disk_request,disk_limit,max_instance_per_node,creation_time,scheduled_time,deletion_time\n";

    #[test]
    fn limits_and_open_ends() {
        let rows = "i0,HN,app_0,12,12,1,1,25,25,120.0,120.0,640,800,8,,,\ni1,CN,app_1,64,64,0,0,1,1,320.5,1,1,1,-1,100,101,160\n";
        let read = tasks(&FORMAT, &format!("{HEAD}{rows}"));
        assert_eq!((read[0].gpu, read[0].max_per_node, read[0].run_for), (Some((1, 1000)), Some(8), None));
        assert_eq!((read[0].cpu, read[0].memory, read[0].at), (12_000, 120 << 30, Time::ZERO));
        assert_eq!((read[1].gpu, read[1].max_per_node), (None, None));
        assert_eq!((read[1].memory, read[1].run_for), (641 << 29, Some(Span::from_secs(60))));
    }
}
