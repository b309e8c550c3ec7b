//! How many nodes the cluster can still lose with room left for all that ran on them.
//!
//! Pods find a new home by a greedy re-packing that heeds what `cluster` knows of a node: resources, devices, number
//! of pods, selectors, required node affinity and taints. It knows no scheduler plugins, so that pod affinity, spread
//! constraints, host ports and volumes are left out.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::{Cluster, DeviceSet, Effect, Gpus, Node, Part, PodSpec, Resources, SpecId, Status};

use super::{Metric, Rows};

/// `headroom_nodes`.
pub const HEADROOM_NODES: Metric = Metric {
    name: "headroom_nodes",
    unit: "nodes",
    labels: &[],
    about: "how many Ready nodes could be lost at the end with a new home for all their pods on the others, daemons \
            left out; an estimate",
    formula: "0 if the pods of some single node find no home; else the least, over five orders of nodes (by share of \
              cpu or memory that movable pods ask for, by their cpu, memory, thousandths of devices, number), of the \
              largest k found by bisection for which first-fit decreasing places the pods of the first k. A better \
              packing may exist and a worse choice of nodes, too. Heeds resources, devices, taints, nodeSelector, \
              required node affinity; not pod affinity, spread, ports, volumes. Ours, after N − k headroom",
    read: |run, rows: &mut Rows| rows.push(&[], headroom(run.cluster) as f64),
};

/// A Ready node: what is free on it, and the pods that would have to go elsewhere without it.
struct Room<'a> {
    node: &'a Node,
    lost: bool,
    free: Resources,
    places: i64,
    gpus: Gpus,
    movable: Vec<SpecId>,
}

/// A pod placed in a room, to be taken out again.
struct Placed {
    room: usize,
    spec: SpecId,
    devices: DeviceSet,
}

/// All rooms, and where to begin looking for each kind of pod.
struct Packing<'a> {
    cluster: &'a Cluster,
    rooms: Vec<Room<'a>>,
    /// The first room that takes such a pod while nothing has moved: none before it ever will.
    first: BTreeMap<u32, usize>,
}

fn headroom(cluster: &Cluster) -> usize {
    let mut packing = Packing::new(cluster);
    if (0..packing.rooms.len()).any(|index| !packing.survives(&[index])) {
        return 0;
    }
    let orders = packing.orders();
    orders.iter().map(|order| packing.most_lost(order)).min().unwrap_or(0)
}

impl<'a> Packing<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let ready = cluster.nodes().filter(|(_, node)| node.ready.status == Status::True);
        let rooms = ready.map(|(_, node)| Room::new(node, cluster)).collect();
        Packing { cluster, rooms, first: BTreeMap::new() }
    }

    /// The nodes by what their loss would take, greatest first, in several senses.
    fn orders(&self) -> [Vec<usize>; 5] {
        let loads: Vec<[i128; 5]> = self.rooms.iter().map(|room| room.load(self.cluster)).collect();
        std::array::from_fn(|sense| {
            let mut order: Vec<usize> = (0..loads.len()).collect();
            order.sort_by_key(|index| Reverse(loads[*index][sense])); // stable: equal ones stay in order of id
            order
        })
    }

    /// How many of the first nodes of `order` can be lost: what survives the loss of k survives that of fewer, but for
    /// the quirks of first fit.
    fn most_lost(&mut self, order: &[usize]) -> usize {
        let (mut fits, mut too_many) = (0, order.len());
        while too_many - fits > 1 {
            let k = usize::midpoint(fits, too_many);
            if self.survives(&order[..k]) { fits = k } else { too_many = k }
        }
        fits
    }

    /// Whether the pods of these nodes find room on the others. Leaves everything as it was.
    fn survives(&mut self, lost: &[usize]) -> bool {
        let mut wanted: Vec<SpecId> = Vec::new();
        for index in lost {
            self.rooms[*index].lost = true;
            wanted.extend(&self.rooms[*index].movable);
        }
        wanted.sort_by_cached_key(|id| Reverse((size(self.cluster.spec(*id)), *id)));
        let mut placed = Vec::with_capacity(wanted.len());
        let mut from = 0;
        let all = wanted.iter().enumerate().all(|(nth, spec)| {
            // equal pods are looked for from where the last of them was placed
            if nth == 0 || wanted[nth - 1] != *spec {
                from = self.first_for(*spec);
            }
            let found = (from..self.rooms.len()).find(|index| self.rooms[*index].takes(*spec, self.cluster));
            from = found.unwrap_or(from);
            placed.extend(found.map(|room| self.rooms[room].put(room, *spec, self.cluster)));
            found.is_some()
        });
        for put in placed.iter().rev() {
            self.rooms[put.room].take_out(put, self.cluster);
        }
        lost.iter().for_each(|index| self.rooms[*index].lost = false);
        all
    }

    /// Where to begin looking for a home of such a pod.
    fn first_for(&mut self, spec: SpecId) -> usize {
        let (rooms, cluster) = (&self.rooms, self.cluster);
        let takes =
            |room: &Room<'_>| room.has_room(cluster.spec(spec)) && admits(room.node, cluster.spec(spec), cluster);
        *self.first.entry(spec.0).or_insert_with(|| rooms.iter().position(takes).unwrap_or(rooms.len()))
    }
}

impl<'a> Room<'a> {
    fn new(node: &'a Node, cluster: &'a Cluster) -> Self {
        let mut free = node.spec.allocatable.clone();
        free.subtract(&node.requested);
        let pods = node.pods.iter().filter_map(|pod| cluster.pod(*pod));
        let movable = pods.filter(|pod| pod.is_active() && !matches!(pod.part, Part::Node(_)));
        Room {
            node,
            lost: false,
            free,
            places: node.spec.max_pods - node.n_pods,
            gpus: node.gpus.clone(),
            movable: movable.map(|pod| pod.spec).collect(),
        }
    }

    /// What its movable pods ask for: the greater share of cpu or memory (parts per million), cpu, memory, thousandths
    /// of devices, pods.
    fn load(&self, cluster: &Cluster) -> [i128; 5] {
        let mut load = [0; 5];
        for spec in self.movable.iter().map(|id| cluster.spec(*id)) {
            let devices = spec.gpu.as_ref().map_or(0, |request| request.total());
            for (sum, part) in load[1..].iter_mut().zip([spec.requests.cpu, spec.requests.memory, devices, 1]) {
                *sum += i128::from(part);
            }
        }
        let share = |used: i128, all: i64| used * 1_000_000 / i128::from(all.max(1));
        let allocatable = &self.node.spec.allocatable;
        load[0] = share(load[1], allocatable.cpu).max(share(load[2], allocatable.memory));
        load
    }

    fn has_room(&self, spec: &PodSpec) -> bool {
        let (free, wants) = (&self.free, &spec.requests);
        // nothing asked for fits even where more than there is was promised before
        let holds = |free: i64, wants: i64| wants == 0 || free >= wants;
        self.places >= 1
            && holds(free.cpu, wants.cpu)
            && holds(free.memory, wants.memory)
            && holds(free.ephemeral_storage, wants.ephemeral_storage)
            && wants.scalars.iter().all(|(name, amount)| holds(free.scalar(*name), *amount))
            && spec.gpu.as_ref().is_none_or(|request| self.gpus.fits(request))
    }

    fn takes(&self, spec: SpecId, cluster: &Cluster) -> bool {
        let spec = cluster.spec(spec);
        !self.lost && self.has_room(spec) && admits(self.node, spec, cluster)
    }

    fn put(&mut self, room: usize, id: SpecId, cluster: &Cluster) -> Placed {
        let spec = cluster.spec(id);
        self.free.subtract(&spec.requests);
        self.places -= 1;
        let mut devices = DeviceSet::default();
        if let Some(request) = &spec.gpu {
            devices = self.gpus.tightest(request).unwrap_or_default();
            self.gpus.take(request, devices);
        }
        Placed { room, spec: id, devices }
    }

    fn take_out(&mut self, put: &Placed, cluster: &Cluster) {
        let spec = cluster.spec(put.spec);
        self.free.add(&spec.requests);
        self.places += 1;
        if let Some(request) = &spec.gpu {
            self.gpus.give_back(request, put.devices);
        }
    }
}

/// Pods are placed in descending order of this: devices, cpu, memory.
fn size(spec: &PodSpec) -> [i64; 3] {
    [spec.gpu.as_ref().map_or(0, |request| request.total()), spec.requests.cpu, spec.requests.memory]
}

/// Whether such a pod may run on the node, whatever room there is.
fn admits(node: &Node, spec: &PodSpec, cluster: &Cluster) -> bool {
    let (labels, name) = (&node.spec.labels, node.name());
    let mut taints = node.spec.taints.iter().filter(|taint| taint.effect != Effect::PreferNoSchedule);
    !node.spec.unschedulable
        && spec.node_name.is_none_or(|wanted| wanted == name)
        && labels.contains_all(&spec.node_selector)
        && spec.node_affinity.as_ref().is_none_or(|affinity| affinity.matches(labels, name, &cluster.names))
        && taints.all(|taint| spec.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}
