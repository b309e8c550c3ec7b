//! Machines of a recorded cluster: which are there at the start, which come, go and change later, and when.
//!
//! A [`Format`] turns a row into a [`MachineRow`]; [`read`] follows every machine through its rows. The whole file is
//! read before the run, and rows need not be in order of time. A row that does not go with those before it, the removal
//! of a machine that is not there for example, is as bad as one that cannot be read.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::engine::Time;

use super::row::{Row, split};
use super::{BadRow, OnBadRow, REMEMBERED, Scale, Separator, Skipped, google_2011_machines};

/// A format of machine events.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name in scenario files.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// How fields stand in a line.
    pub separator: Separator,
    /// Names of the fields, which no line of the file gives.
    pub columns: &'static [&'static str],
    /// Reads a row; `None` if it tells of no machine.
    pub read: fn(&Row<'_>, &Scale) -> Result<Option<MachineRow>, String>,
}

/// All formats.
pub const FORMATS: &[Format] = &[google_2011_machines::FORMAT];

/// What happens to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It is there from now on.
    Added,
    /// It is gone.
    Removed,
    /// It has another capacity.
    Updated,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineRow {
    /// When, from the start of the trace.
    pub at: Time,
    /// The machine's name.
    pub machine: String,
    /// What happens to it.
    pub happening: Happening,
    /// Its CPU in thousandths from now on; `None`: not known.
    pub cpu: Option<i64>,
    /// Its memory in bytes from now on; `None`: not known.
    pub memory: Option<i64>,
}

/// A machine with what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// CPU in thousandths.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
}

/// What happens to the cluster in the course of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A machine joins.
    Joins(Machine),
    /// The machine of this name is gone.
    Leaves(String),
    /// A machine that is there has another capacity.
    Resized(Machine),
}

/// Instants of the trace as instants of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The instant of the trace that is the start of the run.
    pub from: Time,
    /// Gaps become so many times as long.
    pub time_scale: f64,
    /// The end of the run: what happens from then on is of no use.
    pub end: Time,
}

impl Clock {
    /// The instant of the run; `None` for what is so at its start.
    fn at(&self, recorded: Time) -> Option<Time> {
        let since = recorded.0.checked_sub(self.from.0).filter(|since| *since > 0)?;
        Some(match self.time_scale {
            1.0 => Time(since),
            scale => Time((since as f64 * scale).round() as u64),
        })
    }
}

/// The machines of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Those at the start, in the order in which the trace adds them.
    pub start: Vec<Machine>,
    /// What happens later, in order of time.
    pub later: Vec<(Time, Turn)>,
    /// Rows that were skipped.
    pub skipped: Skipped,
}

/// Follows the machines of a file through a run.
///
/// # Errors
/// The first bad row in the order of the file, or else of time, unless bad rows are skipped; a file that cannot be read.
pub fn read(
    input: impl BufRead,
    format: &Format,
    scale: &Scale,
    clock: Clock,
    on_bad_row: OnBadRow,
) -> Result<Fleet, BadRow> {
    let mut skipped = Skipped::default();
    let mut bad_row = |bad: BadRow| match on_bad_row {
        OnBadRow::Stop => Err(bad),
        OnBadRow::Skip => {
            skipped.count += 1;
            if skipped.first.len() < REMEMBERED {
                skipped.first.push(bad);
            }
            Ok(())
        }
    };
    let columns: Vec<String> = format.columns.iter().map(ToString::to_string).collect();
    let mut rows: Vec<(u64, MachineRow)> = Vec::new();
    for (line, text) in (1..).zip(input.lines()) {
        let text = text.map_err(|error| BadRow { line, message: error.to_string() })?;
        if text.trim().is_empty() {
            continue;
        }
        let fields = split(text.trim_end_matches('\r'), format.separator);
        match fields.and_then(|fields| (format.read)(&Row::new(&columns, &fields), scale)) {
            Ok(row) => rows.extend(row.map(|row| (line, row))),
            Err(message) => bad_row(BadRow { line, message })?,
        }
    }
    rows.sort_by_key(|(_, row)| row.at);
    let mut course = Course::default();
    for (line, row) in rows {
        let at = clock.at(row.at);
        if at.is_some_and(|at| at >= clock.end) {
            break;
        }
        if let Err(message) = course.take(row, at) {
            bad_row(BadRow { line, message })?;
        }
    }
    Ok(Fleet { skipped, ..course.finish() })
}

/// The machines so far, by name.
#[derive(Default)]
struct Course {
    machines: BTreeMap<String, State>,
    /// How many rows have added a machine.
    n_added: u64,
    later: Vec<(Time, Turn)>,
    /// The machines at the start, by the row that added them, once the start has passed.
    start: Option<Vec<(u64, Machine)>>,
}

/// What is known of a machine.
struct State {
    machine: Machine,
    /// The number of the row that added it, while it is there.
    added: Option<u64>,
}

impl Course {
    /// One row more, at an instant of the run or before its start.
    fn take(&mut self, row: MachineRow, at: Option<Time>) -> Result<(), String> {
        if at.is_some() && self.start.is_none() {
            self.start = Some(self.present());
        }
        if let (Some(turn), Some(at)) = (self.turn(row)?, at) {
            self.later.push((at, turn));
        }
        Ok(())
    }

    fn turn(&mut self, row: MachineRow) -> Result<Option<Turn>, String> {
        let name = row.machine.clone();
        let known = self.machines.get_mut(&name);
        let is_there = known.as_ref().is_some_and(|state| state.added.is_some());
        match (row.happening, known) {
            (Happening::Added, _) if is_there => Err(format!("{name} is added though it is there")),
            (Happening::Added, known) => {
                let machine = with_capacity(row, known.map(|state| &state.machine))?;
                self.n_added += 1;
                self.machines.insert(name, State { machine: machine.clone(), added: Some(self.n_added) });
                Ok(Some(Turn::Joins(machine)))
            }
            (Happening::Removed, Some(state)) if is_there => {
                state.added = None;
                Ok(Some(Turn::Leaves(name)))
            }
            (Happening::Removed, _) => Err(format!("{name} is removed though it is not there")),
            (Happening::Updated, Some(state)) if is_there => {
                let machine = with_capacity(row, Some(&state.machine))?;
                let differs = machine != state.machine;
                state.machine = machine.clone();
                Ok(differs.then_some(Turn::Resized(machine)))
            }
            (Happening::Updated, _) => Err(format!("{name} is updated though it is not there")),
        }
    }

    fn present(&self) -> Vec<(u64, Machine)> {
        let there = |state: &State| Some((state.added?, state.machine.clone()));
        let mut present: Vec<(u64, Machine)> = self.machines.values().filter_map(there).collect();
        present.sort_unstable_by_key(|(added, _)| *added);
        present
    }

    fn finish(self) -> Fleet {
        let start = self.start.clone().unwrap_or_else(|| self.present());
        let start = start.into_iter().map(|(_, machine)| machine).collect();
        Fleet { start, later: self.later, skipped: Skipped::default() }
    }
}

/// The machine of a row; what the row does not say is as before.
fn with_capacity(row: MachineRow, before: Option<&Machine>) -> Result<Machine, String> {
    let lacks = |what: &str| format!("nothing tells the {what} of {}", row.machine);
    let cpu = row.cpu.or(before.map(|before| before.cpu)).ok_or_else(|| lacks("CPUs"))?;
    let memory = row.memory.or(before.map(|before| before.memory)).ok_or_else(|| lacks("memory"))?;
    Ok(Machine { name: row.machine, cpu, memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale { machine_cpu: 96_000, machine_memory: 384 << 30 };
    const HOUR: Clock = Clock { from: Time::ZERO, time_scale: 1.0, end: Time::from_secs(3600) };
    /// By hand: two at the start; 7 joins at 10 s; 5 leaves at 20 s and is back at 50 s; 6 doubles at 30 s.
    const EVENTS: &str = "0,5,0,HofL,0.5,0.25\n\
                          0,6,0,HofL,0.25,0.125\n\
                          610000000,7,0,HofL,1,1\n\
                          620000000,5,1,HofL,,\n\
                          630000000,6,2,HofL,0.5,0.25\n\
                          640000000,6,2,Other,0.5,0.25\n\
                          650000000,5,0,HofL,0.5,0.25\n\
                          9223372036854775807,6,1,HofL,,\n";

    fn fleet(text: &str, clock: Clock, on_bad_row: OnBadRow) -> Result<Fleet, BadRow> {
        read(text.as_bytes(), &google_2011_machines::FORMAT, &SCALE, clock, on_bad_row)
    }

    fn machine(id: u32, eighths: i64, memory_eighths: i64) -> Machine {
        Machine { name: format!("machine-{id}"), cpu: 12_000 * eighths, memory: (48 << 30) * memory_eighths }
    }

    #[test]
    fn machines_are_there_join_leave_and_change() {
        let fleet = fleet(EVENTS, HOUR, OnBadRow::Stop).unwrap();
        assert_eq!(fleet.start, [machine(5, 4, 2), machine(6, 2, 1)]);
        let later = [
            (Time::from_secs(10), Turn::Joins(machine(7, 8, 8))),
            (Time::from_secs(20), Turn::Leaves("machine-5".to_string())),
            (Time::from_secs(30), Turn::Resized(machine(6, 4, 2))),
            (Time::from_secs(50), Turn::Joins(machine(5, 4, 2))),
        ];
        assert_eq!(fleet.later, later);
    }

    #[test]
    fn the_clock_is_that_of_the_tasks() {
        // from 25 s on at twice the pace: 5 is away, the resize comes at 2.5 s, the return at 12.5 s, which is the end
        let clock = Clock { from: Time::from_secs(25), time_scale: 0.5, end: Time(12_500_000_000) };
        let fleet = fleet(EVENTS, clock, OnBadRow::Stop).unwrap();
        assert_eq!(fleet.start, [machine(6, 2, 1), machine(7, 8, 8)]);
        assert_eq!(fleet.later, [(Time(2_500_000_000), Turn::Resized(machine(6, 4, 2)))]);
    }

    #[test]
    fn bad_rows_stop_with_their_line_or_are_counted() {
        let bad = |row: &str| {
            let text = format!("0,5,0,p,0.5,0.25\n0,6,0,p,0.5,0.25\n\n{row}\n700000000,5,1,p,,\n");
            let skipped = fleet(&text, HOUR, OnBadRow::Skip).unwrap();
            assert_eq!((skipped.skipped.count, skipped.start.len(), skipped.later.len()), (1, 2, 1), "{row}");
            fleet(&text, HOUR, OnBadRow::Stop).unwrap_err().to_string()
        };
        assert_eq!(bad("0,5,0,p,0.5,0.25"), "line 4: machine-5 is added though it is there");
        assert_eq!(bad("0,9,1,p,,"), "line 4: machine-9 is removed though it is not there");
        assert_eq!(bad("0,9,2,p,1,1"), "line 4: machine-9 is updated though it is not there");
        assert_eq!(bad("0,9,0,p,1,"), "line 4: nothing tells the memory of machine-9");
        assert_eq!(bad("0,9,3,p,1,1"), "line 4: event: 3 is none of 0 (ADD), 1 (REMOVE) and 2 (UPDATE)");
        assert_eq!(bad("0,9,0,p,1.5,1"), "line 4: cpus: 1.5 is more than the largest machine has, which is 1");
        assert_eq!(bad("0,9,0"), "line 4: cpus: the row ends before it, after 3 fields");
        assert_eq!(bad("x,9,0,p,1,1"), "line 4: time: `x` is not a number");
    }
}
