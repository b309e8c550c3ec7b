//! Distributions of lengths of time, sampled on `libm` so that a draw has the same bits everywhere.
//!
//! Sources of the formulas: inverse transform for exponential, Weibull and Pareto; normal by
//! Wichura's AS 241 inverse (one draw per value, so that streams stay aligned); gamma by Marsaglia
//! and Tsang (2000).

use super::random::Stream;
use super::time::Span;

/// How long something takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same.
    Constant(Span),
    /// Uniform between the two.
    Uniform(Span, Span),
    /// Exponential with this mean.
    Exponential {
        /// Mean.
        mean: Span,
    },
    /// Log-normal: `median · e^(sigma · Z)`.
    LogNormal {
        /// Median, `e^mu`.
        median: Span,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Weibull, given by its mean: `scale = mean / Γ(1 + 1/shape)`.
    Weibull {
        /// Shape; below 1 the hazard falls with age.
        shape: f64,
        /// Mean.
        mean: Span,
    },
    /// Normal, cut off at zero.
    Normal {
        /// Mean before the cut.
        mean: Span,
        /// Standard deviation before the cut.
        deviation: Span,
    },
    /// Gamma, given by its mean: `scale = mean / shape`.
    Gamma {
        /// Shape.
        shape: f64,
        /// Mean.
        mean: Span,
    },
    /// Pareto: `minimum · U^(-1/shape)`.
    Pareto {
        /// Tail index; the mean is infinite at 1 and below.
        shape: f64,
        /// Smallest value.
        minimum: Span,
    },
    /// One of the observed values, each equally likely.
    Empirical(Vec<Span>),
    /// One of several distributions, chosen with the given weights.
    Mixture(Vec<(f64, Distribution)>),
}

impl Distribution {
    /// Draws a length of time.
    ///
    /// # Panics
    /// If an empirical distribution or a mixture is empty.
    pub fn sample(&self, stream: &mut Stream) -> Span {
        match self {
            Distribution::Constant(span) => *span,
            Distribution::Uniform(low, high) => Span(low.0 + stream.below(high.0.saturating_sub(low.0) + 1)),
            Distribution::Exponential { mean } => scaled(*mean, -libm::log(stream.unit())),
            Distribution::LogNormal { median, sigma } => log_normal(*median, *sigma, stream.unit()),
            Distribution::Weibull { shape, mean } => {
                let scale = 1.0 / libm::tgamma(1.0 + 1.0 / shape);
                scaled(*mean, scale * libm::pow(-libm::log(stream.unit()), 1.0 / shape))
            }
            Distribution::Normal { mean, deviation } => {
                let nanos = mean.0 as f64 + deviation.0 as f64 * normal(stream);
                Span(rounded(nanos))
            }
            Distribution::Gamma { shape, mean } => scaled(*mean, gamma(stream, *shape) / shape),
            Distribution::Pareto { shape, minimum } => scaled(*minimum, libm::pow(stream.unit(), -1.0 / shape)),
            Distribution::Empirical(values) => values[stream.below(values.len() as u64) as usize],
            Distribution::Mixture(parts) => mixture(parts, stream),
        }
    }

    /// Whether it never takes any time.
    pub fn is_zero(&self) -> bool {
        match self {
            Distribution::Constant(span) => *span == Span::ZERO,
            Distribution::Uniform(_, most) => *most == Span::ZERO,
            Distribution::Exponential { mean }
            | Distribution::Weibull { mean, .. }
            | Distribution::Gamma { mean, .. } => *mean == Span::ZERO,
            Distribution::LogNormal { median, .. } => *median == Span::ZERO,
            Distribution::Normal { mean, deviation } => *mean == Span::ZERO && *deviation == Span::ZERO,
            Distribution::Pareto { minimum, .. } => *minimum == Span::ZERO,
            Distribution::Empirical(spans) => spans.iter().all(|span| *span == Span::ZERO),
            Distribution::Mixture(parts) => parts.iter().all(|(_, part)| part.is_zero()),
        }
    }

    /// The single value, if it cannot vary.
    pub fn constant(&self) -> Option<Span> {
        match self {
            Distribution::Constant(span) => Some(*span),
            _ => None,
        }
    }
}

/// The value of a log-normal distribution that a share `p` stays below.
pub(super) fn log_normal(median: Span, sigma: f64, p: f64) -> Span {
    scaled(median, libm::exp(sigma * normal_quantile(p)))
}

fn scaled(unit: Span, factor: f64) -> Span {
    Span(rounded(unit.0 as f64 * factor))
}

/// To the nearest, halves up; below zero it is 0. What `f64::round` gives, without a call where the target has no
/// instruction for it: from 2^53 on there is no fraction, below that the difference is exact.
pub(super) fn rounded(value: f64) -> u64 {
    let whole = value as u64;
    whole.saturating_add(u64::from(value - whole as f64 >= 0.5))
}

fn mixture(parts: &[(f64, Distribution)], stream: &mut Stream) -> Span {
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let mut left = stream.unit() * total;
    for (weight, part) in parts {
        if left < *weight {
            return part.sample(stream);
        }
        left -= weight;
    }
    parts[parts.len() - 1].1.sample(stream)
}

/// A standard normal value from one uniform draw.
fn normal(stream: &mut Stream) -> f64 {
    normal_quantile(stream.unit())
}

/// The quantile function of the standard normal distribution: AS 241 (PPND16), about 1e-16 relative.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * horner(&CENTRAL_NUMERATOR, r) / horner(&CENTRAL_DENOMINATOR, r);
    }
    let r = libm::sqrt(-libm::log(if q < 0.0 { p } else { 1.0 - p }));
    let value = if r <= 5.0 {
        horner(&MIDDLE_NUMERATOR, r - 1.6) / horner(&MIDDLE_DENOMINATOR, r - 1.6)
    } else {
        horner(&TAIL_NUMERATOR, r - 5.0) / horner(&TAIL_DENOMINATOR, r - 5.0)
    };
    if q < 0.0 { -value } else { value }
}

/// A polynomial, constant term first.
fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

const CENTRAL_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTRAL_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_545,
];
const MIDDLE_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const MIDDLE_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const TAIL_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_887_9,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

/// A gamma value with scale 1 (Marsaglia and Tsang; below shape 1 by boosting).
fn gamma(stream: &mut Stream, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = libm::pow(stream.unit(), 1.0 / shape);
        return gamma(stream, shape + 1.0) * boost;
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let x = normal(stream);
        let t = 1.0 + c * x;
        if t <= 0.0 {
            continue;
        }
        let v = t * t * t;
        if libm::log(stream.unit()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    /// Mean of many draws, in seconds.
    fn mean_of(distribution: &Distribution) -> f64 {
        let mut stream = Seed(7).stream("test", 0);
        let n = 200_000;
        (0..n).map(|_| distribution.sample(&mut stream).as_secs_f64()).sum::<f64>() / f64::from(n)
    }

    #[test]
    fn means_are_the_analytic_ones() {
        let s = Span::from_secs;
        // tolerance: four standard errors of the mean of 200,000 draws
        let cases = [
            (Distribution::Constant(s(3)), 3.0, 1e-9),
            (Distribution::Uniform(s(2), s(6)), 4.0, 0.011),
            (Distribution::Exponential { mean: s(10) }, 10.0, 0.09),
            (Distribution::LogNormal { median: s(10), sigma: 0.5 }, 10.0 * libm::exp(0.125), 0.06),
            (Distribution::Weibull { shape: 0.75, mean: s(10) }, 10.0, 0.13),
            (Distribution::Normal { mean: s(10), deviation: s(1) }, 10.0, 0.009),
            (Distribution::Gamma { shape: 2.0, mean: s(10) }, 10.0, 0.064),
            (Distribution::Gamma { shape: 0.5, mean: s(10) }, 10.0, 0.13),
            (Distribution::Pareto { shape: 3.0, minimum: s(10) }, 15.0, 0.08),
        ];
        for (distribution, mean, tolerance) in cases {
            let measured = mean_of(&distribution);
            assert!((measured - mean).abs() < tolerance, "{distribution:?}: {measured} instead of {mean}");
        }
    }

    #[test]
    fn values_are_rounded_to_the_nearest() {
        let below_half = 0.499_999_999_999_999_94; // the largest below 1/2, which with 1/2 makes 1 in floating point
        for value in [0.0, below_half, 0.5, 1.49, 2.5, 1e9 + 0.5, 4_503_599_627_370_495.5, 1e17, 1e300, -0.7, -3.0] {
            assert_eq!(rounded(value), value.round() as u64, "{value}");
        }
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        for (p, z) in [
            (0.5, 0.0),
            (0.975, 1.959_963_984_540_054),
            (0.001, -3.090_232_306_167_813_5),
            (1e-12, -7.034_483_825_301_13),
        ] {
            assert!((normal_quantile(p) - z).abs() < 1e-9, "{p}: {}", normal_quantile(p));
        }
    }
}
