//! What a request asks: its method, its conditions, its ranges, the codings that it takes.

use http::header::{
    ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE,
    IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{Method, Request};

use crate::field::coding::{Accepted, Coding};
use crate::field::digest::DigestAlgorithm;
use crate::field::range::Ranges;

/// RFC 9530, section 4.
const WANT_CONTENT_DIGEST: HeaderName = HeaderName::from_static("want-content-digest");
const WANT_REPR_DIGEST: HeaderName = HeaderName::from_static("want-repr-digest");

/// The fields of a request that an answer depends on.
const HEEDED: [HeaderName; 9] = [
    IF_MATCH,
    IF_UNMODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_MODIFIED_SINCE,
    IF_RANGE,
    RANGE,
    ACCEPT_ENCODING,
    WANT_CONTENT_DIGEST,
    WANT_REPR_DIGEST,
];

/// What a request asks, as far as the answer depends on it.
///
/// It owns what it needs, so the request may go elsewhere.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, Method};
/// use letterhead::answer::{Asked, Coding};
///
/// let mut fields = HeaderMap::new();
/// fields.insert("accept-encoding", "br;q=0.5, gzip".parse().unwrap());
/// let asked = Asked::new(&Method::GET, &fields);
/// // The most welcome first, and those that are not accepted left out.
/// assert_eq!(asked.ranked(&Coding::ALL), [Coding::Gzip, Coding::Brotli, Coding::Identity]);
/// ```
#[derive(Clone, Debug)]
pub struct Asked {
    purpose: Purpose,
    /// The heeded ones alone; mostly there is none, and nothing is allocated.
    fields: HeaderMap,
}

/// What a method is for, here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Get,
    Head,
    Options,
    /// As `Get`, of the result of a query, where queries are taken (RFC 10008).
    Query {
        /// The request says which media type its content has.
        is_typed: bool,
    },
    /// What nothing is done for.
    Other,
}

impl Asked {
    /// What `request` asks.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        Self::new(request.method(), request.headers())
    }

    /// What a request with this method and these fields asks.
    #[must_use]
    pub fn new(method: &Method, fields: &HeaderMap) -> Self {
        let purpose = match *method {
            Method::GET => Purpose::Get,
            Method::HEAD => Purpose::Head,
            Method::OPTIONS => Purpose::Options,
            // Older versions of `http` have no constant for it.
            ref other if other.as_str() == "QUERY" => {
                Purpose::Query { is_typed: has_media_type(fields) }
            }
            _ => Purpose::Other,
        };
        let mut heeded = HeaderMap::new();
        for (name, value) in fields.iter().filter(|(name, _)| HEEDED.contains(name)) {
            // No more than the request had.
            let _ = heeded.try_append(name.clone(), value.clone());
        }
        Self { purpose, fields: heeded }
    }

    /// Those of `offered` that the client takes, the most welcome first; of equals the one that
    /// comes first in `offered`.
    ///
    /// It is empty if the client forbids them all: that is a 406, see
    /// [`Answer::not_acceptable`](super::Answer::not_acceptable). Without an `Accept-Encoding`
    /// [`Coding::Identity`] is the most welcome.
    #[must_use]
    pub fn ranked(&self, offered: &[Coding]) -> Vec<Coding> {
        let accepted = self.accepted();
        let mut ranked: Vec<_> =
            offered.iter().copied().filter(|coding| accepted.rank(*coding) > 0).collect();
        ranked.sort_by_key(|coding| std::cmp::Reverse(accepted.rank(*coding)));
        ranked
    }

    /// In which algorithm the client wants a `Content-Digest`, of the bytes that are sent, if in any
    /// (RFC 9530, section 4). [`answer()`](super::answer()) does not make it: it has no bytes.
    #[must_use]
    pub fn content_digest(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::wanted(self.lines(&WANT_CONTENT_DIGEST))
    }

    /// As [`content_digest`](Self::content_digest), for a `Repr-Digest`, of the whole of what a part may be sent of.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::Request;
    /// use letterhead::answer::{Asked, DigestAlgorithm};
    ///
    /// let wanted = "sha-512=3, sha-256=10";
    /// let request = Request::get("/").header("want-repr-digest", wanted).body(()).unwrap();
    /// assert_eq!(Asked::of(&request).repr_digest(), Some(DigestAlgorithm::Sha256));
    /// ```
    #[must_use]
    pub fn repr_digest(&self) -> Option<DigestAlgorithm> {
        DigestAlgorithm::wanted(self.lines(&WANT_REPR_DIGEST))
    }

    pub(crate) fn accepted(&self) -> Accepted {
        Accepted::read(self.lines(&ACCEPT_ENCODING))
    }

    pub(crate) fn ranges(&self) -> Ranges {
        Ranges::read(self.lines(&RANGE))
    }

    /// Whether the answer does not depend on what there is, where no queries are taken: to
    /// `OPTIONS`, and a 405.
    pub(crate) const fn wants_nothing(&self) -> bool {
        match self.purpose {
            Purpose::Options | Purpose::Query { .. } | Purpose::Other => true,
            Purpose::Get | Purpose::Head => false,
        }
    }

    /// Whether this is a `QUERY` that says which media type its content has.
    pub(crate) const fn is_typed_query(&self) -> bool {
        matches!(self.purpose, Purpose::Query { is_typed: true })
    }

    /// Whether it is a `GET` of the whole, whatever there is: no condition, no range.
    pub(crate) fn wants_whole(&self) -> bool {
        matches!(self.purpose, Purpose::Get)
            && self.fields.keys().all(|name| *name == ACCEPT_ENCODING)
    }

    /// Whether this is a `HEAD`.
    pub(crate) const fn is_head(&self) -> bool {
        matches!(self.purpose, Purpose::Head)
    }

    pub(crate) const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &HeaderName) -> bool {
        !self.fields.is_empty() && self.fields.contains_key(name)
    }

    /// Every line of a field.
    pub(crate) fn lines(&self, name: &HeaderName) -> impl Iterator<Item = &HeaderValue> {
        self.fields.get_all(name).iter()
    }

    /// The line of a field that has one.
    pub(crate) fn only(&self, name: &HeaderName) -> Option<&HeaderValue> {
        let mut lines = self.lines(name);
        lines.next().filter(|_| lines.next().is_none())
    }
}

/// Whether there is one media type (RFC 9110, section 8.3.1). Its parameters are not looked at.
fn has_media_type(fields: &HeaderMap) -> bool {
    let mut lines = fields.get_all(CONTENT_TYPE).iter();
    let Some(line) = lines.next().filter(|_| lines.next().is_none()) else { return false };
    let essence = line.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let essence = essence.trim_ascii();
    let mut parts = essence.split(|byte| *byte == b'/');
    let is_token = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(|byte| is_token_byte(*byte)))
    };
    is_token(parts.next()) && is_token(parts.next()) && parts.next().is_none()
}

/// RFC 9110, section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
