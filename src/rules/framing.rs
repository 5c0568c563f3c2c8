//! What a head says about its content, held against what the content is.

use http::header::{HeaderMap, TRANSFER_ENCODING};
use http::{StatusCode, Version};

use crate::field::length::Declared;
use crate::field::list;

/// What is known about a response when its head is about to be committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The request was `HEAD`.
    pub(crate) head: bool,
    /// The request was `CONNECT` (extended `CONNECT` too).
    pub(crate) connect: bool,
    pub(crate) status: StatusCode,
    pub(crate) declared: Declared,
    /// A `Transfer-Encoding` was written, and lists `chunked` alone.
    pub(crate) coding: Coding,
    /// The body's own exact length, what was held included.
    pub(crate) exact: Option<u64>,
    /// The bytes that are there already.
    pub(crate) seen: u64,
    /// The body is over and had no data.
    pub(crate) empty: bool,
}

/// The `Transfer-Encoding` that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    None,
    /// `chunked` alone, or a line that names nothing: the server says itself what it does.
    Chunked,
    Other,
}

impl Coding {
    pub(crate) fn read(fields: &HeaderMap) -> Self {
        if fields.is_empty() || !fields.contains_key(TRANSFER_ENCODING) {
            Self::None
        } else if list::is_at_most(fields, &TRANSFER_ENCODING, "chunked") {
            Self::Chunked
        } else {
            Self::Other
        }
    }
}

/// Which content follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentPlan {
    /// The body goes out, against this length if one is declared.
    Send(Option<u64>),
    /// No content may follow; the body is dropped.
    Drop,
    /// The connection becomes something else; the body is dropped.
    Upgrade,
}

/// What happens to the `Content-Length` lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    Keep,
    Set(u64),
    Remove,
}

/// Something that was mended in the framing of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mended {
    /// The declared length was not the body's; the body's went out.
    Length {
        /// What `Content-Length` said.
        declared: u64,
        /// How many bytes the body has.
        actual: u64,
    },
    /// The body had more than the declared length before the head was committed; it went out
    /// without a length.
    Exceeded {
        /// What `Content-Length` said.
        declared: u64,
        /// How many bytes were there at the commit.
        seen: u64,
    },
    /// `Content-Length` was repeated or had blanks around its number; it went out once and bare.
    UntidyLength,
    /// `Content-Length: 0` on a body that was not over, nor declared itself empty: taken out,
    /// because a server would not even ask such a body.
    UnprovedZero,
    /// `Content-Length` lines that disagree or are no number were taken out.
    UnusableLength,
    /// A `Content-Length` beside a `Transfer-Encoding` (RFC 9112, section 6.2): one was taken out.
    LengthAndCoding,
    /// A status or method without content came with some; it was dropped.
    ContentDropped,
    /// A length on a status that may not carry one (RFC 9110, section 8.6) was taken out.
    ForbiddenLength,
    /// A 1xx status as the final answer became a 500.
    InformationalStatus(u16),
    /// Blanks around values were taken away: HTTP/2 forbids them (RFC 9113, section 8.2.1), and
    /// clients refuse the whole response.
    PaddedValues,
}

/// What has to be done so that head and content agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) content: ContentPlan,
    pub(crate) length: Length,
    pub(crate) remove_coding: bool,
    /// Mostly nothing, which takes no allocation.
    pub(crate) mended: Vec<Mended>,
}

/// Whether `status` can be no final status on this protocol: every 1xx, but for a 101 on HTTP/1.1.
pub(crate) fn is_unfinal(status: StatusCode, version: Version) -> bool {
    status.is_informational()
        && !(status == StatusCode::SWITCHING_PROTOCOLS && version == Version::HTTP_11)
}

/// Whether this kind of response has content at all (RFC 9110, section 6.4.1).
pub(crate) fn content_is_due(status: StatusCode, head: bool, connect: bool) -> bool {
    !(head
        || connect && status.is_success()
        || status.is_informational()
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
        ))
}

/// Holds the head against the body and says what to mend.
pub(crate) fn judge(facts: &Facts) -> Plan {
    let Facts { status, declared, .. } = *facts;
    if status == StatusCode::SWITCHING_PROTOCOLS || facts.connect && status.is_success() {
        // RFC 9110, sections 8.6 and 9.3.6: neither length nor coding on these.
        return bare(facts, ContentPlan::Upgrade);
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
        return bare(facts, ContentPlan::Drop);
    }
    let dropped = (!facts.empty && !facts.head).then_some(Mended::ContentDropped);
    if status == StatusCode::NOT_MODIFIED {
        // Frameworks say zero of the empty body; the length of a GET is not known from that.
        let zero = facts.empty && declared.bytes() == Some(0);
        let (length, mended) = if zero { (Length::Remove, None) } else { stands(declared) };
        return plan(facts, ContentPlan::Drop, length, [mended, dropped]);
    }
    if facts.head {
        let (length, mended) = match (declared, facts.exact) {
            // A GET would have the coding, and so no length.
            (_, _) if facts.coding == Coding::Other => (Length::Remove, None),
            // The length a GET would have; a bare empty body says nothing about that.
            (Declared::Absent, Some(exact)) if exact > 0 => (Length::Set(exact), None),
            (Declared::Unusable, Some(exact)) if exact > 0 => {
                (Length::Set(exact), Some(Mended::UnusableLength))
            }
            (declared, _) => stands(declared),
        };
        return plan(facts, ContentPlan::Drop, length, [mended, None]);
    }
    due(facts)
}

/// Content follows: its exact size wins, else the declared length is counted against.
fn due(facts: &Facts) -> Plan {
    let both = (facts.declared != Declared::Absent && facts.coding != Coding::None)
        .then_some(Mended::LengthAndCoding);
    if facts.coding == Coding::Other {
        // The bytes are in that coding: its label has to stay, and rules out a length.
        let length = if both.is_some() { Length::Remove } else { Length::Keep };
        return Plan {
            content: ContentPlan::Send(None),
            length,
            remove_coding: false,
            mended: both.into_iter().collect(),
        };
    }
    let (length, expected, mended) = match (facts.declared, facts.exact) {
        (Declared::Absent, exact) => (Length::Keep, exact, None),
        (Declared::Once(declared), Some(exact)) if declared == exact => {
            (Length::Keep, Some(exact), None)
        }
        (Declared::Untidy(declared), Some(exact)) if declared == exact => {
            (Length::Set(exact), Some(exact), Some(Mended::UntidyLength))
        }
        (Declared::Once(declared) | Declared::Untidy(declared), Some(actual)) => {
            (Length::Set(actual), Some(actual), Some(Mended::Length { declared, actual }))
        }
        (Declared::Unusable, Some(exact)) => {
            (Length::Set(exact), Some(exact), Some(Mended::UnusableLength))
        }
        // RFC 9112, section 6.3: the coding overrides the length.
        (_, None) if both.is_some() => (Length::Remove, None, None),
        (Declared::Once(declared) | Declared::Untidy(declared), None) if facts.seen > declared => {
            let seen = facts.seen;
            (Length::Remove, None, Some(Mended::Exceeded { declared, seen }))
        }
        (Declared::Once(0) | Declared::Untidy(0), None) => {
            (Length::Remove, None, Some(Mended::UnprovedZero))
        }
        (Declared::Once(declared), None) => (Length::Keep, Some(declared), None),
        (Declared::Untidy(declared), None) => {
            (Length::Set(declared), Some(declared), Some(Mended::UntidyLength))
        }
        (Declared::Unusable, None) => (Length::Remove, None, Some(Mended::UnusableLength)),
    };
    plan(facts, ContentPlan::Send(expected), length, [mended, both])
}

/// A response that carries neither content nor any word about it.
fn bare(facts: &Facts, content: ContentPlan) -> Plan {
    let given = facts.declared != Declared::Absent;
    // Frameworks say zero without being asked, and nobody meant anything by it.
    let zero = facts.declared.bytes() == Some(0);
    let forbidden = (given && !zero).then_some(Mended::ForbiddenLength);
    let dropped = (!facts.empty && !facts.head && content == ContentPlan::Drop)
        .then_some(Mended::ContentDropped);
    let length = if given { Length::Remove } else { Length::Keep };
    plan(facts, content, length, [forbidden, dropped])
}

/// A length that describes content which does not follow: it stands if it says one thing.
fn stands(declared: Declared) -> (Length, Option<Mended>) {
    match declared {
        Declared::Absent | Declared::Once(_) => (Length::Keep, None),
        Declared::Untidy(bytes) => (Length::Set(bytes), Some(Mended::UntidyLength)),
        Declared::Unusable => (Length::Remove, Some(Mended::UnusableLength)),
    }
}

fn plan(facts: &Facts, content: ContentPlan, length: Length, mended: [Option<Mended>; 2]) -> Plan {
    // Framing is the server's: it says `chunked` itself where the protocol has it.
    Plan {
        content,
        length,
        remove_coding: facts.coding != Coding::None,
        mended: mended.into_iter().flatten().collect(),
    }
}

impl std::fmt::Display for Mended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { declared, actual } => {
                write!(f, "content-length says {declared}, body has {actual}: sent {actual}")
            }
            Self::Exceeded { declared, seen } => {
                write!(f, "content-length says {declared}, body has {seen} and more: removed")
            }
            Self::UntidyLength => f.write_str("content-length repeated or blank-padded: sent once"),
            Self::UnprovedZero => {
                f.write_str("content-length says 0, the body is not over: removed")
            }
            Self::UnusableLength => f.write_str("content-length lines say no one number: removed"),
            Self::LengthAndCoding => {
                f.write_str("content-length beside transfer-encoding: one removed")
            }
            Self::ContentDropped => f.write_str("content on a status without any: dropped"),
            Self::ForbiddenLength => {
                f.write_str("content-length on a status that may not carry it: removed")
            }
            Self::InformationalStatus(status) => {
                write!(f, "{status} as the final status: sent 500")
            }
            Self::PaddedValues => f.write_str("blanks around values: taken away"),
        }
    }
}
