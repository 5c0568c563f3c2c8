//! Whole responses from bytes that are in memory.

use std::time::SystemTime;

use bytes::Bytes;
use http::Response;

use crate::answer::asked::Asked;
use crate::answer::content::Content;
use crate::answer::decide::{Answer, answer, decide};
use crate::answer::facts::Facts;
use crate::field::vary::vary_by_encoding;

/// Serves `bytes`: conditions, ranges, `HEAD`, `OPTIONS`, `QUERY` where the facts
/// [say that it is taken](Facts::accept_query), and a 405 for what is none of these.
///
/// The length is that of `bytes`, whatever `facts` say. `now` is the time of the answer,
/// mostly `SystemTime::now()`.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use bytes::Bytes;
/// use http::Request;
/// use letterhead::answer::{Asked, Content, Facts, respond};
///
/// fn handler(request: &Request<()>) -> http::Response<Content> {
///     let blob = Bytes::from_static(b"from a database");
///     respond(&Asked::of(request), &Facts::new(0), blob, SystemTime::now())
/// }
///
/// let response = handler(&Request::delete("/").body(()).unwrap());
/// assert_eq!(response.status(), 405);
/// assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS");
/// ```
#[must_use]
pub fn respond(asked: &Asked, facts: &Facts, bytes: Bytes, now: SystemTime) -> Response<Content> {
    with_content(decide(asked, facts, bytes.len() as u64, now), bytes)
}

/// Serves the one of `variants` that the client takes most gladly; of equals the first.
///
/// Each has its [coding](Facts::coding), [`Coding::Identity`](super::Coding::Identity) included, and
/// is otherwise answered as by [`respond`]. If the client takes none of them it is a 406, and if
/// there are none a 404. Whatever is answered has `Vary: accept-encoding`.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use bytes::Bytes;
/// use http::Request;
/// use letterhead::answer::{Asked, Coding, EntityTag, Facts, respond_among};
///
/// let facts = Facts::new(0).tag(EntityTag::strong("v1").unwrap());
/// let variants = [
///     (facts.clone().coding(Coding::Brotli), Bytes::from_static(b"...")),
///     (facts.coding(Coding::Identity), Bytes::from_static(b"content")),
/// ];
/// let request = Request::get("/").header("accept-encoding", "gzip, br").body(()).unwrap();
/// let response = respond_among(&Asked::of(&request), &variants, SystemTime::now());
/// assert_eq!(response.headers()["content-encoding"], "br");
/// assert_eq!(response.headers()["etag"], "\"v1-br\"");
/// assert_eq!(response.headers()["vary"], "accept-encoding");
/// ```
#[must_use]
pub fn respond_among(
    asked: &Asked,
    variants: &[(Facts, Bytes)],
    now: SystemTime,
) -> Response<Content> {
    // Whether queries are taken does not depend on the coding.
    let queried = variants.iter().map(|(facts, _)| facts).find(|facts| facts.takes_queries());
    let is_query = asked.is_typed_query() && queried.is_some();
    let (answer, bytes) = match chosen(asked, variants, is_query) {
        _ if asked.wants_nothing() && !is_query => match queried {
            Some(facts) => (answer(asked, facts, now), Bytes::new()),
            None => (answer(asked, &Facts::new(0), now), Bytes::new()),
        },
        Some((facts, bytes)) => (decide(asked, facts, bytes.len() as u64, now), bytes.clone()),
        None if variants.is_empty() => (Answer::not_found(now), Bytes::new()),
        None => (Answer::not_acceptable(now), Bytes::new()),
    };
    let mut response = with_content(answer, bytes);
    vary_by_encoding(response.headers_mut());
    response
}

fn chosen<'a>(
    asked: &Asked,
    variants: &'a [(Facts, Bytes)],
    is_query: bool,
) -> Option<&'a (Facts, Bytes)> {
    let accepted = asked.accepted();
    let offered = variants.iter().filter(|(facts, _)| facts.takes_queries() || !is_query);
    let ranked = offered.map(|variant| (accepted.rank(variant.0.coding), variant));
    let best = ranked
        .filter(|(rank, _)| *rank > 0)
        .reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map(|(_, variant)| variant)
}

fn with_content(answer: Answer, bytes: Bytes) -> Response<Content> {
    let (head, plan) = answer.into_parts();
    head.map(|()| Content::planned(plan, bytes))
}
