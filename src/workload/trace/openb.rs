//! openb: Alibaba's GPU-sharing cluster of 2023 (`cluster-trace-gpu-v2023`).
//!
//! Pods: `name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,
//! scheduled_time`, of which the derived lists have the first five only. `gpu_milli` is below 1000 only
//! when `num_gpu` is 1; `gpu_spec` joins accepted models by `|`; times are seconds. A pod runs from being
//! scheduled to being deleted. Nodes: `sn,cpu_milli,memory_mib,gpu,model`, read by [`nodes`].

use std::io::BufRead;

use crate::engine::{Span, Time};

use super::row::{MIB, Row, split};
use super::{BadRow, Format, Scale, Separator, Task};

/// The pod lists.
pub const FORMAT: Format = Format {
    name: "openb",
    about: "pods of Alibaba's GPU-sharing cluster (cluster-trace-gpu-v2023)",
    separator: Separator::Comma,
    columns: None,
    wanted: &["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"],
    comment: None,
    read,
    turns: None,
};

const SECOND: Span = Span::from_secs(1);

fn read(row: &Row<'_>, _: &Scale) -> Result<Option<Task>, String> {
    let created = row.time("creation_time", SECOND)?.unwrap_or(Time::ZERO);
    let scheduled = row.time("scheduled_time", SECOND)?;
    let deleted = row.time("deletion_time", SECOND)?;
    let n_gpus = row.needed("num_gpu", row.count("num_gpu")?)?;
    let milli = row.needed("gpu_milli", row.count("gpu_milli")?)?;
    if milli > 1000 || (milli < 1000 && n_gpus > 1) || (milli == 0) != (n_gpus == 0) {
        return Err(format!("gpu_milli: {milli} does not go with num_gpu {n_gpus}"));
    }
    let models = row.text("gpu_spec")?.split('|').filter(|model| !model.is_empty());
    Ok(Some(Task {
        cpu: row.needed("cpu_milli", row.amount("cpu_milli", 1)?)?,
        memory: row.needed("memory_mib", row.amount("memory_mib", MIB)?)?,
        gpu: (n_gpus > 0).then_some((n_gpus, milli)),
        gpu_models: models.map(ToString::to_string).collect(),
        run_for: deleted.map(|deleted| deleted.since(scheduled.unwrap_or(created))),
        ..Task::new(row.text("name")?, created)
    }))
}

/// A node of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenbNode {
    /// Its name.
    pub name: String,
    /// CPU in thousandths.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Number of GPUs.
    pub n_gpus: u32,
    /// Their model; empty without any.
    pub model: String,
}

/// Reads a node list.
///
/// # Errors
/// The first bad row; an inventory with holes is of no use.
pub fn nodes(input: impl BufRead) -> Result<Vec<OpenbNode>, BadRow> {
    let mut columns: Option<Vec<String>> = None;
    let mut nodes = Vec::new();
    for (index, line) in input.lines().enumerate() {
        let bad = |message: String| BadRow { line: index as u64 + 1, message };
        let line = line.map_err(|error| bad(error.to_string()))?;
        let fields = split(&line, Separator::Comma).map_err(bad)?;
        match &columns {
            None => columns = Some(fields),
            Some(columns) => nodes.push(node(&Row::new(columns, &fields)).map_err(bad)?),
        }
    }
    Ok(nodes)
}

fn node(row: &Row<'_>) -> Result<OpenbNode, String> {
    Ok(OpenbNode {
        name: row.text("sn")?.to_string(),
        cpu: row.needed("cpu_milli", row.amount("cpu_milli", 1)?)?,
        memory: row.needed("memory_mib", row.amount("memory_mib", MIB)?)?,
        n_gpus: row.needed("gpu", row.count("gpu")?)?,
        model: row.text("model")?.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::tests::tasks;

    const HEAD: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

    #[test]
    fn rows_become_tasks() {
        let read = tasks(
            &FORMAT,
            &format!("{HEAD}p0,6000,12288,1,460,V100M16|T4,LS,Running,10,100,40\np1,1000,0,0,0,,BE,Pending,20,,\n"),
        );
        assert_eq!((read[0].cpu, read[0].memory, read[0].gpu), (6000, 12288 << 20, Some((1, 460))));
        assert_eq!(read[0].gpu_models, ["V100M16", "T4"]);
        assert_eq!((read[0].at, read[0].run_for), (Time::from_secs(10), Some(Span::from_secs(60))));
        assert_eq!((read[1].gpu, read[1].run_for), (None, None));
        let short = tasks(&FORMAT, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np,1,1,8,1000\n");
        assert_eq!(short[0].gpu, Some((8, 1000)));
    }

    #[test]
    fn nodes_with_and_without_gpus() {
        let list = nodes("sn,cpu_milli,memory_mib,gpu,model\na,64000,1,2,P100\nb,8,1,0,\n".as_bytes()).unwrap();
        assert_eq!((list[0].n_gpus, list[0].model.as_str(), list[1].n_gpus), (2, "P100", 0));
        assert_eq!(nodes("sn,cpu_milli\na,x\n".as_bytes()).unwrap_err().line, 2);
    }
}
