//! No request belongs to a span: the feature that brings them is off.

/// There is none.
#[derive(Clone, Debug)]
pub(crate) enum Span {}

impl Span {
    pub(crate) const fn current() -> Option<Self> {
        None
    }
}
