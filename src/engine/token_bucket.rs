//! The token bucket of Kubernetes' API clients and of the node evictor, in exact integers.
//!
//! `rate` tokens a second, at most `burst` kept; a call takes one token or waits for it. Kept as the
//! theoretical arrival time of the generic cell rate algorithm, which is the same thing without
//! fractions of tokens.

use super::time::{Span, Time};

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Nanoseconds a token takes to come; [`Span::MAX`]: none comes.
    interval: Span,
    burst: u64,
    /// The instant at which the bucket would be full again.
    full_at: Time,
}

impl Default for TokenBucket {
    /// A bucket that gives nothing.
    fn default() -> Self {
        TokenBucket::new(Span::MAX, 0)
    }
}

impl TokenBucket {
    /// A full bucket giving one token per `interval`, holding up to `burst`. An interval of zero
    /// never makes anybody wait; one of [`Span::MAX`] gives nothing.
    pub fn new(interval: Span, burst: u64) -> Self {
        TokenBucket { interval, burst, full_at: Time::ZERO }
    }

    /// A full bucket of `milli_rate` thousandths of a token a second; 0 gives nothing, ever.
    pub fn per_second_milli(milli_rate: u64, burst: u64) -> Self {
        let interval = 1_000_000_000_000_u64.checked_div(milli_rate).map_or(Span::MAX, Span);
        TokenBucket::new(interval, if milli_rate == 0 { 0 } else { burst })
    }

    /// The earliest instant, now or later, at which a token can be taken; [`Time::MAX`] for never.
    pub fn next(&self, now: Time) -> Time {
        if self.interval == Span::ZERO {
            return now;
        }
        if self.burst == 0 || self.interval == Span::MAX {
            return Time::MAX;
        }
        let depth = Span(self.interval.0.saturating_mul(self.burst - 1));
        now.max(self.full_at.saturating_sub(depth))
    }

    /// Takes a token if there is one now.
    pub fn try_take(&mut self, now: Time) -> bool {
        if self.next(now) > now {
            return false;
        }
        self.take(now);
        true
    }

    /// Takes the next token, now or in the future, and answers when it comes; [`Time::MAX`] for
    /// never (nothing is taken then).
    pub fn take(&mut self, now: Time) -> Time {
        let at = self.next(now);
        if at != Time::MAX && self.interval != Span::ZERO {
            self.full_at = self.full_at.max(at) + self.interval;
        }
        at
    }

    /// Whether both give tokens equally fast and keep equally many.
    pub fn has_rate_of(&self, other: &TokenBucket) -> bool {
        (self.interval, self.burst) == (other.interval, other.burst)
    }

    /// Another rate from `now` on. As in client-go's swap of limiters: if the old bucket was empty, as one
    /// that gives nothing always is, the new one starts empty, else full.
    pub fn replace(&mut self, now: Time, mut new: TokenBucket) {
        let was_empty = self.next(now) > now;
        if was_empty && new.interval != Span::MAX {
            new.full_at = now + new.interval * new.burst;
        }
        *self = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_then_steady_rate() {
        // client-go's 20 qps / burst 30: 30 at once, the 31st after 50 ms
        let mut bucket = TokenBucket::per_second_milli(20_000, 30);
        let now = Time::from_secs(100);
        let times: Vec<u64> = (0..33).map(|_| bucket.take(now).since(now).0 / 1_000_000).collect();
        assert!(times[..30].iter().all(|&t| t == 0));
        assert_eq!(times[30..], [50, 100, 150]);
    }

    #[test]
    fn eviction_rate_gives_one_node_each_ten_seconds() {
        let mut bucket = TokenBucket::per_second_milli(100, 1);
        assert!(bucket.try_take(Time::from_secs(5)));
        assert!(!bucket.try_take(Time::from_secs(14)));
        assert!(bucket.try_take(Time::from_secs(15)));
    }

    #[test]
    fn a_new_rate_starts_as_full_or_empty_as_the_old_bucket_was() {
        let (now, slow) = (Time::from_secs(100), TokenBucket::per_second_milli(10, 1));
        let after = |mut bucket: TokenBucket| {
            bucket.replace(now, slow);
            bucket.next(now).since(now)
        };
        let full = TokenBucket::per_second_milli(100, 1);
        let mut empty = full;
        empty.take(now);
        assert_eq!(after(full), Span::ZERO);
        assert_eq!(after(empty), Span::from_secs(100));
        assert_eq!(after(TokenBucket::per_second_milli(0, 1)), Span::from_secs(100));
    }

    #[test]
    fn zero_rate_never_gives() {
        let mut bucket = TokenBucket::per_second_milli(0, 1);
        assert_eq!(bucket.take(Time::ZERO), Time::MAX);
    }
}
