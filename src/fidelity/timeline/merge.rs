//! Patches of recorded manifests.

use serde_json::Value;

/// A strategic merge as far as recordings need it: containers by name, other lists as a whole, null
/// removes.
pub(super) fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Default::default());
    }
    for (field, value) in fields {
        match (field.as_str(), value) {
            (_, Value::Null) => {
                object.as_object_mut().map(|object| object.remove(field));
            }
            ("containers", Value::Array(items)) => items.iter().for_each(|item| merge_named(&mut object[field], item)),
            _ => merge(&mut object[field.as_str()], value),
        }
    }
}

fn merge_named(items: &mut Value, patch: &Value) {
    if !items.is_array() {
        *items = Value::Array(Vec::new());
    }
    let Some(items) = items.as_array_mut() else { return };
    match items.iter_mut().find(|item| item["name"] == patch["name"]) {
        Some(item) => merge(item, patch),
        None => items.push(patch.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_are_merged_by_name_and_null_removes() {
        let mut object = json!({"spec": {"containers": [{"name": "c", "image": "app:v1", "ports": [1]}], "x": 1}});
        merge(&mut object, &json!({"spec": {"containers": [{"name": "c", "image": "app:v2"}], "x": null}}));
        assert_eq!(object, json!({"spec": {"containers": [{"name": "c", "image": "app:v2", "ports": [1]}]}}));
    }
}
