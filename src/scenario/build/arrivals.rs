//! `arrivals:` as streams of pods.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::{Builder, inventory};
use crate::cluster::{Resources, SpecId};
use crate::engine::{Distribution, Seed, Time};
use crate::scenario::schema::Scenario;
use crate::scenario::schema::arrivals::{Arrivals, BadRows, GeneratedArrivals, Process, Sizes, TraceArrivals};
use crate::scenario::schema::workloads::{MAX_PODS, PodWorkload, Workload};
use crate::simulation;
use crate::workload::generator::{self, Generator, Plan};
use crate::workload::trace::lives::{self, Lives, Living};
use crate::workload::trace::reshape::{Reshape, Reshaped};
use crate::workload::trace::types::Types;
use crate::workload::trace::{self, BadRow, OnBadRow, Scale, Skipped, Task, Trace, arrivals, azure_packing_2020};
use crate::workload::{Source, trace::arrivals::Survey};

impl Builder<'_> {
    /// The streams, in the order of the file.
    pub(super) fn sources(&mut self) -> Vec<Box<dyn Source>> {
        let scenario = self.scenario;
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for (index, arrivals) in scenario.arrivals.iter().enumerate() {
            match arrivals {
                Arrivals::Generated(generated) => sources.extend(self.generated(generated, index as u64)),
                Arrivals::Trace(trace) => sources.extend(self.trace(trace, index as u64)),
            }
        }
        sources
    }

    fn generated(&mut self, written: &GeneratedArrivals, index: u64) -> Option<Box<dyn Source>> {
        let spec = self.template(written)?;
        let sizes = sizes(written).into_iter().map(|(weight, size)| (weight, self.sized(spec, size))).collect();
        let plan = Plan {
            process: process(&written.process),
            sizes,
            run_for: written.pod.value.behaviour.run_for.as_ref().map(|latency| latency.0.clone()),
            base: self.cluster.names.intern(&written.name),
            from: Time(written.from.0),
            until: Time(written.until.map_or(self.scenario.duration.value.0, |until| until.0)),
            count: written.count.as_ref().map_or(MAX_PODS, |count| count.value.min(MAX_PODS)),
        };
        Some(Box::new(Generator::new(plan, Seed(self.scenario.seed), index)))
    }

    /// The template of size one, made as that of any pod.
    fn template(&mut self, written: &GeneratedArrivals) -> Option<SpecId> {
        let mut spec = written.pod.value.clone();
        spec.restart_policy = crate::scenario::schema::workloads::RestartPolicy::Never;
        let pod = PodWorkload {
            name: written.name.clone(),
            namespace: written.namespace.clone(),
            count: None,
            labels: spec.labels.clone(),
            spec,
        };
        let objects = Workload::Pod(pod).objects();
        objects.iter().flat_map(|object| self.create(object)).find_map(|made| match made {
            simulation::Workload::Pod { spec, .. } => Some(spec),
            simulation::Workload::Object { .. } => None,
        })
    }

    /// The same template with requests so many times as large.
    fn sized(&mut self, spec: SpecId, size: u32) -> SpecId {
        if size == 1 {
            return spec;
        }
        let spec = self.cluster.spec(spec).clone();
        let times = |amount: i64| amount.saturating_mul(i64::from(size));
        let Resources { cpu, memory, ephemeral_storage, scalars } = spec.requests.clone();
        let scalars = scalars.into_iter().map(|(name, amount)| (name, times(amount))).collect();
        let requests =
            Resources { cpu: times(cpu), memory: times(memory), ephemeral_storage: times(ephemeral_storage), scalars };
        self.cluster.intern_spec(spec.with_requests(requests))
    }

    fn trace(&mut self, written: &TraceArrivals, index: u64) -> Option<Box<dyn Source>> {
        let path = self.scenario.data_path(&written.path.value);
        match self.surveyed(written, &path, index) {
            Ok(source) => Some(source),
            Err(why) => {
                let problem = self.problems.report(written.path.location, format!("{}: {why}", path.display()));
                problem.expected("named here");
                None
            }
        }
    }

    /// A pass to learn how long tasks run, if rows do not say; one to learn the templates and whether rows are in
    /// order; and the trace from its start again.
    fn surveyed(&mut self, written: &TraceArrivals, path: &Path, index: u64) -> Result<Box<dyn Source>, String> {
        let words = |bad: BadRow| bad.to_string();
        let mut reshape = reshape(written);
        let (reach, seed) = (reshape.reach(Time(self.scenario.duration.value.0)), Seed(self.scenario.seed));
        reshape.until = reach.submitted;
        let mut trace = open(written, path, self.scenario)?;
        let lives = match trace.is_log() {
            true => Some(lives::read(&mut trace, reach).map_err(words)?),
            false => None,
        };
        let tasks = || Ok::<_, String>(with_lives(open(written, path, self.scenario)?, lives.clone()));
        let survey: Survey =
            arrivals::survey(tasks()?, reshape.from..reshape.until, &mut self.cluster).map_err(words)?;
        Ok(match survey.out_of_order {
            Some(_) => {
                let sorted = arrivals::sorted(tasks()?, reshape.until).map_err(words)?;
                Box::new(arrivals::Arrivals::new(Reshaped::new(sorted, reshape, seed, index), survey))
            }
            None => Box::new(arrivals::Arrivals::new(Reshaped::new(tasks()?, reshape, seed, index), survey)),
        })
    }
}

/// The tasks of a trace, of an event log with how long they run.
fn with_lives(trace: Trace<Box<dyn BufRead>>, lives: Option<Lives>) -> Box<dyn Iterator<Item = Result<Task, BadRow>>> {
    match lives {
        Some(lives) => Box::new(Living::new(trace, lives)),
        None => Box::new(trace),
    }
}

/// What was skipped of the traces and the inventory that may skip rows, in words; each is read once for it.
pub fn skipped_rows(scenario: &Scenario) -> Vec<String> {
    let traces = scenario.arrivals.iter().filter_map(|arrivals| match arrivals {
        Arrivals::Trace(trace) if trace.bad_rows == BadRows::Skip => Some(trace),
        _ => None,
    });
    let told = traces.filter_map(|written| skipped_in(scenario, &written.path, skipped(scenario, written)?));
    let machines = scenario.cluster.inventory().zip(inventory::skipped_machines(scenario));
    told.chain(machines.and_then(|(written, skipped)| skipped_in(scenario, &written.file, skipped))).collect()
}

fn skipped_in(scenario: &Scenario, file: &str, skipped: Skipped) -> Option<String> {
    let path = scenario.data_path(file);
    Some(format!("{}: {} rows skipped; the first: {}", path.display(), skipped.count, skipped.first.first()?))
}

/// What is skipped of a trace that may skip rows, if anything.
pub(in crate::scenario) fn skipped(scenario: &Scenario, written: &TraceArrivals) -> Option<Skipped> {
    if written.bad_rows != BadRows::Skip {
        return None;
    }
    let mut trace = open(written, &scenario.data_path(&written.path.value), scenario).ok()?;
    trace.by_ref().for_each(drop);
    Some(trace.skipped().clone()).filter(|skipped| skipped.count > 0)
}

fn open(written: &TraceArrivals, path: &Path, scenario: &Scenario) -> Result<Trace<Box<dyn BufRead>>, String> {
    let format = trace::find(&written.format).ok_or("unknown format")?;
    let cpu = written.machine_cpu.milli();
    let scale = Scale { machine_cpu: cpu, machine_memory: written.machine_memory.units() };
    let on_bad_row = match written.bad_rows {
        BadRows::Stop => OnBadRow::Stop,
        BadRows::Skip => OnBadRow::Skip,
    };
    let input = reader(path).map_err(|error| error.to_string())?;
    let types = match &written.types {
        Some(types) => {
            let path = scenario.data_path(&types.value);
            let named = |why: String| format!("{}: {why}", path.display());
            let input = reader(&path).map_err(|error| named(error.to_string()))?;
            Some(Types::read(input, azure_packing_2020::TYPE).map_err(|bad| named(bad.to_string()))?)
        }
        None => None,
    };
    Trace::open_with(input, format, scale, on_bad_row, types).map_err(|bad| bad.to_string())
}

/// The bytes of a file, unpacked if its name ends in `.gz`.
pub(super) fn reader(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let file = File::open(path)?;
    Ok(match path.extension().is_some_and(|extension| extension == "gz") {
        true => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
        false => Box::new(BufReader::new(file)),
    })
}

fn reshape(written: &TraceArrivals) -> Reshape {
    Reshape {
        from: Time(written.from.0),
        until: written.until.map_or(Time::MAX, |until| Time(until.0)),
        time_scale: written.time_scale.value,
        duration_scale: written.duration_scale.value,
        sample: written.sample.value,
        shake: written.shake.value,
    }
}

fn process(written: &Process) -> generator::Process {
    match written {
        Process::Poisson(it) => generator::Process::Renewal(Distribution::Exponential { mean: it.mean.value }),
        Process::Every(gap) => generator::Process::Renewal(gap.0.clone()),
        Process::Diurnal(it) => generator::Process::Diurnal {
            mean: it.mean.value,
            amplitude: it.amplitude.value,
            period: it.period.value,
            peak: it.peak,
        },
        Process::Batch(it) => generator::Process::Batches { gap: it.every.0.clone(), size: it.size.value },
    }
}

/// Sizes with weights. Of a heavy tail those between 2^k and 2^(k+1) count as 2^k, what is beyond the largest as it.
fn sizes(written: &GeneratedArrivals) -> Vec<(f64, u32)> {
    match &written.sizes {
        None => vec![(1.0, 1)],
        Some(Sizes::Mix(sizes)) => sizes.iter().map(|size| (size.weight.value, size.size.value)).collect(),
        Some(Sizes::Pareto(pareto)) => {
            let last = pareto.largest.value.max(1).ilog2();
            let beyond = |k: u32| libm::exp2(-f64::from(k) * pareto.shape.value);
            let weight = |k: u32| if k == last { beyond(k) } else { beyond(k) - beyond(k + 1) };
            (0..=last).map(|k| (weight(k), 1 << k)).collect()
        }
    }
}
