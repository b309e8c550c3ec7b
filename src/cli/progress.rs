//! The bar of a long run, and Ctrl-C.

use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::engine::Time;
use crate::experiment::Progress;
use crate::report::terminal;

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Shows on a terminal how far the virtual clock has come; elsewhere nothing.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar for a run that ends at `end`.
    pub(crate) fn new(end: Time, quiet: bool) -> Self {
        // without a handler Ctrl-C ends the process at once, which is worse only for `.partial`
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed));
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
