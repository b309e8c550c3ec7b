//! What is run: arms, blocks, seeds; the points of a parameter space.

use crate::engine::Seed;
use crate::outcome::comparison::Along;
use crate::outcome::provenance::Provenance;
use crate::scenario::Scenario;
use crate::scenario::schema::matrix::{Parameter, Range};

use super::cells::Cell;

/// Everything that is run.
pub struct Design {
    /// Name of the scenario, or of several.
    pub name: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What was set for all.
    pub settings: Vec<(String, String)>,
    /// The seeds, the same for all.
    pub seeds: Vec<u64>,
    /// Confidence of all intervals.
    pub confidence: f64,
    /// What arms are: `policy`, or the path of a parameter.
    pub arms_are: String,
    /// Names of the arms.
    pub arms: Vec<String>,
    /// Paths and values of each, where arms are values of parameters.
    pub arm_parameters: Vec<Point>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// Where they are compared.
    pub blocks: Vec<Block>,
    /// The metrics to tell; a choice is made if there are none.
    pub metrics: Vec<String>,
    /// Arms that differ in more than the policy may meet different arrivals.
    pub policies_only: bool,
}

/// Arms in one place.
pub struct Block {
    /// How it is called; empty if there is only one.
    pub label: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Values of its parameters.
    pub parameters: Vec<(String, String)>,
    /// What curves run along.
    pub along: Along,
    /// The scenario of each arm.
    pub arms: Vec<Scenario>,
}

impl Design {
    /// All cells: by block, arm, seed.
    pub fn cells(&self) -> Vec<Cell<'_>> {
        let arms = self.blocks.iter().flat_map(|block| &block.arms);
        arms.flat_map(|scenario| self.seeds.iter().map(move |seed| Cell::new(scenario, *seed))).collect()
    }
}

/// A point: paths and values.
pub type Point = Vec<(String, String)>;

/// Every combination of the parameters' values, the last parameter varying fastest; one empty point without any.
pub fn cartesian(parameters: &[Parameter]) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for parameter in parameters {
        let extended = |point: &Point| {
            let with = |value: &str| {
                let mut point = point.clone();
                point.push((parameter.path.value.clone(), value.to_string()));
                point
            };
            parameter.values.iter().map(|value| with(&value.text)).collect::<Vec<_>>()
        };
        points = points.iter().flat_map(extended).collect();
    }
    points
}

/// `n` points of a Latin hypercube: each parameter's range (or list) is cut into `n` equal parts, and each part is
/// taken once, in an order of its own. Source: McKay, Beckman and Conover, Technometrics 21(2), 1979.
pub fn latin_hypercube(parameters: &[Parameter], n: usize, seed: Seed) -> Vec<Point> {
    let columns: Vec<Vec<String>> = parameters
        .iter()
        .enumerate()
        .map(|(index, parameter)| {
            let mut stream = seed.stream("latin-hypercube", index as u64);
            let mut parts: Vec<usize> = (0..n).collect();
            stream.choose_to_front(&mut parts, n);
            parts.into_iter().map(|part| value(parameter, (part as f64 + stream.unit()) / n as f64)).collect()
        })
        .collect();
    let name = |index: usize| parameters[index].path.value.clone();
    let point = |row: usize| columns.iter().enumerate().map(|(at, column)| (name(at), column[row].clone())).collect();
    (0..n).map(point).collect()
}

/// The value that lies at a share of the parameter's range or list.
fn value(parameter: &Parameter, share: f64) -> String {
    let Some(Range { from, to, unit, whole }) = &parameter.range else {
        let index = (share * parameter.values.len() as f64) as usize;
        return parameter.values[index.min(parameter.values.len() - 1)].text.clone();
    };
    let number = from.value + share * (to.value - from.value);
    if *whole { format!("{}{unit}", number.round()) } else { format!("{number:.4}{unit}") }
}

/// `replicas=4, cpu=2`: the last part of each path, or the whole where that is not enough to tell them apart.
pub fn label(point: &Point) -> String {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_string();
    let clash = |path: &str| point.iter().filter(|(other, _)| last(other) == last(path)).count() > 1;
    let parts = point.iter().map(|(path, value)| {
        let name = if clash(path) { path.clone() } else { last(path) };
        format!("{name}={value}")
    });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read::Spanned;
    use crate::scenario::schema::matrix::Written;
    use crate::scenario::source::Location;

    fn parameter(path: &str, values: &[&str], range: Option<(f64, f64)>) -> Parameter {
        fn at<T>(value: T) -> Spanned<T> {
            Spanned { value, location: Location::default() }
        }
        Parameter {
            path: at(path.to_string()),
            values: values.iter().map(|text| Written { text: (*text).to_string() }).collect(),
            range: range.map(|(from, to)| Range { from: at(from), to: at(to), unit: "s".to_string(), whole: true }),
        }
    }

    #[test]
    fn every_combination_once() {
        let points = cartesian(&[parameter("a.x", &["1", "2"], None), parameter("b.y", &["u", "v"], None)]);
        let labels: Vec<String> = points.iter().map(label).collect();
        assert_eq!(labels, ["x=1, y=u", "x=1, y=v", "x=2, y=u", "x=2, y=v"]);
        assert_eq!(cartesian(&[]), [Point::new()]);
        assert_eq!(label(&vec![("a.x".into(), "1".into()), ("b.x".into(), "2".into())]), "a.x=1, b.x=2");
    }

    #[test]
    fn a_latin_hypercube_takes_each_part_of_each_range_once() {
        let parameters = [parameter("a", &[], Some((0.0, 1000.0))), parameter("b", &["u", "v"], None)];
        let points = latin_hypercube(&parameters, 10, Seed(1));
        let number = |point: &Point| point[0].1.trim_end_matches('s').parse::<f64>().unwrap();
        let mut numbers: Vec<f64> = points.iter().map(number).collect();
        assert!(!numbers.is_sorted(), "the parts come in an order of their own");
        numbers.sort_by(f64::total_cmp);
        for (index, number) in numbers.iter().enumerate() {
            assert!((index as f64 * 100.0..=index as f64 * 100.0 + 100.0).contains(number), "{numbers:?}");
        }
        assert_eq!(points.iter().filter(|point| point[1].1 == "u").count(), 5);
        assert_eq!(points, latin_hypercube(&parameters, 10, Seed(1)));
    }
}
