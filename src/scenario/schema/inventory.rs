//! `cluster.inventory:` machines from a list, or from the record of a real cluster.

use serde_json::json;

use crate::engine::Span;
use crate::manifest::Quantity;
use crate::scenario::diagnostics::Problems;
use crate::scenario::fields::Record;
use crate::scenario::read::{Definitions, Read, Spanned};
use crate::scenario::record::{record, words};
use crate::scenario::source::{Node, Value};

use super::arrivals::BadRows;

record! {
    /// Machines from a file. A file name alone stands for `{ file: NAME }`.
    pub struct Inventory {
        /// The file, relative to the scenario file; one that ends in `.gz` is unpacked.
        "file" => file: Spanned<String>,
        /// What the file holds.
        "format" => format: InventoryFormat = "openb",
        /// Of `google-2011-machines`: the largest machine, of which the trace gives shares; 64 unless given. The same as
        /// for the tasks.
        "machine-cpu" => machine_cpu: Option<Spanned<Quantity>>,
        /// Likewise its memory; 128Gi unless given.
        "machine-memory" => machine_memory: Option<Spanned<Quantity>>,
        /// Of `google-2011-machines`: what becomes of a row that cannot be read, or does not go with those before it;
        /// `stop` unless given.
        "bad-rows" => bad_rows: Option<Spanned<BadRows>>,
        /// Of `google-2011-machines`: the instant of the trace that becomes the start of the run; 0s unless given. The same
        /// as for the tasks.
        "from" => from: Option<Spanned<Span>>,
        /// Likewise: gaps become so many times as long; 1 unless given.
        "time-scale" => time_scale: Option<Spanned<f64>>,
    }
}

words! {
    /// What a file of machines holds.
    pub enum InventoryFormat {
        /// A list: CSV with columns `sn` (name), `cpu_milli`, `memory_mib`, `gpu` (how many) and `model`, as openb's.
        "openb" => Openb,
        /// Table machine_events of Google's clusterdata-2011-2: machines that are there, join, leave and change.
        "google-2011-machines" => Google2011,
    }
}

/// What stands under `inventory`.
#[derive(Clone, Debug)]
pub struct WrittenInventory(pub Inventory);

impl Read for WrittenInventory {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if !matches!(node.value, Value::Scalar { .. }) {
            return Inventory::read_record(node, problems).map(WrittenInventory);
        }
        Some(WrittenInventory(Inventory {
            file: Spanned::read(node, problems)?,
            format: InventoryFormat::Openb,
            machine_cpu: None,
            machine_memory: None,
            bad_rows: None,
            from: None,
            time_scale: None,
        }))
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [String::schema(definitions), Inventory::schema(definitions)] })
    }
}
