//! Kubernetes quantities: `500m`, `2Gi`, `1e3`.
//!
//! Exact integer arithmetic in billionths, rounded away from zero where a value is finer than that
//! and cut off at 2^63-1, as in `apimachinery/pkg/api/resource`.

use std::fmt;

const NANO: i128 = 1_000_000_000;
const LIMIT: i128 = i64::MAX as i128 * NANO;

/// A number with a Kubernetes suffix, exact to the billionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    nanos: i128,
}

/// Why a text is not a quantity; the message says what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// There is no digit where the number should be.
    #[error("no digits")]
    NoDigits,
    /// What follows the number is no suffix.
    #[error("unknown suffix `{0}`")]
    Suffix(String),
}

impl Quantity {
    /// A whole number.
    pub fn from_units(units: i64) -> Quantity {
        Quantity { nanos: i128::from(units) * NANO }
    }

    /// Reads `sign digits[.digits] suffix`, the suffix being one of `n u m k M G T P E`,
    /// `Ki Mi Gi Ti Pi Ei`, `e3`, `E3` or nothing.
    ///
    /// # Errors
    /// If there are no digits or the suffix is unknown (`1K`, `1 Gi`, `1e3Mi`, `nan`).
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(QuantityError::NoDigits);
        }
        let nanos = magnitude(whole, fraction, scale(suffix)?);
        Ok(Quantity { nanos: if negative { -nanos } else { nanos } })
    }

    /// In whole units (bytes, devices, pods), rounded away from zero.
    pub fn units(self) -> i64 {
        clamped(div_away(self.nanos, NANO))
    }

    /// In thousandths, rounded away from zero: how the scheduler keeps cpu. Stops at `i64::MAX`.
    pub fn milli(self) -> i64 {
        clamped(div_away(self.nanos, NANO / 1000))
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether it is a whole number.
    pub fn is_whole(self) -> bool {
        self.nanos % NANO == 0
    }
}

impl fmt::Display for Quantity {
    /// Plain units, or the coarsest of `m`, `u`, `n` that loses nothing; reads back to the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (divisor, suffix) = [(NANO, ""), (1_000_000, "m"), (1000, "u")]
            .into_iter()
            .find(|(divisor, _)| self.nanos % divisor == 0)
            .unwrap_or((1, "n"));
        write!(f, "{}{suffix}", self.nanos / divisor)
    }
}

/// What one unit of a quantity stands for.
enum Scale {
    /// Billionths.
    Nanos(i128),
    /// A power of ten of units.
    Exponent(i32),
}

fn scale(suffix: &str) -> Result<Scale, QuantityError> {
    let binary = |power: u32| Ok(Scale::Nanos((1i128 << (10 * power)) * NANO));
    match suffix {
        "n" => Ok(Scale::Nanos(1)),
        "u" => Ok(Scale::Nanos(1000)),
        "m" => Ok(Scale::Nanos(1_000_000)),
        "" => Ok(Scale::Nanos(NANO)),
        "k" => Ok(Scale::Exponent(3)),
        "M" => Ok(Scale::Exponent(6)),
        "G" => Ok(Scale::Exponent(9)),
        "T" => Ok(Scale::Exponent(12)),
        "P" => Ok(Scale::Exponent(15)),
        "E" => Ok(Scale::Exponent(18)),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => exponent(suffix).ok_or_else(|| QuantityError::Suffix(suffix.to_string())),
    }
}

fn exponent(suffix: &str) -> Option<Scale> {
    let digits = suffix.strip_prefix(['e', 'E'])?;
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Scale::Exponent)
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `whole.fraction · scale` in billionths, rounded up, at most [`LIMIT`].
fn magnitude(whole: &str, fraction: &str, scale: Scale) -> i128 {
    let (nanos, smaller) = match scale {
        Scale::Nanos(nanos) => (nanos, 0),
        // 10^28 billionths are beyond the limit already, so that a larger power changes nothing
        Scale::Exponent(e) if e >= 0 => (10i128.pow(9 + e.min(19) as u32), 0),
        Scale::Exponent(e) if e >= -9 => (10i128.pow((9 + e) as u32), 0),
        Scale::Exponent(e) => (1, (-9 - e as i64).min(1_000_000) as u32),
    };
    let append = |sum: i128, digit| sum.checked_mul(10)?.checked_add(digit);
    let Some(whole) = digits(whole).try_fold(0, append) else { return LIMIT };
    let (mut part, mut inexact) = (0, false);
    for digit in digits(fraction).rev() {
        (part, inexact) = shift(part + digit * nanos, inexact);
    }
    let Some(mut total) = whole.checked_mul(nanos).and_then(|n| n.checked_add(part)) else { return LIMIT };
    for _ in 0..smaller.min(40) {
        (total, inexact) = shift(total, inexact);
    }
    (total + i128::from(inexact)).min(LIMIT)
}

/// A tenth, and whether anything was lost by now.
fn shift(value: i128, inexact: bool) -> (i128, bool) {
    (value / 10, inexact || value % 10 != 0)
}

fn digits(text: &str) -> impl DoubleEndedIterator<Item = i128> + '_ {
    text.bytes().map(|b| i128::from(b - b'0'))
}

fn div_away(value: i128, divisor: i128) -> i128 {
    let quotient = value / divisor;
    if value % divisor == 0 { quotient } else { quotient + value.signum() }
}

fn clamped(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value in billionths.
    fn nanos(text: &str) -> i128 {
        Quantity::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).nanos
    }

    #[test]
    fn suffixes_are_those_of_kubernetes() {
        for (text, units) in [
            ("128974848", 128_974_848),
            ("+5", 5),
            ("5.", 5),
            ("1e3", 1000),
            ("1E3", 1000),
            ("1e+3", 1000),
            ("100M", 100_000_000),
            ("1k", 1000),
            ("1Pi", 1 << 50),
            ("1.5Gi", 1_610_612_736),
            ("1E", 1_000_000_000_000_000_000),
            ("2.5E", 2_500_000_000_000_000_000),
            ("9007199254740993", 9_007_199_254_740_993),
            ("0", 0),
            ("007", 7),
        ] {
            assert_eq!(nanos(text), units * NANO, "{text}");
        }
    }

    #[test]
    fn fractions_are_exact_to_the_billionth() {
        for (text, expected) in [
            ("100m", 100_000_000),
            ("0.5", 500_000_000),
            (".5", 500_000_000),
            ("-100m", -100_000_000),
            ("1e-3", 1_000_000),
            ("3n", 3),
            ("7u", 7000),
            ("0.1n", 1),
            ("1e-30", 1),
            ("0e-30", 0),
            ("-0.1n", -1),
            ("0.333333333333", 333_333_334),
            ("1000000000000e-12", NANO),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn too_large_stops_at_the_largest_signed_64_bit_number() {
        for text in ["12Ei", "8Ei", "1e99", "99999999999999999999", "1e2147483647", &"9".repeat(5000)] {
            assert_eq!(Quantity::parse(text).unwrap().units(), i64::MAX, "{text}");
        }
        assert_eq!(Quantity::parse("-12Ei").unwrap().units(), -i64::MAX);
        assert_eq!(Quantity::parse("8Ei").unwrap().milli(), i64::MAX);
        assert_eq!(Quantity::parse(&format!("0.{}", "3".repeat(5000))).unwrap().units(), 1);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "", "-", ".", "--5", "Ki", "1e3Mi", "1K", "1ki", "1 Gi", " 1", "0x10", "nan", "inf", "1e", "1e+", "1mm",
            "٣",
        ] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn units_and_thousandths_round_away_from_zero() {
        assert_eq!(Quantity::parse("100m").unwrap().units(), 1);
        assert_eq!(Quantity::parse("1500u").unwrap().milli(), 2);
        assert_eq!(Quantity::parse("-1500u").unwrap().milli(), -2);
        assert_eq!(Quantity::parse("2").unwrap().milli(), 2000);
    }

    #[test]
    fn printed_quantities_read_back() {
        for (text, printed) in [("1.5", "1500m"), ("2Gi", "2147483648"), ("3n", "3n"), ("1500u", "1500u"), ("-1", "-1")]
        {
            assert_eq!(Quantity::parse(text).unwrap().to_string(), printed);
            assert_eq!(Quantity::parse(printed), Quantity::parse(text));
        }
    }
}
