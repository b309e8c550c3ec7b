//! What is known of every node for one pod template: whether the filters that look at the node alone
//! let it pass, and what the scores that do so sum up to.

use std::ops::Range;

use smallvec::SmallVec;

use crate::cluster::NodeId;
use crate::scheduler::cycle::Verdict;
use crate::scheduler::index::Index;
use crate::scheduler::order::NodeOrder;

/// A node's grades, one of each plugin that grades.
pub(super) type Grades = SmallVec<[i64; 4]>;

/// What the plugins say of a node.
pub(super) type Answer = Result<Kept, Verdict>;

/// What is kept of a node that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The sum of weighted scores that need no normalisation.
    pub(super) sum: i64,
    /// Its grades.
    pub(super) grades: Grades,
    /// Whether the table cannot hold it: too many grades.
    pub(super) unkeepable: bool,
}

/// One row a node, in the order of the list of nodes, split into columns so that a scan runs through
/// as few bytes as possible.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A rejection, or the sum of a node that passes; of a stale row, what it was.
    values: Vec<i32>,
    /// A bit a row: whether it has to be asked for anew.
    stale: Vec<u64>,
    /// A bit a row: whether it is fresh and its node passes.
    passing: Vec<u64>,
    /// Which of `kinds` a node that passes is of, and one that does not was when it last passed.
    kinds_of: Vec<u8>,
    /// The distinct grades met.
    kinds: Vec<Grades>,
    /// By kind: how many rows name it.
    rows_of_kind: Vec<u32>,
    /// The distinct verdicts met so far.
    verdicts: Vec<Verdict>,
    /// Up to where in the log of changed nodes the rows are marked.
    mark: u64,
    /// The list of nodes the rows belong to.
    epoch: u32,
    /// Whether some answer did not fit in, so that the table is of no use.
    pub(super) overflowed: bool,
    /// What the grades depend on besides the template and the node.
    by: SmallVec<[u64; 4]>,
    /// Whether plugins that grade while grades are few met too many.
    pub(super) many_grades: bool,
    /// Whether it was used since the hand of the clock last passed.
    pub(super) used: bool,
}

/// Less than any sum.
const NOTHING: i32 = i32::MIN;
/// Rejected for the reason of number 0; more follow.
const REJECTED: i32 = NOTHING + 1;
/// The kind of a row that never passed.
const NO_KIND: u8 = u8::MAX;
/// Values from here on are sums.
const PASSING: i32 = -(1 << 30);
/// Rows in a word of bits.
const WORD: usize = u64::BITS as usize;

/// By kind: how many rows are of it.
pub(super) type Met = SmallVec<[usize; 32]>;

/// How far a walk came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// Its first row.
    pub(super) start: usize,
    /// How many rows it looked at.
    pub(super) length: usize,
    /// How many of them pass.
    pub(super) passing: usize,
}

impl Walk {
    /// The rows, up to the end of the list and from its begin on.
    pub(super) fn ranges(self, rows: usize) -> [Range<usize>; 2] {
        let end = self.start + self.length;
        [self.start..end.min(rows), 0..end.saturating_sub(rows)]
    }
}

impl Table {
    /// Marks the rows of nodes that changed since the last call; all of them if that is no longer
    /// known or the list of nodes is another.
    pub(super) fn follow(&mut self, index: &Index, order: &NodeOrder) {
        let known = index.changed.since(self.mark).filter(|_| self.epoch == order.epoch());
        match known {
            Some(changed) => {
                changed.iter().filter_map(|node| order.place(*node)).for_each(|place| self.forget(place));
            }
            None => self.clear(order.list().len()),
        }
        self.mark = index.changed.end();
        self.epoch = order.epoch();
    }

    fn clear(&mut self, rows: usize) {
        self.values.clear();
        self.values.resize(rows, NOTHING);
        self.stale.clear();
        self.stale.resize(rows.div_ceil(WORD), u64::MAX);
        self.passing.clear();
        self.passing.resize(rows.div_ceil(WORD), 0);
        self.kinds_of.clear();
        self.kinds_of.resize(rows, NO_KIND);
        self.kinds.clear();
        self.rows_of_kind.clear();
    }

    /// Grades are for these from now on; all rows are asked for anew if they were for others.
    pub(super) fn keep_for(&mut self, by: &SmallVec<[u64; 4]>) {
        if self.by != *by {
            self.by.clone_from(by);
            self.clear(self.rows());
        }
    }

    /// Grades turned out to be too many: nothing is known, and plugins that grade while they are few do not.
    pub(super) fn give_up_grades(&mut self) {
        self.clear(self.rows());
        (self.many_grades, self.overflowed) = (true, false);
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.values.len()
    }

    /// Looks at rows from `start` round the list until `want` pass, asking for those that are stale.
    pub(super) fn walk(&mut self, start: usize, want: usize, mut ask: impl FnMut(usize) -> Answer) -> Walk {
        let mut passing = 0;
        let whole = Walk { start, length: self.rows(), passing };
        for range in whole.ranges(self.rows()) {
            for (word, bits) in words(range) {
                ones(self.stale[word] & bits).for_each(|bit| self.put(word * WORD + bit, ask(word * WORD + bit)));
                let pass = self.passing[word] & bits;
                let here = pass.count_ones() as usize;
                if passing + here >= want {
                    let last = word * WORD + ones(pass).nth(want - passing - 1).unwrap_or(0);
                    let length = if last >= start { last - start + 1 } else { self.rows() - start + last + 1 };
                    return Walk { start, length, passing: want };
                }
                passing += here;
            }
        }
        Walk { passing, ..whole }
    }

    /// Whether the row has to be asked for.
    pub(super) fn is_stale(&self, row: usize) -> bool {
        self.stale[row / WORD] & 1 << (row % WORD) != 0
    }

    /// Whether the node of a fresh row passes.
    pub(super) fn passes(&self, row: usize) -> bool {
        self.passing[row / WORD] & 1 << (row % WORD) != 0
    }

    /// Keeps an answer.
    pub(super) fn put(&mut self, row: usize, answer: Answer) {
        let (word, bit) = (row / WORD, 1 << (row % WORD));
        self.stale[word] &= !bit;
        self.passing[word] &= !bit;
        match answer {
            Err(verdict) => {
                let known = self.verdicts.iter().position(|other| *other == verdict);
                let number = known.unwrap_or_else(|| {
                    self.verdicts.push(verdict);
                    self.verdicts.len() - 1
                });
                self.values[row] = REJECTED + number as i32;
            }
            Ok(kept) => {
                let before = usize::from(self.kinds_of[row]);
                let known = match self.kinds.get(before) {
                    Some(grades) if *grades == kept.grades => Some(before),
                    _ => self.kinds.iter().position(|other| *other == kept.grades),
                };
                let kind = known.unwrap_or_else(|| self.add_kind(kept.grades));
                let limit = i64::from(-PASSING);
                self.overflowed |= kept.unkeepable || kind >= usize::from(NO_KIND) || !(0..limit).contains(&kept.sum);
                if self.overflowed {
                    return;
                }
                self.passing[word] |= bit;
                self.values[row] = kept.sum as i32;
                let before = std::mem::replace(&mut self.kinds_of[row], kind as u8);
                if before != NO_KIND {
                    self.rows_of_kind[usize::from(before)] -= 1;
                }
                self.rows_of_kind[kind] += 1;
            }
        }
    }

    /// Grades not met so far, in the place of some that no row has any more.
    fn add_kind(&mut self, grades: Grades) -> usize {
        if let Some(kind) = self.rows_of_kind.iter().position(|rows| *rows == 0) {
            self.kinds[kind] = grades;
            return kind;
        }
        self.kinds.push(grades);
        self.rows_of_kind.push(0);
        self.kinds.len() - 1
    }

    /// Forgets the answer of a row.
    pub(super) fn forget(&mut self, row: usize) {
        self.stale[row / WORD] |= 1 << (row % WORD);
        self.passing[row / WORD] &= !(1 << (row % WORD));
    }

    /// The rows of a walk that pass, in its order.
    pub(super) fn collect_passing(&self, walk: Walk, rows: &mut Vec<usize>) {
        rows.clear();
        rows.resize(walk.length, 0);
        let mut found = 0;
        for row in walk.ranges(self.rows()).into_iter().flatten() {
            // written first and kept if it passes: no branch to be foretold
            rows[found] = row;
            found += usize::from(self.passes(row));
        }
        rows.truncate(found);
    }

    /// The distinct verdicts, in the order of [`Table::rejection`]'s numbers.
    pub(super) fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// The number of the verdict on a fresh row; `None` if it passes.
    pub(super) fn rejection(&self, row: usize) -> Option<u32> {
        (!self.passes(row)).then(|| (self.values[row] - REJECTED) as u32)
    }

    /// The sum of a row that passes.
    pub(super) fn sum(&self, row: usize) -> i64 {
        i64::from(self.values[row])
    }

    /// The distinct grades, in the order of [`Table::kind`].
    pub(super) fn kinds(&self) -> &[Grades] {
        &self.kinds
    }

    /// Whether all rows that ever passed are of one kind.
    pub(super) fn has_one_kind(&self) -> bool {
        self.rows_of_kind.iter().filter(|rows| **rows > 0).count() == 1
    }

    /// Which kind a row that passes is of.
    pub(super) fn kind(&self, row: usize) -> usize {
        usize::from(self.kinds_of[row])
    }

    /// By kind: how many rows of a walk pass.
    pub(super) fn met(&self, walk: Walk) -> Met {
        // neighbours are often of one kind: counted in turn apart, they do not wait for one another
        let mut met = [[0u32; 256]; 2];
        let [even, odd] = &mut met;
        let count = |met: &mut [u32; 256], kind: u8| {
            let n = &mut met[usize::from(kind)];
            *n = n.wrapping_add(1);
        };
        for (word, bits) in walk.ranges(self.rows()).into_iter().flat_map(words) {
            let passing = self.passing[word] & bits;
            if passing == u64::MAX {
                for pair in self.kinds_of[word * WORD..][..WORD].chunks_exact(2) {
                    count(even, pair[0]);
                    count(odd, pair[1]);
                }
            } else {
                ones(passing).for_each(|bit| count(even, self.kinds_of[word * WORD + bit]));
            }
        }
        (0..self.kinds.len()).map(|kind| (even[kind] + odd[kind]) as usize).collect()
    }

    /// For each row of a walk its sum and what its kind brings; [`i32::MIN`] for rows that do not pass. False if
    /// they could be too large.
    pub(super) fn add_up(&self, walk: Walk, bonus: &[i64], totals: &mut Vec<i32>) -> bool {
        if bonus.iter().any(|bonus| !(0..i64::from(-PASSING)).contains(bonus)) {
            return false;
        }
        let mut small = [0; 256]; // by any kind there can be, so that none is out of bounds
        small.iter_mut().zip(bonus).for_each(|(small, bonus)| *small = *bonus as i32);
        totals.clear();
        for range in walk.ranges(self.rows()) {
            let rows = self.values[range.clone()].iter().zip(&self.kinds_of[range]);
            let total = |value: i32, kind: u8| value.wrapping_add(small[usize::from(kind)]); // below 2^31 by the checks
            totals.extend(rows.map(|(value, kind)| if *value >= PASSING { total(*value, *kind) } else { i32::MIN }));
        }
        true
    }

    /// The largest sum among rows that pass, and how many of them have it. Right only if all are of
    /// one kind.
    pub(super) fn best(&self, walk: Walk) -> (i32, usize) {
        let ranges = walk.ranges(self.rows());
        let max = |range: &Range<usize>| self.values[range.clone()].iter().fold(NOTHING, |max, value| max.max(*value));
        let best = ranges.iter().map(max).max().unwrap_or(NOTHING);
        let equal = |range: &Range<usize>| {
            self.values[range.clone()].iter().fold(0u32, |n, value| n.wrapping_add(u32::from(*value == best)))
        };
        (best, ranges.iter().map(equal).sum::<u32>() as usize)
    }

    /// The `n`-th row (from 0) of the walk with this value.
    pub(super) fn nth_with(&self, walk: Walk, value: i32, n: usize) -> Option<usize> {
        let rows = walk.ranges(self.rows()).into_iter().flatten();
        rows.filter(|row| self.values[*row] == value).nth(n)
    }
}

/// The words that hold the bits of these rows, and which of their bits are.
fn words(rows: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    (rows.start / WORD..rows.end.div_ceil(WORD)).map(move |word| {
        let (from, to) = (rows.start.saturating_sub(word * WORD), (rows.end - word * WORD).min(WORD));
        (word, u64::MAX << from & u64::MAX >> (WORD - to))
    })
}

/// The places of the bits that are set, in order.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (bits != 0).then_some(bits.trailing_zeros() as usize);
        bits &= bits.wrapping_sub(1);
        next
    })
}

/// The nodes of a walk that pass.
pub(super) fn passing<'t>(
    table: &'t Table,
    walk: Walk,
    list: &'t [NodeId],
) -> impl Iterator<Item = (usize, NodeId)> + 't {
    let rows = walk.ranges(table.rows()).into_iter().flatten();
    rows.filter(|row| table.passes(*row)).map(|row| (row, list[row]))
}
