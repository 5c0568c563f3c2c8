//! What becomes of writes that were made before there was a response, once there is one.
//!
//! Such a write was about the response that its author had in mind, and counts as made where the
//! author stands. So it lands on a success. On an error that somebody else made only what holds for
//! any response lands: policy, a restriction of caches, and what an error itself needs. And it adds
//! to the lists that layers further out add to, instead of replacing them.

use http::StatusCode;
use http::header::{
    ALLOW, HeaderMap, HeaderName, HeaderValue, LINK, PROXY_AUTHENTICATE, RETRY_AFTER, SET_COOKIE,
    VARY, WWW_AUTHENTICATE,
};

use super::write::{Change, Write};
use crate::field::cache_control;
use crate::field::class::{self, Role, Shape};
use crate::field::cookie;
use crate::field::member::Identity;
use crate::field::server_timing::SERVER_TIMING;
use crate::ledger::{Entry, Fate, Ledger, Occasion, Seen, Values, Verb, Writer};
use crate::rules::merge::is_cache_control;
use crate::rules::{Rules, merge};

/// A response that writes are about to land on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landing<'a> {
    /// The response's own status, before any write.
    pub(crate) status: StatusCode,
    /// There is no response: an error answer of this layer goes out.
    pub(crate) failed: bool,
    /// Who made the response, where that is known.
    pub(crate) author: Option<&'a Writer>,
    /// What the application says about the kinds of its fields.
    pub(crate) rules: Option<&'a Rules>,
}

/// A head that is not committed.
pub(crate) struct Planned<'a> {
    pub(crate) status: &'a mut StatusCode,
    pub(crate) fields: &'a mut HeaderMap,
}

impl Landing<'_> {
    /// Whether the response is an error, so that what was meant for a success does not land.
    pub(crate) fn is_error(self) -> bool {
        self.failed || is_error(self.status)
    }

    /// Puts a write on the response if it lands there. `meant` is the status that the write's author
    /// wrote last.
    pub(crate) fn land(
        self,
        mut write: Write,
        meant: Option<StatusCode>,
        head: &mut Planned<'_>,
        ledger: &Ledger,
    ) -> Entry {
        let author_failed = meant.is_some_and(is_error) && !self.failed;
        if !write.origin.insists && !author_failed {
            let lands = match &write.change {
                Change::Status(status) => self.admits_status(*status),
                _ if !self.is_error() => true,
                Change::Insert(name, _) | Change::Append(name, _) | Change::Default(name, _) => {
                    self.holds_for_an_error(name) || restrict(&mut write.change)
                }
                Change::Remove(name) => self.holds_for_an_error(name),
            };
            if !lands {
                let seen = self.author.map(|author| Seen {
                    superseded_by: Some(Box::new(author.clone())),
                    ..Seen::default()
                });
                let fate = if self.failed { Fate::Replaced } else { Fate::Superseded };
                return Entry { seen, ..write.entry(fate) };
            }
        }
        self.put(write, head, ledger)
    }

    fn holds_for_an_error(self, name: &HeaderName) -> bool {
        self.role(name) == Role::Policy || helps_an_error(name)
    }

    /// A success that was meant is none any more on an error, and none where another has answered
    /// with less than the whole: a redirect, a 304, a part.
    fn admits_status(self, written: StatusCode) -> bool {
        let less = self.status.is_redirection() || self.status == StatusCode::PARTIAL_CONTENT;
        !(self.failed || is_error(self.status) || less && written.is_success())
    }

    fn role(self, name: &HeaderName) -> Role {
        self.rules.map_or_else(|| class::of(name).role(), |rules| rules.role(name))
    }

    fn shape(self, name: &HeaderName) -> Shape {
        self.rules.map_or_else(|| class::of(name).shape(), |rules| rules.shape(name))
    }

    /// Whether layers add members to this field one after the other, and the application does not say
    /// otherwise.
    fn is_additive(self, name: &HeaderName) -> bool {
        adds_up(name) && matches!(self.shape(name), Shape::List | Shape::Lines)
    }

    /// Puts a write on the response.
    pub(crate) fn put(self, write: Write, head: &mut Planned<'_>, ledger: &Ledger) -> Entry {
        let joins = match write.change.field() {
            Some(name) => self.is_additive(name) && head.fields.contains_key(name),
            None => false,
        };
        match &write.change {
            Change::Insert(name, value) if joins => self.join(&write, name, value, head, ledger),
            Change::Append(name, value) if joins && is_cache_control(name) => {
                self.join(&write, name, value, head, ledger)
            }
            // What stands there was not written through `Head`, or comes later.
            Change::Remove(_) if joins => write.entry(Fate::Yielded),
            Change::Insert(..)
            | Change::Append(..)
            | Change::Default(..)
            | Change::Remove(_)
            | Change::Status(_) => write.apply(head.status, head.fields, ledger),
        }
    }

    /// Adds to a list what it does not have yet. Of two `Cache-Control` the stricter stands.
    fn join(
        self,
        write: &Write,
        name: &HeaderName,
        value: &HeaderValue,
        head: &mut Planned<'_>,
        ledger: &Ledger,
    ) -> Entry {
        let before: Vec<HeaderValue> = head.fields.get_all(name).iter().cloned().collect();
        let (verb, after) = if is_cache_control(name) {
            let one = std::slice::from_ref(value);
            (Verb::Insert, merge::merge(name, self.shape(name), &before, one))
        } else {
            additions(name, &before, value)
        };
        head.fields.remove(name);
        for value in &after {
            // There was room for as many lines, but perhaps not for one more.
            let _ = head.fields.try_append(name.clone(), value.clone());
        }
        let mut entry = Entry { verb, ..write.entry(Fate::Applied) };
        if ledger.watches() {
            let (before, after) = (Values::of(before.iter()), Values::of(after.iter()));
            let copied = write.origin.copied;
            let occasion = if copied { Occasion::CopiedRequest } else { Occasion::Usual };
            entry.seen = Some(Seen { before, after, occasion, ..Seen::default() });
        }
        entry
    }
}

/// Whether layers add members to the list that this field is, so that a write does not replace another.
pub(crate) fn is_added_to(name: &HeaderName) -> bool {
    *name == VARY || *name == LINK || *name == SET_COOKIE || *name == SERVER_TIMING
}

/// Whether a write to this field has to look at what is there: a list that is added to, or
/// `Cache-Control`, of which the stricter directives stand.
pub(crate) fn adds_up(name: &HeaderName) -> bool {
    is_added_to(name) || is_cache_control(name)
}

/// Leaves of a `Cache-Control` what it forbids; `false` if it forbids nothing, or is another field.
fn restrict(change: &mut Change) -> bool {
    let (name, value) = match change {
        Change::Insert(name, value)
        | Change::Append(name, value)
        | Change::Default(name, value) => (name, value),
        Change::Remove(_) | Change::Status(_) => return false,
    };
    let restriction = if is_cache_control(name) { restriction(value) } else { None };
    let restricts = restriction.is_some();
    if let Some(restriction) = restriction {
        *value = restriction;
    }
    restricts
}

/// The lines of an additive field with what `value` adds to them.
fn additions(
    name: &HeaderName,
    before: &[HeaderValue],
    value: &HeaderValue,
) -> (Verb, Vec<HeaderValue>) {
    let mut after = before.to_vec();
    if *name == SET_COOKIE {
        let key = cookie::key(value);
        let same =
            |line: &HeaderValue| *line == *value || key.is_some() && cookie::key(line) == key;
        after.retain(|line| !same(line));
        let verb = if after.len() < before.len() { Verb::Insert } else { Verb::Append };
        after.push(value.clone());
        return (verb, after);
    }
    let identity = Identity::of(name);
    let known: Vec<_> = identity.members(before).map(|member| identity.key(member)).collect();
    let members = || identity.members(std::slice::from_ref(value));
    let missing: Vec<&[u8]> =
        members().filter(|member| !known.contains(&identity.key(member))).collect();
    if missing.len() == members().count() {
        after.push(value.clone());
    } else if !missing.is_empty() {
        after.push(crate::field::list::join(missing));
    }
    (Verb::Append, after)
}

/// Whether a write that landed on this response is put there again at the commit, because layers
/// further out have changed the field since.
///
/// A write through `Head` stands against a later layer where a field has one value that is not about
/// the bytes, and in the lists that layers add to. Status and bytes are those layers' to change.
pub(crate) fn is_undone(landing: Landing<'_>, write: &Write, fields: &HeaderMap) -> bool {
    let Change::Insert(name, value) = &write.change else { return false };
    let (now, one) = (fields.get_all(name), std::slice::from_ref(value));
    if landing.is_additive(name) {
        let lines: Vec<HeaderValue> = now.iter().cloned().collect();
        return merge::loses(name, landing.shape(name), one, &lines);
    }
    let single = matches!(landing.shape(name), Shape::Single | Shape::Unknown);
    single && !describes_bytes(name) && now.iter().ne(one)
}

/// Whether a field says how the bytes of the content are to be read, or which bytes they are.
///
/// Before there is a response, its author cannot know what layers will make of the bytes.
pub(crate) fn describes_bytes(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("content-")
        || matches!(name, "accept-ranges" | "digest" | "etag" | "last-modified" | "repr-digest")
}

/// Fields that say how a failed request can succeed; they are about the request, whatever answers it.
pub(crate) fn helps_an_error(name: &HeaderName) -> bool {
    [ALLOW, RETRY_AFTER, WWW_AUTHENTICATE, PROXY_AUTHENTICATE].contains(name)
}

/// Whether a status is an error (RFC 9110, sections 15.5 and 15.6).
pub(crate) fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 400
}

/// What of a `Cache-Control` only restricts caches: a lifetime was meant for one response, a
/// restriction holds for any that goes out in its place.
fn restriction(value: &HeaderValue) -> Option<HeaderValue> {
    let rest = cache_control::restrictions(std::slice::from_ref(value));
    rest.or_else(|| Some(value.clone())).filter(|rest| !rest.is_empty())
}

/// The fields that were written through `Head` and hold for any error, with what they say.
pub(crate) fn written_for_errors(ledger: &Ledger, fields: &HeaderMap) -> HeaderMap {
    let mut written = HeaderMap::new();
    for entry in ledger.entries() {
        let (Writer::Place(_), Some(name), Fate::Applied) =
            (&entry.writer, &entry.field, entry.fate)
        else {
            continue;
        };
        if written.contains_key(name) {
            continue;
        }
        for value in fields.get_all(name) {
            let value = match () {
                () if helps_an_error(name) => Some(value.clone()),
                () if is_cache_control(name) => restriction(value),
                () => None,
            };
            if let Some(value) = value {
                let _ = written.try_append(name.clone(), value);
            }
        }
    }
    written
}

/// Puts these fields on an error answer: where it has a word of its own, that one counts, and of two
/// `Cache-Control` the stricter.
pub(crate) fn put_back(written: &HeaderMap, fields: &mut HeaderMap) {
    for name in written.keys() {
        let values: Vec<HeaderValue> = written.get_all(name).iter().cloned().collect();
        let now: Vec<HeaderValue> = fields.get_all(name).iter().cloned().collect();
        let values = match (now.is_empty(), is_cache_control(name)) {
            (true, _) => values,
            (false, true) => merge::merge(name, Shape::List, &now, &values),
            (false, false) => continue,
        };
        fields.remove(name);
        for value in values {
            let _ = fields.try_append(name.clone(), value);
        }
    }
}
