//! The end of a server.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use letterhead::serve::{Cut, Event};
use tokio::net::TcpStream;

use crate::client::{H2, Raw, whole};
use crate::figures::figures;
use crate::running::{Running, SHORT, soon};

#[tokio::test]
async fn what_runs_is_finished_and_nothing_else_begins() {
    let mut server = Running::start(|serve| serve).await;
    let addr = server.addr;
    let mut idle = Raw::connect(addr).await;
    idle.get("/").await;
    idle.answer().await;
    let mut download = Raw::small(addr).await;
    download.get("/bytes/30000000").await;
    let head = download.head().await;
    assert!(!head.contains("connection: close"));
    let h2 = H2::connect(addr).await;
    let gate = h2.get("/gate").await.unwrap();
    let silent = Raw::connect(addr).await;

    server.stop();
    // The idle one is closed at once, and the port is free.
    assert_eq!(idle.rest().await, "");
    let refused = loop {
        match TcpStream::connect(addr).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    // The download is whole, the stream too.
    assert_eq!(download.rest().await.chars().count(), expected_characters());
    server.gate.notify_one();
    assert_eq!(whole(gate).await.unwrap(), b"begin end");
    soon(h2.task).await.unwrap().unwrap();
    drop(silent);
    assert!(server.told().is_empty());
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (4, 0));
}

/// How many characters 30 MB of the pattern are after a lossy conversion.
fn expected_characters() -> usize {
    String::from_utf8_lossy(&crate::running::pattern(30_000_000)).chars().count()
}

#[tokio::test]
async fn at_the_deadline_the_rest_is_cut_and_counted() {
    let mut server = Running::start(|serve| serve.grace(SHORT)).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    let mut stalled = Raw::connect(server.addr).await;
    stalled.get("/endless").await;
    stalled.head().await;
    let h2 = H2::connect(server.addr).await;
    let gate = h2.get("/gate").await.unwrap();
    // These two have nothing under way.
    let mut silent = Raw::connect(server.addr).await;
    let begun = Instant::now();
    server.stop();
    assert_eq!(silent.rest().await, "");
    for _ in 0..3 {
        assert_eq!(server.cut().await, Cut::Deadline);
    }
    assert!(begun.elapsed() >= SHORT);
    // No end of the chunked coding, so nobody takes it for the whole.
    assert!(!raw.rest().await.ends_with("0\r\n\r\n"));
    assert!(whole(gate).await.is_err());
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (4, 3));
}

#[tokio::test]
async fn a_half_sent_head_is_given_its_time() {
    let mut server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/").await;
    raw.answer().await;
    let mut first = Raw::connect(server.addr).await;
    first.send("GET / HT").await;
    raw.send("GET / HT").await;
    // A third client shows that the server has seen what the others sent.
    let mut third = Raw::connect(server.addr).await;
    third.get("/").await;
    third.answer().await;
    server.stop();
    assert_eq!(third.rest().await, "");
    for raw in [&mut raw, &mut first] {
        raw.send("TP/1.1\r\nhost: test\r\n\r\n").await;
        assert_eq!(raw.answer().await, (200, b"hello".to_vec()));
        assert_eq!(raw.rest().await, "");
    }
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn a_websocket_is_counted_and_not_waited_for() {
    let server = Running::start(|serve| serve).await;
    let stream = TcpStream::connect(server.addr).await.unwrap();
    let url = format!("ws://{}/ws", server.addr);
    let (socket, _) = soon(tokio_tungstenite::client_async(url, stream)).await.unwrap();
    let served = server.stopped().await;
    assert_eq!((served.upgraded, served.cut), (1, 0));
    drop(socket);
}

#[tokio::test]
async fn a_dropped_server_is_over() {
    let server = Running::start(|serve| serve.grace(Duration::MAX)).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    server.task.abort();
    assert!(!raw.rest().await.ends_with("0\r\n\r\n"));
    assert_eq!(
        TcpStream::connect(server.addr).await.unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
}

/// As much of HTTP/2 as a connection needs to be one, and then nothing, not even the answer to a ping.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn whoever_has_nothing_under_way_is_closed_a_second_after_it_was_told() {
    const IDLE: usize = 200;
    let mut server = Running::start(|serve| serve.grace(Duration::MAX)).await;
    let mut clients = Vec::new();
    for nth in 0..IDLE {
        let mut raw = Raw::connect(server.addr).await;
        // Idle streams, half a preface, a whole one and half a frame, half a head.
        let bytes = [PREFACE, &PREFACE[..9], &PREFACE[..30], b"GET / HTTP/1.1\r\nho"][nth % 4];
        raw.send(bytes).await;
        clients.push(raw);
    }
    // One that is served behind them, so that the server has seen what they sent.
    let mut last = Raw::connect(server.addr).await;
    last.get("/").await;
    last.answer().await;
    let begun = Instant::now();
    server.stop();
    for raw in &mut clients {
        let (bytes, _) = raw.all().await;
        assert!(bytes.is_empty() || bytes[3] == 4, "{bytes:?}");
    }
    let mut events = server.told();
    let served = server.stopped().await;
    let took = begun.elapsed();
    assert_eq!((served.accepted, served.cut), (IDLE as u64 + 1, 0));
    // Half a head, or half a preface, is one that came to nothing.
    events.retain(|event| !matches!(event, Event::Cut { why: Cut::Head, .. }));
    assert!(events.is_empty(), "{events:?}");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    figures(
        "serve-shutdown",
        &format!("{IDLE} idle HTTP/2 clients, half heads, half prefaces: over after {took:?}"),
    );
}
