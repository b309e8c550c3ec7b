//! What happened in a case, in one form for recordings and for runs: the life of each node, pod and
//! workload, and the Kubernetes events. Times are seconds from the recording's zero. Names that
//! chance decides (of pods, of a Deployment's ReplicaSets) are replaced by what they stand for.

use std::collections::BTreeMap;

/// A state and since when it holds.
pub type Since<T> = (f64, T);

/// All that happened.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Nodes by name.
    pub nodes: BTreeMap<String, NodeStory>,
    /// Pods in order of creation.
    pub pods: Vec<PodStory>,
    /// States of workloads by `Kind/name`, in the form `field → text`.
    pub workloads: BTreeMap<String, Vec<Since<BTreeMap<String, String>>>>,
    /// Kubernetes events in order.
    pub events: Vec<EventStory>,
}

impl Story {
    /// Nodes in the order in which daemons were replaced on them: by a new pod beside the old one, or by the
    /// deletion of the old one. Kubernetes walks them as a map.
    pub fn daemon_order(&self) -> impl Iterator<Item = &str> {
        let of_daemons = self.pods.iter().filter(|pod| pod.owner.starts_with("DaemonSet/"));
        let mut turns: Vec<(f64, &str)> = of_daemons
            .flat_map(|pod| {
                let node = pod.node.as_deref()?;
                let replaced = pod.marked.filter(|t| *t >= 0.0);
                let new = Some(pod.created).filter(|t| *t >= 0.0);
                Some(replaced.into_iter().chain(new).map(move |t| (t, node)))
            })
            .flatten()
            .collect();
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        turns.into_iter().map(|(_, node)| node)
    }
}

impl Story {
    /// How long, in seconds, nodes had their first taint, where no queue made them wait for the patch.
    pub fn untainted(&self) -> Vec<(&str, f64)> {
        let stays = self.nodes.iter().filter_map(|(name, node)| match &node.taints[..] {
            [(from, first), (to, then), ..] if first.len() == 1 && then.is_empty() => Some((name.as_str(), to - from)),
            _ => None,
        });
        stays.filter(|(_, stay)| *stay <= LONGEST_STAY).collect()
    }

    /// Nodes in the order in which they became Unknown.
    pub fn unknown_order(&self) -> Vec<&str> {
        let unknown = self.nodes.iter().flat_map(|(name, node)| {
            let since = node.ready.iter().filter(|(_, status)| status == "Unknown");
            since.map(move |(t, _)| (*t, name.as_str()))
        });
        in_order(unknown.collect())
    }

    /// Nodes in the order in which they were tainted NoExecute.
    pub fn taint_order(&self) -> Vec<&str> {
        let executes = |taints: &[String]| taints.iter().any(|taint| taint.ends_with(":NoExecute"));
        let tainted = self.nodes.iter().flat_map(|(name, node)| {
            let began = node.taints.windows(2).filter(move |pair| !executes(&pair[0].1) && executes(&pair[1].1));
            began.map(move |pair| (pair[1].0, name.as_str()))
        });
        in_order(tainted.collect())
    }
}

/// A conflict, the longest back-off after it, and two calls, in seconds.
const LONGEST_STAY: f64 = 0.25;

fn in_order(mut names: Vec<Since<&str>>) -> Vec<&str> {
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    names.into_iter().map(|(_, name)| name).collect()
}

/// The life of a node.
#[derive(Clone, Debug, Default)]
pub struct NodeStory {
    /// Statuses of the Ready condition.
    pub ready: Vec<Since<String>>,
    /// Sets of taints, each sorted.
    pub taints: Vec<Since<Vec<String>>>,
    /// When the Node object went.
    pub removed: Option<f64>,
}

/// The life of a pod.
#[derive(Clone, Debug, Default)]
pub struct PodStory {
    /// Its name, which chance may have decided.
    pub name: String,
    /// Its owner: `ReplicaSet/web#1` (the first of Deployment web), `DaemonSet/agent`, or `Pod/name`.
    pub owner: String,
    /// When it was created.
    pub created: f64,
    /// When it was bound.
    pub bound: Option<f64>,
    /// Its node.
    pub node: Option<String>,
    /// When it was Running.
    pub running: Option<f64>,
    /// When it ended well.
    pub succeeded: Option<f64>,
    /// When it ended badly.
    pub failed: Option<f64>,
    /// When it became Ready.
    pub ready: Vec<f64>,
    /// When it became not Ready.
    pub not_ready: Vec<f64>,
    /// When it was marked for deletion.
    pub marked: Option<f64>,
    /// When the object went.
    pub removed: Option<f64>,
    /// The node it was last nominated to.
    pub nominated: Option<String>,
    /// Its restart count at the end.
    pub restarts: u64,
}

/// A Kubernetes event.
#[derive(Clone, Debug, Default)]
pub struct EventStory {
    /// When.
    pub t: f64,
    /// About what: `Pod of ReplicaSet/web#1`, `Node/n01` ….
    pub subject: String,
    /// `type`.
    pub kind: String,
    /// `reason`.
    pub reason: String,
    /// `message`, names of chance replaced.
    pub message: String,
    /// Who said it.
    pub source: String,
}

/// Replaces names of chance in texts.
#[derive(Clone, Debug, Default)]
pub struct Aliases(BTreeMap<String, String>);

impl Aliases {
    /// `name` stands for `alias`.
    pub fn add(&mut self, name: &str, alias: &str) {
        self.0.insert(name.to_string(), alias.to_string());
    }

    /// What `name` stands for, or the name itself.
    pub fn of(&self, name: &str) -> String {
        self.0.get(name).cloned().or_else(|| self.pod_never_made(name)).unwrap_or_else(|| name.to_string())
    }

    /// A pod that was refused: the name of a ReplicaSet and five letters.
    fn pod_never_made(&self, name: &str) -> Option<String> {
        let (base, suffix) = name.rsplit_once('-')?;
        let set = self.0.get(base).filter(|alias| alias.contains('#') && suffix.len() == 5)?;
        Some(format!("<pod of ReplicaSet/{set}>"))
    }

    /// The text with every word that is such a name replaced, and UIDs by `<uid>`.
    pub fn replace(&self, text: &str) -> String {
        let in_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(in_name) {
            result.push_str(&rest[..start]);
            let word = &rest[start..];
            let end = word.find(|c| !in_name(c)).unwrap_or(word.len());
            let trimmed = word[..end].trim_end_matches('.');
            result.push_str(&if is_uid(trimmed) { "<uid>".to_string() } else { self.of(trimmed) });
            rest = &word[trimmed.len()..];
            let dots = rest.len() - rest.trim_start_matches('.').len();
            result.push_str(&rest[..dots]);
            rest = &rest[dots..];
        }
        result + rest
    }
}

fn is_uid(word: &str) -> bool {
    let lengths: Vec<usize> = word.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && word.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Names of a Deployment's ReplicaSets by order of creation: `ReplicaSet/web#1`.
#[derive(Clone, Debug, Default)]
pub struct Revisions(BTreeMap<String, usize>);

impl Revisions {
    /// The alias of the next ReplicaSet of `deployment`.
    pub fn next(&mut self, deployment: &str) -> String {
        let count = self.0.entry(deployment.to_string()).or_default();
        *count += 1;
        format!("{deployment}#{count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_chance_are_replaced_wherever_they_stand() {
        let mut aliases = Aliases::default();
        aliases.add("web-88fdcbb87", "web#1");
        aliases.add("web-88fdcbb87-l8cld", "pod of web#1");
        let told = aliases.replace("Scaled up replica set web-88fdcbb87 from 1 to 3.");
        assert_eq!(told, "Scaled up replica set web#1 from 1 to 3.");
        let told = aliases.replace("Deletion of default/web-88fdcbb87-l8cld by b3f71f05-367c-424f-9542-714b2f5bf4ce");
        assert_eq!(told, "Deletion of default/pod of web#1 by <uid>");
    }
}
