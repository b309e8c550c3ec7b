//! Mutators and queries of pods.
//!
//! Pod ids are never reused, but the storage behind them is: a table of 4 bytes a pod ever created,
//! and slots for those that exist.

use crate::engine::Span;

use super::Cluster;
use super::change::Change;
use super::gpu::DeviceSet;
use super::ids::{NodeId, ObjectId, PodId, SpecId};
use super::object::Kind;
use super::pod::{Container, Disruption, Part, Phase, Pod, PodName};

const GONE: u32 = u32::MAX;

/// Existing pods by id.
#[derive(Debug, Default)]
pub(super) struct PodTable {
    slot_of: Vec<u32>,
    slots: Vec<Pod>,
    id_of: Vec<PodId>,
    /// Removed from the API, still readable until [`Cluster::bury`].
    pub(super) removed: Vec<PodId>,
    free: Vec<u32>,
}

impl PodTable {
    fn get(&self, id: PodId) -> Option<&Pod> {
        let slot = *self.slot_of.get(id.index())?;
        if slot == GONE { None } else { Some(&self.slots[slot as usize]) }
    }

    pub(super) fn get_mut(&mut self, id: PodId) -> Option<&mut Pod> {
        let slot = *self.slot_of.get(id.index())?;
        if slot == GONE { None } else { Some(&mut self.slots[slot as usize]) }
    }

    fn insert(&mut self, pod: Pod) -> PodId {
        let id = PodId(self.slot_of.len() as u32);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = pod;
                self.id_of[slot as usize] = id;
                slot
            }
            None => {
                self.slots.push(pod);
                self.id_of.push(id);
                (self.slots.len() - 1) as u32
            }
        };
        self.slot_of.push(slot);
        id
    }

    pub(super) fn free(&mut self, id: PodId) {
        let slot = std::mem::replace(&mut self.slot_of[id.index()], GONE);
        self.free.push(slot);
    }
}

/// What a new pod is made from.
#[derive(Clone, Copy, Debug)]
pub struct NewPod {
    /// The name.
    pub name: PodName,
    /// The template.
    pub spec: SpecId,
    /// The controller that owns it.
    pub owner: Option<ObjectId>,
    /// How long its main container runs, if the template does not say.
    pub run_for: Option<Span>,
    /// `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// What sets it apart from its owner's other pods.
    pub part: Part,
}

impl NewPod {
    /// A pod of `owner` made from its template, with nothing special about it.
    pub fn of(owner: ObjectId, name: PodName, spec: SpecId) -> Self {
        NewPod { name, spec, owner: Some(owner), run_for: None, deletion_cost: 0, part: Part::Any }
    }

    /// A pod without an owner.
    pub fn bare(name: PodName, spec: SpecId) -> Self {
        NewPod { name, spec, owner: None, run_for: None, deletion_cost: 0, part: Part::Any }
    }
}

impl Cluster {
    /// The pod with this id, if it exists or was removed just now (see [`Cluster::bury`]).
    pub fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.get(id)
    }

    /// Whether the pod is in the API.
    pub fn pod_exists(&self, id: PodId) -> bool {
        self.pods.get(id).is_some() && !self.pods.removed.contains(&id)
    }

    /// All pods in the API, oldest first. Looks at every pod ever created; not for the event loop.
    pub fn pods(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        (0..self.pods.slot_of.len() as u32).map(PodId).filter_map(|id| Some((id, self.pods.get(id)?)))
    }

    /// Number of pods in the API.
    pub fn n_pods(&self) -> usize {
        self.pods.slots.len() - self.pods.free.len()
    }

    /// Number of pods ever created: the next pod's id.
    pub fn pods_created(&self) -> usize {
        self.pods.slot_of.len()
    }

    pub(super) fn pod_mut(&mut self, id: PodId) -> &mut Pod {
        let now = self.now;
        match self.pods.get_mut(id) {
            Some(pod) => pod,
            None => panic!("{now}: {id:?} does not exist"),
        }
    }

    /// Creates a pod as it is, without admission; bound at once if its template names a node that exists.
    pub fn create_pod(&mut self, new: NewPod) -> PodId {
        self.create_pod_from(new, new.spec)
    }

    /// Creates a pod whose template has become `spec`.
    pub(super) fn create_pod_from(&mut self, new: NewPod, spec_id: SpecId) -> PodId {
        let spec = self.spec(spec_id);
        let gated = !spec.gates.is_empty();
        let node_name = spec.node_name;
        let id = self.pods.insert(Pod {
            name: new.name,
            spec: spec_id,
            template: new.spec,
            part: new.part,
            owner: new.owner,
            created_at: self.now,
            phase: Phase::Pending,
            node: None,
            devices: DeviceSet::default(),
            bound: false,
            bound_at: None,
            started_at: None,
            ready: false,
            containers_ready: false,
            ready_at: self.now,
            deletion: None,
            finished_at: None,
            disrupted: None,
            held: new.owner.and_then(|owner| self.object(owner)).is_some_and(|owner| owner.body.kind() == Kind::Job),
            condemned: false,
            nominated: None,
            gated,
            restarts: 0,
            unschedulable_since: None,
            deletion_cost: new.deletion_cost,
            run_for: new.run_for,
            progress: None,
            container: Container::Absent,
            epoch: 0,
            slot_in_owner: 0,
            slot_on_node: 0,
        });
        if let Some(owner) = new.owner {
            self.own(owner, id);
        }
        self.emit(Change::PodCreated(id));
        if let Some(node) = node_name.and_then(|name| self.find_node(name)) {
            self.assume(id, node);
            self.bind(id);
        }
        id
    }

    /// The scheduler counts the pod on `node` from now on.
    pub fn assume(&mut self, id: PodId, node: NodeId) {
        assert!(self.pod_mut(id).node.is_none(), "{}: {id:?} is on a node already", self.now);
        self.pod_mut(id).node = Some(node);
        self.place(id, node);
        self.charge(id, node, 1);
        self.emit(Change::PodAssumed(id));
    }

    /// The binding failed: the pod is on no node.
    pub fn forget(&mut self, id: PodId) {
        let Some(node) = self.pod_mut(id).node.take() else { return };
        self.charge(id, node, -1);
        self.displace(id, node);
        self.emit(Change::PodForgotten(id, node));
    }

    /// The API knows the pod's node.
    pub fn bind(&mut self, id: PodId) {
        let now = self.now;
        let pod = self.pod_mut(id);
        assert!(pod.node.is_some() && !pod.bound, "{now}: {id:?} cannot be bound");
        pod.bound = true;
        pod.bound_at = Some(now);
        pod.nominated = None;
        pod.unschedulable_since = None;
        self.emit(Change::PodBound(id));
    }

    /// `status.startTime`: the kubelet has accepted the pod.
    pub fn set_started(&mut self, id: PodId) {
        let now = self.now;
        self.pod_mut(id).started_at.get_or_insert(now);
    }

    /// Sets the phase. A pod that ends lets go of its resources and is no longer Ready.
    pub fn set_phase(&mut self, id: PodId, to: Phase) {
        let pod = self.pod_mut(id);
        let from = pod.phase;
        if from == to {
            return;
        }
        assert!(!from.is_terminal(), "{}: {id:?} has ended as {from:?}", self.now);
        if to.is_terminal() {
            self.set_pod_ready(id, false);
            if let Some(node) = self.pod_mut(id).node {
                self.charge(id, node, -1);
            }
        }
        if to == Phase::Failed {
            self.count_failure_in_group(id, 1);
        }
        self.count(id, |pod| pod.phase = to);
        self.emit(Change::PodPhase { pod: id, from, to });
    }

    /// The kubelet says whether the containers are ready.
    pub fn set_pod_ready(&mut self, id: PodId, ready: bool) {
        self.pod_mut(id).containers_ready = ready;
        self.set_ready_condition(id, ready);
    }

    /// Sets the Ready condition as the API shows it.
    pub fn set_ready_condition(&mut self, id: PodId, ready: bool) {
        let now = self.now;
        if self.pod_mut(id).ready == ready {
            return;
        }
        self.count(id, |pod| {
            pod.ready = ready;
            pod.ready_at = now;
        });
        self.emit(Change::PodReady(id, ready));
    }

    /// Physics: what the containers do.
    pub fn set_container(&mut self, id: PodId, container: Container) {
        let now = self.now;
        let pod = self.pod_mut(id);
        if pod.container != container {
            pod.container = container;
            if container.has_ended() {
                pod.finished_at = Some(now);
            }
            self.work_changed(id, container);
            self.emit(Change::PodContainer(id));
        }
    }

    /// Pending events of the pod's life on its node become void.
    pub fn void_pod_events(&mut self, id: PodId) -> u32 {
        let pod = self.pod_mut(id);
        pod.epoch += 1;
        pod.epoch
    }

    /// A container was started again.
    pub fn count_restart(&mut self, id: PodId) {
        self.pod_mut(id).restarts += 1;
        self.emit(Change::PodRestarted(id));
    }

    /// `DisruptionTarget=True`: something but its owner is about to end it.
    pub fn set_disrupted(&mut self, id: PodId, reason: Disruption) {
        self.pod_mut(id).disrupted = Some(reason);
    }

    /// Nominates the pod to a node, or takes the nomination back.
    pub fn nominate(&mut self, id: PodId, node: Option<NodeId>) {
        let pod = self.pod_mut(id);
        if pod.nominated != node {
            pod.nominated = node;
            self.emit(Change::PodNominated(id));
        }
    }

    /// `PodScheduled=False`, reason `Unschedulable`.
    pub fn set_unschedulable(&mut self, id: PodId) {
        let now = self.now;
        let pod = self.pod_mut(id);
        if pod.unschedulable_since.is_none() {
            pod.unschedulable_since = Some(now);
            self.emit(Change::PodUnschedulable(id));
        }
    }

    /// Sets what it costs to delete the pod rather than another of its ReplicaSet. Nobody is woken by it.
    pub fn set_deletion_cost(&mut self, id: PodId, cost: i32) {
        self.pod_mut(id).deletion_cost = cost;
    }

    /// The last scheduling gate is gone.
    pub fn ungate(&mut self, id: PodId) {
        let pod = self.pod_mut(id);
        if pod.gated {
            pod.gated = false;
            self.emit(Change::PodUngated(id));
        }
    }

    /// Adds (`sign` 1) or takes away (-1) what the pod asks for on its node.
    pub(super) fn charge(&mut self, id: PodId, node: NodeId, sign: i64) {
        self.count_in_group(id, node, sign);
        let Some(pod) = self.pods.get(id) else { return };
        let spec = &self.specs[pod.spec.index()];
        let on = node;
        let Some(node) = self.nodes.get_mut(on.index()).and_then(Option::as_mut) else { return };
        if sign > 0 {
            node.requested.add(&spec.requests)
        } else {
            node.requested.subtract(&spec.requests)
        }
        node.score_requested.0 += sign * spec.score_requests.0;
        node.score_requested.1 += sign * spec.score_requests.1;
        node.n_pods += sign;
        self.charge_devices(id, on, sign);
    }

    /// Puts the pod on the node's list.
    fn place(&mut self, id: PodId, node: NodeId) {
        let Some(node) = self.nodes.get_mut(node.index()).and_then(Option::as_mut) else { return };
        node.pods.push(id);
        let slot = (node.pods.len() - 1) as u32;
        self.pod_mut(id).slot_on_node = slot;
    }

    /// Takes the pod off the node's list.
    pub(super) fn displace(&mut self, id: PodId, node: NodeId) {
        let slot = self.pod_mut(id).slot_on_node;
        let Some(node) = self.nodes.get_mut(node.index()).and_then(Option::as_mut) else { return };
        node.pods.swap_remove(slot as usize);
        if let Some(&moved) = node.pods.get(slot as usize) {
            self.pod_mut(moved).slot_on_node = slot;
        }
    }

    fn own(&mut self, owner: ObjectId, id: PodId) {
        let object = self.object_mut(owner);
        object.pods.push(id);
        object.active += 1;
        let slot = (object.pods.len() - 1) as u32;
        self.pod_mut(id).slot_in_owner = slot;
    }

    pub(super) fn disown(&mut self, owner: ObjectId, id: PodId) {
        let Some(pod) = self.pods.get(id) else { return };
        let slot = pod.slot_in_owner;
        let (active, ready, terminating) = tally(pod);
        if self.object(owner).is_none() {
            return;
        }
        let object = self.object_mut(owner);
        object.active -= active;
        object.ready -= ready;
        object.terminating -= terminating;
        object.pods.swap_remove(slot as usize);
        if let Some(&moved) = object.pods.get(slot as usize) {
            self.pod_mut(moved).slot_in_owner = slot;
        }
    }

    /// Changes the pod and keeps its owner's counts in step.
    pub(super) fn count(&mut self, id: PodId, change: impl FnOnce(&mut Pod)) {
        let pod = self.pod_mut(id);
        let before = tally(pod);
        change(pod);
        let after = tally(pod);
        let Some(owner) = pod.owner else { return };
        if before.0 > after.0 {
            self.leave_work(id);
        }
        if before == after || self.object(owner).is_none() {
            return;
        }
        let object = self.object_mut(owner);
        object.active = object.active + after.0 - before.0;
        object.ready = object.ready + after.1 - before.1;
        object.terminating = object.terminating + after.2 - before.2;
    }
}

/// What the pod adds to its owner's counts: active, ready, terminating.
pub(super) fn tally(pod: &Pod) -> (u32, u32, u32) {
    let active = u32::from(pod.is_active());
    let terminating = u32::from(pod.deletion.is_some() && !pod.phase.is_terminal());
    (active, active & u32::from(pod.ready), terminating)
}
