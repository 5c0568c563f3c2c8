//! The answer that every write to a head gets.

use std::fmt;

/// Where a write went.
///
/// Every write answers with one of these, so that none is lost without a word.
///
/// # Examples
///
/// ```
/// use letterhead::{Placed, Refusal};
///
/// let placed = Placed::Refused(Refusal::NotDeclared);
/// assert!(!placed.is_placed());
/// assert_eq!(placed.to_string(), "refused: the name was not promised before the commit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a write may be refused; look at the answer, or say `let _ =`"]
#[non_exhaustive]
pub enum Placed {
    /// The write goes to the head (for a removal: the field leaves it), as far as the response that
    /// goes out is the one that the write was made for.
    ///
    /// A write that was made before the inner service answered is about the response that its author
    /// had in mind. It does not land if that response is not sent, because the attempt was retried or
    /// a layer answered by itself; and on an error that somebody else made only policy, restrictions
    /// of caches and what helps an error land. The [receipt](crate::Receipt::writes) has the
    /// [fate](crate::Fate) of each write. [`Head::even_on_error`](crate::Head::even_on_error) insists.
    Head,
    /// The head is gone; the write will be in the trailers (RFC 9110, section 6.5).
    Trailers,
    /// The write changes nothing on the wire.
    Refused(Refusal),
}

impl Placed {
    /// Whether the write reaches the client, in the head or in the trailers.
    #[must_use]
    pub const fn is_placed(self) -> bool {
        matches!(self, Self::Head | Self::Trailers)
    }

    /// The reason, if the write was refused.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Head | Self::Trailers => None,
        }
    }
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("placed in the head"),
            Self::Trailers => f.write_str("placed in the trailers"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
        }
    }
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The client did not say `TE: trailers` (RFC 9110, section 10.1.4), so an HTTP/1.1 server
    /// may not send any.
    NoTe,
    /// The field was not promised before the commit; call [`Head::promise`](crate::Head::promise).
    NotDeclared,
    /// The head carries a `Content-Length`, so there is no room for trailers behind the content.
    HasLength,
    /// HTTP/1.0 and HTTP/0.9 have no trailers.
    Http10,
    /// This response has no content, so nothing comes behind it: an answer to `HEAD` or
    /// `CONNECT`, or a status such as 204 or 304.
    NoBody,
    /// The field may not be sent as a trailer (RFC 9110, section 6.5.1).
    ForbiddenName,
    /// The body has ended, or the exchange is over.
    BodyOver,
    /// The head is gone, and this kind of write cannot become a trailer.
    HeadSealed,
    /// The head is being committed: only hooks may write now, through the
    /// [`HeadDraft`](crate::HeadDraft) they are given.
    Committing,
    /// The name is not a field name (RFC 9110, section 5.1).
    InvalidName,
    /// The value is not a field value (RFC 9110, section 5.5).
    InvalidValue,
    /// The status is not one that a response may end with.
    InvalidStatus,
    /// More writes were made than one head is given room for.
    TooMany,
    /// The handle came with a copy of a request that is still there: the write is for a sub-request,
    /// or one of several attempts, and not for the response that is sent. Give the layer that copies
    /// the request a name with [`named`](crate::named()), and the write lands on the response of its copy.
    CopiedRequest,
    /// The field says which bytes follow, and there is no response yet: layers further out may
    /// still code or cut them. Set it on the response, where they see it.
    SetOnResponse,
}

impl Refusal {
    /// The reason as part of a sentence.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoTe => "the request has no `TE: trailers`",
            Self::NotDeclared => "the name was not promised before the commit",
            Self::HasLength => "the head has a content-length",
            Self::Http10 => "HTTP/1.0 has no trailers",
            Self::NoBody => "the response has no content",
            Self::ForbiddenName => "the name is not allowed in trailers",
            Self::BodyOver => "the body is over",
            Self::HeadSealed => "the head is sealed",
            Self::Committing => "only a hook's draft may write while the head is committed",
            Self::InvalidName => "not a field name",
            Self::InvalidValue => "not a field value",
            Self::InvalidStatus => "not a final status",
            Self::TooMany => "too many writes to one head",
            Self::CopiedRequest => "the request is a copy, and the original is still there",
            Self::SetOnResponse => "the field describes the bytes: set it on the response",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Refusal {}
