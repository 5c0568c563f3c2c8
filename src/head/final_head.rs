//! A head as it is about to be committed, for those who may still refuse it.

use std::cell::OnceCell;
use std::fmt;

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode, Uri, Version};

use super::explain::Stories;
use crate::ledger::{Entry, Ledger, Writer};

/// A head as it is about to be committed: after handlers, layers, late writes, hooks, [rules](crate::Rules) and
/// header policy. Only the framing (`Content-Length`, `Transfer-Encoding`, `Trailer`) may still be mended, and the
/// server adds what it always adds (`Date`, `Connection`).
///
/// [`fields`](Self::fields) has every value as it is, secrets included. Printed, it has names alone.
pub struct FinalHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) fields: &'a HeaderMap,
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    pub(crate) uri: &'a Uri,
    pub(crate) host: Option<&'a str>,
    pub(crate) is_secure: bool,
    pub(crate) route: Option<&'a str>,
    /// What was written, if somebody watches.
    pub(crate) ledger: Option<&'a Ledger>,
    pub(crate) stories: OnceCell<Stories<'a>>,
}

impl<'a> FinalHead<'a> {
    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The fields of the response.
    #[must_use]
    pub const fn fields(&self) -> &'a HeaderMap {
        self.fields
    }

    /// The request's method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// The request's protocol version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The path of the request's target, without its query, as the client sent it: percent-encoded, and not normalised.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.uri.path()
    }

    /// `https` where the bytes came through TLS ([`Peer`](crate::report::Peer)) or the target says so, else `http`.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }

    /// The authority that the client asked for, with its port if it named one; `None` if it named none, or one
    /// that is not visible ASCII.
    #[must_use]
    pub const fn host(&self) -> Option<&'a str> {
        self.host
    }

    /// The route that the request took, as axum writes it (`/users/{id}`), where a layer of this crate stood inside
    /// the router.
    #[must_use]
    pub const fn route(&self) -> Option<&'a str> {
        self.route
    }

    /// Whether the layer watches this response, so that [`writers`](Self::writers) are known: it has rules, a reporter or
    /// a debug field, and the request is sampled.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        self.ledger.is_some()
    }

    /// Every write to the head, in the order in which they took effect; none if nobody watches.
    #[must_use]
    pub fn writes(&self) -> &'a [Entry] {
        self.ledger.map_or(&[], Ledger::entries)
    }

    /// Who wrote a field of this head, the last one first; none if nobody watches, and for a field that is not there.
    #[must_use]
    pub fn writers(&self, field: &HeaderName) -> Vec<&'a Writer> {
        match self.ledger {
            Some(ledger) if self.fields.contains_key(field) => {
                self.stories.get_or_init(|| Stories::of(ledger)).writers(field)
            }
            Some(_) | None => Vec::new(),
        }
    }
}

impl fmt::Debug for FinalHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FinalHead")
            .field("status", &self.status)
            .field("fields", &Names(self.fields))
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

/// The names of fields, without their values.
struct Names<'a>(&'a HeaderMap);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
