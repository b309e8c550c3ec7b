//! `persistentVolumeClaimRetentionPolicy.whenScaled: Delete`: the claims of pods beyond the wanted number are
//! given to their pods, which take them along; those of wanted pods are the set's again.

use crate::cluster::{Action, Cluster, ObjectId, PodName, StorageAction};

/// The claims that change hands.
pub(super) fn new_owners(id: ObjectId, cluster: &Cluster) -> Vec<Action> {
    let set = cluster.stateful_set(id).filter(|set| set.retention.delete_when_scaled && !set.claims.is_empty());
    let Some((object, set)) = cluster.object(id).zip(set) else { return Vec::new() };
    let wanted = set.first_ordinal..set.first_ordinal.saturating_add(set.replicas);
    let mut pods = object.pods.clone();
    pods.sort_unstable();
    let mut changes = Vec::new();
    for pod in pods {
        let Some(PodName::Ordinal(_, ordinal)) = cluster.pod(pod).map(|pod| pod.name) else { continue };
        let goes = !wanted.contains(&ordinal);
        for claim in cluster.claims_of(pod).into_iter().filter(|claim| is_of_template(*claim, ordinal, id, cluster)) {
            if cluster.claim(claim).is_some_and(|claim| claim.for_pod.is_some() != goes) {
                let owner = goes.then_some(pod);
                changes.push(Action::Storage(StorageAction::SetOwnerPod(claim, owner)));
            }
        }
    }
    changes
}

/// Whether a claim is named `<template>-<set>-<ordinal>`.
fn is_of_template(claim: ObjectId, ordinal: u32, set: ObjectId, cluster: &Cluster) -> bool {
    let templates = cluster.stateful_set(set).map_or(&[][..], |set| &set.claims);
    let ending = format!("-{}-{ordinal}", cluster.object_name(set));
    let base = cluster.object_name(claim).strip_suffix(&ending);
    templates.iter().any(|(name, _)| Some(cluster.names.text(*name)) == base)
}
