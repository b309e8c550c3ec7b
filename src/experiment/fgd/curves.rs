//! From samples after each arrival to curves over arrived demand (reference: fgd.md 7).
//!
//! ```text
//! bin     round half to even of 100 · arrived / all GPUs
//! alloc   100 · placed / all GPUs, to two decimals      amount  100 · fragment / all GPUs
//! ratio   100 · fragment / idle GPUs                    value   the mean over the bin's samples
//! ```
//! An empty bin takes the mean of its two neighbours.

/// The last bin.
pub const LAST: usize = 130;

/// One curve, a value for each per cent of arrived demand.
pub type Curve = Vec<f64>;

/// What a run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Curves {
    /// GPU allocation, per cent of all GPUs.
    pub alloc: Curve,
    /// Fragmented GPUs, per cent of all GPUs.
    pub amount: Curve,
    /// Fragmented GPUs, per cent of idle GPUs.
    pub ratio: Curve,
}

/// Takes a sample after each arrival.
pub struct Recorder {
    capacity: i64,
    arrived: i64,
    placed: i64,
    /// Samples and their sums by bin: number, alloc, amount, ratio.
    bins: Vec<(u32, [f64; 3])>,
}

impl Recorder {
    /// Over a cluster of so many GPUs.
    pub fn new(gpus: i64) -> Self {
        Recorder { capacity: gpus * 1000, arrived: 0, placed: 0, bins: vec![(0, [0.0; 3]); LAST + 1] }
    }

    /// A pod that asks for so many thousandths came, was placed or dropped, and left so much fragmented.
    pub fn record(&mut self, asked: i64, placed: bool, fragment: f64) {
        self.arrived += asked;
        self.placed += if placed { asked } else { 0 };
        let bin = half_to_even(self.arrived * 100, self.capacity) as usize;
        let Some((count, sums)) = self.bins.get_mut(bin) else { return };
        let capacity = self.capacity as f64;
        let idle = (self.capacity - self.placed) as f64;
        let ratio = if idle == 0.0 { 0.0 } else { 100.0 * fragment / idle };
        let sample = [two_decimals(100.0 * self.placed as f64 / capacity), 100.0 * fragment / capacity, ratio];
        *count += 1;
        sums.iter_mut().zip(sample).for_each(|(sum, value)| *sum += value);
    }

    /// The curves so far.
    pub fn curves(&self) -> Curves {
        let mean = |bin: usize, which: usize| {
            self.bins.get(bin).filter(|(count, _)| *count > 0).map(|(count, sums)| sums[which] / f64::from(*count))
        };
        let value = |bin: usize, which: usize| {
            mean(bin, which).unwrap_or_else(|| {
                let around = [bin.checked_sub(1).and_then(|before| mean(before, which)), mean(bin + 1, which)];
                let known = around.iter().flatten().count().max(1) as f64;
                around.iter().flatten().sum::<f64>() / known
            })
        };
        let curve = |which: usize| (0..=LAST).map(|bin| value(bin, which)).collect();
        Curves { alloc: curve(0), amount: curve(1), ratio: curve(2) }
    }
}

/// `a / b` rounded to an integer, halves to even, exactly.
fn half_to_even(a: i64, b: i64) -> i64 {
    let (quotient, doubled) = (a / b, 2 * (a % b));
    let up = doubled > b || (doubled == b && quotient % 2 == 1);
    quotient + i64::from(up)
}

/// Rounded to two decimals.
pub fn two_decimals(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_even() {
        assert_eq!([5, 15, 25, 24, 26].map(|a| half_to_even(a, 10)), [0, 2, 2, 2, 3]);
    }

    #[test]
    fn bins_average_and_holes_are_filled() {
        let mut recorder = Recorder::new(100); // a GPU is a per cent
        recorder.record(0, true, 0.0);
        recorder.record(1000, true, 500.0);
        recorder.record(0, true, 1500.0);
        recorder.record(2000, false, 0.0);
        let curves = recorder.curves();
        assert_eq!(&curves.alloc[..4], [0.0, 1.0, 1.0, 1.0]);
        // bin 1: 0.5 and 1.5; bin 2 is empty, between 1.0 and 0.0
        assert_eq!(&curves.amount[..4], [0.0, 1.0, 0.5, 0.0]);
        assert_eq!(two_decimals(12.345_678), 12.35);
    }
}
