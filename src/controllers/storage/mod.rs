//! What binds, makes, attaches and clears up volumes (services-storage.md 4 to 7). None of it costs
//! anything in a run without claims.

pub mod attach_detach;
pub mod attacher;
pub mod binder;
pub mod ephemeral;
pub mod protection;
pub mod provisioner;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Change, Cluster, Name, NodeId, ObjectId, PodId};

/// Which pods use which claims on which nodes. Pods that have ended use nothing; Terminating ones do.
#[derive(Debug, Default)]
struct Users {
    /// By namespace and name of the claim.
    of_claim: BTreeMap<(Name, Name), BTreeSet<PodId>>,
}

impl Users {
    /// Follows a change; answers with the pod if it began or ceased to use its claims.
    fn observe(&mut self, change: Change, cluster: &Cluster) -> Option<PodId> {
        let (pod, uses) = match change {
            Change::PodBound(pod) => (pod, true),
            Change::PodRemoved(pod) => (pod, false),
            Change::PodPhase { pod, to, .. } if to.is_terminal() => (pod, false),
            _ => return None,
        };
        if !cluster.has_claims(pod) {
            return None;
        }
        let namespace = cluster.spec(cluster.pod(pod)?.spec).namespace;
        for claim in cluster.pod_claims(pod) {
            let users = self.of_claim.entry((namespace, claim)).or_default();
            if uses {
                users.insert(pod);
            } else {
                users.remove(&pod);
            }
            if users.is_empty() {
                self.of_claim.remove(&(namespace, claim));
            }
        }
        Some(pod)
    }

    /// The pods that use a claim, oldest first.
    fn of(&self, claim: ObjectId, cluster: &Cluster) -> impl Iterator<Item = PodId> + '_ {
        let key = cluster.object(claim).map(|object| (object.namespace, object.name));
        key.and_then(|key| self.of_claim.get(&key)).into_iter().flatten().copied()
    }

    /// The same with the nodes they are on.
    fn on_nodes<'a>(&'a self, claim: ObjectId, cluster: &'a Cluster) -> impl Iterator<Item = (PodId, NodeId)> + 'a {
        self.of(claim, cluster).filter_map(|pod| Some((pod, cluster.pod(pod)?.bound_node()?)))
    }
}
