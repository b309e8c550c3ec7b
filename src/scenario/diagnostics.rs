//! Everything that is wrong with a scenario, at once, each drawn with the source line it is about.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::source::{Location, Sources};

/// More problems than this are counted, not drawn.
const MAX_SHOWN: usize = 100;
/// More than this are counted, and nothing else is kept of them: a file can hold a million mistakes.
const MAX_KEPT: usize = 10 * MAX_SHOWN;
/// Longer lines are not drawn; the position is still given.
const MAX_LINE: usize = 400;

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// Where; `None` if it is about no particular text (a file that cannot be opened).
    pub location: Option<Location>,
    /// What is wrong: a lower-case fragment without full stop.
    pub message: String,
    /// What was expected there; may be empty.
    pub expected: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Another place that matters, and why.
    pub context: Option<(Location, String)>,
    /// Whether it is only counted: nobody will read more about it.
    counted: bool,
}

impl Problem {
    /// Says what was expected at the marked text.
    pub fn expected(&mut self, text: impl Into<String>) -> &mut Problem {
        self.expected = text.into();
        self
    }

    /// Adds advice.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Problem {
        self.help = Some(text.into());
        self
    }

    /// Adds "did you mean …?" if one of `names` is near `name`.
    pub fn suggest<'a>(&mut self, name: &str, names: impl IntoIterator<Item = &'a str>) -> &mut Problem {
        if let Some(near) = (!self.counted).then(|| nearest(name, names)).flatten() {
            self.help(format!("did you mean `{near}`?"));
        }
        self
    }

    /// Points at another place that matters.
    pub fn context(&mut self, location: Location, text: impl Into<String>) -> &mut Problem {
        self.context = Some((location, text.into()));
        self
    }
}

/// A growing list of problems.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// How many were counted only.
    more: usize,
    /// Stands for each of those.
    counted: Problem,
}

impl Problems {
    /// Adds a problem about the text at `location`; more can be said about it on what is returned.
    pub fn report(&mut self, location: Location, message: impl Into<String>) -> &mut Problem {
        self.push(Some(location), message.into())
    }

    /// Adds a problem that is about no particular text.
    pub fn report_nowhere(&mut self, message: impl Into<String>) -> &mut Problem {
        self.push(None, message.into())
    }

    fn push(&mut self, location: Option<Location>, message: String) -> &mut Problem {
        if self.list.len() >= MAX_KEPT {
            self.more += 1;
            self.counted.counted = true;
            return &mut self.counted;
        }
        self.list.push(Problem { location, message, ..Problem::default() });
        self.list.last_mut().expect("just pushed")
    }

    /// Takes over all problems of another list.
    pub fn append(&mut self, mut other: Problems) {
        self.list.append(&mut other.list);
        self.more += other.more + self.list.len().saturating_sub(MAX_KEPT);
        self.list.truncate(MAX_KEPT);
    }

    /// The places they are about, in the order of the text.
    pub fn places(&self) -> Vec<Location> {
        let mut places: Vec<Location> = self.list.iter().filter_map(|problem| problem.location).collect();
        places.sort_unstable();
        places
    }

    /// Keeps the problems about places that `keep` says, and those about no place.
    pub fn retain(&mut self, keep: impl Fn(Location) -> bool) {
        self.list.retain(|problem| problem.location.is_none_or(&keep));
    }

    /// Whether some problem is about text inside `location`.
    pub fn any_within(&self, location: Location) -> bool {
        let inside =
            |at: Location| at.source == location.source && location.start <= at.start && at.start <= location.end;
        self.more > 0 || self.list.iter().any(|problem| problem.location.is_some_and(inside))
    }

    /// Whether some problem is about exactly this text.
    pub fn any_at(&self, location: Location) -> bool {
        self.more > 0 || self.list.iter().any(|problem| problem.location == Some(location))
    }

    /// Number of problems.
    pub fn len(&self) -> usize {
        self.list.len() + self.more
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// All problems of a scenario with the texts they point into.
#[derive(Clone, Debug)]
pub struct Diagnostics {
    problems: Vec<Problem>,
    /// Problems beyond those.
    more: usize,
    sources: Sources,
}

impl Diagnostics {
    /// Brings the problems into the order of the text and drops repetitions, which an alias makes.
    pub fn new(problems: Problems, sources: Sources) -> Diagnostics {
        let Problems { list: mut problems, more, .. } = problems;
        problems.sort_by_key(|problem| problem.location); // stable: equal places keep the order of finding
        problems.dedup_by(|a, b| a.location.is_some() && a.location == b.location && a.message == b.message);
        Diagnostics { problems, more, sources }
    }

    /// The problems in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// File name, line and column (both from 1, in characters) of a location.
    pub fn position(&self, location: Location) -> (&str, usize, usize) {
        position(&self.sources, location)
    }

    /// The problems as a person reads them, in colour or plain; ends with a newline.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for problem in self.problems.iter().take(MAX_SHOWN) {
            text += renderer.render(&[self.group(problem)]).trim_end();
            text += "\n\n";
        }
        let all = self.problems.len() + self.more;
        if all > MAX_SHOWN {
            text += &format!("… and {} more problems\n", all - MAX_SHOWN);
        } else {
            text.pop();
        }
        text
    }

    fn group<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let mut group = Group::with_title(Level::ERROR.primary_title(problem.message.as_str()));
        if let Some(location) = problem.location {
            group = self.mark(group, location, problem);
        }
        match &problem.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    fn mark<'a>(&'a self, group: Group<'a>, location: Location, problem: &'a Problem) -> Group<'a> {
        let (name, line, column) = position(&self.sources, location);
        let context = problem.context.as_ref().filter(|(other, _)| other.source == location.source);
        let all = self.sources.get(location.source).1;
        let first = context.map_or(location.start, |(other, _)| other.start.min(location.start)) as usize;
        let last = context.map_or(location.start, |(other, _)| other.start.max(location.start)) as usize;
        let window_start = all[..first].rfind('\n').map_or(0, |at| at + 1);
        let window_end = all[last..].find('\n').map_or(all.len(), |at| last + at);
        let window = &all[window_start..window_end];
        if window.lines().any(|line| line.len() > MAX_LINE) || window.len() > 100 * MAX_LINE {
            let origin = Origin::path(name).line(line).char_column(column);
            let group = group.element(origin);
            return if problem.expected.is_empty() {
                group
            } else {
                group.element(Level::NOTE.message(problem.expected.as_str()))
            };
        }
        let span = |location: Location| {
            let start = location.start as usize;
            let line_end = all[start..].find(['\n', '\r']).map_or(all.len(), |at| start + at);
            start - window_start..(location.end as usize).clamp(start, line_end) - window_start
        };
        let mut mark = AnnotationKind::Primary.span(span(location));
        if !problem.expected.is_empty() {
            mark = mark.label(problem.expected.as_str());
        }
        let line_start = 1 + all[..window_start].matches('\n').count();
        let mut snippet = Snippet::source(window).line_start(line_start).path(name).annotation(mark);
        if let Some((other, text)) = context {
            snippet = snippet.annotation(AnnotationKind::Context.span(span(*other)).label(text.as_str()));
        }
        group.element(snippet)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

fn position(sources: &Sources, location: Location) -> (&str, usize, usize) {
    let (name, text) = sources.get(location.source);
    let before = &text[..(location.start as usize).min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (name, line, column)
}

/// The name that `name` was probably meant to be: the one with the fewest edits, at most a third
/// of its length; of equals, the first.
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 100 {
        return None; // nobody mistypes a name into that, and distances cost the product of the lengths
    }
    let simple = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let wanted = simple(name);
    names
        .into_iter()
        .filter(|other| other.len() <= 100)
        .map(|other| (strsim::osa_distance(&wanted, &simple(other)), other))
        .filter(|(edits, other)| {
            *edits <= (other.chars().count().max(3) / 3).max(1) && *edits < wanted.chars().count().max(1)
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, other)| other)
}

/// `a`, `b` and `c`, for messages; the first dozen if there are many.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = names.iter().take(12).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 12 {
        text += &format!(" and {} more", names.len() - 12);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_forgives_a_third_of_the_letters() {
        let names = ["name", "count", "capacity", "allocatable"];
        assert_eq!(nearest("coutn", names), Some("count"));
        assert_eq!(nearest("allocateable", names), Some("allocatable"));
        assert_eq!(nearest("node_monitor_period", ["node-monitor-period"]), Some("node-monitor-period"));
        assert_eq!(nearest("readyAfter", ["ready-after"]), Some("ready-after"));
        assert_eq!(nearest("zone", names), None);
        assert_eq!(nearest("", names), None);
        assert_eq!(nearest(&"x".repeat(1000), names), None);
    }
}
