//! What `kubectl` would show of the cluster at an instant: tables of each kind, descriptions, events. In
//! kubectl's columns and spellings, as far as the simulator knows what stands in them; columns of things
//! it does not model (addresses, images' ports, versions) are left out.
//!
//! The run is repeated up to the instant; looking on changes nothing. Adding a kind: a [`Resource`] with
//! its rows, and its line in [`ALL`].

mod age;
mod batch;
mod describe;
mod events;
mod nodes;
mod pods;
mod storage;
mod table;
mod workloads;

use crate::cluster::{Cluster, Kind, Name, Object, ObjectId};
use crate::engine::Time;
use crate::simulation::{Setup, Simulation};

pub use describe::describe;
pub use events::events;
pub use table::{Row, Table};

use events::Log;

/// A kind of thing that can be shown.
pub struct Resource {
    /// Its name in the plural, in lower case, as in `kubectl api-resources`.
    pub name: &'static str,
    /// Short names.
    pub short: &'static [&'static str],
    /// The kind, as events name it, in lower case.
    pub kind: &'static str,
    /// The columns after NAME; those that begin with `+` are shown with `-o wide` only.
    columns: &'static [&'static str],
    /// One row for each object, in no particular order.
    rows: fn(&Cluster) -> Vec<Row>,
}

/// All kinds.
pub const ALL: &[&Resource] = &[
    &pods::PODS,
    &nodes::NODES,
    &workloads::DEPLOYMENTS,
    &workloads::REPLICA_SETS,
    &workloads::STATEFUL_SETS,
    &workloads::DAEMON_SETS,
    &batch::JOBS,
    &batch::CRON_JOBS,
    &workloads::BUDGETS,
    &storage::CLAIMS,
    &storage::VOLUMES,
    &storage::ATTACHMENTS,
];

/// The kind of this name, plural, singular or short.
pub fn find(name: &str) -> Option<&'static Resource> {
    let name = name.to_lowercase();
    ALL.iter().copied().find(|it| it.name == name || it.kind == name || it.short.contains(&name.as_str()))
}

/// The cluster at an instant, and what was said until then.
pub struct Snapshot {
    simulation: Simulation,
    log: Log,
}

impl Snapshot {
    /// Runs up to and including `at`.
    pub fn take(setup: Setup, at: Time) -> Self {
        let mut log = Log::default();
        let mut simulation = Simulation::new(setup, &mut log);
        simulation.run_until(at, &mut log);
        Snapshot { simulation, log }
    }

    fn cluster(&self) -> &Cluster {
        &self.simulation.cluster
    }

    /// The objects of a kind, sorted by namespace and name: all of them, or those called `name` (`name` or
    /// `namespace/name`).
    pub fn table(&self, resource: &Resource, name: Option<&str>) -> Table {
        let mut rows = (resource.rows)(self.cluster());
        rows.retain(|row| name.is_none_or(|name| row.is_called(name)));
        rows.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        Table::new(resource.columns, rows)
    }

    /// The names of all objects of a kind, for suggestions.
    pub fn names(&self, resource: &Resource) -> Vec<String> {
        (resource.rows)(self.cluster()).into_iter().map(|row| row.name).collect()
    }
}

/// Rows of all objects of a kind.
fn objects(kind: Kind, cluster: &Cluster, cells: impl Fn(ObjectId, &Object) -> Option<Vec<String>>) -> Vec<Row> {
    let of_kind = cluster.objects().filter(|(_, object)| object.body.kind() == kind);
    let row = |(id, object): (ObjectId, &Object)| {
        let (namespace, name) = (text(object.namespace, cluster), text(object.name, cluster));
        Some(Row { namespace, name, cells: cells(id, object)? })
    };
    of_kind.filter_map(row).collect()
}

fn text(name: Name, cluster: &Cluster) -> String {
    cluster.names.text(name).to_string()
}

/// The text, or kubectl's word for nothing.
fn or_none(text: String) -> String {
    if text.is_empty() { "<none>".to_string() } else { text }
}
