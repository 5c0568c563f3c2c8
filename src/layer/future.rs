//! The response future: the inner service's answer, held until there is something true to say.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http::response::Parts;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::commit::{commit, commit_instead};
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::give::give;
use super::holding::{First, Held, Holding, Last, Waiting};
use super::kept::Kept;
use super::panics::{first_panic, panicked};
use super::recover::Origin;
use super::whole::{self, Outlook};
use crate::caught::{Payload, caught, contained, discard};
use crate::error::{BoxError, Error, Kind};
use crate::head::{CommitCause, Outcome};

pin_project! {
    /// The future of a [`Letterhead`](crate::Letterhead) service: a response whose head is
    /// committed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the inner future or the held response, and delivers the receipt with the
    /// outcome [`Dropped`](Outcome::Dropped).
    #[must_use = "futures do nothing unless they are polled"]
    pub struct ResponseFuture<F, B: Body> {
        #[pin]
        state: State<F, B>,
        // `None` for a nested layer, and once the body has it.
        exchange: Option<Exchange>,
        // Of a nested layer: what goes with its response. Beside the state, whose drop stays small so.
        inside: Option<Arc<Enclosed>>,
    }

    impl<F, B: Body> PinnedDrop for ResponseFuture<F, B> {
        fn drop(this: Pin<&mut Self>) {
            // What is dropped here is not ours, and may panic.
            let mut this = this.project();
            if !matches!(this.state.as_mut().project(), StateProj::Done) {
                contained(|| this.state.set(State::Done));
            }
        }
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B: Body> {
        // The inner service is at work.
        Running { #[pin] future: F },
        // It panicked before there was a future.
        Panicked { payload: Option<Payload> },
        // It has answered, and the body has nothing to say yet.
        Waiting { waiting: Pin<Box<Waiting<B>>> },
        // A layer further out owns the head.
        Nested { #[pin] future: F },
        Done,
    }
}

impl<F, B: Body> ResponseFuture<F, B> {
    pub(crate) fn new(called: Result<F, Payload>, exchange: Exchange) -> Self {
        // Each arm makes all of it, so that a large future is moved once.
        match called {
            Ok(future) => {
                let state = State::Running { future };
                Self { state, exchange: Some(exchange), inside: None }
            }
            Err(payload) => {
                let state = State::Panicked { payload: Some(payload) };
                Self { state, exchange: Some(exchange), inside: None }
            }
        }
    }

    pub(crate) const fn nested(future: F, inside: Option<Arc<Enclosed>>) -> Self {
        Self { state: State::Nested { future }, exchange: None, inside }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Into<BoxError>,
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        match this.state.as_mut().project() {
            StateProj::Nested { future } => {
                let mut answer = ready!(future.poll(cx));
                if let (Ok(response), Some(inside)) = (&mut answer, this.inside.take()) {
                    inside.send(response.extensions_mut());
                }
                this.state.set(State::Done);
                Poll::Ready(answer.map(|response| response.map(ResponseBody::nested)))
            }
            StateProj::Running { future } => {
                // Written from inside, because a large value is dear to hand through `caught`.
                let mut answer = Poll::Pending;
                let polled = caught(|| answer = future.poll(cx));
                if polled.is_ok() && answer.is_pending() {
                    return Poll::Pending;
                }
                // The handler's future is dropped here, as it is without the layer; its drop may
                // panic, too.
                let dropped = caught(|| this.state.set(State::Done));
                let exchange = this.exchange.take().expect(READY);
                if let Some(payload) = first_panic(polled, dropped) {
                    let last = Last::Panicked(Origin::ServicePanic, payload);
                    return Poll::Ready(Ok(respond(exchange, Holding::nothing(), last)));
                }
                match answer {
                    Poll::Ready(Ok(response)) => {
                        hold(response, exchange, cx, |exchange, waiting| {
                            *this.exchange = Some(exchange);
                            this.state.set(State::Waiting { waiting });
                        })
                    }
                    Poll::Ready(Err(error)) => Poll::Ready(refuse(exchange, error)),
                    Poll::Pending => Poll::Pending,
                }
            }
            StateProj::Panicked { payload } => {
                let payload = payload.take().expect(READY);
                this.state.set(State::Done);
                let exchange = this.exchange.take().expect(READY);
                let last = Last::Panicked(Origin::ServicePanic, payload);
                Poll::Ready(Ok(respond(exchange, Holding::nothing(), last)))
            }
            StateProj::Waiting { waiting } => {
                let exchange = this.exchange.as_ref().expect(READY);
                let last = ready!(waiting.as_mut().poll(cx, exchange));
                let holding = waiting.as_mut().take();
                this.state.set(State::Done);
                let exchange = this.exchange.take().expect(READY);
                Poll::Ready(Ok(respond(exchange, holding, last)))
            }
            StateProj::Done => panic!("{READY}"),
        }
    }
}

/// Looks at the inner response, and commits its head unless there is something to wait for: that `wait` is given.
#[inline]
fn hold<B, E>(
    mut response: Response<B>,
    mut exchange: Exchange,
    cx: &mut Context<'_>,
    wait: impl FnOnce(Exchange, Pin<Box<Waiting<B>>>),
) -> Poll<Result<Response<ResponseBody<B>>, E>>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    let Some(outlook) = Outlook::of(&response, &mut exchange) else {
        let mut holding = Holding::of(response);
        let last = holding.begin(&exchange, cx);
        return held(exchange, holding, last, cx, wait);
    };
    match whole::ask(&mut response, &mut exchange, &outlook, cx) {
        First::Whole(data) => {
            exchange.dismiss();
            Poll::Ready(Ok(response.map(|body| {
                contained(move || drop(body));
                ResponseBody::whole(data)
            })))
        }
        First::Begun { declared, data } => {
            Poll::Ready(Ok(response
                .map(|body| ResponseBody::kept(Kept::begun(body, declared, data, exchange)))))
        }
        first @ (First::Asked { .. } | First::Panicked(_)) => {
            let mut holding = Holding::of(response);
            let last = holding.go_on(&exchange, first, cx);
            held(exchange, holding, last, cx, wait)
        }
    }
}

/// Commits the head that is due, or has it wait.
fn held<B, E>(
    exchange: Exchange,
    holding: Holding<B>,
    last: Poll<Last>,
    cx: &mut Context<'_>,
    wait: impl FnOnce(Exchange, Pin<Box<Waiting<B>>>),
) -> Poll<Result<Response<ResponseBody<B>>, E>>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    if let Poll::Ready(last) = last {
        return Poll::Ready(Ok(respond(exchange, holding, last)));
    }
    let Some(deadline) = holding.deadline(&exchange) else {
        let last = Last::Due(CommitCause::NotHeld);
        return Poll::Ready(Ok(respond(exchange, holding, last)));
    };
    let mut waiting = Waiting::new(holding, deadline);
    match waiting.as_mut().sleep(cx, &exchange) {
        Poll::Pending => {
            wait(exchange, waiting);
            Poll::Pending
        }
        Poll::Ready(last) => {
            let holding = waiting.as_mut().take();
            Poll::Ready(Ok(respond(exchange, holding, last)))
        }
    }
}

const READY: &str = "`ResponseFuture` polled after it was ready";

/// Commits what the hold came to and makes the response that the server is given.
fn respond<B>(
    mut exchange: Exchange,
    mut holding: Holding<B>,
    last: Last,
) -> Response<ResponseBody<B>>
where
    B: Body,
    B::Data: From<Bytes>,
{
    holding.take_back(&exchange);
    let (held, awaited) = (&mut holding.held, holding.awaited);
    let mut broken = None;
    let terms = match last {
        Last::Due(cause) => commit(&exchange, held, awaited, cause),
        Last::Failed(Origin::Body, error) if exchange.passes_through(Origin::Body) => {
            broken = Some(error);
            commit(&exchange, held, awaited, CommitCause::NotHeld)
        }
        Last::Failed(origin, error) => {
            let answer = exchange.answer_error(origin, &error, planned(origin, held));
            commit_instead(&exchange, held, answer, error)
        }
        Last::Panicked(origin, payload) => {
            let error = Error::new(panicked(&payload));
            if exchange.passes_through(origin) {
                exchange.end(Outcome::Aborted(error));
                contained(move || drop(holding));
                std::panic::resume_unwind(payload);
            }
            let answer = exchange.answer_panic(origin, payload.as_ref(), planned(origin, held));
            discard(payload);
            commit_instead(&exchange, held, answer, error)
        }
    };
    give(exchange, holding, terms, broken)
}

/// The head of the response that failed, if it came to one.
const fn planned<B: Body>(origin: Origin, held: &Held<B>) -> Option<&Parts> {
    match origin {
        Origin::Service | Origin::ServicePanic => None,
        Origin::Body | Origin::BodyPanic | Origin::Hook => Some(&held.parts),
    }
}

/// Answers for a service that failed, or hands its error on.
fn refuse<B, E>(mut exchange: Exchange, error: E) -> Result<Response<ResponseBody<B>>, E>
where
    B: Body,
    B::Data: From<Bytes>,
    E: Into<BoxError>,
{
    if exchange.passes_through(Origin::Service) {
        exchange.end(Outcome::Aborted(Error::new(Kind::Service)));
        return Err(error);
    }
    let error = Error::with(Kind::Service, error.into());
    Ok(respond(exchange, Holding::nothing(), Last::Failed(Origin::Service, error)))
}

impl<F, B: Body> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
