//! What all pictures share: a canvas, colours, a frame with a time axis, labels that do not collide.
//!
//! Coordinates are pixels of the SVG; `paint` turns the shapes into files.

use std::cell::RefCell;

use plotters::style::{Color, RGBColor};

use crate::engine::{Span, Time};
use crate::outcome::Point;

use super::super::format::duration;
use super::paint::{Hold, Picture, Shape, width_of};

// The palette of Okabe and Ito, which colour-blind readers can tell apart.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const RED: RGBColor = RGBColor(213, 94, 0);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const INK: RGBColor = RGBColor(38, 38, 38);
pub(super) const GREY: RGBColor = RGBColor(115, 115, 115);
pub(super) const PALE: RGBColor = RGBColor(228, 228, 228);

/// A picture being drawn; coordinates are pixels from the top left.
pub(super) struct Canvas(RefCell<Vec<Shape>>);

/// Draws a picture of `width` by `height` pixels on white.
pub(super) fn picture(width: u32, height: u32, draw: impl FnOnce(&Canvas)) -> Picture {
    let canvas = Canvas(RefCell::new(Vec::new()));
    draw(&canvas);
    Picture { width, height, shapes: canvas.0.into_inner() }
}

impl Canvas {
    fn add(&self, shape: Shape) {
        self.0.borrow_mut().push(shape);
    }

    /// A line through points.
    pub(super) fn line(&self, points: &[(i32, i32)], colour: &impl Color, width: u32) {
        self.add(Shape::Line(points.to_vec(), colour.to_rgba(), width));
    }

    /// A line of dashes along the axes, for step lines.
    pub(super) fn dashed(&self, corners: &[(i32, i32)], colour: &impl Color, width: u32) {
        for pair in corners.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).abs() + (y1 - y0).abs();
            let (dx, dy) = ((x1 - x0).signum(), (y1 - y0).signum());
            for from in (0..length).step_by(10) {
                let to = (from + 6).min(length);
                self.line(&[(x0 + dx * from, y0 + dy * from), (x0 + dx * to, y0 + dy * to)], colour, width);
            }
        }
    }

    /// A filled area.
    pub(super) fn area(&self, points: &[(i32, i32)], colour: &impl Color) {
        self.add(Shape::Area(points.to_vec(), colour.to_rgba()));
    }

    /// A filled rectangle.
    pub(super) fn block(&self, from: (i32, i32), to: (i32, i32), colour: &impl Color) {
        self.add(Shape::Block(from, to, colour.to_rgba()));
    }

    /// Text of `size` pixels, vertically centred at `at`.
    pub(super) fn text(&self, at: (i32, i32), text: &str, size: f64, hold: Hold, colour: RGBColor) {
        self.add(Shape::Text { at, text: text.to_string(), size, hold, bold: false, colour });
    }

    /// The same in bold.
    pub(super) fn bold(&self, at: (i32, i32), text: &str, size: f64, hold: Hold, colour: RGBColor) {
        self.add(Shape::Text { at, text: text.to_string(), size, hold, bold: true, colour });
    }

    /// Title and the line below it.
    pub(super) fn title(&self, title: &str, below: &str) {
        self.bold((24, 28), title, 18.0, Hold::Left, INK);
        self.text((24, 52), below, 13.0, Hold::Left, GREY);
    }

    /// A legend in one row, ending at `right`: colour and words.
    pub(super) fn legend(&self, right: i32, y: i32, entries: &[(RGBColor, &str)]) {
        let mut x = right;
        for (colour, words) in entries.iter().rev() {
            x -= width_of(words, 12.0);
            self.text((x, y), words, 12.0, Hold::Left, INK);
            self.block((x - 18, y - 5), (x - 6, y + 6), colour);
            x -= 36;
        }
    }
}

/// The rectangle data is drawn in, time from left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
    pub(super) end: Span,
    /// The value at the top; 0 is at the bottom.
    pub(super) max: f64,
}

impl Frame {
    /// The same, moved down by `pixels`.
    pub(super) fn lowered(self, pixels: i32) -> Frame {
        Frame { top: self.top + pixels, bottom: self.bottom + pixels, ..self }
    }

    /// The column of an instant.
    pub(super) fn x(&self, at: Time) -> i32 {
        let width = i128::from(self.right - self.left);
        let at = i128::from(at.0.min(self.end.0));
        self.left + (at * width / i128::from(self.end.0.max(1))) as i32
    }

    /// The row of a value.
    pub(super) fn y(&self, value: f64) -> i32 {
        self.bottom - ((value / self.max) * f64::from(self.bottom - self.top)).round() as i32
    }

    /// Grid lines and labels of the time axis.
    pub(super) fn time_axis(&self, canvas: &Canvas) {
        let step = nice_time_step(self.end);
        for number in 0..=self.end.0 / step.0 {
            let at = Time(number * step.0);
            let x = self.x(at);
            canvas.line(&[(x, self.top), (x, self.bottom)], &PALE, 1);
            canvas.text((x, self.bottom + 16), &duration(Span(at.0)), 12.0, Hold::Middle, GREY);
        }
        canvas.line(&[(self.left, self.bottom), (self.right, self.bottom)], &GREY, 1);
    }

    /// Grid lines and labels of the value axis, and what it counts.
    pub(super) fn value_axis(&self, canvas: &Canvas, unit: &str, label: impl Fn(f64) -> String) {
        let step = nice_step(self.max);
        let mut number = 0;
        while f64::from(number) * step <= self.max + 1e-9 {
            let value = f64::from(number) * step;
            let y = self.y(value);
            if number > 0 {
                canvas.line(&[(self.left, y), (self.right, y)], &PALE, 1);
            }
            canvas.text((self.left - 8, y), &label(value), 12.0, Hold::Right, GREY);
            number += 1;
        }
        canvas.text((self.left - 8, self.top - 16), unit, 12.0, Hold::Right, GREY);
    }

    /// A step series as the corners of its line.
    pub(super) fn steps(&self, points: &[Point], value: impl Fn(&Point) -> f64) -> Vec<(i32, i32)> {
        let mut corners = Vec::with_capacity(points.len() * 2 + 1);
        for point in points {
            let (x, y) = (self.x(point.at), self.y(value(point)));
            if let Some(&(last_x, last_y)) = corners.last()
                && last_y != y
                && last_x != x
            {
                corners.push((x, last_y));
            }
            corners.push((x, y));
        }
        if let Some(&(_, y)) = corners.last() {
            corners.push((self.right, y));
        }
        corners
    }

    /// The same closed down to the axis, to be filled.
    pub(super) fn under(&self, corners: &[(i32, i32)]) -> Vec<(i32, i32)> {
        let (Some(first), Some(last)) = (corners.first(), corners.last()) else { return Vec::new() };
        let mut area = corners.to_vec();
        area.extend([(last.0, self.bottom), (first.0, self.bottom)]);
        area
    }
}

/// A step of time that gives at most ten labels and that people count in.
pub(super) fn nice_time_step(end: Span) -> Span {
    const SECONDS: [u64; 25] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
        432_000, 864_000, 1_728_000, 2_592_000, 7_776_000, 31_536_000,
    ];
    let step = SECONDS.into_iter().map(Span::from_secs).find(|step| end.0 / step.0 <= 10);
    step.unwrap_or(Span(end.0 / 10 + 1))
}

/// A step of 1, 2 or 5 times a power of ten that gives at most six labels.
pub(super) fn nice_step(max: f64) -> f64 {
    let mut unit = 1e-3;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if max / (unit * factor) <= 6.0 {
                return unit * factor;
            }
        }
        unit *= 10.0;
    }
}

/// A mark on the time axis with words.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) at: Time,
    pub(super) words: String,
    pub(super) colour: RGBColor,
}

/// Marks that share a column (within four pixels) become one, the words of up to three joined. It stands
/// where the last of them does.
fn joined(frame: &Frame, mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_by_key(|mark| mark.at);
    let mut all: Vec<Mark> = Vec::new();
    for mark in marks {
        match all.last_mut() {
            Some(last) if frame.x(mark.at) - frame.x(last.at) <= 4 => {
                let known = last.words.split(", ").any(|words| words == mark.words);
                match last.words.split(", ").count() {
                    _ if known || last.words.ends_with('…') => (),
                    1 | 2 => last.words = format!("{}, {}", last.words, mark.words),
                    _ => last.words.push_str(", …"),
                }
                (last.at, last.colour) = (mark.at, mark.colour);
            }
            _ => all.push(mark),
        }
    }
    all
}

/// Where the words of a mark stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    /// The row above the frame.
    row: usize,
    /// To the right of the line or, near the right edge, to its left.
    hold: Hold,
}

/// Marks with a place for the words of each.
pub(super) struct Placed(Vec<(Mark, Option<Words>)>);

/// Gives the words of each mark one of at most `rows` rows above the frame, so that they touch neither
/// other words nor the lines of other marks; words without such a row are left out. Words stand to the
/// right of their line, so each must be above the marks it reaches over; marks are taken from the right.
/// Words that would leave the picture stand to the left, in the lowest row, if no other mark is there.
pub(super) fn placed(frame: &Frame, marks: Vec<Mark>, rows: usize) -> Placed {
    let mut all: Vec<(Mark, Option<Words>)> = joined(frame, marks).into_iter().map(|mark| (mark, None)).collect();
    let reach = |mark: &Mark| 12 + width_of(&mark.words, 12.0);
    for index in (0..all.len()).rev() {
        let x = frame.x(all[index].0.at);
        let end = x + reach(&all[index].0);
        if end >= frame.right + 24 {
            let is_free = index == 0 || frame.x(all[index - 1].0.at) < x - reach(&all[index].0);
            all[index].1 = is_free.then_some(Words { row: 0, hold: Hold::Right });
            continue;
        }
        let start = |(mark, words): &(Mark, Option<Words>)| {
            let to_the_left = words.is_some_and(|words| words.hold == Hold::Right);
            frame.x(mark.at) - if to_the_left { reach(mark) } else { 0 }
        };
        let under = all[index + 1..].iter().filter(|other| start(other) < end);
        let row = under.filter_map(|(_, words)| Some(words.as_ref()?.row)).max().map_or(0, |row| row + 1);
        all[index].1 = (row < rows).then_some(Words { row, hold: Hold::Left });
    }
    Placed(all)
}

impl Placed {
    /// Pixels needed above the frame.
    pub(super) fn height(&self) -> i32 {
        let rows = self.0.iter().filter_map(|(_, words)| *words).map(|words| words.row as i32 + 1).max().unwrap_or(0);
        (12 + 18 * rows).max(24)
    }

    /// Draws the marks as vertical lines with their words.
    pub(super) fn draw(&self, canvas: &Canvas, frame: &Frame) {
        for (mark, words) in &self.0 {
            let x = frame.x(mark.at);
            let Some(Words { row, hold }) = words else {
                canvas.line(&[(x, frame.top), (x, frame.bottom)], &mark.colour, 1);
                continue;
            };
            let y = frame.top - 14 - 18 * *row as i32;
            canvas.line(&[(x, y - 6), (x, frame.bottom)], &mark.colour, 1);
            let beside = if *hold == Hold::Left { 5 } else { -5 };
            canvas.text((x + beside, y), &mark.words, 12.0, *hold, mark.colour);
        }
    }
}
