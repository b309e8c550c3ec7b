//! What becomes of each field of a Kubernetes object: it counts, it changes nothing here, or it is
//! refused because ignoring it would give a wrong answer. docs/MODEL.md prints this table.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It has its effect.
    Modelled,
    /// It is accepted and has no effect, for this reason.
    Harmless(&'static str),
    /// It is an error, for this reason.
    Refused(&'static str),
}

/// The decisions about the fields of one Kubernetes type. Names are separated by spaces.
pub struct TypeFields {
    /// The type, as in the API reference.
    pub name: &'static str,
    /// Fields that have their effect.
    pub modelled: &'static str,
    /// Fields without effect, and why.
    pub harmless: &'static [(&'static str, &'static str)],
    /// Fields that are refused, and why.
    pub refused: &'static [(&'static str, &'static str)],
}

/// The decision about a field. A type without entry has only fields that count; a field missing
/// from its type's entry is refused.
pub fn decision(type_name: &str, field: &str) -> Decision {
    let Some(entry) = ALL.iter().find(|entry| entry.name == type_name) else { return Decision::Modelled };
    let has = |names: &str| names.split(' ').any(|name| name == field);
    if has(entry.modelled) {
        return Decision::Modelled;
    }
    if let Some((_, why)) = entry.harmless.iter().find(|(names, _)| has(names)) {
        return Decision::Harmless(why);
    }
    let refused = entry.refused.iter().find(|(names, _)| has(names));
    Decision::Refused(refused.map_or("it could change the outcome", |(_, why)| why))
}

/// The decisions as a Markdown table, for docs/MODEL.md.
pub fn table() -> String {
    let mut text = "| type | fields | what becomes of them |\n|---|---|---|\n".to_string();
    let mut row = |name: &str, fields: &str, what: &str| {
        let fields = fields.split(' ').map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ");
        text += &format!("| {name} | {fields} | {what} |\n");
    };
    for entry in ALL {
        row(entry.name, entry.modelled, "modelled");
        entry.harmless.iter().for_each(|(fields, why)| row(entry.name, fields, &format!("no effect: {why}")));
        entry.refused.iter().for_each(|(fields, why)| row(entry.name, fields, &format!("refused: {why}")));
    }
    text
}

const STATUS: (&str, &str) = ("status", "written by controllers, never by whoever creates the object");
const TRAFFIC: &str = "traffic is not modelled";

const fn whole(name: &'static str, modelled: &'static str) -> TypeFields {
    TypeFields { name, modelled, harmless: &[], refused: &[] }
}

/// All decisions, by type.
pub const ALL: &[TypeFields] = &[
    TypeFields { name: "Deployment", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    whole(
        "DeploymentSpec",
        "minReadySeconds paused progressDeadlineSeconds replicas revisionHistoryLimit selector strategy template",
    ),
    whole("DeploymentStrategy", "rollingUpdate type"),
    whole("RollingUpdateDeployment", "maxSurge maxUnavailable"),
    TypeFields { name: "ReplicaSet", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    whole("ReplicaSetSpec", "minReadySeconds replicas selector template"),
    TypeFields { name: "StatefulSet", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields {
        name: "StatefulSetSpec",
        modelled: "minReadySeconds ordinals persistentVolumeClaimRetentionPolicy podManagementPolicy replicas selector template updateStrategy",
        harmless: &[
            ("serviceName", "name look-up changes no decision"),
            ("revisionHistoryLimit", "old revisions are only there to be rolled back to"),
        ],
        refused: &[("volumeClaimTemplates", "nothing provisions volumes in a run")],
    },
    TypeFields {
        name: "RollingUpdateStatefulSetStrategy",
        modelled: "partition",
        harmless: &[("maxUnavailable", "its feature gate is off by default")],
        refused: &[],
    },
    TypeFields { name: "DaemonSet", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields {
        name: "DaemonSetSpec",
        modelled: "minReadySeconds selector template updateStrategy",
        harmless: &[("revisionHistoryLimit", "old revisions are only there to be rolled back to")],
        refused: &[],
    },
    TypeFields { name: "Job", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields {
        name: "JobSpec",
        modelled: "activeDeadlineSeconds backoffLimit backoffLimitPerIndex completionMode completions manualSelector maxFailedIndexes parallelism podFailurePolicy podReplacementPolicy selector successPolicy suspend template ttlSecondsAfterFinished",
        harmless: &[],
        refused: &[
            ("managedBy", "another controller would run the Job"),
            ("scheduling", "it makes pods wait for one another"),
        ],
    },
    TypeFields {
        name: "PodFailurePolicyOnExitCodesRequirement",
        modelled: "operator values",
        harmless: &[],
        refused: &[("containerName", "the pod's containers end as one")],
    },
    TypeFields { name: "CronJob", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields {
        name: "PodDisruptionBudget",
        modelled: "apiVersion kind metadata spec",
        harmless: &[STATUS],
        refused: &[],
    },
    TypeFields { name: "ResourceQuota", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields { name: "Pod", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    whole("PodTemplateSpec", "metadata spec"),
    TypeFields {
        name: "ObjectMeta",
        modelled: "annotations labels name namespace",
        harmless: &[(
            "creationTimestamp generation managedFields resourceVersion selfLink uid",
            "set by the API server",
        )],
        refused: &[
            ("generateName", "the scenario needs fixed names"),
            ("finalizers", "they hold back deletion"),
            ("ownerReferences", "owners are made by controllers"),
            ("deletionGracePeriodSeconds deletionTimestamp", "the object would be on its way out; use a `delete` step"),
        ],
    },
    TypeFields {
        name: "PodSpec",
        modelled: "affinity containers hostNetwork initContainers nodeName nodeSelector overhead preemptionPolicy priority priorityClassName resources restartPolicy runtimeClassName schedulerName schedulingGates terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes",
        harmless: &[
            (
                "dnsConfig dnsPolicy enableServiceLinks hostAliases hostname hostnameOverride setHostnameAsFQDN subdomain",
                "name look-up changes no decision",
            ),
            ("hostIPC hostPID hostUsers securityContext shareProcessNamespace", "isolation changes no decision"),
            (
                "automountServiceAccountToken imagePullSecrets serviceAccount serviceAccountName",
                "every access is granted",
            ),
            ("os", "every node runs Linux"),
        ],
        refused: &[
            ("activeDeadlineSeconds", "it ends pods; `sim/run-for` says how long a pod runs"),
            ("ephemeralContainers", "they are added to running pods only"),
            ("readinessGates", "they hold back Ready"),
            ("resourceClaims", "dynamic resource allocation decides where pods fit"),
            ("schedulingGroup", "it makes pods wait for one another"),
        ],
    },
    TypeFields {
        name: "Container",
        modelled: "image imagePullPolicy name ports readinessProbe resources restartPolicy",
        harmless: &[
            (
                "args command env envFrom stdin stdinOnce tty workingDir",
                "what runs inside is given by `sim/…` annotations",
            ),
            ("terminationMessagePath terminationMessagePolicy", "messages change no decision"),
            ("securityContext", "isolation changes no decision"),
            ("volumeDevices volumeMounts", "the pod's `volumes` decide"),
            ("resizePolicy", "pods are not resized"),
            ("livenessProbe startupProbe", "containers do not hang, so that the probe never fails"),
        ],
        refused: &[
            (
                "lifecycle",
                "hooks change how long starting and stopping take; annotate the pod with `sim/stop-after` instead",
            ),
            ("restartPolicyRules", "they change what is restarted"),
        ],
    },
    TypeFields {
        name: "ContainerPort",
        modelled: "containerPort hostIP hostPort protocol",
        harmless: &[("name", TRAFFIC)],
        refused: &[],
    },
    TypeFields {
        name: "Probe",
        modelled: "failureThreshold initialDelaySeconds periodSeconds successThreshold",
        harmless: &[(
            "exec grpc httpGet tcpSocket terminationGracePeriodSeconds timeoutSeconds",
            "when the probe succeeds is given by `sim/ready-after`",
        )],
        refused: &[],
    },
    TypeFields {
        name: "ResourceRequirements",
        modelled: "limits requests",
        harmless: &[],
        refused: &[("claims", "dynamic resource allocation decides where pods fit")],
    },
    whole("Toleration", "effect key operator tolerationSeconds value"),
    whole(
        "TopologySpreadConstraint",
        "labelSelector matchLabelKeys maxSkew minDomains nodeAffinityPolicy nodeTaintsPolicy topologyKey whenUnsatisfiable",
    ),
    TypeFields {
        name: "Volume",
        modelled: "awsElasticBlockStore ephemeral gcePersistentDisk iscsi name persistentVolumeClaim rbd",
        harmless: &[(
            "configMap downwardAPI emptyDir gitRepo hostPath image nfs projected secret",
            "such volumes are there on every node",
        )],
        refused: &[
            ("csi", "inline CSI volumes count against a node's volume limit"),
            (
                "azureDisk azureFile cephfs cinder fc flexVolume flocker glusterfs photonPersistentDisk portworxVolume quobyte scaleIO storageos vsphereVolume",
                "drivers that Kubernetes has removed or moved to CSI",
            ),
        ],
    },
    TypeFields { name: "Node", modelled: "apiVersion kind metadata spec status", harmless: &[], refused: &[] },
    TypeFields {
        name: "NodeSpec",
        modelled: "taints unschedulable",
        harmless: &[(
            "configSource externalID podCIDR podCIDRs providerID",
            "addresses and identities change no decision",
        )],
        refused: &[],
    },
    TypeFields {
        name: "NodeStatus",
        modelled: "allocatable capacity images",
        harmless: &[(
            "addresses conditions config daemonEndpoints declaredFeatures features nodeInfo phase runtimeHandlers volumesAttached volumesInUse",
            "reported by the kubelet at run time",
        )],
        refused: &[],
    },
    TypeFields {
        name: "Taint",
        modelled: "effect key value",
        harmless: &[("timeAdded", "taints of the file are there from the start")],
        refused: &[],
    },
    whole("ContainerImage", "names sizeBytes"),
    TypeFields { name: "Service", modelled: "apiVersion kind metadata spec", harmless: &[STATUS], refused: &[] },
    TypeFields {
        name: "ServiceSpec",
        modelled: "selector",
        harmless: &[(
            "allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs externalName externalTrafficPolicy healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy loadBalancerClass loadBalancerIP loadBalancerSourceRanges ports publishNotReadyAddresses sessionAffinity sessionAffinityConfig trafficDistribution type",
            TRAFFIC,
        )],
        refused: &[],
    },
    TypeFields {
        name: "Namespace",
        modelled: "apiVersion kind metadata",
        harmless: &[STATUS, ("spec", "only deletion looks at it")],
        refused: &[],
    },
    TypeFields {
        name: "PriorityClass",
        modelled: "apiVersion globalDefault kind metadata preemptionPolicy value",
        harmless: &[("description", "text for people")],
        refused: &[],
    },
    TypeFields {
        name: "RuntimeClass",
        modelled: "apiVersion kind metadata overhead scheduling",
        harmless: &[("handler", "every node has every handler")],
        refused: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::{Deserialize, Deserializer, Visitor, value::Error};

    /// A deserializer that only wants to know the name and the fields of a type.
    struct Ask<'a>(&'a mut Option<(&'static str, &'static [&'static str])>);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = Error;
        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("no struct"))
        }
        fn deserialize_struct<V: Visitor<'de>>(
            self,
            name: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            *self.0 = Some((name, fields));
            Err(serde::de::Error::custom("asked"))
        }
        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn fields_of<T: for<'de> Deserialize<'de>>() -> (&'static str, &'static [&'static str]) {
        let mut answer = None;
        let _ = T::deserialize(Ask(&mut answer));
        answer.unwrap()
    }

    #[test]
    fn every_field_of_every_listed_type_is_decided_once() {
        use k8s_openapi::api::policy::v1::PodDisruptionBudget;
        use k8s_openapi::api::{apps::v1::*, batch::v1::*, core::v1::*, node::v1::*, scheduling::v1::*};
        let types = [
            fields_of::<Deployment>(),
            fields_of::<DeploymentSpec>(),
            fields_of::<DeploymentStrategy>(),
            fields_of::<RollingUpdateDeployment>(),
            fields_of::<ReplicaSet>(),
            fields_of::<ReplicaSetSpec>(),
            fields_of::<StatefulSet>(),
            fields_of::<StatefulSetSpec>(),
            fields_of::<RollingUpdateStatefulSetStrategy>(),
            fields_of::<DaemonSet>(),
            fields_of::<DaemonSetSpec>(),
            fields_of::<Job>(),
            fields_of::<JobSpec>(),
            fields_of::<PodFailurePolicyOnExitCodesRequirement>(),
            fields_of::<CronJob>(),
            fields_of::<PodDisruptionBudget>(),
            fields_of::<ResourceQuota>(),
            fields_of::<Pod>(),
            fields_of::<PodTemplateSpec>(),
            fields_of::<k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta>(),
            fields_of::<PodSpec>(),
            fields_of::<Container>(),
            fields_of::<ContainerPort>(),
            fields_of::<Probe>(),
            fields_of::<ResourceRequirements>(),
            fields_of::<Toleration>(),
            fields_of::<TopologySpreadConstraint>(),
            fields_of::<Volume>(),
            fields_of::<Node>(),
            fields_of::<NodeSpec>(),
            fields_of::<NodeStatus>(),
            fields_of::<Taint>(),
            fields_of::<ContainerImage>(),
            fields_of::<Service>(),
            fields_of::<ServiceSpec>(),
            fields_of::<Namespace>(),
            fields_of::<PriorityClass>(),
            fields_of::<RuntimeClass>(),
        ];
        assert_eq!(types.map(|(name, _)| name).to_vec(), ALL.iter().map(|entry| entry.name).collect::<Vec<_>>());
        for ((_, fields), entry) in types.iter().zip(ALL) {
            let lists = entry.harmless.iter().chain(entry.refused).map(|(names, _)| *names);
            let mut decided: Vec<&str> =
                std::iter::once(entry.modelled).chain(lists).flat_map(|names| names.split(' ')).collect();
            decided.sort_unstable();
            let mut wanted = fields.to_vec();
            wanted.sort_unstable();
            assert_eq!(decided, wanted, "{}", entry.name);
        }
    }
}
