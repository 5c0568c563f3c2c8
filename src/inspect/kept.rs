//! One exchange as it is kept: a receipt that shares no memory with the application, has no secret, and is small.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Method;
use http::header::{HeaderName, HeaderValue};

use crate::caught::{caught, discard};
use crate::error::{self, Error};
use crate::head::{Note, Outcome, Receipt, RequestFacts, Tally};
use crate::ledger::{Entry, Ledger, Lines, Secrecy, Seen, Shown, Values, Writer};
use crate::rules::Conflict;

/// The most bytes that one exchange takes.
pub(super) const MOST: usize = 64 * 1024;

/// The most that parts of it take; what is done to the head has the rest.
const MOST_OF_PATH: usize = 4 * 1024;
const MOST_OF_FIELDS: usize = 20 * 1024;
const MOST_OF_NOTES: usize = 18 * 1024;
const MOST_OF_CONFLICTS: usize = 8 * 1024;
const MOST_OF_TEXT: usize = 512;

/// The longest id of a request, with its place.
const MOST_OF_ID: usize = 256 + PLACE;

/// What it takes to hold a text or a value, beside its bytes.
const PLACE: usize = 64;

/// One exchange.
pub(super) struct Kept {
    /// From 1, in the order in which the responses ended.
    pub(super) id: u64,
    /// When it ended.
    pub(super) at: SystemTime,
    pub(super) receipt: Receipt,
    /// Lines of the head whose values there was no room for, by their place, and how long they were.
    too_large: Vec<(usize, usize)>,
    /// Lines of the head that there was no room for.
    pub(super) fields_cut: usize,
    pub(super) notes_cut: usize,
    /// The request's method or path is not whole.
    pub(super) target_cut: bool,
    /// The bytes that it takes, about.
    pub(super) weight: usize,
}

/// A field of the head that went out.
pub(super) struct Field<'a> {
    pub(super) name: &'a HeaderName,
    pub(super) value: Value<'a>,
}

/// One line of it.
pub(super) enum Value<'a> {
    Shown(Shown<'a>),
    /// There was no room for so many bytes.
    TooLarge(usize),
}

impl Kept {
    pub(super) fn of(id: u64, at: SystemTime, receipt: &Receipt) -> Self {
        let mut room = Room(MOST.saturating_sub(size_of::<Self>() + 2 * PLACE));
        let method = method(&receipt.method);
        // It is the layer's own copy, so that a short one is shared.
        let path = receipt.path.as_ref().map(|path| match head_of(path, MOST_OF_PATH) {
            part if part.len() == path.len() => Arc::clone(path),
            part => part.into(),
        });
        let route = receipt.route.as_deref().map(|route| head_of(route, MOST_OF_TEXT));
        room.spend(path.as_ref().map_or(0, |path| path.len() + PLACE));
        room.spend(route.map_or(0, |route| route.len() + PLACE));
        room.spend(receipt.request.as_ref().map_or(0, |_| size_of::<RequestFacts>() + MOST_OF_ID));
        let length = |path: &Option<Arc<str>>| path.as_ref().map(|path| path.len());
        let target_cut = length(&receipt.path) != length(&path) || method != receipt.method;
        let outcome = match receipt.outcome.error() {
            Some(error) => Outcome::Aborted(room.error(error)),
            None => receipt.outcome.clone(),
        };
        let failure = receipt.tally.failure.as_ref().map(|error| room.error(error));
        let (fields, too_large) = fields(receipt, &mut room);
        let notes = room.list(MOST_OF_NOTES, receipt.notes(), note);
        let conflicts = room.list(MOST_OF_CONFLICTS, receipt.conflicts(), conflict);
        let mut ledger = receipt.ledger.clone();
        let secret = |ledger: &Ledger, name: &HeaderName| ledger.secrecy(name);
        ledger.retain(|kept| entry(kept, &mut room, |name| secret(&receipt.ledger, name)));
        let tally = tally(&receipt.tally, failure, notes);
        Self {
            id,
            at,
            fields_cut: receipt.fields.0.len() - fields.len(),
            notes_cut: receipt.notes().len() - tally.notes.len(),
            too_large,
            target_cut,
            weight: MOST - room.0,
            receipt: Receipt {
                method,
                version: receipt.version,
                last_stage: receipt.last_stage,
                cause: receipt.cause,
                conflicts_cut: receipt.conflicts_cut
                    + (receipt.conflicts.len() - conflicts.len()) as u64,
                tally,
                ledger,
                fields: Lines(fields),
                conflicts,
                path,
                route: route.map(Into::into),
                request: receipt.request.as_deref().map(RequestFacts::without_span).map(Box::new),
                outcome,
            },
        }
    }

    /// The lines of the head that went out, in their order.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.receipt.fields.0.iter().enumerate().map(|(at, (name, value))| {
            let length = self.too_large.iter().find(|(place, _)| *place == at);
            let secrecy = self.receipt.ledger.secrecy(name);
            let shown = || Shown::new(std::slice::from_ref(value), secrecy, false).whole();
            let value = length.map_or_else(|| Value::Shown(shown()), |(_, n)| Value::TooLarge(*n));
            Field { name, value }
        })
    }

    /// Whether every line of the head is there with its value.
    pub(super) fn is_whole(&self) -> bool {
        self.fields_cut == 0 && self.too_large.is_empty()
    }

    /// Whether the head has this field.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.receipt.fields.0.iter().any(|(there, _)| there == name)
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(shown) => shown.fmt(f),
            Self::TooLarge(bytes) => write!(f, "({bytes} bytes, too large to keep)"),
        }
    }
}

/// How many bytes are left.
struct Room(usize);

impl Room {
    /// Whether there is room for so many, which are then taken.
    fn takes(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.0;
        if fits {
            self.0 -= bytes;
        }
        fits
    }

    /// Takes so many, or all there are.
    fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes);
    }

    /// The error in words. One that cannot say what it is stays without its causes.
    fn error(&mut self, error: &Error) -> Error {
        let words = caught(|| error.in_words(MOST_OF_TEXT)).unwrap_or_else(|payload| {
            discard(payload);
            error.without_cause(MOST_OF_TEXT)
        });
        let said = error::chain(&words).map(|error| error.to_string().len() + 2 * PLACE);
        self.spend(said.sum());
        words
    }

    /// As many of a list as there is room for.
    fn list<T>(&mut self, most: usize, all: &[T], one: fn(&T, &mut Self) -> Option<T>) -> Vec<T> {
        let mut part = Self(self.0.min(most));
        let before = part.0;
        let mut list = Vec::new();
        for item in all {
            let Some(item) = part.takes(size_of::<T>()).then(|| one(item, &mut part)).flatten()
            else {
                break;
            };
            list.push(item);
        }
        list.shrink_to_fit();
        self.spend(before - part.0);
        list
    }

    /// A copy of a value, if there is room for it.
    fn value(&mut self, value: &HeaderValue, secrecy: Secrecy) -> Option<HeaderValue> {
        self.takes(value.len() + PLACE).then(|| apart(value, secrecy)).flatten()
    }

    /// Copies of values; `false`, and none, if there is no room for all of them.
    fn values(&mut self, values: &mut Values, secrecy: Secrecy) -> bool {
        let copies: Option<Vec<_>> =
            values.as_slice().iter().map(|value| self.value(value, secrecy)).collect();
        *values = copies.map_or(Values::None, |copies| Values::of(copies.iter()));
        !values.is_empty()
    }

    /// A name's own bytes.
    fn name(&mut self, name: &HeaderName) -> bool {
        self.takes(name.as_str().len() + PLACE)
    }
}

/// The lines of a head, and which of them are without their values.
type Fields = (Vec<(HeaderName, HeaderValue)>, Vec<(usize, usize)>);

/// As many lines of the head as there is room for.
fn fields(receipt: &Receipt, room: &mut Room) -> Fields {
    let lines = &receipt.fields.0;
    let mut part = Room(room.0.min(MOST_OF_FIELDS));
    let before = part.0;
    let (mut names, mut too_large) = (0, Vec::new());
    // The values share one allocation: they come and go together.
    let length = lines.iter().map(|(_, value)| value.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length.min(part.0));
    for (name, value) in lines {
        let place = size_of::<(HeaderName, HeaderValue)>() + size_of::<(usize, usize)>();
        if !part.takes(place) || !part.name(name) {
            break;
        }
        if part.takes(value.len() + PLACE) {
            write_apart(&mut bytes, value, receipt.ledger.secrecy(name));
        } else {
            too_large.push((names, value.len()));
        }
        names += 1;
    }
    too_large.shrink_to_fit();
    room.spend(before - part.0);
    let (bytes, mut begin) = (Bytes::from(bytes), 0);
    let mut large = too_large.iter().map(|(at, _)| *at).peekable();
    let mut kept = Vec::with_capacity(names);
    kept.extend(lines.iter().take(names).enumerate().map(|(at, (name, value))| {
        if large.next_if_eq(&at).is_some() {
            return (name.clone(), HeaderValue::from_static(""));
        }
        let end = begin + value.len();
        let copy = HeaderValue::from_maybe_shared(bytes.slice(begin..end));
        begin = end;
        // What was a value, or is stars, is one.
        let mut copy = copy.unwrap_or_else(|_| HeaderValue::from_static(""));
        copy.set_sensitive(value.is_sensitive());
        (name.clone(), copy)
    }));
    (kept, too_large)
}

/// Makes an entry small; `false` if there is no room for it.
fn entry(entry: &mut Entry, room: &mut Room, secrecy_of: impl Fn(&HeaderName) -> Secrecy) -> bool {
    let field = entry.field.as_ref();
    if !room.takes(size_of::<Entry>()) || !field.is_none_or(|name| room.name(name)) {
        return false;
    }
    let secrecy = field.map(secrecy_of).unwrap_or_default();
    let Some(seen) = &mut entry.seen else { return true };
    let Seen { before, after, superseded_by, .. } = seen;
    let stood = !before.is_empty();
    let whole = (before.is_empty() || room.values(before, secrecy))
        && (after.is_empty() || room.values(after, secrecy));
    if !whole {
        (*before, *after) = (Values::None, Values::None);
        (seen.cut, seen.over) = (true, stood);
    }
    if superseded_by.is_some() && !room.takes(size_of::<Writer>()) {
        *superseded_by = None;
    }
    seen.lost = names_of(&seen.lost, room);
    true
}

/// The names of lost fields, as many as there is room for.
fn names_of(lost: &Lines, room: &mut Room) -> Lines {
    let mut names = Vec::new();
    for name in lost.names() {
        if !room.takes(size_of::<(HeaderName, HeaderValue)>()) || !room.name(name) {
            break;
        }
        names.push((name.clone(), HeaderValue::from_static("")));
    }
    names.shrink_to_fit();
    Lines(names)
}

/// The counts of a response, with copies of what was noted.
fn tally(of: &Tally, failure: Option<Error>, notes: Vec<Note>) -> Tally {
    let Tally { status, held, sent, policy, list, hooks_run, number, .. } = *of;
    Tally { status, held, sent, policy, list, hooks_run, failure, notes, number }
}

fn conflict(conflict: &Conflict, room: &mut Room) -> Option<Conflict> {
    let mut kept = conflict.clone();
    let detail =
        kept.detail.as_ref().map(|text| error::cut(text.as_ref().to_owned(), MOST_OF_TEXT));
    let fits = kept.field.as_ref().is_none_or(|name| room.name(name))
        && room.takes(detail.as_ref().map_or(0, |text| text.len() + PLACE));
    kept.detail = detail.map(Into::into);
    // A conflict without its values is one all the same.
    room.values(&mut kept.before, conflict.secrecy);
    room.values(&mut kept.after, conflict.secrecy);
    (kept.offer, kept.lost) = (Values::None, Lines::default());
    fits.then_some(kept)
}

fn note(note: &Note, room: &mut Room) -> Option<Note> {
    let (kept, bytes) = match note {
        Note::AlsoFailed(text) => {
            let text = error::cut(text.clone(), MOST_OF_TEXT);
            let bytes = text.len() + PLACE;
            (Note::AlsoFailed(text), bytes)
        }
        Note::Misordered(text) => {
            let text = error::cut(text.clone(), MOST_OF_TEXT);
            let bytes = text.len() + PLACE;
            (Note::Misordered(text), bytes)
        }
        Note::DenyFailed(text) => {
            let text = error::cut(text.clone(), MOST_OF_TEXT);
            let bytes = text.len() + PLACE;
            (Note::DenyFailed(text), bytes)
        }
        Note::Unsigned(text) => {
            let text = error::cut(text.clone(), MOST_OF_TEXT);
            let bytes = text.len() + PLACE;
            (Note::Unsigned(text), bytes)
        }
        Note::Denied(denial) => {
            let bytes = denial.messages().iter().map(|text| text.len() + PLACE).sum();
            (note.clone(), bytes)
        }
        Note::TrailersDropped(names) | Note::TrailersNotMerged(names) => {
            let one = |name: &HeaderName| size_of::<HeaderName>() + name.as_str().len() + PLACE;
            (note.clone(), names.iter().map(one).sum())
        }
        Note::Mended(_)
        | Note::NestedLayer
        | Note::EndUnseen
        | Note::NoTimer
        | Note::RecoverPanicked => (note.clone(), PLACE),
    };
    room.takes(bytes).then_some(kept)
}

/// A method of the client's own is cut where it is long.
fn method(method: &Method) -> Method {
    let text = method.as_str();
    if text.len() <= MOST_OF_TEXT {
        return method.clone();
    }
    Method::from_bytes(head_of(text, MOST_OF_TEXT).as_bytes()).unwrap_or_default()
}

/// The beginning of a text.
fn head_of(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// A value with memory of its own. Of a secret there are its length and what names a cookie.
fn apart(value: &HeaderValue, secrecy: Secrecy) -> Option<HeaderValue> {
    let mut bytes = Vec::with_capacity(value.len());
    write_apart(&mut bytes, value, secrecy);
    let mut copy = HeaderValue::try_from(bytes).ok()?;
    copy.set_sensitive(value.is_sensitive());
    Some(copy)
}

/// Writes as many bytes as the value has: its own, or what may be kept of a secret and stars.
fn write_apart(into: &mut Vec<u8>, value: &HeaderValue, secrecy: Secrecy) {
    let bytes = value.as_bytes();
    if secrecy == Secrecy::Open && !value.is_sensitive() {
        into.extend_from_slice(bytes);
        return;
    }
    let names = secrecy == Secrecy::Cookie && !value.is_sensitive();
    let end = bytes.iter().position(|byte| *byte == b'=');
    let named = end.filter(|end| names && *end <= 64).map_or(0, |end| end + 1);
    into.extend_from_slice(bytes.get(..named).unwrap_or_default());
    into.resize(into.len() + bytes.len() - named, b'*');
}
