//! From a trace to arrivals: a pass over the file to learn its shapes, a pass along it while the run goes.
//!
//! A pod template must be interned before the run, and there are few of them for many rows; so
//! [`survey`] reads the trace once, counts, and makes one template a shape, and [`Arrivals`] reads it again,
//! one row ahead of the clock. A trace that is not in order of time is refused by the second and can be
//! sorted in memory by [`sorted`].

use std::io::BufRead;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::{Cluster, GpuRequest, Name, PodSpec, Resources, RestartPolicy, SpecId};
use crate::engine::{Span, Time};
use crate::workload::{Arrival, Source};

use super::{BadRow, Task, Trace};

/// What two tasks must agree in to share a template.
type ShapeKey = (i64, i64, Option<(u32, u32)>, Vec<String>, i32, bool);

/// What a survey of a trace found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Rows that hold a task.
    pub tasks: u64,
    /// Pods they stand for.
    pub pods: u64,
    /// When the last comes.
    pub last: Time,
    /// The first line whose task comes before the one above it, if any.
    pub out_of_order: Option<u64>,
    templates: FxHashMap<ShapeKey, SpecId>,
    base: Option<Name>,
}

impl Survey {
    /// Number of templates made.
    pub fn templates(&self) -> usize {
        self.templates.len()
    }

    fn template(&self, task: &Task) -> Option<SpecId> {
        self.templates.get(&key(task)).copied()
    }
}

fn key(task: &Task) -> ShapeKey {
    (task.cpu, task.memory, task.gpu, task.gpu_models.clone(), task.priority, task.run_for.is_some())
}

/// Reads the whole trace and interns a template for each shape of pod.
///
/// # Errors
/// The row at which the trace stopped.
pub fn survey<R: BufRead>(trace: &mut Trace<R>, cluster: &mut Cluster) -> Result<Survey, BadRow> {
    let mut found = Survey { base: Some(cluster.names.intern("task")), ..Survey::default() };
    while let Some(task) = trace.next().transpose()? {
        found.tasks += 1;
        found.pods += u64::from(task.instances);
        if task.at < found.last && found.out_of_order.is_none() {
            found.out_of_order = Some(trace.line());
        }
        found.last = found.last.max(task.at);
        if found.template(&task).is_none() {
            let spec = template(&task, cluster);
            found.templates.insert(key(&task), cluster.intern_spec(spec));
        }
    }
    Ok(found)
}

fn template(task: &Task, cluster: &mut Cluster) -> PodSpec {
    let mut spec = PodSpec::new(&mut cluster.names, "trace").with_requests(Resources::new(task.cpu, task.memory));
    spec.priority = task.priority;
    spec.restart_policy = RestartPolicy::Never;
    let models: SmallVec<[Name; 2]> = task.gpu_models.iter().map(|model| cluster.names.intern(model)).collect();
    spec.gpu = task.gpu.map(|(count, milli)| GpuRequest { count, milli, models });
    spec
}

/// Arrivals of a surveyed trace.
pub struct Arrivals<T> {
    tasks: T,
    survey: Survey,
    /// The row being given out, and how many instances of it are left.
    current: Option<(Arrival, u32)>,
    last: Time,
    stopped: Option<BadRow>,
}

impl<T: Iterator<Item = Result<Task, BadRow>>> Arrivals<T> {
    /// From the first row on.
    pub fn new(tasks: T, survey: Survey) -> Self {
        Arrivals { tasks, survey, current: None, last: Time::ZERO, stopped: None }
    }

    /// Why it ended early, if it did.
    pub fn stopped(&self) -> Option<&BadRow> {
        self.stopped.as_ref()
    }

    fn pull(&mut self) -> Option<(Arrival, u32)> {
        loop {
            let task = match self.tasks.next()? {
                Ok(task) => task,
                Err(bad) => {
                    self.stopped = Some(bad);
                    return None;
                }
            };
            let (Some(spec), Some(base)) = (self.survey.template(&task), self.survey.base) else { continue };
            self.last = self.last.max(task.at);
            let run_for = task.run_for.map(|span| span.max(Span(1)));
            if task.instances > 0 {
                return Some((Arrival { at: self.last, spec, run_for, base }, task.instances));
            }
        }
    }
}

impl<T: Iterator<Item = Result<Task, BadRow>>> Source for Arrivals<T> {
    fn next(&mut self) -> Option<Arrival> {
        if self.current.is_none() {
            self.current = self.pull();
        }
        let (arrival, left) = self.current.as_mut()?;
        let arrival = *arrival;
        *left -= 1;
        if *left == 0 {
            self.current = None;
        }
        Some(arrival)
    }
}

/// All tasks of a trace in order of time; equal times stay in the order of the file.
///
/// # Errors
/// The row at which the trace stopped.
pub fn sorted<R: BufRead>(trace: Trace<R>) -> Result<impl Iterator<Item = Result<Task, BadRow>>, BadRow> {
    let mut tasks: Vec<Task> = trace.collect::<Result<_, _>>()?;
    tasks.sort_by_key(|task| task.at);
    Ok(tasks.into_iter().map(Ok))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::workload::trace::{OnBadRow, Scale, plain};

    const TEXT: &str = "at,cpu,duration,instances\n1,1,10,2\n3,1,20,1\n2,2,10,1\n";

    fn open() -> Trace<&'static [u8]> {
        Trace::open(TEXT.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Stop).unwrap()
    }

    #[test]
    fn instances_come_one_by_one_from_few_templates() {
        let mut cluster = Cluster::new(Seed(1));
        let found = survey(&mut open(), &mut cluster).unwrap();
        assert_eq!((found.tasks, found.pods, found.templates()), (3, 4, 2));
        assert_eq!(found.out_of_order, Some(4));
        let mut arrivals = Arrivals::new(sorted(open()).unwrap(), found);
        let times: Vec<u64> =
            std::iter::from_fn(|| Source::next(&mut arrivals)).map(|arrival| arrival.at.0 / 1_000_000_000).collect();
        assert_eq!(times, [1, 1, 2, 3]);
    }
}
