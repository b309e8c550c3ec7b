//! Objects that are created while one of their kind and name is there already.

use std::collections::BTreeMap;

use crate::scenario::diagnostics::Problems;
use crate::scenario::manifests::{Body, Object, numbered};
use crate::scenario::schema::Scenario;
use crate::scenario::schema::timeline::{Action, Step};
use crate::scenario::schema::workloads::Workload;
use crate::scenario::source::Location;

/// Kind, namespace and name. Pods with a count are called `NAME-#`, which no other object can be.
type Key = (&'static str, String, String);

/// Reports every object that is created a second time. Pods come and go by themselves, so that nothing
/// can be said about those created later.
pub(super) fn check(scenario: &Scenario, problems: &mut Problems) {
    let mut live: BTreeMap<Key, (Option<u64>, Location)> = BTreeMap::new();
    for object in scenario.workloads.iter().flat_map(Workload::objects) {
        create(&object, &mut live, problems);
    }
    let mut steps: Vec<&Step> = scenario.timeline.iter().collect();
    steps.sort_by_key(|step| step.at.value);
    for step in steps {
        match &step.action {
            Action::Create(workload) => {
                let objects = workload.objects().into_iter();
                let lasting = objects.filter(|object| !matches!(object.body, Body::Pod(_)));
                lasting.for_each(|object| create(&object, &mut live, problems));
            }
            Action::Delete(object) => {
                for (_, kind, name) in object.named() {
                    live.remove(&(kind, object.namespace.text.clone(), name.text.clone()));
                }
            }
            _ => {}
        }
    }
}

fn create(object: &Object, live: &mut BTreeMap<Key, (Option<u64>, Location)>, problems: &mut Problems) {
    let at = object.node.locate("metadata.name");
    let name = if object.count.is_some() { format!("{}-#", object.name) } else { object.name.clone() };
    let key = (object.kind(), object.namespace.clone(), name);
    let other = live.get(&key).map(|(_, first)| (object.name.clone(), *first));
    if let Some((name, first)) = other.or_else(|| same_pod(object, live)) {
        let problem = problems.report(at, format!("a second {} `{name}`", object.kind()));
        problem.context(first, "the first one");
        return;
    }
    live.insert(key, (object.count, at));
}

/// The name of a pod that both `object` and an earlier entry stand for, one of them with a count.
fn same_pod(object: &Object, live: &BTreeMap<Key, (Option<u64>, Location)>) -> Option<(String, Location)> {
    let key = |name: String| (object.kind(), object.namespace.clone(), name);
    if let Some(count) = object.count {
        let first = format!("{}-", object.name);
        let others = live.range(key(first.clone())..).take_while(|((kind, namespace, name), _)| {
            *kind == object.kind() && *namespace == object.namespace && name.starts_with(&first)
        });
        let mut same = others.filter(|((_, _, name), _)| numbered(&object.name, count, name));
        return same.next().map(|((_, _, name), (_, at))| (name.clone(), *at));
    }
    let (prefix, _) = object.name.rsplit_once('-')?;
    let (count, at) = live.get(&key(format!("{prefix}-#")))?;
    numbered(prefix, (*count)?, &object.name).then(|| (object.name.clone(), *at))
}
