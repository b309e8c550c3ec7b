//! Storage in scenarios: what is read, and what is wrong with what is written.

use super::{START, diagnostics, setup};
use crate::cluster::Body;
use crate::cluster::volumes::AccessModes;
use crate::simulation::Workload;

const OBJECTS: &str = "
  - object: { apiVersion: storage.k8s.io/v1, kind: StorageClass, provisioner: d, reclaimPolicy: Retain, metadata: {
      name: fast, annotations: { storageclass.kubernetes.io/is-default-class: 'true' } } }
  - object: { apiVersion: v1, kind: PersistentVolumeClaim, metadata: { name: data }, spec: {
      accessModes: [ReadWriteOnce], resources: { requests: { storage: 2Gi } } } }
  - object: { apiVersion: v1, kind: Pod, metadata: { name: p }, spec: { containers: [{ name: c, image: i }],
      volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }] } }
";

fn scenario(objects: &str) -> String {
    START.replace("pod: { requests: { cpu: 500m } } }]", "}").replace("workloads: [", "workloads:\n  - ")
        + objects.trim_start_matches('\n')
}

#[test]
fn claims_get_the_default_class() {
    let setup = setup(&scenario(OBJECTS));
    let names = &setup.cluster.names;
    let mut found = setup.workloads.iter().filter_map(|workload| match workload {
        Workload::Object { body: Body::PersistentVolumeClaim(claim), .. } => Some(claim),
        _ => None,
    });
    let claim = found.next().unwrap();
    assert_eq!(claim.class.map(|class| names.text(class)), Some("fast"));
    assert_eq!((claim.request, claim.access_modes), (2 << 30, AccessModes::READ_WRITE_ONCE));
    let class = setup.workloads.iter().find_map(|workload| match workload {
        Workload::Object { body: Body::StorageClass(class), .. } => Some(class),
        _ => None,
    });
    assert!(
        class.is_some_and(|class| !class.reclaim_delete && !class.wait_for_first_consumer && class.driver.is_some())
    );
}

#[test]
fn names_that_nothing_has_are_reported_with_the_nearest() {
    let wrong = |from: &str, to: &str| diagnostics(&scenario(&OBJECTS.replace(from, to)));
    let rendered = wrong("claimName: data", "claimName: dat");
    assert!(rendered.contains("no PersistentVolumeClaim is called `dat`"), "{rendered}");
    assert!(rendered.contains("did you mean `data`?"), "{rendered}");
    assert!(rendered.contains("t.yaml:12:64"), "{rendered}");
    let rendered = wrong("[ReadWriteOnce],", "[ReadWriteOnce], storageClassName: fats,");
    assert!(rendered.contains("no StorageClass is called `fats`"), "{rendered}");
    assert!(rendered.contains("did you mean `fast`?"), "{rendered}");
}

#[test]
fn values_the_api_server_would_refuse_are_reported() {
    let wrong = |from: &str, to: &str| diagnostics(&scenario(&OBJECTS.replace(from, to)));
    let rendered = wrong("ReadWriteOnce", "ReadWriteTwice");
    assert!(rendered.contains("`ReadWriteTwice` is not one of ReadWriteOnce, ReadOnlyMany"), "{rendered}");
    let rendered = wrong("reclaimPolicy: Retain", "reclaimPolicy: Recycle");
    assert!(rendered.contains("`Recycle` is not one of Delete, Retain"), "{rendered}");
    let rendered = wrong("provisioner: d,", "provisioner: d, volumeBindingMode: Later,");
    assert!(rendered.contains("`Later` is not one of Immediate, WaitForFirstConsumer"), "{rendered}");
    let rendered = wrong("accessModes: [ReadWriteOnce], ", "");
    assert!(rendered.contains("missing field `accessModes`"), "{rendered}");
    let rendered = wrong("requests: { storage: 2Gi }", "requests: {}");
    assert!(rendered.contains("missing field `resources.requests.storage`"), "{rendered}");
    let rendered = wrong("kind: PersistentVolumeClaim,", "kind: PersistentVolumeClam,");
    assert!(rendered.contains("did you mean `PersistentVolumeClaim`?"), "{rendered}");
}
