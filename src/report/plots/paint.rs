//! A picture as SVG and as PNG, from the same shapes and the same font.
//!
//! The font lies in `assets/fonts`, so no font and no library of the system is needed and the same
//! bytes come out everywhere. plotters' backends set text differently (size, baseline); [`Type`] evens
//! that out.

use std::io;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Pixels of the PNG to a pixel of the SVG.
const PNG_SCALE: i32 = 2;

static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Latin.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold-Latin.ttf");
const FAMILY: &str = "sans-serif";

/// Where text is held: at its left end, middle or right end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Left,
    Middle,
    Right,
}

/// What pictures are made of.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A line through points, of a width.
    Line(Vec<(i32, i32)>, RGBAColor, u32),
    /// A filled polygon.
    Area(Vec<(i32, i32)>, RGBAColor),
    /// A filled rectangle.
    Block((i32, i32), (i32, i32), RGBAColor),
    /// A line of text, vertically centred at a point.
    Text { at: (i32, i32), text: String, size: f64, hold: Hold, bold: bool, colour: RGBColor },
}

/// A finished picture on white.
pub(crate) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) shapes: Vec<Shape>,
}

/// How a backend sets text: the size that makes one em a pixel, and how far the baseline of text held
/// at its top is below that point, in ems; and how it draws lines of steps.
struct Type {
    em: f64,
    baseline: f64,
    /// Each step a rectangle: plotters' bitmaps lose a line that turns back within a column.
    steps_in_blocks: bool,
}

/// plotters-svg divides sizes by 1.24 and puts `dy="0.76em"`.
const SVG_TYPE: Type = Type { em: 1.24, baseline: 0.76, steps_in_blocks: false };
/// ab_glyph takes the height from descender to ascender for the size, which in DejaVu Sans is 1.164 em,
/// and plotters puts the baseline at half of it.
const PNG_TYPE: Type = Type { em: 1.164, baseline: 0.582, steps_in_blocks: true };
/// Text looks centred with its baseline this much below the middle, in ems: half of the letter x.
const MIDDLE: f64 = 0.28;

/// How wide a text is, in pixels.
pub(super) fn width_of(text: &str, size: f64) -> i32 {
    load_fonts();
    let font = (FAMILY, size * PNG_TYPE.em).into_font();
    font.box_size(text).map_or(0, |(width, _)| width as i32 + 1)
}

fn load_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, font) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            assert!(register_font(FAMILY, style, font).is_ok(), "the fonts in assets are whole");
        }
    });
}

impl Picture {
    /// As SVG.
    pub(crate) fn svg(&self) -> String {
        let mut svg = String::new();
        self.paint(SVGBackend::with_string(&mut svg, (self.width, self.height)), 1, &SVG_TYPE);
        svg
    }

    /// As PNG, twice as large.
    pub(crate) fn png(&self) -> io::Result<Vec<u8>> {
        let (width, height) = (self.width * PNG_SCALE as u32, self.height * PNG_SCALE as u32);
        let mut pixels = vec![255; width as usize * height as usize * 3];
        self.paint(BitMapBackend::with_buffer(&mut pixels, (width, height)), PNG_SCALE, &PNG_TYPE);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header()?.write_image_data(&pixels)?;
        Ok(bytes)
    }

    fn paint<B: DrawingBackend>(&self, backend: B, scale: i32, letters: &Type) {
        load_fonts();
        let area = backend.into_drawing_area();
        let whole = [(0, 0), (self.width as i32 * scale, self.height as i32 * scale)];
        done(area.draw(&Rectangle::new(whole, WHITE.filled())));
        for shape in &self.shapes {
            paint_shape(&area, shape, scale, letters);
        }
        done(area.present());
    }
}

fn paint_shape<B: DrawingBackend>(area: &DrawingArea<B, Shift>, shape: &Shape, scale: i32, letters: &Type) {
    let scaled = |at: &(i32, i32)| (at.0 * scale, at.1 * scale);
    match shape {
        Shape::Line(points, colour, width) => {
            let points: Vec<_> = points.iter().map(scaled).collect();
            let width = width * scale as u32;
            let is_step = |pair: &[(i32, i32)]| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1;
            if letters.steps_in_blocks && width > 1 && points.windows(2).all(is_step) {
                return steps(area, &points, width as i32, colour);
            }
            done(area.draw(&PathElement::new(points, colour.stroke_width(width))));
        }
        Shape::Area(points, colour) => {
            let points: Vec<_> = points.iter().map(scaled).collect();
            done(area.draw(&Polygon::new(points, colour.filled())));
        }
        Shape::Block(from, to, colour) => {
            done(area.draw(&Rectangle::new([scaled(from), scaled(to)], colour.filled())));
        }
        Shape::Text { at, text, size, hold, bold, colour } => {
            let em = size * f64::from(scale);
            let horizontal = match hold {
                Hold::Left => HPos::Left,
                Hold::Middle => HPos::Center,
                Hold::Right => HPos::Right,
            };
            let style = if *bold { FontStyle::Bold } else { FontStyle::Normal };
            let font = (FAMILY, em * letters.em).into_font().style(style);
            let style = font.color(colour).pos(Pos::new(horizontal, VPos::Top));
            let (x, y) = scaled(at);
            let top = f64::from(y) + (MIDDLE - letters.baseline) * em;
            done(area.draw(&Text::new(text.clone(), (x, top.round() as i32), style)));
        }
    }
}

/// A line of horizontal and vertical pieces, each a rectangle.
fn steps<B: DrawingBackend>(area: &DrawingArea<B, Shift>, points: &[(i32, i32)], width: i32, colour: &RGBAColor) {
    let (before, after) = (width / 2, width - width / 2);
    for pair in points.windows(2) {
        let (left, right) = (pair[0].0.min(pair[1].0) - before, pair[0].0.max(pair[1].0) + after);
        let (top, bottom) = (pair[0].1.min(pair[1].1) - before, pair[0].1.max(pair[1].1) + after);
        done(area.draw(&Rectangle::new([(left, top), (right, bottom)], colour.filled())));
    }
}

/// Drawing into memory cannot fail once the fonts are there.
fn done<E: std::fmt::Debug>(result: Result<(), E>) {
    if let Err(error) = result {
        panic!("a picture in memory cannot fail: {error:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dip_of_no_width_reaches_its_depth_in_the_bitmap() {
        // down and up again within one column
        let line = Shape::Line(vec![(10, 10), (50, 10), (50, 80), (50, 10), (90, 10)], BLACK.to_rgba(), 2);
        let png = Picture { width: 100, height: 100, shapes: vec![line] }.png().unwrap();
        let mut reader = png::Decoder::new(io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let dark = |x: usize, y: usize| pixels[(y * 200 + x) * 3] < 64;
        assert!((20..=160).all(|y| dark(100, y)), "every pixel down to 80 times the scale of 2");
        assert!(!dark(100, 170) && !dark(110, 100));
    }
}
