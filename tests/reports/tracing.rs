//! Responses and conflicts as events, seen by a subscriber of our own.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use letterhead::report::{Background, Reporter, Tracing};
use letterhead::{Head, LetterheadLayer, Receipt, Rules};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::classify::ServerErrorsFailureClass;
use tower_http::trace::TraceLayer;
use tracing::{Instrument as _, Level};

use crate::app;
use crate::ear::{Heard, Told};

async fn told(reporter: Tracing) -> Vec<Told> {
    let (heard, _here) = Heard::here();
    let layer = app::reported(reporter);
    assert_eq!(app::plain(&layer).await, StatusCode::OK);
    assert_eq!(app::odd(&layer).await, StatusCode::OK);
    let told = heard.take();
    app::check_secrets(&format!("{told:?}"));
    told
}

#[tokio::test]
async fn each_response_is_one_event() {
    let told = told(Tracing::new()).await;
    let events: Vec<_> = told.iter().map(|told| (told.level, told.get("path"))).collect();
    assert_eq!(events, [(Level::DEBUG, "/plain"), (Level::WARN, "/odd")]);
    assert_eq!(told[0].get("message"), "response over");
    assert_eq!(told[1].get("message"), "conflicts in the head");
    let conflicts = told[1].get("conflicts");
    let server =
        "overwritten server: layer inner, then layer outer; `mine` became `yours`; reported";
    assert!(conflicts.split(" | ").any(|conflict| conflict == server), "{conflicts}");
    assert_eq!(told[1].get("notes"), "content-length says 9, body has 4: sent 4");
    let fields: Vec<_> = told[1].fields.keys().copied().collect();
    let expected = [
        "cause",
        "conflicts",
        "duration",
        "held",
        "hold_time",
        "hooks",
        "message",
        "method",
        "notes",
        "outcome",
        "path",
        "sent",
        "status",
        "version",
        "writes",
    ];
    assert_eq!(fields, expected, "what is not known is left out");
    assert_eq!((told[1].get("held"), told[1].get("sent")), ("4", "4"));
}

#[tokio::test]
async fn each_conflict_is_one_event_with_both_writers_if_that_is_asked_for() {
    let told = told(Tracing::new().each_conflict(true)).await;
    let rules = told.iter().filter(|told| told.fields.contains_key("rule"));
    let mut rules: Vec<_> =
        rules.map(|told| (told.get("rule"), told.get("field"), told.level)).collect();
    rules.sort_unstable();
    assert_eq!(
        rules,
        [
            ("framing", "(none)", Level::WARN),
            ("late-write", "x-late", Level::WARN),
            ("list-replaced", "set-cookie", Level::INFO),
            ("overwritten", "server", Level::WARN),
            ("overwritten", "x-token", Level::WARN),
        ]
    );
    assert_eq!(told.len(), 7, "and one for each response");
    let server = told.iter().find(|told| told.get("field") == "server").unwrap();
    assert_eq!(server.get("first"), "layer inner");
    assert_eq!(server.get("second"), "layer outer");
    assert_eq!(server.get("action"), "report");
    assert_eq!(server.get("settled"), "reported");
    assert_eq!(server.get("detail"), "(none)");
    assert_eq!(server.get("method"), "GET");
    assert_eq!(server.get("path"), "/odd");
    assert_eq!(server.get("route"), "(none)");
    assert_eq!(server.get("status"), "200");
    assert_eq!(
        server.get("message"),
        "overwritten server: layer inner, then layer outer; `mine` became `yours`; reported"
    );
    let cookie = told.iter().find(|told| told.get("field") == "set-cookie").unwrap();
    assert_eq!((cookie.get("action"), cookie.get("settled")), ("merge", "resolved"));
    let framing = told.iter().find(|told| told.get("rule") == "framing").unwrap();
    assert_eq!(framing.get("detail"), "content-length says 9, body has 4: sent 4");
}

#[tokio::test]
async fn an_event_has_the_route_and_the_path() {
    let (heard, _here) = Heard::here();
    app::routed(&app::reported(Tracing::new())).await;
    let told = heard.take();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].get("path"), told[0].get("route")), ("/users/7", "/users/{id}"));
}

#[tokio::test]
async fn a_denied_head_is_one_event() {
    let (heard, _here) = Heard::here();
    let layer = app::reported(Tracing::new()).deny(|head: &letterhead::deny::FinalHead<'_>| {
        vec![format!("no {}", head.path()), "two\nlines".to_owned()]
    });
    assert_eq!(app::plain(&layer).await, StatusCode::INTERNAL_SERVER_ERROR);
    let told = heard.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].level, told[0].get("message")), (Level::WARN, "head denied"));
    assert_eq!(told[0].get("denied"), "no /plain; two\\nlines");
    assert_eq!((told[0].get("path"), told[0].get("status")), ("/plain", "500"));
    assert_eq!(told[0].get("failure"), "a deny rule refused the response head");
}

#[tokio::test]
async fn what_only_impairs_the_layer_is_a_warning() {
    let (heard, _here) = Heard::here();
    let app = LetterheadLayer::new().layer(service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let app = LetterheadLayer::new().reporter(Tracing::new()).layer(app);
    for expected in [Level::WARN, Level::DEBUG] {
        let response = app.clone().oneshot(Request::new(Full::default())).await.unwrap();
        drop(response.into_body().collect().await.map_err(|_| ()).unwrap());
        let told = heard.take();
        assert_eq!((told.len(), told[0].level), (1, expected), "it is said once: {told:?}");
    }
}

#[tokio::test]
async fn an_event_stands_in_the_span_of_its_request_wherever_the_response_ends() {
    let (heard, _here) = Heard::here();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(Tracing::new());
    let app = layer.layer(service_fn(|_: Request<()>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"fine"))))
    }));
    let call = async { app.clone().oneshot(Request::new(())).await.unwrap() };
    let response = call.instrument(tracing::info_span!("outer", path = "/")).await;
    let collected = async { drop(response.into_body().collect().await.map_err(|_| ()).unwrap()) };
    let elsewhere = tracing::info_span!("elsewhere", path = "/");
    tokio::spawn(collected.instrument(elsewhere)).await.unwrap();
    let told = heard.take();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].spans, ["outer /"], "and not in that of the task that ended it");

    // Without a span of its own it stands where the response ended.
    let response = app.oneshot(Request::new(())).await.unwrap();
    drop(response.into_body().collect().await.map_err(|_| ()).unwrap());
    assert!(heard.take()[0].spans.is_empty());
}

async fn panicking() -> &'static str {
    panic!("the handler's own")
}

/// What the guide says of `TraceLayer` outside of the layer.
#[tokio::test]
async fn a_trace_layer_outside_sees_the_head_that_went_out() {
    let failures = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&failures);
    let trace = TraceLayer::new_for_http().on_failure(
        move |failure: ServerErrorsFailureClass, _: std::time::Duration, _: &tracing::Span| {
            seen.lock().unwrap().push(failure.to_string());
        },
    );
    let app = axum::Router::new()
        .route("/panics", axum::routing::get(panicking))
        .route(
            "/fails",
            axum::routing::get(async || {
                let gone = std::io::Error::from(std::io::ErrorKind::StaleNetworkFileHandle);
                axum::body::Body::from_stream(tokio_stream::iter([Err::<Bytes, _>(gone)]))
            }),
        )
        .layer(LetterheadLayer::new().reporter(Tracing::new()))
        .layer(trace);
    for (path, status) in [("/fails", 503), ("/panics", 500)] {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        drop(response.into_body().collect().await.unwrap());
    }
    let failures = failures.lock().unwrap();
    let expected =
        ["Status code: 503 Service Unavailable", "Status code: 500 Internal Server Error"];
    assert_eq!(*failures, expected);
}

/// Asks a router without the layer, twice.
async fn without_the_layer(app: axum::Router, path: &str) {
    for _ in 0..2 {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(
            !String::from_utf8_lossy(&body).contains("Letterhead"),
            "the client is told nothing"
        );
    }
}

#[tokio::test]
async fn a_missing_layer_is_told_of_once_for_each_route_with_what_to_do() {
    let (heard, _here) = Heard::here();
    let handler = || axum::routing::get(async |_: Head| "hello");
    let within = axum::Router::new().route("/within/{id}", handler());
    let app = axum::Router::new()
        .route("/missing/{id}", handler())
        .route("/optional", axum::routing::get(async |_: Option<Head>| "hello"))
        .nest("/nested", within)
        .fallback(handler());
    without_the_layer(app.clone(), "/missing/1?key=s3cr3t-tok").await;
    without_the_layer(app.clone(), "/nested/within/1").await;
    without_the_layer(app.clone(), "/no-route").await;
    let optional = Request::get("/optional").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(optional).await.unwrap().status(), StatusCode::OK);

    let told = heard.take();
    let places: Vec<_> = told.iter().map(|told| (told.get("route"), told.get("path"))).collect();
    assert_eq!(
        places,
        [
            ("/missing/{id}", "/missing/1"),
            ("/nested/within/{id}", "/nested/within/1"),
            ("(none)", "/no-route"),
        ]
    );
    for told in &told {
        assert_eq!(told.level, Level::WARN);
        assert!(told.get("remedy").contains("`.layer(LetterheadLayer::new())`"), "{told:?}");
        assert!(
            told.get("message").starts_with("no `Head` in the request's extensions: "),
            "{told:?}"
        );
        assert!(told.get("message").ends_with(told.get("remedy")), "{told:?}");
    }
    app::check_secrets(&format!("{told:?}"));
}

/// Tells by the subscriber of another thread.
struct Lent(Tracing, tracing::Dispatch);

impl Reporter for Lent {
    fn report(&self, receipt: &Receipt) {
        tracing::dispatcher::with_default(&self.1, || self.0.report(receipt));
    }

    fn needs_times(&self) -> bool {
        self.0.needs_times()
    }

    fn needs_span(&self) -> bool {
        self.0.needs_span()
    }
}

#[tokio::test]
async fn a_background_hands_times_and_span_on() {
    let (heard, _here) = Heard::here();
    let lent = Lent(Tracing::new(), tracing::dispatcher::get_default(Clone::clone));
    let background = Arc::new(Background::new(lent, 8).unwrap());
    let layer = LetterheadLayer::new().reporter(Arc::clone(&background));
    let call = app::plain(&layer).instrument(tracing::info_span!("request", path = "/plain"));
    assert_eq!(call.await, StatusCode::OK);
    assert!(background.shutdown());
    let told = heard.take();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].spans, ["request /plain"]);
    assert!(told[0].fields.contains_key("duration"));
}

/// The level, the message and the outcome of a response that is left after so many frames.
async fn left(request: Request<()>, answer: fn() -> Response<Full<Bytes>>, frames: usize) -> Told {
    let (heard, _here) = Heard::here();
    let layer = LetterheadLayer::new().reporter(Tracing::new());
    let app = layer.layer(service_fn(move |_: Request<()>| async move {
        Ok::<_, std::convert::Infallible>(answer())
    }));
    let mut response = app.oneshot(request).await.unwrap();
    for _ in 0..frames {
        response.body_mut().frame().await.unwrap().unwrap();
    }
    drop(response);
    let mut told = heard.take();
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[tokio::test]
async fn a_response_that_is_left_when_nothing_more_is_due_was_handed_over() {
    let fine = || Response::new(Full::new(Bytes::from_static(b"fine")));
    let not_modified = || {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    };
    let head = || Request::head("/").body(()).unwrap();
    let get = || Request::get("/").body(()).unwrap();
    for (told, outcome, message) in [
        (left(head(), fine, 0).await, "handed", "response over"),
        (left(get(), not_modified, 0).await, "handed", "response over"),
        (left(get(), fine, 1).await, "handed", "response over"),
        (left(get(), fine, 0).await, "dropped", "response dropped: mostly the client left"),
    ] {
        assert_eq!((told.level, told.get("outcome")), (Level::DEBUG, outcome), "{told:?}");
        assert_eq!(told.get("message"), message);
    }
}

#[tokio::test]
async fn a_call_that_failed_is_a_warning_though_its_status_is_200() {
    let (heard, _here) = Heard::here();
    let layer = LetterheadLayer::new().reporter(Tracing::new());
    let app = layer.layer(service_fn(|_: Request<()>| async {
        Err::<Response<Full<Bytes>>, _>(std::io::Error::other("gone"))
    }));
    let request = Request::post("/").header("content-type", "application/grpc").body(()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    drop(response.into_body().collect().await.map_err(|_| ()).unwrap());
    let told = heard.take();
    assert_eq!((told.len(), told[0].level, told[0].get("status")), (1, Level::WARN, "200"));
    assert_eq!(told[0].get("failure"), "the service failed: gone");
}
