//! Fixed formats of numbers, so that equal runs give equal bytes.

use crate::engine::{Span, Time};

/// Seconds with six decimals, rounded down to the microsecond: `127.443210`. Integer arithmetic only.
pub(crate) fn seconds(nanos: u64) -> String {
    format!("{}.{:06}", nanos / 1_000_000_000, nanos / 1000 % 1_000_000)
}

/// An instant as [`seconds`]; empty if it never came.
pub(crate) fn instant(at: Option<Time>) -> String {
    at.map_or(String::new(), |at| seconds(at.0))
}

/// A number with six decimals; `inf` for infinity.
pub(crate) fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.6}") } else { "inf".to_string() }
}

/// A number without decimals it does not need, three at most: `4`, `699.6`, `0.871`. Nearly one is a matter of its
/// nines, and has as many decimals as tell it from one: `0.999955`.
pub(crate) fn short(value: f64) -> String {
    if !value.is_finite() {
        return "never".to_string();
    }
    let mut decimals = 3;
    let mut lacking = if value > 0.999 { (1.0 - value) * 1000.0 } else { 0.0 };
    while lacking > 0.0 && lacking < 10.0 && decimals < 9 {
        lacking *= 10.0;
        decimals += 1;
    }
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// As [`short`], and whole from a thousand on: for numbers that are not known so exactly.
pub(crate) fn rough(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1000.0 { format!("{value:.0}") } else { short(value) }
}

/// A length of time as people say it: `47.5s`, `5m49.6s`, `15m`, `2h5m`, `3d4h`; rounded to tenths of a
/// second, to seconds from an hour on, to minutes from a day on.
pub(crate) fn duration(span: Span) -> String {
    let tenths = (span.0 + 50_000_000) / 100_000_000;
    if tenths >= 864_000 {
        let minutes = (tenths + 300) / 600;
        return join(&[(minutes / 1440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "m")], "0m");
    }
    if tenths >= 36_000 {
        let seconds = (tenths + 5) / 10;
        return join(&[(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")], "0s");
    }
    let minutes = join(&[(tenths / 600, "m")], "");
    let rest = tenths % 600;
    match (rest / 10, rest % 10) {
        (0, 0) if !minutes.is_empty() => minutes,
        (0, 0) if span.0 > 0 => format!("{}ms", span.0.div_ceil(1_000_000)),
        (whole, 0) => format!("{minutes}{whole}s"),
        (whole, tenth) => format!("{minutes}{whole}.{tenth}s"),
    }
}

/// An instant as people say it, from the start of the run.
pub(crate) fn moment(at: Time) -> String {
    duration(at.since(Time::ZERO))
}

fn join(parts: &[(u64, &str)], zero: &str) -> String {
    let text: String = parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { zero.to_string() } else { text }
}

/// Parts per million as a percentage with two decimals, or all four where it is nearly everything: `87.04%`,
/// `99.9955%`.
pub(crate) fn percent(ppm: i64) -> String {
    let decimals = if (999_900..1_000_000).contains(&ppm) { 4 } else { 2 };
    format!("{:.decimals$}%", ppm as f64 / 10_000.0)
}

/// `1 pod`, `2 pods`.
pub(crate) fn count(n: u32, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let says = |millis| duration(Span::from_millis(millis));
        assert_eq!(says(0), "0s");
        assert_eq!(says(3), "3ms");
        assert_eq!(says(47_443), "47.4s");
        assert_eq!(says(59_970), "1m");
        assert_eq!(says(349_574), "5m49.6s");
        assert_eq!(says(900_000), "15m");
        assert_eq!(says(7_500_400), "2h5m");
        assert_eq!(says(274_020_000), "3d4h7m");
    }

    #[test]
    fn what_is_not_known_exactly_is_told_whole_from_a_thousand_on() {
        let told = [19_059_580.187, -1_234.6, 999.4567, 0.0].map(rough);
        assert_eq!(told, ["19059580", "-1235", "999.457", "0"]);
    }

    #[test]
    fn numbers_have_fixed_forms() {
        assert_eq!(seconds(127_443_210_999), "127.443210");
        assert_eq!(number(f64::INFINITY), "inf");
        assert_eq!((short(4.0).as_str(), short(699.6).as_str(), short(0.8705).as_str()), ("4", "699.6", "0.871"));
        assert_eq!((short(0.999_955).as_str(), short(0.9995).as_str()), ("0.999955", "0.9995"));
        assert_eq!((short(1.0).as_str(), short(1.0 - 1e-12).as_str()), ("1", "1"));
        assert_eq!((percent(870_444).as_str(), percent(999_955).as_str()), ("87.04%", "99.9955%"));
        assert_eq!(percent(1_000_000), "100.00%");
    }
}
