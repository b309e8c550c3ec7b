//! The life of a pod on its node.
//!
//! ```text
//! Accept ─▶ Start ─▶ Ready      Report follows each by the status delay, if the kubelet is heard
//!             │ End ─▶ Restart (seen, back-off, start) ─▶ Ready …
//! Terminate ─▶ Stopped ─▶ Gone
//! ```

use std::rc::Rc;

use crate::cluster::spec::{Behaviour, Role};
use crate::cluster::{
    Action, Cluster, Container, Message, NodeId, Pace, Phase, Pod, PodId, PodSpec, Power, Resources, RestartPolicy,
    Subject, Work,
};
use crate::engine::{Span, Stream, Time};

use super::{Event, Kubelet, PodStep, Todo, images};

const NAME: &str = "kubelet";
/// After a run of this length the back-off starts anew (nodes.md 9.4).
const BACKOFF_RESET: Span = Span::from_secs(600);

impl Kubelet {
    pub(super) fn pod_step(&mut self, id: PodId, step: PodStep, cluster: &Cluster, todo: &mut Todo) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(node) = pod.node.and_then(|node| cluster.node(node)) else { return };
        if !node.machine.is_managed() {
            if node.machine.power == Power::On {
                self.happens_unseen(id, pod, step, cluster, todo);
            }
            return;
        }
        match step {
            PodStep::Accept => self.accept(id, pod, cluster, todo),
            PodStep::Start => self.start(id, pod, cluster, todo),
            PodStep::Ready => {
                todo.actions.push(Action::SetContainer(id, Container::Ready));
                self.report_later(id, pod, cluster, todo);
            }
            PodStep::Report if node.machine.is_heard() => report(id, pod, cluster, todo),
            PodStep::Report => (),
            PodStep::End | PodStep::Crash => {
                if self.ends_now(id, pod, step, cluster, todo) {
                    self.end(id, pod, step, cluster, todo);
                }
            }
            PodStep::EndSeen => self.end(id, pod, step, cluster, todo),
            PodStep::Unready if pod.container == Container::Ready => {
                todo.actions.push(Action::SetContainer(id, Container::Started));
                self.report_later(id, pod, cluster, todo);
            }
            PodStep::ReadyAgain if pod.container == Container::Started => {
                todo.actions.push(Action::SetContainer(id, Container::Ready));
                self.report_later(id, pod, cluster, todo);
            }
            PodStep::Unready | PodStep::ReadyAgain => (),
            PodStep::ShutDown => self.shut_down_pod(id, node.machine.is_heard(), todo),
            PodStep::Restart => {
                todo.actions.push(Action::CountRestart(id));
                self.start(id, pod, cluster, todo);
            }
            PodStep::Terminate => self.terminate(id, pod, cluster, todo),
            PodStep::Stopped => self.stopped(id, pod, cluster, todo),
            PodStep::Gone if node.machine.is_heard() => todo.actions.push(Action::RemovePod(id)),
            PodStep::Gone => (),
            PodStep::MountTimeout => self.mount_timeout(id, pod, cluster, todo),
        }
    }

    /// A stream of its own for each purpose, pod and start.
    fn stream(&self, purpose: &str, id: PodId, pod: &Pod) -> Stream {
        self.seed.stream(
            purpose,
            u64::from(id.0) << 16 | u64::from(pod.epoch.min(0xff)) << 8 | u64::from(pod.restarts.min(0xff)),
        )
    }

    /// The kubelet takes the pod on, or rejects it for want of room.
    fn accept(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = pod.node else { return };
        if pod.container != Container::Absent || pod.phase.is_terminal() {
            return;
        }
        if self.shutting_down.contains(&node) {
            self.reject_in_shutdown(id, todo);
            return;
        }
        if let Some(resource) = lacking(id, node, cluster) {
            todo.actions.push(Action::Record(NAME, Subject::Pod(id), Message::OutOf(Rc::from(resource))));
            todo.actions.push(Action::SetPhase(id, Phase::Failed));
            return;
        }
        todo.actions.push(Action::SetStarted(id));
        self.bring_up(id, pod, node, cluster, todo);
    }

    /// Volumes that have to be attached, other volumes, sandbox, then containers one after another with their
    /// images.
    pub(super) fn bring_up(&mut self, id: PodId, pod: &Pod, node: NodeId, cluster: &Cluster, todo: &mut Todo) {
        todo.actions.push(Action::SetContainer(id, Container::Starting));
        if self.has_volumes(id, pod, node, cluster, todo) {
            self.start_later(id, pod, node, cluster, todo);
        }
    }

    /// The pod's volumes can be mounted: the containers will start.
    pub(super) fn start_later(&mut self, id: PodId, pod: &Pod, node: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let mut stream = self.stream("pod-start", id, pod);
        let at = match &self.settings.start {
            Some(whole) => cluster.now + whole.sample(&mut stream),
            None => self.stages(pod, node, cluster, &mut stream),
        };
        let at = cluster.now + at.since(cluster.now).at_pace(pace_of(node, cluster).start_milli);
        todo.events.push((at, Event::Pod(id, pod.epoch, PodStep::Start)));
    }

    fn stages(&mut self, pod: &Pod, node: NodeId, cluster: &Cluster, stream: &mut Stream) -> Time {
        let settings = &self.settings;
        let mut at = cluster.now + settings.volumes.sample(stream) + settings.sandbox.sample(stream);
        for container in &cluster.spec(pod.spec).containers {
            let present = cluster
                .node(node)
                .is_some_and(|node| node.spec.images.iter().any(|(name, _)| *name == container.image));
            if !present {
                at = self.images.pull(node, container.image, at, settings, self.seed);
            }
            at += settings.container_start.sample(stream);
            if container.role == Role::Init {
                at += settings.container_start.sample(stream);
            }
        }
        at
    }

    /// The containers run; readiness and the end are still to come.
    fn start(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        let spec = cluster.spec(pod.spec);
        let behaviour = &spec.behaviour;
        self.list_images(pod, spec, cluster, todo);
        let ready_at = self.ready_at(id, pod, spec, cluster.now);
        let is_ready = ready_at == Some(cluster.now);
        let container = if is_ready { Container::Ready } else { Container::Started };
        todo.actions.push(Action::SetContainer(id, container));
        if let (Some(at), false) = (ready_at, is_ready) {
            todo.events.push((at, Event::Pod(id, pod.epoch, PodStep::Ready)));
        }
        if let Some(length) = self.run_length(id, pod, behaviour, cluster, todo) {
            let pace = pod.node.map(|node| pace_of(node, cluster)).unwrap_or_default();
            let end = cluster.now + length.at_pace(pace.progress_milli);
            self.ends.insert(id, end);
            todo.events.push((end, Event::Pod(id, pod.epoch, PodStep::End)));
        }
        self.report_later(id, pod, cluster, todo);
    }

    /// How long the main container, started now, runs at the usual pace before it ends by itself, if it does. One
    /// that writes checkpoints goes on with what was left, its own or another pod's.
    fn run_length(
        &self,
        id: PodId,
        pod: &Pod,
        behaviour: &Behaviour,
        cluster: &Cluster,
        todo: &mut Todo,
    ) -> Option<Span> {
        let drawn = || behaviour.run_for.as_ref().map(|run| run.sample(&mut self.stream("pod-run", id, pod)));
        let whole = || pod.run_for.or_else(drawn);
        let Some(checkpoints) = behaviour.checkpoints else { return whole() };
        let work = match cluster.work_left(id) {
            Some(left) => Work { checkpoints, ..left }, // the template may have changed
            None => Work::new(checkpoints, whole()?),
        };
        todo.actions.push(Action::BeginWork(id, work));
        Some(work.takes())
    }

    /// The images of a pod that runs are on its node, as the node's status will show.
    fn list_images(&self, pod: &Pod, spec: &PodSpec, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = pod.node else { return };
        let Some(listed) = cluster.node(node).map(|node| &node.spec.images) else { return };
        for image in spec.images().filter(|image| !listed.iter().any(|(name, _)| name == image)) {
            let bytes = images::size_of(image, &self.settings, self.seed);
            todo.actions.push(Action::AddImage(node, image, bytes as i64));
        }
    }

    /// When the containers, started now, pass their readiness check; `None`: never.
    fn ready_at(&self, id: PodId, pod: &Pod, spec: &PodSpec, now: Time) -> Option<Time> {
        let behaviour = &spec.behaviour;
        if behaviour.never_ready {
            return None;
        }
        if self.settings.ready_at_once {
            return Some(now);
        }
        let unsaid = behaviour.readiness_probe.map(|_| &self.settings.ready);
        let warm_up = behaviour.ready_after.as_ref().or(unsaid);
        let warm_up = warm_up.map_or(Span::ZERO, |after| after.sample(&mut self.stream("pod-ready", id, pod)));
        let Some((initial_delay, period)) = behaviour.readiness_probe else { return Some(now + warm_up) };
        // The probe's ticks are anchored before the containers start (nodes.md 9.5).
        let phase = Span(self.stream("pod-probe", id, pod).below(period.0.max(1)));
        let from = warm_up.max(initial_delay);
        let ticks = from.saturating_sub(phase).0.div_ceil(period.0.max(1));
        Some(now + phase + Span(ticks * period.0))
    }

    /// The kubelet sees a change of the containers, and reports it, after the status delay.
    fn report_later(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        let delay = self.settings.status.sample(&mut self.stream("pod-status", id, pod));
        todo.events.push((cluster.now + delay, Event::Pod(id, pod.epoch, PodStep::Report)));
    }

    /// The main container ends in truth: by itself if this is the instant for it, or by a crash.
    fn ends_now(&mut self, id: PodId, pod: &Pod, step: PodStep, cluster: &Cluster, todo: &mut Todo) -> bool {
        let is_due = step == PodStep::Crash || self.ends.get(&id) == Some(&cluster.now);
        if !is_due || pod.deletion.is_some() || !pod.container.is_running() {
            return false;
        }
        self.ends.remove(&id);
        let ended = if step == PodStep::Crash { Container::Crashed } else { Container::Ended };
        todo.actions.push(Action::SetContainer(id, ended));
        true
    }

    /// What happens to a pod while its kubelet does not work: its containers may end; the rest waits.
    fn happens_unseen(&mut self, id: PodId, pod: &Pod, step: PodStep, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = pod.node else { return };
        let seen_later = match step {
            PodStep::End | PodStep::Crash if self.ends_now(id, pod, step, cluster, todo) => PodStep::EndSeen,
            PodStep::End | PodStep::Crash | PodStep::Report => return,
            waits => waits,
        };
        self.unseen.entry(node).or_default().push((id, pod.epoch, seen_later));
    }

    /// The node works faster or slower from now on: what is left to do of its pods' work takes longer or
    /// shorter in proportion.
    pub(super) fn pace_changed(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id) else { return };
        let now = node.pace.progress_milli;
        let before = self.paces.insert(id, now).unwrap_or(1000);
        for &pod_id in &node.pods {
            let (Some(pod), Some(end)) = (cluster.pod(pod_id), self.ends.get_mut(&pod_id)) else { continue };
            let left = u128::from(end.since(cluster.now).0) * u128::from(now) / u128::from(before.max(1));
            *end = cluster.now + Span(u64::try_from(left).unwrap_or(u64::MAX));
            todo.events.push((*end, Event::Pod(pod_id, pod.epoch, PodStep::End)));
        }
    }

    /// The main container ended by itself: for good, or until it is started again. The kubelet sees it when it lists
    /// containers next, and then starts it as it started it first (nodes.md 9.1 and 9.4).
    fn end(&mut self, id: PodId, pod: &Pod, step: PodStep, cluster: &Cluster, todo: &mut Todo) {
        let spec = cluster.spec(pod.spec);
        let crashed = step == PodStep::Crash || (step == PodStep::EndSeen && pod.container == Container::Crashed);
        let failed = crashed || spec.behaviour.exit_code != 0;
        let again = match spec.restart_policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => failed,
            RestartPolicy::Never => false,
        };
        if !again {
            self.report_later(id, pod, cluster, todo);
            return;
        }
        let seen = cluster.now + self.settings.status.sample(&mut self.stream("pod-relist", id, pod));
        let begun = self.restart_begins(id, cluster.now, seen);
        if begun > seen {
            todo.actions.push(Action::Record(NAME, Subject::Pod(id), Message::BackOff));
        }
        let pace = pod.node.map(|node| pace_of(node, cluster)).unwrap_or_default();
        let takes = self.settings.container_start.sample(&mut self.stream("pod-restart", id, pod));
        todo.events.push((seen, Event::Pod(id, pod.epoch, PodStep::Report)));
        todo.events.push((begun + takes.at_pace(pace.start_milli), Event::Pod(id, pod.epoch, PodStep::Restart)));
    }

    /// When the kubelet begins to start a container again that ends now: as soon as it has seen it the first time,
    /// then not before 10 s, 20 s, … 300 s counted from its end; anew after ten minutes without a restart.
    fn restart_begins(&mut self, id: PodId, now: Time, seen: Time) -> Time {
        let (first, max) = (self.settings.crash_backoff, self.settings.crash_backoff_max);
        match self.backoffs.get_mut(&id) {
            Some((delay, last)) if now.since(*last) <= BACKOFF_RESET => {
                let at = seen.max(now + *delay);
                *delay = Span((delay.0 * 2).min(max.0));
                *last = at;
                at
            }
            _ => {
                self.backoffs.insert(id, (first, seen));
                seen
            }
        }
    }

    /// The deletion mark has arrived: the containers are told to stop.
    pub(super) fn terminate(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        let Some(deletion) = pod.deletion else { return };
        self.waiting.forget(id);
        let mut stream = self.stream("pod-stop", id, pod);
        let runs = pod.container.is_running() || pod.container == Container::Starting;
        let stop = match runs || self.settings.simple {
            true => self.settings.stop_of(&cluster.spec(pod.spec).behaviour, &mut stream).min(deletion.grace),
            false => Span::ZERO,
        };
        todo.actions.push(Action::VoidPodEvents(id));
        say_killing(id, pod, cluster.spec(pod.spec), todo);
        todo.events.push((cluster.now + stop, Event::Pod(id, pod.epoch + 1, PodStep::Stopped)));
    }

    /// The containers are gone; the rest is cleaning up.
    fn stopped(&mut self, id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
        todo.actions.push(Action::SetContainer(id, Container::Absent));
        let teardown = self.settings.teardown.sample(&mut self.stream("pod-teardown", id, pod));
        if teardown > Span::ZERO
            && pod.node.and_then(|node| cluster.node(node)).is_some_and(|node| node.machine.is_heard())
        {
            todo.actions.push(Action::SetPodReady(id, false));
        }
        todo.events.push((cluster.now + teardown, Event::Pod(id, pod.epoch, PodStep::Gone)));
    }
}

/// Writes what the kubelet sees to the API.
pub(super) fn report(id: PodId, pod: &Pod, cluster: &Cluster, todo: &mut Todo) {
    let spec = cluster.spec(pod.spec);
    match pod.container {
        Container::Started | Container::Ready => {
            if pod.phase == Phase::Pending {
                todo.actions.push(Action::SetPhase(id, Phase::Running));
            }
            todo.actions.push(Action::SetPodReady(id, pod.container == Container::Ready));
        }
        ended @ (Container::Ended | Container::Crashed) if ends_for_good(spec, ended) => {
            let failed = ended == Container::Crashed || spec.behaviour.exit_code != 0;
            todo.actions.push(Action::SetPhase(id, if failed { Phase::Failed } else { Phase::Succeeded }));
        }
        Container::Ended | Container::Crashed | Container::Absent | Container::Starting => {
            todo.actions.push(Action::SetPodReady(id, false));
        }
    }
}

/// The containers are told to stop, if they run.
pub(super) fn say_killing(id: PodId, pod: &Pod, spec: &PodSpec, todo: &mut Todo) {
    let runs = |role: Role| role != Role::Init && pod.container.is_running();
    let running = spec.containers.iter().filter(|container| runs(container.role));
    let words = running.map(|container| Message::Killing(container.name));
    todo.actions.extend(words.map(|words| Action::Record(NAME, Subject::Pod(id), words)));
}

/// How fast a node works.
fn pace_of(node: NodeId, cluster: &Cluster) -> Pace {
    cluster.node(node).map(|node| node.pace).unwrap_or_default()
}

fn ends_for_good(spec: &PodSpec, container: Container) -> bool {
    match spec.restart_policy {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => container == Container::Ended && spec.behaviour.exit_code == 0,
        RestartPolicy::Never => true,
    }
}

/// The resource the node lacks for the pod beside those it has accepted before, Terminating ones
/// included; `None` if there is room.
fn lacking(id: PodId, node: NodeId, cluster: &Cluster) -> Option<&'static str> {
    let node = cluster.node(node)?;
    let wants = &cluster.spec(cluster.pod(id)?.spec).requests;
    let over = |used: i64, allocatable: i64| used > allocatable;
    let spec = &node.spec;
    if !over(node.requested.cpu, spec.allocatable.cpu)
        && !over(node.requested.memory, spec.allocatable.memory)
        && !over(node.requested.ephemeral_storage, spec.allocatable.ephemeral_storage)
        && !over(node.n_pods, spec.max_pods)
    {
        return None;
    }
    let mut used = Resources::default();
    let mut n_pods = 1;
    for other in node.pods.iter().filter(|other| **other != id).filter_map(|other| cluster.pod(*other)) {
        if other.started_at.is_some() && !other.phase.is_terminal() {
            used.add(&cluster.spec(other.spec).requests);
            n_pods += 1;
        }
    }
    let short = |wants: i64, used: i64, allocatable: i64| wants > 0 && over(used + wants, allocatable);
    if over(n_pods, spec.max_pods) {
        Some("pods")
    } else if short(wants.cpu, used.cpu, spec.allocatable.cpu) {
        Some("cpu")
    } else if short(wants.memory, used.memory, spec.allocatable.memory) {
        Some("memory")
    } else if short(wants.ephemeral_storage, used.ephemeral_storage, spec.allocatable.ephemeral_storage) {
        Some("ephemeral-storage")
    } else {
        None
    }
}
