//! `kubectl get` of claims, volumes and attachments.

use crate::cluster::admission::bytes_text;
use crate::cluster::volumes::{AccessModes, VolumePhase};
use crate::cluster::{Body, Cluster, Kind, Name};

use super::age::age;
use super::{Resource, Row, objects, text};

pub(super) const CLAIMS: Resource = Resource {
    name: "persistentvolumeclaims",
    short: &["pvc"],
    kind: "persistentvolumeclaim",
    columns: &["STATUS", "VOLUME", "CAPACITY", "ACCESS MODES", "STORAGECLASS", "AGE"],
    rows: claims,
};

pub(super) const VOLUMES: Resource = Resource {
    name: "persistentvolumes",
    short: &["pv"],
    kind: "persistentvolume",
    columns: &["CAPACITY", "ACCESS MODES", "RECLAIM POLICY", "STATUS", "CLAIM", "STORAGECLASS", "AGE"],
    rows: volumes,
};

pub(super) const ATTACHMENTS: Resource = Resource {
    name: "volumeattachments",
    short: &[],
    kind: "volumeattachment",
    columns: &["ATTACHER", "PV", "NODE", "ATTACHED", "AGE"],
    rows: attachments,
};

fn claims(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::PersistentVolumeClaim, cluster, |id, object| {
        let Body::PersistentVolumeClaim(claim) = &object.body else { return None };
        let status = match (object.deleting, claim.lost, claim.bind_completed) {
            (true, ..) => "Terminating",
            (_, true, _) => "Lost",
            (.., true) => "Bound",
            (.., false) => "Pending",
        };
        let volume = cluster.volume_of_claim(id).and_then(|volume| cluster.volume(volume));
        let bound = volume.filter(|_| claim.bind_completed);
        Some(vec![
            status.to_string(),
            named(claim.volume, cluster),
            bound.map_or(String::new(), |volume| bytes_text(volume.capacity)),
            bound.map_or(String::new(), |volume| access_modes(volume.access_modes)),
            named(claim.class, cluster),
            age(object.created_at, cluster.now),
        ])
    })
}

fn volumes(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::PersistentVolume, cluster, |_, object| {
        let Body::PersistentVolume(volume) = &object.body else { return None };
        let status = match volume.phase {
            _ if object.deleting => "Terminating",
            VolumePhase::Pending => "Pending",
            VolumePhase::Available => "Available",
            VolumePhase::Bound => "Bound",
            VolumePhase::Released => "Released",
            VolumePhase::Failed => "Failed",
        };
        let claim =
            volume.claim.map(|(namespace, name)| format!("{}/{}", text(namespace, cluster), text(name, cluster)));
        Some(vec![
            bytes_text(volume.capacity),
            access_modes(volume.access_modes),
            if volume.reclaim_delete { "Delete" } else { "Retain" }.to_string(),
            status.to_string(),
            claim.unwrap_or_default(),
            text(volume.class, cluster),
            age(object.created_at, cluster.now),
        ])
    })
}

fn attachments(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::VolumeAttachment, cluster, |_, object| {
        let Body::VolumeAttachment(attachment) = &object.body else { return None };
        Some(vec![
            text(attachment.attacher, cluster),
            named(attachment.volume, cluster),
            text(attachment.node, cluster),
            attachment.attached.to_string(),
            age(object.created_at, cluster.now),
        ])
    })
}

fn named(name: Option<Name>, cluster: &Cluster) -> String {
    name.map_or(String::new(), |name| text(name, cluster))
}

/// `RWO,ROX,RWX,RWOP`, as far as they apply.
fn access_modes(modes: AccessModes) -> String {
    let all = [
        (AccessModes::READ_WRITE_ONCE, "RWO"),
        (AccessModes::READ_ONLY_MANY, "ROX"),
        (AccessModes::READ_WRITE_MANY, "RWX"),
        (AccessModes::READ_WRITE_ONCE_POD, "RWOP"),
    ];
    let given: Vec<&str> = all.into_iter().filter(|(mode, _)| modes.0 & mode.0 != 0).map(|(_, short)| short).collect();
    given.join(",")
}
