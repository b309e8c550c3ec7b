//! How kubectl writes how long ago something was.

use crate::engine::{Span, Time};

/// A span in one or two units, coarser the longer it is (`duration.HumanDuration` of apimachinery).
pub(super) fn duration(span: Span) -> String {
    let seconds = span.0 / 1_000_000_000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let two = |large: u64, unit: &str, small: u64, sub: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{sub}"),
    };
    match hours {
        _ if seconds < 120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        0..8 => two(hours, "h", minutes % 60, "m"),
        8..48 => format!("{hours}h"),
        48..192 => two(hours / 24, "d", hours % 24, "h"),
        192..17_520 => format!("{}d", hours / 24),
        17_520..70_080 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

/// The AGE of what was created at `at`.
pub(super) fn age(at: Time, now: Time) -> String {
    duration(now.since(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the code of `HumanDuration`, worked out by hand.
    #[test]
    fn long_spans_are_coarse() {
        let hours = 3600;
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (347, "5m47s"),
            (659, "10m"),
            (10_799, "179m"),
            (10_800, "3h"),
            (7 * hours + 60, "7h1m"),
            (9 * hours + 1800, "9h"),
            (47 * hours, "47h"),
            (49 * hours, "2d1h"),
            (8 * 24 * hours, "8d"),
            (365 * 24 * hours, "365d"),
            (730 * 24 * hours, "2y"),
            (731 * 24 * hours, "2y1d"),
            (3650 * 24 * hours, "10y"),
        ] {
            assert_eq!(duration(Span::from_secs(seconds)), text, "{seconds} s");
        }
    }
}
