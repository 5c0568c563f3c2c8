//! Answers that no layer sees, and so no policy: pinned, because the guide says so.

use axum::Router;
use axum::routing::get;
use letterhead::LetterheadLayer;
use letterhead::policy::{Dialect, Policy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{Running, soon};

/// What is answered to these bytes, up to the end of the connection.
async fn answer(server: &Running, request: String) -> String {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    // The server may close before it has read all of a request that is too long.
    let _ = soon(stream.write_all(request.as_bytes())).await;
    let mut bytes = Vec::new();
    let _ = soon(stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn hypers_own_answers_pass_no_layer() {
    let policy = Policy::parse("_headers", "/*\n  X-Set: policy\n", Dialect::Cloudflare).unwrap();
    let app = Router::new().route("/", get(|| async { "answered" }));
    let server = Running::start(app, LetterheadLayer::new().policy(policy)).await;
    let with =
        |line: &str| format!("GET / HTTP/1.1\r\nhost: a.test\r\n{line}connection: close\r\n\r\n");
    let good = answer(&server, with("")).await;
    assert!(good.starts_with("HTTP/1.1 200") && good.contains("x-set: policy"), "{good}");
    let long = format!("GET /{} HTTP/1.1\r\nhost: a.test\r\n\r\n", "a".repeat(70_000));
    let many = "x-a: b\r\n".repeat(200);
    for (status, request) in [
        ("400", with("no field\r\n")),
        ("400", "GET / HTTP/1.1\r\n\r\n".to_owned()),
        ("414", long),
        ("431", with(&many)),
    ] {
        let answer = answer(&server, request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        assert!(!answer.contains("x-set"), "{answer}");
    }
    server.ended().await;
}

/// A switch of protocols has the policy, and nothing about a content that it has not.
#[tokio::test]
async fn a_switch_of_protocols_has_the_policy() {
    async fn switches() -> http::Response<axum::body::Body> {
        let answer = http::Response::builder().status(101);
        let answer = answer.header("connection", "upgrade").header("upgrade", "talk");
        answer.body(axum::body::Body::empty()).unwrap()
    }
    let text =
        "/*\n  X-Set: policy\n  Content-Language: en\n  Cache-Control: max-age=60\n  @remove U*\n";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
    let app = Router::new().route("/", get(switches));
    let server = Running::start(app, LetterheadLayer::new().policy(policy)).await;
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let request = "GET / HTTP/1.1\r\nhost: a.test\r\nconnection: upgrade\r\nupgrade: talk\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.unwrap());
    }
    drop(stream);
    server.ended().await;
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(head.contains("x-set: policy\r\n") && head.contains("upgrade: talk\r\n"), "{head}");
    assert!(!head.contains("content-language") && !head.contains("cache-control"), "{head}");
}
