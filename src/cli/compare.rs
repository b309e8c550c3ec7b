//! `sim compare`: policies × seeds × parameters, and what differs.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::engine::{Seed, Span};
use crate::experiment::compare;
use crate::experiment::compare::design::{self, Block, Design, Point};
use crate::experiment::fgd::table::{self, Beside};
use crate::experiment::replications::processors;
use crate::outcome::comparison::{Along, Comparison};
use crate::outcome::expressions::FailedExpression;
use crate::outcome::provenance::{Input, Provenance};
use crate::report::comparison as words;
use crate::report::{Folder, manifest::Head};
use crate::scenario::read::Spanned;
use crate::scenario::schema::matrix::{Parameter, Written};
use crate::scenario::source::Location;
use crate::scenario::{self, Scenario};

use super::library::Library;
use super::progress::Runs;
use super::{Failure, complain, file_name, print, setting};

#[derive(Args)]
pub(crate) struct CompareArgs {
    /// The scenario files; over several, policies are ranked
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Policies, in place of the scenario's `matrix`; `sim list policies` shows them
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    policy: Vec<String>,
    /// What the others are compared with [default: the first]
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// Seeds for each [default: `replications.count` of the scenario, or 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    seeds: Option<u32>,
    /// The first of them, in place of the file's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Change the scenario, or try several values: `workloads[0].replicas=[4,8]`
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// N points of a Latin hypercube in place of every combination of values
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    latin_hypercube: Option<u32>,
    /// A metric to tell, with the labels of one of its rows; can be given several times
    #[arg(long, value_name = "METRIC")]
    metric: Vec<String>,
    /// Runs at the same time [default: one a processor]; the results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Folder for tables and pictures, and for finished runs [default: results/compare-<name>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print nothing but what is wrong
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &CompareArgs, library: &Library) -> Result<(), Failure> {
    let design = args.design(library)?;
    for words in design.provenance.inputs.iter().filter_map(Input::skipped_in_words) {
        complain(&format!("warning: {words}"));
    }
    let dir = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(format!("compare-{}", design.name)));
    let unwritable = |error| Failure::File(dir.display().to_string(), error);
    let folder = Folder::create(&dir).map_err(unwritable)?;
    let arms = design.blocks.iter().flat_map(|block| &block.arms);
    let mut missing: Vec<String> = arms.flat_map(scenario::faults_without_domains).collect();
    missing.sort();
    missing.dedup();
    missing.iter().for_each(|words| complain(&format!("warning: {words}")));
    let watch = Runs::new(args.quiet);
    let compared = compare::run(&design, &dir.join("cells"), args.jobs.map_or_else(processors, usize::from), &watch);
    drop(watch);
    let comparison = compared.map_err(|failed| match Failure::from(failed) {
        Failure::Interrupted => Failure::Kept(dir.join("cells").display().to_string()),
        other => other,
    })?;
    if !comparison.common.faults {
        let first = comparison.common.first.clone().unwrap_or_default();
        complain(&format!("warning: not all met the same faults ({first}): differences are those of faults, too"));
    }
    comparison.idle_faults().iter().for_each(|fault| complain(&format!("warning: {fault}")));
    let replicates = comparison.replicates.iter().flatten().flatten();
    let failed = replicates.flat_map(|replicate| &replicate.failed_expressions).cloned();
    FailedExpression::added_up(failed).iter().for_each(|failed| complain(&format!("warning: {failed}")));
    let beside = beside_published(&design, &comparison)?;
    let mut files = words::files(&comparison)?;
    if let Some(Beside { allocation, distances, curves, .. }) = &beside {
        files.push(("published.md".to_string(), format!("{allocation}\n{distances}").into_bytes()));
        files.push(("curves.csv".to_string(), curves.clone().into_bytes()));
    }
    let files = folder.write_files(files, &head(&comparison)).map_err(unwritable)?;
    if !args.quiet {
        print(&words::terminal(&comparison))?;
        beside.as_ref().map_or(Ok(()), |beside| print(&format!("\n{}", beside.distances)))?;
        print(&format!("\n{} files in {}\n", files.len(), dir.display()))?;
    }
    match beside.filter(|beside| !beside.kept) {
        None => Ok(()),
        Some(_) => {
            complain("error: a curve is further from the published one than promised (published.md)");
            Err(Failure::Broken)
        }
    }
}

/// What is published of the same experiment, if it lies with the data.
fn beside_published(design: &Design, comparison: &Comparison) -> Result<Option<Beside>, Failure> {
    let scenario = design.blocks.first().and_then(|block| block.arms.first());
    let data = scenario.filter(|scenario| scenario.placement.is_some());
    let data = data.and_then(|scenario| Some(scenario.data_path(scenario.data.as_ref()?)));
    let missing = data.as_ref().filter(|data| !data.join("expected").is_dir());
    if let Some(data) = missing {
        complain(&format!(
            "note: {} is not there, so nothing published is compared with",
            data.join("expected").display()
        ));
    }
    match data.filter(|data| data.join("expected").is_dir()) {
        None => Ok(None),
        Some(data) => table::beside(comparison, &data).map(Some).map_err(Failure::Usage),
    }
}

fn head(comparison: &Comparison) -> Head {
    let digests = comparison.replicates.iter().flatten().flatten().map(|replicate| replicate.digest);
    let faults = comparison.replicates.iter().flatten().flatten().map(|replicate| replicate.faults);
    Head {
        fault_trace: faults.fold(0, |sum, faults| sum.rotate_left(7) ^ faults),
        scenario: comparison.name.clone(),
        seed: comparison.seeds.first().copied().unwrap_or_default(),
        policy: comparison.arms[comparison.baseline].clone(),
        settings: comparison.settings.clone(),
        digest: digests.fold(0, |sum, digest| sum.rotate_left(7) ^ digest),
        provenance: comparison.provenance.clone(),
    }
}

/// What the scenarios and the command line ask for.
struct Asked {
    policies: Vec<String>,
    points: Vec<Point>,
    baseline: Option<String>,
    metrics: Vec<String>,
}

impl CompareArgs {
    /// What holds for all: paths and values.
    fn fixed(&self) -> Vec<(String, String)> {
        let single = self.set.iter().filter(|(_, value)| scenario::list_items(value).is_none());
        let points = self.latin_hypercube.map(|n| ("matrix.latin-hypercube".to_string(), n.to_string()));
        single.cloned().chain(self.seed.map(|seed| ("seed".to_string(), seed.to_string()))).chain(points).collect()
    }

    /// What takes several values.
    fn swept(&self) -> Vec<Parameter> {
        let parameter = |(path, value): &(String, String)| {
            let values = scenario::list_items(value)?.into_iter().map(|text| Written { text }).collect();
            let path = Spanned { value: path.clone(), location: Location::default() };
            Some(Parameter { path, values, range: None })
        };
        self.set.iter().filter_map(parameter).collect()
    }

    /// The words of the command line that say the same.
    fn words(&self) -> Vec<String> {
        let mut words = vec!["compare".to_string()];
        words.extend(self.scenarios.iter().map(|path| file_name(path)));
        words.extend(self.set.iter().map(|(path, value)| format!("--set={path}={value}")));
        words.extend((!self.policy.is_empty()).then(|| format!("--policy={}", self.policy.join(","))));
        words.extend(self.baseline.iter().map(|name| format!("--baseline={name}")));
        words.extend(self.seeds.iter().map(|seeds| format!("--seeds={seeds}")));
        words.extend(self.seed.iter().map(|seed| format!("--seed={seed}")));
        words.extend(self.latin_hypercube.iter().map(|points| format!("--latin-hypercube={points}")));
        words.extend(self.metric.iter().map(|metric| format!("--metric={metric}")));
        words
    }

    fn asked(&self, base: &Scenario) -> Result<Asked, Failure> {
        let matrix = &base.matrix;
        let swept = self.swept();
        let mut parameters = matrix.parameters.clone();
        parameters.retain(|parameter| self.set.iter().all(|(path, _)| *path != parameter.path.value));
        parameters.extend(swept);
        if let Some(empty) =
            parameters.iter().find(|parameter| parameter.values.is_empty() && parameter.range.is_none())
        {
            return Err(Failure::Usage(format!("`{}` is to take no value at all", empty.path.value)));
        }
        let hypercube = self.latin_hypercube.or(matrix.latin_hypercube.as_ref().map(|points| points.value));
        let points = match hypercube {
            Some(n) if !parameters.is_empty() => design::latin_hypercube(&parameters, n as usize, Seed(base.seed)),
            Some(_) => return Err(Failure::Usage("a Latin hypercube of no parameters has no points".to_string())),
            None => design::cartesian(&parameters),
        };
        let written = |spanned: &Spanned<String>| spanned.value.clone();
        let policies = match self.policy.is_empty() {
            true => matrix.policies.iter().map(written).collect(),
            false => self.policy.clone(),
        };
        let baseline = self.baseline.clone().or(matrix.baseline.as_ref().map(written));
        let metrics = match self.metric.is_empty() {
            true => matrix.metrics.iter().map(written).collect(),
            false => self.metric.clone(),
        };
        Ok(Asked { policies, points, baseline, metrics })
    }

    /// Everything that is run; every scenario of it has been checked.
    fn design(&self, library: &Library) -> Result<Design, Failure> {
        let fixed = self.fixed();
        let mut bases = Vec::new();
        for path in &self.scenarios {
            bases.push((path, library.load(path, &fixed)?));
        }
        let base = &bases[0].1;
        let asked = self.asked(base)?;
        self.check_metrics(base, &asked.metrics)?;
        let of_policies = !asked.policies.is_empty() && (asked.policies.len() > 1 || asked.points.len() == 1);
        let arms: Vec<(String, Point)> = match of_policies {
            true => asked.policies.iter().map(|policy| (policy.clone(), with_policy(policy))).collect(),
            false => {
                let policy = asked.policies.first().map(|policy| with_policy(policy)).unwrap_or_default();
                let arm = |point: &Point| (design::label(point), [point.clone(), policy.clone()].concat());
                asked.points.iter().map(arm).collect()
            }
        };
        if arms.len() < 2 {
            let how = "give `--policy a,b`, `--set path=[x,y]`, or a `matrix` in the scenario";
            return Err(Failure::Usage(format!("there is nothing to compare: {how}")));
        }
        let twice =
            arms.iter().enumerate().find(|(index, (label, _))| arms[..*index].iter().any(|(it, _)| it == label));
        if let Some((_, (label, _))) = twice {
            return Err(Failure::Usage(format!("`{label}` is named twice: each can be compared once")));
        }
        let points = if of_policies { asked.points.clone() } else { vec![Point::new()] };
        let names: Vec<String> = bases.iter().map(|(_, scenario)| scenario.name.to_string()).collect();
        let mut blocks = Vec::new();
        for (path, scenario) in &bases {
            for point in &points {
                blocks.push(block(library, path, scenario, (bases.len() > 1, point), &arms, &fixed)?);
            }
        }
        let labels: Vec<String> = arms.into_iter().map(|(label, _)| label).collect();
        Ok(Design {
            name: joined(&names),
            provenance: self.provenance(&bases, &blocks),
            settings: fixed,
            seeds: self.seeds_of(base),
            confidence: base.replications.confidence.value,
            arms_are: if of_policies { "policy" } else { "parameters" }.to_string(),
            baseline: position(&labels, asked.baseline.as_deref())?,
            arms: labels,
            arm_parameters: if of_policies { Vec::new() } else { asked.points },
            blocks,
            metrics: asked.metrics,
            policies_only: of_policies,
        })
    }

    fn provenance(&self, bases: &[(&PathBuf, Scenario)], blocks: &[Block]) -> Provenance {
        let mut inputs: Vec<Input> =
            blocks.iter().flat_map(|block| &block.arms).flat_map(Scenario::inputs).cloned().collect();
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        inputs.dedup();
        let scenarios = bases.iter().map(|(_, scenario)| scenario.stored()).collect();
        Provenance { arguments: self.words(), scenarios, inputs }
    }

    fn seeds_of(&self, base: &Scenario) -> Vec<u64> {
        let count = self.seeds.or(base.replications.count.as_ref().map(|count| count.value)).unwrap_or(10);
        (0..u64::from(count)).map(|index| base.seed.wrapping_add(index)).collect()
    }

    /// Metrics of the command line have no place in a file to point at.
    fn check_metrics(&self, base: &Scenario, metrics: &[String]) -> Result<(), Failure> {
        let name = |metric: &str| metric.split('{').next().unwrap_or_default().to_string();
        let unknown = metrics.iter().map(|metric| name(metric)).find(|name| crate::metrics::find(name).is_none());
        match unknown.filter(|_| base.placement.is_none()) {
            None => Ok(()),
            Some(name) => {
                let known = crate::metrics::ALL.iter().map(|metric| metric.name);
                let near = scenario::diagnostics::nearest(&name, known);
                let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                Err(Failure::Usage(format!("no metric is called `{name}`{near} (`sim list metrics` shows them all)")))
            }
        }
    }
}

/// One or two names as they are; of more, the first and how many.
fn joined(names: &[String]) -> String {
    match names {
        [first, _, _, ..] => format!("{first}-and-{}-more", names.len() - 1),
        names => names.join("+"),
    }
}

fn with_policy(policy: &str) -> Point {
    vec![("scheduler.policy".to_string(), policy.to_string())]
}

/// The arms in one place, each a scenario of its own.
fn block(
    library: &Library,
    path: &Path,
    base: &Scenario,
    (several, point): (bool, &Point),
    arms: &[(String, Point)],
    fixed: &[(String, String)],
) -> Result<Block, Failure> {
    let mut scenarios = Vec::new();
    for (_, arm) in arms {
        let overrides = [fixed, point.as_slice(), arm.as_slice()].concat();
        let mut scenario = library.load(path, &overrides)?;
        if scenario.placement.is_none() {
            scenario::build(&scenario)?; // what only shows when the parts come together, before the long work
        }
        scenario.hash_inputs().map_err(|(file, error)| Failure::File(file, error))?;
        scenarios.push(scenario);
    }
    let name = base.name.to_string();
    let label = match (several, point.is_empty()) {
        (false, _) => design::label(point),
        (true, true) => name.clone(),
        (true, false) => format!("{name}: {}", design::label(point)),
    };
    let along = match &base.placement {
        Some(_) => Along::Demand(130),
        None => Along::Time(scenarios.first().map_or(Span::ZERO, |scenario| scenario.duration.value)),
    };
    Ok(Block { label, scenario: name, parameters: point.clone(), along, arms: scenarios })
}

fn position(labels: &[String], baseline: Option<&str>) -> Result<usize, Failure> {
    let Some(baseline) = baseline else { return Ok(0) };
    let found = labels.iter().position(|label| label == baseline);
    found.ok_or_else(|| {
        Failure::Usage(format!("the baseline `{baseline}` is not among what is compared: {}", labels.join(", ")))
    })
}
