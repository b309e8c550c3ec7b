//! Ranks with ties, the ground of the rank tests.

/// The rank of each value, from 1 for the smallest; equal values share the mean of their ranks.
pub fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let first = order.partition_point(|&index| values[index] < values[group[0]]);
        let shared = first as f64 + 0.5 * (group.len() + 1) as f64;
        group.iter().for_each(|&index| ranks[index] = shared);
    }
    ranks
}

/// Σ (t³ − t) over the groups of t equal values, which the rank tests correct for.
pub fn tie_sum(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let cube = |group: &[f64]| {
        let t = group.len() as f64;
        t * t * t - t
    };
    sorted.chunk_by(|a, b| a == b).map(cube).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(mid_ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(tie_sum(&[3.0, 1.0, 3.0, 2.0, 3.0]), 24.0);
        assert_eq!(mid_ranks(&[]), [0.0; 0]);
    }
}
