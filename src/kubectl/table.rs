//! A table as kubectl prints it: upper-case heads, columns three blanks apart.

use std::fmt::Write;

use serde_json::{Map, Value};

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its namespace; empty if it is in none.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The other columns.
    pub cells: Vec<String>,
}

impl Row {
    /// Whether this is its name, or its namespace and name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name == name || name.split_once('/') == Some((&self.namespace, &self.name))
    }
}

/// Objects of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    columns: &'static [&'static str],
    /// The objects.
    pub rows: Vec<Row>,
}

impl Table {
    pub(super) fn new(columns: &'static [&'static str], rows: Vec<Row>) -> Self {
        Table { columns, rows }
    }

    /// The heads of the columns shown, NAME not among them, and where they stand in a row.
    pub(super) fn columns(&self, wide: bool) -> impl Iterator<Item = (usize, &'static str)> + '_ {
        let shown = self.columns.iter().enumerate().filter(move |(_, head)| wide || !head.starts_with('+'));
        shown.map(|(index, head)| (index, head.trim_start_matches('+')))
    }

    /// For people. The namespace is told if some object is in another than `default`.
    pub fn text(&self, wide: bool) -> String {
        let namespaced = self.rows.iter().any(|row| !matches!(row.namespace.as_str(), "" | "default"));
        let mut heads: Vec<&str> = if namespaced { vec!["NAMESPACE", "NAME"] } else { vec!["NAME"] };
        heads.extend(self.columns(wide).map(|(_, head)| head));
        let line = |row: &Row| {
            let mut line: Vec<String> = if namespaced { vec![row.namespace.clone()] } else { Vec::new() };
            line.push(row.name.clone());
            line.extend(self.columns(wide).map(|(index, _)| row.cells[index].clone()));
            line
        };
        aligned(&heads, &self.rows.iter().map(line).collect::<Vec<_>>(), "")
    }

    /// For programs: one object each, keys in lower case with `_` for blanks.
    pub fn json(&self) -> String {
        let key = |head: &str| head.to_lowercase().replace([' ', '-'], "_");
        let object = |row: &Row| {
            let mut object = Map::new();
            object.insert("namespace".to_string(), Value::from(row.namespace.clone()));
            object.insert("name".to_string(), Value::from(row.name.clone()));
            object.extend(self.columns(true).map(|(index, head)| (key(head), Value::from(row.cells[index].clone()))));
            Value::Object(object)
        };
        let all = Value::Array(self.rows.iter().map(object).collect());
        format!("{all:#}\n")
    }
}

/// Lines of cells under their heads, each line after `indent`; what would be blanks at the end of a line is left out.
pub(super) fn aligned(heads: &[&str], lines: &[Vec<String>], indent: &str) -> String {
    let width = |column: usize| {
        let cells = lines.iter().map(|line| line[column].chars().count());
        cells.chain([heads[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = indent.to_string();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(text, "{cell:<width$}   "); // writing to a String cannot fail
        }
        out.push_str(text.trim_end());
        out.push('\n');
    };
    line(&mut heads.iter().copied());
    lines.iter().for_each(|cells| line(&mut cells.iter().map(String::as_str)));
    out
}
