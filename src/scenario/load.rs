//! From a path to a checked [`Scenario`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::diagnostics::{Diagnostics, Problems};
use super::fields::Record;
use super::manifests::{self, Body, Object};
use super::read::{Spanned, literal};
use super::schema::Scenario;
use super::schema::scheduler::SchedulerConfig;
use super::schema::workloads::Workload;
use super::source::{Entry, Location, Node, Sources, Value};
use super::{check, outages, overrides};
use crate::faults::Outage;

/// Reads and checks a scenario file and the files that it names.
///
/// `overrides` are paths and values as in `--set path=value`; they apply before anything is checked.
///
/// # Errors
/// All problems at once, each with its place. Nothing has been changed or written then.
pub fn load(path: &Path, overrides: &[(String, String)]) -> Result<Scenario, Diagnostics> {
    load_from(Sources::default(), path, overrides)
}

/// Reads and checks a scenario from stored files, paths and texts, the scenario's own first.
///
/// # Errors
/// As [`load`].
pub fn load_stored(files: &[(String, String)], overrides: &[(String, String)]) -> Result<Scenario, Diagnostics> {
    let path = files.first().map(|(path, _)| path.clone()).unwrap_or_default();
    load_from(Sources::stored(files.iter().cloned()), Path::new(&path), overrides)
}

fn load_from(mut sources: Sources, path: &Path, overrides: &[(String, String)]) -> Result<Scenario, Diagnostics> {
    match sources.read(path) {
        Ok(source) => finish(source, sources, path.parent(), overrides),
        Err(why) => {
            let mut problems = Problems::default();
            problems.report_nowhere(format!("cannot read {}: {why}", path.display()));
            Err(Diagnostics::new(problems, sources))
        }
    }
}

/// Reads and checks a scenario given as text. `name` stands in diagnostics, and files are looked for
/// beside it.
///
/// # Errors
/// As [`load`].
pub fn load_text(name: &str, text: &str, overrides: &[(String, String)]) -> Result<Scenario, Diagnostics> {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    finish(source, sources, Path::new(name).parent(), overrides)
}

fn finish(
    source: u32,
    sources: Sources,
    folder: Option<&Path>,
    overrides: &[(String, String)],
) -> Result<Scenario, Diagnostics> {
    let folder = folder.unwrap_or(Path::new("")).to_path_buf();
    let mut loader = Loader { sources, problems: Problems::default(), folder, files: BTreeMap::new() };
    let scenario = loader.scenario(source, overrides);
    match scenario {
        Some(mut scenario) if loader.problems.is_empty() => {
            scenario.files.sources = loader.sources;
            scenario.files.folder = loader.folder;
            Ok(scenario)
        }
        _ => Err(Diagnostics::new(loader.problems, loader.sources)),
    }
}

struct Loader {
    sources: Sources,
    problems: Problems,
    folder: PathBuf,
    /// The documents of the files read so far, so that each is read once.
    files: BTreeMap<PathBuf, Vec<Node>>,
}

impl Loader {
    fn scenario(&mut self, source: u32, overrides: &[(String, String)]) -> Option<Scenario> {
        let mut documents = self.sources.parse(source, &mut self.problems)?.into_iter();
        let start = Location { source, start: 0, end: 0 };
        let Some(mut root) = documents.next().filter(|root| !root.is_null()) else {
            self.problems.report(start, "the file is empty").expected("expected a scenario");
            return None;
        };
        if let Some(second) = documents.next() {
            self.problems.report(second.location, "a second document").expected("a scenario is a single YAML document");
        }
        if matches!(root.value, Value::Map(_)) {
            for (path, value) in overrides {
                overrides::apply(&mut root, path, value, &mut self.sources, &mut self.problems);
            }
        }
        if root.get("placement").is_some_and(|placement| !placement.is_null()) && root.get("duration").is_none() {
            let (key, key_location) = ("duration".to_string(), root.location);
            if let Value::Map(entries) = &mut root.value {
                entries.push(Entry { key, key_location, value: literal("1s") }); // there is no time
            }
        }
        let scenario = Scenario::read_record(&root, &mut self.problems);
        // a section that cannot be read must not hide what is wrong between the others
        let mut scenario = scenario.or_else(|| Scenario::read_record(&readable(&root), &mut Problems::default()))?;
        let unread = std::mem::take(&mut self.problems);
        self.load_files(&mut scenario);
        let known = known(&root, &scenario);
        check::check(&scenario, known, &mut self.problems);
        // where something could not be read, defaults stand that nobody wrote
        let mut keys = BTreeSet::new();
        keys_above(&root, &unread.places(), &mut keys);
        self.problems.retain(|at| !unread.any_within(at) && !keys.contains(&at));
        self.problems.append(unread);
        Some(scenario)
    }

    fn load_files(&mut self, scenario: &mut Scenario) {
        if let Some(manifest) = &mut scenario.cluster.manifest {
            (manifest.objects, manifest.incomplete) = self.objects(&manifest.path);
            for object in manifest.objects.iter().filter(|object| !matches!(object.body, Body::Node(_))) {
                let problem =
                    self.problems.report(object.node.locate("kind"), format!("a {} among the nodes", object.kind()));
                problem.expected("expected `Node`").help("list this file under `workloads`");
            }
        }
        for workload in &mut scenario.workloads {
            self.load_workload(workload);
        }
        for step in &mut scenario.timeline {
            if let Some(workload) = step.action.workload_mut() {
                self.load_workload(workload);
            }
        }
        for entry in &mut scenario.faults {
            if let Some(trace) = entry.fault.trace_mut() {
                trace.loaded.outages = self.outages(&trace.file);
            }
        }
        if let Some(SchedulerConfig::File(path)) = &scenario.scheduler.config {
            let (path, location) = (path.clone(), path.location);
            let documents = self.documents(&path.value, location);
            match documents.as_slice() {
                [document] => scenario.scheduler.config = Some(SchedulerConfig::Object(document.clone())),
                [] => {}
                [_, second, ..] => {
                    self.problems
                        .report(second.location, "a second document")
                        .expected("expected a single KubeSchedulerConfiguration");
                }
            }
        }
    }

    fn load_workload(&mut self, workload: &mut Workload) {
        if let Workload::Manifest(manifest) = workload {
            (manifest.loaded.objects, manifest.loaded.incomplete) = self.objects(&manifest.path);
            for object in manifest.loaded.objects.iter().filter(|object| matches!(object.body, Body::Node(_))) {
                let problem = self.problems.report(object.node.locate("kind"), "a Node among the workloads");
                problem.help("give its file as `cluster.manifest`");
            }
        }
    }

    /// The objects of a file, and whether there are some that could not be read.
    fn objects(&mut self, path: &Spanned<String>) -> (Vec<Object>, bool) {
        let (before, mut unread) = (self.problems.len(), false);
        let documents = self.documents(&path.value, path.location);
        unread |= self.problems.len() > before;
        let mut objects = Vec::new();
        for document in documents {
            let before = (objects.len(), self.problems.len());
            objects.extend(manifests::read_document(&document, &mut self.problems));
            unread |= objects.len() == before.0 && self.problems.len() > before.1;
        }
        (objects, unread)
    }

    /// The outages recorded in a file.
    fn outages(&mut self, path: &Spanned<String>) -> Vec<Outage> {
        let source = match self.sources.read(&self.folder.join(&path.value)) {
            Ok(source) => source,
            Err(why) => {
                let problem = self.problems.report(path.location, format!("cannot read {}: {why}", path.value));
                problem.expected("named here");
                return Vec::new();
            }
        };
        outages::read(source, self.sources.get(source).1, &mut self.problems)
    }

    /// The documents of a file named at `location`; empty ones are passed over.
    fn documents(&mut self, path: &str, location: Location) -> Vec<Node> {
        let path = self.folder.join(path);
        if let Some(documents) = self.files.get(&path) {
            return documents.clone();
        }
        let documents = match self.sources.read(&path) {
            Ok(source) => self.sources.parse(source, &mut self.problems).unwrap_or_default(),
            Err(why) => {
                self.problems.report(location, format!("cannot read {}: {why}", path.display())).expected("named here");
                Vec::new()
            }
        };
        let documents: Vec<Node> = documents.into_iter().filter(|document| !document.is_null()).collect();
        self.files.insert(path, documents.clone());
        documents
    }
}

/// The keys of all values in which something could not be read; `unread` in the order of the text.
fn keys_above(node: &Node, unread: &[Location], keys: &mut BTreeSet<Location>) {
    let within = |at: Location| {
        let next = unread.partition_point(|other| (other.source, other.start) < (at.source, at.start));
        unread.get(next).is_some_and(|other| other.source == at.source && other.start <= at.end)
    };
    match &node.value {
        Value::Map(entries) => {
            for entry in entries.iter().filter(|entry| within(entry.value.location)) {
                keys.insert(entry.key_location);
                keys_above(&entry.value, unread, keys);
            }
        }
        Value::List(items) => {
            items.iter().filter(|item| within(item.location)).for_each(|item| keys_above(item, unread, keys));
        }
        Value::Scalar { .. } => {}
    }
}

/// Which sections have been read to the last item, whatever may be wrong with what the items say.
fn known(root: &Node, scenario: &Scenario) -> check::Known {
    let items = |node: Option<&Node>| match node.map(|node| &node.value) {
        Some(Value::List(items)) => items.len(),
        Some(Value::Scalar { .. } | Value::Map(_)) if !node.is_some_and(Node::is_null) => usize::MAX, // unread
        _ => 0,
    };
    let cluster = root.get("cluster");
    let all_nodes = cluster.is_none_or(|cluster| matches!(cluster.value, Value::Map(_)))
        && items(cluster.and_then(|cluster| cluster.get("nodes"))) == scenario.cluster.nodes.len()
        && scenario.cluster.manifest.iter().all(|manifest| !manifest.incomplete);
    let unread = |workload: &Workload| matches!(workload, Workload::Manifest(manifest) if manifest.loaded.incomplete);
    let steps = items(root.get("timeline")) == scenario.timeline.len();
    let created = scenario.timeline.iter().filter_map(|step| step.action.workload());
    let all_workloads = items(root.get("workloads")) == scenario.workloads.len()
        && !scenario.workloads.iter().chain(created).any(unread);
    let adds = |key: &str| root.get("timeline").is_some_and(|timeline| mentions(timeline, key));
    check::Known {
        nodes: all_nodes && (steps || !adds("add-nodes")),
        workloads: all_workloads && (steps || !adds("create") && !adds("apply")),
        policies: items(root.get("policies")) == scenario.policies.len(),
    }
}

/// Whether some item of a list has this key.
fn mentions(list: &Node, key: &str) -> bool {
    matches!(&list.value, Value::List(items) if items.iter().any(|item| item.get(key).is_some()))
}

/// The tree without the sections that cannot be read, and with stand-ins for those that must be there.
fn readable(root: &Node) -> Node {
    let stand_in =
        |key: &str, text: &str| Entry { key: key.to_string(), key_location: root.location, value: literal(text) };
    let stand_ins = [stand_in("name", "unnamed"), stand_in("duration", "106751d")];
    let with = |entries: Vec<Entry>| Node { location: root.location, value: Value::Map(entries) };
    let reads = |entry: &&Entry| {
        let others = stand_ins.iter().filter(|other| other.key != entry.key);
        let alone = with(others.chain([*entry]).cloned().collect());
        Scenario::read_record(&alone, &mut Problems::default()).is_some()
    };
    let mut entries: Vec<Entry> = root.entries().iter().filter(reads).cloned().collect();
    for other in stand_ins {
        if !entries.iter().any(|entry| entry.key == other.key) {
            entries.push(other);
        }
    }
    with(entries)
}
