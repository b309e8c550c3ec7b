//! Bootstrap intervals of any statistic: percentile and BCa.
//!
//! ```text
//! percentile  the α/2 and 1−α/2 quantiles of θ*, the statistic of B resamples
//! BCa         the Φ(z0 + (z0+z)/(1 − a(z0+z))) quantiles, z = Φ⁻¹(α/2) and Φ⁻¹(1−α/2)
//!             z0 = Φ⁻¹(share of θ* below θ̂)            a = Σd³ / (6 (Σd²)^1.5), d = θ(.) − θ(i) by jack-knife
//! ```
//! Ties of θ* with θ̂ count half in z0, which keeps it 0 for a statistic that cannot vary.
//! Source: Efron, JASA 82(397), 1987; Efron and Tibshirani, *An Introduction to the Bootstrap*, 14.3.

use crate::engine::Stream;

use super::interval::Interval;
use super::normal;
use super::percentile::quantile;

/// Which interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Plain quantiles of the resampled statistics.
    Percentile,
    /// Bias-corrected and accelerated: second-order accurate. The default choice.
    Bca,
}

/// The interval of `statistic` over `resamples` draws with replacement from `sample`. `None` for fewer
/// than two values or no resamples. Equal streams give equal intervals.
pub fn interval(
    sample: &[f64],
    statistic: impl Fn(&[f64]) -> f64,
    method: Method,
    confidence: f64,
    resamples: usize,
    stream: &mut Stream,
) -> Option<Interval> {
    if sample.len() < 2 || resamples == 0 {
        return None;
    }
    let estimate = statistic(sample);
    let resampled = resample(sample, &statistic, resamples, stream);
    let tail = 0.5 * (1.0 - confidence);
    let ends = match method {
        Method::Percentile => [tail, 1.0 - tail],
        Method::Bca => {
            let bias = bias(&resampled, estimate);
            let acceleration = acceleration(sample, &statistic);
            [tail, 1.0 - tail].map(|p| corrected(p, bias, acceleration))
        }
    };
    let [low, high] = ends.map(|p| quantile(&resampled, p).unwrap_or(estimate));
    Some(Interval { estimate, low, high, confidence, n: sample.len() as u64 })
}

/// The statistics of all resamples, in ascending order.
fn resample(sample: &[f64], statistic: impl Fn(&[f64]) -> f64, resamples: usize, stream: &mut Stream) -> Vec<f64> {
    let mut drawn = vec![0.0; sample.len()];
    let mut values: Vec<f64> = (0..resamples)
        .map(|_| {
            drawn.fill_with(|| sample[stream.below(sample.len() as u64) as usize]);
            statistic(&drawn)
        })
        .collect();
    values.sort_by(f64::total_cmp);
    values
}

/// z0: how far the resampled statistics' median lies from the estimate, in normal deviations.
fn bias(resampled: &[f64], estimate: f64) -> f64 {
    let below = resampled.iter().filter(|value| **value < estimate).count() as f64;
    let ties = resampled.iter().filter(|value| **value == estimate).count() as f64;
    let n = resampled.len() as f64;
    normal::quantile(((below + 0.5 * ties) / n).clamp(0.5 / n, 1.0 - 0.5 / n))
}

/// a: how fast the statistic's deviation grows with it, from leaving out one value at a time.
pub fn acceleration(sample: &[f64], statistic: impl Fn(&[f64]) -> f64) -> f64 {
    let without = |index: usize| {
        let rest: Vec<f64> = sample.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, x)| *x).collect();
        statistic(&rest)
    };
    let left_out: Vec<f64> = (0..sample.len()).map(without).collect();
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in left_out {
        let d = mean - value;
        squares += d * d;
        cubes += d * d * d;
    }
    if squares == 0.0 { 0.0 } else { cubes / (6.0 * squares * squares.sqrt()) }
}

/// The share of the resampled statistics at which the corrected interval ends.
fn corrected(p: f64, bias: f64, acceleration: f64) -> f64 {
    let z = bias + normal::quantile(p);
    normal::cdf(bias + z / (1.0 - acceleration * z))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;
    use crate::experiment::statistics::Moments;

    /// Spatial test data A of Efron and Tibshirani 1993, table 14.1.
    const SPATIAL: [f64; 26] = [
        48.0, 36.0, 20.0, 29.0, 42.0, 42.0, 20.0, 42.0, 22.0, 41.0, 45.0, 14.0, 6.0, 0.0, 33.0, 28.0, 34.0, 4.0, 32.0,
        24.0, 47.0, 41.0, 24.0, 26.0, 30.0, 41.0,
    ];

    /// The variance with divisor n.
    fn plug_in_variance(sample: &[f64]) -> f64 {
        let moments = Moments::of(sample);
        moments.variance() * (moments.n - 1) as f64 / moments.n as f64
    }

    #[test]
    fn the_textbook_example_of_bca() {
        // table 14.2: estimate 171.5, a = 0.061; 90 % BCa (115.8, 259.6), percentile (100.8, 233.9)
        assert!((plug_in_variance(&SPATIAL) - 171.5).abs() < 0.05);
        assert!((acceleration(&SPATIAL, plug_in_variance) - 0.061).abs() < 5e-4);
        let of = |method| {
            let mut stream = Seed(1).stream("bootstrap", 0);
            interval(&SPATIAL, plug_in_variance, method, 0.9, 20_000, &mut stream).unwrap()
        };
        let (bca, plain) = (of(Method::Bca), of(Method::Percentile));
        assert!((bca.low - 115.8).abs() < 4.0 && (bca.high - 259.6).abs() < 6.0, "{bca:?}");
        assert!((plain.low - 100.8).abs() < 3.0 && (plain.high - 233.9).abs() < 3.0, "{plain:?}");
    }

    #[test]
    fn the_stream_decides_and_certainty_has_no_width() {
        let mean = |sample: &[f64]| Moments::of(sample).mean;
        let of = |sample: &[f64], seed| {
            let mut stream = Seed(seed).stream("bootstrap", 0);
            interval(sample, mean, Method::Bca, 0.95, 500, &mut stream).unwrap()
        };
        assert_eq!(of(&SPATIAL, 3), of(&SPATIAL, 3));
        assert_ne!(of(&SPATIAL, 3), of(&SPATIAL, 4));
        let certain = of(&[2.0; 5], 1);
        assert_eq!((certain.low, certain.high), (2.0, 2.0));
    }
}
