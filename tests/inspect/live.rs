//! The list as it grows, over sockets, and viewers that do not read.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use letterhead::inspect::Inspector;
use letterhead::report::{Collector, Reporter as _};
use letterhead::{LetterheadLayer, Receipt, Rules};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tower::{Layer as _, ServiceExt as _};

use crate::app::soon;
use crate::client::Server;

fn app() -> Router {
    Router::new().route("/a", get(|| async { "a" })).route("/b", get(|| async { "b" }))
}

/// A viewer that reads.
struct Viewer(Incoming, String);

impl Viewer {
    async fn open(server: &Server, query: &str, last: Option<u64>) -> Self {
        let stream = TokioIo::new(TcpStream::connect(server.addr).await.unwrap());
        let (mut sender, connection) = http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut request =
            http::Request::get(format!("/_head/events?{query}")).header("host", "localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let answer = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Self(answer.into_body(), String::new())
    }

    /// Reads until so many events are there; their numbers.
    async fn read(&mut self, count: usize) -> Vec<u64> {
        while self.1.matches("\n\n").count() < count + 1 {
            let frame = soon(self.0.frame()).await.expect("it goes on").unwrap();
            self.1 += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
        let ids = self.1.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_viewer_sees_rows_as_exchanges_end() {
    let server = Server::start(app(), Inspector::new()).await;
    server.get_in_turn(&["/a", "/b"]).await;
    let mut all = Viewer::open(&server, "after=1", None).await;
    assert_eq!(all.read(1).await, [2], "what was missed");
    let mut some = Viewer::open(&server, "path=/a&after=2", None).await;
    let mut later = Viewer::open(&server, "after=2", Some(1)).await;
    assert_eq!(later.read(1).await, [2], "a browser that comes again says what it has");
    server.get_in_turn(&["/b", "/a", "/b"]).await;
    assert_eq!(all.read(4).await, [2, 3, 4, 5]);
    assert_eq!(some.read(1).await, [4]);
    let row = "\ndata: <tr><td><time datetime=\"";
    assert_eq!(all.1.matches(row).count(), 4, "{}", all.1);
    assert!(all.1.starts_with("retry: 1000\n\n"));
    assert!(all.1.contains("<a href=\"/_head/3\"><span class=\"method\">GET</span> /b</a>"));
    drop((all, some, later));
    server.ended().await;
}

async fn receipt() -> Receipt {
    let seen = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(seen.clone());
    let request = http::Request::get("/a").body(axum::body::Body::empty()).unwrap();
    drop(layer.layer(app()).oneshot(request).await.unwrap());
    seen.take().remove(0)
}

#[tokio::test]
async fn a_viewer_that_does_not_read_is_cut_and_no_response_waits_for_it() {
    let server = Server::start(app(), Inspector::new()).await;
    let receipt = receipt().await;
    let mut quick = Viewer::open(&server, "", None).await;
    let mut slow = TcpStream::connect(server.addr).await.unwrap();
    slow.write_all(b"GET /_head/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut head = [0; 15];
    soon(tokio::io::AsyncReadExt::read_exact(&mut slow, &mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    // From here on it reads nothing: first the sockets' buffers are full, then its queue is.
    let end = Instant::now() + Duration::from_secs(30);
    let (mut reported, mut read) = (0, 0);
    while server.inspector.viewers_cut() == 0 {
        assert!(Instant::now() < end, "not cut after {reported} exchanges");
        for _ in 0..50 {
            server.inspector.report(&receipt);
            reported += 1;
        }
        // The other one reads on.
        while read < reported {
            let frame = soon(quick.0.frame()).await.expect("it goes on").unwrap();
            let data = frame.into_data().unwrap();
            read += std::str::from_utf8(&data).unwrap().matches("\nid: ").count();
            read += usize::from(data.starts_with(b"id: "));
        }
    }
    assert_eq!(server.inspector.viewers_cut(), 1);
    assert_eq!(server.inspector.len(), Inspector::KEEP.min(reported));
    // It sees that when it reads again: its stream ends.
    let mut rest = Vec::new();
    soon(tokio::io::AsyncReadExt::read_buf(&mut slow, &mut rest)).await.unwrap();
    while !rest.ends_with(b"0\r\n\r\n") {
        let count = soon(tokio::io::AsyncReadExt::read_buf(&mut slow, &mut rest)).await.unwrap();
        assert!(count > 0, "it ended without an end");
    }
    drop((slow, quick));
    server.ended().await;
}

#[tokio::test]
async fn for_one_viewer_too_many_the_first_is_cut() {
    let server = Server::start(app(), Inspector::new()).await;
    let mut viewers = Vec::new();
    for _ in 0..=128 {
        viewers.push(Viewer::open(&server, "", None).await);
    }
    assert_eq!(server.inspector.viewers_cut(), 1);
    while let Some(frame) = soon(viewers[0].0.frame()).await {
        frame.unwrap();
    }
    server.get("/a").await;
    assert_eq!(viewers[128].read(1).await, [1]);
    let head = server.ask(http::Request::head("/_head/events")).await;
    assert_eq!(head.status(), 200);
    drop(viewers);
    server.ended().await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_gets_comments_where_no_exchange_ends() {
    let inspector = Inspector::new();
    let mut request =
        http::Request::get("/_head/events").header("host", "localhost").body(()).unwrap();
    let peer = letterhead::report::Peer::new("127.0.0.1:1".parse().unwrap(), false);
    request.extensions_mut().insert(peer);
    let mut body = inspector.service().oneshot(request).await.unwrap().into_body();
    let before = tokio::time::Instant::now();
    for expected in ["retry: 1000\n\n", ":\n\n", ":\n\n"] {
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expected);
    }
    assert_eq!(before.elapsed().as_secs(), 30);
}
