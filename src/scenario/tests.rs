//! The scenario file in the user's language: a few lines in, diagnostics or data out.

use super::load_text;

fn render(text: &str) -> String {
    match load_text("t.yaml", text, &[]) {
        Ok(_) => "sound\n".to_string(),
        Err(diagnostics) => diagnostics.render(false),
    }
}

#[test]
fn smoke() {
    for t in [
        "name: a\nduration: 15m\ncluster:\n  nodes:\n    - name: worker\n      cuont: 3\n      capacity: { cpu: 4, memory: 8GB, gpu: 1 }\nworkloads:\n  - deployment: web\n    replicas: -1\n    pod: { image: nginx, requests: { cpu: x } }\ntimeline:\n  - at: 90\n    crash: { node: wroker }\n  - at: 20m\n    crash: { node: worker-2, for: 0 }\n  - at: 1m\n    crahs: {}\nexpect:\n  - recovery{a=\"b\"} =< 3\n",
        "name: a\nduration: 15m\ncluster:\n  nodes:\n    - name: worker\n      count: 3\n      capacity: { cpu: 4, memory: 8Gi }\nworkloads:\n  - deployment: web\n    replicas: 2\n  - object:\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: { name: x, lables: {a: b} }\n      spec:\n        replicas: two\n        selector: {matchLabels: {app: x}}\n        template:\n          metadata: {labels: {app: y, v: 1}}\n          spec:\n            containers:\n              - name: c\n                image: i\n                lifecycle: {}\n                resources: {requests: {cpu: 2, memory: 1GB}, limits: {cpu: 1}}\ntimeline:\n  - at: 2m\n    crash: { node: worker }\n  - at: 2m\n    scale: { deployment: wbe, replicas: 3 }\n",
    ] {
        println!("{}", render(t));
    }
    println!("{}", super::reference());
}
