//! The hold: the inner response, its body polled ahead, until the head is due.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};

use super::exchange::Exchange;
use super::hold::{self, Hold, Until};
use super::recover::Origin;
use super::timer::Timer;
use crate::caught::{Payload, caught, contained};
use crate::error::{BoxError, Error, Kind};
use crate::head::{CommitCause, Input, Note, Verdict};
use crate::rules::framing::content_is_due;

/// Empty frames taken in one turn before the task is given back.
const EMPTY_FRAMES: u32 = 64;

/// An inner response whose head has not been committed.
pub(crate) struct Holding<B: Body> {
    hold: Hold,
    /// Due without a poll: not held, flushed before the answer, or already over.
    due: Option<CommitCause>,
    timer: Option<Timer>,
    /// Whether the head is lent to the shared state while the task sleeps.
    lent: bool,
    held: Held<B>,
}

/// A response and what was read ahead of its body.
pub(crate) struct Held<B: Body> {
    pub(crate) parts: Parts,
    pub(crate) frames: Frames<B::Data>,
    /// The rest of the body; `None` once it is over or must not be polled again.
    pub(crate) body: Option<B>,
    /// The trailers it ended with.
    pub(crate) trailers: Option<HeaderMap>,
}

/// Data frames in order; the first needs no allocation.
pub(crate) struct Frames<D> {
    first: Option<D>,
    more: VecDeque<D>,
    bytes: u64,
}

/// What a hold came to.
pub(crate) enum Over<B: Body> {
    Due(CommitCause, Held<B>),
    Failed { error: Error, held: Held<B> },
    Panicked { origin: Origin, payload: Payload, planned: Option<Parts> },
}

/// Why a poll of the hold was the last.
pub(crate) enum Last {
    Due(CommitCause),
    Failed(Error),
    Panicked(Payload),
}

impl<D: Buf> Frames<D> {
    pub(crate) const fn new() -> Self {
        Self { first: None, more: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn push(&mut self, data: D) {
        self.bytes += data.remaining() as u64;
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(data);
        } else {
            self.more.push_back(data);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<D> {
        let data = self.first.take().or_else(|| self.more.pop_front())?;
        self.bytes -= data.remaining() as u64;
        Some(data)
    }

    /// The bytes in all frames.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.more.is_empty()
    }
}

impl<B> Holding<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// The inner service has answered.
    pub(crate) fn begin(response: Response<B>, exchange: &Exchange) -> Self {
        let (parts, body) = response.into_parts();
        let hold = parts.extensions.get().copied().unwrap_or(exchange.settings.hold);
        let flushed = {
            let mut state = exchange.shared.lock();
            let (life, verdict) = state.life.step(Input::Answered);
            state.life = life;
            match verdict {
                Verdict::Commit(cause) => Some(cause),
                Verdict::Wait
                | Verdict::Hold
                | Verdict::Wake
                | Verdict::Replace
                | Verdict::Send
                | Verdict::Finish
                | Verdict::Ignore => None,
            }
        };
        let ability = exchange.ability;
        let due = if flushed.is_some() {
            flushed
        } else if hold.until() == Until::Never
            || !content_is_due(parts.status, false, ability.connect)
        {
            Some(CommitCause::NotHeld)
        } else if body.is_end_stream() {
            Some(CommitCause::EndOfBody)
        } else if matches!(hold.until(), Until::Bytes(_)) && hold::is_never_held(&parts.headers) {
            Some(CommitCause::NotHeld)
        } else {
            None
        };
        let held = Held { parts, frames: Frames::new(), body: Some(body), trailers: None };
        Self { hold, due, timer: None, lent: false, held }
    }

    /// Polls the body until the head is due.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange) -> Poll<Last> {
        if let Some(cause) = self.due {
            return Poll::Ready(Last::Due(cause));
        }
        let flushed = self.lent && self.take_back(exchange);
        let mut empty = 0;
        loop {
            let Some(body) = &mut self.held.body else {
                return Poll::Ready(Last::Due(CommitCause::EndOfBody));
            };
            let frame = match caught(|| Pin::new(body).poll_frame(cx)) {
                Ok(Poll::Pending) => return self.wait(cx, exchange, flushed),
                Ok(Poll::Ready(Some(Ok(frame)))) => frame,
                Ok(Poll::Ready(None)) => {
                    self.held.body = None;
                    return Poll::Ready(Last::Due(CommitCause::EndOfBody));
                }
                Ok(Poll::Ready(Some(Err(error)))) => {
                    return Poll::Ready(Last::Failed(Error::with(Kind::Body, error.into())));
                }
                Err(payload) => return Poll::Ready(Last::Panicked(payload)),
            };
            match self.take(frame) {
                Taken::Due(cause) => return Poll::Ready(Last::Due(cause)),
                Taken::More => {}
                Taken::Empty if empty < EMPTY_FRAMES => empty += 1,
                Taken::Empty => {
                    cx.waker().wake_by_ref();
                    return self.wait(cx, exchange, flushed);
                }
            }
        }
    }

    /// Keeps a frame and says whether it ends the hold.
    fn take(&mut self, frame: Frame<B::Data>) -> Taken {
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                // Frames of a kind that http-body may yet invent are nothing to hold.
                let Ok(trailers) = frame.into_trailers() else { return Taken::Empty };
                self.held.trailers = Some(trailers);
                self.held.body = None;
                return Taken::Due(CommitCause::EndOfBody);
            }
        };
        if !data.has_remaining() {
            let ended = self.held.body.as_ref().is_none_or(Body::is_end_stream);
            return if ended { Taken::Due(CommitCause::EndOfBody) } else { Taken::Empty };
        }
        self.held.frames.push(data);
        let Until::Bytes(most) = self.hold.until() else {
            return Taken::Due(CommitCause::FirstFrame);
        };
        if self.held.body.as_ref().is_none_or(Body::is_end_stream) {
            self.held.body = None;
            Taken::Due(CommitCause::EndOfBody)
        } else if self.held.frames.bytes() >= most {
            Taken::Due(CommitCause::Bytes)
        } else {
            Taken::More
        }
    }

    /// The body has nothing to say for now: the head waits, unless it must not.
    fn wait(&mut self, cx: &mut Context<'_>, exchange: &mut Exchange, flushed: bool) -> Poll<Last> {
        if flushed {
            return Poll::Ready(Last::Due(CommitCause::Flush));
        }
        if self.timer.is_none() {
            if hold::is_never_held(&self.held.parts.headers) {
                return Poll::Ready(Last::Due(CommitCause::NotHeld));
            }
            let timer = Timer::start(self.hold.time());
            if matches!(timer, Timer::Missing) {
                if exchange.settings.said_no_timer.first() {
                    exchange.note(Note::NoTimer);
                }
                return Poll::Ready(Last::Due(CommitCause::NotHeld));
            }
            self.timer = Some(timer);
        }
        if let Some(timer) = &mut self.timer {
            if timer.poll(cx).is_ready() {
                return Poll::Ready(Last::Due(CommitCause::Deadline));
            }
        }
        if self.lend(cx, exchange) {
            return Poll::Ready(Last::Due(CommitCause::Flush));
        }
        Poll::Pending
    }

    /// Lends the head to its readers and leaves the waker; `true` if somebody has flushed.
    fn lend(&mut self, cx: &Context<'_>, exchange: &Exchange) -> bool {
        let waker = cx.waker().clone();
        let mut state = exchange.shared.lock();
        if state.life.flushed() {
            drop(state);
            return true;
        }
        let fields = std::mem::take(&mut self.held.parts.headers);
        state.lent = Some((self.held.parts.status, fields));
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        self.lent = true;
        false
    }

    /// Takes the head back; `true` if somebody has flushed.
    fn take_back(&mut self, exchange: &Exchange) -> bool {
        self.lent = false;
        let mut state = exchange.shared.lock();
        if let Some((status, fields)) = state.lent.take() {
            self.held.parts.status = status;
            self.held.parts.headers = fields;
        }
        state.life.flushed()
    }

    /// What the hold came to.
    pub(crate) fn over(self, last: Last) -> Over<B> {
        let held = self.held;
        match last {
            Last::Due(cause) => Over::Due(cause, held),
            Last::Failed(error) => Over::Failed { error, held },
            Last::Panicked(payload) => {
                let origin = Origin::BodyPanic;
                Over::Panicked { origin, payload, planned: Some(held.into_planned()) }
            }
        }
    }
}

impl<B: Body> Held<B> {
    /// The planned head; the body and what was read of it are dropped.
    pub(crate) fn into_planned(self) -> Parts {
        let Self { parts, frames, body, trailers: _ } = self;
        contained(move || drop((frames, body)));
        parts
    }
}

/// What a frame did to the hold.
enum Taken {
    Due(CommitCause),
    More,
    Empty,
}
