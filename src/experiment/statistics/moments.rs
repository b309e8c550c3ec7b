//! Mean and variance in one pass.
//!
//! ```text
//! mean_n = mean_{n-1} + (x - mean_{n-1}) / n
//! M2_n   = M2_{n-1} + (x - mean_{n-1})·(x - mean_n)          variance = M2 / (n - 1)
//! ```
//! Source: Welford, Technometrics 4(3), 1962; merging two parts: Chan, Golub and LeVeque, 1979.

/// Number, mean and sum of squared deviations of what was seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// How many values.
    pub n: u64,
    /// Their mean; 0 before the first.
    pub mean: f64,
    /// Σ (x − mean)².
    squares: f64,
}

impl Moments {
    /// Of all of `sample`.
    pub fn of(sample: &[f64]) -> Self {
        let mut moments = Moments::default();
        sample.iter().for_each(|&x| moments.push(x));
        moments
    }

    /// Takes one more value.
    pub fn push(&mut self, x: f64) {
        self.n += 1;
        let delta = x - self.mean;
        self.mean += delta / self.n as f64;
        self.squares += delta * (x - self.mean);
    }

    /// Both together, as if all values had been pushed into one (up to rounding).
    pub fn merged(self, other: Moments) -> Moments {
        if self.n == 0 || other.n == 0 {
            return if self.n == 0 { other } else { self };
        }
        let n = self.n + other.n;
        let delta = other.mean - self.mean;
        let (here, there) = (self.n as f64, other.n as f64);
        Moments {
            n,
            mean: self.mean + delta * there / n as f64,
            squares: self.squares + other.squares + delta * delta * here * there / n as f64,
        }
    }

    /// The unbiased variance, divisor n − 1; 0 with fewer than two values.
    pub fn variance(&self) -> f64 {
        if self.n < 2 { 0.0 } else { self.squares / (self.n - 1) as f64 }
    }

    /// The standard deviation, the root of [`Moments::variance`].
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// The standard error of the mean: s / √n; 0 of nothing.
    pub fn standard_error(&self) -> f64 {
        if self.n == 0 { 0.0 } else { (self.variance() / self.n as f64).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certified_values_of_nist_are_met() {
        // NIST Statistical Reference Datasets, NumAcc3 and NumAcc4: mean c + 0.2, deviation 0.1
        for (start, digits) in [(1_000_000.0, 1e-9), (10_000_000.0, 1e-8)] {
            let mut moments = Moments::default();
            moments.push(start + 0.2);
            for _ in 0..500 {
                moments.push(start + 0.1);
                moments.push(start + 0.3);
            }
            assert!((moments.mean - (start + 0.2)).abs() < 1e-8);
            assert!((moments.deviation() - 0.1).abs() < digits, "{}", moments.deviation());
        }
    }

    #[test]
    fn parts_merge_into_the_whole() {
        let all = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let merged = Moments::of(&all[..3]).merged(Moments::of(&all[3..]));
        assert_eq!(merged.n, 8);
        assert!((merged.mean - 5.0).abs() < 1e-12);
        assert!((merged.variance() - 32.0 / 7.0).abs() < 1e-12);
        assert_eq!(Moments::default().merged(merged), merged);
    }
}
