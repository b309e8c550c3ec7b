//! Claims and volumes in a run: which volume is taken, where the pod goes, and when it is bound.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Two nodes, each in a zone of its own; everything else is in the manifest.
const SCENARIO: &str = "name: volumes
duration: 1m
cluster:
  nodes:
    - { name: node-a, capacity: { cpu: 2, memory: 4Gi }, zone: za }
    - { name: node-b, capacity: { cpu: 2, memory: 4Gi }, zone: zb }
workloads: [{ manifest: objects.yaml }]
";

fn class(name: &str, mode: &str, provisioner: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{ name: {name} }}
provisioner: {provisioner}
volumeBindingMode: {mode}
---
"
    )
}

/// A volume that one zone reaches.
fn volume(name: &str, size: &str, zone: &str) -> String {
    format!(
        "apiVersion: v1
kind: PersistentVolume
metadata: {{ name: {name} }}
spec:
  capacity: {{ storage: {size} }}
  accessModes: [ReadWriteOnce]
  storageClassName: disks
  local: {{ path: /disk }}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{ key: topology.kubernetes.io/zone, operator: In, values: [{zone}] }}]
---
"
    )
}

fn claim(name: &str, size: &str) -> String {
    format!(
        "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{ name: {name} }}
spec: {{ accessModes: [ReadWriteOnce], storageClassName: disks, resources: {{ requests: {{ storage: {size} }} }} }}
---
"
    )
}

fn pod(name: &str, claim: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{ name: {name} }}
spec:
  containers: [{{ name: c, image: 'i:1', resources: {{ requests: {{ cpu: 100m }} }} }}]
  volumes: [{{ name: v, persistentVolumeClaim: {{ claimName: {claim} }} }}]
---
"
    )
}

/// Of each pod at the end: name, node, and when it was bound.
fn pods(objects: &[String]) -> Vec<(String, String, f64)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(Path::join(folder.path(), "volumes.yaml"), SCENARIO).unwrap();
    fs::write(Path::join(folder.path(), "objects.yaml"), objects.concat()).unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    command.args(["run", "volumes.yaml", "--quiet"]).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = fs::read_to_string(folder.path().join("results/volumes/pods.csv")).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|other| *other == name).unwrap();
    let (name, node, bound) = (column("name"), column("node"), column("bound_s"));
    let row = |line: Vec<&str>| (line[name].to_string(), line[node].to_string(), line[bound].parse().unwrap_or(-1.0));
    lines.map(row).collect()
}

#[test]
fn a_claim_that_waits_for_its_pod_gets_the_smallest_volume_that_fits_and_leads_the_pod_there() {
    let disks = class("disks", "WaitForFirstConsumer", "kubernetes.io/no-provisioner");
    let volumes =
        [volume("small", "5Gi", "za"), volume("large", "20Gi", "zb"), volume("larger", "30Gi", "za")].concat();
    // 10Gi fits on `large` and `larger`; 40Gi on none
    let objects = [disks, volumes, claim("ten", "10Gi"), claim("forty", "40Gi"), pod("p", "ten"), pod("q", "forty")];
    let pods = pods(&objects);
    // each node has a volume for `p`: either will do. The scheduler looks after a second whether it is bound
    assert!(["node-a", "node-b"].contains(&pods[0].1.as_str()));
    assert!((1.0..1.2).contains(&pods[0].2), "{pods:?}");
    assert_eq!(pods[1], ("q".to_string(), String::new(), -1.0));
}

#[test]
fn two_pods_do_not_get_the_same_volume() {
    let disks = class("disks", "WaitForFirstConsumer", "kubernetes.io/no-provisioner");
    let volumes = [volume("one", "5Gi", "za"), volume("two", "5Gi", "za")].concat();
    let pods_of = |n: usize| [claim(&format!("c{n}"), "1Gi"), pod(&format!("p{n}"), &format!("c{n}"))].concat();
    let pods = pods(&[disks, volumes, pods_of(1), pods_of(2), pods_of(3)]);
    let nodes: Vec<&str> = pods.iter().map(|pod| pod.1.as_str()).collect();
    assert_eq!(nodes, ["node-a", "node-a", ""]);
}

#[test]
fn a_claim_that_does_not_wait_is_bound_to_the_smallest_volume_and_the_pod_follows() {
    let disks = class("disks", "Immediate", "kubernetes.io/no-provisioner");
    let volumes = [volume("large", "5Gi", "za"), volume("small", "2Gi", "zb")].concat();
    let pods = pods(&[disks, volumes, claim("c", "1Gi"), pod("p", "c")]);
    assert_eq!(pods[0].1, "node-b");
    // nothing is left to bind when the pod is placed, so nothing is waited for
    assert!((0.0..1.0).contains(&pods[0].2), "{pods:?}");
}

#[test]
fn a_volume_is_made_in_the_zone_of_the_pod_and_keeps_later_pods_there() {
    let disks = class("disks", "WaitForFirstConsumer", "csi.example.com");
    let pods = pods(&[disks, claim("c", "1Gi"), pod("p1", "c"), pod("p2", "c"), pod("p3", "c")]);
    // making it takes 3 s
    assert!((3.0..3.2).contains(&pods[0].2), "{pods:?}");
    assert_eq!((&pods[1].1, &pods[2].1), (&pods[0].1, &pods[0].1));
}
