//! The claims of a pod on its way to its node (reference: scheduler.md 3.7): kept for it at once, bound before the
//! pod is, by the binder or by a provisioner that makes a volume.

use crate::cluster::PodId;
use crate::engine::Span;
use crate::scheduler::plugins::volume_binding::ClaimDecision;

use super::Simulation;

/// The scheduler looks once a second whether a pod's claims are bound.
const POLL: Span = Span::from_secs(1);

impl Simulation {
    /// The scheduler's own assumption: volumes are kept for the pod's claims, or a node is chosen for them.
    pub(super) fn reserve_claims(&mut self, pod: PodId, decisions: Vec<ClaimDecision>) {
        if decisions.is_empty() {
            return;
        }
        for decision in &decisions {
            match *decision {
                ClaimDecision::Bind { claim, volume } => self.cluster.reserve_volume(volume, claim),
                ClaimDecision::Provision { claim, node } => self.cluster.select_node(claim, node),
            }
        }
        self.claims.insert(pod, decisions);
    }

    /// How long the binding waits for the pod's claims: until the first whole second after they are bound.
    pub(super) fn volumes_take(&mut self, pod: PodId) -> Span {
        let Some(decisions) = self.claims.get(&pod) else { return Span::ZERO };
        let made = decisions.iter().any(|decision| matches!(decision, ClaimDecision::Provision { .. }));
        let mut stream = self.cluster.seed.stream("volume-provision", u64::from(pod.0));
        let takes = if made { self.settings.scheduling.volume_provision.sample(&mut stream) } else { POLL };
        Span(takes.0.div_ceil(POLL.0).max(1) * POLL.0)
    }

    /// The pod's claims are bound; those that were to be made are. All of that happens even if the pod went
    /// meanwhile, as nothing calls a provisioner back.
    pub(super) fn bind_claims(&mut self, pod: PodId) {
        for decision in self.claims.remove(&pod).into_iter().flatten() {
            match decision {
                ClaimDecision::Bind { claim, volume } => self.cluster.bind_claim(claim, volume),
                ClaimDecision::Provision { claim, node } => {
                    if let Some(volume) = self.cluster.provision(claim, node) {
                        self.cluster.bind_claim(claim, volume);
                    }
                }
            }
        }
    }
}
