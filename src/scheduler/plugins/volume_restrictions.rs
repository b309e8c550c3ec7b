//! VolumeRestrictions (reference: scheduler.md 3.7).
//!
//! A disk named in the pod itself may not be on the node already, unless both sides only read it where
//! the kind allows that. A ReadWriteOncePod claim may have one pod in the whole cluster.

use crate::cluster::spec::VolumeSource;
use crate::cluster::volumes::AccessModes;
use crate::cluster::{Body, Cluster, Name, NodeId, PodId, PodSpec};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Code, Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::volumes;

/// The plugin.
#[derive(Default)]
pub struct VolumeRestrictions {
    /// ReadWriteOncePod claims of the pod.
    exclusive: Vec<Name>,
    /// How many of them are in use.
    in_use: i64,
    /// The same with what is supposed.
    supposed_in_use: i64,
}

fn disks(spec: &PodSpec) -> impl Iterator<Item = (Name, bool)> {
    spec.volumes.iter().filter_map(|volume| match volume {
        VolumeSource::Disk(disk, read_only) => Some((*disk, *read_only)),
        _ => None,
    })
}

/// The claims named by the pod itself.
fn claims(spec: &PodSpec) -> impl Iterator<Item = Name> {
    spec.volumes.iter().filter_map(|volume| match volume {
        VolumeSource::Claim(name) => Some(*name),
        _ => None,
    })
}

fn disks_clash(a: &PodSpec, b: &PodSpec) -> bool {
    disks(a).any(|(disk, reads)| disks(b).any(|(other, other_reads)| disk == other && !(reads && other_reads)))
}

impl Plugin for VolumeRestrictions {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.exclusive.clear();
        for name in claims(cx.spec) {
            let Some((_, claim)) = volumes::claim(cx.cluster, cx.spec.namespace, name) else {
                let text = format!("persistentvolumeclaim \"{}\" not found", cx.cluster.names.text(name));
                return PreFilter::Reject(Code::UnschedulableAndUnresolvable, text);
            };
            if claim.access_modes.contains(AccessModes::READ_WRITE_ONCE_POD) {
                self.exclusive.push(name);
            }
        }
        let used = |name: &&Name| cx.index.claims_in_use.get(&(cx.spec.namespace, **name)).is_some_and(|n| *n > 0);
        self.in_use = self.exclusive.iter().filter(used).count() as i64;
        self.supposed_in_use = self.in_use;
        if disks(cx.spec).next().is_none() && self.in_use == 0 {
            return PreFilter::Skip;
        }
        PreFilter::Filter
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        if disks(cx.spec).next().is_some() {
            let pods = node.pods(cx.cluster).filter_map(|pod| cx.cluster.pod(pod));
            if pods.map(|pod| cx.cluster.spec(pod.spec)).any(|other| disks_clash(cx.spec, other)) {
                return Err(Rejection::unschedulable("node(s) had no available disk"));
            }
        }
        if self.supposed_in_use > 0 {
            return Err(Rejection::unschedulable(
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
            ));
        }
        Ok(())
    }

    fn suppose(&mut self, cx: &Context<'_>, pod: PodId, _node: NodeId, sign: i64) {
        let Some(other) = cx.cluster.pod(pod).map(|pod| cx.cluster.spec(pod.spec)) else { return };
        if other.namespace == cx.spec.namespace {
            let shared = claims(other).filter(|name| self.exclusive.contains(name)).count();
            self.supposed_in_use += sign * shared as i64;
        }
    }

    fn reset(&mut self) {
        self.supposed_in_use = self.in_use;
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod leaves a node", "it used a disk or claim of the pod's"),
            ("a claim is made", "it is the pod's"),
            ("a node is added", "always"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        let Some(waiting) = cluster.pod(pod) else { return true };
        let spec = cluster.spec(waiting.spec);
        match *event {
            Event::NodeAdded(_) => true,
            Event::PodRemoved(_, gone) => {
                let gone = cluster.spec(gone);
                disks_clash(spec, gone)
                    || (gone.namespace == spec.namespace
                        && claims(spec).any(|name| claims(gone).any(|other| other == name)))
            }
            Event::ObjectCreated(object) => cluster.object(object).is_some_and(|object| {
                matches!(object.body, Body::PersistentVolumeClaim(_))
                    && object.namespace == spec.namespace
                    && claims(spec).any(|name| name == object.name)
            }),
            _ => false,
        }
    }
}
