//! Exact time integrals of integer quantities, kept on change and never sampled.

use super::time::Time;

/// The integral over time of a quantity that changes in steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Integral {
    value: i64,
    since: Time,
    area: i128,
}

impl Integral {
    /// Starts at `value` from `time` on, with no area yet.
    pub fn starting(time: Time, value: i64) -> Self {
        Integral { value, since: time, area: 0 }
    }

    /// The quantity now.
    pub fn value(&self) -> i64 {
        self.value
    }

    /// From `time` on the quantity is `value`.
    pub fn set(&mut self, time: Time, value: i64) {
        self.area = self.area_at(time);
        self.since = time;
        self.value = value;
    }

    /// From `time` on the quantity is larger by `delta` (which may be negative).
    pub fn add(&mut self, time: Time, delta: i64) {
        self.set(time, self.value + delta);
    }

    /// The area up to `time`, in units × nanoseconds.
    pub fn area_at(&self, time: Time) -> i128 {
        self.area + i128::from(self.value) * i128::from(time.since(self.since).0)
    }

    /// The area up to `time`, in units × seconds, for output.
    pub fn unit_seconds_at(&self, time: Time) -> f64 {
        self.area_at(time) as f64 / 1e9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn area_of_a_staircase() {
        let mut integral = Integral::starting(Time::from_secs(0), 2);
        integral.set(Time::from_secs(3), 5); // 2 × 3 = 6
        integral.add(Time::from_secs(4), -5); // 5 × 1 = 5
        assert_eq!(integral.unit_seconds_at(Time::from_secs(100)), 11.0);
    }
}
