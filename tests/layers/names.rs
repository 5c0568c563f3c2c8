//! Names around layers of every kind: nested, cloned, early, hiding the request, retrying.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::header::SERVER;
use http::{HeaderValue, Request, StatusCode};
use letterhead::report::Collector;
use letterhead::{Head, LetterheadLayer, Rule, Rules, Verb, named};
use tower::layer::layer_fn;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::{ask, get, the_one};

fn stamp(value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(SERVER, HeaderValue::from_static(value))
}

#[tokio::test]
async fn names_nest_and_each_is_told_for_its_own() {
    let inner = ServiceBuilder::new()
        .layer(named("two", stamp("2")))
        .layer(named("one", stamp("1")))
        .into_inner();
    let router = Router::new()
        .route("/users/{id}", on_get(|| async { "hello" }))
        .layer(named("stack", inner))
        .layer(named("three", stamp("3")));
    let (answer, receipt) = ask(router, Rules::standard(), get("/users/7", &[])).await;
    assert_eq!(answer.field("server"), "3");
    let told: Vec<_> = receipt.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "overwritten server: layer one, then layer two; `1` became `2`; reported",
            "overwritten server: layer two, then layer three; `2` became `3`; reported",
        ]
    );
    // A probe inside the router sees the route.
    assert_eq!((receipt.route(), receipt.path()), (Some("/users/{id}"), Some("/users/7")));
    assert_eq!(
        receipt.explain().lines().filter(|line| line.contains("insert by layer")).count(),
        3
    );
}

#[tokio::test]
async fn what_the_handler_writes_through_the_head_and_what_layers_write_is_one_story() {
    async fn handler(head: Head) -> &'static str {
        let _ = head.insert("server", "from the handler");
        "hello"
    }
    let router = Router::new().route("/", on_get(handler)).layer(named("stamp", stamp("1")));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    // A write through the head comes last: it knows best.
    assert_eq!(answer.field("server"), "from the handler");
    let conflict = the_one(&receipt, Rule::Overwritten);
    assert_eq!(conflict.first().unwrap().to_string(), "layer stamp");
    let place = conflict.second().unwrap().location().unwrap();
    assert!(place.file().ends_with("tests/layers/names.rs"), "{place}");
    // It was made first, and stated again at the commit.
    let place = format!("{}:{}", place.file(), place.line());
    let told = format!(
        "overwritten server: {place}, then layer stamp, and at the commit {place} again; \
         `1` became `from the handler`; reported"
    );
    assert_eq!(conflict.to_string(), told);
}

#[tokio::test]
async fn layers_of_one_name_are_told_apart() {
    let router = Router::new()
        .route("/", on_get(|| async { "hello" }))
        .layer(named("stamp", stamp("1")))
        .layer(named("other", stamp("2")))
        .layer(named("stamp", stamp("3")));
    let (_, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    let told: Vec<_> = receipt.conflicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "overwritten server: layer stamp#1, then layer other; `1` became `2`; reported",
            "overwritten server: layer other, then layer stamp#2; `2` became `3`; reported",
        ]
    );
    assert!(receipt.explain().contains("  insert by layer stamp#2: 3\n"), "{}", receipt.explain());
    let writers: Vec<_> = receipt.writes().iter().map(|write| write.writer().to_string()).collect();
    let outside = "an unnamed layer outside stamp#2";
    assert_eq!(writers, ["layer stamp#1", "layer other", "layer stamp#2", outside]);
    // The name itself is as it was given.
    let names = receipt.writes().iter().filter_map(|write| write.writer().layer());
    assert_eq!(
        names.map(letterhead::LayerName::as_str).collect::<Vec<_>>(),
        ["stamp", "other", "stamp"]
    );
}

#[tokio::test]
async fn a_layer_that_answers_early_is_the_writer_of_its_whole_head() {
    let deny =
        axum::middleware::from_fn(async |_: axum::extract::Request, _: axum::middleware::Next| {
            (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic")], "no").into_response()
        });
    let router = Router::new()
        .route("/", on_get(|| async { "hello" }))
        .layer(named("inner", stamp("1")))
        .layer(named("auth", deny));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.status, 401);
    assert!(receipt.conflicts().is_empty(), "{receipt}");
    let entry = &receipt.writes()[0];
    assert_eq!((entry.verb(), entry.writer().to_string().as_str()), (Verb::Answer, "layer auth"));
    assert!(receipt.explain().contains("www-authenticate: Basic\n  set by layer auth\n"));
}

/// Builds a new request, as some proxies and rewriters do, without the old one's extensions.
#[derive(Clone)]
struct Hiding<S>(S);

impl<S: Service<Request<Body>>> Service<Request<Body>> for Hiding<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> S::Future {
        let mut new = Request::new(Body::empty());
        *new.uri_mut() = request.uri().clone();
        self.0.call(new)
    }
}

#[tokio::test]
async fn a_layer_that_hides_the_extensions_stands_for_all_that_is_inside() {
    let router = Router::new()
        .route("/", on_get(|| async { "hello" }))
        .layer(named("lost", stamp("1")))
        .layer(named("hiding", layer_fn(Hiding)))
        .layer(named("outer", stamp("2")));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.field("server"), "2");
    let told = "overwritten server: layer hiding, then layer outer; `1` became `2`; reported";
    assert_eq!(the_one(&receipt, Rule::Overwritten).to_string(), told);
}

/// Calls its inner service twice and takes the second answer.
#[derive(Clone)]
struct Twice<S>(S);

impl<S> Service<Request<Body>> for Twice<S>
where
    S: Service<Request<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = self.0.clone();
        let again = || {
            let mut again = Request::new(Body::empty());
            *again.uri_mut() = request.uri().clone();
            *again.extensions_mut() = request.extensions().clone();
            again
        };
        let (first, second) = (again(), again());
        Box::pin(async move {
            drop(inner.ready().await?.call(first).await?);
            inner.ready().await?.call(second).await
        })
    }
}

#[tokio::test]
async fn a_layer_that_asks_twice_gives_no_false_report() {
    let router = Router::new()
        .route("/", on_get(|| async { "hello" }))
        .layer(named("stamp", stamp("1")))
        .layer(named("retry", layer_fn(Twice)));
    let (answer, receipt) = ask(router, Rules::standard(), get("/", &[])).await;
    assert_eq!(answer.field("server"), "1");
    assert!(receipt.conflicts().is_empty(), "{}\n{}", receipt, receipt.explain());
}

#[tokio::test]
async fn one_request_in_so_many_is_watched() {
    for (every, expected) in [(1, 10), (4, 3), (0, 0)] {
        let seen = Collector::new();
        let layer = LetterheadLayer::new().reporter(seen.clone()).sample(every);
        let app = layer.layer(service_fn(|_: Request<Body>| async {
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }));
        for _ in 0..10 {
            app.clone().oneshot(get("/", &[])).await.unwrap();
        }
        assert_eq!(seen.take().len(), expected, "one in {every}");
    }
}

#[tokio::test]
async fn the_head_explains_itself_while_it_is_made_and_in_a_field_where_that_is_wanted() {
    let (say, hear) = std::sync::mpsc::channel();
    let app = Router::new()
        .route(
            "/",
            on_get(async move |head: Head| {
                let _ = head.append("vary", "origin");
                let _ = head.set_status(StatusCode::CREATED);
                say.send(head.explain()).unwrap();
                ([("vary", "accept")], "hello")
            }),
        )
        .layer(named("stamp", stamp("1")));
    let app = LetterheadLayer::new().debug_field(true).layer(app);
    let response = app.oneshot(get("/", &[])).await.unwrap();
    let told = hear.recv().unwrap();
    assert!(told.starts_with("status 201\n  status by "), "{told}");
    assert!(told.contains("vary: origin\n  append by ") && told.contains("tests/layers/names.rs:"));
    let not_known = "(not known yet: the fields of the response, what layers write to it, hooks, policy and rules)\n";
    assert!(told.ends_with(not_known), "{told}");
    let field = response.headers()["x-letterhead"].to_str().unwrap();
    assert!(field.contains("content-type by the handler"), "{field}");
    assert!(field.contains("server by layer stamp"), "{field}");
    assert!(field.contains("vary by ") && field.contains(" < the handler"), "{field}");
}
