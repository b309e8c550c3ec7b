//! The plain data of a comparison: arms (policies, or values of a parameter) over blocks (scenarios and values)
//! and seeds, what differs, and by how much.

use super::provenance::Provenance;
use super::study::{CdfPoint, Estimate, IdleFault, MetricSummary, Replicate, idle_faults};
use crate::engine::Span;

/// Arms compared over blocks and seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
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
    /// Their names.
    pub arms: Vec<String>,
    /// Paths and values of each, where arms are values of parameters.
    pub arm_parameters: Vec<Vec<(String, String)>>,
    /// Which of them the others are compared with.
    pub baseline: usize,
    /// Where they were compared.
    pub blocks: Vec<Block>,
    /// What was compared.
    pub metrics: Vec<Compared>,
    /// Every run: block, arm, seed.
    pub replicates: Vec<Vec<Vec<Replicate>>>,
    /// Whether arms met the same arrivals and faults.
    pub common: Common,
}

impl Comparison {
    /// The faults that did not strike in every run.
    pub fn idle_faults(&self) -> Vec<IdleFault> {
        idle_faults(self.replicates.iter().flatten().flatten())
    }
}

/// Whether all arms met the same under each seed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Arrivals were equal.
    pub arrivals: bool,
    /// Faults were equal.
    pub faults: bool,
    /// The first place where they were not, in words.
    pub first: Option<String>,
}

/// A scenario with values of its parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// How it is called in tables; empty if there is only one.
    pub label: String,
    /// The scenario.
    pub scenario: String,
    /// Paths and values.
    pub parameters: Vec<(String, String)>,
    /// What curves run along.
    pub along: Along,
    /// The recovery times of each arm.
    pub recovery: Vec<Vec<CdfPoint>>,
}

/// What curves run along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// Virtual time, of this length.
    Time(Span),
    /// Demand that has arrived, in per cent of the GPUs there are, up to this.
    Demand(u32),
}

impl Default for Along {
    fn default() -> Self {
        Along::Time(Span::ZERO)
    }
}

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// Less is better.
    #[default]
    Less,
    /// More is better.
    More,
    /// It is neither good nor bad by itself.
    Neither,
}

/// One metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Name and labels.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Which way is better.
    pub better: Better,
    /// Results by block and arm.
    pub results: Vec<Vec<ArmResult>>,
    /// Ranks over the blocks, if there are several.
    pub ranking: Option<Ranking>,
}

/// One metric of one arm in one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmResult {
    /// A value a seed that gives one.
    pub sample: Vec<f64>,
    /// What they say.
    pub summary: MetricSummary,
    /// Against the baseline; `None` for the baseline, and where values are missing or infinite.
    pub difference: Option<Difference>,
}

/// Paired differences from the baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Arm minus baseline, seed by seed.
    pub each: Vec<f64>,
    /// Their mean with its t interval.
    pub mean: Estimate,
    /// The p-value of the paired t test.
    pub p: f64,
    /// The same after Holm's correction over the arms of the block.
    pub holm: f64,
    /// The p-value of Wilcoxon's signed-rank test.
    pub wilcoxon: f64,
    /// Cohen's d of the differences, if they vary.
    pub dz: Option<f64>,
    /// The matched-pairs rank-biserial correlation: 1 if all pairs differ upwards, −1 if all do downwards.
    pub rank_biserial: f64,
    /// Cliff's delta.
    pub delta: f64,
    /// Its word.
    pub word: &'static str,
    /// What common random numbers saved of the variance.
    pub variance_reduction: f64,
}

/// Friedman's test over blocks, and Nemenyi's critical difference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Mean rank of each arm, 1 the best.
    pub mean_ranks: Vec<f64>,
    /// Friedman's χ² and its p-value.
    pub chi_squared: (f64, f64),
    /// Iman and Davenport's F and its p-value.
    pub f: (f64, f64),
    /// Mean ranks that differ by more are different at level 0.05.
    pub critical_difference: f64,
    /// Blocks ranked.
    pub blocks: usize,
}
