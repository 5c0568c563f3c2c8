//! A head in readable text: each field with who set, changed and dropped it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::ledger::{Entry, Fate, Ledger, Lines, Shown, Stage, Verb, Writer};

/// The most fields of one explanation.
const MOST_FIELDS: usize = 2048;

/// Explains a head as it stands, field by field, then what was dropped from it.
pub(crate) fn explain(status: Option<StatusCode>, fields: &Lines, ledger: &Ledger) -> String {
    let stories = Stories::of(ledger);
    let mut text = String::new();
    match status {
        Some(status) => writeln!(text, "status {}", status.as_u16()),
        None => writeln!(text, "no status yet"),
    }
    .unwrap_or_default();
    if stories.status.is_empty() && status.is_some() {
        line(&mut text, "set", &Writer::Response, "");
    }
    for entry in &stories.status {
        let what = entry.status().map(|s| s.as_u16().to_string()).unwrap_or_default();
        line(&mut text, entry.verb().as_str(), entry.writer(), &with_fate(entry, &what));
    }
    let mut done: HashSet<&HeaderName> = HashSet::new();
    for lines in fields.0.chunk_by(|(one, _), (two, _)| one == two).take(MOST_FIELDS) {
        let Some((name, _)) = lines.first() else { continue };
        done.insert(name);
        let values: Vec<HeaderValue> = lines.iter().map(|(_, value)| value.clone()).collect();
        let shown = Shown::new(&values, ledger.secrecy(name), false);
        writeln!(text, "{name}: {shown}").unwrap_or_default();
        stories.tell(&mut text, name);
    }
    let mut gone: Vec<&HeaderName> =
        stories.fields.keys().copied().filter(|name| !done.contains(name)).collect();
    gone.sort_by_key(|name| name.as_str());
    for name in gone.into_iter().take(MOST_FIELDS) {
        writeln!(text, "(not there) {name}").unwrap_or_default();
        stories.tell(&mut text, name);
    }
    if ledger.cut() > 0 {
        writeln!(text, "({} more writes were not kept)", ledger.cut()).unwrap_or_default();
    }
    text
}

/// What an explanation at this stage cannot say yet, in whole lines.
pub(super) const fn not_known(stage: Stage, watched: bool) -> &'static str {
    match (stage, watched) {
        (Stage::Open, true) => {
            "(not known yet: the fields of the response, what layers write to it, hooks, policy and rules)\n"
        }
        (Stage::Open, false) => {
            "(not known yet: the fields of the response, what layers write to it, hooks and policy)\n\
             (not known at all: which layer writes what, because no rules and no reporter watch)\n"
        }
        (Stage::Held, true) => "(not known yet: later writes, hooks, policy and rules)\n",
        (Stage::Held, false) => {
            "(not known yet: later writes, hooks and policy)\n\
             (not known at all: which layer wrote what, because no rules and no reporter watch)\n"
        }
        (Stage::Committing, _) => "(the head is being committed: its hooks alone see the fields)\n",
        (Stage::Committed | Stage::Ended, true) => "",
        (Stage::Committed | Stage::Ended, false) => {
            "(not known at all: the fields that went out, because no rules and no reporter watch)\n"
        }
    }
}

/// The same on one line, for a debug field: each field and its writers, the last one first.
pub(crate) fn in_short(fields: &Lines, ledger: &Ledger) -> String {
    /// A field longer than this is more than servers and clients like.
    const MOST: usize = 4096;
    let stories = Stories::of(ledger);
    let mut text = String::new();
    for name in fields.names() {
        if text.len() > MOST {
            break;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        write!(text, "{name}").unwrap_or_default();
        for (number, writer) in stories.writers(name).into_iter().take(8).enumerate() {
            write!(text, "{} {writer}", if number == 0 { " by" } else { " <" }).unwrap_or_default();
        }
    }
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// What the ledger says, sorted by what it is about.
pub(crate) struct Stories<'a> {
    status: Vec<&'a Entry>,
    fields: HashMap<&'a HeaderName, Vec<Line<'a>>>,
    /// Who brought the head that the rest was written to.
    base: &'a Writer,
}

#[derive(Clone, Copy)]
enum Line<'a> {
    Wrote(&'a Entry),
    /// An answer of one's own left it out.
    Lost(&'a Entry),
}

/// One step of a field on its way into the head, or out of it.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    /// It was there when the head came into sight; its values are known if somebody wrote to it since.
    Came(&'a Writer, Option<Shown<'a>>),
    Wrote(&'a Entry),
    /// An answer of one's own left it out.
    Lost(&'a Entry),
}

impl<'a> Stories<'a> {
    pub(crate) fn of(ledger: &'a Ledger) -> Self {
        let mut stories =
            Self { status: Vec::new(), fields: HashMap::new(), base: &Writer::Response };
        for entry in ledger.entries() {
            match (entry.field(), entry.verb()) {
                (_, Verb::Promise) => {}
                (Some(field), _) => {
                    stories.fields.entry(field).or_default().push(Line::Wrote(entry));
                }
                (None, _) => stories.status.push(entry),
            }
            if entry.verb() == Verb::Answer {
                stories.base = entry.writer();
                for lost in entry.lost() {
                    stories.fields.entry(lost).or_default().push(Line::Lost(entry));
                }
            }
        }
        stories
    }

    /// Who wrote a field that is there, the last one first.
    pub(super) fn writers(&self, name: &HeaderName) -> Vec<&'a Writer> {
        let lines = self.fields.get(name).map(Vec::as_slice).unwrap_or_default();
        let wrote = lines.iter().rev().filter_map(|line| match line {
            Line::Wrote(entry) if is_lasting(entry) => Some(entry.writer()),
            Line::Wrote(_) | Line::Lost(_) => None,
        });
        wrote.chain(self.came_with(name).then_some(self.base)).collect()
    }

    /// Whether the field came with the head, before the first write to it that was seen.
    fn came_with(&self, name: &HeaderName) -> bool {
        let lines = self.fields.get(name).map(Vec::as_slice).unwrap_or_default();
        let since = lines.iter().rposition(|line| matches!(line, Line::Lost(_)));
        let mut since = lines.iter().skip(since.map_or(0, |at| at + 1));
        let first = since.find_map(|line| match line {
            Line::Wrote(entry) if is_lasting(entry) => Some(entry),
            Line::Wrote(_) | Line::Lost(_) => None,
        });
        first.is_none_or(|entry| !entry.before().is_empty())
    }

    /// A field's way, step by step.
    pub(crate) fn steps(&self, name: &HeaderName) -> Vec<Step<'a>> {
        let Some(lines) = self.fields.get(name) else { return vec![Step::Came(self.base, None)] };
        let mut steps = Vec::with_capacity(lines.len() + 1);
        let mut writes = lines.iter().filter_map(|line| match line {
            Line::Wrote(entry) => Some(*entry),
            Line::Lost(_) => None,
        });
        if matches!(lines.first(), Some(Line::Lost(_))) {
            steps.push(Step::Came(&Writer::Response, None));
        } else if let Some(first) = writes.find(|entry| is_lasting(entry)) {
            if !first.before().is_empty() {
                let base = if self.came_with(name) { self.base } else { &Writer::Response };
                steps.push(Step::Came(base, Some(first.before())));
            }
        }
        steps.extend(lines.iter().map(|line| match line {
            Line::Wrote(entry) => Step::Wrote(entry),
            Line::Lost(entry) => Step::Lost(entry),
        }));
        steps
    }

    fn tell(&self, text: &mut String, name: &HeaderName) {
        for step in self.steps(name) {
            match step {
                Step::Came(writer, values) => {
                    let values = values.map(|values| values.to_string()).unwrap_or_default();
                    line(text, "set", writer, &values);
                }
                Step::Wrote(entry) => {
                    let value = with_fate(entry, &entry.after().to_string());
                    line(text, entry.verb().as_str(), entry.writer(), &value);
                }
                Step::Lost(entry) => {
                    line(text, "drop", entry.writer(), "answered with a head of its own");
                }
            }
        }
    }
}

fn line(text: &mut String, verb: &str, writer: &Writer, rest: &str) {
    let colon = if rest.is_empty() { "" } else { ": " };
    writeln!(text, "  {verb} by {writer}{colon}{rest}").unwrap_or_default();
}

/// Whether an entry changed the head.
fn is_lasting(entry: &Entry) -> bool {
    entry.fate().reached_head()
}

fn with_fate(entry: &Entry, what: &str) -> String {
    match entry.fate() {
        Fate::Applied | Fate::Overridden => what.to_owned(),
        other @ (Fate::Yielded
        | Fate::Trailers
        | Fate::Refused(_)
        | Fate::Mended
        | Fate::Replaced
        | Fate::Superseded
        | Fate::Discarded
        | Fate::Unsent) => format!("{what} ({other})"),
    }
}
