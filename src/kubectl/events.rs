//! `kubectl events`: what components said, equal words about the same object told once.

use std::collections::BTreeMap;

use crate::cluster::{Change, Cluster, Record};
use crate::engine::Time;
use crate::metrics::event_log::record_row;
use crate::outcome::EventRow;
use crate::simulation::{Note, Observer};

use super::age::age;
use super::table::aligned;
use super::{Resource, Snapshot};

/// An event as the API keeps it: the same words of one component about the same object are counted.
#[derive(Clone, Debug)]
pub(super) struct Said {
    first: Time,
    last: Time,
    count: u32,
    source: &'static str,
    row: EventRow,
}

/// What makes two events one: who says what about which object.
type Words = (&'static str, &'static str, String, String, &'static str, String);

/// All Kubernetes events so far, in the order in which they were first said.
#[derive(Default)]
pub(super) struct Log {
    said: Vec<Said>,
    /// Where an event stands.
    known: BTreeMap<Words, usize>,
}

impl Observer for Log {
    fn observe(&mut self, _: Change, _: &Cluster) {}

    fn record(&mut self, record: &Record, cluster: &Cluster) {
        let row = record_row(record, cluster);
        let key = (record.source, row.kind, row.namespace.clone(), row.name.clone(), row.reason, row.message.clone());
        let next = self.said.len();
        let place = *self.known.entry(key).or_insert(next);
        if place == next {
            self.said.push(Said { first: record.at, last: record.at, count: 0, source: record.source, row });
        }
        self.said[place].last = record.at;
        self.said[place].count += 1;
    }

    fn note(&mut self, _: Note, _: &Cluster) {}
}

impl Log {
    /// Events about objects of a kind, or about one of them, by when they were last said.
    pub(super) fn about(&self, resource: Option<&Resource>, name: Option<&str>) -> Vec<&Said> {
        let called = |row: &EventRow, name: &str| {
            row.name == name || name.split_once('/') == Some((row.namespace.as_str(), row.name.as_str()))
        };
        let meant = |said: &&Said| {
            resource.is_none_or(|resource| said.row.kind.eq_ignore_ascii_case(resource.kind))
                && name.is_none_or(|name| called(&said.row, name))
        };
        let mut about: Vec<&Said> = self.said.iter().filter(meant).collect();
        about.sort_by_key(|said| said.last);
        about
    }
}

impl Said {
    fn last_seen(&self, now: Time) -> String {
        let last = age(self.last, now);
        if self.count == 1 { last } else { format!("{last} (x{} over {})", self.count, age(self.first, now)) }
    }

    /// Type, reason, age, who said it, and the words: as in `kubectl describe`.
    pub(super) fn described(&self, now: Time) -> Vec<String> {
        let EventRow { class, reason, message, .. } = &self.row;
        vec![class.to_string(), reason.to_string(), self.last_seen(now), self.source.to_string(), message.clone()]
    }
}

/// The table of events, of all or about a kind or an object. Real API servers forget events after an hour; none is
/// forgotten here.
pub fn events(snapshot: &Snapshot, resource: Option<&Resource>, name: Option<&str>) -> String {
    let now = snapshot.cluster().now;
    let line = |said: &&Said| {
        let EventRow { class, reason, kind, name, message, .. } = &said.row;
        vec![
            said.last_seen(now),
            class.to_string(),
            reason.to_string(),
            format!("{}/{name}", kind.to_lowercase()),
            message.clone(),
        ]
    };
    let about = snapshot.log.about(resource, name);
    if about.is_empty() {
        return "No events found.\n".to_string();
    }
    let lines: Vec<Vec<String>> = about.iter().map(line).collect();
    aligned(&["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], &lines, "")
}
