//! Manifests and the files they are in.

use super::*;

#[test]
fn manifests_are_strict_about_fields_and_types() {
    let text = with_object(
        "apiVersion: apps/v1
kind: Deployment
metadata: { name: x, lables: { a: b } }
spec:
  replicas: two
  selector: { matchLabels: { app: x } }
  template:
    metadata: { labels: { app: x, version: 1, old: yes } }
    spec:
      activeDeadlineSeconds: 3
      containers:
        - name: c
          image: i
          env: [{ name: A, valu: b }]
          resources: { requests: { cpu: 2, memory: 1GB }, limits: { cpu: 1 } }",
    );
    assert_eq!(
        titles(&text),
        [
            "t.yaml:11:28: unknown field `lables` in ObjectMeta",
            "t.yaml:13:19: expected a whole number, found text",
            "t.yaml:16:50: expected text, found a number",
            "t.yaml:16:58: expected text, found a truth value to kubectl",
            "t.yaml:18:13: field `activeDeadlineSeconds` of PodSpec is not modelled",
            "t.yaml:22:34: unknown field `valu` in EnvVar",
            "t.yaml:23:58: not a quantity: unknown suffix `GB`",
        ]
    );
}

#[test]
fn manifests_are_checked_as_the_api_server_checks_them() {
    let text = with_object(
        "apiVersion: apps/v1
kind: Deployment
metadata: { name: x }
spec:
  selector: { matchLabels: { app: x } }
  strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0% } }
  template:
    metadata: { labels: { app: z } }
    spec:
      priorityClassName: high
      tolerations: [{ key: k, operator: Exist }]
      containers:
        - { name: c, image: i, resources: { requests: { cpu: 2 }, limits: { cpu: 1 } } }
        - { name: c }",
    );
    assert_eq!(
        titles(&text),
        [
            "t.yaml:13:19: the selector wants `app: x`, which the pods do not have",
            "t.yaml:14:36: `maxSurge` and `maxUnavailable` are both 0",
            "t.yaml:18:32: Forbidden: no PriorityClass with name high was found",
            "t.yaml:19:47: Unsupported value: \"Exist\": supported values: \"Equal\", \"Exists\"",
            "t.yaml:21:68: request of `cpu` is more than its limit",
            "t.yaml:22:17: missing field `image`",
            "t.yaml:22:25: duplicate container `c`",
        ]
    );
}

#[test]
fn kinds_and_versions_are_checked_by_name() {
    let title = |head: &str| titles(&with_object(&format!("{head}\nmetadata: {{ name: x }}")));
    assert_eq!(title("apiVersion: apps/v1\nkind: Deploymnet")[0], "t.yaml:10:13: kind `Deploymnet` is not modelled");
    assert_eq!(title("apiVersion: v1\nkind: ReplicaSet")[0], "t.yaml:9:19: `v1` has no kind `ReplicaSet`");
    assert_eq!(title("kind: Pod")[0], "t.yaml:9:7: missing field `apiVersion`");
    assert_eq!(title("apiVersion: v1\nkind: ConfigMap"), [""; 0], "accepted, as it changes nothing");
}

#[test]
fn annotations_say_what_containers_do() {
    let pod = "apiVersion: v1
kind: Pod
metadata: { name: x, annotations: { sim/ready-after: 20s, sim/run-for: \"{ exponential: { mean: 1h } }\", other: z } }
spec: { containers: [{ name: c, image: i }] }";
    let scenario = sound(&with_object(pod));
    let object = &scenario.workloads[1].objects()[0];
    let behaviour = object.behaviour.as_ref().unwrap();
    assert_eq!(behaviour.ready_after.as_ref().unwrap().0, Distribution::Constant(Span::from_secs(20)));
    let mean = Span::from_secs(3600);
    assert_eq!(behaviour.run_for.as_ref().unwrap().0, Distribution::Exponential { mean });
    let wrong = with_object(&pod.replace("20s", "\"20\""));
    assert_eq!(titles(&wrong), ["t.yaml:11:60: not a duration: no unit after `20`"]);
}

#[test]
fn checkpoints_without_work_between_them_are_refused_where_they_stand() {
    check(
        "  - pod: a
    spec: { run-for: 1h, checkpoint-every: 0s }
  - pod: b
    spec: { run-for: 1h, checkpoint-overhead: 30s }
  - pod: c
    spec: { checkpoint-every: 10m }
",
        "
error: checkpoints without work between them
 --> t.yaml:9:44
  |
9 |     spec: { run-for: 1h, checkpoint-every: 0s }
  |                                            ^^ expected more than 0

error: no checkpoints that could take time
  --> t.yaml:11:47
   |
11 |     spec: { run-for: 1h, checkpoint-overhead: 30s }
   |                                               ^^^ expected `checkpoint-every`, too

error: checkpoints of a container that runs for ever
  --> t.yaml:13:31
   |
13 |     spec: { checkpoint-every: 10m }
   |                               ^^^ expected `run-for`, which says how much work there is",
    );
    let pod = "apiVersion: v1
kind: Pod
metadata: { name: x, annotations: { sim/checkpoint-every: 20s, sim/checkpoint-overhead: 1s } }
spec: { containers: [{ name: c, image: i }] }";
    assert_eq!(titles(&with_object(pod)), ["t.yaml:11:65: checkpoints of a container that runs for ever"]);
    let behaviour = sound(&with_object(&pod.replace("{ sim", "{ sim/run-for: 1h, sim"))).workloads[1].objects()[0]
        .behaviour
        .clone();
    let checkpoints = Checkpoints { every: Span::from_secs(20), overhead: Span::from_secs(1) };
    assert_eq!(behaviour.unwrap().checkpoints(), Some(checkpoints));
    let wrong = pod.replace("sim/checkpoint-every: 20s, ", "sim/run-for: 1h, ");
    assert_eq!(titles(&with_object(&wrong)), ["t.yaml:11:85: no checkpoints that could take time"]);
}

#[test]
fn files_are_found_beside_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "web.yaml",
        "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i}]}\n---\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n",
    );
    write("s.yaml", &format!("\u{feff}{}", START.replace("workloads:", "workloads:\n  - manifest: web.yaml")));
    let scenario = load(&folder.path().join("s.yaml"), &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(scenario.workloads[0].objects().len(), 2);

    write("web.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containrs: []}\n");
    let text = load(&folder.path().join("s.yaml"), &[]).unwrap_err().render(false);
    assert!(text.contains("web.yaml:4:8"), "{text}");
    assert!(text.contains("did you mean `containers`?"), "{text}");

    write("s.yaml", &START.replace("workloads:", "workloads:\n  - manifest: .\n  - manifest: none.yaml"));
    let text = load(&folder.path().join("s.yaml"), &[]).unwrap_err().render(false);
    assert!(text.contains("not a regular file"), "{text}");
    assert!(text.contains("none.yaml: no such file"), "{text}");
    let text = load(Path::new("/none/at/all.yaml"), &[]).unwrap_err().render(false);
    assert_eq!(text, "error: cannot read /none/at/all.yaml: no such file\n");
}

#[test]
fn a_manifest_that_names_itself_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, format!("{START}  - manifest: s.yaml\n")).unwrap();
    let text = load(&path, &[]).unwrap_err().render(false);
    assert!(text.contains("missing field `kind`"), "{text}");
}
