//! What a named layer is there for, where its place among others matters.

/// What a named layer is there for, where its place among others matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LayerKind {
    /// Decides who may read responses.
    Cors,
    /// Answers in the place of what takes too long.
    Timeout,
    /// Gives requests an id.
    SetRequestId,
    /// Puts the id of a request on its response.
    PropagateRequestId,
}

impl LayerKind {
    /// The kind that must not stand outside of this one: it would not see its doing.
    pub(crate) const fn belongs_outside_of(self) -> Option<Self> {
        match self {
            Self::Cors => Some(Self::Timeout),
            Self::SetRequestId => Some(Self::PropagateRequestId),
            Self::Timeout | Self::PropagateRequestId => None,
        }
    }
}
