//! A stored response is sent: conditions, ranges, the digest of the payload.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, DATE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
};
use http::{Request, Response, StatusCode};

use super::Verify;
use super::body::StoreBody;
use super::desk::Desk;
use super::error::StoreError;
use super::format::Payload;
use super::payload::Reader;
use super::read::Found;
use super::store::Store;
use super::task::Task;
use crate::answer::{Answer, Asked, EntityTag, Facts, Plan, answer};
use crate::field::date::Date;
use crate::field::length;
use crate::head::{ErrorAnswer, replace};
use crate::sys::write::Directory;

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
        let (desk, name, now) = (Arc::clone(&self.desk), name.to_owned(), SystemTime::now());
        Task::new(move || respond(&desk, &asked, &name, least, now))
    }
}

/// A response in the making.
type Sending = Task<Result<Response<StoreBody>, StoreError>>;

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
        let done = Pin::new(&mut self.sending).poll(cx).map(|done| done.and_then(|done| done));
        done.map(|done| done.unwrap_or_else(|error| error_answer(&error, is_head)))
    }
}

impl Future for TryStoreFuture {
    type Output = Result<Response<StoreBody>, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|done| done.and_then(|done| done))
    }
}

fn respond(
    desk: &Arc<Desk<Directory>>,
    asked: &Asked,
    name: &str,
    least: Option<u64>,
    now: SystemTime,
) -> Result<Response<StoreBody>, StoreError> {
    // What is neither `GET` nor `HEAD` is about the name alone.
    if asked.wants_nothing() {
        return Ok(headed(answer(asked, &Facts::new(0), now)));
    }
    let found = desk.find(name, least)?;
    let (head, plan) = if found.held.slot.head.status == StatusCode::OK {
        let answer = answer(asked, &facts(&found), now);
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
    let mut reader = Reader::new(Arc::clone(desk), name, found, &plan, verified);
    let first = reader.first()?;
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
        let _ = facts.fields.try_insert(REPR_DIGEST, digest(&slot.payload));
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
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        answer = answer.retry_after(Duration::from_secs(1));
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

/// `sha-256=:...:`, a byte sequence of structured fields (RFC 9651, section 3.3.5).
fn digest(payload: &Payload) -> HeaderValue {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = b"sha-256=:".to_vec();
    for three in payload.digest.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for nth in 0..4 {
            let letter = (bits >> (18 - 6 * nth)) & 63;
            let padding = nth > three.len();
            let letter = usize::try_from(letter).ok().and_then(|at| LETTERS.get(at)).copied();
            text.push(if padding { b'=' } else { letter.unwrap_or(b'=') });
        }
    }
    text.push(b':');
    // Letters, digits and signs.
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("sha-256=::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_a_byte_sequence() {
        use sha2::Digest as _;
        // The example of RFC 9530, appendix B.1.
        let digest_of = |bytes: &[u8]| {
            let sum = sha2::Sha256::digest(bytes).into();
            digest(&Payload { id: [0; 16], length: bytes.len() as u64, digest: sum })
        };
        assert_eq!(
            digest_of(b"{\"hello\": \"world\"}\n"),
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
        );
        assert_eq!(digest_of(b""), "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
    }
}
