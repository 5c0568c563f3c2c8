//! The framing of a head that is final but for that, put right in the right order.

use http_body::Body;

use super::exchange::Exchange;
use super::holding::Held;
use super::terms::{Survey, Terms, mend, terms_of};
use super::tidy::tidy;
use super::trailers;
use crate::head::{Sealing, Trailing};

/// Weighs the head against its content and the promised trailers, and mends it. The promises are gone afterwards.
pub(crate) fn frame<B: Body>(
    exchange: &Exchange,
    held: &mut Held<B>,
    mut sealing: Option<&mut Sealing>,
) -> (Terms, Trailing) {
    let promises = sealing.as_mut().and_then(|sealing| sealing.take_promises());
    let survey = Survey::of(&held.parts.headers);
    let (terms, trailing) = terms_of(exchange, held, survey, promises.as_ref());
    if let (Some(sealing), Some(promises), Trailing::Closed(refusal)) =
        (&mut sealing, &promises, &trailing)
    {
        for name in promises.names() {
            sealing.ledger.refuse_promise(name, *refusal);
        }
    }
    if let Terms::Weighed(weighed) = &terms {
        if let Some(sealing) = &mut sealing {
            weighed.mark(&mut sealing.ledger);
        }
        mend(exchange, &mut held.parts.headers, weighed, sealing.as_deref_mut());
    }
    trailers::drop_unsent(exchange, held, &terms);
    tidy(exchange, survey, &mut held.parts.headers, sealing);
    (terms, trailing)
}
