//! How long the tasks of an event log run: the log tells of a task's submission, start and end in rows of their own.
//!
//! [`read`] goes along the log, which must be in order of time, with the tasks open at the moment in memory, and
//! notes a number for each submission: how long from start to end. [`Living`] gives tasks their numbers. A task that
//! ends without ever having been started was cancelled and is left out; one that has no end runs on.

use std::collections::VecDeque;
use std::io::BufRead;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::engine::{Span, Time};

use super::{BadRow, Step, Task, Trace};

/// A task in an event log: job and index.
pub type TaskKey = (u64, u64);

/// What a row tells of a task that was submitted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which task.
    pub key: TaskKey,
    /// When.
    pub at: Time,
    /// Whether it starts; it ends otherwise.
    pub starts: bool,
}

/// How far a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Tasks submitted from here on are none of ours.
    pub submitted: Time,
    /// A task that runs so long may as well run on.
    pub longest: Span,
}

/// Stands for a task that runs on.
const RUNS_ON: u64 = u64::MAX;
/// Stands for a task that was never started.
const CANCELLED: u64 = 0;

/// Nanoseconds from start to end, by submission in the order of the log.
pub type Lives = Rc<[u64]>;

/// What is known of the tasks so far.
#[derive(Default)]
struct Open {
    /// Position among the submissions, and the start.
    tasks: FxHashMap<TaskKey, (usize, Option<Time>)>,
    /// Starts in order of time.
    starts: VecDeque<(Time, TaskKey, usize)>,
    lives: Vec<u64>,
}

impl Open {
    fn submit(&mut self, key: TaskKey, at: Time) {
        self.end(key, at); // its end is missing in the log
        self.tasks.insert(key, (self.lives.len(), None));
        self.lives.push(RUNS_ON);
    }

    fn start(&mut self, key: TaskKey, at: Time) {
        if let Some((index, start @ None)) = self.tasks.get_mut(&key) {
            *start = Some(at);
            self.starts.push_back((at, key, *index));
        }
    }

    /// Lets go of tasks that have run for `longest`.
    fn let_run(&mut self, at: Time, longest: Span) {
        while let Some(&(start, key, index)) = self.starts.front().filter(|(start, ..)| at.since(*start) >= longest) {
            self.starts.pop_front();
            if self.tasks.get(&key) == Some(&(index, Some(start))) {
                self.tasks.remove(&key);
            }
        }
    }

    fn end(&mut self, key: TaskKey, at: Time) {
        if let Some((index, start)) = self.tasks.remove(&key) {
            self.lives[index] = start.map_or(CANCELLED, |start| at.since(start).0.max(1));
        }
    }
}

/// Reads a log from its start.
///
/// # Errors
/// The row at which the reading stopped: one that is bad, or lies before the one above it.
pub fn read<R: BufRead>(trace: &mut Trace<R>, reach: Reach) -> Result<Lives, BadRow> {
    let mut open = Open::default();
    let (mut last, mut complete) = (Time::ZERO, false);
    while let Some(step) = trace.step().transpose()? {
        let at = match &step {
            Step::Task(task) => task.at,
            Step::Turn(turn) => turn.at,
        };
        if at < last {
            let message = "it lies before the row above it; sort the file by time".to_string();
            return Err(BadRow { line: trace.line(), message });
        }
        last = at;
        complete |= at >= reach.submitted;
        open.let_run(at, reach.longest);
        match step {
            Step::Task(task) if !complete => open.submit(task.key, task.at),
            Step::Task(task) => open.end(task.key, task.at),
            Step::Turn(Turn { key, at, starts: true }) => open.start(key, at),
            Step::Turn(Turn { key, at, starts: false }) => open.end(key, at),
        }
        if complete && open.tasks.is_empty() {
            break;
        }
    }
    Ok(open.lives.into())
}

/// Tasks with how long they run, as far as the log was read.
pub struct Living<T> {
    tasks: T,
    lives: Lives,
    next: usize,
}

impl<T> Living<T> {
    /// From the first task on.
    pub fn new(tasks: T, lives: Lives) -> Self {
        Living { tasks, lives, next: 0 }
    }
}

impl<T: Iterator<Item = Result<Task, BadRow>>> Iterator for Living<T> {
    type Item = Result<Task, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(&life) = self.lives.get(self.next) {
            let mut task = match self.tasks.next()? {
                Ok(task) => task,
                Err(bad) => return Some(Err(bad)),
            };
            self.next += 1;
            if life != CANCELLED {
                task.run_for = (life != RUNS_ON).then_some(Span(life));
                return Some(Ok(task));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::trace::{OnBadRow, Scale, google_2011};

    /// time (µs), missing, job, index, machine, event, user, class, priority, cpu, memory, disk, different
    fn log(rows: &[(u64, u64, u64, u32)]) -> String {
        let row = |(second, job, index, event): &(u64, u64, u64, u32)| {
            format!("{}000000,,{job},{index},,{event},u,0,2,0.0625,,,0\n", second + 600)
        };
        rows.iter().map(row).collect()
    }

    fn open(text: &str) -> Trace<&[u8]> {
        Trace::open(text.as_bytes(), &google_2011::FORMAT, Scale::default(), OnBadRow::Stop).unwrap()
    }

    fn lives(text: &str, submitted: u64, longest: u64) -> Result<Vec<(String, Option<f64>)>, BadRow> {
        let reach = Reach { submitted: Time::from_secs(submitted), longest: Span::from_secs(longest) };
        let lives = read(&mut open(text), reach)?;
        let tasks = Living::new(open(text), lives).map(|task| task.unwrap());
        Ok(tasks.map(|task| (task.name, task.run_for.map(|span| span.as_secs_f64()))).collect())
    }

    const SUBMIT: u32 = 0;
    const SCHEDULE: u32 = 1;
    const EVICT: u32 = 2;
    const FINISH: u32 = 4;
    const KILL: u32 = 5;

    #[test]
    fn a_life_goes_from_start_to_end_and_a_second_submission_is_another_task() {
        let text = log(&[
            (0, 1, 0, SUBMIT),
            (1, 2, 0, SUBMIT),
            (5, 1, 0, SCHEDULE),
            (6, 2, 0, KILL), // never started
            (10, 3, 0, SUBMIT),
            (11, 3, 0, SCHEDULE),
            (25, 1, 0, EVICT), // after 20 s
            (25, 1, 0, SUBMIT),
            (30, 1, 0, SCHEDULE),
            (37, 1, 0, FINISH), // after 7 s
        ]);
        let told = [("1-0", Some(20.0)), ("3-0", None), ("1-0", Some(7.0))];
        let told: Vec<(String, Option<f64>)> = told.map(|(name, life)| (name.to_string(), life)).to_vec();
        assert_eq!(lives(&text, 1000, 1000).unwrap(), told);
    }

    #[test]
    fn a_log_is_read_as_far_as_it_matters() {
        let text = log(&[(0, 1, 0, SUBMIT), (0, 1, 0, SCHEDULE), (20, 2, 0, SUBMIT), (30, 1, 0, FINISH)]);
        let broken = format!("{text}this,is,no,row\n");
        // the only task of the first 10 s ends at 30 s, the line after that is not read
        assert_eq!(lives(&broken, 10, 1000).unwrap(), [("1-0".to_string(), Some(30.0))]);
        assert_eq!(lives(&broken, 10, 25).unwrap(), [("1-0".to_string(), None)]);
        assert_eq!(lives(&broken, 1000, 1000).unwrap_err().line, 5);
        let disordered = log(&[(5, 1, 0, SUBMIT), (4, 2, 0, SUBMIT)]);
        assert_eq!(lives(&disordered, 9, 9).unwrap_err().line, 2);
    }
}
