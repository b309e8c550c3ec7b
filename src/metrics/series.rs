//! A quantity over time in bounded memory: every step while there are few, exact averages over equal
//! buckets (with least and greatest value) once there are many.

use crate::engine::Time;
use crate::outcome::Point;

/// Records a quantity that changes in steps.
///
/// Up to `limit` steps are kept as they are. With more, time is cut into buckets of equal width, a
/// power of two of nanoseconds, at most `limit` of them; when time outgrows them, neighbours merge and
/// the width doubles. Averages stay exact throughout, as areas are integers and add up.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    limit: usize,
    value: i64,
    since: Time,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Steps(Vec<(Time, i64)>),
    Buckets { shift: u32, first: u64, buckets: Vec<Bucket> },
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    area: i128,
    nanos: u64,
    min: i64,
    max: i64,
}

impl Bucket {
    fn merged(self, other: Bucket) -> Bucket {
        if self.nanos == 0 {
            return other;
        }
        if other.nanos == 0 {
            return self;
        }
        Bucket {
            area: self.area + other.area,
            nanos: self.nanos + other.nanos,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

const EMPTY: Bucket = Bucket { area: 0, nanos: 0, min: i64::MAX, max: i64::MIN };

impl Recorder {
    /// Starts with `value` at `now`, keeping at most `limit` points.
    pub(crate) fn starting(now: Time, value: i64, limit: usize) -> Self {
        Recorder { limit: limit.max(2), value, since: now, form: Form::Steps(vec![(now, value)]) }
    }

    /// From `now` on the quantity is `value`.
    pub(crate) fn set(&mut self, now: Time, value: i64) {
        if value == self.value {
            return;
        }
        match &mut self.form {
            Form::Steps(steps) => match steps.last_mut() {
                Some(last) if last.0 == now => {
                    last.1 = value;
                    drop_repeated(steps);
                }
                _ => steps.push((now, value)),
            },
            Form::Buckets { .. } => self.spill(now),
        }
        self.value = value;
        self.since = now;
        if let Form::Steps(steps) = &self.form
            && steps.len() > self.limit
        {
            self.fold();
        }
    }

    /// The points up to `end`, values divided by `scale`.
    pub(crate) fn points(mut self, end: Time, scale: f64) -> Vec<Point> {
        if let Form::Buckets { .. } = self.form {
            self.spill(end);
        }
        match self.form {
            Form::Steps(steps) => {
                let point = |(at, value)| {
                    let value = value as f64 / scale;
                    Point { at, mean: value, min: value, max: value }
                };
                steps.into_iter().map(point).collect()
            }
            Form::Buckets { shift, first, buckets } => {
                let point = |(index, bucket): (usize, Bucket)| Point {
                    at: Time((first + index as u64) << shift),
                    mean: bucket.area as f64 / bucket.nanos as f64 / scale,
                    min: bucket.min as f64 / scale,
                    max: bucket.max as f64 / scale,
                };
                buckets.into_iter().enumerate().filter(|(_, bucket)| bucket.nanos > 0).map(point).collect()
            }
        }
    }

    /// Steps become buckets.
    fn fold(&mut self) {
        let Form::Steps(steps) = &mut self.form else { return };
        let steps = std::mem::take(steps);
        let (start, now) = (steps[0].0, self.since);
        let mut shift = 0;
        // Half of the limit at first, so that the widths do not double at once.
        while (now.0 >> shift) - (start.0 >> shift) >= self.limit as u64 / 2 {
            shift += 1;
        }
        let last = self.value;
        self.form = Form::Buckets { shift, first: start.0 >> shift, buckets: Vec::new() };
        for pair in steps.windows(2) {
            self.value = pair[0].1;
            self.since = pair[0].0;
            self.spill(pair[1].0);
        }
        self.value = last;
        self.since = now;
    }

    /// Adds the current value from `since` until `now` to the buckets it covers.
    fn spill(&mut self, now: Time) {
        let Form::Buckets { shift, first, buckets } = &mut self.form else { return };
        while (now.0 >> *shift) - *first >= self.limit as u64 {
            halve(shift, first, buckets);
        }
        let mut from = self.since.0;
        while from < now.0 {
            let number = from >> *shift;
            let to = now.0.min((number + 1) << *shift);
            let index = (number - *first) as usize;
            if buckets.len() <= index {
                buckets.resize(index + 1, EMPTY);
            }
            let nanos = to - from;
            let area = i128::from(self.value) * i128::from(nanos);
            buckets[index] = buckets[index].merged(Bucket { area, nanos, min: self.value, max: self.value });
            from = to;
        }
        self.since = now;
    }
}

/// Doubles the width of the buckets.
fn halve(shift: &mut u32, first: &mut u64, buckets: &mut Vec<Bucket>) {
    let mut merged: Vec<Bucket> = Vec::with_capacity(buckets.len() / 2 + 1);
    for (index, bucket) in buckets.iter().enumerate() {
        let target = (((*first + index as u64) >> 1) - (*first >> 1)) as usize;
        if merged.len() <= target {
            merged.push(EMPTY);
        }
        merged[target] = merged[target].merged(*bucket);
    }
    *shift += 1;
    *first >>= 1;
    *buckets = merged;
}

/// A step to the value before it is none.
fn drop_repeated(steps: &mut Vec<(Time, i64)>) {
    if let [.., before, last] = steps[..]
        && before.1 == last.1
    {
        steps.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_steps_are_kept_as_they_are() {
        let mut recorder = Recorder::starting(Time(0), 1, 10);
        recorder.set(Time(5), 2);
        recorder.set(Time(5), 3); // the value within an instant is never seen
        recorder.set(Time(8), 3); // no step
        let points: Vec<(u64, f64)> = recorder.points(Time(9), 1.0).iter().map(|p| (p.at.0, p.mean)).collect();
        assert_eq!(points, [(0, 1.0), (5, 3.0)]);
    }

    #[test]
    fn a_value_left_and_taken_again_within_an_instant_is_no_step() {
        let mut recorder = Recorder::starting(Time(0), 6, 10);
        recorder.set(Time(5), 5);
        recorder.set(Time(5), 6);
        assert_eq!(recorder.points(Time(9), 1.0).len(), 1);
    }

    #[test]
    fn many_steps_become_exact_averages() {
        // a saw of 0 and 1, each for one nanosecond: every full bucket averages one half
        let mut recorder = Recorder::starting(Time(0), 0, 8);
        for now in 1..1000 {
            recorder.set(Time(now), (now % 2) as i64);
        }
        let points = recorder.points(Time(1000), 1.0);
        assert!(points.len() <= 8, "{points:?}");
        assert!(points.iter().all(|point| (point.mean, point.min, point.max) == (0.5, 0.0, 1.0)), "{points:?}");
    }

    #[test]
    fn the_area_survives_folding_and_halving() {
        let mut recorder = Recorder::starting(Time(3), 7, 4);
        let (mut area, mut value, mut since) = (0u64, 7u64, 3u64);
        for step in 1..200u64 {
            let now = 3 + step * step;
            area += value * (now - since);
            (value, since) = (step % 11, now);
            recorder.set(Time(now), value as i64);
        }
        let end = since + 100;
        area += value * 100;
        let points = recorder.points(Time(end), 1.0);
        let ends = points.iter().skip(1).map(|point| point.at.0).chain([end]);
        let sum: f64 = points.iter().zip(ends).map(|(point, to)| point.mean * (to - point.at.0.max(3)) as f64).sum();
        assert!((sum - area as f64).abs() < 1e-6, "{sum} is not {area}");
    }
}
