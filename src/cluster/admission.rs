//! Admission of new pods: defaults and bounds of LimitRanges, then ResourceQuotas, which count what is
//! admitted at once (controllers.md 12).

use super::Cluster;
use super::event::{Message, Reason, Subject};
use super::ids::{ObjectId, PodId, SpecId};
use super::names::Name;
use super::object::{Body, Kind};
use super::pod::PodName;
use super::pods::NewPod;
use super::policy::{LimitLine, LimitRange, LimitResource, LimitScope, QuotaLine, QuotaResource};
use super::resources::Resources;
use super::spec::{ContainerSpec, PodSpec};

/// Who refused a pod, and the API server's words.
struct Refusal {
    by: ObjectId,
    why: String,
}

impl Cluster {
    /// Creates a pod somebody outside asks for; if admission refuses it, that is reported on whoever
    /// refused.
    pub fn submit_pod(&mut self, new: NewPod) -> Option<PodId> {
        let derived = self.derived_spec(&new);
        match self.admit_spec(&new, derived) {
            Ok(spec) => Some(self.create_pod_from(new, spec)),
            Err(refusal) => {
                let failed = Reason { warning: true, text: "FailedCreate" };
                let message = Message::Other(failed, refusal.why.into());
                self.record("kube-apiserver", Subject::Object(refusal.by), message);
                None
            }
        }
    }

    /// The template of a controller's new pod after admission.
    ///
    /// # Errors
    /// The API server's words, if it is refused.
    pub(super) fn admit(&mut self, new: &NewPod) -> Result<SpecId, String> {
        let derived = self.derived_spec(new);
        self.admit_spec(new, derived).map_err(|refusal| refusal.why)
    }

    fn admit_spec(&mut self, new: &NewPod, id: SpecId) -> Result<SpecId, Refusal> {
        let namespace = self.spec(id).namespace;
        let mut admitted = id;
        let name_and_why = |cluster: &mut Cluster, why: &str| {
            format!("pods \"{}\" is forbidden: {why}", cluster.refused_name(new.name))
        };
        for by in self.in_namespace(Kind::LimitRange, namespace) {
            let Some(Body::LimitRange(range)) = self.object(by).map(|object| &object.body) else { continue };
            let spec = limited(self.spec(admitted), range);
            let wrong = violations(&spec, range);
            if !wrong.is_empty() {
                let why = name_and_why(self, &wrong.join(", "));
                return Err(Refusal { by, why });
            }
            admitted = self.intern_spec(spec);
        }
        let quotas = self.in_namespace(Kind::ResourceQuota, namespace);
        for &by in &quotas {
            if let Some(wrong) = self.over_quota(by, admitted) {
                let why = name_and_why(self, &wrong);
                return Err(Refusal { by, why });
            }
        }
        quotas.into_iter().for_each(|quota| self.charge_quota(quota, admitted));
        Ok(admitted)
    }

    fn in_namespace(&self, kind: Kind, namespace: Name) -> Vec<ObjectId> {
        let known = if kind == Kind::ResourceQuota { &self.quotas } else { &self.limit_ranges };
        let here = |id: &&ObjectId| self.object(**id).is_some_and(|object| object.namespace == namespace);
        known.iter().filter(here).copied().collect()
    }

    /// The name a refused pod would have had.
    fn refused_name(&mut self, name: PodName) -> String {
        self.refusals += 1;
        let suffix = super::identity::suffix(self.seed.value("refused-pod-name", self.refusals));
        let text = |name| self.names.text(name);
        match name {
            PodName::Given(name) => text(name).to_string(),
            PodName::Ordinal(base, ordinal) => format!("{}-{ordinal}", text(base)),
            PodName::Generated(base) => format!("{}-{suffix}", text(base)),
            PodName::Indexed(base, index) => format!("{}-{index}-{suffix}", text(base)),
        }
    }

    /// What the quota has against a pod, in the API server's words.
    fn over_quota(&self, quota: ObjectId, spec: SpecId) -> Option<String> {
        let object = self.object(quota)?;
        let Body::ResourceQuota(limits) = &object.body else { return None };
        if !limits.observed {
            return None;
        }
        let spec = self.spec(spec);
        let unsaid = limits.lines.iter().filter(|line| !is_said(spec, line.resource));
        let unsaid: Vec<&str> = unsaid.map(|line| self.names.text(line.name)).collect();
        let quota = self.names.text(object.name);
        if !unsaid.is_empty() {
            return Some(format!("failed quota: {quota}: must specify {}", unsaid.join(",")));
        }
        let is_over = |line: &&QuotaLine| {
            let wanted = amount(spec, line.resource);
            wanted > 0 && line.used + wanted > line.hard
        };
        let over: Vec<&QuotaLine> = limits.lines.iter().filter(is_over).collect();
        if over.is_empty() {
            return None;
        }
        let list = |of: &dyn Fn(&QuotaLine) -> i64| {
            let one =
                |line: &&QuotaLine| format!("{}={}", self.names.text(line.name), quantity(line.resource, of(line)));
            over.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let requested = list(&|line| amount(spec, line.resource));
        let (used, hard) = (list(&|line| line.used), list(&|line| line.hard));
        Some(format!("exceeded quota: {quota}, requested: {requested}, used: {used}, limited: {hard}"))
    }

    fn charge_quota(&mut self, quota: ObjectId, spec: SpecId) {
        let Some(Body::ResourceQuota(limits)) = self.object(quota).map(|object| &object.body) else { return };
        let mut limits = limits.clone();
        if limits.observed {
            for line in &mut limits.lines {
                line.used += amount(self.spec(spec), line.resource);
            }
            self.set_status(quota, super::objects::ObjectStatus::Quota(Box::new(limits)));
        }
    }
}

/// How much of a resource a pod uses in a quota's eyes.
pub fn amount(spec: &PodSpec, resource: QuotaResource) -> i64 {
    match resource {
        QuotaResource::Pods => 1,
        QuotaResource::RequestsCpu => spec.requests.cpu,
        QuotaResource::RequestsMemory => spec.requests.memory,
        QuotaResource::RequestsStorage => spec.requests.ephemeral_storage,
        QuotaResource::LimitsCpu => spec.limits().cpu,
        QuotaResource::LimitsMemory => spec.limits().memory,
        QuotaResource::LimitsStorage => spec.limits().ephemeral_storage,
        QuotaResource::Extended(name) => spec.requests.scalar(name),
    }
}

/// Whether every container says how much it wants, where the quota asks for that.
fn is_said(spec: &PodSpec, resource: QuotaResource) -> bool {
    spec.containers.iter().all(|container| match resource {
        QuotaResource::RequestsCpu => container.asks.0,
        QuotaResource::RequestsMemory => container.asks.1,
        QuotaResource::LimitsCpu => container.limits.cpu > 0,
        QuotaResource::LimitsMemory => container.limits.memory > 0,
        _ => true,
    })
}

/// An amount as Kubernetes writes it.
pub fn quantity(resource: QuotaResource, amount: i64) -> String {
    match resource {
        QuotaResource::RequestsCpu | QuotaResource::LimitsCpu => cpu_text(amount),
        QuotaResource::Pods | QuotaResource::Extended(_) => amount.to_string(),
        _ => bytes_text(amount),
    }
}

/// Thousandths of a core as Kubernetes writes them: `2`, `500m`.
pub fn cpu_text(milli: i64) -> String {
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}

/// Bytes in the largest binary unit that divides them: `2Gi`.
pub fn bytes_text(bytes: i64) -> String {
    let units = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
    let mut value = bytes;
    let mut unit = 0;
    while value != 0 && value % 1024 == 0 && unit + 1 < units.len() {
        value /= 1024;
        unit += 1;
    }
    format!("{value}{}", units[unit])
}

fn get(resources: &Resources, resource: LimitResource) -> i64 {
    match resource {
        LimitResource::Cpu => resources.cpu,
        LimitResource::Memory => resources.memory,
        LimitResource::Storage => resources.ephemeral_storage,
    }
}

fn set(resources: &mut Resources, resource: LimitResource, amount: i64) {
    match resource {
        LimitResource::Cpu => resources.cpu = amount,
        LimitResource::Memory => resources.memory = amount,
        LimitResource::Storage => resources.ephemeral_storage = amount,
    }
}

fn asks(container: &ContainerSpec, resource: LimitResource) -> bool {
    match resource {
        LimitResource::Cpu => container.asks.0,
        LimitResource::Memory => container.asks.1,
        LimitResource::Storage => container.requests.ephemeral_storage > 0,
    }
}

/// The template with the range's defaults where its containers say nothing.
fn limited(spec: &PodSpec, range: &LimitRange) -> PodSpec {
    let mut spec = spec.clone();
    for line in range.lines.iter().filter(|line| line.scope == LimitScope::Container) {
        for container in &mut spec.containers {
            if let Some(default) = line.default_request.filter(|_| !asks(container, line.resource)) {
                set(&mut container.requests, line.resource, default);
                match line.resource {
                    LimitResource::Cpu => container.asks.0 = true,
                    LimitResource::Memory => container.asks.1 = true,
                    LimitResource::Storage => (),
                }
            }
            if let Some(default) = line.default.filter(|_| get(&container.limits, line.resource) == 0) {
                set(&mut container.limits, line.resource, default);
            }
        }
    }
    spec.compute_requests();
    spec
}

/// What is outside the range, in the API server's words.
fn violations(spec: &PodSpec, range: &LimitRange) -> Vec<String> {
    let mut found = Vec::new();
    for line in &range.lines {
        match line.scope {
            LimitScope::Container => {
                for container in &spec.containers {
                    let request = asks(container, line.resource).then(|| get(&container.requests, line.resource));
                    check(line, request, get(&container.limits, line.resource), &mut found);
                }
            }
            LimitScope::Pod => {
                let request = get(&spec.requests, line.resource);
                check(line, (request > 0).then_some(request), get(&spec.limits(), line.resource), &mut found);
            }
        }
    }
    found
}

/// One line against one request and one limit (0: none).
fn check(line: &LimitLine, request: Option<i64>, limit: i64, found: &mut Vec<String>) {
    let (resource, text): (_, fn(i64) -> String) = match line.resource {
        LimitResource::Cpu => ("cpu", cpu_text),
        LimitResource::Memory => ("memory", bytes_text),
        LimitResource::Storage => ("ephemeral-storage", bytes_text),
    };
    let scope = if line.scope == LimitScope::Pod { "Pod" } else { "Container" };
    let limit = (limit > 0).then_some(limit);
    if let Some(min) = line.min {
        let rule = format!("minimum {resource} usage per {scope} is {}", text(min));
        match (request, limit) {
            (None, _) => found.push(format!("{rule}.  No request is specified")),
            (Some(request), _) if request < min => found.push(format!("{rule}, but request is {}", text(request))),
            (_, Some(limit)) if limit < min => found.push(format!("{rule}, but limit is {}", text(limit))),
            _ => (),
        }
    }
    if let Some(max) = line.max {
        let rule = format!("maximum {resource} usage per {scope} is {}", text(max));
        match (request, limit) {
            (_, None) => found.push(format!("{rule}.  No limit is specified")),
            (_, Some(limit)) if limit > max => found.push(format!("{rule}, but limit is {}", text(limit))),
            (Some(request), _) if request > max => found.push(format!("{rule}, but request is {}", text(request))),
            _ => (),
        }
    }
}
