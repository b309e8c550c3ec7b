//! What becomes of each field of the storage kinds: the second part of the table in [`super::fields`].

use super::fields::{TypeFields, whole};

const REMOVED: &str = "drivers that Kubernetes has removed";
const MOVED: &str = "it has moved to CSI; write `csi` with its driver and handle";
const SECRETS: &str = "every access is granted";

/// The decisions, by type.
pub(super) const ALL: &[TypeFields] = &[
    whole("PersistentVolume", "apiVersion kind metadata spec status"),
    TypeFields {
        name: "PersistentVolumeSpec",
        modelled: "accessModes awsElasticBlockStore azureDisk capacity cinder claimRef csi gcePersistentDisk nodeAffinity persistentVolumeReclaimPolicy storageClassName volumeMode",
        harmless: &[
            ("mountOptions volumeAttributesClassName", "how fast a volume is changes no decision"),
            ("fc hostPath iscsi local nfs", "such volumes need no attaching; `nodeAffinity` says where they are"),
        ],
        refused: &[
            ("azureFile portworxVolume vsphereVolume", MOVED),
            ("cephfs flexVolume flocker glusterfs photonPersistentDisk quobyte rbd scaleIO storageos", REMOVED),
        ],
    },
    TypeFields {
        name: "PersistentVolumeStatus",
        modelled: "phase",
        harmless: &[("lastPhaseTransitionTime message reason", "words about the phase")],
        refused: &[],
    },
    TypeFields {
        name: "CSIPersistentVolumeSource",
        modelled: "driver volumeHandle",
        harmless: &[
            ("fsType readOnly volumeAttributes", "what is on a volume changes no decision"),
            (
                "controllerExpandSecretRef controllerPublishSecretRef nodeExpandSecretRef nodePublishSecretRef nodeStageSecretRef",
                SECRETS,
            ),
        ],
        refused: &[],
    },
    TypeFields {
        name: "ObjectReference",
        modelled: "name namespace",
        harmless: &[("apiVersion fieldPath kind resourceVersion uid", "namespace and name say which claim is meant")],
        refused: &[],
    },
    whole("PersistentVolumeClaim", "apiVersion kind metadata spec status"),
    TypeFields {
        name: "PersistentVolumeClaimSpec",
        modelled: "accessModes resources selector storageClassName volumeMode volumeName",
        harmless: &[
            ("dataSource dataSourceRef", "what is on a volume changes no decision"),
            ("volumeAttributesClassName", "how fast a volume is changes no decision"),
        ],
        refused: &[],
    },
    TypeFields {
        name: "PersistentVolumeClaimStatus",
        modelled: "phase",
        harmless: &[(
            "accessModes allocatedResourceStatuses allocatedResources capacity conditions currentVolumeAttributesClassName modifyVolumeStatus",
            "written by controllers, never by whoever creates the object",
        )],
        refused: &[],
    },
    TypeFields {
        name: "VolumeResourceRequirements",
        modelled: "requests",
        harmless: &[("limits", "only a LimitRange of claims looks at it")],
        refused: &[],
    },
    TypeFields {
        name: "PersistentVolumeClaimVolumeSource",
        modelled: "claimName",
        harmless: &[("readOnly", "who writes changes no decision")],
        refused: &[],
    },
    whole("EphemeralVolumeSource", "volumeClaimTemplate"),
    whole("PersistentVolumeClaimTemplate", "metadata spec"),
    TypeFields {
        name: "StorageClass",
        modelled: "allowedTopologies apiVersion kind metadata provisioner reclaimPolicy volumeBindingMode",
        harmless: &[
            ("allowVolumeExpansion", "volumes keep their size"),
            ("mountOptions parameters", "how fast a volume is changes no decision"),
        ],
        refused: &[],
    },
    whole("CSINode", "apiVersion kind metadata spec"),
    TypeFields {
        name: "CSINodeDriver",
        modelled: "allocatable name topologyKeys",
        harmless: &[("nodeID", "addresses and identities change no decision")],
        refused: &[],
    },
    whole("CSIDriver", "apiVersion kind metadata spec"),
    TypeFields {
        name: "CSIDriverSpec",
        modelled: "attachRequired storageCapacity",
        harmless: &[
            (
                "fsGroupPolicy podInfoOnMount requiresRepublish seLinuxMount volumeLifecycleModes",
                "how volumes are mounted changes no decision",
            ),
            ("nodeAllocatableUpdatePeriodSeconds", "limits stay as CSINode gives them"),
            ("serviceAccountTokenInSecrets tokenRequests", SECRETS),
        ],
        refused: &[("preventPodSchedulingIfMissing", "it decides where pods fit, behind a feature gate that is off")],
    },
    whole("CSIStorageCapacity", "apiVersion capacity kind maximumVolumeSize metadata nodeTopology storageClassName"),
];

#[cfg(test)]
mod tests {
    use super::super::fields::tests::{assert_all_decided, fields_of};

    #[test]
    fn every_field_of_every_storage_type_is_decided_once() {
        use k8s_openapi::api::{core::v1::*, storage::v1::*};
        let types = [
            fields_of::<PersistentVolume>(),
            fields_of::<PersistentVolumeSpec>(),
            fields_of::<PersistentVolumeStatus>(),
            fields_of::<CSIPersistentVolumeSource>(),
            fields_of::<ObjectReference>(),
            fields_of::<PersistentVolumeClaim>(),
            fields_of::<PersistentVolumeClaimSpec>(),
            fields_of::<PersistentVolumeClaimStatus>(),
            fields_of::<VolumeResourceRequirements>(),
            fields_of::<PersistentVolumeClaimVolumeSource>(),
            fields_of::<EphemeralVolumeSource>(),
            fields_of::<PersistentVolumeClaimTemplate>(),
            fields_of::<StorageClass>(),
            fields_of::<CSINode>(),
            fields_of::<CSINodeDriver>(),
            fields_of::<CSIDriver>(),
            fields_of::<CSIDriverSpec>(),
            fields_of::<CSIStorageCapacity>(),
        ];
        assert_all_decided(&types, super::ALL);
    }
}
