//! Maps with known keys: what [`record!`](super::record) builds on.

use serde_json::json;

use super::diagnostics::{Problems, listed};
use super::read::{Definitions, Read, define, literal, map_entries, to_json};
use super::source::{Entry, Location, Node};

/// The keyword under which schemas keep the order of their keys, for the reference page.
pub const ORDER: &str = "x-order";

/// One key of a record, or one choice of a choice, as the schema and the reference need it.
pub struct Key {
    /// How it is written.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// The value when it is not there, as it would be written.
    pub default: Option<&'static str>,
    /// Whether it must be there.
    pub required: bool,
    /// The schema of what stands under it.
    pub schema: fn(&mut Definitions) -> serde_json::Value,
}

impl Key {
    /// The schema of what stands under this key with its explanation and default.
    pub fn described(&self, definitions: &mut Definitions) -> serde_json::Value {
        let mut schema = (self.schema)(definitions);
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_string(), json!(self.about.trim()));
            if let Some(default) = self.default {
                object.insert("default".to_string(), to_json(&literal(default)));
            }
        }
        schema
    }
}

/// A map with known keys. Made by [`record!`](super::record).
pub trait Record: Sized {
    /// Name of the type in the schema.
    const NAME: &'static str;
    /// What it is.
    const ABOUT: &'static str;
    /// The keys in the order of the documentation.
    fn keys() -> Vec<Key>;
    /// Reads the keys of a map.
    fn take(fields: &Fields<'_>, problems: &mut Problems) -> Option<Self>;

    /// Reads a map and reports the keys that this record does not have.
    fn read_record(node: &Node, problems: &mut Problems) -> Option<Self> {
        let entries =
            map_entries(node, &format!("a map with {}", listed(Self::keys().iter().map(|key| key.name))), problems)?;
        let names: Vec<&str> = Self::keys().iter().map(|key| key.name).collect();
        for entry in entries.iter().filter(|entry| !names.contains(&entry.key.as_str())) {
            unknown_key(entry, &names, problems);
        }
        Self::take(&Fields { location: node.location, entries }, problems)
    }

    /// The record when its key is not there, if none of its own keys is required.
    fn absent_record() -> Option<Self> {
        Self::take(&Fields { location: Location::default(), entries: &[] }, &mut Problems::default())
    }

    /// The schema of the map.
    fn record_schema(definitions: &mut Definitions) -> serde_json::Value {
        define(definitions, Self::NAME, |definitions| {
            let keys = Self::keys();
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
            let properties: serde_json::Map<String, serde_json::Value> =
                keys.iter().map(|key| (key.name.to_string(), key.described(definitions))).collect();
            json!({ "description": Self::ABOUT.trim(), "type": "object", "additionalProperties": false,
                    "properties": properties, "required": required, ORDER: names })
        })
    }
}

/// Reports a key that is not one of `names`.
pub fn unknown_key(entry: &Entry, names: &[&str], problems: &mut Problems) {
    problems
        .report(entry.key_location, format!("unknown key `{}`", entry.key))
        .expected(format!("expected one of {}", listed(names.iter().copied())))
        .suggest(&entry.key, names.iter().copied());
}

/// The entries of a map that is being read.
pub struct Fields<'a> {
    /// Where the map stands.
    pub location: Location,
    /// Its entries.
    pub entries: &'a [Entry],
}

impl Fields<'_> {
    /// Reads what stands under `key`, or its default. What cannot be read is reported and counts as its
    /// default, so that the rest can be checked.
    pub fn take<T: Read>(&self, key: &str, default: Option<&str>, problems: &mut Problems) -> Option<T> {
        let written = self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        match (written, default) {
            (Some(node), Some(default)) if node.is_null() => T::read(&literal(default), problems),
            (Some(node), default) => T::read(node, problems).or_else(|| match default {
                Some(default) => T::read(&literal(default), &mut Problems::default()),
                None => T::absent(),
            }),
            (None, Some(default)) => T::read(&literal(default), problems),
            (None, None) => T::absent().or_else(|| {
                problems.report(self.location, format!("missing key `{key}`"));
                None
            }),
        }
    }
}
