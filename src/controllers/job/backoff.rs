//! Back-off before failed pods are made up for: 10 s, doubled with each failure since the last success,
//! at most 10 min, from the end of the last failed pod.

use crate::engine::{Span, Time};

use super::picture::Picture;

const FIRST: Span = Span::from_secs(10);
const MAX: Span = Span::from_secs(600);

/// Failures since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    failures: u32,
    last: Time,
}

impl Record {
    /// The record after the pods that have ended since.
    pub(super) fn with(self, picture: &Picture<'_>) -> Record {
        let ends = |pods: &[super::picture::Member<'_>]| {
            let mut ends: Vec<Time> = pods.iter().map(|member| picture.finished_at(member)).collect();
            ends.sort_unstable();
            ends
        };
        let failed = ends(&picture.new_failed);
        let (since, before) = match ends(&picture.new_succeeded).last() {
            None => (failed, self),
            Some(&success) => (failed.into_iter().filter(|end| *end > success).collect(), Record::default()),
        };
        match since.last() {
            Some(&last) => Record { failures: before.failures + since.len() as u32, last },
            None => before,
        }
    }

    /// When the next pod may be created.
    pub(super) fn until(&self) -> Time {
        until(self.failures, self.last)
    }
}

/// When an index or a Job that has failed so often, last at `last`, may be tried again.
pub(super) fn until(failures: u32, last: Time) -> Time {
    match failures {
        0 => Time::ZERO,
        _ => last + Span(FIRST.0.saturating_mul(1 << (failures - 1).min(30))).min(MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_ten_minutes() {
        let delay = |failures| until(failures, Time::from_secs(100)).since(Time::from_secs(100)).0 / 1_000_000_000;
        assert_eq!([1, 2, 3, 6, 7, 40].map(delay), [10, 20, 40, 320, 600, 600]);
        assert_eq!(until(0, Time::from_secs(100)), Time::ZERO);
    }
}
