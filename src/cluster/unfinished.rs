//! Work with checkpoints that pods leave unfinished, and who takes it up.
//!
//! A container that is started again in its pod goes on with its own. What a pod leaves that will not run again
//! (marked for deletion, Failed or removed) waits for the next pod of the same owner whose containers start: of the same
//! index in an Indexed Job, of the same ordinal in a StatefulSet, on the same node in a DaemonSet, else of any; the
//! oldest first. Pods without an owner have no successor.

use std::collections::{BTreeMap, VecDeque};

use super::Cluster;
use super::ids::{NodeId, ObjectId, PodId};
use super::pod::{Container, Part, Pod, PodName};
use super::work::{Progress, Work};

/// Whose work a pod can take up: its owner's, and there that of one number, if its pods have some.
type Seat = (ObjectId, Option<u32>);

/// Work that pods left, by who may take it up.
#[derive(Debug, Default)]
pub(super) struct Unfinished(BTreeMap<Seat, VecDeque<(PodId, Work)>>);

fn seat(pod: &Pod) -> Option<Seat> {
    let number = match (pod.part, pod.name) {
        (Part::Index { index, .. }, _) => Some(index),
        (Part::Node(node), _) => Some(node.0),
        (Part::Any, PodName::Ordinal(_, ordinal)) => Some(ordinal),
        (Part::Any, _) => None,
    };
    pod.owner.map(|owner| (owner, number))
}

impl Cluster {
    /// The work that the pod's containers would take up if they started now: what they have begun before, else
    /// what a pod in its place left. A pod that is on its way out may still run, and save more, until then.
    pub fn work_left(&self, id: PodId) -> Option<Work> {
        let pod = self.pod(id)?;
        self.own_work_left(pod).or_else(|| {
            let (from, work) = self.unfinished.0.get(&seat(pod)?)?.front()?;
            Some(self.pod(*from).and_then(|from| self.own_work_left(from)).unwrap_or(*work))
        })
    }

    fn own_work_left(&self, pod: &Pod) -> Option<Work> {
        pod.progress.as_ref().and_then(|progress| progress.work_left(self.now))
    }

    /// Physics: the pod's containers, starting now, take up this work: what [`Cluster::work_left`] says, or something new.
    pub fn begin_work(&mut self, id: PodId, work: Work) {
        let Some(pod) = self.pod(id) else { return };
        let inherits = self.own_work_left(pod).is_none();
        let pace = pod.node.and_then(|node| self.node(node)).map_or(1000, |node| node.pace.progress_milli);
        let seat = seat(pod);
        if let Some(seat) = seat.filter(|_| inherits) {
            self.take_over(seat);
        }
        let progress = Progress::begin(work, self.now, pace);
        self.pod_mut(id).progress = Some(Box::new(progress));
    }

    fn take_over(&mut self, seat: Seat) {
        let Some(queue) = self.unfinished.0.get_mut(&seat) else { return };
        let from = queue.pop_front().map(|(from, _)| from);
        if queue.is_empty() {
            self.unfinished.0.remove(&seat);
        }
        let before = from.and_then(|from| self.pods.get_mut(from)).and_then(|pod| pod.progress.as_mut());
        if let Some(progress) = before {
            progress.supersede(self.now);
        }
    }

    /// The pod's containers changed to this.
    pub(super) fn work_changed(&mut self, id: PodId, container: Container) {
        let now = self.now;
        if let Some(progress) = self.pod_mut(id).progress.as_mut().filter(|_| !container.is_running()) {
            progress.stop(now, container == Container::Ended);
        }
    }

    /// The pods of a node do their work at another pace from now on.
    pub(super) fn work_is_paced(&mut self, id: NodeId, pace_milli: u32) {
        let Some(node) = self.nodes[id.index()].as_ref() else { return };
        for pod in &node.pods {
            if let Some(progress) = self.pods.get_mut(*pod).and_then(|pod| pod.progress.as_mut()) {
                progress.set_pace(self.now, pace_milli);
            }
        }
    }

    /// A pod that was active will not run again: what it leaves can be taken up.
    pub(super) fn leave_work(&mut self, id: PodId) {
        let Some(pod) = self.pod(id).filter(|pod| pod.progress.is_some()) else { return };
        let (Some(work), Some(seat)) = (self.own_work_left(pod), seat(pod)) else { return };
        if self.object(seat.0).is_some() {
            self.unfinished.0.entry(seat).or_default().push_back((id, work));
        }
    }

    /// A pod is removed: its containers are nobody's concern any more, and what it leaves is what it has saved by now.
    pub(super) fn remove_work(&mut self, id: PodId, was_active: bool) {
        if self.pod_mut(id).progress.is_none() {
            return;
        }
        self.work_changed(id, Container::Absent);
        if was_active {
            self.leave_work(id);
            return;
        }
        let Some(pod) = self.pod(id) else { return };
        let (Some(work), Some(seat)) = (self.own_work_left(pod), seat(pod)) else { return };
        let left = self.unfinished.0.get_mut(&seat).and_then(|queue| queue.iter_mut().find(|(from, _)| *from == id));
        if let Some(left) = left {
            left.1 = work;
        }
    }

    /// Work goes on exactly while containers run, and what waits for a successor is unfinished and has an owner.
    pub(super) fn check_work(&self) -> Result<(), String> {
        for (id, pod) in self.pods().filter(|(id, _)| self.pod_exists(*id)) {
            let wrong = pod.progress.as_ref().is_some_and(|it| it.is_running() != pod.container.is_running());
            if wrong {
                return Err(format!("{id:?} has containers {:?} and work {:?}", pod.container, pod.progress));
            }
        }
        for ((owner, number), queue) in &self.unfinished.0 {
            if queue.is_empty()
                || self.object(*owner).is_none()
                || queue.iter().any(|(_, work)| work.saved >= work.total)
            {
                return Err(format!("{owner:?} {number:?} has left work {queue:?}"));
            }
        }
        Ok(())
    }

    /// An owner is gone, and nobody will go on with its pods' work.
    pub(super) fn forget_work(&mut self, owner: ObjectId) {
        self.unfinished.0.retain(|(of, _), _| *of != owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Body, Checkpoints, Labels, NewPod, PodSpec, ReplicaSet, ReplicaSetStatus, Selector};
    use crate::engine::{Seed, Span, Time};

    const EVERY_10_FOR_2: Checkpoints = Checkpoints { every: Span::from_secs(10), overhead: Span::from_secs(2) };

    fn owner(cluster: &mut Cluster) -> ObjectId {
        let spec = PodSpec::new(&mut cluster.names, "i");
        let set = ReplicaSet {
            replicas: 2,
            template: cluster.intern_spec(spec),
            made_from: None,
            selector: Selector::default(),
            min_ready: Span::ZERO,
            revision: 1,
            desired_annotation: None,
            max_annotation: None,
            status: ReplicaSetStatus::default(),
        };
        let (namespace, name) = (cluster.names.intern("default"), cluster.names.intern("set"));
        cluster.create_object(namespace, name, Labels::default(), None, Body::ReplicaSet(set))
    }

    fn pod(cluster: &mut Cluster, owner: ObjectId, part: Part) -> PodId {
        let Some(Body::ReplicaSet(set)) = cluster.object(owner).map(|object| &object.body) else { panic!() };
        let (template, name) = (set.template, cluster.names.intern("pod"));
        cluster.create_pod(NewPod { part, ..NewPod::of(owner, PodName::Generated(name), template) })
    }

    /// The pod's containers start: what they take up, in seconds.
    fn start(cluster: &mut Cluster, id: PodId) -> Option<u64> {
        let left = cluster.work_left(id);
        cluster.begin_work(id, left.unwrap_or(Work::new(EVERY_10_FOR_2, Span::from_secs(100))));
        cluster.set_container(id, Container::Ready);
        left.map(|work| work.saved.0 / 1_000_000_000)
    }

    /// Two pods start at 0 s; the second is lost at 15 s, the first at 27 s. What the next two, and a third, go on from.
    fn taken_up(parts: [Part; 2]) -> [Option<u64>; 3] {
        let mut cluster = Cluster::new(Seed(1));
        let owner = owner(&mut cluster);
        let [first, second] = parts.map(|part| pod(&mut cluster, owner, part));
        assert_eq!([start(&mut cluster, first), start(&mut cluster, second)], [None, None]);
        cluster.now = Time::from_secs(15);
        cluster.remove_pod(second);
        cluster.bury();
        cluster.now = Time::from_secs(27);
        cluster.remove_pod(first);
        cluster.bury();
        [parts[0], parts[1], parts[1]].map(|part| {
            let id = pod(&mut cluster, owner, part);
            start(&mut cluster, id)
        })
    }

    #[test]
    fn pods_alike_take_up_what_was_left_first() {
        assert_eq!(taken_up([Part::Any; 2]), [Some(10), Some(20), None]);
    }

    #[test]
    fn pods_with_an_index_take_up_what_their_own_left() {
        let index = |index| Part::Index { index, failures: 0 };
        assert_eq!(taken_up([index(0), index(1)]), [Some(20), Some(10), None]);
    }

    #[test]
    fn work_of_an_owner_that_is_gone_is_left_to_nobody() {
        let mut cluster = Cluster::new(Seed(1));
        let owner = owner(&mut cluster);
        let lost = pod(&mut cluster, owner, Part::Any);
        start(&mut cluster, lost);
        cluster.now = Time::from_secs(15);
        cluster.remove_pod(lost);
        assert_eq!(cluster.unfinished.0.len(), 1);
        cluster.remove_object(owner);
        assert!(cluster.unfinished.0.is_empty());
    }
}
