//! The handler and the layers of a plan.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use letterhead::{Head, named};
use tower::layer::layer_fn;
use tower::util::BoxCloneService;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::Answer;
use crate::body::{self, Script, value};
use crate::plan::{Act, Answers, Plan};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Boxed = BoxCloneService<Request<()>, Answer, BoxError>;
type Answering = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

/// The response as it came out of the stack.
pub(crate) struct Arrived {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    /// Whose response it is; `None` if a layer made it.
    pub(crate) attempt: Option<usize>,
}

const MADE_BY: HeaderName = HeaderName::from_static("x-made-by");

/// Everything inside of the layer.
pub(crate) fn stack(plan: &Plan, arrived: Arc<Mutex<Option<Arrived>>>) -> Boxed {
    let mut service = handler(plan);
    for (number, (act, is_named)) in plan.layers.iter().enumerate() {
        let act = *act;
        service = if *is_named {
            let layer = layer_fn(move |inner| Acting { inner, act, number });
            Boxed::new(named(format!("layer {number}"), layer).layer(service))
        } else {
            Boxed::new(Acting { inner: service, act, number })
        };
    }
    Boxed::new(service.map_response(move |response| {
        let attempt = response.headers().get(MADE_BY);
        let attempt = attempt.map(|number| number.to_str().unwrap().parse().unwrap());
        let (status, fields) = (response.status(), response.headers().clone());
        *arrived.lock().unwrap() = Some(Arrived { status, fields, attempt });
        response
    }))
}

fn handler(plan: &Plan) -> Boxed {
    let calls = Arc::new(AtomicUsize::new(0));
    let plan = plan.clone();
    Boxed::new(service_fn(move |request: Request<()>| {
        let number = calls.fetch_add(1, Ordering::Relaxed).min(1);
        let (attempt, hook) = (plan.attempts[number].clone(), plan.hook.clone());
        async move {
            let head = Head::of(request.extensions()).ok();
            drop(request);
            if let Some(head) = &head {
                for written in &attempt.writes {
                    body::write(head, written, &format!("head{number}"));
                }
                if !attempt.writes.is_empty() {
                    let _ = head.append("set-cookie", format!("attempt={number}"));
                }
                if let Some(hook) = hook {
                    let _ = head.before_commit(move |draft| body::draft(draft, &hook));
                }
            }
            match attempt.how {
                Answers::Err => return Err("planned".into()),
                Answers::Panic => std::panic::resume_unwind(Box::new("planned")),
                Answers::Never => std::future::pending::<()>().await,
                Answers::Response => {}
            }
            let mut response = Response::new(Script::new(attempt.body, head));
            *response.status_mut() = StatusCode::from_u16(attempt.status).unwrap();
            for field in attempt.fields {
                response.headers_mut().insert(field, value(field, "handler"));
            }
            response.headers_mut().insert(MADE_BY, HeaderValue::from(number));
            Ok::<_, BoxError>(response)
        }
    }))
}

#[derive(Clone)]
struct Acting<S> {
    inner: S,
    act: Act,
    number: usize,
}

impl<S> Service<Request<()>> for Acting<S>
where
    S: Service<Request<()>, Response = Answer, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let who = format!("layer{}", self.number);
        let mut copy = Request::new(());
        *copy.extensions_mut() = request.extensions().clone();
        (*copy.method_mut(), *copy.version_mut()) = (request.method().clone(), request.version());
        let answer: Answering = Box::pin(self.inner.call(request));
        match self.act {
            Act::Insert(field) => changed(answer, move |response| {
                response.headers_mut().insert(field, value(field, &who));
            }),
            Act::Append(field) => changed(answer, move |response| {
                response.headers_mut().append(field, value(field, &who));
            }),
            Act::Page => changed(answer, |response| {
                if response.status().as_u16() >= 400 {
                    *response = own(response.status());
                }
            }),
            Act::Fresh => changed(answer, |response| {
                if let Some(tag) = response.headers().get(header::ETAG).cloned() {
                    *response = own(StatusCode::NOT_MODIFIED);
                    response.headers_mut().insert(header::ETAG, tag);
                }
            }),
            Act::Retry => {
                let inner = self.inner.clone();
                Box::pin(async move {
                    match answer.await {
                        Ok(response) if response.status().as_u16() < 400 => Ok(response),
                        _ => inner.oneshot(copy).await,
                    }
                })
            }
            Act::TimeOut => {
                let (mut answer, mut patience) = (answer, 3);
                Box::pin(std::future::poll_fn(move |cx| match answer.as_mut().poll(cx) {
                    Poll::Ready(answer) => Poll::Ready(answer),
                    Poll::Pending if patience == 0 => {
                        Poll::Ready(Ok(own(StatusCode::SERVICE_UNAVAILABLE)))
                    }
                    Poll::Pending => {
                        patience -= 1;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                }))
            }
            Act::Catch => Box::pin(async move {
                let caught = futures_util::FutureExt::catch_unwind(AssertUnwindSafe(answer)).await;
                Ok(match caught {
                    Ok(Ok(response)) => response,
                    Ok(Err(_)) | Err(_) => own(StatusCode::INTERNAL_SERVER_ERROR),
                })
            }),
        }
    }
}

fn changed(answer: Answering, change: impl FnOnce(&mut Answer) + Send + 'static) -> Answering {
    Box::pin(async move {
        let mut response = answer.await?;
        change(&mut response);
        Ok(response)
    })
}

/// A response that a layer makes itself.
fn own(status: StatusCode) -> Answer {
    let mut response = Response::new(Script::empty());
    *response.status_mut() = status;
    response
}
