//! Trace readers: recorded workloads, row by row.
//!
//! A [`Trace`] is a cursor over a file: it holds one row at a time, so that a trace of millions of rows
//! needs no room. A [`Format`] turns a row into a [`Task`] in the cluster's integers; there is a file for each,
//! and a line in [`FORMATS`].
//!
//! A row that cannot be read is never passed over in silence: it stops the reading, or is counted and
//! skipped, by choice ([`OnBadRow`]); either way its line number and what was wrong with it are known.
//! Rows that are right but hold no task (an event of another kind, a comment) are not bad.

pub mod alibaba_2017;
pub mod arrivals;
pub mod azure;
pub mod azure_packing_2020;
pub mod dlrm_2025;
pub mod google_2011;
pub mod google_2011_machines;
pub mod google_2019;
pub mod lives;
pub mod machines;
pub mod openb;
pub mod plain;
pub mod reshape;
pub mod row;
pub mod swf;
pub mod types;

use std::fmt;
use std::io::BufRead;

use crate::engine::{Span, Time};

use lives::{TaskKey, Turn};
use row::Row;
use types::Types;

/// What a row of a trace asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// What the trace calls it.
    pub name: String,
    /// The application or job it belongs to; empty if the trace knows none.
    pub group: String,
    /// Whom it belongs to: a user, a subscription; empty if the trace knows none.
    pub tenant: String,
    /// When it comes, from the start of the trace.
    pub at: Time,
    /// How long it runs; `None`: to the end of the trace or beyond.
    pub run_for: Option<Span>,
    /// CPU in thousandths of a core, of each instance.
    pub cpu: i64,
    /// Memory in bytes, of each instance.
    pub memory: i64,
    /// GPUs of each instance: how many, thousandths of each.
    pub gpu: Option<(u32, u32)>,
    /// Accepted GPU models; empty: any.
    pub gpu_models: Vec<String>,
    /// How many equal pods it stands for.
    pub instances: u32,
    /// Priority.
    pub priority: i32,
    /// Most instances of its group on one node.
    pub max_per_node: Option<u32>,
    /// Of an event log: under what later rows tell of it.
    pub key: TaskKey,
}

impl Task {
    /// One instance that asks for nothing.
    pub fn new(name: &str, at: Time) -> Self {
        Task { name: name.to_string(), at, instances: 1, ..Task::default() }
    }
}

/// What a format needs to know that is not in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// A machine's CPU in thousandths, where the trace gives shares of a machine.
    pub machine_cpu: i64,
    /// A machine's memory in bytes, likewise.
    pub machine_memory: i64,
}

impl Default for Scale {
    /// 64 cores and 128 GiB.
    fn default() -> Self {
        Scale { machine_cpu: 64_000, machine_memory: 128 << 30 }
    }
}

/// How fields stand in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// By commas, quoted if need be; the first line names them unless the format does.
    Comma,
    /// By white space; the format names them.
    Space,
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A task comes.
    Task(Task),
    /// One that came before starts or ends.
    Turn(Turn),
}

/// Reads a row of an event log that tells of a task's start or end.
pub type ReadTurn = fn(&Row<'_>) -> Result<Option<Turn>, String>;

/// A trace format in the list.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name in scenario files.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// How fields stand in a line.
    pub separator: Separator,
    /// Names of the fields if no line of the file gives them.
    pub columns: Option<&'static [&'static str]>,
    /// Columns without which it is another format; names joined by `|` stand for one another.
    pub wanted: &'static [&'static str],
    /// The first character of lines that are comments.
    pub comment: Option<char>,
    /// Reads a row; `None` if it holds no task.
    pub read: fn(&Row<'_>, &Scale) -> Result<Option<Task>, String>,
    /// Of an event log, which tells of a task's start and end in rows of their own: reads such a row, `None` if it
    /// tells of something else. Asked about rows that hold no task.
    pub turns: Option<ReadTurn>,
}

/// All formats.
pub const FORMATS: &[Format] = &[
    openb::FORMAT,
    alibaba_2017::FORMAT,
    dlrm_2025::FORMAT,
    google_2011::FORMAT,
    google_2019::FORMAT,
    azure::FORMAT,
    azure_packing_2020::FORMAT,
    swf::FORMAT,
    plain::FORMAT,
];

/// The format of this name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// What to do with a row that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadRow {
    /// Stop: the trace ends there with an error.
    Stop,
    /// Count it, remember the first few, and go on.
    Skip,
}

/// A row that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The line in the file, from 1.
    pub line: u64,
    /// What was wrong.
    pub message: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for BadRow {}

/// Bad rows met so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// How many.
    pub count: u64,
    /// The first of them, at most [`REMEMBERED`].
    pub first: Vec<BadRow>,
}

/// How many skipped rows are remembered with their words.
pub const REMEMBERED: usize = 20;

/// A cursor over a trace.
pub struct Trace<R> {
    input: R,
    format: &'static Format,
    scale: Scale,
    on_bad_row: OnBadRow,
    columns: Vec<String>,
    /// What is known of types, by the position of the column that names them.
    types: Option<(usize, Types)>,
    buffer: String,
    line: u64,
    skipped: Skipped,
    ended: bool,
}

impl<R: BufRead> Trace<R> {
    /// Opens a trace: reads the names of its columns.
    ///
    /// # Errors
    /// If a column the format needs is missing.
    pub fn open(input: R, format: &'static Format, scale: Scale, on_bad_row: OnBadRow) -> Result<Self, BadRow> {
        Trace::open_with(input, format, scale, on_bad_row, None)
    }

    /// As [`Trace::open`], with what a second file tells of types.
    ///
    /// # Errors
    /// If a column the format needs is in neither.
    pub fn open_with(
        input: R,
        format: &'static Format,
        scale: Scale,
        on_bad_row: OnBadRow,
        types: Option<Types>,
    ) -> Result<Self, BadRow> {
        let mut trace = Trace {
            input,
            format,
            scale,
            on_bad_row,
            columns: Vec::new(),
            types: None,
            buffer: String::new(),
            line: 0,
            skipped: Skipped::default(),
            ended: false,
        };
        match format.columns {
            Some(columns) => trace.columns = columns.iter().map(ToString::to_string).collect(),
            None => trace.read_columns(types)?,
        }
        Ok(trace)
    }

    /// Rows skipped so far.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// Whether starts and ends of tasks stand in rows of their own.
    pub fn is_log(&self) -> bool {
        self.format.turns.is_some()
    }

    /// The line read last, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn read_columns(&mut self, types: Option<Types>) -> Result<(), BadRow> {
        if !self.read_line()? {
            return Err(BadRow { line: 1, message: "the file is empty".to_string() });
        }
        let header = self.buffer.trim_start_matches('\u{feff}');
        self.columns = row::split(header, self.format.separator)
            .map_err(|message| BadRow { line: self.line, message })?
            .iter()
            .map(|column| column.trim().to_string())
            .collect();
        if let Some(types) = types {
            let position = self.columns.iter().position(|column| column == types.column);
            let message = || format!("a column `{}` is wanted, as in `types`", types.column);
            let position = position.ok_or_else(|| BadRow { line: self.line, message: message() })?;
            self.columns.extend(types.columns.iter().cloned());
            self.types = Some((position, types));
        }
        let known = |wanted: &str| wanted.split('|').any(|name| self.columns.iter().any(|column| column == name));
        match self.format.wanted.iter().find(|wanted| !known(wanted)) {
            Some(missing) => Err(BadRow { line: self.line, message: self.misses(missing) }),
            None => Ok(()),
        }
    }

    fn misses(&self, column: &str) -> String {
        let of_type = self.format.wanted.contains(&azure_packing_2020::TYPE) && self.types.is_none();
        let place = if of_type { ", here or in `types`" } else { "" };
        format!("format {} needs a column `{}`{place}", self.format.name, column.replace('|', "` or `"))
    }

    /// Reads a line that says something into the buffer; false at the end.
    fn read_line(&mut self) -> Result<bool, BadRow> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let read = self.input.read_line(&mut self.buffer);
            if read.map_err(|error| BadRow { line: self.line, message: error.to_string() })? == 0 {
                return Ok(false);
            }
            let text = self.buffer.trim();
            if !text.is_empty() && !self.format.comment.is_some_and(|mark| text.starts_with(mark)) {
                return Ok(true);
            }
        }
    }

    fn read_row(&self) -> Result<Option<Step>, String> {
        let mut fields = row::split(self.buffer.trim_end_matches(['\r', '\n']), self.format.separator)?;
        if let Some((position, types)) = &self.types {
            let own = self.columns.len() - types.columns.len();
            let name = fields.get(*position).map_or("", |field| field.trim()).to_string();
            fields.truncate(own);
            if fields.len() < own {
                return Err(format!(
                    "{}: the row ends before it, after {} fields",
                    self.columns[fields.len()],
                    fields.len()
                ));
            }
            fields.extend_from_slice(types.of(&name)?);
        }
        let row = Row::new(&self.columns, &fields);
        Ok(match ((self.format.read)(&row, &self.scale)?, self.format.turns) {
            (Some(task), _) => Some(Step::Task(task)),
            (None, Some(turns)) => turns(&row)?.map(Step::Turn),
            (None, None) => None,
        })
    }

    /// What the next row says that says anything.
    pub fn step(&mut self) -> Option<Result<Step, BadRow>> {
        while !self.ended {
            match self.read_line() {
                Ok(true) => (),
                Ok(false) => break,
                Err(bad) => {
                    self.ended = true; // the file itself cannot be read on
                    return Some(Err(bad));
                }
            }
            let bad = match self.read_row() {
                Ok(Some(step)) => return Some(Ok(step)),
                Ok(None) => continue,
                Err(message) => BadRow { line: self.line, message },
            };
            if self.on_bad_row == OnBadRow::Stop {
                self.ended = true;
                return Some(Err(bad));
            }
            self.skipped.count += 1;
            if self.skipped.first.len() < REMEMBERED {
                self.skipped.first.push(bad);
            }
        }
        self.ended = true;
        None
    }
}

impl<R: BufRead> Iterator for Trace<R> {
    type Item = Result<Task, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step()? {
                Ok(Step::Task(task)) => return Some(Ok(task)),
                Ok(Step::Turn(_)) => (),
                Err(bad) => return Some(Err(bad)),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All tasks of `text`, which must be right.
    pub(crate) fn tasks(format: &'static Format, text: &str) -> Vec<Task> {
        let trace = Trace::open(text.as_bytes(), format, Scale::default(), OnBadRow::Stop).unwrap();
        trace.collect::<Result<_, _>>().unwrap()
    }

    const BAD: &str = "at,cpu,memory\n0,1,1\n1,x,1\n2,1,1\n3,1\n4,-1,1\n";

    #[test]
    fn a_bad_row_stops_with_its_line() {
        let trace = Trace::open(BAD.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Stop).unwrap();
        let read: Vec<_> = trace.collect();
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].as_ref().unwrap_err().to_string(), "line 3: cpu: `x` is not a number");
    }

    #[test]
    fn or_is_counted_and_skipped() {
        let mut trace = Trace::open(BAD.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Skip).unwrap();
        assert_eq!(trace.by_ref().filter(Result::is_ok).count(), 2);
        assert_eq!(trace.skipped().count, 3);
        let lines: Vec<u64> = trace.skipped().first.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [3, 5, 6]);
    }

    #[test]
    fn another_file_is_refused_at_once() {
        let error = Trace::open("a,b\n1,2\n".as_bytes(), &openb::FORMAT, Scale::default(), OnBadRow::Skip).err();
        assert_eq!(error.unwrap().to_string(), "line 1: format openb needs a column `name`");
        assert!(Trace::open("".as_bytes(), &openb::FORMAT, Scale::default(), OnBadRow::Skip).is_err());
    }
}
