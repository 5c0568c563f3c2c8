//! The level of each kind of response, over real connections of HTTP/1.1 and HTTP/2, in the request's span.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::SERVER;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::deny::FinalHead;
use letterhead::report::{Peer, Tracing};
use letterhead::{Action, LetterheadLayer, Rule, Rules, named};
use tokio::net::{TcpListener, TcpStream};
use tower::util::MapResponseLayer;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::trace::TraceLayer;
use tracing::Level;

use crate::ear::{Heard, Told};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body of these chunks, then an error, a panic, or nothing more for ever.
fn body(chunks: usize, then: fn() -> Option<io::Error>) -> Body {
    let frames = futures_util::stream::unfold(0, move |nth| async move {
        if nth < chunks {
            return Some((Ok(Frame::data(Bytes::from_static(b"five "))), nth + 1));
        }
        match then() {
            Some(error) => Some((Err(error), nth)),
            None => std::future::pending().await,
        }
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

/// What the server does for each path.
async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let gone = || Some(io::Error::from(io::ErrorKind::StaleNetworkFileHandle));
    let body = match request.uri().path() {
        "/handler-panics" => panic!("the handler's own"),
        "/body-panics" => body(1, || panic!("the body's own")),
        "/first-frame" => body(0, gone),
        "/two-frames" => body(2, gone),
        "/for-ever" => body(1, || None),
        _ => Full::new(Bytes::from_static(b"fine")).map_err(|never| match never {}).boxed_unsync(),
    };
    Ok(Response::new(body))
}

/// A layer that writes `Server` for this path alone.
fn stamp(
    value: &'static str,
) -> MapResponseLayer<impl Fn(Response<Body>) -> Response<Body> + Clone> {
    MapResponseLayer::new(move |mut response: Response<Body>| {
        response.headers_mut().insert(SERVER, HeaderValue::from_static(value));
        response
    })
}

/// Serves on one connection of `TraceLayer`, the layer, and two layers at odds where `at_odds`.
async fn serve(rules: Rules, denies: bool, at_odds: bool) -> SocketAddr {
    let mut layer = LetterheadLayer::new().rules(rules).reporter(Tracing::new());
    if denies {
        layer = layer.deny(|head: &FinalHead<'_>| vec![format!("no {}", head.path())]);
    }
    let trace = TraceLayer::new_for_http().make_span_with(|request: &Request<Incoming>| {
        tracing::info_span!("request", path = request.uri().path())
    });
    let outer = if at_odds { "yours" } else { "mine" };
    let app = ServiceBuilder::new()
        .layer(trace)
        .layer(layer)
        .layer(named("outer", stamp(outer)))
        .layer(named("inner", stamp("mine")))
        .service(service_fn(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, from) = listener.accept().await.unwrap();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer::new(from, false));
            app.clone().oneshot(request)
        });
        let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    });
    addr
}

/// Asks for `path`, and reads the answer to its end or, where `leaves`, until its first frame.
async fn ask(addr: SocketAddr, http2: bool, path: &str, leaves: bool) -> (StatusCode, String) {
    let stream = TcpStream::connect(addr).await.unwrap();
    let ours = stream.local_addr().unwrap().to_string();
    let io = TokioIo::new(stream);
    let request = Request::get(format!("http://{addr}{path}"))
        .header("x-request-id", "id-7")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let mut response = if http2 {
        let (mut send, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        send.send_request(request).await.unwrap()
    } else {
        let (mut send, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        send.send_request(request).await.unwrap()
    };
    let status = response.status();
    while let Some(Ok(_)) = response.body_mut().frame().await {
        if leaves {
            break;
        }
    }
    drop(response);
    (status, ours)
}

/// The one event about a response to `path`.
async fn told(http2: bool, path: &str, rules: Rules, denies: bool) -> Told {
    let (heard, _here) = Heard::here();
    let addr = serve(rules, denies, path == "/at-odds").await;
    let asked = tokio::time::timeout(Duration::from_secs(30), async {
        let (status, ours) = ask(addr, http2, path, path == "/for-ever").await;
        (status, ours, heard.next().await)
    });
    let (status, ours, told) = asked.await.expect("an answer and an event");
    assert_eq!(told.get("status"), status.as_str());
    assert_eq!((told.get("method"), told.get("path")), ("GET", path));
    assert_eq!(told.get("version"), if http2 { "HTTP/2.0" } else { "HTTP/1.1" });
    assert_eq!((told.get("peer"), told.get("request_id")), (ours.as_str(), "id-7"));
    assert_eq!(told.get("trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
    let seconds = |field| told.get(field).parse::<f64>().unwrap();
    assert!(seconds("duration") >= seconds("hold_time") && seconds("hold_time") >= 0.0);
    assert_eq!(told.spans, [format!("request {path}")]);
    told
}

/// The level, message and some fields of the event about a response to `path`, on both protocols.
async fn check(path: &str, level: Level, message: &str, fields: &[(&str, &str)]) {
    check_with(path, &Rules::standard(), false, (level, message), fields).await;
}

async fn check_with(
    path: &str,
    rules: &Rules,
    denies: bool,
    (level, message): (Level, &str),
    fields: &[(&str, &str)],
) {
    for http2 in [false, true] {
        let told = told(http2, path, rules.clone(), denies).await;
        assert_eq!((told.level, told.get("message")), (level, message), "{path} {told:#?}");
        for (field, value) in fields {
            assert_eq!(told.get(field), *value, "{field} of {path}, HTTP/2 {http2}: {told:#?}");
        }
    }
}

#[tokio::test]
async fn a_good_response_is_debug() {
    let fields = [("status", "200"), ("outcome", "handed"), ("sent", "4"), ("held", "4")];
    check("/fine", Level::DEBUG, "response over", &fields).await;
}

#[tokio::test]
async fn a_panic_is_an_error_though_it_is_answered() {
    let failure = [("status", "500"), ("failure", "panicked: the handler's own")];
    check("/handler-panics", Level::ERROR, "panicked", &failure).await;
}

#[tokio::test]
async fn a_body_that_panics_is_an_error() {
    let abort = [("status", "200"), ("outcome", "aborted"), ("abort", "panicked: the body's own")];
    check("/body-panics", Level::ERROR, "panicked", &abort).await;
}

#[tokio::test]
async fn a_body_that_fails_after_two_frames_is_an_error() {
    let abort = "the response body failed: stale network file handle";
    let fields = [("status", "200"), ("outcome", "aborted"), ("sent", "10"), ("abort", abort)];
    check("/two-frames", Level::ERROR, "response broken off", &fields).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_debug() {
    let fields = [("status", "200"), ("outcome", "dropped"), ("sent", "5"), ("abort", "(none)")];
    check("/for-ever", Level::DEBUG, "response dropped: mostly the client left", &fields).await;
}

#[tokio::test]
async fn a_first_frame_that_fails_is_a_warning() {
    let failure = "the response body failed: stale network file handle";
    let fields = [("status", "503"), ("outcome", "handed"), ("failure", failure)];
    let message = "failed before the commit: answered with an error";
    check("/first-frame", Level::WARN, message, &fields).await;
}

#[tokio::test]
async fn a_denied_head_is_a_warning() {
    let fields = [("status", "500"), ("denied", "no /fine")];
    let expected = (Level::WARN, "head denied");
    check_with("/fine", &Rules::standard(), true, expected, &fields).await;
}

#[tokio::test]
async fn a_rejected_conflict_is_a_warning() {
    let rules = Rules::standard().on(Rule::Overwritten, Action::Reject);
    let conflict =
        "overwritten server: layer inner, then layer outer; `mine` became `yours`; rejected";
    let fields = [("status", "500"), ("conflicts", conflict)];
    check_with("/at-odds", &rules, false, (Level::WARN, "head rejected"), &fields).await;
}

#[tokio::test]
async fn a_conflict_is_a_warning_and_one_that_was_put_right_is_none() {
    let conflict = "overwritten server: layer inner, then layer outer; `mine` became `yours`";
    let reported = format!("{conflict}; reported");
    let fields = [("status", "200"), ("conflicts", reported.as_str())];
    check("/at-odds", Level::WARN, "conflicts in the head", &fields).await;

    let rules = Rules::standard().on(Rule::Overwritten, Action::KeepFirst);
    let resolved = format!("{conflict}; resolved (keep-first)");
    let fields = [("conflicts", resolved.as_str())];
    let expected = (Level::INFO, "conflicts in the head, put right");
    check_with("/at-odds", &rules, false, expected, &fields).await;
}
