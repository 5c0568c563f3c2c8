//! Doors to people: what becomes of the record of a response.

mod begun;
mod link;
mod background;
mod collector;
#[cfg(any(feature = "metrics", feature = "tracing"))]
mod conventions;
#[cfg(feature = "metrics")]
mod http_metrics;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(all(feature = "axum", feature = "tracing"))]
mod missing_layer;
#[cfg(all(feature = "axum", not(feature = "tracing")))]
#[path = "missing_layer_none.rs"]
mod missing_layer;
mod access;
#[cfg(feature = "tracing")]
mod ending;
#[cfg(feature = "tracing")]
mod span_attributes;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub use self::http_metrics::HttpMetrics;
#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
#[cfg(feature = "tracing")]
pub use self::span_attributes::{SpanAttributes, SpanValue};
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
#[cfg(feature = "inspector")]
pub(crate) use access::Clock;
pub use access::{AccessLog, LogForm};
pub(crate) use access::{LogEnd, LogEntry};
pub use background::Background;
pub use begun::Begun;
pub use collector::Collector;
#[cfg(feature = "json")]
pub use json::JsonLines;
#[cfg(feature = "inspector")]
pub(crate) use json::Line;
pub(crate) use link::PAGE_LINK;
pub use link::PageLink;
#[cfg(feature = "axum")]
pub(crate) use missing_layer::tell_of_missing_layer;

use std::sync::Arc;

pub use crate::field::trace_parent::TraceParent;
use crate::head::Receipt;
pub use crate::head::{Peer, Times};

/// Takes the finished record of each response.
///
/// Give one to [`LetterheadLayer::reporter`](crate::LetterheadLayer::reporter). It is called once
/// for each request, when the response is over, on the task that served it and perhaps inside a
/// `Drop`; so it should be quick, and a slow one belongs into a [`Background`]. A panic in it is
/// caught and forgotten.
///
/// Every closure that takes a receipt is a reporter, and so is an `Arc` of one, which lets the
/// application keep a hand on it. A box of one has to become an `Arc` (`Arc::from(boxed)`).
/// [The guide](crate::guide::reports) has those that are there.
///
/// # Examples
///
/// ```
/// use letterhead::{LetterheadLayer, Receipt};
///
/// let layer = LetterheadLayer::new().reporter(|receipt: &Receipt| {
///     for conflict in receipt.conflicts() {
///         eprintln!("{} {conflict}", receipt.route().unwrap_or("-"));
///     }
/// });
/// # let _ = layer;
/// ```
pub trait Reporter: Send + Sync + 'static {
    /// One response is over.
    fn report(&self, receipt: &Receipt);

    /// A request has reached the layer, and its response will be reported: a count of what is under way goes up
    /// here, and [`report`](Self::report), which follows once, counts it down. It runs on the task that serves the
    /// request, before the service is called. A panic in it is caught and forgotten. A [`Background`] does not hand it on.
    fn begin(&self, _request: &Begun<'_>) {}

    /// Whether its receipts must have [times](Receipt::times); asked once, when it is given to the layer.
    ///
    /// They cost five looks at the clock for each response, so they are taken only where a reporter says that
    /// it needs them. One that is put around another hands its word on.
    fn needs_times(&self) -> bool {
        false
    }

    /// Whether [`Tracing`] or [`SpanAttributes`] is inside, and wants the span that was current when the request reached
    /// the layer (with the feature `tracing`); asked once, when it is given to the layer.
    fn needs_span(&self) -> bool {
        false
    }

    /// Whether it has [pages](Self::page) to link to; asked once, when it is given to the layer.
    fn has_pages(&self) -> bool {
        false
    }

    /// The page on which the client of this request may look at its response; the response then carries a link to it.
    ///
    /// It is asked behind [`begin`](Self::begin), if it [has pages](Self::has_pages), and the first reporter that gives a page
    /// is the one. A panic in it is caught and forgotten. A [`Background`] does not hand it on.
    fn page(&self, _request: &Begun<'_>) -> Option<PageLink> {
        None
    }
}

impl<F: Fn(&Receipt) + Send + Sync + ?Sized + 'static> Reporter for F {
    fn report(&self, receipt: &Receipt) {
        self(receipt);
    }
}

// No such impl for boxes: a box of a closure is a closure, so the one above has it already.
impl<R: Reporter + ?Sized> Reporter for Arc<R> {
    fn report(&self, receipt: &Receipt) {
        (**self).report(receipt);
    }

    fn begin(&self, request: &Begun<'_>) {
        (**self).begin(request);
    }

    fn needs_times(&self) -> bool {
        (**self).needs_times()
    }

    fn needs_span(&self) -> bool {
        (**self).needs_span()
    }

    fn has_pages(&self) -> bool {
        (**self).has_pages()
    }

    fn page(&self, request: &Begun<'_>) -> Option<PageLink> {
        (**self).page(request)
    }
}
