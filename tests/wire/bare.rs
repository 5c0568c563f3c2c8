//! With the layer against without it: the bytes of small applications that others reported.
//!
//! Where there is no layer a handler writes to its response, and with it through `Head`; unless a case
//! says what is better, a client must not be able to tell.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body::Frame;
use letterhead::{Head, Hold, LetterheadLayer, Rules, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::timeout::TimeoutLayer;

use crate::client::{Raw, h2_get};
use crate::serve::{Server, fields, serve};

/// What a client sees of one response; fields in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    status: u16,
    fields: Vec<String>,
    body: String,
    /// The response ended as it should.
    whole: bool,
}

impl Seen {
    fn new(status: u16, lines: impl Iterator<Item = String>, body: &str, whole: bool) -> Self {
        let mut fields: Vec<_> = lines.filter(|line| !line.starts_with("date:")).collect();
        fields.sort_unstable();
        Self { status, fields, body: body.to_owned(), whole }
    }

    fn nothing() -> Self {
        Self { status: 0, fields: Vec::new(), body: String::new(), whole: false }
    }

    fn short(&self) -> String {
        let names: Vec<_> =
            self.fields.iter().map(|line| line.split(':').next().unwrap()).collect();
        let end = if self.whole { "" } else { ", broken off" };
        format!("{} {} {} B{end}", self.status, names.join(" "), self.body.len())
    }
}

async fn h1(server: &Server, path: &str) -> Seen {
    let mut raw = Raw::connect(server).await;
    raw.get(path, "connection: close\r\n").await;
    let text = raw.rest().await;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Seen::nothing() };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let lines = || head.split("\r\n").skip(1).filter(|line| *line != "connection: close");
    let length = lines().find_map(|line| line.strip_prefix("content-length: "));
    let whole = if lines().any(|line| line.ends_with("chunked")) {
        body.ends_with("0\r\n\r\n")
    } else {
        length.is_none_or(|length| length.parse() == Ok(body.len()))
    };
    Seen::new(status, lines().map(str::to_owned), body, whole)
}

async fn h2(server: &Server, path: &str) -> Seen {
    let Ok(answer) = h2_get(server, path).await else { return Seen::nothing() };
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let trailers = answer.trailers.iter().flatten().map(line).map(|line| format!("{line} (after)"));
    let lines = answer.fields.iter().map(line).chain(trailers);
    Seen::new(answer.status.as_u16(), lines, &answer.body, answer.reset.is_none())
}

/// What is expected of the layer.
#[derive(Clone, Copy)]
enum Expected {
    /// The same bytes as without it.
    Same,
    /// On both protocols this status, and these lines among the fields; and none of the others.
    Status(u16, &'static [&'static str], &'static [&'static str]),
}

struct Case {
    name: &'static str,
    path: &'static str,
    app: fn() -> Router,
    expected: Expected,
}

const fn same(name: &'static str, path: &'static str, app: fn() -> Router) -> Case {
    Case { name, path, app, expected: Expected::Same }
}

/// Writes a field through `Head`, or to the response where there is none.
fn put(head: Option<&Head>, response: &mut Response, name: &'static str, value: &'static str) {
    match head {
        Some(head) => drop(head.insert(name, value)),
        None => drop(response.headers_mut().insert(name, HeaderValue::from_static(value))),
    }
}

fn head_of(request: &Request) -> Option<Head> {
    Head::of(request.extensions()).ok()
}

/// Means to answer 201 with a public representation, and does not come to it. What without a layer is
/// written to a response that is never made is nothing.
async fn eager(request: Request) -> Response {
    if let Some(head) = head_of(&request) {
        let _ = head.set_status(StatusCode::CREATED);
        for (name, value) in [
            ("cache-control", "public, max-age=3600"),
            ("etag", "\"v1\""),
            ("location", "/things/1"),
            ("last-modified", "Tue, 24 Nov 2026 00:00:00 GMT"),
            ("repr-digest", "sha-256=:AAAA:"),
        ] {
            let _ = head.insert(name, value);
        }
    }
    match request.uri().path() {
        "/slow" => std::future::pending().await,
        "/panic" => panic!("it was eager"),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "no").into_response(),
    }
}

fn eagers() -> Router {
    let time_out =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(20));
    Router::new().fallback(eager).layer(CatchPanicLayer::new()).layer(time_out)
}

fn eagers_named() -> Router {
    let time_out =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_millis(20));
    let panics = named("panics", CatchPanicLayer::new());
    Router::new().fallback(eager).layer(panics).layer(named("time-out", time_out))
}

/// Says one thing through the head, with layers outside that decide by what they see.
fn through() -> Router {
    async fn handler(request: Request) -> Response {
        let head = head_of(&request);
        let mut response = "x".repeat(64).into_response();
        let mut put = |name, value| put(head.as_ref(), &mut response, name, value);
        match request.uri().path() {
            "/vary" => put("vary", "accept-language"),
            "/cookie" => put("set-cookie", "theme=dark"),
            "/type" => put("content-type", "image/png"),
            "/tag" => put("etag", "\"v1\""),
            "/timing" => put("server-timing", "db;dur=1"),
            "/link" => put("link", "</a.css>; rel=preload"),
            "/stricter" => put("cache-control", "no-store"),
            _ => match &head {
                Some(head) => drop(head.set_status(StatusCode::IM_A_TEAPOT)),
                None => *response.status_mut() = StatusCode::IM_A_TEAPOT,
            },
        }
        response
    }
    async fn fresh(request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        match response.headers().get(header::ETAG).cloned() {
            Some(tag) => (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response(),
            None => response,
        }
    }
    async fn session(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        let status = response.status().as_u16();
        for (name, value) in [
            ("set-cookie", "sid=1; HttpOnly"),
            ("server-timing", "app;dur=2"),
            ("link", "</b.css>; rel=preload"),
            ("vary", "cookie"),
        ] {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response.headers_mut().insert("x-status", HeaderValue::from(status));
        response
    }
    let coded = CompressionLayer::new().compress_when(SizeAbove::new(0));
    Router::new()
        .fallback(handler)
        .layer(named("fresh", from_fn(fresh)))
        .layer(named("coded", coded))
        .layer(named("session", from_fn(session)))
}

fn unlike() -> Router {
    async fn handler(request: Request) -> Response {
        let path = request.uri().path();
        let mut response = Response::new(Body::from("0123456789"));
        match path {
            "/coded" => put(None, &mut response, "transfer-encoding", "gzip"),
            "/star" => {
                put(None, &mut response, "vary", "*");
                response.headers_mut().append("vary", HeaderValue::from_static("accept"));
            }
            "/blanks" => put(None, &mut response, "x-padded", "  value\t"),
            "/empty-304" => {
                response = StatusCode::NOT_MODIFIED.into_response();
                put(None, &mut response, "etag", "\"v1\"");
            }
            "/sse" => {
                response = stream(&["!"]);
                put(None, &mut response, "content-type", "text/event-stream");
                response.extensions_mut().insert(Hold::up_to(4096));
            }
            "/later" => response = stream(&["one", "!"]),
            _ => response = trailing(path == "/trailers"),
        }
        response
    }
    Router::new().fallback(handler)
}

/// A body of these chunks; `!` fails.
fn stream(chunks: &'static [&'static str]) -> Response {
    let chunks = chunks.iter().map(|chunk| match *chunk {
        "!" => Err(std::io::Error::other("broken")),
        chunk => Ok(Bytes::from_static(chunk.as_bytes())),
    });
    Response::new(Body::from_stream(tokio_stream::iter(chunks)))
}

/// An upstream that says more behind its content than it may.
fn trailing(content: bool) -> Response {
    let evil = fields(&[("x-frame-options", "ALLOWALL"), ("x-user", "root"), ("etag", "\"e\"")]);
    let data = content.then(|| Frame::data(Bytes::from_static(b"data")));
    let frames = data.into_iter().chain([Frame::trailers(evil)]).map(Ok::<_, Infallible>);
    let body = http_body_util::StreamBody::new(tokio_stream::iter(frames));
    let mut response = Response::new(Body::new(body));
    put(None, &mut response, "x-frame-options", "DENY");
    response
}

const CASES: [Case; 23] = [
    same("a time-out under writes", "/slow", eagers),
    same("a panic under writes", "/panic", eagers),
    same("an error under writes", "/err", eagers),
    same("a time-out under writes, named", "/slow", eagers_named),
    same("a panic under writes, named", "/panic", eagers_named),
    same("an error under writes, named", "/err", eagers_named),
    same("a handler's Vary and gzip's", "/vary", through),
    same("a handler's cookie and the session's", "/cookie", through),
    same("a type that is not to be coded", "/type", through),
    same("a tag that is fresh", "/tag", through),
    same("timings of two", "/timing", through),
    same("links of two", "/link", through),
    same("a restriction", "/stricter", through),
    same("a status that the log sees", "/status", through),
    same("a 304 without content", "/empty-304", unlike),
    Case {
        name: "trailers of an upstream",
        path: "/trailers",
        app: unlike,
        expected: Expected::Status(200, &["x-frame-options: DENY"], &["x-user: root"]),
    },
    Case {
        name: "trailers alone",
        path: "/trailers-alone",
        app: unlike,
        expected: Expected::Status(200, &["x-frame-options: DENY"], &["x-user: root"]),
    },
    Case {
        name: "a transfer coding and a known length",
        path: "/coded",
        app: unlike,
        expected: Expected::Status(200, &[], &["content-length: 10"]),
    },
    Case {
        name: "Vary: * among others",
        path: "/star",
        app: unlike,
        expected: Expected::Status(200, &["vary: *"], &["vary: accept"]),
    },
    Case {
        name: "blanks around a value",
        path: "/blanks",
        app: unlike,
        expected: Expected::Status(200, &[], &[]),
    },
    Case {
        name: "an event stream that fails at once",
        path: "/sse",
        app: unlike,
        expected: Expected::Status(
            500,
            &["content-type: application/problem+json"],
            &["etag: \"e\""],
        ),
    },
    Case {
        name: "a body that fails later",
        path: "/later",
        app: unlike,
        expected: Expected::Status(200, &[], &[]),
    },
    same("a page and its part", "/", page),
];

/// A page that asks for a part, with the extensions that it has itself.
fn page() -> Router {
    async fn handler(request: Request) -> String {
        async fn part(request: Request) -> &'static str {
            if let Some(head) = head_of(&request) {
                let _ = head.set_status(StatusCode::NOT_FOUND);
                let _ = head.insert("content-type", "text/css");
            }
            "part"
        }
        let mut sub = Request::new(Body::empty());
        *sub.extensions_mut() = request.extensions().clone();
        let part = Router::new().fallback(part).oneshot(sub).await.unwrap();
        format!("a page with a part of status {}", part.status())
    }
    Router::new().fallback(handler)
}

async fn server(router: Router) -> Server {
    serve(tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    }))
    .await
}

async fn around(router: Router, layer: LetterheadLayer) -> Server {
    let service = layer.layer(router);
    serve(tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        service.clone().oneshot(request.map(Body::new))
    }))
    .await
}

fn check(case: &Case, how: &str, bare: &Seen, with: &Seen) {
    let told = || format!("{}, {how}: wanted as {bare:#?}, found {with:#?}", case.name);
    match case.expected {
        Expected::Same => {
            // A length that hyper adds on HTTP/2 to an empty 304 says nothing.
            let tidy = |seen: &Seen| {
                let mut seen = seen.clone();
                seen.fields.retain(|line| seen.status != 304 || line != "content-length: 0");
                seen
            };
            assert_eq!(tidy(bare), tidy(with), "{}", told());
        }
        Expected::Status(status, there, gone) => {
            assert_eq!(status, with.status, "{}", told());
            for line in there {
                assert!(with.fields.iter().any(|field| field == line), "{line}: {}", told());
            }
            for line in gone {
                assert!(!with.fields.iter().any(|field| field == line), "{line}: {}", told());
            }
            assert!(with.whole || !bare.whole, "{}", told());
        }
    }
}

#[tokio::test]
async fn no_response_is_worse_with_the_layer() {
    let mut table = String::from("with the layer against without it\n");
    for case in &CASES {
        let bare = server((case.app)()).await;
        let bare = [h1(&bare, case.path).await, h2(&bare, case.path).await];
        let layers = [
            ("around", around((case.app)(), LetterheadLayer::new()).await),
            ("rules", around((case.app)(), LetterheadLayer::new().rules(Rules::standard())).await),
            ("inside", server((case.app)().layer(LetterheadLayer::new())).await),
        ];
        for (how, layered) in &layers {
            let with = [h1(layered, case.path).await, h2(layered, case.path).await];
            for ((protocol, bare), with) in ["h1", "h2"].into_iter().zip(&bare).zip(&with) {
                check(case, &format!("{how}, {protocol}"), bare, with);
                if *how == "around" {
                    let (name, bare, with) = (case.name, bare.short(), with.short());
                    let with = if bare == with { "the same".to_owned() } else { with };
                    writeln!(table, "{name} | {protocol} | {bare} | {with}").unwrap();
                }
            }
        }
    }
    crate::figures::figures("bare", &table);
}
