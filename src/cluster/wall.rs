//! The wall clock that time zero stands for: schedules of CronJobs read it, and the API server keeps
//! timestamps in whole seconds of it (`metav1.Time`), so that whatever counts from a stored
//! timestamp counts from the second before.

use crate::engine::{Span, Time};

use super::Cluster;

const SECOND: u64 = 1_000_000_000;

/// 2026-01-01T00:00:00Z, where the wall clock stands at time zero unless a scenario says otherwise.
pub const DEFAULT_WALL_START: Span = Span::from_secs(1_767_225_600);

impl Cluster {
    /// Seconds since the Unix epoch, by the wall clock.
    pub fn unix_seconds(&self, at: Time) -> i64 {
        ((self.wall_start.0 + at.0) / SECOND) as i64
    }

    /// The instant as the API server stores it: the whole second of the wall clock it lies in.
    pub fn stored(&self, at: Time) -> Time {
        at.saturating_sub(Span((self.wall_start.0 % SECOND + at.0 % SECOND) % SECOND))
    }

    /// The instant at which the wall clock shows this second; time zero if that was before the run.
    pub fn instant_of(&self, unix_seconds: i64) -> Time {
        let nanos = u64::try_from(unix_seconds).unwrap_or(0).saturating_mul(SECOND);
        Time(nanos.saturating_sub(self.wall_start.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn stored_instants_lie_on_seconds_of_the_wall_clock() {
        let mut cluster = Cluster::new(Seed(1));
        cluster.wall_start = Span(100 * SECOND + 620_000_000);
        assert_eq!(cluster.stored(Time(2_000_000_000)), Time(1_380_000_000), "102.62 is kept as 102");
        assert_eq!(cluster.stored(Time(1_380_000_000)), Time(1_380_000_000));
        assert_eq!(cluster.unix_seconds(Time(1_380_000_000)), 102);
        assert_eq!(cluster.instant_of(102), Time(1_380_000_000));
    }
}
