//! PersistentVolume, PersistentVolumeClaim, StorageClass and the CSI objects.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::storage::v1 as storage;

use crate::cluster::volumes::{
    AccessModes, CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, StorageClass,
    VolumeAttachment, VolumePhase,
};
use crate::cluster::{Name, Names};

use super::resources::{List, quantity};
use super::selector::{read_node_selector, read_selector};
use super::{Problems, Reader};

/// Converts a PersistentVolume. One without a status counts as Available, or as Bound if it has a
/// claimRef with a UID or a volume controller has nothing left to do.
///
/// # Errors
/// If a quantity, an access mode or the node affinity cannot be read.
pub fn persistent_volume(names: &mut Names, volume: &core::PersistentVolume) -> Result<PersistentVolume, Problems> {
    let mut reader = Reader::new(names);
    let spec = volume.spec.clone().unwrap_or_default();
    let affinity = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
    let claim = spec.claim_ref.as_ref().map(|claim| {
        let namespace = claim.namespace.as_deref().unwrap_or("default");
        (reader.names.intern(namespace), reader.names.intern(claim.name.as_deref().unwrap_or_default()))
    });
    let phase = volume.status.as_ref().and_then(|status| status.phase.as_deref());
    let result = PersistentVolume {
        capacity: storage_bytes(&mut reader, "spec.capacity", spec.capacity.as_ref()),
        access_modes: access_modes(&mut reader, "spec.accessModes", spec.access_modes.as_deref()),
        class: reader.names.intern(spec.storage_class_name.as_deref().unwrap_or_default()),
        block: spec.volume_mode.as_deref() == Some("Block"),
        node_affinity: affinity.map(|affinity| read_node_selector(&mut reader, "spec.nodeAffinity.required", affinity)),
        driver: driver(&mut reader, &spec),
        phase: match phase {
            Some("Pending") => VolumePhase::Pending,
            Some("Bound") => VolumePhase::Bound,
            Some("Released") => VolumePhase::Released,
            Some("Failed") => VolumePhase::Failed,
            Some("Available") | None => VolumePhase::Available,
            Some(other) => {
                let message = format!("`{other}` is not one of Pending, Available, Bound, Released, Failed");
                reader.problem("status.phase", message);
                VolumePhase::Pending
            }
        },
        reclaim_delete: reclaim_delete(
            &mut reader,
            "spec.persistentVolumeReclaimPolicy",
            spec.persistent_volume_reclaim_policy.as_deref().unwrap_or("Retain"),
        ),
        claim,
    };
    reader.finish(result)
}

/// Whether the policy is Delete.
fn reclaim_delete(reader: &mut Reader<'_>, path: &str, policy: &str) -> bool {
    if !["Delete", "Retain"].contains(&policy) {
        reader.problem(path, format!("`{policy}` is not one of Delete, Retain"));
    }
    policy == "Delete"
}

/// The driver and handle of a volume, in-tree disks by the CSI driver they have migrated to.
fn driver(reader: &mut Reader<'_>, spec: &core::PersistentVolumeSpec) -> Option<(Name, Name)> {
    let (driver, handle) = if let Some(csi) = &spec.csi {
        (csi.driver.as_str(), csi.volume_handle.as_str())
    } else if let Some(disk) = &spec.aws_elastic_block_store {
        ("ebs.csi.aws.com", disk.volume_id.as_str())
    } else if let Some(disk) = &spec.gce_persistent_disk {
        ("pd.csi.storage.gke.io", disk.pd_name.as_str())
    } else if let Some(disk) = &spec.azure_disk {
        ("disk.csi.azure.com", disk.disk_uri.as_str())
    } else if let Some(disk) = &spec.cinder {
        ("cinder.csi.openstack.org", disk.volume_id.as_str())
    } else {
        return None;
    };
    Some((reader.names.intern(driver), reader.names.intern(handle)))
}

/// The CSI driver that serves `provisioner`: in-tree provisioners by what they have migrated to.
pub fn migrated_provisioner(provisioner: &str) -> &str {
    match provisioner {
        "kubernetes.io/aws-ebs" => "ebs.csi.aws.com",
        "kubernetes.io/gce-pd" => "pd.csi.storage.gke.io",
        "kubernetes.io/azure-disk" => "disk.csi.azure.com",
        "kubernetes.io/cinder" => "cinder.csi.openstack.org",
        other => other,
    }
}

fn storage_bytes(reader: &mut Reader<'_>, path: &str, list: Option<&List>) -> i64 {
    match list.and_then(|list| list.get("storage")) {
        Some(text) => quantity(reader, &format!("{path}[storage]"), text).units(),
        None => 0,
    }
}

fn access_modes(reader: &mut Reader<'_>, path: &str, modes: Option<&[String]>) -> AccessModes {
    let mut set = AccessModes::default();
    for (index, mode) in modes.unwrap_or_default().iter().enumerate() {
        match mode.as_str() {
            "ReadWriteOnce" => set = set.with(AccessModes::READ_WRITE_ONCE),
            "ReadOnlyMany" => set = set.with(AccessModes::READ_ONLY_MANY),
            "ReadWriteMany" => set = set.with(AccessModes::READ_WRITE_MANY),
            "ReadWriteOncePod" => set = set.with(AccessModes::READ_WRITE_ONCE_POD),
            other => {
                let wanted = "ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod";
                reader.problem(format!("{path}[{index}]"), format!("`{other}` is not one of {wanted}"));
            }
        }
    }
    if set.contains(AccessModes::READ_WRITE_ONCE_POD) && set != AccessModes::READ_WRITE_ONCE_POD {
        reader.problem(path, "may not use ReadWriteOncePod with other access modes");
    }
    set
}

/// Converts a PersistentVolumeClaim. `default_class` is the name of the default StorageClass, given
/// to claims that name none.
///
/// # Errors
/// If a quantity, an access mode or the selector cannot be read.
pub fn persistent_volume_claim(
    names: &mut Names,
    claim: &core::PersistentVolumeClaim,
    default_class: Option<&str>,
) -> Result<PersistentVolumeClaim, Problems> {
    let mut reader = Reader::new(names);
    let spec = claim.spec.clone().unwrap_or_default();
    let mut result = read_claim(&mut reader, "spec", &spec, default_class);
    let annotation = |key: &str| claim.metadata.annotations.as_ref().and_then(|map| map.get(key));
    result.bind_completed = annotation("pv.kubernetes.io/bind-completed").is_some();
    result.selected_node = annotation("volume.kubernetes.io/selected-node").map(|node| reader.names.intern(node));
    result.provision = annotation("volume.kubernetes.io/storage-provisioner").is_some();
    result.lost = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost");
    let owners = claim.metadata.owner_references.iter().flatten();
    result.for_pod = owners
        .filter(|owner| owner.kind == "Pod" && owner.controller == Some(true))
        .map(|owner| reader.names.intern(&owner.name))
        .next();
    reader.finish(result)
}

fn read_claim(
    reader: &mut Reader<'_>,
    path: &str,
    spec: &core::PersistentVolumeClaimSpec,
    default_class: Option<&str>,
) -> PersistentVolumeClaim {
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    PersistentVolumeClaim {
        request: storage_bytes(reader, &format!("{path}.resources.requests"), requests),
        access_modes: access_modes(reader, &format!("{path}.accessModes"), spec.access_modes.as_deref()),
        class: spec.storage_class_name.as_deref().or(default_class).map(|class| reader.names.intern(class)),
        block: spec.volume_mode.as_deref() == Some("Block"),
        selector: spec.selector.as_ref().map(|selector| read_selector(reader, &format!("{path}.selector"), selector)),
        volume: spec.volume_name.as_deref().filter(|name| !name.is_empty()).map(|name| reader.names.intern(name)),
        bind_completed: false,
        lost: false,
        selected_node: None,
        provision: false,
        for_pod: None,
    }
}

/// The claim of a generic ephemeral volume, as the ephemeral-volume controller will make it.
pub(super) fn ephemeral_claim(
    reader: &mut Reader<'_>,
    path: &str,
    source: &core::EphemeralVolumeSource,
    default_class: Option<&str>,
) -> PersistentVolumeClaim {
    let path = format!("{path}.ephemeral.volumeClaimTemplate.spec");
    let spec = source.volume_claim_template.as_ref().map(|template| template.spec.clone()).unwrap_or_default();
    read_claim(reader, &path, &spec, default_class)
}

/// Converts a StorageClass.
///
/// # Errors
/// If the binding mode is unknown.
pub fn storage_class(names: &mut Names, class: &storage::StorageClass) -> Result<StorageClass, Problems> {
    let mut reader = Reader::new(names);
    let wait_for_first_consumer = match class.volume_binding_mode.as_deref() {
        Some("WaitForFirstConsumer") => true,
        Some("Immediate") | None => false,
        Some(other) => {
            let message = format!("`{other}` is not one of Immediate, WaitForFirstConsumer");
            reader.problem("volumeBindingMode", message);
            false
        }
    };
    let driver = migrated_provisioner(&class.provisioner);
    let provisions = !driver.is_empty() && driver != "kubernetes.io/no-provisioner";
    let default_key = "storageclass.kubernetes.io/is-default-class";
    let annotations = class.metadata.annotations.as_ref();
    let result = StorageClass {
        provisioner: reader.names.intern(&class.provisioner),
        driver: provisions.then(|| reader.names.intern(driver)),
        reclaim_delete: reclaim_delete(
            &mut reader,
            "reclaimPolicy",
            class.reclaim_policy.as_deref().unwrap_or("Delete"),
        ),
        wait_for_first_consumer,
        allowed_topologies: allowed_topologies(&mut reader, class),
        is_default: annotations.and_then(|map| map.get(default_key)).is_some_and(|value| value == "true"),
    };
    reader.finish(result)
}

fn allowed_topologies(reader: &mut Reader<'_>, class: &storage::StorageClass) -> Vec<Vec<(Name, Vec<Name>)>> {
    let terms = class.allowed_topologies.iter().flatten();
    let terms = terms.map(|term| {
        let expressions = term.match_label_expressions.iter().flatten();
        let expressions = expressions.map(|expression| {
            let values = expression.values.iter().map(|value| reader.names.intern(value)).collect();
            (reader.names.intern(&expression.key), values)
        });
        expressions.collect()
    });
    terms.collect()
}

/// Converts a CSINode.
pub fn csi_node(names: &mut Names, node: &storage::CSINode) -> CsiNode {
    let drivers = node.spec.drivers.iter().map(|driver| {
        let count = driver.allocatable.as_ref().and_then(|allocatable| allocatable.count);
        (names.intern(&driver.name), count.map(i64::from))
    });
    let drivers = drivers.collect();
    let keys = node.spec.drivers.iter().map(|driver| {
        let keys = driver.topology_keys.iter().flatten().map(|key| names.intern(key)).collect();
        (names.intern(&driver.name), keys)
    });
    CsiNode { drivers, topology_keys: keys.collect() }
}

/// Converts a CSIDriver.
pub fn csi_driver(driver: &storage::CSIDriver) -> CsiDriver {
    CsiDriver {
        storage_capacity: driver.spec.storage_capacity.unwrap_or(false),
        attach_required: driver.spec.attach_required.unwrap_or(true),
    }
}

/// Converts a VolumeAttachment.
pub fn volume_attachment(names: &mut Names, attachment: &storage::VolumeAttachment) -> VolumeAttachment {
    let spec = &attachment.spec;
    VolumeAttachment {
        attacher: names.intern(&spec.attacher),
        node: names.intern(&spec.node_name),
        volume: spec.source.persistent_volume_name.as_deref().map(|name| names.intern(name)),
        attached: attachment.status.as_ref().is_some_and(|status| status.attached),
    }
}

/// Converts a CSIStorageCapacity.
///
/// # Errors
/// If a quantity or the topology cannot be read.
pub fn csi_storage_capacity(
    names: &mut Names,
    capacity: &storage::CSIStorageCapacity,
) -> Result<CsiStorageCapacity, Problems> {
    let mut reader = Reader::new(names);
    let topology = capacity.node_topology.as_ref();
    let result = CsiStorageCapacity {
        class: reader.names.intern(&capacity.storage_class_name),
        topology: topology.map(|selector| read_selector(&mut reader, "nodeTopology", selector)),
        capacity: capacity.capacity.as_ref().map(|text| quantity(&mut reader, "capacity", text).units()),
        maximum_volume_size: capacity
            .maximum_volume_size
            .as_ref()
            .map(|text| quantity(&mut reader, "maximumVolumeSize", text).units()),
    };
    reader.finish(result)
}

/// The disks of inline volumes as (kind and id, read-only): two pods with the same disk cannot share
/// a node unless both only read it. An EBS disk is never shared; an RBD image is named once for each
/// of its monitors, as one in common is enough to clash.
pub(crate) fn inline_disks(volume: &core::Volume) -> BTreeMap<String, bool> {
    let mut disks = BTreeMap::new();
    if let Some(disk) = &volume.gce_persistent_disk {
        disks.insert(format!("pd.csi.storage.gke.io/{}", disk.pd_name), disk.read_only.unwrap_or(false));
    }
    if let Some(disk) = &volume.aws_elastic_block_store {
        disks.insert(format!("ebs.csi.aws.com/{}", disk.volume_id), false);
    }
    if let Some(disk) = &volume.iscsi {
        disks.insert(format!("iscsi/{}", disk.iqn), disk.read_only.unwrap_or(false));
    }
    if let Some(disk) = &volume.rbd {
        let pool = disk.pool.as_deref().unwrap_or("rbd");
        for monitor in &disk.monitors {
            disks.insert(format!("rbd/{monitor}/{pool}/{}", disk.image), disk.read_only.unwrap_or(false));
        }
    }
    disks
}
