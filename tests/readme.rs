//! The README shows what the program prints and draws today.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `sim` with its output in a folder; what it printed.
fn printed(arguments: &[&str], folder: &Path) -> String {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("sim"));
    let output = command.args(arguments).arg("--out").arg(folder).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The block of the README that begins with this line, up to what is left out there (`…`).
fn block(first_line: &str) -> String {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let start = readme.find(&format!("```\n{first_line}")).unwrap_or_else(|| panic!("no block {first_line}")) + 4;
    let block = &readme[start..];
    let end = block.find("\n```").unwrap();
    block[..end].trim_end_matches('…').trim_end().to_string()
}

/// Lines without the blanks at their ends.
fn trimmed(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn assert_same_picture(shown: &str, drawn: &Path) {
    let shown = fs::read_to_string(root().join(shown)).unwrap();
    assert!(shown == fs::read_to_string(drawn).unwrap(), "docs: {} is drawn otherwise now", drawn.display());
}

#[test]
fn the_first_screen_is_what_the_first_command_prints() {
    let folder = tempfile::tempdir().unwrap();
    let printed = printed(&["run", "scenarios/node-failure.yaml"], folder.path());
    let printed = printed.replace(&folder.path().display().to_string(), "results/node-failure");
    assert_eq!(block("node-failure · seed"), trimmed(&printed));
    assert_same_picture("docs/node-failure.svg", &folder.path().join("plots/replicas-web.svg"));
}

#[test]
fn the_comparison_is_what_compare_prints() {
    let folder = tempfile::tempdir().unwrap();
    let printed = printed(&["compare", "scenarios/my-policy.yaml"], folder.path());
    let shown = block("my-policy · 3 policies");
    assert!(trimmed(&printed).starts_with(&shown), "README:\n{shown}\n\nprinted:\n{printed}");
    let drawn = folder.path().join("plots/forest-unavailable-pod-seconds.svg");
    assert_same_picture("docs/my-policy-forest.svg", &drawn);
}
