//! How fast error budgets burn: sliding windows over the share of a service that is missing, exact between changes.
//!
//! What a window holds is piecewise linear in time. It bends where the share changes and where a change leaves the
//! window; between two bends maxima lie at the ends and thresholds are crossed at most once. Each change is passed once
//! by the rear of each window, so that the work follows the changes.
//!
//! Source: Beyer et al., *The Site Reliability Workbook*, ch. 5 (multiwindow, multi-burn-rate alerts).

use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::{Span, Time};

use super::capacity::PPM;

/// A service-level objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    ppm: u32,
}

impl Objective {
    /// The objective of so many parts per million; `None` unless it leaves a budget and asks for something.
    pub fn from_ppm(ppm: u32) -> Option<Self> {
        (1..PPM as u32).contains(&ppm).then_some(Objective { ppm })
    }

    /// As labels have it: `0.999`.
    pub fn label(self) -> String {
        (f64::from(self.ppm) / PPM as f64).to_string()
    }

    /// What may be missing, in parts per million.
    fn budget_ppm(self) -> i128 {
        i128::from(PPM) - i128::from(self.ppm)
    }

    /// The share that may be missing.
    pub(crate) fn budget(self) -> f64 {
        self.budget_ppm() as f64 / PPM as f64
    }
}

/// 0.99, 0.999 and 0.9999.
pub(crate) fn usual() -> Rc<[Objective]> {
    [990_000, 999_000, 999_900].map(|ppm| Objective { ppm }).into()
}

/// The windows: the long and the short one of each alert.
const WIDTHS: [Span; 4] =
    [Span::from_secs(3600), Span::from_secs(300), Span::from_secs(6 * 3600), Span::from_secs(1800)];

/// An alert: it fires while the budget burns at least so fast in both windows.
pub(crate) struct Alert {
    /// Its long window, as labels have it.
    pub(crate) name: &'static str,
    /// Tenths of the rate that spends the budget exactly.
    tenths: i128,
    /// Places in [`WIDTHS`].
    windows: [usize; 2],
}

/// The alerts of the workbook.
pub(crate) const ALERTS: [Alert; 2] =
    [Alert { name: "1h", tenths: 144, windows: [0, 1] }, Alert { name: "6h", tenths: 60, windows: [2, 3] }];

/// The values of label `window`.
pub fn windows() -> impl Iterator<Item = &'static str> {
    ALERTS.iter().map(|alert| alert.name)
}

/// A window that ends now.
#[derive(Clone, Debug)]
struct Window {
    width: Span,
    /// The step that its rear meets next, counted from the first ever.
    next: usize,
    /// The share missing at its rear.
    rear: i64,
    /// When its rear meets that step; [`Time::MAX`] while there is none.
    bends: Time,
    /// The area in it, in parts per million × nanoseconds.
    area: i128,
}

/// All windows over one workload, and what was found with them.
#[derive(Clone, Debug)]
pub(crate) struct Burn {
    /// Changes of the share that some window has not left behind.
    steps: VecDeque<(Time, i64)>,
    dropped: usize,
    missing_ppm: i64,
    at: Time,
    windows: [Window; 4],
    /// The greatest area in the first window.
    most: i128,
    /// For each objective and alert, how often it began to fire.
    fired: Vec<[u32; 2]>,
    /// The areas in its two windows from which it fires.
    thresholds: Rc<[[[i128; 2]; 2]]>,
    objectives: Rc<[Objective]>,
}

impl Burn {
    /// Nothing is missing; before `now` nothing was.
    pub(crate) fn starting(now: Time, objectives: Rc<[Objective]>) -> Self {
        let windows = WIDTHS.map(|width| Window { width, next: 0, rear: 0, bends: Time::MAX, area: 0 });
        let fired = vec![[0; 2]; objectives.len()];
        let thresholds = objectives.iter().map(thresholds).collect();
        let steps = VecDeque::new();
        Burn { steps, dropped: 0, missing_ppm: 0, at: now, windows, most: 0, fired, thresholds, objectives }
    }

    /// From `now` on so much is missing.
    pub(crate) fn set(&mut self, now: Time, missing_ppm: i64) {
        if missing_ppm != self.missing_ppm {
            self.advance(now);
            self.steps.push_back((now, missing_ppm));
            self.missing_ppm = missing_ppm;
            for window in self.windows.iter_mut().filter(|window| window.bends == Time::MAX) {
                window.bends = now.saturating_add(window.width);
            }
        }
    }

    /// Goes from bend to bend until `to`.
    pub(crate) fn advance(&mut self, to: Time) {
        while self.at < to {
            let until = self.windows.iter().fold(to, |until, window| until.min(window.bends));
            self.pass(until.since(self.at));
            self.at = until;
            if until < to || self.windows.iter().any(|window| window.bends == until) {
                self.bend(until);
            }
        }
    }

    /// The rear of some windows meets a step now.
    fn bend(&mut self, now: Time) {
        for window in &mut self.windows {
            while window.bends == now {
                window.rear = self.steps[window.next - self.dropped].1;
                window.next += 1;
                let next = self.steps.get(window.next - self.dropped);
                window.bends = next.map_or(Time::MAX, |(at, _)| at.saturating_add(window.width));
            }
        }
        let needed = self.windows.iter().map(|window| window.next).min().unwrap_or(0);
        self.steps.drain(..needed - self.dropped);
        self.dropped = needed;
    }

    /// A stretch without a bend.
    fn pass(&mut self, span: Span) {
        if self.windows.iter().all(|window| window.area == 0) && self.missing_ppm == 0 {
            return;
        }
        let span = i128::from(span.0);
        let before = self.windows.each_ref().map(|window| window.area);
        let slopes = self.windows.each_ref().map(|window| i128::from(self.missing_ppm - window.rear));
        for (window, slope) in self.windows.iter_mut().zip(slopes) {
            window.area += slope * span;
        }
        self.most = self.most.max(self.windows[0].area);
        let most = |index: usize| before[index].max(self.windows[index].area);
        for (thresholds, fired) in self.thresholds.iter().zip(&mut self.fired) {
            for ((alert, thresholds), count) in ALERTS.iter().zip(thresholds).zip(fired) {
                // linear in between: a window below its threshold at both ends is so throughout
                if alert.windows.iter().zip(thresholds).all(|(index, threshold)| most(*index) >= *threshold) {
                    // how far each window is above its threshold at the start, and how fast that grows
                    let over = [0, 1].map(|side| {
                        let index = alert.windows[side];
                        (before[index] - thresholds[side], slopes[index])
                    });
                    *count += u32::from(begins(over, span));
                }
            }
        }
    }

    /// The greatest share missing from any hour, what has not passed of the first one counted as sound.
    pub(crate) fn worst(&self) -> f64 {
        self.most as f64 / WIDTHS[0].0 as f64 / PPM as f64
    }

    /// How often each alert began to fire, by objective.
    pub(crate) fn fired(&self) -> impl Iterator<Item = (Objective, [u32; 2])> + '_ {
        self.objectives.iter().copied().zip(self.fired.iter().copied())
    }

    /// The objectives.
    pub(crate) fn objectives(&self) -> &[Objective] {
        &self.objectives
    }
}

/// By alert: the areas in its two windows that burn the budget at its rate.
fn thresholds(objective: &Objective) -> [[i128; 2]; 2] {
    ALERTS.each_ref().map(|alert| {
        alert.windows.map(|index| alert.tenths * objective.budget_ppm() * i128::from(WIDTHS[index].0) / 10)
    })
}

/// Whether two linear functions, each given by its value at the start of a stretch and its slope, are not both at least
/// zero there but are at some instant after, the end of the stretch included.
fn begins([one, other]: [(i128, i128); 2], span: i128) -> bool {
    let end = |(start, slope): (i128, i128)| start + slope * span;
    if one.0 >= 0 && other.0 >= 0 {
        return false;
    }
    if end(one) >= 0 && end(other) >= 0 {
        return true;
    }
    // else one would have to rise through zero, at −start/slope, before the other falls through it
    let rises_in_time = |rising: (i128, i128), falling: (i128, i128)| {
        rising.0 < 0 && end(rising) >= 0 && falling.0 >= 0 && -rising.0 * -falling.1 <= falling.0 * rising.1
    };
    rises_in_time(one, other) || rises_in_time(other, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of (second, parts per million missing), seen until a second.
    fn burn(steps: &[(u64, i64)], end: u64) -> Burn {
        let mut burn = Burn::starting(Time::ZERO, usual());
        for (at, missing) in steps {
            burn.set(Time::from_secs(*at), *missing);
        }
        burn.advance(Time::from_secs(end));
        burn
    }

    #[test]
    fn a_window_slides() {
        // all is missing from 1:30 to 2:30: the window that ends at 2:30 holds nothing else
        let found = burn(&[(5400, 1_000_000), (9000, 0)], 36_000);
        assert_eq!(found.worst(), 1.0);
        assert!(found.steps.is_empty(), "nothing is kept of what has left all windows");
        // three quarters for an hour and a half, then a quarter: the windows from 0:30 on hold the first only
        assert_eq!(burn(&[(1800, 750_000), (7200, 250_000), (9000, 0)], 36_000).worst(), 0.75);
        // twice 1000 s, 2000 s apart: the hour from the first second of one to the end of the window holds 1000 + 600
        assert_eq!(
            burn(&[(10_000, 1_000_000), (11_000, 0), (13_000, 1_000_000), (14_000, 0)], 36_000).worst(),
            1600.0 / 3600.0
        );
        // the hour of the run that ends early is filled up with what was before
        assert_eq!(burn(&[(60, 500_000)], 420).worst(), 180.0 / 3600.0);
    }

    #[test]
    fn alerts_fire_while_both_windows_burn() {
        // objective 0.99: 14.4 % of an hour are 518.4 s, 14.4 % of five minutes 43.2 s. 600 s: fires once
        let fired = |steps: &[(u64, i64)], end| burn(steps, end).fired().map(|(_, fired)| fired).collect::<Vec<_>>();
        assert_eq!(fired(&[(7200, 1_000_000), (7800, 0)], 36_000)[0], [1, 0]); // 6 % of 6 h are 1296 s
        // 500 s are too short for 0.99; for 0.999 it takes 51.84 s and 129.6 s; for 0.9999 a tenth of that
        assert_eq!(fired(&[(7200, 1_000_000), (7700, 0)], 36_000), [[0, 0], [1, 1], [1, 1]]);
        // again 700 s later: the long window still burns, the short one has recovered in between
        assert_eq!(fired(&[(7200, 1_000_000), (7800, 0), (8500, 1_000_000), (8600, 0)], 36_000)[0], [2, 0]);
        // 1300 s pass the 1296 s of the slow alert, too
        assert_eq!(fired(&[(7200, 1_000_000), (8500, 0)], 36_000)[0], [1, 1]);
    }

    #[test]
    fn thresholds_are_crossed_within_a_stretch() {
        assert!(begins([(-2, 1), (3, 1)], 4));
        assert!(!begins([(0, 1), (3, 1)], 4), "it had begun");
        assert!(begins([(-1, 1), (2, -1)], 4)); // from 1 to 2
        assert!(begins([(2, -1), (-2, 1)], 4)); // both at 2
        assert!(!begins([(-3, 1), (2, -1)], 4)); // from 3 on, but the other only until 2
        assert!(!begins([(-5, 1), (1, 0)], 4)); // not yet
    }
}
