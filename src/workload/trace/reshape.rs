//! A trace made faster, thinner, shaken, or cut: rows go through one by one, in order.
//!
//! Shaking moves each gap and each run time by a share drawn evenly from ±`shake`, so that the order of tasks stays: a
//! result that does not survive it was luck. Source: Tsafrir, Ouaknine and Feitelson, *Reducing performance evaluation
//! sensitivity and variability by input shaking*, MASCOTS 2007.

use crate::engine::{Seed, Span, Stream, Time};

use super::lives::Reach;
use super::{BadRow, Task};

/// What is done to a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reshape {
    /// Only tasks from this instant of the trace on; it becomes time zero.
    pub from: Time,
    /// Only tasks before this instant of the trace; it is read no further.
    pub until: Time,
    /// Gaps between arrivals become so many times as long; below 1 is a busier trace.
    pub time_scale: f64,
    /// Run times become so many times as long.
    pub duration_scale: f64,
    /// The share of tasks kept, each by a draw of its own.
    pub sample: f64,
    /// Gaps and run times vary by this share.
    pub shake: f64,
}

impl Default for Reshape {
    fn default() -> Self {
        let (from, until) = (Time::ZERO, Time::MAX);
        Reshape { from, until, time_scale: 1.0, duration_scale: 1.0, sample: 1.0, shake: 0.0 }
    }
}

/// Tasks, reshaped.
pub struct Reshaped<T> {
    tasks: T,
    reshape: Reshape,
    picks: Stream,
    moves: Stream,
    /// The last task kept: in the trace, and now.
    last: (Time, Time),
}

impl Reshape {
    /// How far a trace matters to a run that ends at `end`: which tasks come too late for it, and how long a task must
    /// run to outlast it whenever it starts.
    pub fn reach(&self, end: Time) -> Reach {
        let before = |scale: f64| {
            let nanos = end.0 as f64 / (scale * (1.0 - self.shake).max(0.0));
            (nanos as u64).saturating_add(Span::from_secs(1).0) // for what scales round away
        };
        let submitted = Time(self.from.0.saturating_add(before(self.time_scale)));
        Reach { submitted: submitted.min(self.until), longest: Span(before(self.duration_scale)) }
    }
}

impl<T> Reshaped<T> {
    /// The `index`-th trace of a run.
    pub fn new(tasks: T, reshape: Reshape, seed: Seed, index: u64) -> Self {
        let (picks, moves) = (seed.stream("trace-sample", index), seed.stream("trace-shake", index));
        Reshaped { tasks, picks, moves, last: (reshape.from, Time::ZERO), reshape }
    }

    fn shaken(&mut self, span: Span, scale: f64) -> Span {
        let shake = match self.reshape.shake {
            0.0 => 1.0,
            shake => 1.0 + shake * (2.0 * self.moves.unit() - 1.0),
        };
        if scale == 1.0 && shake == 1.0 { span } else { Span((span.0 as f64 * scale * shake).round() as u64) }
    }

    fn reshape(&mut self, mut task: Task) -> Task {
        let gap = task.at.since(self.last.0);
        let moved = self.shaken(gap, self.reshape.time_scale);
        self.last = (task.at.max(self.last.0), Time(self.last.1.0.saturating_add(moved.0)));
        task.at = self.last.1;
        task.run_for = task.run_for.map(|span| self.shaken(span, self.reshape.duration_scale));
        task
    }
}

impl<T: Iterator<Item = Result<Task, BadRow>>> Iterator for Reshaped<T> {
    type Item = Result<Task, BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let task = match self.tasks.next()? {
                Ok(task) => task,
                Err(bad) => return Some(Err(bad)),
            };
            if task.at >= self.reshape.until {
                return None; // they are in order: what comes later is not read
            }
            let kept = self.reshape.sample >= 1.0 || self.picks.unit() < self.reshape.sample;
            if kept && task.at >= self.reshape.from {
                return Some(Ok(self.reshape(task)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(reshape: Reshape, at: &[u64]) -> Vec<(f64, f64)> {
        let task = |at: &u64| Task { run_for: Some(Span::from_secs(100)), ..Task::new("t", Time::from_secs(*at)) };
        let tasks: Vec<Result<Task, BadRow>> = at.iter().map(|at| Ok(task(at))).collect();
        let reshaped = Reshaped::new(tasks.into_iter(), reshape, Seed(1), 0).map(Result::unwrap);
        reshaped.map(|task| (task.at.as_secs_f64(), task.run_for.unwrap().as_secs_f64())).collect()
    }

    #[test]
    fn times_are_scaled_and_cut() {
        let plain = through(Reshape::default(), &[1, 3, 3]);
        assert_eq!(plain, [(1.0, 100.0), (3.0, 100.0), (3.0, 100.0)]);
        let half = Reshape { time_scale: 0.5, duration_scale: 2.0, ..Reshape::default() };
        assert_eq!(through(half, &[1, 3]), [(0.5, 200.0), (1.5, 200.0)]);
        let cut = Reshape { from: Time::from_secs(2), until: Time::from_secs(9), ..Reshape::default() };
        assert_eq!(through(cut, &[1, 3, 9]), [(1.0, 100.0)]);
    }

    #[test]
    fn a_run_of_an_hour_needs_an_hour_of_the_trace_or_more() {
        let end = Time::from_secs(3600);
        let plain = Reshape { from: Time::from_secs(100), ..Reshape::default() };
        let reach =
            |submitted, longest| Reach { submitted: Time::from_secs(submitted), longest: Span::from_secs(longest) };
        assert_eq!(plain.reach(end), reach(3701, 3601));
        // at twice the load two hours of the trace; with run times of a tenth, ten hours of a task
        let busy = Reshape { time_scale: 0.5, duration_scale: 0.1, until: Time::from_secs(5000), ..plain };
        assert_eq!(busy.reach(end), reach(5000, 36_001));
        assert_eq!(Reshape { shake: 1.0, ..plain }.reach(end).submitted, Time::MAX);
    }

    #[test]
    fn shaking_keeps_the_order_and_sampling_the_share() {
        let at: Vec<u64> = (0..10_000).collect();
        let shaken = through(Reshape { shake: 0.05, ..Reshape::default() }, &at);
        assert!(shaken.is_sorted_by(|a, b| a.0 <= b.0) && (shaken[9999].0 - 9999.0).abs() < 20.0, "{:?}", shaken[9999]);
        assert!(shaken.iter().all(|(_, run)| (95.0..=105.0).contains(run)));
        assert!(shaken.iter().any(|(_, run)| *run < 95.5) && shaken.iter().any(|(_, run)| *run > 104.5));
        let kept = through(Reshape { sample: 0.1, ..Reshape::default() }, &at).len();
        assert!((900..1100).contains(&kept), "{kept}");
    }
}
