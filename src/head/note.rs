//! What the author of a response should know.

use std::fmt;

use http::header::HeaderName;

use super::deny::Denial;
use crate::rules::framing::Mended;

/// Something about a response that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The framing was mended.
    Mended(Mended),
    /// The body sent trailers that no client may be given; these names were left out.
    TrailersDropped(Vec<HeaderName>),
    /// [`merge_trailers`](crate::LetterheadLayer::merge_trailers) named these trailers, and their
    /// definition does not allow it (RFC 9110, section 6.5.1): they were not merged into the head.
    TrailersNotMerged(Vec<HeaderName>),
    /// A second layer was found inside; it does nothing but hand on its policy, deny rules and signers. Said once for each outer layer.
    NestedLayer,
    /// This failed, too, while the first [failure](crate::Receipt::failure) was being answered; or it
    /// failed inside a [`RecoverLayer`](crate::RecoverLayer), and the response that went out is
    /// another one and a success.
    AlsoFailed(String),
    /// The body had handed over every byte that its `Content-Length` declares, and did not say
    /// whether it was over until the hold's deadline. It was taken to be.
    EndUnseen,
    /// A [`named`](crate::named()) layer stands where it does not see what it is meant to; which one, why, and where it belongs. Each
    /// is said once for each outermost layer. [The guide](crate::guide::mounting#the-order-of-tower-https-layers) has the order of tower-http's layers.
    Misordered(String),
    /// There is no tokio timer here, so nothing is held. Said once for each layer.
    NoTimer,
    /// [`Recover::recover`](crate::Recover::recover) panicked; a plain 500 was sent.
    RecoverPanicked,
    /// A [deny rule](crate::deny::Deny) refused the head, and why.
    Denied(Denial),
    /// A deny rule that [fails open](crate::deny::Deny::fails_open) could not decide, and why not.
    DenyFailed(String),
    /// The response should have been signed, and why it was not.
    Unsigned(String),
}

impl Note {
    /// The kind of note in one lower-case word, for labels; printed, a note says more.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Mended(_) => "mended",
            Self::TrailersDropped(_) => "trailers-dropped",
            Self::TrailersNotMerged(_) => "trailers-not-merged",
            Self::NestedLayer => "nested-layer",
            Self::AlsoFailed(_) => "also-failed",
            Self::EndUnseen => "end-unseen",
            Self::Misordered(_) => "misordered",
            Self::NoTimer => "no-timer",
            Self::RecoverPanicked => "recover-panicked",
            Self::Denied(_) => "denied",
            Self::DenyFailed(_) => "deny-failed",
            Self::Unsigned(_) => "unsigned",
        }
    }

    /// What was mended in the framing, if this is about that.
    #[must_use]
    pub const fn mended(&self) -> Option<&Mended> {
        match self {
            Self::Mended(mended) => Some(mended),
            Self::TrailersDropped(_)
            | Self::TrailersNotMerged(_)
            | Self::NestedLayer
            | Self::AlsoFailed(_)
            | Self::EndUnseen
            | Self::Misordered(_)
            | Self::NoTimer
            | Self::RecoverPanicked
            | Self::Denied(_)
            | Self::DenyFailed(_)
            | Self::Unsigned(_) => None,
        }
    }

    /// Why the head was denied, if this is about that.
    #[must_use]
    pub const fn denied(&self) -> Option<&Denial> {
        if let Self::Denied(denial) = self { Some(denial) } else { None }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mended(mended) => mended.fmt(f),
            Self::TrailersDropped(names) => {
                f.write_str("trailers dropped:")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::TrailersNotMerged(names) => {
                f.write_str("trailers not merged, their definition does not allow it:")?;
                names.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::NestedLayer => f.write_str(
                "a second letterhead layer inside does nothing but hand on its policy, deny rules and signers",
            ),
            Self::AlsoFailed(text) => write!(f, "also failed: {text}"),
            Self::EndUnseen => {
                f.write_str("content-length reached, end of the body not seen: taken for it")
            }
            Self::Misordered(text) => f.write_str(text),
            Self::NoTimer => f.write_str("no tokio timer: responses are not held"),
            Self::RecoverPanicked => f.write_str("the recoverer panicked: sent a plain 500"),
            Self::Denied(denial) => write!(f, "denied: {denial}"),
            Self::DenyFailed(reason) => write!(f, "a deny rule could not decide: {reason}"),
            Self::Unsigned(reason) => write!(f, "not signed: {reason}"),
        }
    }
}
