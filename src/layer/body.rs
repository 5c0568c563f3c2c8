//! The response body: what was held, then the rest, counted, to a true end or a true abort.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::abort::Abort;
use super::exchange::{Exchange, Unheard};
use super::future::panicked;
use super::holding::Frames;
use super::recover::Origin;
use crate::caught::{caught, contained, discard};
use crate::error::{BoxError, Error, Kind};
use crate::head::Outcome;
use crate::rules::meter::{Count, Meter};

/// Frames looked at to find out whether a body goes past its declared length.
const PEEKS: u32 = 64;

/// The body of a response that went through the layer.
///
/// It replays the frames that were held, as they were, and then hands on the inner body's. Its
/// error is the one that the server is given when a response is broken off.
///
/// # Cancel safety
///
/// Dropping it ends the exchange and delivers the receipt.
pub struct ResponseBody<B: Body> {
    inner: Inner<B>,
}

#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each response")]
enum Inner<B: Body> {
    /// Of a layer inside another one: nothing is done here.
    Nested(B),
    Kept(Kept<B>),
}

/// A body whose head was committed.
pub(crate) struct Kept<B: Body> {
    /// Frames that were held.
    pub(crate) frames: Frames<B::Data>,
    /// The rest; `None` once it is over or must not be polled again.
    pub(crate) body: Option<B>,
    /// The trailers that the body ended with.
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) meter: Meter,
    /// Trailers are promised, so the length is not told: with one, HTTP/1.1 would not be chunked.
    pub(crate) hidden: bool,
    /// There is no content, and nothing is said about that until the server asks.
    pub(crate) coy: bool,
    pub(crate) abort: Option<Abort>,
    pub(crate) exchange: Exchange,
}

type Polled<D> = Poll<Option<Result<Frame<D>, BoxError>>>;

impl<B: Body> ResponseBody<B> {
    pub(crate) const fn nested(body: B) -> Self {
        Self { inner: Inner::Nested(body) }
    }

    pub(crate) const fn kept(kept: Kept<B>) -> Self {
        Self { inner: Inner::Kept(kept) }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<Self::Data> {
        match &mut self.get_mut().inner {
            Inner::Nested(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(Into::into)))
            }
            Inner::Kept(kept) => kept.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Nested(body) => body.is_end_stream(),
            Inner::Kept(kept) => kept.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Nested(body) => body.size_hint(),
            Inner::Kept(kept) => kept.size_hint(),
        }
    }
}

/// Neither held frames nor the inner body are ever pinned in place.
impl<B: Body + Unpin> Unpin for ResponseBody<B> {}

impl<B: Body> Kept<B> {
    /// A body without content. With `hidden` its length is not told: a `HEAD` or 304 answer says
    /// nothing about one, and whoever is outside must not add a zero.
    pub(crate) const fn empty(exchange: Exchange, hidden: bool) -> Self {
        Self {
            frames: Frames::new(),
            body: None,
            trailers: None,
            meter: Meter::new(None),
            hidden,
            coy: false,
            abort: None,
            exchange,
        }
    }
}

impl<B: Body> Kept<B> {
    /// Whether the server need not poll again.
    fn is_over(&self) -> bool {
        self.frames.is_empty()
            && self.trailers.is_none()
            && self.abort.is_none()
            && match &self.body {
                Some(body) => {
                    body.is_end_stream() && !self.hidden && self.meter.missing().is_none()
                }
                None => self.exchange.is_ended() || self.exchange.is_settled() && !self.coy,
            }
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::default();
        if self.abort.is_some() {
            return hint;
        }
        let rest = self.body.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
        let held = self.frames.bytes();
        hint.set_lower(rest.lower().saturating_add(held));
        if let Some(upper) = rest.upper().filter(|_| !self.hidden) {
            hint.set_upper(upper.saturating_add(held));
        }
        hint
    }
}

impl<B> Kept<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled<B::Data> {
        if let Some(abort) = &mut self.abort {
            return Poll::Ready(ready!(abort.poll(cx)).map(Err));
        }
        if let Some(data) = self.frames.pop() {
            return self.hand(data, cx);
        }
        let Some(body) = &mut self.body else { return self.finish(cx) };
        match caught(|| Pin::new(body).poll_frame(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                Ok(data) => self.hand(data, cx),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => {
                        self.trailers = Some(trailers);
                        self.drop_body();
                        self.finish(cx)
                    }
                    Err(unknown) => Poll::Ready(Some(Ok(unknown))),
                },
            },
            Ok(Poll::Ready(None)) => {
                self.drop_body();
                self.finish(cx)
            }
            Ok(Poll::Ready(Some(Err(error)))) => {
                self.fail(Origin::Body, Error::with(Kind::Body, error.into()), cx)
            }
            Err(payload) => self.fail_panicked(payload, cx),
        }
    }

    /// Hands a frame to the server, unless it goes past the declared length.
    fn hand(&mut self, data: B::Data, cx: &mut Context<'_>) -> Polled<B::Data> {
        let count = self.meter.count(data.remaining() as u64);
        match count {
            Count::Past { declared, reached } => return self.too_long(declared, reached, cx),
            Count::Complete if data.has_remaining() => {
                // The server stops polling here, so this is the last moment to find out that
                // there is more: the client must not take this for the whole.
                match self.peek(cx) {
                    Peek::Nothing => {}
                    Peek::More { declared, reached } => {
                        return self.too_long(declared, reached, cx);
                    }
                    Peek::Failed(error) => return self.fail(Origin::Body, error, cx),
                    Peek::Panicked(payload) => return self.fail_panicked(payload, cx),
                }
            }
            Count::Within | Count::Complete => {}
        }
        self.exchange.tally.sent = self.meter.handed();
        if self.is_all_handed() {
            self.exchange.complete();
        } else if self.meter.is_full() {
            self.exchange.if_dropped(Unheard::Complete);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// Whether nothing is left to hand over, trailers included.
    fn is_all_handed(&self) -> bool {
        self.frames.is_empty()
            && self.trailers.is_none()
            && !self.hidden
            && self.body.as_ref().is_none_or(Body::is_end_stream)
            && self.meter.missing().is_none()
    }

    /// Looks whether data follows a body that should be complete.
    fn peek(&mut self, cx: &mut Context<'_>) -> Peek {
        let past = |meter: &mut Meter, bytes| match meter.count(bytes) {
            Count::Past { declared, reached } => Peek::More { declared, reached },
            Count::Within | Count::Complete => Peek::Nothing,
        };
        if self.frames.bytes() > 0 {
            return past(&mut self.meter, self.frames.bytes());
        }
        for _ in 0..PEEKS {
            let Some(body) = self.body.as_mut().filter(|body| !body.is_end_stream()) else {
                return Peek::Nothing;
            };
            match caught(|| Pin::new(body).poll_frame(cx)) {
                Ok(Poll::Pending) => return Peek::Nothing,
                Ok(Poll::Ready(None)) => self.drop_body(),
                Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                    Ok(data) if data.has_remaining() => {
                        return past(&mut self.meter, data.remaining() as u64);
                    }
                    Ok(_) => {}
                    Err(frame) => {
                        self.trailers = frame.into_trailers().ok();
                        self.drop_body();
                    }
                },
                Ok(Poll::Ready(Some(Err(error)))) => {
                    return Peek::Failed(Error::with(Kind::Body, error.into()));
                }
                Err(payload) => return Peek::Panicked(payload),
            }
        }
        Peek::Nothing
    }

    /// The inner body is over: says so, with trailers if there are any.
    fn finish(&mut self, cx: &mut Context<'_>) -> Polled<B::Data> {
        if self.exchange.is_ended() {
            return Poll::Ready(None);
        }
        if let Some((declared, reached)) = self.meter.missing() {
            return self.fail(Origin::Body, Error::new(Kind::TooShort { declared, reached }), cx);
        }
        let own = self.trailers.take();
        let trailers = self.exchange.last_trailers(own);
        self.exchange.complete();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn too_long(&mut self, declared: u64, reached: u64, cx: &mut Context<'_>) -> Polled<B::Data> {
        self.fail(Origin::Body, Error::new(Kind::TooLong { declared, reached }), cx)
    }

    fn fail_panicked(
        &mut self,
        payload: crate::caught::Payload,
        cx: &mut Context<'_>,
    ) -> Polled<B::Data> {
        let error = Error::new(panicked(&payload));
        if self.exchange.passes_through(Origin::BodyPanic) {
            self.drop_body();
            self.exchange.end(Outcome::Aborted(error));
            std::panic::resume_unwind(payload);
        }
        discard(payload);
        self.fail(Origin::BodyPanic, error, cx)
    }

    /// Breaks the response off: what was handed over gets a chance to go out first.
    fn fail(&mut self, origin: Origin, error: Error, cx: &mut Context<'_>) -> Polled<B::Data> {
        self.drop_body();
        self.frames = Frames::new();
        self.trailers = None;
        let abort = if self.exchange.passes_through(origin) {
            Abort::at_once(error.clone())
        } else if self.exchange.ability.has_streams() {
            let code = self.exchange.reset_code(origin, &error);
            Abort::reset(error.clone(), code, self.exchange.settings.linger)
        } else {
            Abort::after_a_turn(error.clone())
        };
        self.exchange.end(Outcome::Aborted(error));
        let polled = self.abort.insert(abort).poll(cx);
        Poll::Ready(ready!(polled).map(Err))
    }

    fn drop_body(&mut self) {
        let body = self.body.take();
        contained(move || drop(body));
    }
}

/// What follows a body that should be complete.
enum Peek {
    Nothing,
    More { declared: u64, reached: u64 },
    Failed(Error),
    Panicked(crate::caught::Payload),
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ResponseBody");
        if let Inner::Kept(kept) = &self.inner {
            debug.field("exchange", &kept.exchange).field("meter", &kept.meter);
        }
        debug.finish_non_exhaustive()
    }
}
