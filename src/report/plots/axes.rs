//! Axes of plain numbers, for pictures without a time axis.

use super::super::format::short;
use super::canvas::{Canvas, GREY, PALE, nice_step};
use super::paint::Hold;

/// An axis from a low to a high value, over pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    /// The pixel of `low`.
    pub(super) from: i32,
    /// The pixel of `high`.
    pub(super) to: i32,
}

impl Axis {
    /// An axis that shows all of these values with some room, or something around 0.
    pub(super) fn around(values: impl Iterator<Item = f64>, from: i32, to: i32) -> Axis {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let room = match high - low {
            0.0 => (high.abs() * 0.05).max(0.5),
            width => width * 0.06,
        };
        Axis { low: low - room, high: high + room, from, to }
    }

    /// The pixel of a value; those beyond the axis stand at its end.
    pub(super) fn at(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + (share * f64::from(self.to - self.from)).round() as i32
    }

    /// Values worth a line and a label, six or so.
    pub(super) fn ticks(&self) -> Vec<f64> {
        // nice_step counts from a thousandth up: narrower axes are scaled to it
        let width = self.high - self.low;
        let mut scale = 1.0;
        while width * scale < 0.01 {
            scale *= 1000.0;
        }
        let step = nice_step(width * scale) / scale;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last).map(|number| number as f64 * step).collect()
    }

    /// Vertical grid lines with labels below.
    pub(super) fn across(&self, canvas: &Canvas, top: i32, bottom: i32, unit: &str) {
        for tick in self.ticks() {
            let x = self.at(tick);
            canvas.line(&[(x, top), (x, bottom)], &PALE, 1);
            canvas.text((x, bottom + 16), &label(tick), 12.0, Hold::Middle, GREY);
        }
        canvas.line(&[(self.from, bottom), (self.to, bottom)], &GREY, 1);
        canvas.text(((self.from + self.to) / 2, bottom + 36), unit, 12.0, Hold::Middle, GREY);
    }
}

/// A number as short as it can be; small ones keep their digits.
pub(super) fn label(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && size < 0.001 => format!("{value:.1e}"),
        size if size >= 1e6 => format!("{}M", short((value / 1e4).round() / 100.0)),
        size if size >= 1e4 => format!("{}k", short((value / 10.0).round() / 100.0)),
        _ => short(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_its_values_and_ticks_lie_within() {
        let axis = Axis::around([-3.0, 5.0, f64::INFINITY].into_iter(), 100, 200);
        assert!(axis.at(-3.0) > 100 && axis.at(5.0) < 200 && axis.at(1e9) == 200);
        let ticks = axis.ticks();
        assert!(ticks.len() >= 3 && ticks.iter().all(|tick| (axis.low..=axis.high).contains(tick)), "{ticks:?}");
        let narrow = Axis::around([0.999_991, 0.999_992].into_iter(), 0, 100).ticks();
        assert!((2..=8).contains(&narrow.len()), "{narrow:?}");
        let flat = Axis::around([7.0].into_iter(), 0, 100);
        assert!(flat.low < 7.0 && flat.high > 7.0);
    }
}
