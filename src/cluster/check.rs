//! Recomputes every kept aggregate from scratch and compares.

use std::collections::BTreeMap;

use super::Cluster;
use super::gpu::Gpus;
use super::names::Name;
use super::pods::tally;
use super::resources::Resources;

impl Cluster {
    /// Checks all invariants of the state; for tests and for runs with `--check`.
    ///
    /// # Errors
    /// Says the first thing found wrong, with the time and the ids.
    pub fn check(&self) -> Result<(), String> {
        self.check_nodes()
            .and_then(|()| self.check_objects())
            .and_then(|()| self.check_storage())
            .and_then(|()| self.check_work())
            .and_then(|()| self.check_groups())
            .map_err(|wrong| format!("{}: {wrong}", self.now))
    }

    fn check_nodes(&self) -> Result<(), String> {
        for (id, node) in self.nodes() {
            let mut requested = Resources::default();
            let mut score_requested = (0, 0);
            let mut n_pods = 0;
            let mut gpus = Gpus::new(node.spec.gpus);
            for &pod_id in &node.pods {
                let pod = self.pod(pod_id).ok_or(format!("{id:?} lists {pod_id:?}, which is gone"))?;
                if pod.node != Some(id) {
                    return Err(format!("{id:?} lists {pod_id:?}, which is on {:?}", pod.node));
                }
                if pod.holds_resources() {
                    let spec = self.spec(pod.spec);
                    requested.add(&spec.requests);
                    score_requested.0 += spec.score_requests.0;
                    score_requested.1 += spec.score_requests.1;
                    n_pods += 1;
                    if let Some(request) = &spec.gpu {
                        gpus.take(request, pod.devices);
                    }
                }
            }
            if gpus != node.gpus {
                return Err(format!("{id:?} counts {:?}, its pods leave {gpus:?}", node.gpus));
            }
            if !requested.same_as(&node.requested) || score_requested != node.score_requested || n_pods != node.n_pods {
                return Err(format!(
                    "{id:?} counts {:?} in {}, its pods {requested:?} in {n_pods}",
                    node.requested, node.n_pods
                ));
            }
        }
        for (id, pod) in self.pods() {
            let listed = pod.node.and_then(|node| self.node(node)).is_none_or(|node| node.pods.contains(&id));
            if !listed && self.pod_exists(id) {
                return Err(format!("{id:?} is not on the list of its node {:?}", pod.node));
            }
        }
        Ok(())
    }

    fn check_objects(&self) -> Result<(), String> {
        for (id, object) in self.objects() {
            let mut counts = (0, 0, 0);
            for &pod_id in &object.pods {
                let pod = self.pod(pod_id).ok_or(format!("{id:?} lists {pod_id:?}, which is gone"))?;
                if pod.owner != Some(id) {
                    return Err(format!("{id:?} lists {pod_id:?}, owned by {:?}", pod.owner));
                }
                let (active, ready, terminating) = tally(pod);
                counts = (counts.0 + active, counts.1 + ready, counts.2 + terminating);
            }
            if counts != (object.active, object.ready, object.terminating) {
                let kept = (object.active, object.ready, object.terminating);
                return Err(format!("{id:?} counts {kept:?} (active, ready, terminating), its pods {counts:?}"));
            }
        }
        Ok(())
    }

    /// Bound claims and their volumes name one another, and a volume that one node may have is attached to
    /// one at most.
    fn check_storage(&self) -> Result<(), String> {
        let mut attached: BTreeMap<Name, u32> = BTreeMap::new();
        for (id, object) in self.objects() {
            if let Some(volume) = self.volume_of_claim(id).and_then(|volume| self.volume(volume))
                && volume.claim != Some((object.namespace, object.name))
            {
                return Err(format!("{id:?} is bound to a volume of {:?}", volume.claim));
            }
            let Some(name) = self.attachment(id).and_then(|attachment| attachment.volume) else { continue };
            let holders = attached.entry(name).or_default();
            *holders += 1;
            let alone = self.find_volume(name).and_then(|volume| self.volume(volume));
            if *holders > 1 && alone.is_some_and(|volume| !volume.access_modes.allow_many_nodes()) {
                return Err(format!("volume {} is attached to several nodes", self.names.text(name)));
            }
        }
        Ok(())
    }
}
