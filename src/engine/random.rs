//! Random streams: ChaCha8, one stream per purpose *and* entity.
//!
//! A [`Stream`] is derived from (seed, label, index) and owned by whoever uses it, so that adding a
//! draw in one place moves no draw in another: two policies under one seed meet the same arrivals,
//! run times and failures. Sampling goes through integers or `libm`, never through the platform.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The seed of a run, from which all its streams are derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream for `label` (the purpose) and `index` (the entity).
    pub fn stream(self, label: &str, index: u64) -> Stream {
        let mut key = [0u8; 32];
        key[0..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(label.as_bytes()).to_le_bytes());
        key[16..24].copy_from_slice(&index.to_le_bytes());
        key[24..32].copy_from_slice(b"k8s-sim1");
        Stream(ChaCha8Rng::from_seed(key))
    }

    /// One 64-bit value for `label` and `index`: cheaper than a stream where one value is enough
    /// (a pod's UID, a name's suffix). SplitMix64 over the same three parts.
    pub fn value(self, label: &str, index: u64) -> u64 {
        mix(mix(self.0 ^ fnv1a(label.as_bytes())).wrapping_add(index))
    }
}

/// 64-bit FNV-1a.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The output function of SplitMix64.
fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How fine a uniform number is.
pub(super) const UNIT_BITS: u32 = 53;

/// The number strictly between 0 and 1 that these bits stand for.
pub(super) fn unit_of(bits: u64) -> f64 {
    (bits as f64 + 0.5) / (1u64 << UNIT_BITS) as f64
}

/// An independent source of random numbers.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A uniform integer in `[0, bound)`, by Lemire's method with rejection (unbiased).
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "below(0) has no answer");
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A uniform number strictly between 0 and 1, with 53 bits.
    pub fn unit(&mut self) -> f64 {
        unit_of(self.bits())
    }

    /// What [`Stream::unit`] is made of: [`UNIT_BITS`] random bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.next_u64() >> (u64::BITS - UNIT_BITS)
    }

    /// Moves `count` items, chosen uniformly without replacement, to the front of `items`
    /// (Fisher–Yates) in random order. All of them if `count` exceeds the length.
    pub fn choose_to_front<T>(&mut self, items: &mut [T], count: usize) {
        let len = items.len();
        for i in 0..count.min(len) {
            let j = i + self.below((len - i) as u64) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_label_and_index_and_repeat() {
        let first = |seed, label, index| Seed(seed).stream(label, index).next_u64();
        assert_eq!(first(1, "lease", 7), first(1, "lease", 7));
        assert_ne!(first(1, "lease", 7), first(2, "lease", 7));
        assert_ne!(first(1, "lease", 7), first(1, "start", 7));
        assert_ne!(first(1, "lease", 7), first(1, "lease", 8));
    }

    #[test]
    fn below_is_uniform() {
        let mut stream = Seed(1).stream("test", 0);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[stream.below(6) as usize] += 1;
        }
        // chi-squared with 5 degrees of freedom: 20.5 is the 99.9 % quantile
        let chi2: f64 = counts
            .iter()
            .map(|&n| {
                let d = f64::from(n) - 10_000.0;
                d * d / 10_000.0
            })
            .sum();
        assert!(chi2 < 20.5, "{counts:?}");
    }
}
