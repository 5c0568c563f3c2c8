//! Doors to people: what becomes of the record of a response.

mod collector;

pub use collector::Collector;

use crate::head::Receipt;

/// Takes the finished record of each response.
///
/// Give one to [`LetterheadLayer::reporter`](crate::LetterheadLayer::reporter). It is called once
/// for each request, when the response is over, on the task that served it and perhaps inside a
/// `Drop`; so it should be quick. A panic in it is caught and forgotten.
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
}

impl<F: Fn(&Receipt) + Send + Sync + 'static> Reporter for F {
    fn report(&self, receipt: &Receipt) {
        self(receipt);
    }
}
