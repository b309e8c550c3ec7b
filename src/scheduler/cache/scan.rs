//! A search for a node by what is kept.

use smallvec::SmallVec;

use crate::cluster::{NodeId, SpecId};
use crate::scheduler::cycle::{Cycle, KeptPlugins, Verdict};
use crate::scheduler::diagnosis::Rejections;
use crate::scheduler::framework::NodeView;
use crate::scheduler::order::NodeOrder;
use crate::scheduler::search::{Sample, Ties};

use super::Cache;
use super::table::{Answer, Grades, Kept, Met, Table, Walk, passing};

/// What a search came to.
#[derive(Debug)]
pub(crate) struct Scanned {
    /// The node taken, if any passed all filters.
    pub chosen: Option<NodeId>,
    /// How many nodes were looked at.
    pub walked: usize,
    /// If none passed: why.
    pub rejections: Rejections,
}

/// Room used again by each search.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Rows that pass all filters.
    rows: Vec<usize>,
    /// Their nodes.
    nodes: Vec<NodeId>,
    /// Their totals.
    totals: Vec<i64>,
    /// Totals of the rows of a walk.
    kept_totals: Vec<i32>,
    scores: Vec<i64>,
    /// Verdicts of filters that look at more than the node, in the order met.
    late: Vec<Verdict>,
    /// Rows whose nodes are nominated to some other pod.
    reserved: Vec<usize>,
}

/// A running search.
struct Scan<'s, 'a, 'c> {
    cycle: &'s mut Cycle<'a, 'c>,
    table: &'s mut Table,
    buffers: &'s mut Buffers,
    list: &'s [NodeId],
    /// How many of the cycle's filters look at the node alone.
    filters: usize,
    plugins: KeptPlugins,
}

/// Searches by the table of the profile and template. `None` if the cache cannot give the plain scan's
/// answer, which must be asked for then.
pub(crate) fn scan(
    cycle: &mut Cycle<'_, '_>,
    cache: &mut Cache,
    (profile, spec): (usize, SpecId),
    order: &NodeOrder,
    sample: Sample,
    ties: &mut Ties<'_>,
) -> Option<Scanned> {
    let filters = cycle.node_filters().filter(|_| cycle.pre.only.is_none())?;
    // nodes may have gone since the last search set the place
    let sample = Sample { start: sample.start % order.list().len().max(1), ..sample };
    let number = cache.table(profile, spec, cycle.cx.index, order);
    let Cache { tables, buffers, .. } = cache;
    let table = &mut tables[number];
    let list = order.list();
    loop {
        if table.overflowed {
            return None;
        }
        let plugins = cycle.kept_plugins(!table.many_grades);
        table.keep_for(&plugins.by);
        let scan = Scan { cycle, table, buffers, list, filters, plugins };
        let scanned = scan.run(order, sample, ties);
        if scanned.is_some() || table.many_grades {
            return scanned;
        }
        table.give_up_grades();
    }
}

impl Scan<'_, '_, '_> {
    /// `None` if some answer could not be kept; nothing is drawn then.
    fn run(mut self, order: &NodeOrder, sample: Sample, ties: &mut Ties<'_>) -> Option<Scanned> {
        self.reserve(order);
        let late = self.filters < self.cycle.pre.filters.len();
        let walk = if late { self.walk_late(sample) } else { self.walk(sample) };
        let chosen = if self.table.overflowed { None } else { self.choose(walk, late, ties) };
        let rejections = if walk.passing == 0 { self.rejections(walk) } else { Rejections::default() };
        self.release();
        (!self.table.overflowed).then_some(Scanned { chosen, walked: walk.length, rejections })
    }

    /// Room on nodes is reserved for nominated pods: such a node that does not pass with them is
    /// rejected in this search.
    fn reserve(&mut self, order: &NodeOrder) {
        self.buffers.reserved.clear();
        if self.cycle.nominator.is_empty() {
            return;
        }
        let (pod, priority, cluster) = (self.cycle.cx.pod, self.cycle.cx.spec.priority, self.cycle.cx.cluster);
        for id in self.cycle.nominator.nodes_reserved(pod, priority, cluster) {
            let Some((row, node)) = order.place(id).zip(cluster.node(id)) else { continue };
            if let Err(verdict) = self.cycle.check(id, node) {
                self.table.put(row, Err(verdict));
                self.buffers.reserved.push(row);
            }
        }
    }

    fn release(&mut self) {
        for row in self.buffers.reserved.drain(..) {
            self.table.forget(row);
        }
    }

    fn walk(&mut self, sample: Sample) -> Walk {
        let Scan { cycle, table, list, filters, plugins, .. } = self;
        table.walk(sample.start, sample.want, |row| ask(cycle, plugins, *filters, list[row]))
    }

    /// As [`Scan::walk`], the nodes that pass being asked for by the other filters as well.
    fn walk_late(&mut self, sample: Sample) -> Walk {
        self.buffers.rows.clear();
        self.buffers.late.clear();
        let whole = Walk { start: sample.start, length: self.table.rows(), passing: 0 };
        for (step, row) in whole.ranges(self.table.rows()).into_iter().flatten().enumerate() {
            if self.table.is_stale(row) {
                let answer = ask(self.cycle, &self.plugins, self.filters, self.list[row]);
                self.table.put(row, answer);
            }
            if !self.table.passes(row) {
                continue;
            }
            let Some(node) = self.cycle.cx.cluster.node(self.list[row]) else { continue };
            match self.cycle.run_filters(self.filters.., &NodeView::of(self.list[row], node)) {
                Ok(()) => self.buffers.rows.push(row),
                Err(verdict) => self.buffers.late.push(verdict),
            }
            if self.buffers.rows.len() >= sample.want {
                return Walk { length: step + 1, passing: sample.want, ..whole };
            }
        }
        Walk { passing: self.buffers.rows.len(), ..whole }
    }

    fn choose(&mut self, walk: Walk, late: bool, ties: &mut Ties<'_>) -> Option<NodeId> {
        let row = match walk.passing {
            0 => return None,
            1 if late => self.buffers.rows[0],
            1 => passing(self.table, walk, self.list).next()?.0,
            _ if !late && self.plugins.others.is_empty() && self.table.has_one_kind() => {
                let (best, n) = self.table.best(walk);
                self.table.nth_with(walk, best, ties.pick(n))?
            }
            _ if !late && self.plugins.others.is_empty() => self.choose_by_kinds(walk, ties)?,
            _ => self.choose_by_totals(walk, late, ties)?,
        };
        Some(self.list[row])
    }

    /// All that counts is kept: rows differ in their sums and in what their kinds bring.
    fn choose_by_kinds(&mut self, walk: Walk, ties: &mut Ties<'_>) -> Option<usize> {
        let bonus = self.bonus(&self.table.met(walk));
        if !self.table.add_up(walk, &bonus, &mut self.buffers.kept_totals) {
            return self.choose_by_totals(walk, false, ties);
        }
        let totals = &self.buffers.kept_totals;
        let best = totals.iter().fold(i32::MIN, |max, total| max.max(*total));
        let n = totals.iter().fold(0u32, |n, total| n.wrapping_add(u32::from(*total == best)));
        let chosen = ties.pick(n as usize);
        let (step, _) = totals.iter().enumerate().filter(|(_, total)| **total == best).nth(chosen)?;
        Some((walk.start + step) % self.table.rows())
    }

    /// Adds up everything, node by node.
    fn choose_by_totals(&mut self, walk: Walk, late: bool, ties: &mut Ties<'_>) -> Option<usize> {
        if !late {
            self.table.collect_passing(walk, &mut self.buffers.rows);
        }
        let mut met = Met::from_elem(0, self.table.kinds().len());
        self.buffers.rows.iter().for_each(|row| met[self.table.kind(*row)] += 1);
        let bonus = self.bonus(&met);
        let (rows, list, table) = (&self.buffers.rows, self.list, &self.table);
        self.buffers.nodes.clear();
        self.buffers.nodes.extend(rows.iter().map(|row| list[*row]));
        self.buffers.totals.clear();
        self.buffers.totals.extend(rows.iter().map(|row| table.sum(*row) + bonus[table.kind(*row)]));
        for &(plugin, weight) in &self.plugins.others {
            let Buffers { nodes, totals, scores, .. } = &mut *self.buffers;
            if self.cycle.score_with(plugin, nodes, scores) {
                totals.iter_mut().zip(scores).for_each(|(total, score)| *total += *score * weight);
            }
        }
        let (mut best, mut n) = (i64::MIN, 0);
        for &total in &self.buffers.totals {
            (best, n) = if total > best { (total, 1) } else { (best, n + usize::from(total == best)) };
        }
        let chosen = ties.pick(n);
        let mut top = self.buffers.rows.iter().zip(&self.buffers.totals).filter(|(_, total)| **total == best);
        top.nth(chosen).map(|(row, _)| *row)
    }

    /// By kind: what the grades of the rows found feasible bring, of which so many were met; 0 for kinds not met.
    fn bonus(&mut self, met: &Met) -> SmallVec<[i64; 32]> {
        let kinds: SmallVec<[usize; 32]> = (0..met.len()).filter(|kind| met[*kind] > 0).collect();
        let nodes: SmallVec<[usize; 32]> = kinds.iter().map(|kind| met[*kind]).collect();
        let mut bonus = SmallVec::from_elem(0, met.len());
        for (position, &(plugin, weight)) in self.plugins.graded.iter().enumerate() {
            let mut grades: SmallVec<[i64; 32]> =
                kinds.iter().map(|kind| self.table.kinds()[*kind][position]).collect();
            if self.cycle.score_grades(plugin, &nodes, &mut grades) {
                kinds.iter().zip(grades).for_each(|(kind, score)| bonus[*kind] += weight * score);
            }
        }
        bonus
    }

    /// Why none of the nodes passed, in the order in which they were looked at.
    fn rejections(&mut self, walk: Walk) -> Rejections {
        let mut rejections = Rejections::of(self.table.verdicts().to_vec());
        let mut late = self.buffers.late.drain(..);
        for row in walk.ranges(self.table.rows()).into_iter().flatten() {
            match self.table.rejection(row) {
                Some(number) => rejections.push_known(self.list[row], number),
                None => rejections.extend(late.next().map(|verdict| (self.list[row], verdict))),
            }
        }
        rejections
    }
}

/// Asks the filters and scores that look at the node alone.
fn ask(cycle: &Cycle<'_, '_>, plugins: &KeptPlugins, filters: usize, id: NodeId) -> Answer {
    let Some(node) = cycle.cx.cluster.node(id) else {
        return Ok(Kept { sum: 0, grades: Grades::new(), unkeepable: true });
    };
    cycle.run_filters(..filters, &NodeView::of(id, node))?;
    let scored = |plugin: usize| cycle.profile.plugins[plugin].as_ref().map_or(0, |one| one.score(&cycle.cx, id, node));
    let sum = plugins.summed.iter().map(|(plugin, weight)| weight * scored(*plugin)).sum();
    let mut unkeepable = false;
    let grades = plugins.graded.iter().map(|(plugin, _)| {
        let grade = cycle.profile.plugins[*plugin].as_ref().and_then(|one| one.grade(&cycle.cx, id, node));
        unkeepable |= grade.is_none();
        grade.unwrap_or(0)
    });
    let grades = grades.collect();
    Ok(Kept { sum, grades, unkeepable })
}
