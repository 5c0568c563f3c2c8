//! What a head says about its content, held against what the content is.

use http::{StatusCode, Version};

use crate::field::length::Declared;

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
    Chunked,
    Other,
}

/// Which content follows the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
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
    /// Several `Content-Length` lines said the same; one went out.
    RepeatedLength,
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
}

/// What has to be done so that head and content agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) content: Content,
    pub(crate) length: Length,
    pub(crate) remove_coding: bool,
    pub(crate) mended: [Option<Mended>; 2],
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
        return bare(facts, Content::Upgrade);
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
        return bare(facts, Content::Drop);
    }
    let dropped = (!facts.empty && !facts.head).then_some(Mended::ContentDropped);
    if status == StatusCode::NOT_MODIFIED {
        let (length, mended) = stands(declared);
        return plan(facts, Content::Drop, length, [mended, dropped]);
    }
    if facts.head {
        let (length, mended) = match (declared, facts.exact) {
            // The length a GET would have; a bare empty body says nothing about that.
            (Declared::Absent, Some(exact)) if exact > 0 => (Length::Set(exact), None),
            (Declared::Unusable, Some(exact)) if exact > 0 => {
                (Length::Set(exact), Some(Mended::UnusableLength))
            }
            (declared, _) => stands(declared),
        };
        return plan(facts, Content::Drop, length, [mended, None]);
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
            content: Content::Send(None),
            length,
            remove_coding: false,
            mended: [both, None],
        };
    }
    let (length, expected, mended) = match (facts.declared, facts.exact) {
        (Declared::Absent, exact) => (Length::Keep, exact, None),
        (Declared::Once(declared), Some(exact)) if declared == exact => {
            (Length::Keep, Some(exact), None)
        }
        (Declared::Repeated(declared), Some(exact)) if declared == exact => {
            (Length::Set(exact), Some(exact), Some(Mended::RepeatedLength))
        }
        (Declared::Once(declared) | Declared::Repeated(declared), Some(actual)) => {
            (Length::Set(actual), Some(actual), Some(Mended::Length { declared, actual }))
        }
        (Declared::Unusable, Some(exact)) => {
            (Length::Set(exact), Some(exact), Some(Mended::UnusableLength))
        }
        // RFC 9112, section 6.3: the coding overrides the length.
        (_, None) if both.is_some() => (Length::Remove, None, None),
        (Declared::Once(declared) | Declared::Repeated(declared), None)
            if facts.seen > declared =>
        {
            let seen = facts.seen;
            (Length::Remove, None, Some(Mended::Exceeded { declared, seen }))
        }
        (Declared::Once(declared), None) => (Length::Keep, Some(declared), None),
        (Declared::Repeated(declared), None) => {
            (Length::Set(declared), Some(declared), Some(Mended::RepeatedLength))
        }
        (Declared::Unusable, None) => (Length::Remove, None, Some(Mended::UnusableLength)),
    };
    plan(facts, Content::Send(expected), length, [mended, both])
}

/// A response that carries neither content nor any word about it.
fn bare(facts: &Facts, content: Content) -> Plan {
    let given = facts.declared != Declared::Absent;
    // A 205 may say that its length is zero (RFC 9110, section 15.3.6).
    let zero = facts.status == StatusCode::RESET_CONTENT && facts.declared.bytes() == Some(0);
    let forbidden = (given && !zero).then_some(Mended::ForbiddenLength);
    let dropped =
        (!facts.empty && !facts.head && content == Content::Drop).then_some(Mended::ContentDropped);
    let length = if given { Length::Remove } else { Length::Keep };
    plan(facts, content, length, [forbidden, dropped])
}

/// A length that describes content which does not follow: it stands if it says one thing.
fn stands(declared: Declared) -> (Length, Option<Mended>) {
    match declared {
        Declared::Absent | Declared::Once(_) => (Length::Keep, None),
        Declared::Repeated(bytes) => (Length::Set(bytes), Some(Mended::RepeatedLength)),
        Declared::Unusable => (Length::Remove, Some(Mended::UnusableLength)),
    }
}

fn plan(facts: &Facts, content: Content, length: Length, mended: [Option<Mended>; 2]) -> Plan {
    // Framing is the server's: it says `chunked` itself where the protocol has it.
    Plan { content, length, remove_coding: facts.coding != Coding::None, mended }
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
            Self::RepeatedLength => f.write_str("content-length repeated: sent once"),
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
        }
    }
}
