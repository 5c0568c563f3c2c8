//! The rules by name, and what may be done about a conflict.

use std::fmt;

/// A kind of conflict between those who write to one head.
///
/// Each has an [`Action`], [`Report`](Action::Report) unless something else is said with
/// [`Rules::on`](crate::Rules::on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A field with one value was written again, with another one, by somebody else.
    Overwritten,
    /// A field with one value goes out with several lines (RFC 9110, section 5.3).
    Duplicated,
    /// A list was replaced where it should have been extended: members of it are lost. For
    /// `Set-Cookie` a cookie is.
    ListReplaced,
    /// A list names a member twice, or two cookies have one name, domain and path.
    MemberRepeated,
    /// The status was changed by somebody else.
    StatusChanged,
    /// A field was taken away by somebody else.
    Removed,
    /// A layer answered with a head of its own, and what was written inside is lost.
    HeadReplaced,
    /// A write came when the head was gone.
    LateWrite,
    /// Head and content did not agree.
    Framing,
    /// A strong `ETag` stands beside a `Content-Encoding` that was applied later: two
    /// representations have one tag (RFC 9110, section 8.8.3).
    StrongTag,
    /// A field that is required is not there.
    Missing,
    /// A field that is forbidden is there.
    Forbidden,
    /// Fields contradict each other: `no-store` beside a lifetime, `Set-Cookie` on a response that
    /// caches may share, `Access-Control-Allow-Origin: *` with credentials.
    Contradiction,
    /// A digest was made before the content was coded, and is not that of the bytes that are sent
    /// (RFC 9530, sections 2 and 3).
    StaleDigest,
    /// A content coding was applied to a part of a representation, so that the part's place is no
    /// longer true (RFC 9110, section 14.1.2).
    CodedRange,
    /// A content coding was applied although `Cache-Control` said `no-transform` (RFC 9111, section
    /// 5.2.2.6).
    NoTransform,
    /// Shared caches may keep the answer to a failure of the server: a status of 500 to 599 with
    /// `public` or a lifetime (RFC 9111, section 3).
    CachedError,
    /// A layer answered with an error, and what was written through [`Head`](crate::Head) for the
    /// response that the handler had in mind did not land; see [`Fate::Superseded`](crate::Fate).
    Superseded,
    /// Writes for two copies of one request met on one response: of two attempts, or of a page and
    /// its sub-request. Where the layer that copies it is [`named`](crate::named()) they do not meet.
    OtherAttempt,
    /// A layer outside of the one that [signs](crate::guide::signatures) changed what the signature covers (RFC 9421).
    BrokenSignature,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 20] = [
        Self::Overwritten,
        Self::Duplicated,
        Self::ListReplaced,
        Self::MemberRepeated,
        Self::StatusChanged,
        Self::Removed,
        Self::HeadReplaced,
        Self::LateWrite,
        Self::Framing,
        Self::StrongTag,
        Self::Missing,
        Self::Forbidden,
        Self::Contradiction,
        Self::StaleDigest,
        Self::CodedRange,
        Self::NoTransform,
        Self::CachedError,
        Self::Superseded,
        Self::OtherAttempt,
        Self::BrokenSignature,
    ];

    /// The rule's name: lower case, for labels and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overwritten => "overwritten",
            Self::Duplicated => "duplicated",
            Self::ListReplaced => "list-replaced",
            Self::MemberRepeated => "member-repeated",
            Self::StatusChanged => "status-changed",
            Self::Removed => "removed",
            Self::HeadReplaced => "head-replaced",
            Self::LateWrite => "late-write",
            Self::Framing => "framing",
            Self::StrongTag => "strong-tag",
            Self::Missing => "missing",
            Self::Forbidden => "forbidden",
            Self::Contradiction => "contradiction",
            Self::StaleDigest => "stale-digest",
            Self::CodedRange => "coded-range",
            Self::NoTransform => "no-transform",
            Self::CachedError => "cached-error",
            Self::Superseded => "superseded",
            Self::OtherAttempt => "other-attempt",
            Self::BrokenSignature => "broken-signature",
        }
    }

    /// Whether it is found when the head is gone.
    pub(crate) const fn is_found_late(self) -> bool {
        matches!(self, Self::LateWrite | Self::Framing | Self::BrokenSignature)
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done about a conflict. Where an action has no meaning for a rule, the conflict is
/// reported; the table in [the guide](crate::guide::rules) says which has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Nothing, and nothing is reported.
    Allow,
    /// It is reported; the head goes out as it is.
    #[default]
    Report,
    /// What stood there first is put back, and it is reported.
    KeepFirst,
    /// What was written last stands alone, and it is reported.
    KeepLast,
    /// Both are joined, and it is reported.
    Merge,
    /// The response becomes a 500, and it is reported.
    Reject,
}

impl Action {
    /// The action's name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Report => "report",
            Self::KeepFirst => "keep-first",
            Self::KeepLast => "keep-last",
            Self::Merge => "merge",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_at_its_place() {
        for (place, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule.index(), place, "{rule}");
        }
    }
}
