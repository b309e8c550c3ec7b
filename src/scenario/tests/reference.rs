//! The reference of the scenario file and its schema.

use super::*;
use crate::scenario;

#[test]
fn committed_reference_and_schema_are_the_generated_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::to_string_pretty(&scenario::schema()).unwrap() + "\n";
    let manifests = scenario::manifests::fields::page();
    for (file, generated) in [
        ("docs/SCENARIOS.md", scenario::reference()),
        ("docs/scenario.schema.json", schema),
        ("docs/MANIFESTS.md", manifests),
    ] {
        let committed = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        if committed != generated {
            let fresh = std::env::temp_dir().join(Path::new(file).file_name().unwrap());
            std::fs::write(&fresh, generated).unwrap();
            panic!("{file} is out of date; copy {} over it", fresh.display());
        }
    }
}

#[test]
fn the_example_of_the_reference_is_sound() {
    let reference = scenario::reference();
    let example = reference.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    sound(example);
}
