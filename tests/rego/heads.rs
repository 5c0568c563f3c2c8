//! Heads as a layer's commit makes them, in front of a policy.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use letterhead::deny::{Deny as _, FinalHead, Verdict};
use letterhead::{LetterheadLayer, Rego, Rules};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// A policy that is not cut because the machine is loaded.
pub(crate) fn patient(text: &str) -> Rego {
    Rego::parse("deny.rego", text).unwrap().max_time(std::time::Duration::from_secs(60))
}

/// What one policy says of one response, and the head that it was given, looked at by `look`.
pub(crate) async fn judged<R: Send + 'static>(
    rego: Rego,
    request: Request<Full<Bytes>>,
    response: Response<Full<Bytes>>,
    is_watched: bool,
    look: impl Fn(&FinalHead<'_>) -> R + Send + Sync + 'static,
) -> (Verdict, R) {
    let seen = Arc::new(Mutex::new(None));
    let there = Arc::clone(&seen);
    let layer = LetterheadLayer::new().deny(move |head: &FinalHead<'_>| {
        *there.lock().unwrap() = Some((rego.deny(head), look(head)));
        Verdict::allow()
    });
    let layer = if is_watched { layer.rules(Rules::standard()) } else { layer };
    let response = Mutex::new(Some(response));
    let service = service_fn(|_: Request<Full<Bytes>>| {
        let response = response.lock().unwrap().take().unwrap();
        async move { Ok::<_, Infallible>(response) }
    });
    layer.layer(service).oneshot(request).await.unwrap();
    seen.lock().unwrap().take().unwrap()
}

/// What one policy says of a plain response with these fields.
pub(crate) async fn of_fields(rego: &Rego, fields: &[(&str, &str)]) -> Verdict {
    let mut response = Response::builder();
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    let response = response.body(Full::default()).unwrap();
    judged(rego.clone(), Request::new(Full::default()), response, false, |_| ()).await.0
}
