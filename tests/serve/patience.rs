//! Clients that are slow on purpose.

use std::io::ErrorKind;
use std::time::Instant;

use http::Request;
use letterhead::serve::{Cut, Event};
use tokio::io::AsyncWriteExt as _;

use crate::client::{H2, Raw, whole};
use crate::running::{Running, SHORT, soon};

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let mut server = Running::start(|serve| serve.header_timeout(SHORT)).await;
    let begun = Instant::now();
    let mut raw = Raw::connect(server.addr).await;
    assert_eq!(raw.rest().await, "");
    assert!(begun.elapsed() >= SHORT);
    assert_eq!(server.cut().await, Cut::Head);
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_however_often_a_byte_comes() {
    for preface in ["GET / HTTP/1.1\r\nx: ", "PRI * HTTP/2.0"] {
        let mut server = Running::start(|serve| serve.header_timeout(SHORT)).await;
        let mut raw = Raw::connect(server.addr).await;
        raw.send(preface).await;
        let trickle = async {
            let mut ticks = tokio::time::interval(SHORT / 10);
            loop {
                ticks.tick().await;
                // A preface may be sent no further; bytes of a head may.
                if preface.starts_with("GET") {
                    raw.send("a").await;
                }
            }
        };
        tokio::select! {
            () = trickle => unreachable!("it never ends"),
            cut = server.cut() => assert_eq!(cut, Cut::Head),
        }
    }
}

#[tokio::test]
async fn a_second_head_has_its_own_time() {
    let mut server = Running::start(|serve| serve.header_timeout(SHORT)).await;
    let mut raw = Raw::connect(server.addr).await;
    // Longer in all than one head may take.
    for _ in 0..4 {
        raw.send("GET / HTTP/1.1\r\n").await;
        tokio::time::sleep(SHORT / 3).await;
        raw.send("host: test\r\n\r\n").await;
        assert_eq!(raw.answer().await.0, 200);
    }
    assert!(server.told().is_empty());
    raw.send("GET / HTTP/1.1\r\n").await;
    raw.rest().await;
    assert_eq!(server.cut().await, Cut::Head);
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let mut server = Running::start(|serve| serve.idle_timeout(SHORT)).await;
    let mut busy = Raw::connect(server.addr).await;
    busy.get("/gate").await;
    busy.until("begin").await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/").await;
    raw.answer().await;
    let begun = Instant::now();
    assert_eq!(raw.rest().await, "");
    assert!(begun.elapsed() >= SHORT * 9 / 10, "{:?}", begun.elapsed());

    server.gate.notify_one();
    busy.until("end").await;
    assert!(!busy.rest().await.is_empty());
    // An idle connection ends in peace.
    assert!(server.told().is_empty());
}

#[tokio::test]
async fn an_idle_connection_of_the_new_version_is_asked_to_go() {
    let mut server = Running::start(|serve| serve.idle_timeout(SHORT)).await;
    let unused = H2::connect(server.addr).await;
    let h2 = H2::connect(server.addr).await;
    let gate = h2.get("/gate").await.unwrap();
    let begun = Instant::now();
    // Without a request it is idle from the start.
    soon(unused.task).await.unwrap().unwrap();
    tokio::time::sleep(SHORT.saturating_sub(begun.elapsed())).await;
    server.gate.notify_one();
    assert_eq!(whole(gate).await.unwrap(), b"begin end");
    let begun = Instant::now();
    let H2 { send, task } = h2;
    soon(task).await.unwrap().unwrap();
    assert!(begun.elapsed() >= SHORT * 9 / 10, "{:?}", begun.elapsed());
    drop(send);
    assert!(server.told().is_empty());
}

#[tokio::test]
async fn a_client_that_stays_after_it_was_asked_to_go_is_cut() {
    let mut server = Running::start(|serve| serve.idle_timeout(SHORT).write_timeout(SHORT)).await;
    // It speaks just enough of HTTP/2 not to be taken for something else, and answers no ping.
    let mut raw = Raw::connect(server.addr).await;
    raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    raw.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    assert_eq!(server.cut().await, Cut::Lingering);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let mut server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    for path in ["/endless", "/bytes/30000000"] {
        let mut raw = Raw::connect(server.addr).await;
        raw.get(path).await;
        raw.head().await;
        assert_eq!(server.cut().await, Cut::Write);
        // What waited for the client is not sent any more.
        assert_eq!(raw.end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_client_below_the_rate_is_cut_and_one_that_merely_reads_is_not() {
    let run = |rate: u64| async move {
        let mut server = Running::start(|serve| serve.write_timeout(SHORT).min_rate(rate)).await;
        let mut raw = Raw::small(server.addr).await;
        raw.get("/endless").await;
        let reading = async {
            let begun = Instant::now();
            while raw.more().await && begun.elapsed() < SHORT * 5 {
                tokio::time::sleep(SHORT / 100).await;
            }
        };
        tokio::select! {
            () = reading => None,
            cut = server.cut() => Some(cut),
        }
    };
    // Nobody reads a terabyte in a second.
    assert_eq!(run(1 << 40).await, Some(Cut::Write));
    assert_eq!(run(0).await, None);
}

#[tokio::test]
async fn a_stream_that_takes_nothing_does_not_hold_its_connection_for_ever() {
    let mut server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    let h2 = H2::connect(server.addr).await;
    let stalled = h2.get("/endless").await.unwrap();
    let gate = h2.get("/gate").await.unwrap();
    // The connection is asked to go while the other stream may still move.
    let begun = Instant::now();
    loop {
        let mut send = h2.send.clone();
        let request = Request::get("http://test/").body(()).unwrap();
        match send.send_request(request, true) {
            Ok((answer, _)) => drop(soon(answer).await),
            Err(_) => break,
        }
        assert!(begun.elapsed() < SHORT * 30, "it still takes requests");
        tokio::time::sleep(SHORT / 10).await;
    }
    assert!(server.told().is_empty());
    server.gate.notify_one();
    assert_eq!(whole(gate).await.unwrap(), b"begin end");
    // Now nothing moves.
    assert_eq!(server.cut().await, Cut::Write);
    assert!(whole(stalled).await.is_err());
}

#[tokio::test]
async fn a_response_with_nothing_to_send_may_wait() {
    let mut server = Running::start(|serve| {
        serve.write_timeout(SHORT).idle_timeout(SHORT).header_timeout(SHORT)
    })
    .await;
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/gate").await;
    raw.until("begin").await;
    let h2 = H2::connect(server.addr).await;
    let gate = h2.get("/gate").await.unwrap();
    tokio::time::sleep(SHORT * 3).await;
    server.gate.notify_one();
    server.gate.notify_one();
    raw.until("end").await;
    server.gate.notify_one();
    assert_eq!(whole(gate).await.unwrap(), b"begin end");
    assert!(server.told().is_empty());
}

/// As much of HTTP/2 as a connection needs to be one.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn a_flood_of_frames_that_ask_for_nothing_is_cut() {
    let ping = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";
    let settings = b"\0\0\0\x04\0\0\0\0\0";
    for frame in [&ping[..], settings] {
        let mut server = Running::start(|serve| serve.max_control_frames(1000)).await;
        let mut few = Raw::connect(server.addr).await;
        few.send(PREFACE).await;
        few.send(frame.repeat(900)).await;
        let stream = Raw::connect(server.addr).await.stream;
        let (mut reading, mut writing) = stream.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await });
        writing.write_all(PREFACE).await.unwrap();
        let flood = frame.repeat(1000);
        let flooding = async {
            while writing.write_all(&flood).await.is_ok() {}
            server.cut().await
        };
        assert_eq!(soon(flooding).await, Cut::Flood);
        // So many are none.
        drop(few);
        assert!(server.told().iter().all(|event| !matches!(event, Event::Cut { .. })));
        let mut raw = Raw::connect(server.addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await.0, 200);
    }
}
