//! What is known of the thing that is served.

use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
    HeaderValue, LAST_MODIFIED, TRAILER, TRANSFER_ENCODING,
};

use crate::field::coding::Coding;
use crate::field::etag::EntityTag;
use crate::field::vary::{vary, vary_by_encoding};

/// Which media types the content of a `QUERY` may have (RFC 10008, section 3).
pub(crate) const ACCEPT_QUERY: HeaderName = HeaderName::from_static("accept-query");

/// The fields that the answer makes itself.
const OURS: [HeaderName; 10] = [
    ACCEPT_RANGES,
    ALLOW,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    DATE,
    ETAG,
    LAST_MODIFIED,
    TRAILER,
    TRANSFER_ENCODING,
];

/// What is known of the thing that is served: its length, its validators, the fields that describe
/// it.
///
/// Without validators there is nothing that a condition could hold against, and without a word on
/// caching there is none in the answer. Ranges are offered unless they are switched off.
///
/// # Examples
///
/// ```
/// use http::HeaderValue;
/// use letterhead::answer::{EntityTag, Facts};
///
/// let facts = Facts::new(12_000)
///     .tag(EntityTag::of_digest(&[0x8d, 0x9e]))
///     .content_type(HeaderValue::from_static("image/png"))
///     .cache_control(HeaderValue::from_static("max-age=3600"));
/// # let _ = facts;
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact, and goes with each other")]
pub struct Facts {
    pub(crate) length: u64,
    pub(crate) tag: Option<EntityTag>,
    pub(crate) last_modified: Option<SystemTime>,
    /// When it was put where it is, if that is known and may be later.
    pub(crate) placed: Option<SystemTime>,
    /// Whether another version may have had the very same date.
    pub(crate) is_date_shared: bool,
    pub(crate) settled: bool,
    /// Whether a condition may hold against the tag.
    pub(crate) comparable: bool,
    pub(crate) ranges: Ranges,
    pub(crate) coding: Coding,
    /// There are other codings of it.
    varies: bool,
    queries: Queries,
    pub(crate) seed: u64,
    /// Every field about it but those that the answer makes itself.
    pub(crate) fields: HeaderMap,
}

/// What is done with a `Range`, and what `Accept-Ranges` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// It is answered; `bytes`.
    Offered,
    /// It is ignored; `none`.
    Refused,
    /// It is ignored, and there is no such field: the next answer may be another.
    #[allow(dead_code, reason = "only files are like that")]
    Unsaid,
}

/// What is done with a `QUERY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queries {
    /// It is a 405.
    Refused,
    /// It is answered as a `GET` of its result.
    Taken,
}

impl Facts {
    /// Something of this many bytes, of which nothing else is known.
    #[must_use]
    pub fn new(length: u64) -> Self {
        Self {
            length,
            tag: None,
            last_modified: None,
            placed: None,
            is_date_shared: false,
            settled: true,
            comparable: true,
            ranges: Ranges::Offered,
            coding: Coding::Identity,
            varies: false,
            queries: Queries::Refused,
            seed: 0,
            // With what the answer adds there are mostly fewer than a dozen.
            fields: HeaderMap::with_capacity(12),
        }
    }

    /// The name of this version. In a coding the tag that goes out is the
    /// [coded](EntityTag::coded) one.
    #[must_use]
    pub fn tag(mut self, tag: EntityTag) -> Self {
        self.tag = Some(tag);
        self
    }

    /// When it was changed last. Only whole seconds are sent, none before 1970, and never one that
    /// is later than the answer (RFC 9110, section 8.8.2.1).
    #[must_use]
    pub fn last_modified(mut self, time: SystemTime) -> Self {
        self.last_modified = Some(time);
        self
    }

    /// Before `time` another version may have been served under this name, however old the date of this one is. A
    /// date of `If-Modified-Since` from before then holds only if it is the very `Last-Modified`, and not even
    /// that one if it is shared.
    #[allow(dead_code, reason = "only files are known so well")]
    pub(crate) fn placed(mut self, time: SystemTime, is_date_shared: bool) -> Self {
        (self.placed, self.is_date_shared) = (Some(time), is_date_shared);
        self
    }

    /// It may be changing while it is read, with no validator that would tell.
    ///
    /// Its tag goes out weak, and no `If-Range` holds.
    #[must_use]
    pub fn unsettled(mut self) -> Self {
        self.settled = false;
        self
    }

    /// Answers `Range` with the whole, and says so: `Accept-Ranges: none`.
    #[must_use]
    pub fn without_ranges(mut self) -> Self {
        self.ranges = Ranges::Refused;
        self
    }

    /// What it is. A part of several has it too.
    #[must_use]
    pub fn content_type(self, value: HeaderValue) -> Self {
        self.field(CONTENT_TYPE, value)
    }

    /// The coding that the bytes are in; it is one of several that the client may choose from.
    ///
    /// So the answer has `Vary: accept-encoding`, also if the coding is [`Coding::Identity`], and
    /// in the others a `Content-Encoding` and a tag of its own.
    #[must_use]
    pub fn coding(mut self, coding: Coding) -> Self {
        (self.coding, self.varies) = (coding, true);
        self.fields.remove(CONTENT_ENCODING);
        if coding != Coding::Identity {
            let token = HeaderValue::from_static(coding.token());
            let _ = self.fields.try_insert(CONTENT_ENCODING, token);
        }
        vary_by_encoding(&mut self.fields);
        self
    }

    /// How it may be cached.
    #[must_use]
    pub fn cache_control(self, value: HeaderValue) -> Self {
        self.field(CACHE_CONTROL, value)
    }

    /// When it is stale.
    #[must_use]
    pub fn expires(self, value: HeaderValue) -> Self {
        self.field(EXPIRES, value)
    }

    /// Where exactly this representation is.
    #[must_use]
    pub fn content_location(self, value: HeaderValue) -> Self {
        self.field(CONTENT_LOCATION, value)
    }

    /// `QUERY` is answered as `GET` is (RFC 10008), and `Allow` lists it. Without this it is a 405.
    ///
    /// The facts, and the bytes that are sent, are those of the result of the query: which content types
    /// there are, what the content means and whether it is in order (415, 422) is known before.
    /// A `QUERY` without a `Content-Type` is a 400 here. `media_types` is what `Accept-Query` says (section 3), a
    /// list of structured fields; every answer but a 404 and a 406 has it.
    ///
    /// A `Location` among the fields names what a `GET` gets the same from (section 2.4): a 304 to a `QUERY`
    /// keeps it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::SystemTime;
    ///
    /// use bytes::Bytes;
    /// use http::{HeaderValue, Request, Response};
    /// use letterhead::answer::{Asked, Content, EntityTag, Facts, respond};
    ///
    /// fn handler(request: &Request<&str>) -> Response<Content> {
    ///     // What the content of the request selects.
    ///     let found = if request.body().contains("match=s") { "Smith\n" } else { "" };
    ///     let facts = Facts::new(0)
    ///         .tag(EntityTag::of_digest(found.as_bytes()))
    ///         .accept_query(HeaderValue::from_static("application/x-www-form-urlencoded"));
    ///     respond(&Asked::of(request), &facts, Bytes::from(found), SystemTime::now())
    /// }
    ///
    /// let query = || {
    ///     let request = Request::builder().method("QUERY").uri("/contacts");
    ///     request.header("content-type", "application/x-www-form-urlencoded")
    /// };
    /// let response = handler(&query().body("match=s").unwrap());
    /// assert_eq!(response.status(), 200);
    /// let tag = &response.headers()["etag"];
    ///
    /// // The same query again, with the same result; and another one, with another.
    /// let again = query().header("if-none-match", tag);
    /// assert_eq!(handler(&again.body("match=s").unwrap()).status(), 304);
    /// let other = query().header("if-none-match", tag);
    /// assert_eq!(handler(&other.body("match=x").unwrap()).status(), 200);
    ///
    /// // Content of which nothing says what it is.
    /// let untyped = Request::builder().method("QUERY").body("match=s").unwrap();
    /// assert_eq!(handler(&untyped).status(), 400);
    /// ```
    #[must_use]
    pub fn accept_query(mut self, media_types: HeaderValue) -> Self {
        self.queries = Queries::Taken;
        self.field(ACCEPT_QUERY, media_types)
    }

    /// A request field that it was selected by; each call adds one.
    #[must_use]
    pub fn vary(mut self, name: HeaderName) -> Self {
        vary(&mut self.fields, name);
        self
    }

    /// Any other field that describes it, in place of one of that name.
    ///
    /// A 304 and a 412 keep `Cache-Control`, `Expires`, `Vary` and `Content-Location` alone, and a 206 has no
    /// `Content-Digest`, which is taken for the one of the whole. What
    /// the answer makes itself is not taken from here: `Content-Length`, `Content-Range`,
    /// `Transfer-Encoding`, `Trailer`, `Connection`, `Date`, `ETag`, `Last-Modified`,
    /// `Accept-Ranges` and `Allow`.
    #[must_use]
    pub fn field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !OURS.contains(&name) {
            let _ = self.fields.try_insert(name, value);
            if self.varies {
                vary_by_encoding(&mut self.fields);
            }
        }
        self
    }

    /// Makes the boundary between several parts harder to guess, for content of people who would
    /// try to write one into it. Any number will do that they do not know.
    #[must_use]
    pub fn boundary_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether a `QUERY` is answered.
    pub(crate) fn takes_queries(&self) -> bool {
        self.queries == Queries::Taken
    }

    /// Whether the bytes are in a coding.
    pub(crate) fn is_coded(&self) -> bool {
        self.fields.contains_key(CONTENT_ENCODING)
    }
}

#[cfg(test)]
mod tests {
    use http::header::VARY;

    use super::*;

    fn check(facts: &Facts, expected: Option<&str>) {
        let lines: Vec<_> = facts.fields.get_all(VARY).iter().collect();
        assert_eq!(lines, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn vary_is_one_line_in_whatever_order_it_is_told() {
        let value = HeaderValue::from_static;
        let origin = HeaderName::from_static("origin");
        let facts = || Facts::new(1);
        check(&facts(), None);
        check(&facts().vary(origin.clone()), Some("origin"));
        check(&facts().coding(Coding::Identity), Some("accept-encoding"));
        check(&facts().coding(Coding::Gzip).coding(Coding::Zstd), Some("accept-encoding"));
        check(&facts().vary(origin.clone()).vary(origin.clone()), Some("origin"));
        check(&facts().vary(origin.clone()).coding(Coding::Gzip), Some("origin, accept-encoding"));
        check(&facts().coding(Coding::Gzip).vary(origin.clone()), Some("accept-encoding, origin"));
        let set = facts().coding(Coding::Gzip).field(VARY, value("Origin, Cookie"));
        check(&set, Some("origin, cookie, accept-encoding"));
        check(&facts().field(VARY, value("*")).coding(Coding::Gzip).vary(origin), Some("*"));
    }

    #[test]
    fn a_coding_can_be_taken_back() {
        let facts = Facts::new(1).coding(Coding::Gzip);
        assert!(facts.is_coded());
        assert!(!facts.coding(Coding::Identity).is_coded());
    }
}
