//! The score cache: exactly the answer of the plain scan of nodes, without asking what is known.
//!
//! Pods of one template meet the same answers on a node until the node or its pods change. So for each
//! profile and template a [`Table`] keeps, node by node, the verdict of the filters that look at the
//! node alone and the sum of the scores that do; between two decisions only the rows of changed nodes
//! are asked anew, and only when a search comes to them. What depends on other nodes (spread, pod
//! affinity, volumes; grades whose score depends on the best) is added in each decision ([`scan`]).
//!
//! Sampling and rotation are untouched: a search looks at the same nodes in the same order. The tests
//! hold the cache to the plain scan's answers, `tests/differential.rs`.

mod scan;
mod table;

pub(crate) use scan::{Scanned, scan};

use crate::cluster::SpecId;

use super::index::Index;
use super::order::NodeOrder;
use scan::Buffers;
use table::Table;

/// Tables by profile and pod template.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    tables: Vec<Table>,
    /// What each table is for.
    owners: Vec<(usize, SpecId)>,
    /// By profile and template: number of the table, or [`NONE`].
    numbers: Vec<Vec<u32>>,
    /// Where the search for a table to give up begins.
    hand: usize,
    buffers: Buffers,
}

const NONE: u32 = u32::MAX;
/// Rows kept at most, five bytes each: tables of templates not seen for a while are given up.
const ROWS: usize = 8 << 20;
/// Tables kept at least.
const TABLES: usize = 8;

impl Cache {
    /// The table of a profile and template, marked with what changed since its last use.
    fn table(&mut self, profile: usize, spec: SpecId, index: &Index, order: &NodeOrder) -> usize {
        let known = self.numbers.get(profile).and_then(|numbers| numbers.get(spec.index()));
        let number = match known.filter(|number| **number != NONE) {
            Some(number) => *number as usize,
            None => self.make(profile, spec, order.list().len()),
        };
        self.tables[number].used = true;
        self.tables[number].follow(index, order);
        number
    }

    /// A table for a template that has none: a new one or, when there are enough, one that was not used
    /// since the hand last came by (the "clock" approximation of least recently used).
    fn make(&mut self, profile: usize, spec: SpecId, rows: usize) -> usize {
        let number = if self.tables.len() < TABLES.max(ROWS / rows.max(1)) {
            self.tables.push(Table::default());
            self.owners.push((profile, spec));
            self.tables.len() - 1
        } else {
            while std::mem::take(&mut self.tables[self.hand].used) {
                self.hand = (self.hand + 1) % self.tables.len();
            }
            let (profile, spec) = std::mem::replace(&mut self.owners[self.hand], (profile, spec));
            self.numbers[profile][spec.index()] = NONE;
            self.tables[self.hand] = Table::default();
            self.hand
        };
        if self.numbers.len() <= profile {
            self.numbers.resize(profile + 1, Vec::new());
        }
        let numbers = &mut self.numbers[profile];
        if numbers.len() <= spec.index() {
            numbers.resize(spec.index() + 1, NONE);
        }
        numbers[spec.index()] = number as u32;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_not_used_since_the_hand_came_by_are_given_up() {
        let (index, order) = (Index::default(), NodeOrder::default());
        let mut cache = Cache::default();
        let numbers: Vec<usize> = (0..3).map(|spec| cache.table(0, SpecId(spec), &index, &order)).collect();
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(cache.make(0, SpecId(7), usize::MAX), 3, "there is room for {TABLES}");
        (8..12).for_each(|spec| {
            cache.make(1, SpecId(spec), usize::MAX);
        });
        let number = cache.make(1, SpecId(20), usize::MAX);
        assert_eq!(number, 3, "the first that was never looked up");
        assert_eq!(cache.numbers[0][7], NONE);
        assert_eq!(cache.numbers[1][20], 3);
    }
}
