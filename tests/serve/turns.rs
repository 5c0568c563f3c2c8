//! What is written in one turn of an HTTP/2 connection: nothing waits for the next one, and streams are served by turns.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncReadExt as _;

use crate::client::{H2, Raw, whole};
use crate::running::{Running, soon};

/// Pieces of a long body.
const PIECE: &[u8] = &[b'x'; 64 * 1024];
const PIECES: usize = 32;
/// The largest frame that a client takes if it says nothing (RFC 9113, section 6.5.2).
const FRAME: usize = 16 * 1024;
const HEADER: usize = 9;

fn routes() -> Router {
    Router::new()
        .route(
            "/long",
            get(|| async {
                let pieces = stream::iter(
                    (0..PIECES).map(|_| Ok::<_, Infallible>(Bytes::from_static(PIECE))),
                );
                Body::from_stream(pieces)
            }),
        )
        .route(
            "/event",
            get(|| async {
                let event =
                    stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"data: now\n\n"))]);
                Body::from_stream(event.chain(stream::pending()))
            }),
        )
        .route(
            "/short/{length}",
            get(|axum::extract::Path(length): axum::extract::Path<usize>| async move {
                vec![b'y'; length]
            }),
        )
}

/// A frame's header (RFC 9113, section 4.1), on a stream.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn streams_of_one_connection_are_sent_by_turns() {
    const STREAMS: usize = 4;
    let server = Running::routed(routes(), |serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    // Windows that are never used up: SETTINGS_INITIAL_WINDOW_SIZE for streams, WINDOW_UPDATE for the connection.
    let window = (64_u32 << 20).to_be_bytes();
    raw.send(frame(4, 0, 0, &[&[0, 4][..], &window].concat())).await;
    raw.send(frame(8, 0, 0, &window)).await;
    // `:method: GET`, `:scheme: http`, `:path: /long`, `:authority: test` (RFC 7541, appendix A and section 6.2.2).
    let head = [b"\x82\x86\x04\x05/long".as_slice(), b"\x01\x04test"].concat();
    let streams: Vec<u32> = (0..STREAMS).map(|at| 1 + 2 * u32::try_from(at).unwrap()).collect();
    let asked: Vec<u8> = streams.iter().flat_map(|stream| frame(1, 5, *stream, &head)).collect();
    raw.send(asked).await;

    let (mut taken, mut over) = ([0_usize; STREAMS], 0);
    let mut furthest = 0;
    while over < STREAMS {
        let mut header = [0; HEADER];
        soon(raw.stream.read_exact(&mut header)).await.unwrap();
        let length =
            usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        assert!(length <= FRAME, "{length}");
        let mut payload = vec![0; length];
        soon(raw.stream.read_exact(&mut payload)).await.unwrap();
        let (kind, ends) = (header[3], header[4] & 1 == 1);
        assert!(kind != 3 && kind != 7, "no stream fails: {header:?}");
        if kind != 0 {
            continue;
        }
        let stream = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
        let at = streams.iter().position(|known| *known == stream).unwrap();
        taken[at] += length;
        over += usize::from(ends);
        if over == 0 {
            let (least, most) = (taken.iter().min().unwrap(), taken.iter().max().unwrap());
            furthest = furthest.max(most - least);
        }
    }
    assert_eq!(taken, [PIECES * PIECE.len(); STREAMS]);
    // hyper queues up to 128 KiB for each stream, and one more piece; which stream's task runs first is the runtime's.
    let bound = 128 * 1024 + 4 * PIECE.len();
    assert!(
        furthest <= bound,
        "one stream was {furthest} bytes before another, wanted {bound} at most"
    );
    server.stopped().await;
}

#[tokio::test]
async fn what_one_turn_writes_does_not_wait_for_another() {
    let server = Running::routed(routes(), |serve| serve).await;
    let h2 = H2::connect(server.addr).await;
    // Nothing is written behind it.
    let mut body = h2.get("/event").await.unwrap().into_body();
    assert_eq!(soon(body.data()).await.unwrap().unwrap(), "data: now\n\n");
    // About what is copied into a frame's header, what is joined, and what is not.
    for length in [
        0,
        1,
        255,
        256,
        257,
        FRAME - 1,
        FRAME,
        FRAME + 1,
        4 * FRAME - HEADER,
        4 * FRAME,
        60 * FRAME + 7,
    ] {
        let answer = h2.get(&format!("/short/{length}")).await.unwrap();
        let found = whole(answer).await.unwrap();
        assert!(
            found.len() == length && found.iter().all(|byte| *byte == b'y'),
            "{length}: {}",
            found.len()
        );
    }
    drop((body, h2));
    server.stopped().await;
}
