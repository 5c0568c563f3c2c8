//! A head in readable text: each field with who set, changed and dropped it.

use std::fmt::Write as _;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::ledger::{Entry, Fate, Ledger, Shown, Verb, Writer};

/// The most lines of one explanation.
const MOST_LINES: usize = 2048;

/// Explains a head as it stands, field by field, then what was dropped from it.
pub(crate) fn explain(
    status: Option<StatusCode>,
    fields: &[(HeaderName, HeaderValue)],
    ledger: &Ledger,
) -> String {
    let mut text = String::new();
    let base = base(ledger);
    match status {
        Some(status) => writeln!(text, "status {}", status.as_u16()),
        None => writeln!(text, "no status yet"),
    }
    .unwrap_or_default();
    let about_status: Vec<&Entry> =
        ledger.entries().iter().filter(|e| e.field().is_none() && is_told(e)).collect();
    if about_status.is_empty() && status.is_some() {
        line(&mut text, "set", &base, "");
    }
    for entry in about_status {
        let what = entry.status().map(|s| s.as_u16().to_string()).unwrap_or_default();
        line(&mut text, entry.verb().as_str(), entry.writer(), &fate(entry, &what));
    }
    let mut done: Vec<&HeaderName> = Vec::new();
    for (name, _) in fields {
        if done.contains(&name) || done.len() >= MOST_LINES {
            continue;
        }
        done.push(name);
        let values: Vec<HeaderValue> =
            fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect();
        let shown = Shown::new(&values, ledger.is_secret(name), false);
        writeln!(text, "{name}: {shown}").unwrap_or_default();
        story(&mut text, name, ledger, &base);
    }
    let mut gone: Vec<&HeaderName> = Vec::new();
    for entry in ledger.entries() {
        let names = entry.field().into_iter().chain(entry.lost());
        for name in names.collect::<Vec<_>>() {
            if !done.contains(&name) && !gone.contains(&name) && gone.len() < MOST_LINES {
                gone.push(name);
            }
        }
    }
    for name in gone {
        writeln!(text, "(not there) {name}").unwrap_or_default();
        story(&mut text, name, ledger, &base);
    }
    if ledger.cut() > 0 {
        writeln!(text, "({} more writes were not kept)", ledger.cut()).unwrap_or_default();
    }
    text
}

/// The same on one line, for a debug field: each field and its writers, `<` for "written over".
pub(crate) fn in_short(fields: &[(HeaderName, HeaderValue)], ledger: &Ledger) -> String {
    /// A field longer than this is more than servers and clients like.
    const MOST: usize = 4096;
    let mut text = String::new();
    let base = base(ledger);
    let mut done: Vec<&HeaderName> = Vec::new();
    for (name, _) in fields {
        if done.contains(&name) || text.len() > MOST {
            continue;
        }
        done.push(name);
        if !text.is_empty() {
            text.push_str("; ");
        }
        write!(text, "{name}").unwrap_or_default();
        let wrote = ledger.entries().iter().filter(|e| e.field() == Some(name) && is_told(e));
        let wrote: Vec<&Writer> = wrote.map(Entry::writer).collect();
        let came = !wrote.is_empty() && starts_with_base(name, ledger);
        let writers =
            wrote.iter().rev().copied().chain((wrote.is_empty() || came).then_some(&base));
        for (number, writer) in writers.take(8).enumerate() {
            write!(text, "{} {writer}", if number == 0 { " by" } else { " <" }).unwrap_or_default();
        }
    }
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// Who brought the head that the rest was written to.
fn base(ledger: &Ledger) -> Writer {
    let answers = ledger.entries().iter().rev().find(|entry| entry.verb() == Verb::Answer);
    answers.map_or(Writer::Response, |entry| entry.writer().clone())
}

/// Whether something stood there before the first write that was seen.
fn starts_with_base(name: &HeaderName, ledger: &Ledger) -> bool {
    let first = ledger.entries().iter().find(|entry| entry.field() == Some(name) && is_told(entry));
    first.is_none_or(|entry| !entry.before().is_empty())
}

fn story(text: &mut String, name: &HeaderName, ledger: &Ledger, base: &Writer) {
    if starts_with_base(name, ledger) {
        let first = ledger.entries().iter().find(|entry| entry.field() == Some(name));
        let value = first.map(|entry| entry.before().to_string()).unwrap_or_default();
        line(text, "set", base, &value);
    }
    for entry in ledger.entries() {
        if entry.field() == Some(name) {
            let value = entry.after().to_string();
            line(text, entry.verb().as_str(), entry.writer(), &fate(entry, &value));
        } else if entry.lost().contains(&name) {
            line(text, "drop", entry.writer(), "answered with a head of its own");
        }
    }
}

fn line(text: &mut String, verb: &str, writer: &Writer, rest: &str) {
    let colon = if rest.is_empty() { "" } else { ": " };
    writeln!(text, "  {verb} by {writer}{colon}{rest}").unwrap_or_default();
}

fn fate(entry: &Entry, what: &str) -> String {
    match entry.fate() {
        Fate::Applied | Fate::Overridden => what.to_owned(),
        other @ (Fate::Yielded
        | Fate::Trailers
        | Fate::Refused(_)
        | Fate::Mended
        | Fate::Replaced
        | Fate::Unsent) => format!("{what} ({other})"),
    }
}

/// Whether an entry is about the head and not about a promise.
fn is_told(entry: &Entry) -> bool {
    entry.verb() != Verb::Promise
}
