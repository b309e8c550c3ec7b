//! Our curves beside the published ones: the table of the paper, and how far any point of any curve is off.

use std::fmt::Write as _;
use std::path::Path;

use crate::experiment::statistics::Moments;
use crate::outcome::comparison::{Block, Comparison};
use crate::outcome::study::Replicate;

use super::POLICIES;
use super::curves::{Curves, two_decimals};
use super::published::{self, Published};

/// Arrived demand, in per cent, that the table shows.
const POINTS: [usize; 6] = [90, 95, 100, 110, 120, 130];
/// Distances kept: allocation, fragmentation amount, fragmentation ratio (reference: fgd.md 11).
const PROMISED: [f64; 3] = [0.01, 0.01, 0.02];
/// Distance kept by Random's mean over the seeds, which draws by another generator.
const PROMISED_RANDOM: f64 = 0.15;

/// The tables, and whether all promises are kept.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Mean allocation, ours and published, as Markdown.
    pub allocation: String,
    /// Largest distances, as Markdown.
    pub distances: String,
    /// Our curves, every 5 % of arrived demand, as CSV.
    pub curves: String,
    /// Whether no curve is further off than promised.
    pub kept: bool,
}

/// A policy of the paper in one workload.
struct Pair<'a> {
    workload: &'a str,
    paper: &'static str,
    /// By seed.
    ours: Vec<(u64, Curves)>,
    theirs: Vec<&'a Published>,
}

/// Puts a comparison beside the published curves of the data; policies and workloads that were not published are
/// left out.
///
/// # Errors
/// Which file cannot be read.
pub fn beside(comparison: &Comparison, data: &Path) -> Result<Beside, String> {
    let published = published::read(data)?;
    let mut pairs = Vec::new();
    for (block, arms) in comparison.blocks.iter().zip(&comparison.replicates) {
        for (arm, runs) in comparison.arms.iter().zip(arms) {
            let Some((paper, _)) = POLICIES.iter().find(|(_, ours)| ours == arm) else { continue };
            let workload = workload(block);
            let is_same = |row: &&Published| row.workload == workload && row.policy == *paper;
            let theirs: Vec<&Published> = published.iter().filter(is_same).collect();
            let ours = runs.iter().filter_map(|run| Some((run.seed, curves(run)?))).collect();
            if !theirs.is_empty() {
                pairs.push(Pair { workload, paper, ours, theirs });
            }
        }
    }
    let (distances, kept) = distance_table(&pairs);
    Ok(Beside { allocation: allocation_table(&pairs), distances, curves: curves_csv(&pairs), kept })
}

fn workload(block: &Block) -> &str {
    let parameter = block.parameters.iter().find(|(path, _)| path == "placement.workload");
    parameter.map_or("default", |(_, workload)| workload)
}

fn curves(run: &Replicate) -> Option<Curves> {
    let curve = |name: &str| run.curve(name).map(|curve| curve.means.clone());
    Some(Curves {
        alloc: curve("gpu_allocation_percent")?,
        amount: curve("gpu_fragmentation_percent")?,
        ratio: curve("gpu_fragmentation_of_idle_percent")?,
    })
}

/// Ours, published, and ours minus published: mean GPU allocation over the seeds that both have.
fn allocation_table(pairs: &[Pair<'_>]) -> String {
    let mut text =
        "GPU allocation in per cent of all GPUs, mean over seeds: ours / published (difference)\n\n".to_string();
    text += "| workload | policy |";
    POINTS.iter().for_each(|point| _ = write!(text, " {point} % arrived |"));
    text += " sd at 130 % |\n|---|---|";
    text += &"---|".repeat(POINTS.len() + 1);
    text.push('\n');
    for pair in pairs {
        let both = both(pair);
        let (ours, theirs): (Vec<&Curves>, Vec<&Curves>) = both.into_iter().unzip();
        let (ours_mean, theirs_mean) = (published::mean(&ours), published::mean(&theirs));
        let _ = write!(text, "| {} | {} |", pair.workload, pair.paper); // into a String: cannot fail
        for point in POINTS {
            let (a, b) = (two_decimals(ours_mean.alloc[point]), two_decimals(theirs_mean.alloc[point]));
            let _ = write!(text, " {a:.2} / {b:.2} ({:+.2}) |", two_decimals(a - b) + 0.0);
        }
        let last = |curves: &[&Curves]| {
            Moments::of(&curves.iter().map(|curves| curves.alloc[130]).collect::<Vec<_>>()).deviation()
        };
        let _ = writeln!(text, " {:.2} / {:.2} |", last(&ours), last(&theirs));
    }
    text
}

/// Our and the published curves of the seeds that both have.
fn both<'a>(pair: &'a Pair<'_>) -> Vec<(&'a Curves, &'a Curves)> {
    let same = |seed: u64| pair.theirs.iter().find(move |row| row.seed == seed).map(|row| &row.curves);
    pair.ours.iter().filter_map(|(seed, curves)| Some((curves, same(*seed)?))).collect()
}

/// Largest distances over all points: seed by seed, for Random of the means.
fn distance_table(pairs: &[Pair<'_>]) -> (String, bool) {
    let mut text =
        "Largest distance from the published curves over 131 points: seed by seed, for Random of the mean over seeds\n\n"
            .to_string();
    text += "| workload | policy | seeds | allocation | fragmentation amount | fragmentation ratio |\n|---|---|---|---|---|---|\n";
    let mut kept = !pairs.is_empty();
    for pair in pairs {
        let both = both(pair);
        let n = both.len();
        let largest = match pair.paper {
            "Random" => {
                let (ours, theirs): (Vec<&Curves>, Vec<&Curves>) = both.into_iter().unzip();
                published::distances(&published::mean(&ours), &published::mean(&theirs))
            }
            _ => {
                let each = both.into_iter().map(|(ours, theirs)| published::distances(ours, theirs));
                each.fold([0.0f64; 3], |a, b| [a[0].max(b[0]), a[1].max(b[1]), a[2].max(b[2])])
            }
        };
        kept &= n > 0
            && match pair.paper {
                "Random" => n < pair.theirs.len() || largest[0] <= PROMISED_RANDOM + 1e-9,
                _ => largest.iter().zip(PROMISED).all(|(distance, promised)| *distance <= promised + 1e-9),
            };
        let [a, b, c] = largest;
        let _ = writeln!(text, "| {} | {} | {n} | {a:.2} | {b:.2} | {c:.2} |", pair.workload, pair.paper);
    }
    (text, kept)
}

fn curves_csv(pairs: &[Pair<'_>]) -> String {
    let mut text =
        "workload,policy,seed,arrived_percent,alloc_percent,frag_amount_percent,frag_ratio_percent\n".to_string();
    for Pair { workload, paper, ours, .. } in pairs {
        for (seed, curves) in ours {
            for point in (0..=130).step_by(5) {
                let (alloc, amount, ratio) = (curves.alloc[point], curves.amount[point], curves.ratio[point]);
                let _ = writeln!(text, "{workload},{paper},{seed},{point},{alloc:.2},{amount:.2},{ratio:.2}");
            }
        }
    }
    text
}
