//! One call of a tower service, and what it waits for.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::BoxError;

pin_project! {
    /// A call that is made when the service is ready for it.
    #[project = OnceProj]
    #[derive(Debug)]
    pub(super) enum Once<S: Service<R>, R> {
        Waiting { service: S, request: Option<R> },
        Called { #[pin] answer: S::Future },
        Refused { error: Option<BoxError> },
    }
}

impl<S: Service<R, Error: Into<BoxError>>, R> Once<S, R> {
    /// Not made at all: it is not to be polled.
    pub(super) const fn never() -> Self {
        Self::Refused { error: None }
    }

    /// Made when it is polled.
    pub(super) const fn later(service: S, request: R) -> Self {
        Self::Waiting { service, request: Some(request) }
    }

    /// Made now, if the service is ready now.
    ///
    /// hyper reads on after it has handed a request over, and can use its buffer again only if nobody
    /// holds on to a part of it: a service that takes what it needs when it is called saves the next
    /// request an allocation.
    pub(super) fn now(mut service: S, request: R) -> Self {
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Self::Called { answer: service.call(request) },
            Poll::Ready(Err(error)) => Self::Refused { error: Some(error.into()) },
            // It is asked again by whoever polls, who is woken.
            Poll::Pending => Self::later(service, request),
        }
    }
}

impl<S: Service<R, Error: Into<BoxError>>, R> Future for Once<S, R> {
    type Output = Result<S::Response, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match self.as_mut().project() {
                OnceProj::Waiting { service, request } => {
                    ready!(service.poll_ready(cx)).map_err(Into::into)?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    let answer = service.call(request);
                    self.set(Self::Called { answer });
                }
                OnceProj::Called { answer } => return answer.poll(cx).map_err(Into::into),
                OnceProj::Refused { error } => {
                    return error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    /// Ready when it is asked for the `after`th time; whoever asked before is woken at once.
    #[derive(Clone)]
    struct Slow {
        after: u32,
        asked: u32,
        calls: Arc<AtomicU32>,
    }

    impl Slow {
        fn new(after: u32) -> Self {
            Self { after, asked: 0, calls: Arc::default() }
        }
    }

    impl Service<&'static str> for Slow {
        type Response = &'static str;
        type Error = Infallible;
        type Future = Ready<Result<&'static str, Infallible>>;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.asked += 1;
            if self.asked < self.after {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: &'static str) -> Self::Future {
            assert!(self.asked >= self.after, "called before it was ready");
            self.calls.fetch_add(1, Ordering::Relaxed);
            ready(Ok(request))
        }
    }

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll<F: Future>(future: Pin<&mut F>) -> (Poll<F::Output>, u32) {
        let woken = Arc::new(Woken::default());
        let polled = future.poll(&mut Context::from_waker(&Arc::clone(&woken).into()));
        (polled, woken.0.load(Ordering::Relaxed))
    }

    #[test]
    fn a_service_that_is_ready_is_called_before_anybody_polls() {
        let slow = Slow::new(1);
        let calls = Arc::clone(&slow.calls);
        let mut later = Box::pin(Once::later(slow.clone(), "later"));
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        let mut now = Box::pin(Once::now(slow, "now"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert!(matches!(poll(now.as_mut()).0, Poll::Ready(Ok("now"))));
        assert!(matches!(poll(later.as_mut()).0, Poll::Ready(Ok("later"))));
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn one_that_is_not_is_called_once_when_it_is_and_wakes_who_polls() {
        let slow = Slow::new(3);
        let calls = Arc::clone(&slow.calls);
        let mut once = Box::pin(Once::now(slow, "a"));
        let (polled, woken) = poll(once.as_mut());
        assert!(polled.is_pending());
        assert_eq!((woken, calls.load(Ordering::Relaxed)), (1, 0));
        assert!(matches!(poll(once.as_mut()).0, Poll::Ready(Ok("a"))));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn one_that_fails_is_not_called() {
        struct Broken;

        impl Service<()> for Broken {
            type Response = ();
            type Error = &'static str;
            type Future = Ready<Result<(), &'static str>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
                Poll::Ready(Err("out of order"))
            }

            fn call(&mut self, (): ()) -> Self::Future {
                panic!("called");
            }
        }

        for mut once in [Box::pin(Once::now(Broken, ())), Box::pin(Once::later(Broken, ()))] {
            let Poll::Ready(Err(error)) = poll(once.as_mut()).0 else { panic!("no error") };
            assert_eq!(error.to_string(), "out of order");
        }
    }
}
