//! A stored head that was verified, in the form that answers need.

use std::time::SystemTime;

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, DATE, ETAG, HeaderMap, LAST_MODIFIED};
use http::{Response, StatusCode};

use super::format::{Payload, Slot};
use crate::answer::{
    Answer, Asked, DigestAlgorithm, EntityTag, Facts, Plan, REPR_DIGEST, answer, answer_once,
};
use crate::field::date::Date;
use crate::field::length;

/// A head that was believed.
#[derive(Debug)]
pub(super) struct StoredHead {
    pub(super) payload: Payload,
    /// Where the payload begins.
    pub(super) start: u64,
    pub(super) generation: u64,
    /// The name that it is bound to; empty if it is not.
    name: Box<str>,
    words: Words,
}

#[derive(Debug)]
enum Words {
    /// A stored 200.
    Found(Facts),
    /// Any other status.
    Other(StatusCode, HeaderMap),
}

/// What is answered by a head.
pub(super) struct Reply {
    pub(super) head: Response<()>,
    pub(super) plan: Plan,
    /// It is to a `HEAD`: a head that a `GET` would not have must not be sent.
    pub(super) is_promise: bool,
}

impl StoredHead {
    pub(super) fn of(slot: Slot) -> Self {
        let Slot { layout, payload, generation, place, head, .. } = slot;
        let words = match head.status {
            StatusCode::OK => Words::Found(facts(head.fields, &payload)),
            other => Words::Other(other, head.fields),
        };
        Self { payload, start: layout.payload(), generation, name: place.name.into(), words }
    }

    /// Whether it may be sent for this name.
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name.is_empty() || *self.name == *name
    }

    /// What is known of a stored 200.
    pub(super) fn facts(&self) -> Option<&Facts> {
        match &self.words {
            Words::Found(facts) => Some(facts),
            Words::Other(..) => None,
        }
    }

    /// The answer to what is asked: by conditions and ranges for a stored 200.
    pub(super) fn reply(&self, asked: &Asked, now: SystemTime) -> Reply {
        match &self.words {
            Words::Found(facts) => {
                let answer = answer(asked, facts, now);
                let is_promise = matches!(answer, Answer::HeadOnly(_));
                let (head, plan) = answer.into_parts();
                Reply { head, plan, is_promise }
            }
            Words::Other(status, fields) => self.as_stored(asked, *status, fields, now),
        }
    }

    /// As [`reply`](Self::reply), by a head that is of no use afterwards: what is sent whole takes over its
    /// fields.
    pub(super) fn reply_once(&mut self, asked: &Asked, now: SystemTime) -> Reply {
        match &mut self.words {
            Words::Found(facts) if asked.wants_whole() => {
                let facts = std::mem::replace(facts, Facts::new(0));
                let (head, plan) = answer_once(asked, facts, now).into_parts();
                Reply { head, plan, is_promise: false }
            }
            Words::Found(_) | Words::Other(..) => self.reply(asked, now),
        }
    }

    /// Any other status: as it was stored, to whatever was asked.
    fn as_stored(
        &self,
        asked: &Asked,
        status: StatusCode,
        stored: &HeaderMap,
        now: SystemTime,
    ) -> Reply {
        let mut head = Response::new(());
        *head.status_mut() = status;
        let fields = head.headers_mut();
        fields.clone_from(stored);
        // RFC 9110, section 8.6: a 204 has no length.
        if status != StatusCode::NO_CONTENT {
            let _ = fields.try_insert(CONTENT_LENGTH, length::value(self.payload.length));
        }
        if let Some(date) = Date::of(now).value() {
            let _ = fields.try_insert(DATE, date);
        }
        let plan = if asked.is_head() { Plan::Nothing } else { Plan::Whole };
        Reply { head, plan, is_promise: false }
    }
}

impl Reply {
    /// The bytes of the body.
    pub(super) fn length(&self, payload: &Payload) -> u64 {
        match &self.plan {
            Plan::Nothing => 0,
            Plan::Whole => payload.length,
            Plan::Part(part) => part.end.saturating_sub(part.start),
            Plan::Parts(parts) => parts.length(),
        }
    }
}

fn facts(mut fields: HeaderMap, payload: &Payload) -> Facts {
    // The answer makes these itself.
    let [tag, modified, ranges] = [ETAG, LAST_MODIFIED, ACCEPT_RANGES].map(|n| fields.remove(n));
    if !fields.contains_key(REPR_DIGEST) {
        let digest = DigestAlgorithm::Sha256.field_value(&payload.digest);
        let _ = fields.try_insert(REPR_DIGEST, digest);
    }
    let mut facts = Facts::new(payload.length);
    facts.fields = fields;
    let tag = tag.as_ref().and_then(EntityTag::parse);
    facts = facts.tag(tag.unwrap_or_else(|| EntityTag::of_digest(&payload.digest)));
    let modified = modified.as_ref().and_then(|value| value.to_str().ok());
    if let Some(modified) = modified.and_then(|text| httpdate::parse_http_date(text).ok()) {
        facts = facts.last_modified(modified);
    }
    if ranges.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"none")) {
        facts = facts.without_ranges();
    }
    facts
}
