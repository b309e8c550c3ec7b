//! A run of the experiment as a cell of a comparison: its curves, and their values at round amounts of demand.

use crate::experiment::compare::cells::Shared;
use crate::experiment::replicate::Failed;
use crate::outcome::provenance::{hash, hash_on};
use crate::outcome::study::{Curve, Replicate, Value};
use crate::scenario::Scenario;
use crate::scenario::schema::matrix::Placement;

use super::curves::{Curves, LAST};
use super::openb::Openb;
use super::{published, run_chosen};

/// Arrived demand, in per cent of all GPUs, at which values are told.
const POINTS: [usize; 8] = [50, 80, 90, 95, 100, 110, 120, 130];

/// Runs the scenario's placement under a seed.
///
/// # Errors
/// The data cannot be read, or do not have the seed; or the policy does not stand for itself.
pub fn cell(scenario: &Scenario, placement: &Placement, seed: u64, shared: &Shared) -> Result<Replicate, Failed> {
    let data = scenario.data.as_ref().filter(|data| !data.is_empty()).ok_or_else(|| {
        Failed::Other("no data: give the folder of the trace, `--set data=PATH` (scenario file: `data:`)".to_string())
    })?;
    let openb = shared.openb(&scenario.data_path(data), &placement.workload.value)?;
    let name = scenario.policy_name();
    let policy = scenario.chosen_policy(&name).ok_or_else(|| {
        Failed::Other(format!("policy `{name}` is a profile of the scheduler; placement without time needs another"))
    })?;
    let Some(order) = openb.orders.iter().find(|order| order.seed == seed) else {
        let seeds: Vec<String> = openb.orders.iter().map(|order| order.seed.to_string()).collect();
        return Err(Failed::Other(format!("the data have no seed {seed}, only {}", seeds.join(", "))));
    };
    let draws = if policy.build().scores_alone() { 1 } else { u64::from(placement.draws.value) };
    let repeated: Vec<Curves> = (0..draws).map(|draw| run_chosen(&openb, &policy, seed, draw)).collect();
    let curves = published::mean(&repeated.iter().collect::<Vec<_>>());
    let arrivals = order.arrivals.iter().fold(hash(b""), |sum, pod| hash_on(sum, &pod.to_le_bytes()));
    Ok(replicate(seed, arrivals, &curves, &openb))
}

fn replicate(seed: u64, arrivals: u64, curves: &Curves, openb: &Openb) -> Replicate {
    let three = [
        ("gpu_allocation_percent", &curves.alloc),
        ("gpu_fragmentation_percent", &curves.amount),
        ("gpu_fragmentation_of_idle_percent", &curves.ratio),
    ];
    let value = |metric: String, value: f64| Value { metric, unit: "per cent".to_string(), value: Some(value) };
    let mut values: Vec<Value> = three.iter().map(|(name, curve)| value((*name).to_string(), curve[LAST])).collect();
    for (name, curve) in three {
        values.extend(POINTS.map(|point| value(format!("{name}{{demand=\"{point}\"}}"), curve[point])));
    }
    let curve = |(name, means): (&str, &Vec<f64>)| Curve {
        name: name.to_string(),
        unit: "per cent".to_string(),
        means: means.clone(),
        lows: Vec::new(),
    };
    let digest = three.iter().flat_map(|(_, curve)| curve.iter());
    Replicate {
        seed,
        digest: digest.fold(openb.gpus as u64, |sum, value| hash_on(sum, &value.to_bits().to_le_bytes())),
        arrivals,
        values,
        curves: three.map(curve).to_vec(),
        ..Replicate::default()
    }
}
