//! The labels that nodes bear: whether a topology domain that a fault speaks of is there at all.

use std::collections::{BTreeMap, BTreeSet};

use super::{Names, node_groups};
use crate::cluster;
use crate::faults::{Victims, models};
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::Spanned;
use crate::scenario::schema::Scenario;
use crate::scenario::schema::faults::{Fault, ModelRecord};
use crate::scenario::schema::timeline::Action;

/// Zones are values of this label.
const ZONE: &str = "topology.kubernetes.io/zone";

/// Labels that every kubelet gives its node.
const OF_KUBELETS: [&str; 3] = ["kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch"];

/// Labels of nodes, of whatever time, with their values.
pub(super) struct NodeLabels<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> NodeLabels<'a> {
    /// Those of groups, of manifests, and what the timeline sets.
    pub(super) fn of(scenario: &'a Scenario) -> Self {
        let groups = || node_groups(scenario).map(|(_, group)| group);
        let zones = groups().filter_map(|group| Some((ZONE, group.zone.as_ref()?.text.as_str())));
        let region = "topology.kubernetes.io/region";
        let regions = groups().filter_map(|group| Some((region, group.region.as_ref()?.text.as_str())));
        let written = groups().flat_map(|group| &group.labels.0);
        let objects = scenario.cluster.manifest.iter().flat_map(|manifest| &manifest.objects);
        let of_objects = objects.filter_map(|object| object.metadata().labels.as_ref()).flatten();
        let set = scenario.timeline.iter().filter_map(|step| match &step.action {
            Action::Label(label) => Some((label.key.as_str(), label.value.as_deref()?)),
            _ => None,
        });
        let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let texts = written.chain(of_objects).map(|(key, value)| (key.as_str(), value.as_str()));
        for (key, value) in texts.chain(zones).chain(regions).chain(set) {
            labels.entry(key).or_default().insert(value);
        }
        NodeLabels(labels)
    }

    /// Whether some node has the label.
    fn has(&self, label: &str) -> bool {
        OF_KUBELETS.contains(&label) || self.0.contains_key(label)
    }

    /// The values of a label.
    fn values(&self, label: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(label).into_iter().flatten().copied()
    }

    /// Whether some node has the label with this value.
    fn has_value(&self, label: &str, value: &str) -> bool {
        OF_KUBELETS.contains(&label) || self.values(label).any(|known| known == value)
    }
}

impl Names<'_> {
    /// The zones there are nodes in.
    pub(super) fn zones(&self) -> impl Iterator<Item = &str> {
        self.labels.values(ZONE)
    }

    /// Reports a zone without nodes.
    pub(super) fn zone(&self, zone: &Spanned<String>, problems: &mut Problems) {
        if self.known.nodes && !self.labels.has_value(ZONE, zone) {
            let problem = problems.report(zone.location, format!("no node is in a zone `{}`", zone.value));
            problem.suggest(zone, self.labels.values(ZONE));
        }
    }

    /// Reports a label that no node has.
    pub(super) fn label(&self, label: &Spanned<String>, problems: &mut Problems) {
        if self.known.nodes && !self.labels.has(label) {
            let problem = problems.report(label.location, format!("no node has a label `{}`", label.value));
            problem.suggest(label, self.labels.0.keys().copied());
        }
    }

    /// Reports a value that no node's label has.
    pub(super) fn domain(&self, label: &Spanned<String>, value: &Spanned<String>, problems: &mut Problems) {
        if self.known.nodes && self.labels.has(label) && !self.labels.has_value(label, value) {
            let found = format!("no node has the label `{}={}`", label.value, value.value);
            problems.report(value.location, found).suggest(value, self.labels.values(label));
        }
    }
}

/// What failure models leave out because no node says in which rack or zone it is, in words: the model is
/// then another one than its name promises.
pub fn faults_without_domains(scenario: &Scenario) -> Vec<String> {
    let labels = NodeLabels::of(scenario);
    let models = scenario.faults.iter().filter_map(|entry| match &entry.fault {
        Fault::Model(model) => Some(&model.0),
        _ => None,
    });
    models.flat_map(|model| of_model(model, &labels)).collect()
}

fn of_model(written: &ModelRecord, labels: &NodeLabels<'_>) -> Vec<String> {
    let mut names = cluster::Names::default();
    let rack = names.intern(&written.rack_label);
    let faults = models::find(&written.name).map(|model| model.faults(rack, &mut names)).unwrap_or_default();
    let mut told = Vec::new();
    for fault in &faults {
        let by_domain = match &fault.victims {
            Victims::Nodes(nodes) => nodes.by_domain,
            _ => None,
        };
        let (what, label) = match (by_domain, fault.burst.as_ref().and_then(|burst| burst.domain)) {
            (Some(label), _) => ("never strikes", label),
            (None, Some(label)) => ("drags no other node along", label),
            (None, None) => continue,
        };
        let label = names.text(label);
        if !labels.has(label) {
            told.push(format!("no node has the label `{label}`: `{}` {what}", fault.name));
        }
    }
    told
}
