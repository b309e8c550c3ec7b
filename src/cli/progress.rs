//! The bar of a long run, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::Time;
use crate::experiment::Progress;
use crate::experiment::replicate::Watch;
use crate::report::terminal;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is noted. Without a handler it ends the process at once, which is worse only for
/// `.partial`.
fn listen() {
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
}

/// Shows on a terminal how far the virtual clock has come; elsewhere nothing.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar for a run that ends at `end`.
    pub(crate) fn new(end: Time, quiet: bool) -> Self {
        listen();
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(end.0) };
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3}%  {msg}") {
            bar.set_style(style);
        }
        Bar { bar }
    }
}

impl Progress for Bar {
    fn reached(&mut self, now: Time) -> bool {
        self.bar.set_position(now.0);
        self.bar.set_message(terminal::moment(now));
        !INTERRUPTED.load(Ordering::Relaxed)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Shows on a terminal how many of many runs are done; elsewhere nothing.
pub(crate) struct Runs {
    bar: ProgressBar,
}

impl Runs {
    /// A bar of unknown length.
    pub(crate) fn new(quiet: bool) -> Self {
        listen();
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} runs  {elapsed} gone, {eta} to go") {
            bar.set_style(style);
        }
        Runs { bar }
    }
}

impl Watch for Runs {
    fn done(&self, finished: usize, total: usize) {
        self.bar.set_length(total as u64);
        self.bar.set_position(self.bar.position().max(finished as u64)); // threads may tell out of order
    }

    fn stopped(&self) -> bool {
        INTERRUPTED.load(Ordering::Relaxed)
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
