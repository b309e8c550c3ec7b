//! The JSON Schema of the file, and docs/SCENARIOS.md; both from the tables that the readers are
//! made of.

use serde_json::{Value, json};

use super::fields::ORDER;
use super::read::{Definitions, Read};
use super::schema::Scenario;

/// The JSON Schema (2020-12) of the scenario file.
pub fn schema() -> Value {
    let mut schema = ordered_schema();
    for definition in schema["$defs"].as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        if let Some(object) = definition.as_object_mut() {
            object.remove(ORDER);
        }
    }
    schema
}

/// The schema with the order of its keys, which JSON does not keep.
fn ordered_schema() -> Value {
    let mut definitions = Definitions::new();
    let root = Scenario::schema(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sim scenario",
        "$ref": root["$ref"],
        "$defs": definitions,
    })
}

const OPENING: &str = "# The scenario file

Every key of the file, generated from the program's own tables by `scenario::reference()`.
`sim schema` prints the same as a JSON Schema, which editors complete and check with.

A file is one YAML document. Unknown keys are errors. `cpu: 500m` and `memory: 2Gi` are Kubernetes'
quantities, `1m30s` is a duration as Go writes it (with `d` for days), and wherever a *latency* is
wanted, either a duration or a distribution can stand.

```yaml
name: node-failure
duration: 15m

cluster:
  nodes:
    - name: worker
      count: 3
      capacity: { cpu: 4, memory: 8Gi }
      zone: eu-1a

workloads:
  - deployment: web
    replicas: 6
    pod: { image: \"nginx:1.27\", requests: { cpu: 500m, memory: 256Mi } }

timeline:
  - at: 2m
    crash: { node: worker-2, for: 10m }
  - at: 8m
    crash: { zone: eu-1a, random: 30% }

expect:
  - recovery_seconds{workload=\"web\"} <= 420
```
";

/// docs/SCENARIOS.md.
pub fn reference() -> String {
    let schema = ordered_schema();
    let mut text = OPENING.to_string();
    let mut queue = vec!["Scenario".to_string()];
    let mut next = 0;
    while let Some(name) = queue.get(next).cloned() {
        next += 1;
        section(&name, &schema["$defs"][&name], &mut queue, &mut text);
    }
    text
}

fn section(name: &str, schema: &Value, queue: &mut Vec<String>, text: &mut String) {
    let about = schema["description"].as_str().unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
    *text += &format!("\n## {name}\n\n{about}\n");
    let Some(properties) = schema["properties"].as_object() else {
        let kinds = type_text(schema, queue);
        if schema.get("$ref").is_none() && schema["type"] != "object" && !kinds.is_empty() && kinds != "text" {
            *text += &format!("\nOne of: {kinds}.\n");
        }
        return;
    };
    if schema["maxProperties"] == json!(1) {
        *text += "\nExactly one of these keys.\n";
    }
    *text += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    let required = |key: &str| schema["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key));
    let order = schema[ORDER].as_array().into_iter().flatten().filter_map(Value::as_str);
    for (key, value) in order.filter_map(|key| Some((key, properties.get(key)?))) {
        let default = match value.get("default") {
            Some(default) => format!("`{}`", flow(default)),
            None if required(key) => "required".to_string(),
            None => String::new(),
        };
        let about = value["description"].as_str().unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
        *text += &format!("| `{key}` | {} | {default} | {about} |\n", type_text(value, queue).replace('|', "\\|"));
    }
}

/// What can stand for a value; types with a section of their own are linked and queued.
fn type_text(schema: &Value, queue: &mut Vec<String>) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        if !queue.iter().any(|queued| queued == name) {
            queue.push(name.to_string());
        }
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let several = |list: &Value, queue: &mut Vec<String>| {
        let texts: Vec<String> = list.as_array().into_iter().flatten().map(|item| type_text(item, queue)).collect();
        texts.join(" or ")
    };
    if schema.get("oneOf").is_some() {
        return several(&schema["oneOf"], queue);
    }
    if schema.get("allOf").is_some() {
        return several(&schema["allOf"], queue);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", flow(word))).collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_text(&schema["items"], queue)),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", type_text(&schema["additionalProperties"], queue))
        }
        Some("object") => "map".to_string(),
        Some("integer") => "whole number".to_string(),
        Some("number") => "number".to_string(),
        Some("boolean") => "`true` or `false`".to_string(),
        Some("string") => "text".to_string(),
        _ => schema.get("const").map(|value| format!("`{}`", flow(value))).unwrap_or_default(),
    }
}

/// A JSON value as one would write it in YAML, on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
