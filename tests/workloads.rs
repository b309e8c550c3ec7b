//! The workload controllers, a behaviour each, with the numbers the reference gives. Containers start
//! 2 s after binding and stop 1 s after the mark; the control plane takes no time, so that instants are
//! exact.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use sim::cluster::spec::Behaviour;
use sim::cluster::{Body, Change, Cluster, Kind, Message, NodeSpec, Record};
use sim::engine::{Distribution, Seed, Span, Time};
use sim::manifest::{self, Defaults};
use sim::simulation::{Command, Note, Observer, Scheduling, Settings, Setup, Simulation, Target, Workload};
use sim::{controllers, kubelet, scheduler};

/// A run under way.
struct World {
    simulation: Simulation,
    log: Log,
}

/// What happened, a line each: `3.0 created db-0`.
#[derive(Default)]
struct Log(Vec<String>);

impl Observer for Log {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        let (verb, pod) = match change {
            Change::PodCreated(pod) => ("created", pod),
            Change::PodMarked(pod) => ("marked", pod),
            Change::PodRemoved(pod) => ("removed", pod),
            _ => return,
        };
        self.0.push(format!("{:.1} {verb} {}", cluster.now.as_secs_f64(), cluster.pod_name(pod)));
    }

    fn record(&mut self, record: &Record, _: &Cluster) {
        let reason = record.message.reason();
        if reason.warning || matches!(record.message, Message::Other(..)) {
            self.0.push(format!("{:.1} {}", record.at.as_secs_f64(), reason.text));
        }
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}

impl World {
    /// Nodes `n1` … with 4 CPUs each.
    fn of_nodes(count: u32) -> World {
        let mut cluster = Cluster::new(Seed(7));
        let nodes = (1..=count).map(|number| node(&mut cluster, &format!("n{number}"))).collect();
        let zero = || Distribution::Constant(Span::ZERO);
        let mut settings = Settings { scheduling: Scheduling::instant(), ..Settings::default() };
        settings.controllers =
            controllers::Settings { watch: zero().into(), api_write: zero().into(), ..settings.controllers };
        settings.kubelet = kubelet::Settings {
            start: Some(Distribution::Constant(Span::from_secs(2))),
            watch: zero().into(),
            status: zero(),
            stop: Distribution::Constant(Span::from_secs(1)).into(),
            teardown: zero().into(),
            resync: zero(),
            reconnect: zero(),
            ..kubelet::Settings::default()
        };
        let scheduler = scheduler::Config::new(&mut cluster.names);
        let setup = Setup {
            cluster,
            duration: Time::from_secs(100_000),
            nodes,
            workloads: Vec::new(),
            settled: false,
            timeline: Vec::new(),
            faults: Vec::new(),
            quiet: None,
            sources: Vec::new(),
            settings,
            scheduler,
            metrics: sim::metrics::Settings::default(),
        };
        let mut log = Log::default();
        World { simulation: Simulation::new(setup, &mut log), log }
    }

    /// Applies a manifest now; containers end after `run_for` with this exit code, if given.
    fn apply_ending(&mut self, text: &str, run_for: Option<(u64, i32)>) {
        let cluster = &mut self.simulation.cluster;
        let behaviour = Behaviour {
            run_for: run_for.map(|(seconds, _)| Distribution::Constant(Span::from_secs(seconds))),
            exit_code: run_for.map_or(0, |(_, code)| code),
            ..Behaviour::default()
        };
        let (name, body) = read(cluster, text, &behaviour);
        let namespace = cluster.names.intern("default");
        let name = cluster.names.intern(&name);
        let now = cluster.now;
        let workload = Workload::Object { namespace, name, labels: Default::default(), body };
        self.simulation.command_at(now, Command::Apply(vec![workload]));
    }

    fn apply(&mut self, text: &str) {
        self.apply_ending(text, None);
    }

    fn command(&mut self, command: impl FnOnce(&mut Cluster) -> Command) {
        let command = command(&mut self.simulation.cluster);
        let now = self.simulation.cluster.now;
        self.simulation.command_at(now, command);
    }

    fn run_to(&mut self, seconds: u64) {
        self.simulation.run_until(Time::from_secs(seconds), &mut self.log);
        self.simulation.cluster.check().unwrap();
    }

    /// The log since the last call, generated names by the order in which they came.
    fn story(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log.0)
    }

    /// The instants at which pods were created, marked or removed.
    fn times(&mut self, verb: &str) -> Vec<String> {
        let story = self.story();
        let of_verb = |line: &String| line.split(' ').nth(1) == Some(verb);
        story.iter().filter(|line| of_verb(line)).map(|line| line.split(' ').next().unwrap().to_string()).collect()
    }
}

fn node(cluster: &mut Cluster, name: &str) -> NodeSpec {
    let text = format!(
        "{{metadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}}}}}, \
         status: {{allocatable: {{cpu: '4', memory: 8Gi, pods: '110'}}}}}}"
    );
    manifest::node_spec(&mut cluster.names, &typed(&text)).unwrap()
}

fn typed<T: DeserializeOwned>(text: &str) -> T {
    serde_yaml::from_str(text).unwrap()
}

fn read(cluster: &mut Cluster, text: &str, behaviour: &Behaviour) -> (String, Body) {
    let head: BTreeMap<String, serde_yaml::Value> = typed(text);
    let name = head["metadata"]["name"].as_str().unwrap().to_string();
    let defaults = Defaults::default();
    let body = match head["kind"].as_str().unwrap() {
        "StatefulSet" => manifest::sets::stateful_set(cluster, &typed(text), behaviour, &defaults),
        "DaemonSet" => manifest::sets::daemon_set(cluster, &typed(text), behaviour, &defaults),
        "ReplicaSet" => manifest::workload::replica_set(cluster, &typed(text), behaviour, &defaults),
        "Job" => manifest::batch::job(cluster, &typed(text), behaviour, &defaults),
        "CronJob" => manifest::batch::cron_job(cluster, &typed(text), behaviour, &defaults),
        "PodDisruptionBudget" => {
            manifest::disruption_budget(&mut cluster.names, &typed(text)).map(Body::PodDisruptionBudget)
        }
        "ResourceQuota" => manifest::quota::resource_quota(&mut cluster.names, &typed(text)).map(Body::ResourceQuota),
        other => panic!("{other}"),
    };
    (name, body.unwrap())
}

/// A StatefulSet, DaemonSet or ReplicaSet called `db`, its template at `image`.
fn set(kind: &str, image: &str, more: &str) -> String {
    format!(
        "{{kind: {kind}, metadata: {{name: db}}, spec: {{selector: {{matchLabels: {{app: db}}}}, \
         template: {{metadata: {{labels: {{app: db}}}}, spec: {{containers: [{{name: c, image: '{image}', \
         resources: {{requests: {{cpu: 100m, memory: 64Mi}}}}}}]}}}}, {more}}}}}"
    )
}

fn job(more: &str) -> String {
    format!("{{kind: Job, metadata: {{name: work}}, spec: {{template: {JOB_TEMPLATE}, {more}}}}}")
}

const JOB_TEMPLATE: &str =
    "{metadata: {labels: {app: work}}, spec: {restartPolicy: Never, containers: [{name: c, image: 'a:1'}]}}";

fn named(cluster: &mut Cluster, node: &str) -> Target {
    Target { names: vec![cluster.names.intern(node)], ..Target::default() }
}

#[test]
fn ordered_pods_come_one_after_another_and_go_in_reverse() {
    let mut world = World::of_nodes(3);
    world.apply(&set("StatefulSet", "a:1", "replicas: 3"));
    world.run_to(20);
    assert_eq!(world.story(), ["0.0 created db-0", "2.0 created db-1", "4.0 created db-2"]);
    world.command(|cluster| {
        let (namespace, name) = (cluster.names.intern("default"), cluster.names.intern("db"));
        Command::Scale(Kind::StatefulSet, namespace, name, 1)
    });
    world.run_to(40);
    assert_eq!(world.story(), ["20.0 marked db-2", "21.0 removed db-2", "21.0 marked db-1", "22.0 removed db-1"]);
}

#[test]
fn parallel_pods_do_not_wait() {
    let mut world = World::of_nodes(3);
    world.apply(&set("StatefulSet", "a:1", "replicas: 3, podManagementPolicy: Parallel"));
    world.run_to(10);
    assert_eq!(world.story(), ["0.0 created db-0", "0.0 created db-1", "0.0 created db-2"]);
}

#[test]
fn rolling_update_stops_at_the_partition_and_below_it_pods_come_back_old() {
    let mut world = World::of_nodes(3);
    let more = "replicas: 3, updateStrategy: {rollingUpdate: {partition: 1}}";
    world.apply(&set("StatefulSet", "a:1", more));
    world.run_to(20);
    world.story();
    world.apply(&set("StatefulSet", "a:2", more));
    world.run_to(40);
    let story = world.story();
    assert_eq!(story[..3], ["20.0 marked db-2", "21.0 removed db-2", "21.0 created db-2"]);
    assert_eq!(story[3..], ["23.0 marked db-1", "24.0 removed db-1", "24.0 created db-1"]);
    world.command(|cluster| Command::DeletePod(cluster.names.intern("default"), "db-0".to_string(), None));
    world.run_to(60);
    let cluster = &world.simulation.cluster;
    let image = |name: &str| {
        let (_, pod) = cluster.pods().find(|(id, _)| cluster.pod_name(*id) == name).unwrap();
        cluster.names.text(cluster.spec(pod.spec).containers[0].image).to_string()
    };
    assert_eq!(["db-0", "db-1", "db-2"].map(image), ["a:1", "a:2", "a:2"]);
}

#[test]
fn on_delete_never_replaces_pods_by_itself() {
    let mut world = World::of_nodes(2);
    world.apply(&set("StatefulSet", "a:1", "replicas: 2, updateStrategy: {type: OnDelete}"));
    world.run_to(20);
    world.story();
    world.apply(&set("StatefulSet", "a:2", "replicas: 2, updateStrategy: {type: OnDelete}"));
    world.run_to(40);
    assert!(world.story().is_empty());
}

#[test]
fn next_ordinal_waits_for_min_ready_seconds_of_the_stored_time() {
    let mut world = World::of_nodes(2);
    world.simulation.cluster.wall_start = Span::from_millis(500);
    world.apply(&set("StatefulSet", "a:1", "replicas: 2, minReadySeconds: 5"));
    world.run_to(20);
    // Ready at 2.0, which the API keeps as 1.5
    assert_eq!(world.story(), ["0.0 created db-0", "6.5 created db-1"]);
}

#[test]
fn an_identity_on_a_dead_node_is_not_given_twice() {
    let mut world = World::of_nodes(3);
    world.apply(&set("StatefulSet", "a:1", "replicas: 2"));
    world.run_to(10);
    world.story();
    let node = {
        let cluster = &world.simulation.cluster;
        let (_, pod) = cluster.pods().next().unwrap();
        cluster.node_name(pod.node.unwrap()).to_string()
    };
    world.command(|cluster| Command::Crash(named(cluster, &node), None));
    world.run_to(1000);
    let story = world.story();
    assert!(!story.iter().any(|line| line.contains("created")), "{story:?}");
    assert!(story.iter().any(|line| line.ends_with("marked db-0")), "{story:?}");
}

#[test]
fn failed_pods_of_a_stateful_set_are_removed_before_they_come_back() {
    let mut world = World::of_nodes(1);
    world.apply(&set("StatefulSet", "a:1", "replicas: 1"));
    world.run_to(10);
    world.story();
    let pod = world.simulation.cluster.pods().next().unwrap().0;
    world.simulation.cluster.set_phase(pod, sim::cluster::Phase::Failed);
    world.command(|_| Command::AddNodes(Vec::new()));
    world.run_to(20);
    assert_eq!(world.story(), ["10.0 removed db-0", "10.0 created db-0"]);
}

#[test]
fn daemons_run_on_cordoned_nodes_and_keep_away_from_taints() {
    let mut world = World::of_nodes(2);
    world.command(|cluster| Command::Cordon(named(cluster, "n1"), None));
    world.command(|cluster| {
        let (key, empty) = (cluster.names.intern("gpu"), cluster.names.intern(""));
        Command::Taint(named(cluster, "n2"), key, empty, sim::cluster::Effect::NoSchedule)
    });
    world.apply(&set("DaemonSet", "a:1", "updateStrategy: {}"));
    world.run_to(10);
    let nodes: Vec<&str> = {
        let cluster = &world.simulation.cluster;
        cluster.pods().map(|(_, pod)| cluster.node_name(pod.node.unwrap())).collect()
    };
    assert_eq!(nodes, ["n1"]);
}

#[test]
fn a_running_daemon_stays_under_no_schedule_and_goes_under_no_execute() {
    use sim::cluster::Effect;
    let mut world = World::of_nodes(1);
    world.apply(&set("DaemonSet", "a:1", "updateStrategy: {}"));
    world.run_to(10);
    world.story();
    for (effect, until) in [(Effect::NoSchedule, 20), (Effect::NoExecute, 30)] {
        world.command(|cluster| {
            let (key, empty) = (cluster.names.intern("gpu"), cluster.names.intern(""));
            Command::Taint(named(cluster, "n1"), key, empty, effect)
        });
        world.run_to(until);
        assert_eq!(world.times("marked").len(), usize::from(effect == Effect::NoExecute));
    }
}

#[test]
fn daemons_are_replaced_one_node_at_a_time() {
    let mut world = World::of_nodes(3);
    world.apply(&set("DaemonSet", "a:1", "updateStrategy: {}"));
    world.run_to(10);
    assert_eq!(world.times("created"), ["0.0", "0.0", "0.0"]);
    world.apply(&set("DaemonSet", "a:2", "updateStrategy: {}"));
    world.run_to(40);
    // gone after 1 s, the new one Ready 2 s later
    assert_eq!(world.times("marked"), ["10.0", "13.0", "16.0"]);
}

#[test]
fn a_surging_daemon_goes_once_its_successor_is_available() {
    let mut world = World::of_nodes(2);
    let more = "updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";
    world.apply(&set("DaemonSet", "a:1", more));
    world.run_to(10);
    world.story();
    world.apply(&set("DaemonSet", "a:2", more));
    world.run_to(40);
    let story = world.story();
    let times: Vec<String> = story.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(times, ["10.0 created", "12.0 marked", "12.0 created", "13.0 removed", "14.0 marked", "15.0 removed"]);
}

#[test]
fn a_job_runs_its_completions_a_second_after_news_of_its_pods() {
    let mut world = World::of_nodes(2);
    world.apply_ending(&job("parallelism: 2, completions: 3"), Some((4, 0)));
    world.run_to(60);
    // two end at 6 s and are counted at 7 s; the last ends at 13 s
    assert_eq!(world.times("created"), ["0.0", "0.0", "7.0"]);
    let cluster = &world.simulation.cluster;
    let (_, object) = cluster.objects().next().unwrap();
    let Body::Job(job) = &object.body else { panic!() };
    assert_eq!((job.status.succeeded, job.status.active), (3, 0));
    assert_eq!(job.status.ended.map(|(_, at)| at), Some(Time::from_secs(14)));
}

#[test]
fn failed_pods_are_made_up_for_after_10_20_and_40_seconds() {
    let mut world = World::of_nodes(1);
    world.apply_ending(&job("backoffLimit: 3"), Some((3, 1)));
    world.run_to(200);
    let story = world.story();
    let created: Vec<&str> =
        story.iter().filter(|line| line.contains("created")).map(|line| line.split(' ').next().unwrap()).collect();
    // each ends 5 s after its creation, from which the back-off counts
    assert_eq!(created, ["0.0", "15.0", "40.0", "85.0"]);
    assert!(story.contains(&"91.0 BackoffLimitExceeded".to_string()), "{story:?}");
}

#[test]
fn indexes_fail_on_their_own() {
    let mut world = World::of_nodes(1);
    let more = "completions: 2, parallelism: 2, completionMode: Indexed, backoffLimitPerIndex: 1";
    world.apply_ending(&job(more), Some((3, 1)));
    world.run_to(100);
    let story = world.story();
    let created: Vec<&str> = story.iter().filter(|line| line.contains("created")).map(|line| &line[..13]).collect();
    assert_eq!(created, ["0.0 created w", "0.0 created w", "15.0 created ", "15.0 created "]);
    assert!(story.contains(&"21.0 FailedIndexes".to_string()), "{story:?}");
}

#[test]
fn an_exit_code_of_the_policy_fails_the_job_at_once() {
    let mut world = World::of_nodes(1);
    let rule = "{action: FailJob, onExitCodes: {operator: In, values: [42]}}";
    world.apply_ending(&job(&format!("podFailurePolicy: {{rules: [{rule}]}}")), Some((3, 42)));
    world.run_to(60);
    let story = world.story();
    assert_eq!(story.len(), 2, "{story:?}");
    assert_eq!(story[1], "6.0 PodFailurePolicy");
}

#[test]
fn a_job_past_its_deadline_loses_its_pods_and_fails_when_they_are_gone() {
    let mut world = World::of_nodes(1);
    world.apply(&job("activeDeadlineSeconds: 15"));
    world.run_to(60);
    let story = world.story();
    let times: Vec<&str> =
        story.iter().map(|line| line.rsplit_once(" work").map_or(line.as_str(), |(t, _)| t)).collect();
    assert_eq!(times, ["0.0 created", "15.0 marked", "16.0 removed", "16.0 DeadlineExceeded"]);
}

#[test]
fn a_suspended_job_gives_its_pods_up() {
    let mut world = World::of_nodes(1);
    world.apply(&job("parallelism: 1"));
    world.run_to(10);
    world.apply(&job("parallelism: 1, suspend: true"));
    world.run_to(30);
    world.apply(&job("parallelism: 1"));
    world.run_to(40);
    let story = world.story();
    let verbs: Vec<&str> = story.iter().map(|line| line.split(" work").next().unwrap()).collect();
    assert_eq!(verbs, ["0.0 created", "10.0 marked", "10.0 Suspended", "11.0 removed", "30.0 created", "30.0 Resumed"]);
}

#[test]
fn ended_jobs_expire_with_their_pods() {
    let mut world = World::of_nodes(1);
    world.apply_ending(&job("ttlSecondsAfterFinished: 15"), Some((4, 0)));
    world.run_to(60);
    // the pod ends at 6 s, the Job at 7 s
    assert_eq!(world.times("removed"), ["22.0"]);
    assert_eq!(world.simulation.cluster.objects().count(), 0);
}

fn cron(more: &str) -> String {
    format!(
        "{{kind: CronJob, metadata: {{name: tick}}, spec: {{schedule: '*/1 * * * *', {more} \
         jobTemplate: {{spec: {{template: {JOB_TEMPLATE}}}}}}}}}"
    )
}

#[test]
fn cron_jobs_start_on_the_minute_of_the_wall_clock() {
    let mut world = World::of_nodes(1);
    world.simulation.cluster.wall_start = Span::from_secs(1_800_000_020);
    world.apply_ending(&cron(""), Some((5, 0)));
    world.run_to(170);
    assert_eq!(world.times("created"), ["40.1", "100.1", "160.1"]);
    let cluster = &world.simulation.cluster;
    let names: Vec<&str> = cluster.objects().map(|(id, _)| cluster.object_name(id)).collect();
    assert_eq!(names, ["tick", "tick-30000001", "tick-30000002", "tick-30000003"]);
}

#[test]
fn forbidden_runs_start_late_and_replaced_ones_are_cut_short() {
    // Each Job takes 2 + 90 + 1 s. Forbid: the run missed at 120 s starts when the first has ended.
    for (policy, starts) in [("Forbid", ["60.1", "153.1"]), ("Replace", ["60.1", "120.1"])] {
        let mut world = World::of_nodes(1);
        world.apply_ending(&cron(&format!("concurrencyPolicy: {policy},")), Some((90, 0)));
        world.run_to(170);
        assert_eq!(world.times("created"), starts, "{policy}");
    }
}

#[test]
fn only_so_many_ended_jobs_are_kept() {
    let mut world = World::of_nodes(1);
    world.apply_ending(&cron("successfulJobsHistoryLimit: 2,"), Some((5, 0)));
    world.run_to(600);
    let jobs = world.simulation.cluster.objects().filter(|(_, object)| object.body.kind() == Kind::Job).count();
    assert_eq!(jobs, 2);
}

const BUDGET: &str =
    "{kind: PodDisruptionBudget, metadata: {name: db}, spec: {selector: {matchLabels: {app: db}}, minAvailable: 3}}";

#[test]
fn a_drain_evicts_as_the_budget_allows_and_tries_again_every_5_seconds() {
    let mut world = World::of_nodes(2);
    world.apply(&set("ReplicaSet", "a:1", "replicas: 4"));
    world.apply(BUDGET);
    world.run_to(10);
    world.story();
    world.command(|cluster| Command::Drain(named(cluster, "n1"), None));
    world.run_to(40);
    // both are read at once: one conflicts, is refused half a second later, and tries again 5 s after
    let marked = world.times("marked");
    assert_eq!(marked.len(), 2);
    assert_eq!(marked[0], "10.0");
    assert!(["15.5", "15.6"].contains(&marked[1].as_str()), "{marked:?}");
}

#[test]
fn a_drain_leaves_daemons_alone() {
    let mut world = World::of_nodes(1);
    world.apply(&set("DaemonSet", "a:1", "updateStrategy: {}"));
    world.run_to(10);
    world.story();
    world.command(|cluster| Command::Drain(named(cluster, "n1"), None));
    world.run_to(40);
    assert!(world.story().is_empty());
}

#[test]
fn percentages_of_budgets_round_up() {
    let mut world = World::of_nodes(3);
    world.apply(&set("ReplicaSet", "a:1", "replicas: 7"));
    world.apply(
        "{kind: PodDisruptionBudget, metadata: {name: db}, spec: {selector: {matchLabels: {app: db}}, maxUnavailable: 30%}}",
    );
    world.run_to(10);
    let cluster = &world.simulation.cluster;
    let status = cluster.objects().find_map(|(_, object)| match &object.body {
        Body::PodDisruptionBudget(budget) => Some(budget.status),
        _ => None,
    });
    let status = status.unwrap();
    assert_eq!((status.expected_pods, status.desired_healthy, status.disruptions_allowed), (7, 4, 3));
}

#[test]
fn refused_creations_are_retried_with_doubling_delays() {
    let mut world = World::of_nodes(1);
    world.apply("{kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: '2'}}}");
    world.apply(&set("ReplicaSet", "a:1", "replicas: 3"));
    world.run_to(1);
    let story = world.story();
    assert_eq!(story.iter().filter(|line| line.contains("created")).count(), 2, "{story:?}");
    world.run_to(30);
    // 5 ms · 2^n after a failure: from 1.275 to 2.555, 7.675 and 17.915 s. The syncs at 2 s, as pods got Ready and
    // as the status was written, fail, too; the queue keeps the earlier instant.
    let times: Vec<String> = world.story().iter().map(|line| line.replace(" FailedCreate", "")).collect();
    assert_eq!(times, ["1.3", "2.0", "2.0", "2.6", "7.7", "17.9"]);
    let pod = world.simulation.cluster.pods().next().unwrap().0;
    let name = world.simulation.cluster.pod_name(pod);
    world.command(|cluster| Command::DeletePod(cluster.names.intern("default"), name, None));
    world.run_to(400);
    assert_eq!(world.times("created").len(), 1, "room again once the object is gone");
}
