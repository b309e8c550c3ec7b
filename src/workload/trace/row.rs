//! Fields of a row by name, read into integers without a detour through floats where digits matter.

use crate::engine::{Span, Time};

use super::Separator;

/// Bytes in a mebibyte.
pub const MIB: i64 = 1 << 20;

/// A row with the names of its columns.
pub struct Row<'a> {
    columns: &'a [String],
    fields: &'a [String],
}

impl<'a> Row<'a> {
    /// Puts names to fields.
    pub fn new(columns: &'a [String], fields: &'a [String]) -> Self {
        Row { columns, fields }
    }

    /// The field's text without surrounding space; empty if there is no such column.
    ///
    /// # Errors
    /// If the row is too short to have it.
    pub fn text(&self, column: &str) -> Result<&'a str, String> {
        match self.columns.iter().position(|name| name == column) {
            None => Ok(""),
            Some(index) => match self.fields.get(index) {
                Some(field) => Ok(field.trim()),
                None => Err(format!("{column}: the row ends before it, after {} fields", self.fields.len())),
            },
        }
    }

    /// The first of the names joined by `|` that the file has as a column, else the last of them.
    pub fn either<'n>(&self, names: &'n str) -> &'n str {
        let mut known = names.split('|').filter(|name| self.columns.iter().any(|column| column == name));
        known.next().or(names.rsplit('|').next()).unwrap_or(names)
    }

    /// A decimal number times `unit`, rounded to the nearest integer; `None` if the field is empty.
    ///
    /// # Errors
    /// If it is no number, not finite, or too large.
    pub fn scaled(&self, column: &str, unit: i64) -> Result<Option<i64>, String> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        if let Ok(whole) = text.parse::<i64>() {
            return whole.checked_mul(unit).map(Some).ok_or_else(|| format!("{column}: {text} is too large"));
        }
        let number: f64 = text.parse().map_err(|_| format!("{column}: `{text}` is not a number"))?;
        let scaled = number * unit as f64;
        if !scaled.is_finite() || scaled.abs() > 9e18 {
            return Err(format!("{column}: {text} is out of range"));
        }
        Ok(Some(scaled.round() as i64))
    }

    /// As [`Row::scaled`], at least 0.
    ///
    /// # Errors
    /// If it is negative besides.
    pub fn amount(&self, column: &str, unit: i64) -> Result<Option<i64>, String> {
        match self.scaled(column, unit)? {
            Some(amount) if amount < 0 => Err(format!("{column}: {} is negative", self.text(column)?)),
            amount => Ok(amount),
        }
    }

    /// An integer of at least 0; `None` if the field is empty.
    ///
    /// # Errors
    /// If it is none, or larger than 2^32 - 1.
    pub fn count(&self, column: &str) -> Result<Option<u32>, String> {
        let text = self.text(column)?;
        let Some(amount) = self.amount(column, 1)? else { return Ok(None) };
        u32::try_from(amount).map(Some).map_err(|_| format!("{column}: {text} is too large"))
    }

    /// An instant in units of `unit` nanoseconds since the start of the trace.
    ///
    /// # Errors
    /// If it is none.
    pub fn time(&self, column: &str, unit: Span) -> Result<Option<Time>, String> {
        Ok(self.amount(column, unit.0 as i64)?.map(|nanos| Time(nanos as u64)))
    }

    /// The field must not be empty.
    ///
    /// # Errors
    /// If it is.
    pub fn needed<T>(&self, column: &str, value: Option<T>) -> Result<T, String> {
        value.ok_or_else(|| format!("{column}: a value is wanted"))
    }
}

/// The fields of a line.
///
/// # Errors
/// If a quote is not closed.
pub fn split(line: &str, separator: Separator) -> Result<Vec<String>, String> {
    match separator {
        Separator::Space => Ok(line.split_whitespace().map(ToString::to_string).collect()),
        Separator::Comma if !line.contains('"') => Ok(line.split(',').map(ToString::to_string).collect()),
        Separator::Comma => split_quoted(line),
    }
}

/// RFC 4180 within a line: `"a,b"` is one field, `""` within quotes one quote.
fn split_quoted(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(char) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    if quoted { Err("a quote is not closed".to_string()) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas() {
        assert_eq!(split(r#"a,"b,c","d ""e""",f"#, Separator::Comma).unwrap(), ["a", "b,c", "d \"e\"", "f"]);
        assert!(split(r#"a,"b"#, Separator::Comma).is_err());
        assert_eq!(split("  1   2\t3 ", Separator::Space).unwrap(), ["1", "2", "3"]);
    }

    #[test]
    fn numbers_are_exact_where_they_can_be() {
        let columns: Vec<String> = ["a", "b", "c", "d"].map(String::from).to_vec();
        let fields: Vec<String> = ["9007199254740993", "0.0054", "", "1e30"].map(String::from).to_vec();
        let row = Row::new(&columns, &fields);
        assert_eq!(row.scaled("a", 1), Ok(Some(9_007_199_254_740_993)));
        assert_eq!(row.scaled("b", 10_000), Ok(Some(54)));
        assert_eq!(row.scaled("c", 1), Ok(None));
        assert!(row.scaled("d", 1).is_err() && row.scaled("a", 1 << 40).is_err());
        assert_eq!(row.text("absent"), Ok(""));
    }
}
