//! From a trace to arrivals: a pass over the file to learn its shapes, a pass along it while the run goes.
//!
//! A pod template must be interned before the run, and there are few of them for many rows; so
//! [`survey`] reads the trace once, counts, and makes one template a shape, and [`Arrivals`] reads it again,
//! one row ahead of the clock. A trace that is not in order of time is refused by the second and can be
//! sorted in memory by [`sorted`].

use std::ops::Range;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::{Cluster, GpuRequest, Labels, Name, PodSpec, Resources, RestartPolicy, SpecId};
use crate::engine::{Span, Time};
use crate::workload::{Arrival, Source};

use super::{BadRow, Task};

/// What two tasks must agree in to share a template.
type ShapeKey = (Requests, i32, bool, String, String, Option<u32>);
/// CPU, memory, GPUs and their models.
type Requests = (i64, i64, Option<(u32, u32)>, Vec<String>);

/// What a survey of a trace found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Rows that hold a task.
    pub tasks: u64,
    /// Pods they stand for.
    pub pods: u64,
    /// When the last comes.
    pub last: Time,
    /// The first task, from 1, that comes before the one above it, if any.
    pub out_of_order: Option<u64>,
    /// Template and base of the name, by shape.
    templates: FxHashMap<ShapeKey, (SpecId, Name)>,
}

impl Survey {
    /// Number of templates made.
    pub fn templates(&self) -> usize {
        self.templates.len()
    }

    fn template(&self, task: &Task) -> Option<(SpecId, Name)> {
        self.templates.get(&key(task)).copied()
    }
}

fn key(task: &Task) -> ShapeKey {
    let requests = (task.cpu, task.memory, task.gpu, task.gpu_models.clone());
    let (tenant, group) = (task.tenant.clone(), task.group.clone());
    (requests, task.priority, task.run_for.is_some(), tenant, group, task.max_per_node)
}

/// Reads the trace and interns a template for each shape of pod that comes within `window`. A row that is bad stops it
/// only if pods of the window may come after it: beyond the window of a trace in order there are none.
///
/// # Errors
/// The row at which the trace stopped.
pub fn survey(
    tasks: impl Iterator<Item = Result<Task, BadRow>>,
    window: Range<Time>,
    cluster: &mut Cluster,
) -> Result<Survey, BadRow> {
    let mut found = Survey::default();
    for task in tasks {
        let task = match task {
            Ok(task) => task,
            Err(_) if found.last >= window.end && found.out_of_order.is_none() => break,
            Err(bad) => return Err(bad),
        };
        found.tasks += 1;
        found.pods += u64::from(task.instances);
        if task.at < found.last {
            found.out_of_order.get_or_insert(found.tasks);
        }
        found.last = found.last.max(task.at);
        if window.contains(&task.at) && found.template(&task).is_none() {
            let spec = template(&task, cluster);
            let base = spec.group.unwrap_or_else(|| cluster.names.intern("task"));
            found.templates.insert(key(&task), (cluster.intern_spec(spec), base));
        }
    }
    Ok(found)
}

/// The pod of a task. Its tenant is its namespace; its group a label `app`, so that what selects pods finds them, and
/// what policies and limits count.
fn template(task: &Task, cluster: &mut Cluster) -> PodSpec {
    let mut spec = PodSpec::new(&mut cluster.names, "trace").with_requests(Resources::new(task.cpu, task.memory));
    spec.priority = task.priority;
    spec.restart_policy = RestartPolicy::Never;
    let models: SmallVec<[Name; 2]> = task.gpu_models.iter().map(|model| cluster.names.intern(model)).collect();
    spec.gpu = task.gpu.map(|(count, milli)| GpuRequest { count, milli, models });
    if !task.tenant.is_empty() {
        spec.namespace = namespace(&task.tenant, cluster);
    }
    if !task.group.is_empty() {
        let (label, group) = (cluster.names.intern("app"), cluster.names.intern(&legible(&task.group)));
        spec.labels = Labels::new(vec![(label, group)]);
        spec.group = Some(group);
        spec.max_per_node = task.max_per_node;
    }
    spec
}

/// The namespace of a tenant, which is there from the start.
fn namespace(tenant: &str, cluster: &mut Cluster) -> Name {
    let (name, label) = (cluster.names.intern(&legible(tenant)), cluster.names.intern("kubernetes.io/metadata.name"));
    if !cluster.namespaces.iter().any(|(known, _)| *known == name) {
        cluster.namespaces.push((name, Labels::new(vec![(label, name)])));
    }
    name
}

/// A trace's word as part of a name: `/` parts namespace from name, commas part columns.
fn legible(word: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    word.chars().map(letter).collect()
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
            let Some((spec, base)) = self.survey.template(&task) else { continue };
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

/// All tasks before `until` in order of time; equal times stay in the order of the file.
///
/// # Errors
/// The row at which the trace stopped.
pub fn sorted(
    tasks: impl Iterator<Item = Result<Task, BadRow>>,
    until: Time,
) -> Result<impl Iterator<Item = Result<Task, BadRow>>, BadRow> {
    let kept = tasks.filter(|task| task.as_ref().map_or(true, |task| task.at < until));
    let mut tasks: Vec<Task> = kept.collect::<Result<_, _>>()?;
    tasks.sort_by_key(|task| task.at);
    Ok(tasks.into_iter().map(Ok))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::workload::trace::{OnBadRow, Scale, Trace, plain};

    const TEXT: &str = "at,cpu,duration,instances\n1,1,10,2\n3,1,20,1\n2,2,10,1\n";

    fn open() -> Trace<&'static [u8]> {
        Trace::open(TEXT.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Stop).unwrap()
    }

    #[test]
    fn instances_come_one_by_one_from_few_templates() {
        let mut cluster = Cluster::new(Seed(1));
        let found = survey(open(), Time::ZERO..Time::MAX, &mut cluster).unwrap();
        assert_eq!((found.tasks, found.pods, found.templates()), (3, 4, 2));
        assert_eq!(found.out_of_order, Some(3));
        let mut arrivals = Arrivals::new(sorted(open(), Time::MAX).unwrap(), found);
        let times: Vec<u64> =
            std::iter::from_fn(|| Source::next(&mut arrivals)).map(|arrival| arrival.at.0 / 1_000_000_000).collect();
        assert_eq!(times, [1, 1, 2, 3]);
    }

    #[test]
    fn groups_tenants_and_limits_come_along() {
        let text = "submit,cpu,group,tenant,max_per_node\n1,1,web,a/b,2\n2,1,web,a/b,2\n3,1,,,\n9,1,late,c,\n";
        let open = || Trace::open(text.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Stop).unwrap();
        let mut cluster = Cluster::new(Seed(1));
        let found = survey(open(), Time::ZERO..Time::from_secs(9), &mut cluster).unwrap();
        assert_eq!((found.templates(), cluster.namespaces.len()), (2, 2), "none for what comes too late");
        let mut arrivals = Arrivals::new(open(), found);
        let come: Vec<Arrival> = std::iter::from_fn(|| Source::next(&mut arrivals)).collect();
        assert_eq!(come.len(), 3);
        let spec = |index: usize| cluster.spec(come[index].spec);
        let text = |name| cluster.names.text(name);
        assert_eq!((text(spec(0).namespace), text(come[0].base), spec(0).max_per_node), ("a-b", "web", Some(2)));
        assert_eq!(spec(0).labels, Labels::new(vec![(cluster.names.find("app").unwrap(), spec(0).group.unwrap())]));
        assert_eq!((text(spec(2).namespace), text(come[2].base), spec(2).group), ("default", "task", None));
    }

    #[test]
    fn a_bad_row_beyond_the_window_is_none_of_ours() {
        let text = "at,cpu\n1,1\n5,1\n6,x\n";
        let tried = |end: u64| {
            let trace = Trace::open(text.as_bytes(), &plain::FORMAT, Scale::default(), OnBadRow::Stop).unwrap();
            survey(trace, Time::ZERO..Time::from_secs(end), &mut Cluster::new(Seed(1))).map(|found| found.tasks)
        };
        assert_eq!(tried(5), Ok(2));
        assert_eq!(tried(6).unwrap_err().line, 4);
    }
}
