//! Virtual time in whole nanoseconds: instants ([`Time`]) and lengths ([`Span`]).
//!
//! No floating point takes part in the clock; conversions to and from seconds are for input and
//! output only. Sums and products stop at the largest value, which is later than every event and longer
//! than every run: a heavy tail or a toleration of 10^18 seconds is "never", not an overflow.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An instant on the virtual clock, in nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of virtual time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than every event of any run: "never".
    pub const MAX: Time = Time(u64::MAX);

    /// The instant `seconds` after the start.
    pub const fn from_secs(seconds: u64) -> Time {
        Time(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// How long after `earlier` this instant is; zero if it is not after it.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the start, for output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// This instant moved later by `span`, stopping at [`Time::MAX`].
    pub fn saturating_add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }

    /// This instant moved earlier by `span`, stopping at [`Time::ZERO`].
    pub fn saturating_sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }

    /// The whole second this instant lies in, as Kubernetes' `metav1.Time` keeps it.
    pub fn truncated_to_second(self) -> Time {
        Time(self.0 - self.0 % NANOS_PER_SECOND)
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than any run: "forever".
    pub const MAX: Span = Span(u64::MAX);

    /// `seconds` whole seconds.
    pub const fn from_secs(seconds: u64) -> Span {
        Span(seconds.saturating_mul(NANOS_PER_SECOND))
    }

    /// `millis` whole milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis.saturating_mul(1_000_000))
    }

    /// `micros` whole microseconds.
    pub const fn from_micros(micros: u64) -> Span {
        Span(micros.saturating_mul(1_000))
    }

    /// The nearest span to `seconds`; negative and NaN become zero, too long becomes
    /// [`Span::MAX`].
    pub fn from_secs_f64(seconds: f64) -> Span {
        Span((seconds * NANOS_PER_SECOND as f64).round() as u64)
    }

    /// Seconds, for output.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// What this takes at a pace of so many thousandths of the usual time; 1000 leaves it as it is.
    pub fn at_pace(self, milli: u32) -> Span {
        if milli == 1000 {
            return self;
        }
        Span(u64::try_from(u128::from(self.0) * u128::from(milli) / 1000).unwrap_or(u64::MAX))
    }

    /// This span shortened by `other`, stopping at zero.
    pub fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        self.saturating_add(span)
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0 - span.0)
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, factor: u64) -> Span {
        Span(self.0.saturating_mul(factor))
    }
}

impl Div<u64> for Span {
    type Output = Span;
    fn div(self, divisor: u64) -> Span {
        Span(self.0 / divisor)
    }
}

impl fmt::Display for Time {
    /// Seconds with three decimals, as in `127.443s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

impl fmt::Display for Span {
    /// Seconds with three decimals, as in `127.443s`; rounded down to the millisecond.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000_000;
        write!(f, "{}.{:03}s", millis / 1000, millis % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_never() {
        assert_eq!(Time::from_secs(1) + Span::from_secs_f64(1e300), Time::MAX);
        assert_eq!(Span::from_secs(u64::MAX) + Span::from_secs(1), Span::MAX);
        assert_eq!(Span::from_secs(600) * u64::MAX, Span::MAX);
    }
}
