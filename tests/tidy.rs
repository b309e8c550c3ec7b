//! House rules that no compiler holds: which module may know which, words that must not appear, and how
//! files begin.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module, what it may import (itself is understood), in the reading order of `lib.rs`. Each line is as
/// narrow as today's code; an import that is not listed here is a decision, to be made here.
///
/// Where it is wider than the general rule "the deciders and observers know `engine` and `cluster` only":
/// - `scheduler` reads KubeSchedulerConfiguration, whose plugin arguments stand beside the plugins' code and
///   hold selectors and affinities in Kubernetes' own form, which `manifest` understands;
/// - `metrics` fills `outcome`, the plain data that `report` writes;
/// - `simulation` tells observers of faults and commands in the words of `outcome`, and implements its
///   `Observer` for `metrics`;
/// - `scenario` knows every component whose flags it reads, the kinds of faults, and the list of metrics for
///   `expect`;
/// - `fidelity` builds worlds from recordings of a real control plane, without any scenario;
/// - `experiment` builds a scenario anew for each seed and policy, and also places pods without a simulation, by the
///   scheduler's policies, from traces;
/// - `cli` reads the registries of `scheduler`, `controllers` and `metrics` for `sim list`.
const LAYERS: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("cluster", &["engine"]),
    ("manifest", &["engine", "cluster"]),
    ("scheduler", &["engine", "cluster", "manifest"]),
    ("controllers", &["engine", "cluster"]),
    ("kubelet", &["engine", "cluster"]),
    ("workload", &["engine", "cluster"]),
    ("faults", &["engine", "cluster"]),
    ("outcome", &["engine"]),
    ("metrics", &["engine", "cluster", "outcome"]),
    (
        "simulation",
        &["engine", "cluster", "scheduler", "controllers", "kubelet", "workload", "faults", "outcome", "metrics"],
    ),
    ("kubectl", &["engine", "cluster", "metrics", "outcome", "simulation"]),
    (
        "scenario",
        &[
            "engine",
            "cluster",
            "manifest",
            "scheduler",
            "controllers",
            "kubelet",
            "faults",
            "workload",
            "outcome",
            "metrics",
            "simulation",
        ],
    ),
    ("experiment", &["engine", "cluster", "scheduler", "workload", "outcome", "metrics", "simulation", "scenario"]),
    ("report", &["engine", "outcome"]),
    ("fidelity", &["engine", "cluster", "manifest", "scheduler", "kubelet", "simulation"]),
    (
        "cli",
        &[
            "engine",
            "scheduler",
            "controllers",
            "faults",
            "workload",
            "outcome",
            "metrics",
            "simulation",
            "kubectl",
            "scenario",
            "experiment",
            "report",
        ],
    ),
];

/// Most lines a source file may have.
const LONGEST: usize = 450;

/// Files that are longer, and why. A file that has become shorter is taken off the list.
const LONGER: &[(&str, &str)] = &[("src/outcome.rs", "one long table of plain fields")];

/// Words that must not appear in code, the path below which they may, and why they are banned.
const BANNED: &[(&[&str], &[&str], &str)] = &[
    (&["HashMap", "HashSet", "RandomState"], &[], "their order is random: BTreeMap, or FxHashMap if never iterated"),
    (&["SystemTime", "Instant"], &[], "no wall clock in a simulation"),
    (&["env"], &["src/main.rs"], "a run must not depend on the environment"),
    (&["println!", "print!", "eprintln!", "eprint!", "dbg!"], &["src/cli/"], "only the command line talks"),
    (&["thread", "rayon", "crossbeam"], &["src/experiment/", "src/cli/"], "no threads inside a run"),
    (&["thread_local", "static_mut", "unsafe"], &[], "state has one owner"),
    (&["todo!", "unimplemented!"], &[], "finish it, or answer with an error"),
];

#[test]
fn modules_import_only_what_the_table_allows() {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for file in sources() {
        let module = module_of(&file);
        let Some(allowed) = allowed.get(module.as_str()) else { continue };
        for import in imports(&file.code) {
            if import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: `{module}` imports `{import}`", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the table of tests/tidy.rs:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_is_as_strict_as_the_code_allows() {
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources() {
        used.entry(module_of(&file)).or_default().extend(imports(&file.code));
    }
    for (module, allowed) in LAYERS {
        let unused: Vec<&&str> = allowed.iter().filter(|import| !used[*module].contains(**import)).collect();
        assert!(unused.is_empty(), "`{module}` no longer imports {unused:?}: take it out of the table");
    }
}

#[test]
fn lib_lists_the_modules_in_reading_order_each_importing_only_those_above() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let listed: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let table: Vec<&str> = LAYERS.iter().map(|(module, _)| *module).collect();
    assert_eq!(listed, table, "src/lib.rs and the table of tests/tidy.rs list the same modules in the same order");
    for (index, (module, allowed)) in LAYERS.iter().enumerate() {
        for import in *allowed {
            let position = table.iter().position(|name| name == import);
            assert!(position.is_some_and(|position| position < index), "`{module}` imports `{import}` from below");
        }
    }
}

#[test]
fn banned_words_do_not_appear() {
    let mut wrong = Vec::new();
    for file in sources() {
        for (words, places, why) in BANNED {
            if places.iter().any(|place| file.path.starts_with(place)) || file.is_test() {
                continue;
            }
            for (number, line) in file.code.lines().enumerate() {
                for word in words.iter().filter(|word| mentions(line, word)) {
                    wrong.push(format!("{}:{}: `{word}`: {why}", file.path, number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    for file in sources() {
        let (lines, listed) = (file.text.lines().count(), LONGER.iter().any(|(path, _)| *path == file.path));
        assert!(lines <= LONGEST || listed, "{} has {lines} lines: split it", file.path);
        assert!(lines > LONGEST || !listed, "{} has only {lines} lines: take it off the list", file.path);
    }
    for (path, _) in LONGER {
        assert!(root().join(path).is_file(), "{path} is gone: take it off the list");
    }
}

#[test]
fn modules_are_named_for_what_they_hold() {
    for file in sources() {
        for part in Path::new(&file.path).iter().map(|part| part.to_string_lossy()) {
            let name = part.trim_end_matches(".rs");
            for drawer in ["util", "helper", "manager", "common", "misc"] {
                let is_one = name.split('_').any(|word| word == drawer || word == format!("{drawer}s"));
                assert!(!is_one, "{}: `{name}` says nothing; name it for what it holds", file.path);
            }
        }
    }
}

#[test]
fn every_source_file_opens_with_what_it_is_for() {
    for file in sources() {
        let first = file.text.lines().next().unwrap_or_default();
        assert!(first.starts_with("//! ") && first.len() > 12, "{} opens with `{first}`", file.path);
    }
}

#[test]
fn every_scenario_opens_with_its_question_and_what_to_expect() {
    let folder = root().join("scenarios"); // what they name lies in folders below
    let scenarios: Vec<PathBuf> =
        files_below("scenarios", "yaml").into_iter().filter(|path| path.parent() == Some(&folder)).collect();
    assert!(scenarios.len() >= 5, "{scenarios:?}");
    for path in &scenarios {
        let text = fs::read_to_string(path).unwrap();
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let comment = comment.join("\n");
        let question = comment.find('?');
        let answer = comment.find("Expected:");
        assert!(question.is_some(), "{}: the opening comment asks nothing", path.display());
        assert!(answer.is_some(), "{}: the opening comment does not say `Expected:`", path.display());
        assert!(question < answer, "{}: first the question, then the answer", path.display());
        let name = path.file_stem().unwrap().to_string_lossy();
        assert!(text.contains(&format!("\nname: {name}\n")), "{}: its name differs from its file's", path.display());
    }
}

/// A source file; `code` is the text without comments and string literals.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// Whether the whole file is compiled for tests only.
    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        Source { path, code: without_comments_and_strings(&text), text }
    };
    files_below("src", "rs").into_iter().map(read).collect()
}

/// The top-level module that a file belongs to.
fn module_of(file: &Source) -> String {
    let below = file.path.trim_start_matches("src/");
    below.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_string()
}

/// The top-level modules named by `crate::name` and `crate::{name, …}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (position, _) in code.match_indices("crate::") {
        let rest = &code[position + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.extend(first_word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut at_start = true;
                for (index, character) in list.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => at_start = true,
                        _ if depth == 0 && at_start && !character.is_whitespace() => {
                            found.extend(first_word(&list[index..]));
                            at_start = false;
                        }
                        _ => (),
                    }
                }
            }
        }
    }
    found
}

/// The module at the start of a path; `None` for a type re-exported at the top.
fn first_word(path: &str) -> Option<String> {
    let word: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    word.chars().next().filter(char::is_ascii_lowercase).map(|_| word)
}

/// Whether `word` stands in the line as a whole word. `env!` reads the compiler's environment, not the run's.
fn mentions(line: &str, word: &str) -> bool {
    let line = &line.replace("env!(", "(");
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
}

/// Blanks comments and string literals; lines stay where they are.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(raw) = rest.strip_prefix("r#\"") {
            raw.find("\"#").map_or(rest.len(), |end| end + 5)
        } else if character == '"' {
            string_length(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else {
            code.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
        rest = &rest[skipped..];
    }
    code
}

/// Bytes of the string literal that `text` begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[test]
fn the_readers_above_read_rightly() {
    let code =
        without_comments_and_strings("a // crate::x\n\"crate::\\\"y\" 'c' '\"' use crate::{b::{C, d}, e, self}; z");
    assert_eq!(code, "a \n 'c'  use crate::{b::{C, d}, e, self}; z");
    let found: Vec<String> = imports("use crate::{b::{C, d}, e}; crate::f::g; crate::Type").into_iter().collect();
    assert_eq!(found, ["b", "e", "f"]);
    assert!(mentions("use std::env;", "env") && !mentions("envelope, my_env", "env"));
}
