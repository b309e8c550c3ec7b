//! Lengths of time as Go writes them (`1h30m`, `250ms`, `1.5h`), plus `d` for days.

use crate::engine::Span;

/// Longest length that can be written, as in Go: 2^63-1 nanoseconds, about 292 years.
const LIMIT: u128 = i64::MAX as u128;

/// Units and their nanoseconds; longer spellings before their prefixes.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Why a text is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number stands alone; only 0 may.
    #[error("no unit after `{0}`")]
    NoUnit(String),
    /// What follows a number is no unit.
    #[error("unknown unit `{0}`")]
    Unit(String),
    /// There is no digit where a number should be.
    #[error("no number")]
    NoNumber,
    /// It starts with a minus.
    #[error("negative length of time")]
    Negative,
    /// Beyond 2^63-1 nanoseconds.
    #[error("longer than 292 years")]
    TooLong,
}

/// Reads one or more numbers, each with a unit of `ns us ms s m h d`; `0` alone is allowed.
/// Fractions below a nanosecond are dropped.
///
/// # Errors
/// For everything else: a bare number, a sign, spaces, an unknown unit, more than 292 years.
pub fn parse(text: &str) -> Result<Span, DurationError> {
    if text == "0" {
        return Ok(Span::ZERO);
    }
    if text.starts_with('-') {
        return Err(DurationError::Negative);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total: u128 = 0;
    loop {
        let (nanos, after) = component(rest)?;
        total += nanos;
        if total > LIMIT {
            return Err(DurationError::TooLong);
        }
        if after.is_empty() {
            return Ok(Span(total as u64));
        }
        rest = after;
    }
}

/// One number with its unit in nanoseconds, and the text after it.
fn component(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let unit_text = &rest[..rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len())];
    if unit_text.is_empty() {
        return Err(DurationError::NoUnit(text.to_string()));
    }
    let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == unit_text) else {
        return Err(DurationError::Unit(unit_text.to_string()));
    };
    let whole = whole.trim_start_matches('0');
    if whole.len() > 19 {
        return Err(DurationError::TooLong);
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::TooLong)? };
    let part = fraction.bytes().rev().fold(0u128, |part, b| (part + u128::from(b - b'0') * u128::from(*unit)) / 10);
    Ok((whole * u128::from(*unit) + part, &rest[unit_text.len()..]))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The shortest spelling of a length of time that [`parse`] reads back exactly.
pub fn format(span: Span) -> String {
    if span == Span::ZERO {
        return "0s".to_string();
    }
    let mut rest = span.0;
    let mut text = String::new();
    for (unit, nanos) in UNITS.iter().rev().filter(|(unit, _)| unit.is_ascii()) {
        if rest / nanos > 0 {
            text += &format!("{}{unit}", rest / nanos);
            rest %= nanos;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_and_days_are_read() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("5m", 300_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("250ms", 250_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("2h45m30.5s", 9_930_500_000_000),
            ("1d", 86_400_000_000_000),
            ("1d12h", 129_600_000_000_000),
            ("+3ns", 3),
        ] {
            assert_eq!(parse(text), Ok(Span(nanos)), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, message) in [
            ("90", "no unit after `90`"),
            ("1m30", "no unit after `30`"),
            ("-5m", "negative length of time"),
            ("1M", "unknown unit `M`"),
            ("1w2d", "unknown unit `w`"),
            ("5 min", "unknown unit ` min`"),
            ("1e3s", "unknown unit `e`"),
            ("PT5M", "no number"),
            ("", "no number"),
            ("s", "no number"),
            ("300y", "unknown unit `y`"),
            ("110000d", "longer than 292 years"),
            ("99999999999999999999999999999999999999999999s", "longer than 292 years"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn printed_durations_read_back() {
        for (text, printed) in [("90s", "1m30s"), ("36h", "1d12h"), ("2500ms", "2s500ms"), ("0", "0s"), ("7us", "7us")]
        {
            let span = parse(text).unwrap();
            assert_eq!(format(span), printed);
            assert_eq!(parse(printed), Ok(span));
        }
    }
}
