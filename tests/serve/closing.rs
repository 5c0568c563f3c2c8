//! How a connection is closed: a client reads what it was sent, whatever it still sends.

use std::time::Instant;

use letterhead::serve::Event;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::client::{H2, Raw, whole};
use crate::protocols::{configs, shaken};
use crate::running::{Running, pattern, soon};

/// More than the sockets on the way hold.
const UPLOAD: usize = 16 << 20;

/// The end of a head, after which the client sends for a long time; and the status that it gets.
const SENDING: [(&str, &str); 6] = [
    ("1.1\r\nhost: test\r\ncontent-length: 16777216\r\n\r\n", "413"),
    ("1.0\r\ncontent-length: 16777216\r\n\r\n", "413"),
    ("1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n1000000\r\n", "413"),
    ("1.1\r\nhost: test\r\nconnection: close\r\n\r\n", "413"),
    ("1.1\r\nhost: test\r\nx: ", "431"),
    ("1.1\r\n\u{1}: x\r\n\r\n", "400"),
];

/// Sends everything before it reads; the connection's end has to be a clean one.
async fn check<T: AsyncRead + AsyncWrite + Unpin>(mut raw: Raw<T>, head: &str, status: &str) {
    let mut request = format!("POST /refuse HTTP/{head}").into_bytes();
    request.resize(request.len() + UPLOAD, b'a');
    soon(raw.stream.write_all(&request)).await.expect(head);
    let answer = raw.head().await;
    assert_eq!(answer.get(9..12), Some(status), "{head}: {answer}");
    raw.end().await.expect(head);
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_reads_why() {
    let server = Running::start(|serve| serve).await;
    for (head, status) in SENDING {
        check(Raw::connect(server.addr).await, head, status).await;
    }
    let (config, connector) = configs(&[]);
    let secure = Running::start(|serve| serve.tls(config)).await;
    let (head, status) = SENDING[0];
    check(Raw::over(shaken(&secure, &connector).await), head, status).await;
    for server in [server, secure] {
        assert_eq!(server.stopped().await.cut, 0);
    }
}

#[tokio::test]
async fn streams_are_read_to_their_end_after_the_server_was_told_to_stop() {
    const LENGTH: usize = 3_000_000;
    let mut server = Running::start(|serve| serve).await;
    let mut streams = JoinSet::new();
    for _ in 0..16 {
        let h2 = H2::over(Raw::small(server.addr).await.stream).await;
        let answer = h2.get(&format!("/bytes/{LENGTH}")).await.unwrap();
        streams.spawn(async move {
            assert!(whole(answer).await.unwrap() == pattern(LENGTH));
            soon(h2.task).await.unwrap().unwrap();
        });
    }
    server.stop();
    streams.join_all().await;
    assert!(server.told().is_empty());
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn a_client_that_stays_is_not_waited_for_long() {
    let server = Running::start(|serve| serve.grace(std::time::Duration::MAX)).await;
    let mut refused = Raw::connect(server.addr).await;
    refused.send("POST /refuse HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\nfour").await;
    assert_eq!(refused.answer().await.0, 413);
    refused.end().await.unwrap();
    // Where nothing can come any more, nothing is waited for.
    let mut idle = Raw::connect(server.addr).await;
    for request in ["GET / HTTP/1.1\r\nhost: test\r\n\r\n", POSTED] {
        idle.send(request).await;
        assert_eq!(idle.answer().await.0, 200);
    }
    assert_eq!(soon(server.stopped()).await.cut, 0);
    drop((refused, idle));
}

#[tokio::test]
async fn content_that_comes_behind_its_answer_is_read_and_dropped() {
    let server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send("POST /refuse HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n").await;
    assert_eq!(raw.answer().await.0, 413);
    raw.end().await.unwrap();
    // Its side is closed; on a socket that is gone this would be an error from the second byte on.
    for _ in 0..100 {
        soon(raw.stream.write_all(b"x")).await.unwrap();
        tokio::task::yield_now().await;
    }
    drop(raw);
    assert_eq!(server.stopped().await.cut, 0);
}

const POSTED: &str = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nfour";

#[tokio::test]
async fn a_request_that_was_read_is_closed_behind_at_once() {
    let server = Running::start(|serve| serve).await;
    let begun = Instant::now();
    for _ in 0..20 {
        let mut raw = Raw::connect(server.addr).await;
        raw.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
        assert_eq!(raw.answer().await.0, 200);
        raw.end().await.unwrap();
        // The client stays, and the server's side is closed all the same: what comes is refused.
        while raw.stream.write_all(b"x").await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
    let took = begun.elapsed();
    assert!(took.as_secs() < 20, "{took:?}");
    assert_eq!(server.stopped().await.accepted, 20);
}

#[tokio::test]
async fn an_upgraded_connection_reads_on_after_its_own_end() {
    let mut server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send("POST /half HTTP/1.1\r\nhost: test\r\nupgrade: half\r\nconnection: upgrade\r\ncontent-length: 4\r\n\r\nfour")
        .await;
    let head = raw.head().await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    raw.send("early").await;
    // It has ended its side, and hears what the client says after that.
    assert_eq!(raw.rest().await, "");
    raw.send("late").await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(soon(server.upgraded.recv()).await.unwrap(), b"late");
    let events = server.told();
    assert!(!events.iter().any(|event| matches!(event, Event::Cut { .. })), "{events:?}");
}
