//! A stored response is sent: conditions, ranges, the digest of the payload.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, DATE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
};
use http::{Request, Response, StatusCode};

use super::Verify;
use super::body::StoreBody;
use super::cache::Ready;
use super::error::{Kind, StoreError};
use super::notice::count;
use super::payload::Reader;
use super::read::Found;
use super::store::Store;
use super::task::Task;
use crate::answer::{Answer, Asked, DigestAlgorithm, EntityTag, Facts, Plan, answer};
use crate::field::date::Date;
use crate::field::length;
use crate::head::{ErrorAnswer, replace};
use crate::sys::write::Disk as _;

/// The digest of the representation (RFC 9530, section 3).
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

impl Store {
    /// Answers a request with what is stored under a name; it never fails. Conditions, ranges and `HEAD`
    /// are as RFC 9110 has them, for a stored 200; any other status is sent as it was stored.
    ///
    /// A tag is made of the payload's digest if the head has none, and `Repr-Digest` is added (RFC
    /// 9530). What cannot be sent is an error answer by [`StoreError::status`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// With axum; the name is one component of a path:
    ///
    /// ```
    /// use axum::extract::{Path, Request, State};
    /// use axum::response::{IntoResponse, Response};
    /// use letterhead::store::Store;
    ///
    /// async fn get(State(store): State<Store>, Path(name): Path<String>, request: Request) -> Response {
    ///     store.send(&request, &name).await.into_response()
    /// }
    /// # fn app(store: Store) -> axum::Router {
    /// axum::Router::new().route("/{name}", axum::routing::any(get)).with_state(store)
    /// # }
    /// ```
    pub fn send<B>(&self, request: &Request<B>, name: &str) -> StoreFuture {
        let asked = Asked::of(request);
        let is_head = asked.is_head();
        StoreFuture { sending: self.respond(asked, name, None), is_head }
    }

    /// As [`send`](Self::send), and what cannot be sent is an error. With `least` an earlier generation is
    /// refused.
    ///
    /// # Errors
    ///
    /// As [`Store::head`], and a payload of which not even the first bytes can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn try_send<B>(
        &self,
        request: &Request<B>,
        name: &str,
        least: Option<u64>,
    ) -> TryStoreFuture {
        TryStoreFuture(self.respond(Asked::of(request), name, least))
    }

    fn respond(&self, asked: Asked, name: &str, least: Option<u64>) -> Sending {
        let now = SystemTime::now();
        if let Some(response) = self.at_once(&asked, name, least, now) {
            return Sending::Ready(Some(response));
        }
        let (store, name) = (self.clone(), name.to_owned());
        Sending::Task(Task::new(move || respond(&store, &asked, &name, least, now)))
    }

    /// What can be answered without a thread that may block: from memory, after one look at the name.
    fn at_once(
        &self,
        asked: &Asked,
        name: &str,
        least: Option<u64>,
        now: SystemTime,
    ) -> Option<Response<StoreBody>> {
        // What is neither `GET` nor `HEAD` is about the name alone.
        if asked.wants_nothing() {
            return Some(headed(answer(asked, &Facts::new(0), now)));
        }
        let cache = self.cache.as_ref()?;
        let ready = cache.get(name, || self.desk.disk.look(name).ok())?;
        if least.is_some_and(|least| ready.generation < least) {
            return None;
        }
        count(&self.desk.counts.read);
        let (head, plan) = answer(asked, &ready.facts, now).into_parts();
        Some(head.map(|()| StoreBody::planned(plan, ready.bytes.clone())))
    }
}

/// A response in the making.
#[derive(Debug)]
enum Sending {
    Ready(Option<Response<StoreBody>>),
    Task(Task<Result<Response<StoreBody>, StoreError>>),
}

impl Future for Sending {
    type Output = Result<Response<StoreBody>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ready(response) => Poll::Ready(response.take().ok_or(Kind::Gone.into())),
            Self::Task(task) => Pin::new(task).poll(cx).map(|done| done.and_then(|done| done)),
        }
    }
}

/// The response to a request for something stored; see [`Store::send`]. It never fails.
///
/// # Cancel safety
///
/// Dropped before it is done, what is being opened or read is closed when the kernel has answered.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct StoreFuture {
    sending: Sending,
    is_head: bool,
}

/// The response to a request for something stored, or why there is none; see [`Store::try_send`].
///
/// # Cancel safety
///
/// As [`StoreFuture`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct TryStoreFuture(Sending);

impl Future for StoreFuture {
    type Output = Response<StoreBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_head = self.is_head;
        let done = Pin::new(&mut self.sending).poll(cx);
        done.map(|done| done.unwrap_or_else(|error| error_answer(&error, is_head)))
    }
}

impl Future for TryStoreFuture {
    type Output = Result<Response<StoreBody>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

fn respond(
    store: &Store,
    asked: &Asked,
    name: &str,
    least: Option<u64>,
    now: SystemTime,
) -> Result<Response<StoreBody>, StoreError> {
    let desk = &store.desk;
    let found = desk.find(name, least)?;
    let is_ok = found.held.slot.head.status == StatusCode::OK;
    let facts = facts(&found);
    let (head, plan) = if is_ok {
        let answer = answer(asked, &facts, now);
        // A head that a `GET` would not have is no head for `HEAD`.
        if matches!(answer, Answer::HeadOnly(_)) {
            desk.first_byte(name, &found)?;
        }
        answer.into_parts()
    } else {
        as_stored(asked, &found, now)
    };
    let payload = found.held.slot.payload;
    let length = match &plan {
        Plan::Nothing => 0,
        Plan::Whole => payload.length,
        Plan::Part(part) => part.end.saturating_sub(part.start),
        Plan::Parts(parts) => parts.length(),
    };
    if length == 0 {
        return Ok(head.map(|()| StoreBody::empty()));
    }
    let checked = desk.memory.was_checked(&found.stat, payload.id);
    let verified = match desk.settings.verify {
        Verify::Once => !checked,
        Verify::Whole => true,
        Verify::Always => {
            if !matches!(plan, Plan::Whole) {
                desk.verify_payload(name, &found).map_err(|error| desk.reject(name, error))?;
            }
            true
        }
    };
    let (stat, generation) = (found.stat, found.held.slot.generation);
    let mut reader = Reader::new(Arc::clone(desk), name, found, &plan, verified);
    let first = reader.first()?;
    // All of it came at once, and was held against its digest.
    let is_checked = is_ok && verified && matches!(plan, Plan::Whole) && reader.is_done();
    if let Some(cache) = store.cache.as_ref().filter(|_| is_checked) {
        cache.keep(name, Ready { stat, generation, facts, bytes: first.clone() }, now);
    }
    Ok(head.map(|()| StoreBody::begun(first, reader, length)))
}

/// The head of an answer that nothing follows.
fn headed(answer: Answer) -> Response<StoreBody> {
    answer.into_parts().0.map(|()| StoreBody::empty())
}

/// What is known of a stored 200.
fn facts(found: &Found<OwnedFd>) -> Facts {
    let slot = &found.held.slot;
    let mut facts = Facts::new(slot.payload.length);
    facts.fields.clone_from(&slot.head.fields);
    let stored = |name| slot.head.fields.get(name);
    let tag = stored(ETAG).and_then(EntityTag::parse);
    facts = facts.tag(tag.unwrap_or_else(|| EntityTag::of_digest(&slot.payload.digest)));
    let modified = stored(LAST_MODIFIED).and_then(|value| value.to_str().ok());
    if let Some(modified) = modified.and_then(|text| httpdate::parse_http_date(text).ok()) {
        facts = facts.last_modified(modified);
    }
    if stored(ACCEPT_RANGES).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"none")) {
        facts = facts.without_ranges();
    }
    for made in [ETAG, LAST_MODIFIED, ACCEPT_RANGES] {
        facts.fields.remove(made);
    }
    if !facts.fields.contains_key(REPR_DIGEST) {
        let digest = DigestAlgorithm::Sha256.field_value(&slot.payload.digest);
        let _ = facts.fields.try_insert(REPR_DIGEST, digest);
    }
    facts
}

/// Any other status: as it was stored, to whatever was asked.
fn as_stored(asked: &Asked, found: &Found<OwnedFd>, now: SystemTime) -> (Response<()>, Plan) {
    let slot = &found.held.slot;
    let mut head = Response::new(());
    *head.status_mut() = slot.head.status;
    let fields = head.headers_mut();
    fields.clone_from(&slot.head.fields);
    // RFC 9110, section 8.6: a 204 has no length.
    if slot.head.status != StatusCode::NO_CONTENT {
        let _ = fields.try_insert(CONTENT_LENGTH, length::value(slot.payload.length));
    }
    if let Some(date) = Date::of(now).value() {
        let _ = fields.try_insert(DATE, date);
    }
    (head, if asked.is_head() { Plan::Nothing } else { Plan::Whole })
}

fn error_answer(error: &StoreError, is_head: bool) -> Response<StoreBody> {
    let mut answer = ErrorAnswer::new(error.status());
    if let Some(after) = error.retry_after() {
        answer = answer.retry_after(after);
    }
    let mut response = Response::new(StoreBody::empty());
    let mut status = answer.status();
    let content = replace(&mut status, response.headers_mut(), answer, &|_| true);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    if !is_head {
        *response.body_mut() = StoreBody::text(content);
    }
    response
}

#[cfg(test)]
mod tests;
