//! `--set path=value`: changes to the tree before anything is read from it.

use super::diagnostics::{Problems, nearest};
use super::read::Read;
use super::schema::matrix::Written;
use super::source::{Entry, Location, Node, SETTING, Sources, Value};

/// Sets what stands at a path such as `cluster.nodes[0].count` or `workloads.0.replicas` to a value
/// written as YAML. Maps on the way are made if they are missing; lists are not.
pub(super) fn apply(root: &mut Node, path: &str, value: &str, sources: &mut Sources, problems: &mut Problems) {
    let source = sources.add(format!("{SETTING}{path}"), value);
    let at = Location { source, start: 0, end: value.len() as u32 };
    let Some(mut documents) = sources.parse(source, problems) else { return };
    let value =
        documents.pop().unwrap_or(Node { location: at, value: Value::Scalar { text: String::new(), plain: true } });
    let Some(steps) = steps(path) else {
        problems
            .report(at, format!("`{path}` is not a path"))
            .expected("expected keys and indexes such as `cluster.nodes[0].count`");
        return;
    };
    let mut node = root;
    for step in &steps {
        match descend(node, step, at) {
            Ok(next) => node = next,
            Err((message, help)) => {
                let problem = problems.report(at, format!("cannot set `{path}`: {message}"));
                if let Some(help) = help {
                    problem.help(help);
                }
                return;
            }
        }
    }
    *node = value;
}

/// The items of a list written on one line, each as YAML on one line; `None` if it is no list.
pub fn list_items(text: &str) -> Option<Vec<String>> {
    let (mut sources, mut problems) = (Sources::default(), Problems::default());
    let source = sources.add("a list", text);
    let node = sources.parse(source, &mut problems)?.pop()?;
    let Value::List(items) = &node.value else { return None };
    Some(items.iter().filter_map(|item| Written::read(item, &mut problems)).map(|item| item.text).collect())
}

/// The keys and indexes of a path; a key may stand in double quotes.
fn steps(path: &str) -> Option<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (key, after) = quoted.split_once('"')?;
            steps.push(key.to_string());
            rest = after;
        } else if let Some(index) = rest.strip_prefix('[') {
            let (index, after) = index.split_once(']')?;
            index.parse::<usize>().ok()?;
            steps.push(index.to_string());
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            steps.push(rest[..end].to_string());
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Some(steps);
        }
        if !rest.starts_with('[') {
            rest = rest.strip_prefix('.')?;
        }
    }
}

type Refusal = (String, Option<String>);

fn descend<'a>(node: &'a mut Node, step: &str, at: Location) -> Result<&'a mut Node, Refusal> {
    if node.is_null() {
        node.value = Value::Map(Vec::new());
    }
    match &mut node.value {
        Value::List(items) => {
            let length = items.len();
            let index: usize = step.parse().map_err(|_| (format!("`{step}` is not an index of a list"), None))?;
            items.get_mut(index).ok_or_else(|| (format!("the list has {length} items, so there is no [{index}]"), None))
        }
        Value::Map(entries) => {
            let index = match entries.iter().position(|entry| entry.key == step) {
                Some(index) => index,
                None => {
                    let empty = Node { location: at, value: Value::Scalar { text: String::new(), plain: true } };
                    entries.push(Entry { key: step.to_string(), key_location: at, value: empty });
                    entries.len() - 1
                }
            };
            Ok(&mut entries[index].value)
        }
        Value::Scalar { text, .. } => {
            let help = nearest(step, [text.as_str()]).map(|_| "the last key stands twice".to_string());
            Err((format!("there is no `{step}` in `{text}`"), help))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_fall_into_items() {
        assert_eq!(list_items("[1, 30s, \"a b\", [x]]").unwrap(), ["1", "30s", "\"a b\"", "[\"x\"]"]);
        assert!(list_items("30s").is_none() && list_items("[").is_none());
    }

    #[test]
    fn paths_have_keys_indexes_and_quoted_keys() {
        assert_eq!(steps("a.b[0].c").unwrap(), ["a", "b", "0", "c"]);
        assert_eq!(steps("a.0.c").unwrap(), ["a", "0", "c"]);
        assert_eq!(steps("labels.\"a.b/c\"").unwrap(), ["labels", "a.b/c"]);
        for path in ["", ".", "a.", "a..b", "a[x]", "a[0", "[0]x"] {
            assert!(steps(path).is_none(), "{path}");
        }
    }
}
