//! HTTP/2 clients that withhold their windows: what waits for them ends, and is bounded.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use letterhead::serve::{Cut, Event};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::client::{H2, Raw, asks, whole};
use crate::figures::figures;
use crate::running::{Running, SHORT, soon};

/// A time-out that is waited for, and long enough to measure how much longer it took.
const WRITE: Duration = Duration::from_millis(500);

async fn windowed(server: &Running, window: u32) -> H2 {
    H2::windowed(soon(TcpStream::connect(server.addr)).await.unwrap(), window).await
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_cut_whatever_it_has_asked_for() {
    let mut table =
        String::from("HTTP/2 clients that withhold their window, write_timeout 500 ms\n");
    // A body of one frame (small, large), of two, of many.
    for path in ["/", "/bytes/1000000", "/whole", "/endless"] {
        for (window, streams) in [(0, 1), (0, 20), (1, 1), (1, 20), (4, 3)] {
            let mut server = Running::start(|serve| {
                // Idleness is not what cuts them.
                serve.write_timeout(WRITE).idle_timeout(Duration::MAX)
            })
            .await;
            let h2 = windowed(&server, window).await;
            let answers = asks(&h2, path, streams).await;
            let begun = Instant::now();
            assert_eq!(server.cut().await, Cut::Write, "{path} {window} {streams}");
            let took = begun.elapsed();
            writeln!(table, "{path:<16} window {window}, {streams:>2} streams: cut after {took:?}")
                .unwrap();
            assert_eq!(soon(answers.join_all()).await, vec![false; streams]);
            let served = server.stopped().await;
            assert_eq!((served.accepted, served.cut), (1, 0));
        }
    }
    figures("serve-withheld", &table);
}

#[tokio::test]
async fn a_client_that_opens_its_window_now_and_then_is_cut_by_the_rate_alone() {
    for (rate, cut) in [(0, false), (1 << 20, true)] {
        let mut server = Running::start(|serve| {
            serve.write_timeout(SHORT * 4).min_rate(rate).idle_timeout(Duration::MAX)
        })
        .await;
        let h2 = windowed(&server, 1000).await;
        let mut body = h2.get("/bytes/30000").await.unwrap().into_body();
        while let Some(Ok(data)) = soon(body.data()).await {
            // Thirty of these are longer than the time-out, and one is much shorter.
            tokio::time::sleep(SHORT / 5).await;
            let _ = body.flow_control().release_capacity(data.len());
        }
        // Its stream has ended, in one way or the other.
        if cut {
            assert_eq!(server.cut().await, Cut::Write);
        }
        assert!(server.told().is_empty());
    }
}

#[tokio::test]
async fn a_body_with_nothing_to_send_does_not_wait_for_its_client() {
    let mut server = Running::start(|serve| serve.write_timeout(SHORT)).await;
    // As large as what the body has given.
    let h2 = windowed(&server, 6).await;
    let gate = h2.get("/gate").await.unwrap();
    tokio::time::sleep(SHORT * 4).await;
    assert!(server.told().is_empty());
    server.gate.notify_one();
    assert_eq!(whole(gate).await.unwrap(), b"begin end");
}

/// The content of a response, and how much of that there is in all.
struct Content(Vec<u8>, Arc<AtomicUsize>);

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        self.1.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

const MIB: usize = 1 << 20;

/// `/` makes a MiB, and says how much there is.
struct Large {
    addr: std::net::SocketAddr,
    there: Arc<AtomicUsize>,
    events: mpsc::UnboundedReceiver<String>,
    task: tokio::task::JoinHandle<std::io::Result<letterhead::serve::Served>>,
}

impl Large {
    async fn start(
        set: impl FnOnce(letterhead::serve::Serve<Router>) -> letterhead::serve::Serve<Router>,
    ) -> Self {
        let there = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&there);
        let app = Router::new().route(
            "/",
            get(move || async move {
                counted.fetch_add(MIB, Ordering::SeqCst);
                let content = Content(vec![b'x'; MIB], counted);
                Response::new(Body::from(Bytes::from_owner(content)))
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (told, events) = mpsc::unbounded_channel();
        let server = letterhead::serve(listener, app).on_event(move |event| {
            let Event::Cut { why, .. } = event else { return };
            let _ = told.send(why.as_str().to_owned());
        });
        Self { addr, there, events, task: tokio::spawn(set(server).into_future()) }
    }

    /// Waits until there is none.
    async fn until_free(&self) {
        soon(async {
            while self.there.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A client that asks for it on so many streams, and takes nothing.
async fn takes_nothing(large: &Large, streams: usize) -> (H2, JoinSet<bool>) {
    let stream = soon(TcpStream::connect(large.addr)).await.unwrap();
    let h2 = H2::windowed(stream, 0).await;
    let answers = asks(&h2, "/", streams).await;
    (h2, answers)
}

#[tokio::test]
async fn what_a_connection_holds_for_its_client_is_bounded() {
    const MOST: usize = 4 * MIB;
    let mut large = Large::start(|serve| serve.write_timeout(WRITE).max_unsent(MOST)).await;
    let (_h2, answers) = takes_nothing(&large, 100).await;
    let mut peak = 0;
    let cut = loop {
        peak = peak.max(large.there.load(Ordering::SeqCst));
        let next = tokio::time::timeout(Duration::from_millis(5), large.events.recv());
        if let Ok(cut) = next.await {
            break cut.unwrap();
        }
    };
    assert_eq!(cut, "write");
    // On one thread no handler runs before the last one's frame is counted.
    assert_eq!(peak, MOST);
    soon(answers.join_all()).await;
    large.until_free().await;
    figures(
        "serve-unsent",
        &format!(
            "100 streams of 1 MiB, no window: {} MiB held at most, 0 after the cut",
            peak / MIB
        ),
    );
    large.task.abort();
}

#[tokio::test]
async fn a_client_that_reads_gets_all_whatever_the_bound() {
    let large = Large::start(|serve| serve.max_unsent(1)).await;
    let stream = soon(TcpStream::connect(large.addr)).await.unwrap();
    let h2 = H2::over(stream).await;
    let mut streams = JoinSet::new();
    for _ in 0..50 {
        let answer = h2.get("/").await.unwrap();
        streams.spawn(async move { whole(answer).await.unwrap().len() });
    }
    let lengths = soon(streams.join_all()).await;
    assert_eq!(lengths, vec![MIB; 50]);
    large.until_free().await;
    large.task.abort();
}

#[tokio::test]
async fn beyond_what_all_may_hold_the_one_with_most_is_reset() {
    let mut large = Large::start(|serve| serve.max_unsent_in_all(10 * MIB)).await;
    let (_few, few) = takes_nothing(&large, 2).await;
    let (_some, some) = takes_nothing(&large, 4).await;
    soon(async {
        while large.there.load(Ordering::SeqCst) < 6 * MIB {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // Up to 4 MiB are a connection's own bound, so the third and the second are as large; one of them goes.
    let (_more, more) = takes_nothing(&large, 9).await;
    let (_most, most) = takes_nothing(&large, 9).await;
    assert_eq!(soon(large.events.recv()).await.unwrap(), "memory");
    soon(async {
        while large.there.load(Ordering::SeqCst) > 10 * MIB {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop((some, more, most));
    // The one that holds least is there still.
    assert!(!few.is_empty());
    large.task.abort();
}

/// On HTTP/1, too.
#[tokio::test]
async fn a_frame_on_the_old_version_counts_for_what_all_may_hold() {
    let routes = Router::new().route("/large", get(|| async { vec![b'x'; 16 * MIB] }));
    let mut server = Running::routed(routes, |serve| serve.max_unsent_in_all(24 * MIB)).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        // Some of it is with the system, and the rest with the server.
        let mut raw = Raw::small(server.addr).await;
        raw.get("/large").await;
        clients.push(raw);
    }
    assert_eq!(server.cut().await, Cut::Memory);
}
