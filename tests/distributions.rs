//! Draws follow the distributions they are named after: mean and deviation against the analytic moments,
//! and the whole shape by Kolmogorov–Smirnov against the analytic distribution function.
//!
//! Seeds are fixed, so a test either always passes or never; the tolerances are five standard errors and
//! a p-value of 0.1 %.

use sim::engine::{Distribution, Seed, Span};
use sim::experiment::statistics::{Moments, chi_squared, kolmogorov_smirnov, normal};

const DRAWS: usize = 100_000;
/// Kolmogorov–Smirnov sees nanoseconds as continuous; fewer draws keep rounding out of sight.
const SHAPE_DRAWS: usize = 20_000;

/// A distribution with what theory says of it, in seconds.
struct Case {
    distribution: Distribution,
    mean: f64,
    deviation: f64,
    /// Fourth central moment over σ⁴, for the error of the deviation.
    kurtosis: f64,
    cdf: Box<dyn Fn(f64) -> f64>,
}

fn s(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn case(
    distribution: Distribution,
    (mean, deviation, kurtosis): (f64, f64, f64),
    cdf: impl Fn(f64) -> f64 + 'static,
) -> Case {
    Case { distribution, mean, deviation, kurtosis, cdf: Box::new(cdf) }
}

/// `P(X ≤ x)` for gamma with this shape and scale.
fn gamma_cdf(x: f64, shape: f64, scale: f64) -> f64 {
    1.0 - chi_squared::upper_tail(2.0 * x / scale, 2.0 * shape)
}

fn weibull(shape: f64, mean: f64) -> Case {
    let moment = |k: f64| libm::tgamma(1.0 + k / shape);
    let scale = mean / moment(1.0);
    let (g1, g2, g3, g4) = (moment(1.0), moment(2.0), moment(3.0), moment(4.0));
    let variance = g2 - g1 * g1;
    let fourth = g4 - 4.0 * g1 * g3 + 6.0 * g1 * g1 * g2 - 3.0 * g1 * g1 * g1 * g1;
    case(
        Distribution::Weibull { shape, mean: s(mean as u64) },
        (mean, scale * variance.sqrt(), fourth / (variance * variance)),
        move |x| 1.0 - libm::exp(-libm::pow(x / scale, shape)),
    )
}

fn log_normal(median: f64, sigma: f64) -> Case {
    let w = libm::exp(sigma * sigma);
    let kurtosis = w * w * w * w + 2.0 * w * w * w + 3.0 * w * w - 3.0;
    case(
        Distribution::LogNormal { median: s(median as u64), sigma },
        (median * w.sqrt(), median * (w * (w - 1.0)).sqrt(), kurtosis),
        move |x| normal::cdf(libm::log(x / median) / sigma),
    )
}

fn gamma(shape: f64, mean: f64) -> Case {
    let scale = mean / shape;
    case(
        Distribution::Gamma { shape, mean: s(mean as u64) },
        (mean, scale * shape.sqrt(), 3.0 + 6.0 / shape),
        move |x| gamma_cdf(x, shape, scale),
    )
}

/// Pareto with tail index 5: the fourth moment exists.
fn pareto() -> Case {
    let (a, least): (f64, f64) = (5.0, 10.0);
    let variance = least * least * a / ((a - 1.0) * (a - 1.0) * (a - 2.0));
    let excess = 6.0 * (a * a * a + a * a - 6.0 * a - 2.0) / (a * (a - 3.0) * (a - 4.0));
    case(
        Distribution::Pareto { shape: a, minimum: s(10) },
        (least * a / (a - 1.0), variance.sqrt(), 3.0 + excess),
        move |x| 1.0 - libm::pow(least / x, a),
    )
}

fn cases() -> Vec<Case> {
    vec![
        case(Distribution::Uniform(s(2), s(6)), (4.0, 4.0 / 12f64.sqrt(), 1.8), |x| (x - 2.0) / 4.0),
        case(Distribution::Exponential { mean: s(10) }, (10.0, 10.0, 9.0), |x| 1.0 - libm::exp(-x / 10.0)),
        log_normal(10.0, 0.5),
        weibull(0.75, 10.0),
        weibull(2.0, 100.0),
        case(Distribution::Normal { mean: s(100), deviation: s(10) }, (100.0, 10.0, 3.0), |x| {
            normal::cdf((x - 100.0) / 10.0)
        }),
        gamma(0.5, 10.0),
        gamma(3.5, 10.0),
        pareto(),
        case(
            Distribution::Mixture(vec![
                (1.0, Distribution::Uniform(s(0), s(2))),
                (3.0, Distribution::Uniform(s(4), s(6))),
            ]),
            // 1/4 of mean 1 and 3/4 of mean 5: variance 1/3 + 3
            (4.0, (1.0 / 3.0 + 3.0f64).sqrt(), 2.4),
            |x| 0.25 * (x / 2.0).clamp(0.0, 1.0) + 0.75 * ((x - 4.0) / 2.0).clamp(0.0, 1.0),
        ),
    ]
}

fn draw(distribution: &Distribution, n: usize) -> Vec<f64> {
    let mut stream = Seed(11).stream("distributions", 0);
    (0..n).map(|_| distribution.sample(&mut stream).as_secs_f64()).collect()
}

#[test]
fn moments_are_the_analytic_ones() {
    for Case { distribution, mean, deviation, kurtosis, .. } in cases() {
        let moments = Moments::of(&draw(&distribution, DRAWS));
        let n = DRAWS as f64;
        let error = deviation / n.sqrt();
        assert!((moments.mean - mean).abs() < 5.0 * error, "{distribution:?}: mean {} not {mean}", moments.mean);
        // the variance's own standard error is σ² √((κ − 1)/n); the deviation's half of it over σ
        let error = 0.5 * deviation * ((kurtosis - 1.0) / n).sqrt();
        let measured = moments.deviation();
        assert!((measured - deviation).abs() < 5.0 * error, "{distribution:?}: deviation {measured} not {deviation}");
    }
}

#[test]
fn shapes_pass_kolmogorov_smirnov() {
    for Case { distribution, cdf, .. } in cases() {
        let distance = kolmogorov_smirnov::one_sample(&draw(&distribution, SHAPE_DRAWS), cdf);
        assert!(distance.p > 0.001, "{distribution:?}: {distance:?}");
    }
}

#[test]
fn a_neighbouring_shape_does_not_pass() {
    let drawn = draw(&Distribution::Weibull { shape: 0.75, mean: s(10) }, SHAPE_DRAWS);
    let distance = kolmogorov_smirnov::one_sample(&drawn, |x| 1.0 - libm::exp(-x / 10.0));
    assert!(distance.p < 1e-6, "{distance:?}");
}

#[test]
fn the_empirical_distribution_gives_each_value_its_share() {
    let values: Vec<Span> = [5, 7, 7, 11].map(Span::from_secs).to_vec();
    let drawn = draw(&Distribution::Empirical(values), DRAWS);
    for (value, share) in [(5.0, 0.25), (7.0, 0.5), (11.0, 0.25)] {
        let measured = drawn.iter().filter(|x| **x == value).count() as f64 / DRAWS as f64;
        assert!((measured - share).abs() < 0.008, "{value}: {measured}");
    }
}
