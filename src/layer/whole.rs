//! The short way: a response that is whole when it comes, and that nobody observes.
//!
//! Most responses are of this kind. They need no hold, no lock, and no exchange behind their body; the client is sent the
//! same bytes as on the long way.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::Response;
use http_body::{Body, Frame};

use super::exchange::Exchange;
use super::hold::Until;
use super::holding::First;
use super::terms::Survey;
use super::tidy::tidy;
use crate::caught::{caught, discard};
use crate::field::length::Declared;
use crate::head::Ability;
use crate::rules::framing;

/// Asks the body of a response that may be whole, and tidies the head of one that is.
#[inline]
pub(crate) fn ask<B: Body + Unpin>(
    response: &mut Response<B>,
    exchange: &mut Exchange,
    cx: &mut Context<'_>,
) -> First<B> {
    let Some((survey, declared)) = may_be_whole(response, exchange) else { return First::Unasked };
    let body = response.body_mut();
    let (mut length, mut polled) = (None, Poll::Ready(None));
    let asked = caught(|| {
        if !body.is_end_stream() {
            length = body.size_hint().exact();
            polled = Pin::new(&mut *body).poll_frame(cx);
        }
    });
    if let Err(payload) = asked {
        return First::Panicked(payload);
    }
    let bytes = match &polled {
        Poll::Ready(None) => Some(0),
        Poll::Ready(Some(Ok(frame))) => bytes_of_all(frame, body),
        Poll::Ready(Some(Err(_))) | Poll::Pending => None,
    };
    if bytes.is_none() || declared.is_some_and(|declared| Some(declared) != bytes) {
        return First::Asked { length, polled };
    }
    tidy(exchange, survey, response.headers_mut(), None);
    match polled {
        Poll::Ready(Some(Ok(frame))) => First::Whole(frame.into_data().ok()),
        Poll::Ready(None | Some(Err(_))) | Poll::Pending => First::Whole(None),
    }
}

/// What the head says of its framing, if that is no more than a length, and a body in one frame would be all there is.
#[inline]
fn may_be_whole<B>(
    response: &Response<B>,
    exchange: &mut Exchange,
) -> Option<(Survey, Option<u64>)> {
    let Ability { version, head, connect, .. } = exchange.ability();
    let status = response.status();
    let is_plain = response.extensions().is_empty()
        && framing::content_is_due(status, head, connect)
        && !framing::is_unfinal(status, version)
        && exchange.settings.hold.until() != Until::Never;
    let survey = Survey::of(response.headers());
    if !is_plain || survey.codes || !exchange.look_for_observers() {
        return None;
    }
    if !survey.has_length {
        return Some((survey, None));
    }
    match Declared::read(response.headers()) {
        Declared::Once(bytes) => Some((survey, Some(bytes))),
        Declared::Absent | Declared::Untidy(_) | Declared::Unusable => None,
    }
}

/// The number of bytes in a frame, if it has some and the body says that none follow.
#[inline]
fn bytes_of_all<B: Body>(frame: &Frame<B::Data>, body: &B) -> Option<u64> {
    let bytes = frame.data_ref().map(Buf::remaining).filter(|bytes| *bytes > 0)?;
    let is_over = caught(|| body.is_end_stream()).map_err(discard).unwrap_or_default();
    is_over.then_some(bytes as u64)
}
