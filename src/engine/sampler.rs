//! A distribution that is drawn from often: the same values as [`Distribution::sample`], sooner.
//!
//! Only the log-normal one is worth it. Its quantile function costs an exponential and a normal quantile; between
//! quantiles 1/256 apart a polynomial of seventh degree, which has the function's value and first three derivatives at
//! both ends, comes so near to it that almost always both round to the same nanosecond. Where that is not certain, the
//! formula is asked.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::distribution::{Distribution, log_normal, normal_quantile, rounded};
use super::random::{self, Stream};
use super::time::Span;

/// A distribution, and what makes drawing from it fast. Copies share that.
#[derive(Clone, Debug)]
pub struct Sampler {
    distribution: Distribution,
    shared: Rc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// How many values were drawn without a table.
    drawn: Cell<u32>,
    table: OnceCell<Table>,
}

/// Draws after which making a table is worth its while.
const WORTH_A_TABLE: u32 = 2048;

impl Sampler {
    /// What is drawn from.
    pub fn distribution(&self) -> &Distribution {
        &self.distribution
    }

    /// Draws a length of time, as [`Distribution::sample`] does.
    pub fn sample(&self, stream: &mut Stream) -> Span {
        let Distribution::LogNormal { median, sigma } = self.distribution else {
            return self.distribution.sample(stream);
        };
        let bits = stream.bits();
        let certain = match self.shared.table.get() {
            Some(table) => table.at(bits),
            None => {
                self.count(median, sigma);
                None
            }
        };
        certain.unwrap_or_else(|| log_normal(median, sigma, random::unit_of(bits)))
    }

    fn count(&self, median: Span, sigma: f64) {
        let drawn = self.shared.drawn.get();
        if drawn < WORTH_A_TABLE {
            self.shared.drawn.set(drawn + 1);
        } else {
            self.shared.table.get_or_init(|| Table::of(median, sigma));
        }
    }
}

impl From<Distribution> for Sampler {
    fn from(distribution: Distribution) -> Self {
        Sampler { distribution, shared: Rc::default() }
    }
}

impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        self.distribution == other.distribution
    }
}

/// The quantile function of a log-normal distribution in nanoseconds, piece by piece.
#[derive(Debug)]
struct Table {
    pieces: Vec<Piece>,
}

/// Coefficients of a polynomial, constant term first, in a variable from 0 to 1. A piece that is of no use has none that
/// is a number. It is as long as what a processor fetches at once.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Piece([f64; 8]);

impl Piece {
    fn at(&self, t: f64) -> f64 {
        let [a, b, c, d, e, f, g, h] = self.0;
        let (square, fourth) = (t * t, (t * t) * (t * t));
        ((a + b * t) + (c + d * t) * square) + ((e + f * t) + (g + h * t) * square) * fourth
    }
}

/// How many pieces there are, as a power of two.
const PIECES: u32 = 8;
/// Bits of a draw that tell where in a piece it is.
const WITHIN: u32 = random::UNIT_BITS - PIECES;
/// How near to a half of a nanosecond the rounding of a piece's value is not certain.
const UNCERTAIN: f64 = 1.0 / 128.0;
/// Longer ones (8.6 s) are left to the formula: an error of a few units in the last place must stay far below
/// [`UNCERTAIN`].
const LONGEST: f64 = (1u64 << 33) as f64;

impl Table {
    fn of(median: Span, sigma: f64) -> Self {
        let of_no_use = Piece([f64::NAN; 8]);
        let last = (1u64 << PIECES) - 1;
        let inner = (1..last).map(|number| {
            let piece = piece(median, sigma, number);
            if is_near(&piece, median, sigma, number) { piece } else { of_no_use }
        });
        // the quantiles of 0 and 1 are not finite
        Table { pieces: std::iter::once(of_no_use).chain(inner).chain([of_no_use]).collect() }
    }

    /// The value that this draw gives, if it is certain.
    fn at(&self, bits: u64) -> Option<Span> {
        let within = (bits & ((1 << WITHIN) - 1)) as f64 + 0.5;
        let value = self.pieces.get((bits >> WITHIN) as usize)?.at(within / (1u64 << WITHIN) as f64);
        let fraction = value - (value as u64) as f64;
        ((fraction - 0.5).abs() > UNCERTAIN).then(|| Span(rounded(value))) // false if it is not a number
    }
}

/// The polynomial that has value and first three derivatives of the quantile function at both ends of a piece.
fn piece(median: Span, sigma: f64, number: u64) -> Piece {
    let width = 1.0 / (1u64 << PIECES) as f64;
    // f = m·e^(σz) with z' = 1/φ(z) = √(2π)·e^(z²/2), z'' = z·z'², z''' = (1 + 2z²)·z'³
    let end = |number: u64| {
        let z = normal_quantile(number as f64 * width);
        let steep = libm::sqrt(2.0 * std::f64::consts::PI) * libm::exp(z * z / 2.0) * width;
        let f = median.0 as f64 * libm::exp(sigma * z);
        let third = sigma * (1.0 + 2.0 * z * z) + 3.0 * sigma * sigma * z + sigma * sigma * sigma;
        [f, f * sigma * steep, f * sigma * steep * steep * (sigma + z), f * steep * steep * steep * third]
    };
    let ([f, f1, f2, f3], [to, to1, to2, to3]) = (end(number), end(number + 1));
    let (c, d) = (f2 / 2.0, f3 / 6.0);
    // what the first four terms lack at the other end, of the value and of each derivative
    let lack = to - (f + f1 + c + d);
    let (lack1, lack2, lack3) = (to1 - (f1 + f2 + f3 / 2.0), to2 - (f2 + f3), to3 - f3);
    Piece([
        f,
        f1,
        c,
        d,
        35.0 * lack - 15.0 * lack1 + 2.5 * lack2 - lack3 / 6.0,
        -84.0 * lack + 39.0 * lack1 - 7.0 * lack2 + lack3 / 2.0,
        70.0 * lack - 34.0 * lack1 + 6.5 * lack2 - lack3 / 2.0,
        -20.0 * lack + 10.0 * lack1 - 2.0 * lack2 + lack3 / 6.0,
    ])
}

/// Whether a piece is near enough to the function everywhere. The distance is greatest about the middle, or, where the
/// function's eighth derivative changes its sign, on both sides of it; the greatest found is taken fourfold.
fn is_near(piece: &Piece, median: Span, sigma: f64, number: u64) -> bool {
    let distance = |t: f64| {
        let p = (number as f64 + t) / (1u64 << PIECES) as f64;
        (piece.at(t) - median.0 as f64 * libm::exp(sigma * normal_quantile(p))).abs()
    };
    let is_near = [0.25, 0.5, 0.75].iter().all(|t| 4.0 * distance(*t) < UNCERTAIN / 2.0);
    is_near && piece.at(0.0).max(piece.at(1.0)) < LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    fn log_normal(median: Span, sigma: f64) -> Distribution {
        Distribution::LogNormal { median, sigma }
    }

    #[test]
    fn a_table_gives_what_the_formula_gives() {
        let ms = Span::from_millis;
        // with 3.4 the eighth derivative changes its sign within a piece
        let cases =
            [(8, 0.9), (6, 0.8), (15, 1.0), (300, 0.5), (2_000, 0.8), (8_000, 0.6), (40_000, 3.4), (8, 0.0), (1, 6.0)];
        for (median, sigma) in cases {
            let distribution = log_normal(ms(median), sigma);
            let sampler = Sampler::from(distribution.clone());
            let (mut one, mut other) = (Seed(1).stream("test", median), Seed(1).stream("test", median));
            for _ in 0..100_000 {
                assert_eq!(sampler.sample(&mut one), distribution.sample(&mut other), "{distribution:?}");
            }
            assert!(sampler.shared.table.get().is_some());
        }
    }

    #[test]
    fn a_table_also_gives_it_at_the_ends_of_pieces_and_in_the_tails() {
        let (median, sigma) = (Span::from_millis(8), 0.9);
        let table = Table::of(median, sigma);
        let ends = (0..=1u64 << PIECES).flat_map(|piece| [0, 1, 2].map(|beyond| (piece << WITHIN) + beyond));
        let mut certain = 0;
        for bits in ends.map(|bits| bits.saturating_sub(1)).filter(|bits| *bits < 1 << random::UNIT_BITS) {
            if let Some(value) = table.at(bits) {
                certain += 1;
                assert_eq!(value, super::log_normal(median, sigma, random::unit_of(bits)), "{bits}");
            }
        }
        assert!(certain > 650, "{certain} of 771");
    }

    #[test]
    fn other_distributions_are_drawn_as_they_are() {
        let mut stream = Seed(1).stream("test", 0);
        assert_eq!(Sampler::from(Distribution::Constant(Span(5))).sample(&mut stream), Span(5));
    }
}
