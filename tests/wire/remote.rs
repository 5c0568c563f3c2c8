//! Remote calls that fail: each protocol gets its failure where its clients look for it.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use letterhead::{
    ErrorAnswer, Failure, Head, Hold, LetterheadLayer, Note, Outcome, Protocol, RpcCode,
};
use tower::{Layer as _, service_fn};

use crate::client::{Answer, H2, Raw};
use crate::serve::{Act, BoxError, Server, collected, full, script, serve, soon};

/// A call as it was answered, over whichever version.
#[derive(Debug)]
struct Called {
    status: u16,
    fields: HeaderMap,
    content: Vec<u8>,
    /// The head was the last that was sent (HTTP/2), or said that nothing follows (HTTP/1.1).
    bare: bool,
}

impl Called {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }
}

/// The message of a call: five bytes of gRPC, or of whatever else.
const MESSAGE: &[u8] = &[0; 5];

async fn over_h1(server: &Server, path: &str, fields: &[(&str, &str)]) -> Called {
    let lines: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let lines = lines.concat();
    let mut raw = Raw::connect(server).await;
    raw.send(format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n{lines}\r\n"))
        .await;
    raw.send(MESSAGE).await;
    let Answer { head, body } = raw.answer().await;
    let mut fields = HeaderMap::new();
    for line in head.split("\r\n").skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        let name = http::HeaderName::try_from(name).unwrap();
        fields.append(name, HeaderValue::try_from(value).unwrap());
    }
    let bare = fields.get("content-length").is_some_and(|length| length == "0");
    // What HTTP/1.1 needs, and HTTP/2 does not.
    fields.remove("content-length");
    let status = head[9..12].parse().unwrap();
    Called { status, fields, content: body.into_bytes(), bare }
}

async fn over_h2(server: &Server, path: &str, fields: &[(&str, &str)]) -> Called {
    let mut request = Request::post(format!("http://test{path}"));
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let h2 = H2::connect(server).await;
    let (response, mut stream) = h2.send(request.body(()).unwrap()).await;
    stream.send_data(Bytes::from_static(MESSAGE), true).unwrap();
    let (head, mut body) = soon(response).await.unwrap().into_parts();
    let bare = body.is_end_stream();
    let mut content = Vec::new();
    while let Some(chunk) = soon(body.data()).await {
        content.extend_from_slice(&chunk.unwrap());
    }
    let mut fields = head.headers;
    for name in ["date", "content-length"] {
        fields.remove(name);
    }
    Called { status: head.status.as_u16(), fields, content, bare }
}

async fn over_both(server: &Server, path: &str, fields: &[(&str, &str)]) -> [Called; 2] {
    [over_h1(server, path, fields).await, over_h2(server, path, fields).await]
}

/// A server whose calls fail as the path says; what it plans has the type of the request.
pub(crate) async fn failing(layer: LetterheadLayer) -> Server {
    serve(layer.layer(service_fn(|request: Request<Incoming>| {
        let path = request.uri().path().to_owned();
        let kind = request.headers().get("content-type").cloned();
        let head = Head::of(request.extensions()).unwrap();
        async move {
            let planned = |acts: Vec<Act>| {
                let mut response = Response::new(script(acts));
                let fields = response.headers_mut();
                fields.insert("access-control-allow-origin", HeaderValue::from_static("*"));
                fields.insert("grpc-encoding", HeaderValue::from_static("gzip"));
                fields.insert("content-encoding", HeaderValue::from_static("gzip"));
                if let Some(kind) = kind {
                    fields.insert("content-type", kind);
                }
                response
            };
            let error = io::Error::from_raw_os_error(match path.as_str() {
                "/enoent" | "/err" => libc::ENOENT,
                "/eperm" => libc::EPERM,
                "/enospc" => libc::ENOSPC,
                "/estale" => libc::ESTALE,
                "/emfile" => libc::EMFILE,
                "/etimedout" => libc::ETIMEDOUT,
                _ => libc::EIO,
            });
            match path.as_str() {
                "/ok" => return Ok(planned(vec![Act::Data("message")])),
                "/err" => return Err(BoxError::from(error)),
                "/elapsed" => {
                    let never = std::future::pending::<()>();
                    tokio::time::timeout(std::time::Duration::ZERO, never).await?;
                }
                "/panic" => panic!("of the handler"),
                "/panic-in-body" => return Ok(planned(vec![Act::Panic("of the body")])),
                "/hook" => {
                    let _ = head.before_commit(|_| Err::<(), _>("the hook"));
                    return Ok(planned(vec![Act::Data("message")]));
                }
                "/unfinal" => {
                    let mut response = planned(vec![]);
                    *response.status_mut() = StatusCode::PROCESSING;
                    return Ok(response);
                }
                // One message, and then no end.
                "/later" => {
                    let message = Act::Data("\0\0\0\0\u{1}m");
                    return Ok(planned(vec![message, Act::Fail(error.into())]));
                }
                // A page that a gateway has put in the place of the call's answer.
                "/page" => {
                    let mut response = planned(vec![Act::Fail(error.into())]);
                    *response.status_mut() = StatusCode::NOT_FOUND;
                    let html = HeaderValue::from_static("text/html");
                    response.headers_mut().insert("content-type", html);
                    return Ok(response);
                }
                _ => {}
            }
            Ok(planned(vec![Act::Fail(error.into())]))
        }
    })))
    .await
}

/// Each way to fail, the code for it, and whether there was a response whose fields stay.
const FAILURES: [(&str, RpcCode, bool); 14] = [
    ("/enoent", RpcCode::NotFound, true),
    ("/eperm", RpcCode::PermissionDenied, true),
    ("/enospc", RpcCode::ResourceExhausted, true),
    ("/estale", RpcCode::Unavailable, true),
    ("/emfile", RpcCode::Unavailable, true),
    ("/etimedout", RpcCode::Unavailable, true),
    ("/eio", RpcCode::Internal, true),
    ("/elapsed", RpcCode::Unavailable, false),
    ("/err", RpcCode::NotFound, false),
    ("/panic", RpcCode::Internal, false),
    ("/panic-in-body", RpcCode::Internal, true),
    ("/hook", RpcCode::Internal, true),
    ("/unfinal", RpcCode::Internal, true),
    ("/page", RpcCode::Internal, true),
];

#[tokio::test]
async fn a_grpc_call_that_fails_has_its_status_in_a_head_without_content() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = failing(layer).await;
    for (asked, answered) in [
        ("application/grpc", "application/grpc"),
        ("application/grpc+proto", "application/grpc+proto"),
        ("application/grpc-web+proto", "application/grpc-web+proto"),
        ("application/grpc-web-text", "application/grpc-web-text"),
    ] {
        for (path, code, planned) in FAILURES {
            for called in over_both(&server, path, &[("content-type", asked)]).await {
                let context = format!("{asked} {path} {called:?}");
                assert_eq!((called.status, called.bare), (200, true), "{context}");
                assert_eq!(called.field("content-type"), answered, "{context}");
                assert_eq!(called.field("grpc-status"), code.number().to_string(), "{context}");
                let message = called.field("grpc-message");
                assert!(!message.is_empty(), "{context}");
                for internal in ["handler", "body", "hook", "os error", "No such"] {
                    assert!(!message.contains(internal), "{context}");
                }
                let kept = if planned { "*" } else { "" };
                assert_eq!(called.field("access-control-allow-origin"), kept, "{context}");
                for gone in ["grpc-encoding", "content-encoding", "transfer-encoding"] {
                    assert_eq!(called.field(gone), "", "{context}");
                }
                let seen = receipts.next().await;
                assert_eq!(seen.status, Some(StatusCode::OK), "{}", seen.line);
                assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
                // A 1xx that would have been final is mended, which is a note.
                let failed = seen.failure.is_some() || path == "/unfinal";
                assert!(failed, "{path} {}", seen.line);
            }
        }
    }
}

#[tokio::test]
async fn a_unary_call_of_connect_gets_json_with_the_status_of_its_code() {
    let server = failing(LetterheadLayer::new()).await;
    for kind in ["application/json", "application/proto"] {
        for (path, code, _) in FAILURES {
            let fields = [("content-type", kind), ("connect-protocol-version", "1")];
            for called in over_both(&server, path, &fields).await {
                let context = format!("{path} {called:?}");
                assert_eq!(called.status, code.http_status().as_u16(), "{context}");
                assert_eq!(called.field("content-type"), "application/json", "{context}");
                assert_eq!(called.field("content-encoding"), "", "{context}");
                let json: serde_json::Value = serde_json::from_slice(&called.content).unwrap();
                assert_eq!(json["code"], code.as_str(), "{context}");
                assert!(json["message"].is_string(), "{context}");
                let busy = if code == RpcCode::Unavailable { "1" } else { "" };
                assert_eq!(called.field("retry-after"), busy, "{context}");
            }
        }
    }
    // A call without side effects is a GET; other GETs and POSTs are none.
    let mut raw = Raw::connect(&server).await;
    let problem = "application/problem+json";
    for (target, kind) in [
        ("/estale?encoding=json&message=%7B%7D&connect=v1", "application/json"),
        ("/estale?connect=v1&base64=1", "application/json"),
        ("/estale?disconnect=v1", problem),
        ("/estale?q=connect=v1", problem),
        ("/estale", problem),
    ] {
        raw.get(target, "").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status(), answer.field("content-type")), (503, Some(kind)), "{target}");
    }
    for called in over_both(&server, "/estale", &[("content-type", "application/json")]).await {
        assert_eq!((called.status, called.field("content-type")), (503, problem));
    }
}

#[tokio::test]
async fn a_streaming_call_of_connect_gets_a_last_message() {
    let server = failing(LetterheadLayer::new()).await;
    for kind in ["application/connect+json", "application/connect+proto"] {
        for (path, code, _) in FAILURES {
            for called in over_both(&server, path, &[("content-type", kind)]).await {
                let context = format!("{path} {called:?}");
                assert_eq!(called.status, 200, "{context}");
                assert_eq!(called.field("content-type"), kind, "{context}");
                let (envelope, json) = called.content.split_at(5);
                assert_eq!(envelope[0], 2, "{context}");
                let length = u32::from_be_bytes(envelope[1..].try_into().unwrap());
                assert_eq!(length as usize, json.len(), "{context}");
                let json: serde_json::Value = serde_json::from_slice(json).unwrap();
                assert_eq!(json["error"]["code"], code.as_str(), "{context}");
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_succeeds_is_left_as_it_is() {
    let server = failing(LetterheadLayer::new().hold(Hold::up_to(1024))).await;
    for kind in ["application/grpc", "application/connect+json", "application/json"] {
        for called in over_both(&server, "/ok", &[("content-type", kind)]).await {
            assert_eq!((called.status, called.field("content-type")), (200, kind));
            assert!(called.text().contains("message"), "{called:?}");
        }
    }
}

#[tokio::test]
async fn a_recoverer_for_plain_http_answers_calls_in_their_form() {
    // A page for people is nothing that a call could read.
    let page = |failure: &Failure<'_>| {
        let plain = failure.protocol() == Protocol::Http;
        let status = if plain { StatusCode::BAD_GATEWAY } else { StatusCode::CONFLICT };
        ErrorAnswer::new(status).content("text/html".parse().unwrap(), "<h1>Sorry</h1>")
    };
    let server = failing(LetterheadLayer::new().recover(page)).await;
    for called in over_both(&server, "/eio", &[("content-type", "application/grpc")]).await {
        assert_eq!((called.status, called.field("grpc-status"), called.bare), (200, "10", true));
    }
    for called in over_both(&server, "/eio", &[("content-type", "text/plain")]).await {
        assert_eq!((called.status, called.text()), (502, "<h1>Sorry</h1>"));
    }
    let own = |_: &Failure<'_>| ErrorAnswer::rpc(RpcCode::DataLoss).message("50% is g\u{f6}ne");
    let server = failing(LetterheadLayer::new().recover(own)).await;
    for called in over_both(&server, "/panic", &[("content-type", "application/grpc")]).await {
        assert_eq!(called.field("grpc-status"), "15");
        assert_eq!(called.field("grpc-message"), "50%25 is g%C3%B6ne");
    }
    for called in over_both(&server, "/panic", &[]).await {
        assert_eq!(called.status, 500);
        assert!(called.text().contains("\"detail\":\"50% is g\u{f6}ne\""), "{called:?}");
    }
    let panics = |_: &Failure<'_>| -> ErrorAnswer { panic!("the recoverer") };
    let (layer, mut receipts) = collected(LetterheadLayer::new().recover(panics));
    let server = failing(layer).await;
    for called in over_both(&server, "/eio", &[("content-type", "application/grpc")]).await {
        assert_eq!((called.status, called.field("grpc-status")), (200, "13"));
        assert_eq!(receipts.next().await.notes, [Note::RecoverPanicked]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpcs_own_client_reads_the_failures() {
    let server = failing(LetterheadLayer::new()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/grpc_calls.py");
    let mut client = std::process::Command::new("python3");
    client.args([script, &server.addr.to_string()]);
    let paths = FAILURES.map(|(path, ..)| path);
    client.args(paths).arg("/later").env("GRPC_VERBOSITY", "ERROR").env("no_proxy", "*");
    let ran = tokio::task::spawn_blocking(move || client.output()).await.unwrap();
    let Some(ran) = ran.ok().filter(|ran| ran.status.code() != Some(77)) else {
        return crate::skip::tool("python3 with grpcio");
    };
    let (out, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    for (path, code, _) in FAILURES {
        let code = code.as_str().to_uppercase();
        for line in [format!("{path} unary {code} "), format!("{path} stream 0 {code}")] {
            assert!(out.contains(&line), "wanted {line:?} in:\n{out}{said}");
        }
    }
    // What breaks off later is reset, and never a whole stream. Whether its one message gets out before
    // that is a matter of the linger.
    let later = |line: &str| line.starts_with("/later stream") && line.ends_with(" INTERNAL");
    assert!(out.lines().any(later), "{out}{said}");
}

#[tokio::test]
async fn a_rejected_answer_to_a_call_is_a_failed_call() {
    use letterhead::{Action, Expect, Rule, Rules};

    let server = Expect::field(http::header::SERVER);
    let rules = Rules::standard().forbid(server).on(Rule::Forbidden, Action::Reject);
    let (layer, mut receipts) = collected(LetterheadLayer::new().rules(rules));
    let server = serve(layer.layer(service_fn(|request: Request<Incoming>| async move {
        let mut response = Response::new(full("message"));
        let fields = response.headers_mut();
        fields.insert("server", HeaderValue::from_static("mine"));
        fields.insert("content-type", request.headers()["content-type"].clone());
        Ok::<_, std::convert::Infallible>(response)
    })))
    .await;
    for called in over_both(&server, "/", &[("content-type", "application/grpc")]).await {
        assert_eq!((called.status, called.field("grpc-status"), called.bare), (200, "13", true));
        assert!(receipts.next().await.failure.is_some());
    }
}
