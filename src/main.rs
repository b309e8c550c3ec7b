//! Arguments → [`sim::cli::run`] → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sim::cli::run(std::env::args_os())
}
