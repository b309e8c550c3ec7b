//! A second file that tells what the types mean that rows of a trace name: its columns are added to each row.

use std::io::BufRead;

use rustc_hash::FxHashMap;

use super::row::split;
use super::{BadRow, Separator};

/// Rows of the second file by type; of several rows of one type the first counts.
#[derive(Clone, Debug)]
pub struct Types {
    /// The column that both files have.
    pub column: &'static str,
    /// Columns, as the first line names them.
    pub columns: Vec<String>,
    rows: FxHashMap<String, Vec<String>>,
}

impl Types {
    /// Reads a CSV file whose first line names its columns.
    ///
    /// # Errors
    /// The first bad row.
    pub fn read(input: impl BufRead, column: &'static str) -> Result<Self, BadRow> {
        let mut types = Types { column, columns: Vec::new(), rows: FxHashMap::default() };
        let mut at = None;
        for (index, line) in input.lines().enumerate() {
            let bad = |message: String| BadRow { line: index as u64 + 1, message };
            let line = line.map_err(|error| bad(error.to_string()))?;
            let fields: Vec<String> = split(&line, Separator::Comma).map_err(bad)?;
            let fields: Vec<String> = fields.iter().map(|field| field.trim().to_string()).collect();
            let Some(at) = at else {
                at = fields.iter().position(|name| name == column);
                at.ok_or_else(|| bad(format!("a column `{column}` is wanted")))?;
                types.columns = fields;
                continue;
            };
            if fields.len() != types.columns.len() {
                return Err(bad(format!("{} fields where {} are wanted", fields.len(), types.columns.len())));
            }
            types.rows.entry(fields[at].clone()).or_insert(fields);
        }
        Ok(types)
    }

    /// The fields of a type.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn of(&self, name: &str) -> Result<&[String], String> {
        let unknown = || format!("{}: no row of the second file is of type `{name}`", self.column);
        self.rows.get(name).map(Vec::as_slice).ok_or_else(unknown)
    }
}
