//! Critical-difference diagram: mean ranks on a line, and bars over arms that cannot be told apart.
//!
//! Source: Demšar, JMLR 7, 2006.

use crate::outcome::comparison::{Compared, Comparison};
use crate::report::comparison::{about, footer, p_value};
use crate::report::format::short;

use super::super::canvas::{BLUE, GREY, INK, PALE, picture};
use super::super::paint::{Hold, Picture};
use super::super::study::foot;

const LEFT: i32 = 300;
const RIGHT: i32 = 700;
const TOP: i32 = 150;
const ROW: i32 = 24;

/// The picture; `None` without ranks.
pub(super) fn draw(comparison: &Comparison, metric: &Compared) -> Option<Picture> {
    let ranking = metric.ranking.as_ref()?;
    let k = ranking.mean_ranks.len();
    let mut ranked: Vec<(&String, f64)> = comparison.arms.iter().zip(ranking.mean_ranks.iter().copied()).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let x = |rank: f64| LEFT + ((rank - 1.0) / (k as f64 - 1.0).max(1.0) * f64::from(RIGHT - LEFT)).round() as i32;
    let bars = groups(&ranked.iter().map(|(_, rank)| *rank).collect::<Vec<_>>(), ranking.critical_difference);
    let lines = TOP + 18 + 10 * bars.len() as i32;
    let bottom = lines + ROW * k.div_ceil(2) as i32 + 10;
    Some(picture(1000, bottom as u32 + 50, |canvas| {
        canvas.title(
            &format!("{}: ranks by {}", comparison.name, metric.metric),
            &format!("mean rank over {} blocks, 1 the best; {}", ranking.blocks, about(metric)),
        );
        canvas.line(&[(LEFT, TOP), (RIGHT, TOP)], &INK, 1);
        for rank in 1..=k {
            canvas.line(&[(x(rank as f64), TOP - 6), (x(rank as f64), TOP)], &INK, 1);
            canvas.text((x(rank as f64), TOP - 16), &rank.to_string(), 12.0, Hold::Middle, GREY);
        }
        let cd = x(1.0 + ranking.critical_difference).min(RIGHT + 200) - LEFT;
        canvas.line(&[(LEFT, TOP - 48), (LEFT + cd, TOP - 48)], &INK, 2);
        for end in [LEFT, LEFT + cd] {
            canvas.line(&[(end, TOP - 52), (end, TOP - 44)], &INK, 2);
        }
        let words = format!("critical difference {}", short(ranking.critical_difference));
        canvas.text((LEFT + cd + 8, TOP - 48), &words, 12.0, Hold::Left, INK);
        for (index, (from, to)) in bars.iter().enumerate() {
            let y = TOP + 10 + 10 * index as i32;
            canvas.block((x(ranked[*from].1) - 4, y - 2), (x(ranked[*to].1) + 4, y + 2), &BLUE);
        }
        for (index, (name, rank)) in ranked.iter().enumerate() {
            let on_left = index < k.div_ceil(2);
            let row = if on_left { index } else { k - 1 - index };
            let y = lines + ROW * row as i32;
            let end = if on_left { LEFT - 24 } else { RIGHT + 24 };
            canvas.line(&[(x(*rank), TOP), (x(*rank), y), (end, y)], &GREY, 1);
            let words = format!("{name}  {rank:.2}");
            let hold = if on_left { Hold::Right } else { Hold::Left };
            canvas.text((if on_left { end - 6 } else { end + 6 }, y), &words, 12.0, hold, INK);
        }
        canvas.line(&[(24, bottom + 8), (976, bottom + 8)], &PALE, 1);
        let p = p_value(ranking.f.1);
        let method = format!("Friedman (Iman-Davenport p {p}), Nemenyi at 0.05; bars join what cannot be told apart");
        foot(canvas, bottom + 28, &footer(comparison, &method));
    }))
}

/// The longest runs of sorted ranks that differ by less than `cd`: first and last, none within another.
fn groups(sorted: &[f64], cd: f64) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    for (from, rank) in sorted.iter().enumerate() {
        let to = sorted.iter().rposition(|other| other - rank < cd).unwrap_or(from);
        if to > from && groups.last().is_none_or(|(_, last)| to > *last) {
            groups.push((from, to));
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_join_what_cannot_be_told_apart() {
        assert_eq!(groups(&[1.0, 2.0, 2.5, 4.0], 1.2), [(0, 1), (1, 2)]);
        assert_eq!(groups(&[1.0, 3.0], 1.0), []);
        assert_eq!(groups(&[1.0, 1.5, 2.0], 5.0), [(0, 2)]);
    }
}
