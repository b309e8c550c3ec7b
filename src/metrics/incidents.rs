//! Incidents: what one fault, or one planned disruption, did to one workload, instant by instant.
//!
//! A fault opens an incident for each workload with active pods on the nodes it strikes (or among the
//! pods it strikes). Those pods are *hit*. Each then either **goes** (marked, removed or failed) or
//! comes **back** (serves on a node that is heard and Ready). A pod of the workload that is created
//! while more hit pods have gone than were replaced is a **replacement**.
//!
//! The workload is *whole* when serving ≥ min(what it was, desired); what it was is what was desired
//! when the fault struck, or what served then if it had never been complete. The incident closes once it is whole and no hit pod is undecided; `whole` is when the present stretch of being
//! whole began (the fault itself if service never dipped). While incidents of one workload overlap
//! they share the first one's target, and each may also close when its own losses are made good:
//! every pod that went has a replacement that serves.
//!
//! In a planned disruption (drain) the hit pods still run, so only going decides them.

mod end;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::{Cluster, NodeId, PodId, Status};
use crate::engine::Time;
use crate::outcome::{Incident, Layout};

use super::attribution::Blame;
use super::facts::Facts;
use super::incident::{Open, Part, Strike, is_on_good_node, names_of, new_record, nodes_of};
use super::workloads::Workloads;

/// All incidents, numbered as they open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incidents {
    /// What came of those that are over; nothing yet of the others.
    records: Vec<Incident>,
    /// Those that news can still change: open, or waiting for their nodes.
    live: BTreeMap<u32, Box<Open>>,
    parts: FxHashMap<PodId, (u32, Part)>,
    /// Incidents that wait for news of a node.
    watching: BTreeMap<NodeId, Vec<u32>>,
    just_closed: Vec<u32>,
    /// Incidents whose hit pods are looked at once more after the instant of the fault.
    fresh: VecDeque<(u32, Time)>,
    /// What was missing that no incident lacked, and whose fault it is.
    blame: Blame,
}

impl Incidents {
    /// None yet; these faults can bring them about.
    pub(crate) fn among(faults: Rc<[String]>) -> Self {
        Incidents { blame: Blame::among(faults), ..Incidents::default() }
    }

    /// Opens the incidents of a fault or disruption. `layout` gives a workload's layout before.
    pub(crate) fn open(
        &mut self,
        strike: &Strike<'_>,
        cluster: &Cluster,
        workloads: &mut Workloads,
        layout: impl Fn(&Workloads, u32) -> Layout,
    ) {
        let mut struck = strike.nodes.to_vec();
        struck.sort_unstable();
        for (workload, pods) in self.hit_by_workload(strike, cluster, workloads) {
            let nodes = nodes_of(&pods, &struck, cluster);
            let names = if nodes == strike.nodes { strike.names.clone() } else { names_of(&nodes, cluster) };
            let before = layout(workloads, workload);
            let record = new_record(strike, (&nodes, names), &workloads.list[workload as usize], before, cluster);
            self.open_one(record, workload, pods, nodes, workloads, cluster.now);
        }
    }

    /// The active pods struck, by workload. A pod that an open incident still waits for stays with that
    /// one, which counts another strike; but what a planned disruption has not moved yet is a fault's to take.
    fn hit_by_workload(
        &mut self,
        strike: &Strike<'_>,
        cluster: &Cluster,
        workloads: &mut Workloads,
    ) -> BTreeMap<u32, Vec<PodId>> {
        let on_nodes = strike.nodes.iter().filter_map(|node| cluster.node(*node)).flat_map(|node| &node.pods);
        let mut pods: Vec<PodId> = on_nodes.chain(strike.pods).copied().collect();
        pods.sort_unstable();
        pods.dedup();
        let mut by_workload: BTreeMap<u32, Vec<PodId>> = BTreeMap::new();
        let mut struck_again: Vec<u32> = Vec::new();
        for pod in pods {
            let tracked = workloads.tracked(pod);
            if !tracked.facts.has(Facts::ACTIVE) {
                continue;
            }
            let workload = tracked.workload;
            if let Some(&(incident, part @ Part::Hit { .. })) = self.parts.get(&pod) {
                if strike.planned || !self.live(incident).record.planned {
                    struck_again.push(incident);
                    continue;
                }
                self.attribute(workload, cluster.now, workloads);
                self.parts.remove(&pod);
                self.live(incident).hit_becomes(part, None);
            }
            by_workload.entry(workload).or_default().push(pod);
        }
        by_workload.keys().for_each(|workload| self.settle(*workload, cluster.now, workloads));
        struck_again.sort_unstable();
        struck_again.dedup();
        for incident in struck_again {
            self.live(incident).record.struck_again += 1;
        }
        by_workload
    }

    fn open_one(
        &mut self,
        mut record: Incident,
        workload: u32,
        pods: Vec<PodId>,
        nodes: Vec<NodeId>,
        workloads: &mut Workloads,
        now: Time,
    ) {
        self.attribute(workload, now, workloads);
        let number = self.records.len() as u32;
        record.pods_hit = pods.len() as u32;
        let mut away = 0;
        for &pod in &pods {
            self.leave(pod);
            let serving = workloads.tracked(pod).facts.has(Facts::SERVING);
            away += u32::from(!serving);
            self.parts.insert(pod, (number, Part::Hit { serving }));
            workloads.involve(pod, true);
        }
        for &node in &nodes {
            self.watching.entry(node).or_default().push(number);
        }
        let state = &mut workloads.list[workload as usize];
        state.await_whole(now);
        record.overlapping = !state.open.is_empty();
        for other in &state.open {
            self.live(*other).record.overlapping = true;
        }
        let state = &mut workloads.list[workload as usize];
        state.open.push(number);
        self.fresh.push_back((number, now));
        self.records.push(Incident::default());
        let open = Open {
            record,
            workload,
            unheard: nodes,
            undecided: pods.len() as u32,
            away,
            members: pods,
            owed: 0,
            unreplaced: 0,
            area_at_fault: state.unavailable.area_at(now),
            closed: false,
        };
        self.live.insert(number, Box::new(open));
    }

    /// An incident that is not over.
    ///
    /// # Panics
    /// If it is.
    fn live(&mut self, number: u32) -> &mut Open {
        self.live.get_mut(&number).unwrap_or_else(|| panic!("incident {number} is over"))
    }

    /// No news changes it any more.
    fn retire(&mut self, number: u32) {
        if let Some(over) = self.live.remove(&number) {
            self.records[number as usize] = over.record;
        }
    }

    /// A pod struck again as part of a new incident has no part in the old one any more.
    fn leave(&mut self, pod: PodId) {
        if let Some((incident, Part::Replacement { serving, .. })) = self.parts.remove(&pod) {
            let open = self.live(incident);
            if serving {
                open.owed += 1;
            }
            // The new incident has it replaced; the old one then waits for that through the target.
        }
    }

    /// A pod was `created` or changed; its workload's counts are up to date.
    pub(crate) fn pod_changed(&mut self, pod: PodId, created: bool, cluster: &Cluster, workloads: &mut Workloads) {
        let workload = workloads.tracked(pod).workload;
        if workloads.list[workload as usize].open.is_empty() {
            return;
        }
        self.attribute(workload, cluster.now, workloads);
        if created {
            self.pod_created(pod, workload, workloads, cluster.now);
        }
        if workloads.tracked(pod).facts.has(Facts::INVOLVED) {
            self.part_changed(pod, cluster, workloads);
        }
        self.settle(workload, cluster.now, workloads);
    }

    /// A pod created while incidents are open replaces one that went, or is extra churn.
    fn pod_created(&mut self, pod: PodId, workload: u32, workloads: &mut Workloads, now: Time) {
        let open = &workloads.list[workload as usize].open;
        let short = open.iter().copied().find(|incident| self.live(*incident).unreplaced > 0);
        let Some(incident) = short else {
            self.live(open[0]).record.pods_extra += 1;
            return;
        };
        let state = self.live(incident);
        state.unreplaced -= 1;
        state.record.pods_replaced += 1;
        state.record.first_created.get_or_insert(now);
        state.record.last_created = Some(now);
        state.members.push(pod);
        self.parts.insert(pod, (incident, Part::Replacement { bound: false, serving: false }));
        workloads.involve(pod, true);
    }

    /// A pod with a part in an incident changed.
    fn part_changed(&mut self, pod: PodId, cluster: &Cluster, workloads: &mut Workloads) {
        let Some(&(incident, part)) = self.parts.get(&pod) else { return };
        let facts = workloads.tracked(pod).facts;
        let next = match part {
            Part::Hit { .. } | Part::Back => self.hit_changed(incident, pod, part, facts, cluster, workloads),
            Part::Replacement { bound, serving } => {
                self.replacement_changed(incident, (bound, serving), facts, cluster.now)
            }
        };
        match next {
            Some(next) => {
                self.parts.insert(pod, (incident, next));
            }
            None => {
                self.parts.remove(&pod);
                workloads.involve(pod, false);
            }
        }
    }

    fn hit_changed(
        &mut self,
        incident: u32,
        pod: PodId,
        part: Part,
        facts: Facts,
        cluster: &Cluster,
        workloads: &mut Workloads,
    ) -> Option<Part> {
        let now = cluster.now;
        let open = self.live(incident);
        // with a node struck, the control plane knows when it knows of the node
        if open.record.nodes.is_empty() && !facts.has(Facts::READY) {
            open.record.detected.get_or_insert(now);
        }
        if !facts.has(Facts::ACTIVE) {
            open.hit_becomes(part, None);
            if !facts.has(Facts::SUCCEEDED) {
                open.pod_went(now);
                let workload = &mut workloads.list[open.workload as usize];
                if workload.bare {
                    workload.shift(now, 1, 0, 0); // nobody replaces it: it is missed for good
                }
            }
            return None;
        }
        let back = facts.has(Facts::SERVING)
            && now > open.record.fault
            && !open.record.planned
            && is_on_good_node(pod, cluster);
        let next = if back { Part::Back } else { Part::Hit { serving: facts.has(Facts::SERVING) } };
        if back && part != Part::Back {
            open.record.last_ready = Some(now);
        }
        open.hit_becomes(part, Some(next));
        Some(next)
    }

    fn replacement_changed(&mut self, incident: u32, was: (bool, bool), facts: Facts, now: Time) -> Option<Part> {
        let open = self.live(incident);
        let bound = facts.has(Facts::BOUND);
        let serving = facts.has(Facts::SERVING);
        if bound && !was.0 {
            open.record.first_scheduled.get_or_insert(now);
            open.record.last_scheduled = Some(now);
        }
        match (was.1, serving) {
            (false, true) => {
                open.owed = open.owed.saturating_sub(1);
                open.record.last_ready = Some(now);
            }
            (true, false) => open.owed += 1,
            _ => (),
        }
        if !facts.has(Facts::ACTIVE) {
            open.unreplaced += 1; // it needs a replacement itself
            return None;
        }
        Some(Part::Replacement { bound, serving })
    }

    /// A node's Ready condition, machine or existence changed: of interest to incidents that wait for it, and to those of
    /// pods on it.
    pub(crate) fn node_changed(&mut self, node: NodeId, cluster: &Cluster, workloads: &mut Workloads) {
        let mut numbers = self.watching.remove(&node).unwrap_or_default();
        numbers.retain(|number| self.live.contains_key(number));
        let here = cluster.node(node).map_or(&[][..], |node| &node.pods);
        let is_involved = |pod: &PodId| workloads.tracked(*pod).facts.has(Facts::INVOLVED);
        let pods: SmallVec<[PodId; 16]> = here.iter().copied().filter(is_involved).collect();
        let of_pods = pods.iter().map(|pod| workloads.tracked(*pod).workload);
        let mut of: SmallVec<[u32; 16]> = of_pods.collect();
        of.extend(numbers.iter().map(|number| self.live(*number).workload));
        of.sort_unstable();
        of.dedup();
        for &workload in &of {
            self.attribute(workload, cluster.now, workloads);
        }
        self.tell_watchers(node, numbers, cluster);
        for pod in pods {
            self.part_changed(pod, cluster, workloads);
        }
        for workload in of {
            self.settle(workload, cluster.now, workloads);
        }
    }

    /// What a node's change means for the incidents that wait for it.
    fn tell_watchers(&mut self, node: NodeId, mut numbers: Vec<u32>, cluster: &Cluster) {
        let state = cluster.node(node);
        let ready = state.is_some_and(|node| node.ready.status == Status::True);
        let heard = state.is_some_and(|node| node.machine.is_heard());
        numbers.retain(|&number| {
            let open = self.live(number);
            if !ready && !open.closed {
                open.record.detected.get_or_insert(cluster.now);
            }
            if heard && cluster.now > open.record.fault && !open.record.planned {
                open.unheard.retain(|unheard| *unheard != node);
                if open.unheard.is_empty() {
                    open.record.returned.get_or_insert(cluster.now);
                }
            }
            let waits = !open.closed || open.awaits_nodes();
            if !waits {
                self.retire(number);
            }
            waits
        });
        if !numbers.is_empty() {
            self.watching.insert(node, numbers);
        }
    }

    /// Notes the lowest service and closes the incidents of a workload that are over.
    pub(crate) fn settle(&mut self, workload: u32, now: Time, workloads: &mut Workloads) {
        if workloads.list[workload as usize].open.is_empty() {
            return;
        }
        self.attribute(workload, now, workloads);
        let mut open = std::mem::take(&mut workloads.list[workload as usize].open);
        let serving = workloads.list[workload as usize].serving.value() as u32;
        open.retain(|&number| {
            let incident = self.live(number);
            incident.record.serving_lowest = incident.record.serving_lowest.min(serving);
            match incident.verdict(&workloads.list[workload as usize], now) {
                Some((whole, area)) if now > incident.record.fault => {
                    incident.close(Some(whole), area);
                    self.just_closed.push(number);
                    self.release(number, workloads);
                    false
                }
                _ => true,
            }
        });
        let state = &mut workloads.list[workload as usize];
        state.open = open;
        if state.open.is_empty() {
            state.await_nothing();
        }
    }

    /// Forgets the parts of a closed incident.
    fn release(&mut self, number: u32, workloads: &mut Workloads) {
        for pod in std::mem::take(&mut self.live(number).members) {
            if self.parts.get(&pod).is_some_and(|(incident, _)| *incident == number) {
                self.parts.remove(&pod);
                workloads.involve(pod, false);
            }
        }
    }
}
