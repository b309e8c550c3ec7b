//! `cluster.inventory:` as the nodes of the start, and as what happens to machines later.

use std::path::Path;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Builder;
use super::arrivals::reader;
use super::nodes::add_labels;
use crate::cluster::{GpuInventory, NodeSpec};
use crate::engine::Time;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::arrivals::BadRows;
use crate::scenario::schema::cluster::MAX_NODES;
use crate::scenario::schema::inventory::{Inventory, InventoryFormat};
use crate::scenario::source::{Node, Value};
use crate::simulation::{Command, Target};
use crate::workload::trace::machines::{self, Clock, Fleet, Machine, Turn};
use crate::workload::trace::openb::{self, OpenbNode};
use crate::workload::trace::{OnBadRow, Scale, Skipped, google_2011_machines};

/// What a file of machines holds.
struct Read {
    start: Vec<OpenbNode>,
    later: Vec<(Time, Turn)>,
}

impl Builder<'_> {
    /// The machines of the start. What happens to machines later is kept for the timeline.
    pub(super) fn inventory(&mut self) -> Vec<NodeSpec> {
        let Some(written) = self.scenario.cluster.inventory() else { return Vec::new() };
        let path = self.scenario.data_path(&written.file.value);
        let location = written.file.location;
        let read = match read(self.scenario, written, &path) {
            Ok(read) => read,
            Err(why) => {
                self.problems.report(location, format!("{}: {why}", path.display())).expected("named here");
                return Vec::new();
            }
        };
        let joins = read.later.iter().filter(|(_, turn)| matches!(turn, Turn::Joins(_))).count();
        let most = (read.start.len() + joins) as u64;
        if !(1..=MAX_NODES).contains(&most) {
            let found = format!("{most} machines in {}", path.display());
            self.problems.report(location, found).expected(format!("expected 1 to {MAX_NODES}"));
            return Vec::new();
        }
        let at = Node { location, value: Value::Map(Vec::new()) };
        let turns = read.later.into_iter();
        self.recorded = turns.filter_map(|(when, turn)| Some((when, self.turn(turn, &at)?))).collect();
        read.start.iter().filter_map(|machine| self.machine(machine, &at)).collect()
    }

    fn turn(&mut self, turn: Turn, at: &Node) -> Option<Command> {
        let mut target = |name: &str| Target { names: vec![self.cluster.names.intern(name)], ..Target::default() };
        Some(match turn {
            Turn::Joins(machine) => Command::MachineJoins(self.machine(&without_gpus(machine), at)?),
            Turn::Leaves(name) => Command::MachineLeaves(target(&name)),
            Turn::Resized(Machine { name, cpu, memory }) => Command::MachineResized(target(&name), cpu, memory),
        })
    }

    fn machine(&mut self, machine: &OpenbNode, at: &Node) -> Option<NodeSpec> {
        let amounts = [("cpu", format!("{}m", machine.cpu)), ("memory", machine.memory.to_string())];
        let capacity = amounts.map(|(name, amount)| (name.to_string(), KubeQuantity(amount)));
        let mut metadata = ObjectMeta { name: Some(machine.name.clone()), ..ObjectMeta::default() };
        add_labels(&mut metadata);
        let status = core::NodeStatus { capacity: Some(capacity.into()), ..core::NodeStatus::default() };
        let mut spec = self.node(&core::Node { metadata, spec: None, status: Some(status) }, at)?;
        let model = self.cluster.names.intern(&machine.model);
        spec.gpus = (machine.n_gpus > 0).then_some(GpuInventory { model, count: machine.n_gpus });
        Some(spec)
    }
}

fn without_gpus(Machine { name, cpu, memory }: Machine) -> OpenbNode {
    OpenbNode { name, cpu, memory, n_gpus: 0, model: String::new() }
}

fn read(scenario: &Scenario, written: &Inventory, path: &Path) -> Result<Read, String> {
    match written.format {
        InventoryFormat::Openb => {
            let input = reader(path).map_err(|error| error.to_string())?;
            Ok(Read { start: openb::nodes(input).map_err(|bad| bad.to_string())?, later: Vec::new() })
        }
        InventoryFormat::Google2011 => {
            let Fleet { start, later, .. } = fleet(scenario, written, path)?;
            Ok(Read { start: start.into_iter().map(without_gpus).collect(), later })
        }
    }
}

/// The machines of a record, on the clock of the run.
fn fleet(scenario: &Scenario, written: &Inventory, path: &Path) -> Result<Fleet, String> {
    let usual = Scale::default();
    let scale = Scale {
        machine_cpu: written.machine_cpu.as_ref().map_or(usual.machine_cpu, |cpu| cpu.value.milli()),
        machine_memory: written.machine_memory.as_ref().map_or(usual.machine_memory, |memory| memory.value.units()),
    };
    let clock = Clock {
        from: Time(written.from.as_ref().map_or(0, |from| from.value.0)),
        time_scale: written.time_scale.as_ref().map_or(1.0, |scale| scale.value),
        end: Time(scenario.duration.value.0),
    };
    let on_bad_row = if skips(written) { OnBadRow::Skip } else { OnBadRow::Stop };
    let input = reader(path).map_err(|error| error.to_string())?;
    machines::read(input, &google_2011_machines::FORMAT, &scale, clock, on_bad_row).map_err(|bad| bad.to_string())
}

fn skips(written: &Inventory) -> bool {
    written.bad_rows.as_ref().is_some_and(|bad_rows| bad_rows.value == BadRows::Skip)
}

/// What is skipped of the inventory, if it may skip rows and does.
pub(in crate::scenario) fn skipped_machines(scenario: &Scenario) -> Option<Skipped> {
    let written = scenario.cluster.inventory().filter(|written| skips(written))?;
    let fleet = fleet(scenario, written, &scenario.data_path(&written.file.value)).ok()?;
    Some(fleet.skipped).filter(|skipped| skipped.count > 0)
}
