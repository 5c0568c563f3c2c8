//! The hold: the inner response, its body polled ahead, until the head is due.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Buf;
use http::response::Parts;
use http::{Extensions, Response};
use http_body::{Body, Frame};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::content::Content;
use super::exchange::Exchange;
use super::hold::{self, Hold, Until};
use super::recover::Origin;
use super::stopwatch::Mark;
use crate::caught::{Payload, caught};
use crate::error::{BoxError, Error, Kind};
use crate::head::{ArrivedProvenance, CommitCause, Input, Landed, State, Verdict};
use crate::rules::framing::content_is_due;
use crate::sys::timer;

/// Frames taken in one turn before the task is given back and the deadline looked at.
const MOST_AT_ONCE: u32 = 64;

/// The most frames that are held, however small they are.
const MOST_FRAMES: usize = 1024;

/// An inner response whose head has not been committed.
pub(crate) struct Holding<B: Body> {
    hold: Hold,
    /// Others have the [`Head`](crate::Head), so status and fields are lent to the shared state.
    lent: bool,
    /// Something waited for the commit already when the inner service answered.
    pub(crate) awaited: bool,
    pub(crate) held: Held<B>,
}

/// A response and what was read ahead of its body.
pub(crate) struct Held<B: Body> {
    pub(crate) parts: Parts,
    pub(crate) content: Content<B>,
    /// The exact length that the body declared before it was polled. It is asked once, as hyper does:
    /// there are bodies that go on telling the same.
    pub(crate) declared: Option<u64>,
}

impl<B: Body> Held<B> {
    /// The exact length of the content, if it is known.
    pub(crate) fn exact(&self) -> Option<u64> {
        self.content.exact(self.declared)
    }

    /// Drops all of the content.
    pub(crate) fn clear(&mut self) {
        self.content.clear();
        self.declared = None;
    }
}

/// Why a poll of the hold was the last.
pub(crate) enum Last {
    Due(CommitCause),
    Failed(Origin, Error),
    Panicked(Origin, Payload),
}

/// What a body gave when it was polled.
type Polled<B> = Poll<Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>>;

/// What a first look at a response found.
pub(crate) enum First<B: Body> {
    /// The body declared this exact length, and gave this.
    Asked { declared: Option<u64>, polled: Polled<B> },
    /// The body panicked.
    Panicked(Payload),
    /// The response is whole, with the only frame of its content, and its head is ready.
    Whole(Option<B::Data>),
    /// The head is ready, this is the first frame, and more follows.
    Begun { declared: Option<u64>, data: B::Data },
}

impl<B: Body> Holding<B> {
    /// A response as the inner service gave it.
    pub(crate) fn of(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        let held = Held { parts, content: Content::of(body), declared: None };
        Self { hold: Hold::none(), lent: false, awaited: false, held }
    }

    /// Where there was no response.
    pub(crate) fn nothing() -> Self {
        let parts = Response::new(()).into_parts().0;
        let held = Held { parts, content: Content::none(), declared: None };
        Self { hold: Hold::none(), lent: false, awaited: false, held }
    }

    /// The whole response, to be committed.
    pub(crate) fn take_back(&mut self, exchange: &Exchange) {
        if !self.lent {
            return;
        }
        self.lent = false;
        if let Some((status, headers)) = exchange.shared.lock().lent.take() {
            (self.held.parts.status, self.held.parts.headers) = (status, headers);
        }
    }
}

impl<B> Holding<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// The inner service has answered: polls its body, unless the head is due without that.
    #[inline]
    pub(crate) fn begin(&mut self, exchange: &Exchange, cx: &mut Context<'_>) -> Poll<Last> {
        let asked = self.held.content.ask();
        match self.answered(exchange, asked) {
            Some(last) => Poll::Ready(last),
            None => self.poll(cx),
        }
    }

    /// The same, with what its body gave already.
    #[inline(never)]
    pub(crate) fn go_on(
        &mut self,
        exchange: &Exchange,
        first: First<B>,
        cx: &mut Context<'_>,
    ) -> Poll<Last> {
        let (asked, polled) = match first {
            First::Asked { declared, polled } => (Ok(declared), polled),
            First::Begun { declared, data } => {
                (Ok(declared), Poll::Ready(Some(Ok(Frame::data(data)))))
            }
            First::Whole(data) => (Ok(None), Poll::Ready(data.map(|data| Ok(Frame::data(data))))),
            First::Panicked(payload) => {
                self.held.content.drop_body();
                (Err(payload), Poll::Pending)
            }
        };
        if let Some(last) = self.answered(exchange, asked) {
            return Poll::Ready(last);
        }
        let Poll::Ready(frame) = polled else { return Poll::Pending };
        match self.took(frame) {
            Some(last) => Poll::Ready(last),
            None => self.poll(cx),
        }
    }

    /// Tells the state that the inner service has answered. With a last word the head is due without a poll: it is
    /// not held, was flushed before the answer, or its body is already over.
    fn answered(
        &mut self,
        exchange: &Exchange,
        asked: Result<Option<u64>, Payload>,
    ) -> Option<Last> {
        let Held { parts, content, declared } = &mut self.held;
        let provenance = if exchange.shared.is_watched() { arrive(exchange, parts) } else { None };
        let explicit: Option<Hold> = parts.extensions.get().copied();
        self.hold = explicit.unwrap_or(exchange.settings.hold);
        let mut state = exchange.shared.lock();
        if provenance.is_some() {
            state.record().provenance = provenance;
        }
        if exchange.shared.has_attempted() {
            take_mark(&mut state, &mut parts.extensions);
        }
        let never = self.hold.until() == Until::Never;
        state.patience = if never { Duration::ZERO } else { self.hold.time() };
        let (life, verdict) = state.life.step(Input::Answered);
        state.life = life;
        let Parts { status, headers, .. } = parts;
        self.awaited = state.has_waiting();
        let planned = if self.awaited {
            exchange.mark(Mark::Answered);
            state.plan_status(*status)
        } else {
            *status
        };
        let due = if let Verdict::Commit(cause) = verdict {
            Some(cause)
        } else if never || !content_is_due(planned, false, exchange.ability().connect) {
            Some(CommitCause::NotHeld)
        } else if content.body.is_none() {
            Some(CommitCause::EndOfBody)
        } else {
            if matches!(self.hold.until(), Until::Bytes(_))
                && explicit.is_none()
                && state.plans(*status, headers, hold::is_never_held)
            {
                // It does not wait, but a first frame that is there may still fail.
                self.hold = Hold::first_frame().deadline(self.hold.time());
            }
            None
        };
        // Whoever has the head may read it from now on; if nobody has, nobody can.
        if due.is_none() && Arc::strong_count(&exchange.shared) > 1 {
            state.lent = Some((*status, std::mem::take(headers)));
            self.lent = true;
        }
        drop(state);
        match asked {
            Ok(length) => {
                *declared = length;
                due.map(Last::Due)
            }
            Err(payload) => Some(Last::Panicked(Origin::BodyPanic, payload)),
        }
    }

    /// Polls the body until the head is due, or the body has nothing to say for now.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Last> {
        for _ in 0..MOST_AT_ONCE {
            let Some(body) = &mut self.held.content.body else {
                return Poll::Ready(Last::Due(CommitCause::EndOfBody));
            };
            let last = match caught(|| Pin::new(body).poll_frame(cx)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(frame)) => self.took(frame),
                Err(payload) => Some(Last::Panicked(Origin::BodyPanic, payload)),
            };
            if let Some(last) = last {
                return Poll::Ready(last);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The body gave a frame, its end, or an error: a last word if that ends the hold.
    fn took(&mut self, frame: Option<Result<Frame<B::Data>, B::Error>>) -> Option<Last> {
        match frame {
            Some(Ok(frame)) => self.take(frame).map(Last::Due),
            None => {
                self.held.content.drop_body();
                Some(Last::Due(CommitCause::EndOfBody))
            }
            Some(Err(error)) => {
                let error = Error::with(Kind::Body, error.into());
                Some(Last::Failed(Origin::Body, error))
            }
        }
    }

    /// Keeps a frame; a cause if it ends the hold.
    fn take(&mut self, frame: Frame<B::Data>) -> Option<CommitCause> {
        let content = &mut self.held.content;
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                // Frames of a kind that http-body may yet invent are nothing to hold.
                let trailers = frame.into_trailers().ok()?;
                content.end_with(trailers);
                return Some(CommitCause::EndOfBody);
            }
        };
        let empty = !data.has_remaining();
        if !empty {
            content.frames.push(data);
        }
        content.drop_if_over();
        if !empty && self.hold.until() == Until::FirstFrame {
            return Some(CommitCause::FirstFrame);
        }
        if content.body.is_none() {
            return Some(CommitCause::EndOfBody);
        }
        let Until::Bytes(most) = self.hold.until() else { return None };
        let full = content.frames.bytes() >= u64::from(most) || content.frames.len() >= MOST_FRAMES;
        full.then_some(CommitCause::Bytes)
    }
}

/// A watched response has come: its story, if it has one with it.
#[inline(never)]
fn arrive(exchange: &Exchange, parts: &mut Parts) -> Option<ArrivedProvenance> {
    exchange.mark(Mark::Answered);
    ArrivedProvenance::take(&mut parts.extensions, exchange.shared.exchange)
}

/// Notes which writes the response has with it.
#[cold]
fn take_mark(state: &mut State, extensions: &mut Extensions) {
    if let Some(mark) = extensions.remove::<Landed>() {
        state.arrive(mark);
    }
}

pin_project! {
    /// A hold whose body has nothing to say for now; boxed, because most responses need none.
    pub(crate) struct Waiting<B: Body> {
        holding: Option<Holding<B>>,
        #[pin]
        deadline: Sleep,
    }
}

impl<B> Waiting<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    /// Lets the head wait until `deadline`.
    pub(crate) fn new(holding: Holding<B>, deadline: Sleep) -> Pin<Box<Self>> {
        Box::pin(Self { holding: Some(holding), deadline })
    }

    /// Polls the body until the head is due.
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        exchange: &Exchange,
    ) -> Poll<Last> {
        let this = self.as_mut().project();
        let last = this.holding.as_mut().map_or(Poll::Pending, |holding| holding.poll(cx));
        if last.is_pending() { self.sleep(cx, exchange) } else { last }
    }

    /// Waits for the body, the deadline or a flush.
    pub(crate) fn sleep(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        exchange: &Exchange,
    ) -> Poll<Last> {
        let this = self.project();
        if timer::poll(this.deadline, cx).is_ready() {
            return Poll::Ready(Last::Due(CommitCause::Deadline));
        }
        match this.holding {
            Some(holding) => holding.wait(cx, exchange),
            None => Poll::Pending,
        }
    }

    /// The response, taken out to be committed.
    pub(crate) fn take(self: Pin<&mut Self>) -> Holding<B> {
        self.project().holding.take().unwrap_or_else(Holding::nothing)
    }
}

impl<B: Body> Holding<B> {
    /// The timer that ends the wait; `None` if the head must not wait, or there is no timer.
    pub(crate) fn deadline(&self, exchange: &Exchange) -> Option<Sleep> {
        if self.is_never_held(exchange) { None } else { exchange.timer(self.hold.time()) }
    }

    /// Whether this response is of a kind that must not wait, by its planned fields. One that says
    /// itself how it is held may wait whatever its kind.
    fn is_never_held(&self, exchange: &Exchange) -> bool {
        if self.held.parts.extensions.get::<Hold>().is_some() {
            return false;
        }
        let state = exchange.shared.lock();
        let Parts { status, headers, .. } = &self.held.parts;
        match &state.lent {
            Some((status, lent)) => state.plans(*status, lent, hold::is_never_held),
            None => state.plans(*status, headers, hold::is_never_held),
        }
    }

    /// Leaves the waker for a flush, unless there was one, or a late write says not to wait.
    fn wait(&self, cx: &Context<'_>, exchange: &Exchange) -> Poll<Last> {
        if !self.lent {
            return Poll::Pending;
        }
        let waker = cx.waker().clone();
        let mut state = exchange.shared.lock();
        if state.life.flushed() {
            return Poll::Ready(Last::Due(CommitCause::Flush));
        }
        let old = state.waker.replace(waker);
        drop(state);
        drop(old);
        let cause = CommitCause::NotHeld;
        if self.is_never_held(exchange) { Poll::Ready(Last::Due(cause)) } else { Poll::Pending }
    }
}
