//! YAML text as a tree that remembers where everything stood.
//!
//! This is the only reader of YAML in the program, so that a document cannot be read in two ways.
//! Hostile text is answered here, before anything is expanded: size, nesting, aliases.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::diagnostics::Problems;

/// Largest file, in bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting of lists and maps.
pub const MAX_DEPTH: usize = 64;
/// Most uses of anchors in one file.
const MAX_ALIASES: usize = 1000;
/// Most lists, maps and scalars in one file, copies made by aliases included.
const MAX_NODES: usize = 2_000_000;

/// A stretch of text in one of the [`Sources`], in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Which source, in order of [`Sources::add`].
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// The texts that a scenario was read from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
    /// Texts that stand for files of these paths; no others are read then.
    stored: Option<BTreeMap<String, String>>,
}

#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

/// A value with the place it was written at.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written.
    pub location: Location,
    /// What was written.
    pub value: Value,
}

/// What a YAML node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text; `plain` if it was not quoted, so that `5` is a number and `"5"` is not.
    Scalar {
        /// The text without quotes.
        text: String,
        /// Whether it stood without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file; keys differ from one another.
    Map(Vec<Entry>),
}

/// One key of a map.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_location: Location,
    /// What stands under it.
    pub value: Node,
}

impl Node {
    /// Whether nothing was written, or `null` or `~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What stands under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The entries of a map; none for everything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Where the node at a dotted path (`spec.containers.0.image`) stands, or the innermost of its
    /// parents that exists.
    pub fn locate(&self, path: &str) -> Location {
        let mut node = self;
        for step in path.split('.') {
            let next = match &node.value {
                Value::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => node.get(step),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.location
    }

    fn depth(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
        }
    }

    /// Number of nodes; long texts count for more, as copying them costs more.
    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { text, .. } => text.len() / 64,
            Value::List(items) => items.iter().map(Node::weight).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.value.weight()).sum(),
        }
    }
}

/// How the names of texts from the command line begin.
pub(super) const SETTING: &str = "--set ";

impl Sources {
    /// Sources that read these paths and texts in place of files.
    pub fn stored(files: impl IntoIterator<Item = (String, String)>) -> Sources {
        Sources { files: Vec::new(), stored: Some(files.into_iter().collect()) }
    }

    /// The files that were read, without what `--set` gave: paths relative to `folder`, and texts.
    pub fn files_below(&self, folder: &Path) -> Vec<(String, String)> {
        let relative = |name: &str| {
            let path = Path::new(name);
            path.strip_prefix(folder).unwrap_or(path).display().to_string()
        };
        let files = self.files.iter().filter(|file| !file.name.starts_with(SETTING));
        files.map(|file| (relative(&file.name), file.text.clone())).collect()
    }

    /// What `--set` gave, as `path=value`.
    pub fn settings(&self) -> Vec<String> {
        let settings = self.files.iter().filter_map(|file| Some((file.name.strip_prefix(SETTING)?, &file.text)));
        settings.map(|(path, value)| format!("{path}={value}")).collect()
    }

    /// Keeps a text under the name shown in diagnostics; returns its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        let mut text: String = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        self.files.push(Source { name: name.into(), text });
        self.files.len() as u32 - 1
    }

    /// Name and text of a source.
    pub fn get(&self, source: u32) -> (&str, &str) {
        let file = &self.files[source as usize];
        (&file.name, &file.text)
    }

    /// The first text, and behind it those of the files it names, each after a line with its name.
    pub fn texts(&self) -> String {
        let mut files = self.files.iter();
        let mut all = files.next().map(|first| first.text.clone()).unwrap_or_default();
        for file in files.filter(|file| !file.name.starts_with(SETTING)) {
            all += &format!("\n--- # {}\n{}", file.name, file.text);
        }
        all
    }

    /// Reads a file and keeps its text.
    ///
    /// # Errors
    /// What went wrong, to stand after "cannot read …": not there, not a file, too large, not UTF-8.
    pub fn read(&mut self, path: &Path) -> Result<u32, String> {
        if let Some(stored) = &self.stored {
            let text = stored.get(&path.display().to_string()).ok_or("it is not among the files stored")?;
            return Ok(self.add(path.display().to_string(), text.clone()));
        }
        let meta = std::fs::metadata(path).map_err(|error| plain_io_error(&error))?;
        if !meta.is_file() {
            return Err("not a regular file".to_string()); // reading a pipe or a device might never end
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(|error| plain_io_error(&error))?;
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| plain_io_error(&error))?;
        if bytes.len() > MAX_BYTES {
            return Err(format!("larger than {} MiB", MAX_BYTES >> 20));
        }
        let text = String::from_utf8(bytes)
            .map_err(|error| format!("not UTF-8 text (byte {})", error.utf8_error().valid_up_to()))?;
        Ok(self.add(path.display().to_string(), text))
    }

    /// The documents of a source, in order; nothing if any of it is not sound YAML, in which case
    /// the reason is among `problems`. Of a key that stands twice the first counts, and it is reported.
    pub fn parse(&self, source: u32, problems: &mut Problems) -> Option<Vec<Node>> {
        let text = &self.files[source as usize].text;
        if text.len() > MAX_BYTES {
            problems.report(Location { source, start: 0, end: 0 }, format!("text larger than {} MiB", MAX_BYTES >> 20));
            return None;
        }
        let mut builder = Builder::new(source, text);
        for event in Parser::new_from_str(text) {
            let outcome = match event {
                Ok((event, span)) => builder.take(event, span, problems),
                Err(error) => {
                    let at = builder.offset(error.marker());
                    // the parser has a limit of its own, and looks ahead
                    let message = match error.info().contains("recursion limit") {
                        true => format!("nested deeper than {MAX_DEPTH} levels"),
                        false if error.info().contains("simple key expect") => {
                            "not sound YAML: the line before has no `:` after its key".to_string()
                        }
                        false => format!("not sound YAML: {}", error.info()),
                    };
                    Err((Location { source, start: at, end: at }, message))
                }
            };
            if let Err((location, message)) = outcome {
                problems.report(location, message);
                return None;
            }
        }
        Some(builder.documents)
    }
}

fn plain_io_error(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_string(),
        _ => error.to_string().to_lowercase(),
    }
}

/// A list or map that is not closed yet.
struct Frame {
    start: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: BTreeMap<String, Location>, key: Option<(String, Location)>, merges: Vec<Node> },
}

type Refusal = (Location, String);

struct Builder<'a> {
    source: u32,
    text: &'a str,
    /// Byte of each character, unless every character is one byte.
    bytes: Option<Vec<u32>>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Node>,
    documents: Vec<Node>,
    aliases: usize,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn new(source: u32, text: &'a str) -> Builder<'a> {
        // the parser's markers count characters
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at as u32).collect());
        let (frames, documents) = (Vec::new(), Vec::new());
        Builder { source, text, bytes, frames, anchors: BTreeMap::new(), documents, aliases: 0, nodes: 0 }
    }

    fn take(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Result<(), Refusal> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                let value = Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.complete(Node { location: self.location(span.start, span.end), value }, anchor, problems)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.open(span, anchor, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                let (entries, seen) = (Vec::new(), BTreeMap::new());
                self.open(span, anchor, Content::Map { entries, seen, key: None, merges: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, problems),
            Event::Alias(anchor) => self.expand(anchor, span, problems),
            _ => Ok(()),
        }
    }

    fn refuse_tag(&self, tagged: bool, span: Span) -> Result<(), Refusal> {
        if tagged {
            Err((self.location(span.start, span.end), "YAML tags are not supported".to_string()))
        } else {
            Ok(())
        }
    }

    fn open(&mut self, start: Span, anchor: usize, content: Content) -> Result<(), Refusal> {
        if self.frames.len() >= MAX_DEPTH {
            return Err((self.location(start.start, start.end), format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.frames.push(Frame { start, anchor, content });
        Ok(())
    }

    fn close(&mut self, end: Span, problems: &mut Problems) -> Result<(), Refusal> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let location = self.location(frame.start.start, end.end);
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Map { mut entries, mut seen, merges, .. } => {
                for merge in merges {
                    merge_into(&mut entries, &mut seen, merge)?;
                }
                Value::Map(entries)
            }
        };
        self.complete(Node { location, value }, frame.anchor, problems)
    }

    /// Puts a copy of the anchored node here.
    fn expand(&mut self, anchor: usize, span: Span, problems: &mut Problems) -> Result<(), Refusal> {
        let location = self.location(span.start, span.end);
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            return Err((location, format!("more than {MAX_ALIASES} aliases")));
        }
        let Some(node) = self.anchors.get(&anchor) else {
            return Err((location, "an anchor cannot be used inside itself".to_string()));
        };
        if self.frames.len() + node.depth() > MAX_DEPTH {
            return Err((location, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.nodes += node.weight();
        if self.nodes > MAX_NODES {
            return Err((location, "aliases expand to too much text".to_string()));
        }
        let node = node.clone();
        self.complete(node, 0, problems)
    }

    /// Hands a finished node to whatever encloses it.
    fn complete(&mut self, node: Node, anchor: usize, problems: &mut Problems) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err((node.location, format!("more than {MAX_NODES} values in one file")));
        }
        if anchor > 0 {
            self.nodes += node.weight();
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.documents.push(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map { entries, seen, key, merges }) => match key.take() {
                None => *key = Some(key_text(node)?),
                Some((name, _)) if name == "<<" => merges.push(node),
                Some((name, at)) => {
                    if let Some(first) = seen.insert(name.clone(), at) {
                        problems.report(at, format!("duplicate key `{name}`")).context(first, "first used here");
                    } else {
                        entries.push(Entry { key: name, key_location: at, value: node });
                    }
                }
            },
        }
        Ok(())
    }

    fn offset(&self, marker: &Marker) -> u32 {
        let at = match &self.bytes {
            None => marker.index().min(self.text.len()),
            Some(bytes) => bytes.get(marker.index()).map_or(self.text.len(), |at| *at as usize),
        };
        at as u32
    }

    /// A stretch of text without the white space that the parser leaves at its end.
    fn location(&self, start: Marker, end: Marker) -> Location {
        let (start, end) = (self.offset(&start), self.offset(&end));
        let text = self.text.get(start as usize..end as usize).unwrap_or("");
        Location { source: self.source, start, end: start + text.trim_end().len() as u32 }
    }
}

fn key_text(node: Node) -> Result<(String, Location), Refusal> {
    match node.value {
        Value::Scalar { text, .. } => Ok((text, node.location)),
        _ => Err((node.location, "a key must be plain text".to_string())),
    }
}

/// The merge key `<<: *defaults`: adds the keys that are not there yet.
fn merge_into(entries: &mut Vec<Entry>, seen: &mut BTreeMap<String, Location>, node: Node) -> Result<(), Refusal> {
    match node.value {
        Value::Map(merged) => {
            for entry in merged {
                if !seen.contains_key(&entry.key) {
                    seen.insert(entry.key.clone(), entry.key_location);
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| merge_into(entries, seen, item)),
        Value::Scalar { .. } => Err((node.location, "`<<` takes a map or a list of maps".to_string())),
    }
}
