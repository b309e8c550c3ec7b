//! The command line: one file per subcommand, the only place that prints and decides about exit codes.
//!
//! Plain words go to standard output for people, `--json` is for programs, diagnostics go to standard
//! error. Exit codes: 0 done; 1 an `expect` was broken (or `--verify` found a difference); 2 bad usage or
//! scenario; 3 internal error; 130 interrupted.

mod chaos;
mod check;
mod compare;
mod completions;
mod describe;
mod events;
mod get;
mod instant;
mod library;
mod list;
mod progress;
mod replications;
mod rerun;
mod run;
mod schema;
mod why;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::experiment::replicate::Failed;
use crate::scenario::{Diagnostics, Scenario};
use crate::scheduler::policies::{self, Entry};
use crate::simulation::NoSuchPod;

use library::Library;

/// A deterministic simulator of a Kubernetes-like cluster: what breaks, when it is noticed, when it is
/// whole again, and what it cost.
#[derive(Parser)]
#[command(name = "sim", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario: a summary on the terminal, tables and pictures in a folder
    Run(run::RunArgs),
    /// Explain why a pod is where it is, or why it is pending
    Why(why::WhyArgs),
    /// Show objects in kubectl's columns at an instant of the run
    Get(get::GetArgs),
    /// Describe an object at an instant of the run, with its events
    Describe(describe::DescribeArgs),
    /// Show the events until an instant of the run
    Events(events::EventsArgs),
    /// Compare policies or values of parameters over seeds, with intervals, tables and pictures
    Compare(compare::CompareArgs),
    /// Run again what a manifest.json tells of, and say what differs
    Rerun(rerun::RerunArgs),
    /// Check scenario files without running them
    Check(check::CheckArgs),
    /// List what there is, with a line on each
    List(list::ListArgs),
    /// Print the JSON Schema of the scenario file, for editors
    Schema(schema::SchemaArgs),
    /// Print completions for a shell
    Completions(completions::CompletionsArgs),
}

/// Which scenario, and what differs from its file.
#[derive(Args)]
pub(crate) struct ScenarioArgs {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Seed of everything random, in place of the file's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Scheduling policy, in place of the file's; `sim list policies` shows them
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,
    /// Change the scenario: `cluster.nodes[0].count=5`; can be given several times
    #[arg(long, value_name = "PATH=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
}

impl ScenarioArgs {
    /// The changes in the order they apply.
    pub(crate) fn overrides(&self) -> Vec<(String, String)> {
        let mut overrides = self.set.clone();
        overrides.extend(self.policy.iter().map(|policy| ("scheduler.policy".to_string(), policy.clone())));
        overrides.extend(self.seed.iter().map(|seed| ("seed".to_string(), seed.to_string())));
        overrides
    }

    /// Reads and checks the scenario.
    pub(crate) fn load(&self, library: &Library) -> Result<Scenario, Failure> {
        library.load(&self.scenario, &self.overrides())
    }

    /// The command that runs it once under a seed, ready for a shell; `only` these faults of its chaos.
    pub(crate) fn command(&self, seed: u64, single: &str, only: Option<&[u32]>) -> String {
        let path = self.scenario.display().to_string();
        let words = self.words().into_iter().skip(1).filter(|word| !word.starts_with("--seed="));
        let words = words.filter(|word| only.is_none() || !word.starts_with("--set=chaos.only="));
        let words: String = [path].into_iter().chain(words).map(|word| format!(" {}", quoted(&word))).collect();
        let list = |only: &[u32]| only.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        let only = only.map(|only| format!(" --set 'chaos.only=[{}]'", list(only))).unwrap_or_default();
        format!("sim run{words}{single} --seed={seed}{only}")
    }

    /// The words of the command line that say the same.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = vec![file_name(&self.scenario)];
        words.extend(self.set.iter().map(|(path, value)| format!("--set={path}={value}")));
        words.extend(self.policy.iter().map(|policy| format!("--policy={policy}")));
        words.extend(self.seed.iter().map(|seed| format!("--seed={seed}")));
        words
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:@%+".contains(c);
    if word.chars().all(is_plain) { word.to_string() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE, as in `seed=7`")?;
    Ok((path.trim().to_string(), value.to_string()))
}

/// The last part of a path.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An expectation was broken, a verification failed; said already.
    #[error("")]
    Broken,
    /// The scenario is wrong.
    #[error("{0}")]
    Scenario(Box<Diagnostics>),
    /// There is no such pod.
    #[error("{0}")]
    Pod(#[from] NoSuchPod),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// Standard output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    /// Something that is asked for does not go together, in words.
    #[error("{0}")]
    Usage(String),
    /// Ctrl-C, in the middle of many runs; where the finished ones are.
    #[error("interrupted; finished runs are kept in {0}, and the same command goes on from there")]
    Kept(String),
    /// Ctrl-C.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Failure::Scenario(Box::new(diagnostics))
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Scenario(diagnostics) => Failure::Scenario(diagnostics),
            Failed::Interrupted => Failure::Interrupted,
            Failed::Other(words) => Failure::Usage(words),
        }
    }
}

/// As [`run`], with policies of one's own beside ours: `examples/custom_policy.rs` is a whole program. Once in a program.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>, own: &'static [Entry]) -> ExitCode {
    match policies::add(own) {
        Ok(()) => run(arguments),
        Err(words) => report(&Failure::Usage(words)),
    }
}

/// Runs the program with these arguments, the first of which is its own name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nobody is left to tell
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| match &cli.command {
        Command::Why(args) => why::run(args),
        Command::Get(args) => get::run(args),
        Command::Describe(args) => describe::run(args),
        Command::Events(args) => events::run(args),
        Command::Run(args) => run::run(args, &Library::Disk),
        Command::Compare(args) => compare::run(args, &Library::Disk),
        Command::Rerun(args) => rerun::run(args),
        Command::Check(args) => check::run(args),
        Command::List(args) => list::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
    }));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => report(&failure),
        Err(_) => {
            complain("internal error: please report this with the scenario, the seed and the message above");
            ExitCode::from(3)
        }
    }
}

/// Says what failed; the exit code for it.
fn report(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Broken => ExitCode::from(1),
        Failure::Scenario(diagnostics) => {
            let _ = write!(anstream::stderr(), "{}", diagnostics.render(true));
            ExitCode::from(2)
        }
        Failure::Interrupted | Failure::Kept(_) => {
            complain(&failure.to_string());
            ExitCode::from(130)
        }
        other => {
            complain(&format!("error: {other}"));
            ExitCode::from(2)
        }
    }
}

/// A line on standard error; if that is closed, nobody is left to tell.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes to standard output. If nobody reads on (`| head`), the rest is dropped and the command goes
/// on: what it found out still shows in its exit code.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
