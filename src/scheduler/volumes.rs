//! What the volume plugins share: a pod's claims and the objects behind them.

use smallvec::SmallVec;

use crate::cluster::volumes::{PersistentVolume, PersistentVolumeClaim, StorageClass};
use crate::cluster::{Body, Cluster, Kind, Name, ObjectId, PodId};

/// The names of the pod's claims, those of generic ephemeral volumes (`<pod>-<volume>`) included if
/// such a name was ever used.
pub fn claims(cluster: &Cluster, pod: PodId) -> SmallVec<[Name; 2]> {
    cluster.pod_claims(pod)
}

/// The name of the claim for a generic ephemeral volume.
pub fn ephemeral_name(cluster: &Cluster, pod: PodId, volume: Name) -> String {
    format!("{}-{}", cluster.pod_name(pod), cluster.names.text(volume))
}

/// The claim of this namespace and name.
pub fn claim(cluster: &Cluster, namespace: Name, name: Name) -> Option<(ObjectId, &PersistentVolumeClaim)> {
    let id = cluster.find_object(Kind::PersistentVolumeClaim, namespace, name)?;
    match &cluster.object(id)?.body {
        Body::PersistentVolumeClaim(claim) => Some((id, claim)),
        _ => None,
    }
}

/// The volume of this name.
pub fn volume(cluster: &Cluster, empty: Name, name: Name) -> Option<(ObjectId, &PersistentVolume)> {
    let id = cluster.find_object(Kind::PersistentVolume, empty, name)?;
    match &cluster.object(id)?.body {
        Body::PersistentVolume(volume) => Some((id, volume)),
        _ => None,
    }
}

/// The storage class of this name.
pub fn class(cluster: &Cluster, empty: Name, name: Name) -> Option<&StorageClass> {
    match &cluster.object(cluster.find_object(Kind::StorageClass, empty, name)?)?.body {
        Body::StorageClass(class) => Some(class),
        _ => None,
    }
}
