//! The response future: the inner service's answer, held until there is something true to say.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::ResponseBody;
use super::commit::{Answer, commit};
use super::exchange::Exchange;
use super::holding::{Holding, Over};
use super::recover::Origin;
use crate::caught::{Payload, caught, contained, discard, message};
use crate::error::{BoxError, Error, Kind};
use crate::head::Outcome;

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
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B: Body> {
        // The inner service is at work.
        Running { #[pin] future: F },
        // It panicked before there was a future.
        Panicked { payload: Option<Payload> },
        // It has answered, and the head is held.
        Holding { holding: Option<Holding<B>> },
        // A layer further out owns the head.
        Nested { #[pin] future: F },
        Done,
    }
}

impl<F, B: Body> ResponseFuture<F, B> {
    pub(crate) fn new(called: Result<F, Payload>, exchange: Exchange) -> Self {
        let state = match called {
            Ok(future) => State::Running { future },
            Err(payload) => State::Panicked { payload: Some(payload) },
        };
        Self { state, exchange: Some(exchange) }
    }

    pub(crate) const fn nested(future: F) -> Self {
        Self { state: State::Nested { future }, exchange: None }
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
        loop {
            let over = match this.state.as_mut().project() {
                StateProj::Nested { future } => {
                    let answer = ready!(future.poll(cx));
                    this.state.set(State::Done);
                    return Poll::Ready(answer.map(|response| response.map(ResponseBody::nested)));
                }
                StateProj::Running { future } => {
                    let answer = match caught(|| future.poll(cx)) {
                        Ok(Poll::Pending) => return Poll::Pending,
                        Ok(Poll::Ready(answer)) => Ok(answer),
                        Err(payload) => Err(payload),
                    };
                    // The handler's future is dropped here, as it is without the layer; its
                    // drop may panic, too.
                    let dropped = caught(|| this.state.set(State::Done));
                    match (answer, dropped) {
                        (Ok(Ok(response)), Ok(())) => {
                            let Some(exchange) = this.exchange.as_mut() else { continue };
                            let holding = Holding::begin(response, exchange);
                            this.state.set(State::Holding { holding: Some(holding) });
                            continue;
                        }
                        (Ok(Err(error)), Ok(())) => {
                            let Some(mut exchange) = this.exchange.take() else { continue };
                            if exchange.passes_through(Origin::Service) {
                                exchange.end(Outcome::Aborted(Error::new(Kind::Service)));
                                return Poll::Ready(Err(error));
                            }
                            let error = Error::with(Kind::Service, error.into());
                            let answer = exchange.answer_error(Origin::Service, &error);
                            return Poll::Ready(Ok(commit(exchange, Answer::bare(answer, error))));
                        }
                        (Err(payload), Ok(())) | (Ok(_), Err(payload)) => {
                            Over::Panicked { origin: Origin::ServicePanic, payload, planned: None }
                        }
                        (Err(payload), Err(second)) => {
                            discard(second);
                            Over::Panicked { origin: Origin::ServicePanic, payload, planned: None }
                        }
                    }
                }
                StateProj::Panicked { payload } => {
                    let payload = payload.take();
                    this.state.set(State::Done);
                    let Some(payload) = payload else { continue };
                    Over::Panicked { origin: Origin::ServicePanic, payload, planned: None }
                }
                StateProj::Holding { holding } => {
                    let (Some(held), Some(exchange)) = (holding.as_mut(), this.exchange.as_mut())
                    else {
                        this.state.set(State::Done);
                        continue;
                    };
                    let verdict = ready!(held.poll(cx, exchange));
                    let held = holding.take();
                    this.state.set(State::Done);
                    let Some(held) = held else { continue };
                    held.over(verdict)
                }
                StateProj::Done => panic!("`ResponseFuture` polled after it was ready"),
            };
            let Some(exchange) = this.exchange.take() else { continue };
            return Poll::Ready(Ok(respond(exchange, over)));
        }
    }
}

/// Commits what the hold came to.
fn respond<B>(mut exchange: Exchange, over: Over<B>) -> Response<ResponseBody<B>>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    match over {
        Over::Due(cause, held) => commit(exchange, Answer::Held { cause, held }),
        Over::Failed { error, held } if exchange.passes_through(Origin::Body) => {
            commit(exchange, Answer::Broken { error, held })
        }
        Over::Failed { error, held } => {
            let answer = exchange.answer_error(Origin::Body, &error);
            commit(exchange, Answer::Instead { planned: Some(held.into_planned()), answer, error })
        }
        Over::Panicked { origin, payload, planned } => {
            if exchange.passes_through(origin) {
                exchange.end(Outcome::Aborted(Error::new(panicked(&payload))));
                contained(move || drop(planned));
                std::panic::resume_unwind(payload);
            }
            let answer = exchange.answer_panic(origin, payload.as_ref());
            let error = Error::new(panicked(&payload));
            discard(payload);
            commit(exchange, Answer::Instead { planned, answer, error })
        }
    }
}

pub(crate) fn panicked(payload: &Payload) -> Kind {
    Kind::Panic(message(payload.as_ref()).to_owned())
}

impl<F, B: Body> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
