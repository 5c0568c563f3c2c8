//! A stored response is sent: conditions, ranges, the digest of the payload.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::{Request, Response};

use super::Verify;
use super::body::StoreBody;
use super::cache::{Cache, Ready};
use super::error::{Kind, StoreError};
use super::inline;
use super::notice::count;
use super::payload::Reader;
use super::store::Store;
use super::stored_head::{Reply, StoredHead};
use super::task::Task;
use crate::answer::{Again, Answer, Asked, Facts, Plan, answer};
use crate::head::origin::mark_file;
use crate::head::{ErrorAnswer, replace};
use crate::sys::write::Disk as _;

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
        let at_once = self.at_once(&asked, name, least, now);
        if let Some(response) = at_once.or_else(|| inline::respond(self, &asked, name, least, now))
        {
            return Sending::Ready(Some(response));
        }
        let (store, name) = (self.clone(), name.to_owned());
        let ops = Arc::clone(&self.ops);
        Sending::Task(Task::new(&ops, move || respond(&store, &asked, &name, least, now)))
    }

    /// What can be answered from memory, after one look at the name.
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
        let ready = cache.get(name, || self.ops.disk.look(name).ok())?;
        if least.is_some_and(|least| ready.stored.generation < least) {
            return None;
        }
        count(&self.ops.counts.read);
        let head = if asked.wants_whole() { ready.head.at(now) } else { None };
        let (head, plan) = match head {
            Some(head) => (head, Plan::Whole),
            None => answer(asked, ready.stored.facts()?, now).into_parts(),
        };
        Some(head.map(|()| StoreBody::planned(plan, ready.bytes.clone())))
    }

    /// The response of which the first bytes are there; if those are all, and are known to agree with
    /// their digest, it may be kept.
    pub(super) fn begun(
        &self,
        name: &str,
        reply: Reply,
        first: Bytes,
        reader: Reader,
        now: SystemTime,
    ) -> Response<StoreBody> {
        let (stored, stat) = (reader.stored(), *reader.stat());
        let length = reply.length(&stored.payload);
        let takes = |cache: &&Arc<Cache>| {
            matches!(reply.plan, Plan::Whole)
                && reader.is_whole(&first)
                && cache.takes(first.len(), &stat, now)
        };
        if let Some(cache) = self.cache.as_ref().filter(takes) {
            let fields = || reply.head.headers().clone();
            let kept = stored.facts().and_then(|facts| Again::packed(fields(), facts, &first));
            if let Some((head, bytes)) = kept {
                cache.keep(name, Ready { stat, stored: Arc::clone(stored), head, bytes });
            }
        }
        reply.head.map(|()| StoreBody::begun(first, reader, length))
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
        done.map(|done| {
            let mut response = done.unwrap_or_else(|error| error_answer(&error, is_head));
            mark_file(response.extensions_mut());
            response
        })
    }
}

impl Future for TryStoreFuture {
    type Output = Result<Response<StoreBody>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_ok(|mut response| {
            mark_file(response.extensions_mut());
            response
        })
    }
}

fn respond(
    store: &Store,
    asked: &Asked,
    name: &str,
    least: Option<u64>,
    now: SystemTime,
) -> Result<Response<StoreBody>, StoreError> {
    let ops = &store.ops;
    let found = ops.find(name, least)?;
    let stored = Arc::new(StoredHead::of(found.held.slot.clone()));
    let reply = stored.reply(asked, now);
    if reply.is_promise {
        ops.first_byte(name, &found)?;
    }
    if reply.length(&stored.payload) == 0 {
        return Ok(reply.head.map(|()| StoreBody::empty()));
    }
    let verified = match ops.settings.verify {
        Verify::Once => !ops.memory.was_checked(&found.stat, stored.payload.id),
        Verify::Whole => true,
        Verify::Always => {
            if !matches!(reply.plan, Plan::Whole) {
                ops.verify_payload(name, &found).map_err(|error| ops.reject(name, error))?;
            }
            true
        }
    };
    let file = ops.disk.handle(found.file, found.stat);
    let mut reader = Reader::new(Arc::clone(ops), name, file, stored, &reply.plan, verified);
    let first = reader.first()?;
    Ok(store.begun(name, reply, first, reader, now))
}

/// The head of an answer that nothing follows.
fn headed(answer: Answer) -> Response<StoreBody> {
    answer.into_parts().0.map(|()| StoreBody::empty())
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
