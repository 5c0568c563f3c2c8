//! Responses that break off: every byte before the failure arrives, and no client takes it for the whole.

use std::io::ErrorKind;
use std::time::Instant;

use http::Request;
use letterhead::serve::Cut;

use crate::client::{H2, Raw, whole};
use crate::running::{CHUNK, Running, SHORT, pattern, soon};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

/// Sends `request`, and wants so many bytes of content, in chunks or not, before this end.
async fn check(server: &Running, request: &str, content: &[u8], end: End) {
    let mut raw = Raw::connect(server.addr).await;
    raw.send(request).await;
    let head = raw.head().await;
    let (bytes, ended) = raw.all().await;
    let found = match ended.map_err(|error| error.kind()) {
        Ok(()) => End::Closed,
        Err(ErrorKind::ConnectionReset) => End::Reset,
        Err(other) => panic!("{request}: {other:?}"),
    };
    let bytes = if head.contains("chunked") { unchunked(&bytes) } else { bytes };
    assert_eq!(bytes.len(), content.len(), "{request}");
    assert!(bytes == content, "{request}: other bytes");
    assert_eq!(found, end, "{request}");
}

/// The data of chunks that break off: there must be no last one.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(line) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        assert!(size > 0, "a clean end after {} bytes", data.len());
        data.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[line + 4 + size..];
    }
    assert!(bytes.is_empty(), "{} bytes of a chunk", bytes.len());
    data
}

fn chunks(count: usize) -> Vec<u8> {
    pattern(CHUNK).repeat(count)
}

fn old(path: &str) -> String {
    format!("GET {path} HTTP/1.0\r\n\r\n")
}

#[tokio::test]
async fn without_a_length_a_broken_response_ends_with_a_reset_after_all_its_bytes() {
    for layered in [false, true] {
        let server = Running::layered(layered).await;
        for count in [1, 2, 100] {
            check(&server, &old(&format!("/broken/{count}")), &chunks(count), End::Reset).await;
        }
        check(&server, &old("/panic-later"), b"begin ", End::Reset).await;
        // To stay does not help where nothing but the end tells the length; the next request waits in vain.
        let stays = "GET /broken/3 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
        check(&server, &format!("{stays}{}", old("/")), &chunks(3), End::Reset).await;
    }
    let server = Running::layered(false).await;
    // The layer would have made it a status.
    check(&server, &old("/broken-first"), b"", End::Reset).await;
}

#[tokio::test]
async fn whatever_tells_its_end_itself_is_closed() {
    let server = Running::layered(false).await;
    check(&server, &old("/bytes/70000"), &pattern(70_000), End::Closed).await;
    check(&server, &old("/whole"), b"begin end", End::Closed).await;
    for request in ["HEAD /broken/1 HTTP/1.0\r\n\r\n", "HEAD /whole HTTP/1.0\r\n\r\n"] {
        check(&server, request, b"", End::Closed).await;
    }
    // Chunks have no end, and a length is not reached.
    for layered in [false, true] {
        let server = Running::layered(layered).await;
        for count in [1, 100] {
            let request =
                format!("GET /broken/{count} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
            check(&server, &request, &chunks(count), End::Closed).await;
        }
    }
    // Whoever counts sees it.
    let server = Running::layered(true).await;
    check(&server, &old("/short"), b"begin ", End::Closed).await;
}

#[tokio::test]
async fn a_stream_that_fails_behind_its_data_is_reset() {
    for layered in [false, true] {
        let server = Running::layered(layered).await;
        let h2 = H2::connect(server.addr).await;
        for count in [1, 100] {
            // The reset may overtake the head.
            let error = match h2.get(&format!("/broken/{count}")).await {
                Ok(answer) => whole(answer).await.unwrap_err(),
                Err(error) => error,
            };
            assert_eq!(error.reason(), Some(h2::Reason::INTERNAL_ERROR), "{layered} {count}");
        }
        // The connection goes on.
        assert_eq!(h2.get("/").await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_slow_client_has_all_before_the_reset() {
    let server = Running::layered(true).await;
    let mut raw = Raw::small(server.addr).await;
    raw.send(old("/broken/100")).await;
    raw.head().await;
    // Long after the body has failed.
    tokio::time::sleep(SHORT).await;
    let (bytes, end) = raw.all().await;
    assert!(bytes == chunks(100), "{} bytes", bytes.len());
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_waited_for_as_long_as_in_the_middle() {
    let mut server = Running::start(|serve| serve.write_timeout(SHORT).max_connections(1)).await;
    let begun = Instant::now();
    let mut raw = Raw::small(server.addr).await;
    // As much as the socket takes, and the client's system does not.
    raw.send(old("/broken/4")).await;
    server.event().await;
    let mut next = Raw::connect(server.addr).await;
    next.get("/").await;
    assert_eq!(next.answer().await, (200, b"hello".to_vec()));
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
    assert_eq!(raw.end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_end_of_the_server_waits_for_it_no_longer_than_for_anything_else() {
    let mut server = Running::start(|serve| serve.grace(SHORT)).await;
    let mut raw = Raw::small(server.addr).await;
    raw.send(old("/broken/4")).await;
    server.event().await;
    let begun = Instant::now();
    let served = server.stopped().await;
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
    // It was broken off before, and is nobody's upgrade.
    assert_eq!((served.cut, served.upgraded), (0, 0));
    assert_eq!(raw.end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn at_the_deadline_what_only_a_close_would_end_is_reset() {
    let mut server = Running::start(|serve| serve.grace(SHORT)).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send(old("/gate")).await;
    raw.until("begin ").await;
    server.stop();
    assert_eq!(server.cut().await, Cut::Deadline);
    assert_eq!(raw.end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let served = server.stopped().await;
    assert_eq!((served.cut, served.upgraded), (1, 0));
}

#[tokio::test]
async fn at_the_deadline_each_stream_is_reset_before_its_connection_ends() {
    let mut server = Running::start(|serve| serve.grace(SHORT)).await;
    let h2 = H2::connect(server.addr).await;
    let gate = h2.get("/gate").await.unwrap();
    let endless = h2.get("/endless").await.unwrap();
    let mut send = soon(h2.send.clone().ready()).await.unwrap();
    let request = Request::get("http://test/never").body(()).unwrap();
    let (never, _) = send.send_request(request, true).unwrap();
    let mut gate = gate.into_body();
    assert_eq!(soon(gate.data()).await.unwrap().unwrap(), b"begin "[..]);
    server.stop();
    let reset = Some(h2::Reason::INTERNAL_ERROR);
    assert_eq!(soon(gate.data()).await.unwrap().unwrap_err().reason(), reset);
    assert_eq!(soon(never).await.unwrap_err().reason(), reset);
    // One that is read gets on, and hears of it.
    assert_eq!(whole(endless).await.unwrap_err().reason(), reset);
    assert_eq!(server.cut().await, Cut::Deadline);
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (1, 1));
}

#[tokio::test]
async fn a_stream_without_room_holds_the_deadline_up_for_a_moment_alone() {
    let mut server = Running::start(|serve| serve.grace(SHORT)).await;
    let h2 = H2::connect(server.addr).await;
    let stalled = h2.get("/endless").await.unwrap();
    let gate = h2.get("/gate").await.unwrap();
    server.stop();
    assert_eq!(whole(gate).await.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR));
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut), (1, 1));
    // It cannot be reset by itself: the connection is.
    assert!(whole(stalled).await.is_err());
    assert_eq!(
        soon(h2.task).await.unwrap().unwrap_err().get_io().unwrap().kind(),
        ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn the_streams_of_a_dropped_server_are_reset_too() {
    let server = Running::start(|serve| serve).await;
    let h2 = H2::connect(server.addr).await;
    let gate = h2.get("/gate").await.unwrap();
    server.task.abort();
    assert_eq!(whole(gate).await.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR));
}
