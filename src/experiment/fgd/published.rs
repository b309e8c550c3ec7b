//! The published curves, and how far ours are from them (reference: fgd.md 11).

use std::fs;
use std::path::Path;

use super::curves::{Curve, Curves, LAST, two_decimals};

/// Published curves of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The workload.
    pub workload: String,
    /// The policy, by the paper's name.
    pub policy: String,
    /// The seed.
    pub seed: u64,
    /// The curves.
    pub curves: Curves,
}

/// Reads the three tables of per-seed curves from the folder of the data.
///
/// # Errors
/// Which file cannot be read, and at which line.
pub fn read(folder: &Path) -> Result<Vec<Published>, String> {
    let [alloc, amount, ratio] =
        ["alloc", "frag_amount", "frag_ratio"].map(|name| table(&folder.join(format!("expected/expected_{name}.csv"))));
    let (alloc, amount, ratio) = (alloc?, amount?, ratio?);
    let rows = alloc.into_iter().zip(amount).zip(ratio).map(|((alloc, amount), ratio)| {
        if alloc.0 != amount.0 || alloc.0 != ratio.0 {
            return Err(format!("the three tables differ in the order of their rows at {:?}", alloc.0));
        }
        let (workload, policy, seed) = alloc.0;
        Ok(Published { workload, policy, seed, curves: Curves { alloc: alloc.1, amount: amount.1, ratio: ratio.1 } })
    });
    rows.collect()
}

type Row = ((String, String, u64), Curve);

fn table(path: &Path) -> Result<Vec<Row>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let row = |(index, line): (usize, &str)| {
        let bad = || format!("{}: line {} cannot be read", path.display(), index + 1);
        let fields: Vec<&str> = line.split(',').collect();
        let [workload, policy, seed, values @ ..] = fields.as_slice() else { return Err(bad()) };
        let values: Curve = values.iter().map(|value| value.parse()).collect::<Result<_, _>>().map_err(|_| bad())?;
        if values.len() != LAST + 1 {
            return Err(bad());
        }
        Ok(((workload.to_string(), policy.to_string(), seed.parse().map_err(|_| bad())?), values))
    };
    text.lines().enumerate().skip(1).map(row).collect()
}

/// Largest distances between two runs: allocation, fragmentation amount, fragmentation ratio. Our values are
/// rounded to two decimals first, as the published ones are.
pub fn distances(ours: &Curves, published: &Curves) -> [f64; 3] {
    let largest = |ours: &Curve, published: &Curve| {
        let apart = ours.iter().zip(published).map(|(ours, published)| (two_decimals(*ours) - published).abs());
        two_decimals(apart.fold(0.0, f64::max))
    };
    [
        largest(&ours.alloc, &published.alloc),
        largest(&ours.amount, &published.amount),
        largest(&ours.ratio, &published.ratio),
    ]
}

/// The point-wise mean of several runs.
pub fn mean(curves: &[&Curves]) -> Curves {
    let mean = |of: fn(&Curves) -> &Curve| {
        (0..=LAST).map(|bin| curves.iter().map(|curves| of(curves)[bin]).sum::<f64>() / curves.len() as f64).collect()
    };
    Curves { alloc: mean(|c| &c.alloc), amount: mean(|c| &c.amount), ratio: mean(|c| &c.ratio) }
}
