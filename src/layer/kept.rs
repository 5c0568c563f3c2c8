//! A body whose head was committed: what was held, then the rest, counted, to a true end or a true abort.

use std::fmt::DebugStruct;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::header::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::abort::Abort;
use super::content::{Content, Says};
use super::exchange::{Exchange, Unheard};
use super::panics::panicked;
use super::recover::Origin;
use super::server_timing::{are_promised, put_last_times};
use super::stopwatch::Mark;
use crate::caught::{Payload, caught, discard};
use crate::error::{BoxError, Error, Kind};
use crate::head::{Note, Outcome};
use crate::rules::meter::{Count, Meter};
use crate::sys::timer;

/// Empty frames looked at in one turn to find out whether a body is over.
const PEEKS: u32 = 64;

pub(crate) type Polled<D> = Poll<Option<Result<Frame<D>, BoxError>>>;

/// A body whose head was committed.
pub(crate) struct Kept<B: Body> {
    /// Frames that were held, then the rest.
    content: Content<B>,
    meter: Meter,
    says: Says,
    /// What few responses have.
    aside: Option<Box<Aside<B::Data>>>,
    exchange: Exchange,
}

enum Aside<D> {
    /// The server learns that the response breaks off.
    Abort(Abort),
    /// The body failed before the commit and is left alone; said after what was held.
    Broken(Error),
    /// The frame that completes the declared length, kept back until the body says that it is
    /// over: behind it an HTTP/1 server asks for nothing more.
    Last { data: D, patience: Option<Pin<Box<Sleep>>> },
}

/// What follows a body that should be complete.
enum Peek {
    Nothing,
    /// It does not say yet.
    Unknown,
    More {
        declared: u64,
        reached: u64,
    },
    Failed(Error),
    Panicked(Payload),
}

impl<B: Body> Kept<B> {
    pub(crate) fn new(
        mut content: Content<B>,
        expected: Option<u64>,
        says: Says,
        exchange: Exchange,
    ) -> Self {
        content.drop_if_over();
        let has_streams = exchange.ability().has_streams();
        if says == Says::Exactly && expected == Some(0) && !has_streams {
            // An HTTP/1 server will not ask for what is nothing; on HTTP/2 trailers may follow.
            content.drop_body();
        }
        let mut kept = Self { content, meter: Meter::new(expected), says, aside: None, exchange };
        if kept.content.is_spent() && says != Says::Trailers && !kept.exchange.is_settled() {
            kept.exchange.if_dropped(Unheard::Complete);
        }
        kept
    }

    /// A body that goes on behind its first frame; it declared this length before.
    pub(crate) fn begun(
        body: B,
        declared: Option<u64>,
        first: B::Data,
        exchange: Exchange,
    ) -> Self {
        let mut content = Content::of(body);
        content.frames.push(first);
        let (exact, says) = content.length(declared);
        Self::new(content, exact, says, exchange)
    }

    /// The body fails with `error` once what was held is out.
    pub(crate) fn broken(mut self, error: Error) -> Self {
        self.exchange.if_dropped(Unheard::Dropped);
        self.says = Says::AsItIs;
        self.aside = Some(Box::new(Aside::Broken(error)));
        self
    }

    /// Whether the server need not poll again.
    pub(crate) fn is_over(&self) -> bool {
        if self.exchange.is_ended() && self.aside.is_none() {
            return true;
        }
        let said = match self.says {
            Says::Exactly | Says::AsItIs | Says::NoLength | Says::Nothing => true,
            Says::Trailers | Says::NothingYet => false,
        };
        said && self.aside.is_none()
            && self.content.frames.is_empty()
            && self.content.trailers().is_none()
            && self.content.is_over()
            && self.meter.missing().is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::default();
        let exactly = self.says == Says::Exactly;
        match (&self.aside, self.meter.rest()) {
            (Some(_), _) => {}
            (None, Some(rest)) if exactly => hint.set_exact(rest),
            (None, _) => {
                let held = self.content.frames.bytes();
                let rest = self.content.rest();
                hint.set_lower(rest.lower().saturating_add(held));
                if let Some(upper) = rest.upper().filter(|_| self.says == Says::AsItIs) {
                    hint.set_upper(upper.saturating_add(held));
                }
            }
        }
        hint
    }

    /// Whether nothing is left to hand over, trailers included.
    fn is_all_handed(&self) -> bool {
        self.says != Says::Trailers
            && self.content.frames.is_empty()
            && self.content.trailers().is_none()
            && self.content.is_over()
            && self.meter.missing().is_none()
    }

    pub(crate) fn describe(&self, debug: &mut DebugStruct<'_, '_>) {
        debug.field("exchange", &self.exchange).field("meter", &self.meter);
    }
}

impl<B> Kept<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled<B::Data> {
        if let Some(data) = self.content.frames.pop() {
            return self.hand(data, cx);
        }
        match self.aside.take().map(|aside| *aside) {
            None => {}
            Some(Aside::Abort(abort)) => return self.abort(abort, cx),
            Some(Aside::Broken(error)) => {
                self.exchange.end(Outcome::Aborted(error.clone()));
                return self.abort(Abort::at_once(error), cx);
            }
            Some(Aside::Last { data, patience }) => return self.look_on(data, patience, cx),
        }
        let Some(body) = &mut self.content.body else { return self.finish(cx) };
        match caught(|| Pin::new(body).poll_frame(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                Ok(data) => self.hand(data, cx),
                Err(frame) => match frame.into_trailers() {
                    Ok(trailers) => {
                        self.content.end_with(trailers);
                        self.finish(cx)
                    }
                    Err(unknown) => Poll::Ready(Some(Ok(unknown))),
                },
            },
            Ok(Poll::Ready(None)) => {
                self.content.drop_body();
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
        match self.meter.count(data.remaining() as u64) {
            Count::Past { declared, reached } => self.too_long(declared, reached, cx),
            Count::Complete if self.content.frames.bytes() > 0 => {
                match self.meter.count(self.content.frames.bytes()) {
                    Count::Past { declared, reached } => self.too_long(declared, reached, cx),
                    Count::Within | Count::Complete => self.out(data),
                }
            }
            Count::Complete if data.has_remaining() && self.content.body.is_some() => {
                self.look_on(data, None, cx)
            }
            Count::Within | Count::Complete => self.out(data),
        }
    }

    fn out(&mut self, data: B::Data) -> Polled<B::Data> {
        match &self.exchange.asked {
            Some(asked) if asked.is_timed() => self.out_marked(data),
            Some(_) | None => self.out_now(data),
        }
    }

    #[cold]
    #[inline(never)]
    fn out_marked(&mut self, data: B::Data) -> Polled<B::Data> {
        if self.meter.handed() > 0 {
            self.exchange.mark(Mark::FirstByte);
        }
        self.out_now(data)
    }

    #[inline]
    fn out_now(&mut self, data: B::Data) -> Polled<B::Data> {
        self.exchange.sent = self.meter.handed();
        if self.is_all_handed() {
            self.exchange.complete();
        } else if self.meter.is_full() && self.says != Says::Trailers {
            self.exchange.if_dropped(Unheard::Complete);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    /// `data` completes the declared length. Behind it an HTTP/1 server stops polling, so this is
    /// the last moment to find out that there is more: the client must not take it for the whole.
    fn look_on(
        &mut self,
        data: B::Data,
        patience: Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Polled<B::Data> {
        match self.peek(cx) {
            Peek::Nothing => self.out(data),
            // A body that declared its length once is believed; on HTTP/2 the end is asked for.
            Peek::Unknown if self.says != Says::AsItIs => self.out(data),
            Peek::Unknown if self.exchange.ability().has_streams() => self.out(data),
            Peek::Unknown => self.keep_back(data, patience, cx),
            Peek::More { declared, reached } => self.too_long(declared, reached, cx),
            Peek::Failed(error) => self.fail(Origin::Body, error, cx),
            Peek::Panicked(payload) => self.fail_panicked(payload, cx),
        }
    }

    fn keep_back(
        &mut self,
        data: B::Data,
        patience: Option<Pin<Box<Sleep>>>,
        cx: &mut Context<'_>,
    ) -> Polled<B::Data> {
        let patience = patience.or_else(|| {
            let time = self.exchange.patience();
            if time.is_zero() { None } else { self.exchange.timer(time).map(Box::pin) }
        });
        let over = |mut patience: Pin<Box<Sleep>>| {
            timer::poll(patience.as_mut(), cx).is_pending().then_some(patience)
        };
        let Some(patience) = patience.and_then(over) else {
            self.exchange.note(Note::EndUnseen);
            return self.out(data);
        };
        self.aside = Some(Box::new(Aside::Last { data, patience: Some(patience) }));
        Poll::Pending
    }

    /// Looks whether data follows a body that should be complete.
    fn peek(&mut self, cx: &mut Context<'_>) -> Peek {
        for _ in 0..PEEKS {
            self.content.drop_if_over();
            let Some(body) = &mut self.content.body else { return Peek::Nothing };
            match caught(|| Pin::new(body).poll_frame(cx)) {
                Ok(Poll::Pending) => return Peek::Unknown,
                Ok(Poll::Ready(None)) => self.content.drop_body(),
                Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                    Ok(data) if data.has_remaining() => {
                        return match self.meter.count(data.remaining() as u64) {
                            Count::Past { declared, reached } => Peek::More { declared, reached },
                            Count::Within | Count::Complete => Peek::Nothing,
                        };
                    }
                    Ok(_) => {}
                    Err(frame) => match frame.into_trailers() {
                        Ok(trailers) => self.content.end_with(trailers),
                        Err(_) => self.content.drop_body(),
                    },
                },
                Ok(Poll::Ready(Some(Err(error)))) => {
                    return Peek::Failed(Error::with(Kind::Body, error.into()));
                }
                Err(payload) => return Peek::Panicked(payload),
            }
        }
        cx.waker().wake_by_ref();
        Peek::Unknown
    }

    /// The inner body is over: says so, with trailers if there are any.
    fn finish(&mut self, cx: &mut Context<'_>) -> Polled<B::Data> {
        if self.exchange.is_ended() {
            return Poll::Ready(None);
        }
        if let Some((declared, reached)) = self.meter.missing() {
            return self.fail(Origin::Body, Error::new(Kind::TooShort { declared, reached }), cx);
        }
        let own = self.content.take_trailers();
        if are_promised(&self.exchange) {
            return self.finish_timed(own);
        }
        let trailers = self.exchange.last_trailers(own);
        self.exchange.complete();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    /// The same, with times among the trailers.
    #[cold]
    #[inline(never)]
    fn finish_timed(&mut self, own: Option<HeaderMap>) -> Polled<B::Data> {
        let mut trailers = self.exchange.last_trailers(own);
        put_last_times(&self.exchange, &mut trailers);
        self.exchange.complete();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn too_long(&mut self, declared: u64, reached: u64, cx: &mut Context<'_>) -> Polled<B::Data> {
        self.fail(Origin::Body, Error::new(Kind::TooLong { declared, reached }), cx)
    }

    fn fail_panicked(&mut self, payload: Payload, cx: &mut Context<'_>) -> Polled<B::Data> {
        let error = Error::new(panicked(&payload));
        if self.exchange.passes_through(Origin::BodyPanic) {
            self.content.clear();
            self.exchange.end(Outcome::Aborted(error));
            std::panic::resume_unwind(payload);
        }
        discard(payload);
        self.fail(Origin::BodyPanic, error, cx)
    }

    /// Breaks the response off: what was handed over gets a chance to go out first.
    fn fail(&mut self, origin: Origin, error: Error, cx: &mut Context<'_>) -> Polled<B::Data> {
        self.content.clear();
        let abort = if self.exchange.passes_through(origin) {
            Abort::at_once(error.clone())
        } else if self.exchange.ability().has_streams() {
            let code = self.exchange.reset_code(origin, &error);
            Abort::reset(error.clone(), code, self.exchange.timer(self.exchange.settings.linger))
        } else {
            Abort::after_a_turn(error.clone())
        };
        self.exchange.end(Outcome::Aborted(error));
        self.abort(abort, cx)
    }

    fn abort(&mut self, mut abort: Abort, cx: &mut Context<'_>) -> Polled<B::Data> {
        let polled = abort.poll(cx);
        self.aside = Some(Box::new(Aside::Abort(abort)));
        Poll::Ready(ready!(polled).map(Err))
    }
}
