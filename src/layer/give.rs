//! The response that the server is given once its head is committed.

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body;

use super::ResponseBody;
use super::content::{Content, Says};
use super::exchange::{Exchange, Unheard};
use super::holding::{Held, Holding};
use super::kept::Kept;
use super::terms::Terms;
use crate::error::Error;
use crate::rules::framing::{self, ContentPlan};

/// Carries the terms out and makes the response that the server is given.
pub(crate) fn give<B>(
    exchange: Exchange,
    holding: Holding<B>,
    terms: Terms,
    broken: Option<Error>,
) -> Response<ResponseBody<B>>
where
    B: Body,
{
    let Held { parts, content, declared } = holding.held;
    let kept = match terms {
        Terms::Plain => {
            let (exact, says) = content.length(declared);
            Kept::new(content, exact, says, exchange)
        }
        Terms::Weighed(weighed) => match weighed.plan.content {
            ContentPlan::Send(expected) => {
                let says = if weighed.trailers {
                    Says::Trailers
                } else if parts.headers.contains_key(TRANSFER_ENCODING) {
                    // The bytes are in a coding: a length of them would end them early.
                    Says::NoLength
                } else if expected.is_some() && content.exact(declared) == expected {
                    Says::Exactly
                } else {
                    Says::AsItIs
                };
                Kept::new(content, expected, says, exchange)
            }
            ContentPlan::Drop => empty(exchange, &parts, content, Unheard::Complete),
            ContentPlan::Upgrade => empty(exchange, &parts, content, Unheard::Upgraded),
        },
    };
    let kept = match broken {
        None => kept,
        Some(error) => kept.broken(error),
    };
    Response::from_parts(parts, ResponseBody::kept(kept))
}

/// A body without content, whatever was planned.
fn empty<B: Body>(
    mut exchange: Exchange,
    parts: &Parts,
    content: Content<B>,
    unheard: Unheard,
) -> Kept<B> {
    let ability = exchange.ability();
    // An empty body of a `HEAD` may be what a `GET` has, or may not: whoever is outside judges
    // as without the layer. Of other content the length is not declared.
    let due = framing::content_is_due(parts.status, false, ability.connect);
    let says = if due && content.is_spent() {
        Says::AsItIs
    } else if parts.status == StatusCode::NOT_MODIFIED
        && !ability.has_streams()
        && parts.headers.contains_key(CONTENT_LENGTH)
    {
        // hyper takes the length out of a 304 on HTTP/1 whose body says that it is over.
        Says::NothingYet
    } else {
        Says::Nothing
    };
    drop(content);
    exchange.if_dropped(unheard);
    Kept::new(Content::none(), None, says, exchange)
}
