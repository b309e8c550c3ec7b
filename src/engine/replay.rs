//! Trace replay: recorded lengths of time given back in their own order, which keeps what a distribution
//! throws away (bursts, daily rhythm, correlation of neighbours).

use super::random::Stream;
use super::time::Span;

/// What comes after the last recorded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// Nothing.
    Stop,
    /// The first again.
    Repeat,
}

/// Recorded values with a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    values: Vec<Span>,
    position: usize,
    after_end: AfterEnd,
}

impl Replay {
    /// From the first value on.
    pub fn new(values: Vec<Span>, after_end: AfterEnd) -> Self {
        Replay { values, position: 0, after_end }
    }

    /// Round and round from a place drawn from `stream`: another stretch of the trace for each
    /// replication or entity.
    pub fn from_random_start(values: Vec<Span>, stream: &mut Stream) -> Self {
        let position = if values.is_empty() { 0 } else { stream.below(values.len() as u64) as usize };
        Replay { values, position, after_end: AfterEnd::Repeat }
    }
}

impl Iterator for Replay {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        if self.position == self.values.len() && self.after_end == AfterEnd::Repeat {
            self.position = 0;
        }
        let value = self.values.get(self.position).copied()?;
        self.position += 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn seconds(values: &[u64]) -> Vec<Span> {
        values.iter().map(|value| Span::from_secs(*value)).collect()
    }

    #[test]
    fn values_come_in_order_and_end_or_come_again() {
        let all: Vec<Span> = Replay::new(seconds(&[3, 1, 2]), AfterEnd::Stop).collect();
        assert_eq!(all, seconds(&[3, 1, 2]));
        let again: Vec<Span> = Replay::new(seconds(&[3, 1]), AfterEnd::Repeat).take(5).collect();
        assert_eq!(again, seconds(&[3, 1, 3, 1, 3]));
        assert_eq!(Replay::new(Vec::new(), AfterEnd::Repeat).next(), None);
    }

    #[test]
    fn a_random_start_keeps_the_order() {
        let values = seconds(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let mut stream = Seed(5).stream("replay", 0);
        let drawn: Vec<Span> = Replay::from_random_start(values.clone(), &mut stream).take(8).collect();
        let start = values.iter().position(|value| *value == drawn[0]).unwrap();
        let turned: Vec<Span> = values[start..].iter().chain(&values[..start]).copied().collect();
        assert_eq!(drawn, turned);
        assert_eq!(Replay::from_random_start(Vec::new(), &mut stream).next(), None);
    }
}
