//! An error answer in the place of the response that was planned.

use bytes::Bytes;
use http::header::HeaderName;
use http::response::Parts;
use http_body::Body;

use super::exchange::Exchange;
use super::holding::Held;
use crate::head::{ErrorAnswer, Input, Sealing};

/// Puts an error answer in the place of the planned response.
pub(crate) fn put_instead<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    sealing: Option<&mut Sealing>,
    answer: ErrorAnswer,
) where
    B: Body,
    B::Data: From<Bytes>,
{
    put_with(exchange, held, sealing, answer, Some(&|name| exchange.outlives(name)));
}

/// The same, with those fields of the planned response that `outlives` lets stay; without it nothing stays, whoever
/// wrote it.
pub(crate) fn put_with<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    sealing: Option<&mut Sealing>,
    answer: ErrorAnswer,
    outlives: Option<&dyn Fn(&HeaderName) -> bool>,
) where
    B: Body,
    B::Data: From<Bytes>,
{
    let Parts { status, headers, extensions, .. } = &mut held.parts;
    let answer = exchange.readable(answer, headers);
    let content = if let Some(sealing) = sealing {
        sealing.replaced(status, headers, answer, outlives)
    } else {
        let stays = |name: &HeaderName| outlives.is_some_and(|outlives| outlives(name));
        crate::head::replace(status, headers, answer, &stays)
    };
    // What the old response carried for its server, such as a reason phrase, goes with it.
    extensions.clear();
    held.content.clear();
    if !content.is_empty() {
        held.content.frames.push(content.into());
    }
}

/// The head is that of a failure from now on.
pub(crate) fn fail(exchange: &Exchange) {
    let mut state = exchange.shared.lock();
    state.life = state.life.step(Input::Failed).0;
}
