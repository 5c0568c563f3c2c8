//! What a policy makes of a response's fields, at the commit.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};

use super::exchange::{Edit, Origin, Request, Response};
use super::fields::{self, Confined, Nature};
use super::rule::{Act, How, Rule, Target, Write};
use super::text::Captures;
use super::value::Value;
use super::{Dialect, Policy, join, uri};
use crate::field::class::Shape;
use crate::ledger::{Values, Verb};
use crate::rules::merge;

/// The most bytes of values with captures in one head: a client chooses how long they are.
const MOST_CAPTURED: usize = 64 << 10;

/// Called for every change; without it no values are copied.
pub(crate) type Record<'r> = Option<&'r mut dyn FnMut(Edit<'_>)>;

impl Policy {
    /// Does what all blocks say that are about this exchange, in their order, and gives `record` every
    /// change that it made.
    ///
    /// It is to be called once for a response, when whatever else writes to the head has written. It
    /// allocates nothing for blocks that are about others, if the request's path is in canonical form.
    pub(crate) fn apply(
        &self,
        request: &Request<'_>,
        response: &Response<'_>,
        fields: &mut HeaderMap,
        record: Record<'_>,
    ) {
        let path = self.path(request.path);
        let host = if self.has_hosts { request.authority.and_then(uri::host) } else { None };
        let content_type = if self.is_by_type { fields.get(CONTENT_TYPE).cloned() } else { None };
        let mut captures = Captures::default();
        let mut commit = Commit {
            request,
            response,
            fields,
            record,
            given: Given::default(),
            captured: 0,
            confined: None,
        };
        for place in self.candidates(&path) {
            let Some(rule) = self.rules.get(place) else { continue };
            if rule.pattern.matches(host.as_deref(), &path, &mut captures)
                && rule.when.holds(request.method, response, content_type.as_ref())
            {
                if self.dialect == Dialect::Netlify {
                    // What an earlier block gave is replaced like anything else.
                    commit.given = Given::default();
                }
                commit.block(rule, &captures);
            }
        }
    }
}

/// One response, while the blocks are at it.
struct Commit<'a, 'r> {
    request: &'a Request<'a>,
    response: &'a Response<'a>,
    fields: &'a mut HeaderMap,
    record: Record<'r>,
    given: Given,
    /// The bytes of all values that have captures in them.
    captured: usize,
    /// How the response itself restricts caches; found out when it is first asked, which is before a field that
    /// tells caches something is changed.
    confined: Option<Confined>,
}

/// The fields that the policy itself has set, by their numbers.
#[derive(Debug, Default)]
struct Given {
    first: u64,
    rest: Vec<u64>,
}

impl Given {
    /// Whether the field was set before.
    fn has(&self, number: usize) -> bool {
        let word = match (number / 64).checked_sub(1) {
            None => self.first,
            Some(at) => self.rest.get(at).copied().unwrap_or(0),
        };
        word & 1 << (number % 64) != 0
    }

    fn add(&mut self, number: usize) {
        let word = match (number / 64).checked_sub(1) {
            None => &mut self.first,
            Some(at) => {
                if self.rest.len() <= at {
                    self.rest.resize(at + 1, 0);
                }
                &mut self.rest[at]
            }
        };
        *word |= 1 << (number % 64);
    }
}

impl Commit<'_, '_> {
    fn block(&mut self, rule: &Rule, captures: &Captures<'_>) {
        let by_status = rule.when.is_by_status();
        for write in &rule.writes {
            match &write.act {
                Act::Change(target, how) => {
                    let removes = matches!(how, How::Remove);
                    if self.may(target.nature, by_status, removes) {
                        self.act(write, target, how, captures);
                    }
                }
                Act::RemoveAll(start) => self.remove_all(write, start, by_status),
            }
        }
    }

    /// Whether a field of this nature is one that this response may have changed.
    fn may(&self, nature: Nature, by_status: bool, removes: bool) -> bool {
        !(nature.is_of_calls && self.response.is_grpc)
            && (!nature.wants_security || self.request.secure || removes)
            && nature.suits(self.response.status, by_status, self.fields)
    }

    fn act(&mut self, write: &Write, target: &Target, how: &How, captures: &Captures<'_>) {
        let name = &target.name;
        let (value, merged): (_, fn(&HeaderName, &[HeaderValue], HeaderValue) -> _) = match how {
            How::Remove => return self.remove(write, name, target.nature),
            How::Default(_) if self.fields.contains_key(name) => return,
            How::Default(value) => {
                let Some(value) = self.filled(value, captures) else { return };
                return self.replace(write, Verb::Default, target, vec![value]);
            }
            How::Set(value) => {
                let Some(value) = self.filled(value, captures) else { return };
                return self.set(write, target, value);
            }
            How::Append(value) => (value, join::append),
            How::Merge(value) => (value, join::merge),
        };
        let Some(value) = self.filled(value, captures) else { return };
        let before = self.values(name);
        let after = merged(name, &before, value);
        if before != after {
            self.replace(write, Verb::Append, target, after);
        }
    }

    /// The value for this request; `None` if it is none, or if captures would make the head too long.
    fn filled(&mut self, value: &Value, captures: &Captures<'_>) -> Option<HeaderValue> {
        let filled = value.with(captures)?;
        if let Value::Filled(_) = value {
            self.captured += filled.len();
            if self.captured > MOST_CAPTURED {
                return None;
            }
        }
        Some(filled)
    }

    fn set(&mut self, write: &Write, target: &Target, value: HeaderValue) {
        let name = &target.name;
        if *name == SET_COOKIE {
            return self.change(write, Verb::Append, name, |fields| {
                // A head may be full: it has at most 32,768 lines.
                let _ = fields.try_append(name, value);
            });
        }
        let is_new = !self.given.has(target.number);
        if is_new && *name != VARY || !self.fields.contains_key(name) {
            if self.loosens(name, target.nature, std::slice::from_ref(&value)) {
                return;
            }
            self.given.add(target.number);
            return self.change(write, Verb::Insert, name, |fields| {
                let _ = fields.try_insert(name, value);
            });
        }
        if *name == VARY {
            // Without a member a cache would give one client what is another's.
            let after = merge::merge(name, Shape::List, &self.values(name), &[value]);
            return self.replace(write, Verb::Append, target, after);
        }
        let after = join::in_one_line(&self.values(name), value);
        self.replace(write, Verb::Append, target, vec![after]);
    }

    fn values(&self, name: &HeaderName) -> Vec<HeaderValue> {
        self.fields.get_all(name).iter().cloned().collect()
    }

    fn remove(&mut self, write: &Write, name: &HeaderName, nature: Nature) {
        if self.fields.contains_key(name) && !self.loosens(name, nature, &[]) {
            self.change(write, Verb::Remove, name, |fields| {
                fields.remove(name);
            });
        }
    }

    fn remove_all(&mut self, write: &Write, start: &str, by_status: bool) {
        let names = self.fields.keys().filter(|name| name.as_str().starts_with(start));
        let names: Vec<_> = names.filter(|name| fields::refused(name).is_none()).cloned().collect();
        for name in names {
            let nature = Nature::of(&name);
            if self.may(nature, by_status, true) {
                self.remove(write, &name, nature);
            }
        }
    }

    /// Puts `after` in the place of what the field has, unless that would loosen what the response says.
    fn replace(&mut self, write: &Write, verb: Verb, target: &Target, after: Vec<HeaderValue>) {
        let name = &target.name;
        if self.loosens(name, target.nature, &after) {
            return;
        }
        self.change(write, verb, name, |fields| {
            let mut after = after.into_iter();
            if let Some(first) = after.next() {
                let _ = fields.try_insert(name, first);
            }
            for value in after {
                let _ = fields.try_append(name, value);
            }
        });
    }

    /// Whether a change to these values would let caches do what the response itself does not let them do.
    fn loosens(&mut self, name: &HeaderName, nature: Nature, after: &[HeaderValue]) -> bool {
        if !nature.tells_caches {
            return false;
        }
        let (fields, is_file) = (&*self.fields, self.response.origin == Origin::File);
        self.confined.get_or_insert_with(|| Confined::of(fields, is_file)).is_loosened(name, after)
    }

    /// Makes a change, and records it.
    fn change(
        &mut self,
        write: &Write,
        verb: Verb,
        field: &HeaderName,
        change: impl FnOnce(&mut HeaderMap),
    ) {
        let Some(record) = &mut self.record else {
            change(self.fields);
            return;
        };
        let before = Values::of(self.fields.get_all(field).iter());
        change(self.fields);
        let after = Values::of(self.fields.get_all(field).iter());
        if before != after {
            record(Edit { line: write.line, verb, field, before, after });
        }
    }
}
