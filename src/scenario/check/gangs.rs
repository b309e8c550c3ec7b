//! Checks of `min-count`: gangs that could never be complete, and what is not modelled with them.

use crate::engine::Span;
use crate::scenario::diagnostics::Problems;
use crate::scenario::manifests::{Body, Object};
use crate::scenario::read::Spanned;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::arrivals::Arrivals;

/// Checks the gangs of all objects, and that arrivals have none.
pub(super) fn check(objects: &[(Span, Object)], scenario: &Scenario, problems: &mut Problems) {
    for (_, object) in objects {
        let min_count = object.behaviour.as_ref().and_then(|behaviour| behaviour.min_count.as_ref());
        if let Some(min_count) = min_count {
            check_object(object, min_count, problems);
        }
    }
    for arrivals in &scenario.arrivals {
        if let Arrivals::Generated(generated) = arrivals
            && let Some(min_count) = &generated.pod.value.behaviour.min_count
        {
            let problem = problems.report(min_count.location, "pods of `arrivals` come one by one, in no group");
            problem.expected("`min-count` goes with `workloads` and manifests");
        }
    }
}

fn check_object(object: &Object, min_count: &Spanned<u32>, problems: &mut Problems) {
    let most = most_at_once(object);
    let wrong = match min_count.value {
        0 => Some(("number out of range".to_string(), "expected at least 1")),
        1 => None,
        count if most.is_some_and(|most| u64::from(count) > most) => {
            let most = most.unwrap_or_default();
            let at_once = if most == 1 { "there is only 1 pod".into() } else { format!("there are only {most} pods") };
            Some((format!("a gang of {count} is never complete: {at_once} at once"), "expected no more than that"))
        }
        _ if is_one_by_one(object) => Some((
            "pods made one after another never wait for each other".to_string(),
            "`min-count` goes with `podManagementPolicy: Parallel`",
        )),
        _ if has_claims(object) => {
            Some(("claims of a gang's pods are not modelled".to_string(), "`min-count` goes with pods without claims"))
        }
        _ => None,
    };
    if let Some((title, expected)) = wrong {
        problems.report(min_count.location, title).expected(expected);
    }
}

/// How many pods there can be at once where no `scale` can change that.
fn most_at_once(object: &Object) -> Option<u64> {
    let at_least_none = |count: i32| u64::try_from(count).unwrap_or(0);
    let job = match &object.body {
        Body::Pod(_) => return Some(object.count.unwrap_or(1)),
        Body::Job(job) => job.spec.as_ref()?,
        Body::CronJob(cron_job) => cron_job.spec.job_template.spec.as_ref()?,
        _ => return None,
    };
    let parallelism = at_least_none(job.parallelism.unwrap_or(1));
    Some(job.completions.map_or(parallelism, |completions| parallelism.min(at_least_none(completions))))
}

/// A StatefulSet makes a pod when the one before is Ready, unless it is told otherwise.
fn is_one_by_one(object: &Object) -> bool {
    let Body::StatefulSet(set) = &object.body else { return false };
    let policy = set.spec.as_ref().and_then(|spec| spec.pod_management_policy.as_deref());
    policy != Some("Parallel")
}

fn has_claims(object: &Object) -> bool {
    let templates = match &object.body {
        Body::StatefulSet(set) => set.spec.as_ref().and_then(|spec| spec.volume_claim_templates.as_ref()),
        _ => None,
    };
    let volumes = object.template().into_iter().flat_map(|(_, _, pod)| pod.volumes.iter().flatten());
    let mut claims = volumes.filter(|volume| volume.persistent_volume_claim.is_some() || volume.ephemeral.is_some());
    templates.is_some_and(|templates| !templates.is_empty()) || claims.next().is_some()
}

#[cfg(test)]
mod tests {
    use crate::scenario::load_text;

    const START: &str = "name: t\nduration: 1m\ncluster: { nodes: [{ name: n, capacity: { cpu: 8, memory: 8Gi } }] }\n";

    /// What is wrong with a scenario of these further lines.
    fn wrong(more: &str) -> String {
        load_text("t.yaml", &format!("{START}{more}\n"), &[]).err().map(|wrong| wrong.render(false)).unwrap_or_default()
    }

    /// A manifest of a kind whose pods are a gang of two.
    fn object(kind: &str, api: &str, spec: &str, pod: &str) -> String {
        format!(
            "workloads: [{{ object: {{ apiVersion: {api}, kind: {kind}, metadata: {{ name: x }}, spec: {{ {spec} template: {{
               metadata: {{ labels: {{ app: x }}, annotations: {{ sim/min-count: '2' }} }},
               spec: {{ {pod} containers: [{{ name: c, image: i }}] }} }} }} }} }}]"
        )
    }

    #[test]
    fn a_gang_that_can_be_complete_is_fine() {
        let set = "selector: { matchLabels: { app: x } }, serviceName: x, podManagementPolicy: Parallel,";
        for text in [
            "workloads: [{ pod: x, count: 4, spec: { min-count: 4 } }]",
            "workloads: [{ deployment: x, replicas: 1, pod: { min-count: 4 } }]",
            "arrivals: [{ generate: { poisson: { mean: 1s } }, pod: {} }]",
            &object("StatefulSet", "apps/v1", set, ""),
            &object("Job", "batch/v1", "parallelism: 2, completions: 2,", "restartPolicy: Never,"),
        ] {
            assert_eq!(wrong(text), "", "{text}");
        }
    }

    #[test]
    fn one_that_cannot_and_what_is_not_modelled_is_refused() {
        let set = "selector: { matchLabels: { app: x } }, serviceName: x,";
        let parallel = format!("{set} podManagementPolicy: Parallel,");
        let claims = "volumes: [{ name: v, persistentVolumeClaim: { claimName: v } }],";
        for (text, title) in [
            ("workloads: [{ pod: x, count: 4, spec: { min-count: 0 } }]".into(), "number out of range"),
            ("workloads: [{ pod: x, count: 4, spec: { min-count: 5 } }]".into(), "there are only 4 pods at once"),
            ("workloads: [{ pod: x, spec: { min-count: 2 } }]".into(), "there is only 1 pod at once"),
            (object("Job", "batch/v1", "completions: 2,", "restartPolicy: Never,"), "there is only 1 pod at once"),
            (object("StatefulSet", "apps/v1", set, ""), "pods made one after another never wait for each other"),
            (object("StatefulSet", "apps/v1", &parallel, claims), "claims of a gang's pods are not modelled"),
            ("scheduler: { queue: gang, gang-timeout: 0s }".into(), "duration of 0"),
            (
                "arrivals: [{ generate: { poisson: { mean: 1s } }, pod: { min-count: 2 } }]".into(),
                "pods of `arrivals` come one by one, in no group",
            ),
        ] {
            assert!(wrong(&text).contains(title), "{text}\n{}", wrong(&text));
        }
    }
}
