//! The short way: a response that is complete when the handler answers, without a receipt and without a `Head` left.
//!
//! Most responses are of this kind. They need no hold, no lock, and no exchange behind their body; the client is sent the
//! same bytes as on the long way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use http::header::HeaderMap;
use http::{Response, StatusCode};
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

/// What is known of a response that may take the short way.
pub(crate) struct Outlook {
    survey: Survey,
    /// What the head says of the length.
    declared: Option<u64>,
    /// Plain writes wait for the commit.
    has_writes: bool,
}

/// Asks the body of a response that may be whole, and finishes the head of one that is.
#[inline]
pub(crate) fn ask<B: Body + Unpin>(
    response: &mut Response<B>,
    exchange: &mut Exchange,
    outlook: &Outlook,
    cx: &mut Context<'_>,
) -> First<B> {
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
    let polled = match polled {
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) if data.has_remaining() => {
                return frame_first(response, exchange, outlook, (length, data));
            }
            Ok(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Err(frame) => Poll::Ready(Some(Ok(frame))),
        },
        Poll::Ready(None) if outlook.may_have(0) => {
            outlook.finish(response, exchange);
            return First::Whole(None);
        }
        polled @ (Poll::Ready(None | Some(Err(_))) | Poll::Pending) => polled,
    };
    First::Asked { declared: length, polled }
}

/// The first frame is there: what becomes of a response with it.
#[inline]
fn frame_first<B: Body>(
    response: &mut Response<B>,
    exchange: &mut Exchange,
    outlook: &Outlook,
    (length, data): (Option<u64>, B::Data),
) -> First<B> {
    let body = response.body();
    let is_over = caught(|| body.is_end_stream()).map_err(discard).unwrap_or_default();
    if is_over && outlook.may_have(data.remaining() as u64) {
        outlook.finish(response, exchange);
        return First::Whole(Some(data));
    }
    let waits_for_more = exchange.settings.hold.until() != Until::FirstFrame;
    if is_over || waits_for_more || outlook.declared.is_some() {
        let polled = Poll::Ready(Some(Ok(Frame::data(data))));
        return First::Asked { declared: length, polled };
    }
    outlook.finish(response, exchange);
    exchange.begun = Some(response.status());
    First::Begun { declared: length, data }
}

impl Outlook {
    /// Nothing for a response that takes the long way: it is observed, its head needs mending, or it has no content.
    #[inline]
    pub(crate) fn of<B>(response: &Response<B>, exchange: &mut Exchange) -> Option<Self> {
        if exchange.is_observed() {
            return None;
        }
        let Ability { version, head, connect, .. } = exchange.ability();
        let status = response.status();
        let is_usual = response.extensions().is_empty()
            && framing::content_is_due(status, head, connect)
            && !framing::is_unfinal(status, version)
            && exchange.settings.hold.until() != Until::Never;
        let survey = Survey::of(response.headers());
        if !is_usual || survey.codes {
            return None;
        }
        let declared = match survey.has_length.then(|| Declared::read(response.headers())) {
            None => None,
            Some(Declared::Once(bytes)) => Some(bytes),
            Some(Declared::Absent | Declared::Untidy(_) | Declared::Unusable) => return None,
        };
        let has_writes = exchange.look_for_observers(status)?;
        Some(Self { survey, declared, has_writes })
    }

    /// Whether so many bytes of content do not contradict the head.
    fn may_have(&self, bytes: u64) -> bool {
        self.declared.is_none_or(|declared| declared == bytes)
    }

    /// Does what is left to do to a head that is about to go out.
    #[inline]
    fn finish<B>(&self, response: &mut Response<B>, exchange: &mut Exchange) {
        let fields = response.headers_mut();
        if self.has_writes {
            exchange.apply_plain(fields);
        }
        tidy(exchange, self.survey, fields, None);
    }
}

impl Exchange {
    /// Whether somebody wants to know of this exchange, whatever becomes of it.
    #[inline]
    fn is_observed(&self) -> bool {
        self.asked.is_some() || self.settings.on_end.is_some() || self.shared.is_watched()
    }

    /// Finds out, once the inner service has answered with this status, whether nobody will observe this exchange, and then
    /// whether plain writes wait for its commit. Handles of a head are copies of each other: where none is left there
    /// will never be one again.
    #[inline]
    fn look_for_observers(&mut self, status: StatusCode) -> Option<bool> {
        let has_writes = Arc::get_mut(&mut self.shared)?.plain_writes(status)?;
        self.is_unobserved = true;
        Some(has_writes)
    }

    /// Applies the plain writes that wait for the commit of an unobserved head.
    #[cold]
    fn apply_plain(&mut self, fields: &mut HeaderMap) {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.apply_plain(fields);
        }
    }

    /// Gives up an unobserved exchange: everything was handed over.
    #[inline]
    pub(super) fn dismiss(mut self) {
        self.unheard = None;
    }
}
