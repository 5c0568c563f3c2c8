//! The `tracing` span that a request belongs to.

/// The span that was current when the request reached the layer.
#[derive(Clone, Debug)]
pub(crate) struct Span(tracing::Span);

impl Span {
    /// The one that is current now, if there is one.
    pub(crate) fn current() -> Option<Self> {
        let span = tracing::Span::current();
        (!span.is_none()).then_some(Self(span))
    }

    /// The span itself.
    pub(crate) const fn get(&self) -> &tracing::Span {
        &self.0
    }

    /// Runs `code` inside of it, on whatever thread.
    pub(crate) fn in_scope<R>(&self, code: impl FnOnce() -> R) -> R {
        self.0.in_scope(code)
    }
}
