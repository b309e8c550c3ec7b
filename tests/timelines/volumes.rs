//! Claims and their volumes (services-storage.md 4 to 7): provisioning, binding, and what a volume that only
//! one node may have does to the healing of its pod.
//!
//! Making a volume takes 4.5 s, attaching 8 s, detaching 4 s, and a node says 3 s after unmounting that a
//! volume is no longer in use. The attach/detach reconciler looks ten times a second.

use sim::cluster::Kind;
use sim::engine::Time;
use sim::simulation::Command;

use crate::{Log, check, compare, run, start};

const LATENCIES: &str = "
control-plane: { latencies: { volume-provision: 4500ms, volume-attach: 8s, volume-detach: 4s } }
kubelet: { volume-report: 3s }
";

/// A Deployment of one pod on `n-1` whose volume only one node may have at a time; `n-2`, empty, joins at
/// 30 s.
fn one_volume(timeline: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
{LATENCIES}
workloads:
  - object:
      {{apiVersion: v1, kind: PersistentVolume, metadata: {{name: disk}}, spec: {{
        capacity: {{storage: 10Gi}}, accessModes: [ReadWriteOnce], csi: {{driver: ebs.csi.aws.com, volumeHandle: v1}}}}}}
  - object:
      {{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data}}, spec: {{
        accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 5Gi}}}}}}}}
  - object:
      {{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{
        replicas: 1, selector: {{matchLabels: {{app: web}}}}, template: {{
          metadata: {{labels: {{app: web}}}}, spec: {{
            containers: [{{name: web, image: web}}],
            volumes: [{{name: data, persistentVolumeClaim: {{claimName: data}}}}]}}}}}}}}
timeline: [{{ at: 30s, add-nodes: {{ name: n-2 }} }}, {timeline}]
"
    )
}

const SHOW: [&str; 4] = ["node Machine", "pod", "VolumeAttachment", "pod FailedAttachVolume"];
const MULTI_ATTACH: &str = "Multi-Attach error for volume \"disk\" Volume is already used by pod(s) web-1-*";

#[test]
fn a_volume_on_a_dead_node_stays_there_and_its_pod_never_starts_elsewhere() {
    check(
        &one_volume("{ at: 60s, crash: { node: n-1 } }"),
        &SHOW,
        &format!(
            "
            60.0s node/n-1 Machine=off
            106.0s pod/web-1-*@n-1 Ready=False
            406.0s pod/web-1-*@n-1 Deleting=grace 30s
            406.0s pod/web-1-* Created=by ReplicaSet web-1
            406.0s pod/web-1-*@n-2 Node=n-2
            406.1s pod/web-1-*@n-2 FailedAttachVolume={MULTI_ATTACH} # the first look after it
            # the object of the old pod is there to the end, so its volume is wanted on n-1
            "
        ),
    );
}

#[test]
fn case_a_the_node_returns_unmounts_and_the_volume_follows_the_pod() {
    check(
        &one_volume("{ at: 60s, crash: { node: n-1 } }, { at: 600s, recover: { node: n-1 } }"),
        &SHOW,
        &format!(
            "
            60.0s node/n-1 Machine=off
            106.0s pod/web-1-*@n-1 Ready=False
            406.0s pod/web-1-*@n-1 Deleting=grace 30s
            406.0s pod/web-1-* Created=by ReplicaSet web-1
            406.0s pod/web-1-*@n-2 Node=n-2
            406.1s pod/web-1-*@n-2 FailedAttachVolume={MULTI_ATTACH} # the first look after it
            600.0s node/n-1 Machine=booting
            645.0s node/n-1 Machine=on, unhealthy # boot 40 s, first status 5 s later
            655.0s node/n-1 Machine=on # Ready 10 s after that; nothing runs that would have to be stopped
            656.0s pod/web-1-*@n-1 Removed # teardown 1 s
            658.0s VolumeAttachment/csi-disk-n-1 Deleting # the status of 655 + 3 s: not in use
            662.0s VolumeAttachment/csi-disk-n-1 Removed
            662.0s VolumeAttachment/csi-disk-n-2 Created
            670.0s VolumeAttachment/csi-disk-n-2 Updated # attached
            671.0s pod/web-1-*@n-2 Phase=Running
            671.0s pod/web-1-*@n-2 Ready=True
            "
        ),
    );
}

#[test]
fn case_b_the_node_is_deleted_and_the_volume_is_taken_from_it_six_minutes_after_the_pod_is_collected() {
    check(
        &one_volume("{ at: 60s, crash: { node: n-1 } }, { at: 600s, delete-node: { node: n-1 } }"),
        &SHOW,
        &format!(
            "
            60.0s node/n-1 Machine=off
            106.0s pod/web-1-*@n-1 Ready=False
            406.0s pod/web-1-*@n-1 Deleting=grace 30s
            406.0s pod/web-1-* Created=by ReplicaSet web-1
            406.0s pod/web-1-*@n-2 Node=n-2
            406.1s pod/web-1-*@n-2 FailedAttachVolume={MULTI_ATTACH} # the first look after it
            643.0s pod/web-1-*@n-1 Phase=Failed # the collector's passes are at 603 and, 40 s later, 643
            643.0s pod/web-1-*@n-1 Removed
            1003.1s VolumeAttachment/csi-disk-n-1 Deleting # the first look after 643 + 360
            1007.1s VolumeAttachment/csi-disk-n-1 Removed
            1007.1s VolumeAttachment/csi-disk-n-2 Created
            1015.1s VolumeAttachment/csi-disk-n-2 Updated
            1016.1s pod/web-1-*@n-2 Phase=Running
            1016.1s pod/web-1-*@n-2 Ready=True
            "
        ),
    );
}

#[test]
fn nobody_takes_a_volume_from_a_deleted_node_if_the_flag_forbids_it() {
    let scenario = one_volume("{ at: 60s, crash: { node: n-1 } }, { at: 600s, delete-node: { node: n-1 } }");
    let flag = "control-plane: { kube-controller-manager: { disable-force-detach-on-timeout: true },";
    check(&scenario.replace("control-plane: {", flag), &["VolumeAttachment"], "");
}

#[test]
fn case_c_a_node_out_of_service_loses_its_volume_as_soon_as_the_pod_is_collected() {
    let taint = "{ at: 200s, taint: { node: n-1, key: node.kubernetes.io/out-of-service, effect: NoExecute } }";
    check(
        &one_volume(&format!("{{ at: 60s, crash: {{ node: n-1 }} }}, {taint}")),
        &SHOW,
        &format!(
            "
            60.0s node/n-1 Machine=off
            106.0s pod/web-1-*@n-1 Ready=False
            200.0s pod/web-1-*@n-1 Deleting=grace 30s # the taint is not tolerated
            200.0s pod/web-1-* Created=by ReplicaSet web-1
            200.0s pod/web-1-*@n-2 Node=n-2
            200.0s pod/web-1-*@n-2 FailedAttachVolume={MULTI_ATTACH}
            203.0s pod/web-1-*@n-1 Phase=Failed # the next pass of the collector
            203.0s pod/web-1-*@n-1 Removed
            203.0s VolumeAttachment/csi-disk-n-1 Deleting # at once
            207.0s VolumeAttachment/csi-disk-n-1 Removed
            207.0s VolumeAttachment/csi-disk-n-2 Created
            215.0s VolumeAttachment/csi-disk-n-2 Updated
            216.0s pod/web-1-*@n-2 Phase=Running
            216.0s pod/web-1-*@n-2 Ready=True
            "
        ),
    );
}

#[test]
fn a_volume_follows_a_drained_pod_once_it_is_unmounted() {
    // the eviction is looked at 5 ms after the request, so that the reconciler sees what follows a tenth later
    check(
        &one_volume("{ at: 60s, drain: { node: n-1 } }"),
        &SHOW,
        &format!(
            "
            60.0s pod/web-1-*@n-1 Deleting=grace 30s
            60.0s pod/web-1-* Created=by ReplicaSet web-1
            60.0s pod/web-1-*@n-2 Node=n-2
            60.1s pod/web-1-*@n-2 FailedAttachVolume={MULTI_ATTACH}
            62.0s pod/web-1-*@n-1 Ready=False # stopped after 2 s
            63.0s pod/web-1-*@n-1 Removed # cleaned up after 1 s
            66.1s VolumeAttachment/csi-disk-n-1 Deleting # said to be unmounted 3 s later
            70.1s VolumeAttachment/csi-disk-n-1 Removed
            70.1s VolumeAttachment/csi-disk-n-2 Created
            78.1s VolumeAttachment/csi-disk-n-2 Updated
            79.1s pod/web-1-*@n-2 Phase=Running
            79.1s pod/web-1-*@n-2 Ready=True
            "
        ),
    );
}

#[test]
fn many_nodes_may_have_a_volume_whose_modes_say_so() {
    let scenario = one_volume("{ at: 60s, crash: { node: n-1 } }").replace("ReadWriteOnce", "ReadWriteMany");
    check(
        &scenario,
        &["VolumeAttachment", "pod Phase", "pod FailedAttachVolume"],
        "
        406.1s VolumeAttachment/csi-disk-n-2 Created # the first look after it is bound
        414.1s VolumeAttachment/csi-disk-n-2 Updated
        415.1s pod/web-1-*@n-2 Phase=Running
        ",
    );
}

#[test]
fn a_volume_without_a_driver_needs_no_attaching() {
    let csi = "csi: {driver: ebs.csi.aws.com, volumeHandle: v1}";
    let scenario = one_volume("{ at: 60s, crash: { node: n-1 } }").replace(csi, "nfs: {server: s, path: /}");
    check(&scenario, &["VolumeAttachment", "pod Phase"], "407.0s pod/web-1-*@n-2 Phase=Running");
}

#[test]
fn a_pod_that_waits_for_its_volume_says_so_every_two_minutes() {
    let instants = run(&one_volume("{ at: 60s, crash: { node: n-1 } }")).instants("pod", "FailedMount", "[data]");
    let expected: Vec<Time> = (1..=25).map(|n| Time::from_secs(406 + 123 * n)).collect();
    let late: Vec<bool> =
        instants.iter().zip(&expected).map(|(at, wanted)| at.since(*wanted).0 < 100_000_000).collect();
    assert_eq!((instants.len(), late), (25, vec![true; 25]), "{instants:?}");
}

/// A class that waits for the first consumer, and a StatefulSet with a claim for each pod, created at 10 s.
fn with_claims(nodes: &str, set: &str, rest: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{nodes}] }}
{LATENCIES}
workloads:
  - object:
      {{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: fast}}, provisioner: ebs.csi.aws.com,
        volumeBindingMode: WaitForFirstConsumer}}
timeline:
  - at: 10s
    create:
      object:
        {{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: db}}, spec: {{
          serviceName: db, selector: {{matchLabels: {{app: db}}}}, {set},
          template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: db, image: db}}]}}}},
          volumeClaimTemplates: [{{metadata: {{name: data}}, spec: {{
            accessModes: [ReadWriteOnce], storageClassName: fast, resources: {{requests: {{storage: 1Gi}}}}}}}}]}}}}
{rest}"
    )
}

#[test]
fn a_volume_is_made_when_its_first_consumer_has_its_node() {
    let scenario = with_claims("{ name: n }", "replicas: 1", "");
    check(
        &scenario,
        &["pod", "PersistentVolumeClaim Created", "PersistentVolumeClaim Provisioning", "PersistentVolume Created"],
        &"
        10.0s PersistentVolumeClaim/data-db-0 Created
        10.0s pod/db-0 Created=by StatefulSet db
        10.0s PersistentVolumeClaim/data-db-0 Provisioning=External provisioner is provisioning volume for claim \"default/data-db-0\"
        14.5s PersistentVolume/VOLUME Created
        15.0s pod/db-0@n Node=n # the scheduler looks at the claims at 11 s, 12 s, … and finds them bound
        24.0s pod/db-0@n Phase=Running # 8 s to attach, and a second
        24.0s pod/db-0@n Ready=True
        "
        .replace("VOLUME", &volumes(&scenario)[0]),
    );
}

/// The names of the volumes that are made.
fn volumes(scenario: &str) -> Vec<String> {
    let rows = run(scenario).rows.into_iter();
    rows.filter(|row| row.kind == "PersistentVolume" && row.reason == "Created").map(|row| row.name).collect()
}

#[test]
fn a_volume_made_in_a_zone_keeps_its_pod_there() {
    let crash = "  - { at: 100s, crash: { node: n-1 } }\n";
    let nodes = "{ name: n-1, zone: a }, { name: m, zone: b, unschedulable: true }";
    // the only node of its zone is gone and taken out of the API: the pod waits
    let scenario = with_claims(
        nodes,
        "replicas: 1",
        &format!(
            "{crash}  - {{ at: 200s, delete-node: {{ node: n-1 }} }}\n  - {{ at: 150s, uncordon: {{ node: m }} }}\n"
        ),
    );
    check(
        &format!("{scenario}phases: {{ leases: {{ n-1: 4s, m: 4s }} }}\n").replace("1h", "5m"),
        &["pod", "pod FailedScheduling"],
        "
        10.0s pod/db-0 Created=by StatefulSet db
        15.0s pod/db-0@n-1 Node=n-1
        24.0s pod/db-0@n-1 Phase=Running
        24.0s pod/db-0@n-1 Ready=True
        146.0s pod/db-0@n-1 Ready=False
        243.0s pod/db-0@n-1 Phase=Failed # the collector sees the node gone at 203 s
        243.0s pod/db-0@n-1 Removed
        243.0s pod/db-0@n-1 Created=by StatefulSet db
        243.0s pod/db-0@n-1 FailedScheduling=0/1 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
        ",
    );
}

#[test]
fn a_local_volume_keeps_its_pod_on_its_node() {
    let local = "local: {path: /d}, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [
        {key: kubernetes.io/hostname, operator: In, values: [n-1]}]}]}}";
    let csi = "csi: {driver: ebs.csi.aws.com, volumeHandle: v1}";
    let scenario = one_volume("{ at: 60s, crash: { node: n-1, for: 500s } }").replace(csi, local);
    check(
        &scenario,
        &["pod", "pod FailedScheduling"],
        "
        106.0s pod/web-1-*@n-1 Ready=False
        406.0s pod/web-1-*@n-1 Deleting=grace 30s
        406.0s pod/web-1-* Created=by ReplicaSet web-1
        406.0s pod/web-1-* FailedScheduling=0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.
        # back at 560 s, heard 45 s later, Ready at 615 s
        615.0s pod/web-1-*@n-1 Node=n-1
        616.0s pod/web-1-*@n-1 Removed
        616.0s pod/web-1-*@n-1 Phase=Running
        616.0s pod/web-1-*@n-1 Ready=True
        ",
    );
}

/// Runs a StatefulSet of two that is scaled to one at 100 s and to two again at 200 s.
fn scaled_down_and_up(set: &str) -> Log {
    let mut log = Log::default();
    let mut simulation = start(&with_claims("{ name: n }", set, ""), &mut log);
    let (namespace, name) = (simulation.cluster.names.intern("default"), simulation.cluster.names.intern("db"));
    for (at, replicas) in [(100, 1), (200, 2)] {
        simulation.command_at(Time::from_secs(at), Command::Scale(Kind::StatefulSet, namespace, name, replicas));
    }
    simulation.command_at(Time::from_secs(300), Command::Delete(Kind::StatefulSet, namespace, name));
    simulation.run(&mut log);
    simulation.cluster.check().unwrap();
    log
}

const CLAIMS: [&str; 6] = [
    "pod Created",
    "pod Phase",
    "pod Removed",
    "PersistentVolumeClaim Created",
    "PersistentVolumeClaim Deleting",
    "PersistentVolumeClaim Removed",
];

#[test]
fn claims_outlive_the_pods_of_a_stateful_set() {
    compare(
        scaled_down_and_up("replicas: 2").lines(&CLAIMS),
        "
        10.0s PersistentVolumeClaim/data-db-0 Created
        10.0s pod/db-0 Created=by StatefulSet db
        24.0s pod/db-0@n Phase=Running
        24.0s PersistentVolumeClaim/data-db-1 Created
        24.0s pod/db-1 Created=by StatefulSet db
        38.0s pod/db-1@n Phase=Running # 5 s until it is bound, 8 s to attach, 1 s to start
        103.0s pod/db-1@n Removed
        200.0s pod/db-1@n Created=by StatefulSet db # its claim is bound: nothing is made
        209.0s pod/db-1@n Phase=Running # the volume was detached meanwhile
        303.0s pod/db-0@n Removed
        303.0s pod/db-1@n Removed
        ",
        true,
    );
}

#[test]
fn claims_go_where_the_retention_policy_says_delete() {
    let set = "replicas: 2, persistentVolumeClaimRetentionPolicy: {whenScaled: Delete, whenDeleted: Delete}";
    let log = scaled_down_and_up(set);
    compare(
        log.lines(&CLAIMS),
        "
        10.0s PersistentVolumeClaim/data-db-0 Created
        10.0s pod/db-0 Created=by StatefulSet db
        24.0s pod/db-0@n Phase=Running
        24.0s PersistentVolumeClaim/data-db-1 Created
        24.0s pod/db-1 Created=by StatefulSet db
        38.0s pod/db-1@n Phase=Running
        103.0s pod/db-1@n Removed
        103.0s PersistentVolumeClaim/data-db-1 Deleting # with its pod
        103.0s PersistentVolumeClaim/data-db-1 Removed
        200.0s PersistentVolumeClaim/data-db-1 Created
        200.0s pod/db-1@n Created=by StatefulSet db
        214.0s pod/db-1@n Phase=Running # with a volume newly made
        300.0s PersistentVolumeClaim/data-db-0 Deleting # with the set, but kept while pods use them
        300.0s PersistentVolumeClaim/data-db-1 Deleting
        303.0s pod/db-0@n Removed
        303.0s pod/db-1@n Removed
        303.0s PersistentVolumeClaim/data-db-0 Removed
        303.0s PersistentVolumeClaim/data-db-1 Removed
        ",
        true,
    );
    // volumes go when they are detached (3 s until unmounting is reported, 4 s) and the driver is done (4.5 s)
    let gone = log.instants("PersistentVolume", "Removed", "");
    assert_eq!(gone, [114_500, 314_500, 314_500].map(|ms| Time(ms * 1_000_000)));
}

#[test]
fn an_immediate_claim_has_its_volume_made_before_its_pod_has_a_node() {
    let scenario = with_claims("{ name: n }", "replicas: 1", "").replace("WaitForFirstConsumer", "Immediate");
    check(
        &scenario,
        &["pod", "PersistentVolumeClaim Provisioning"],
        "
        10.0s pod/db-0 Created=by StatefulSet db
        10.0s PersistentVolumeClaim/data-db-0 Provisioning=External provisioner is provisioning volume for claim \"default/data-db-0\"
        # made and bound at 14.5 s, which wakes the pod; it is attached in the next look, within 8 s, and starts in 1 s
        14.5s pod/db-0@n Node=n
        23.5s pod/db-0@n Phase=Running
        23.5s pod/db-0@n Ready=True
        ",
    );
    let why = "pod has unbound immediate PersistentVolumeClaims";
    let first = run(&scenario).instants("pod", "FailedScheduling", why).first().copied();
    assert_eq!(first, Some(Time::from_secs(10)));
}

#[test]
fn a_claim_for_which_there_is_nothing_is_looked_at_again_every_15_s() {
    // claim and pod at 20 s, the volume at 36 s, and the binder looks at 7 s, 22 s, 37 s …
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {
        accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi}}}}";
    let volume = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: disk}, spec: {
        capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce], local: {path: /d}}}";
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i}],
        volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}";
    let step = |at: &str, object: &str| format!("  - {{at: {at}, create: {{object: {object}}}}}\n");
    let scenario = format!(
        "\nduration: 5m\ncluster: {{ nodes: [{{ name: n }}] }}\nphases: {{ volume-binder: 7s }}\ntimeline:\n{}{}{}",
        step("20s", claim),
        step("20s", pod),
        step("36s", volume)
    );
    check(
        &scenario,
        &["pod Phase", "PersistentVolumeClaim FailedBinding", "PersistentVolumeClaim Updated"],
        "
        20.0s PersistentVolumeClaim/data FailedBinding=no persistent volumes available for this claim and no storage class is set
        37.0s PersistentVolumeClaim/data Updated
        38.0s pod/p@n Phase=Running
        ",
    );
}

#[test]
fn a_controller_manager_that_starts_again_counts_the_six_minutes_anew() {
    let mut log = Log::default();
    let deleted = "{ at: 60s, crash: { node: n-1 } }, { at: 600s, delete-node: { node: n-1 } }";
    let scenario = one_volume(deleted);
    let mut simulation = start(&scenario, &mut log);
    let manager = sim::simulation::Component::ControllerManager;
    simulation.command_at(Time::from_secs(900), Command::Stop(manager));
    simulation.command_at(Time::from_secs(1000), Command::Start(manager));
    simulation.run(&mut log);
    simulation.cluster.check().unwrap();
    let taken = log.instants("VolumeAttachment", "Deleting", "");
    // it fills its caches for some seconds first
    let (least, most) = (Time::from_secs(1360), Time::from_secs(1400));
    assert!(taken.len() == 1 && (least..most).contains(&taken[0]), "{taken:?}");
}

#[test]
fn a_pod_whose_claims_are_never_bound_gives_up_after_ten_minutes() {
    let scenario = with_claims("{ name: n }", "replicas: 1", "").replace("4500ms", "2000s").replace("1h", "12m");
    check(
        &scenario,
        &["pod", "pod FailedScheduling"],
        "
        10.0s pod/db-0 Created=by StatefulSet db
        610.0s pod/db-0 FailedScheduling=running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded
        ",
    );
}

#[test]
fn a_claim_whose_node_goes_while_its_volume_is_made_gets_another_node() {
    let nodes = "{ name: n-1, zone: a }, { name: m, zone: b, unschedulable: true }";
    let steps = "  - { at: 12s, delete-node: { node: n-1 } }\n  - { at: 12s, uncordon: { node: m } }\n";
    let scenario = with_claims(nodes, "replicas: 1", steps).replace("1h", "2m");
    let log = run(&scenario);
    let nodes: Vec<String> = log.lines(&["pod Node"]);
    // given up at 12 s; the claim is let go at 14.5 s, when no place is found, and made from 15.5 s or so on
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    assert!(nodes[0].ends_with("pod/db-0@m Node=m"), "{nodes:?}");
}
