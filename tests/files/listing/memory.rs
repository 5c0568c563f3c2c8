//! What lists cost in memory that nobody reads.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{alone, fill};
use crate::apart::figures;
use crate::scratch::Scratch;
use crate::serve::soon;
use crate::slow_readers::{Serving, is_child_with, two_threads};

const NAMES: usize = 100_000;
const READERS: usize = 20;

/// What each of them asks for: in every form and order.
const ASKED: [(&str, &str); 5] = [
    ("/d/", "*/*"),
    ("/d/", "text/html"),
    ("/d/?sort=size&order=desc", "text/html"),
    ("/d/?sort=modified", "application/json"),
    ("/d/", "application/json"),
];

#[test]
fn a_list_that_nobody_reads_costs_less_than_a_megabyte() {
    const NAME: &str = "listing::memory::a_list_that_nobody_reads_costs_less_than_a_megabyte";
    if !is_child_with(NAME, |sender| sender.listing(NAMES).settle(Duration::ZERO)) {
        let _alone = alone();
        let scratch = Scratch::new();
        fill(&scratch, "d", "", NAMES);
        two_threads().block_on(unread(Serving::of(NAME, scratch)));
    }
}

/// Waits until the server has nothing left to do: three looks in a row find that it has not worked.
async fn idle(serving: &Serving) {
    let (mut ticks, mut still) = (serving.ticks(), 0);
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    while still < 3 {
        tick.tick().await;
        let now = serving.ticks();
        still = if now == ticks { still + 1 } else { 0 };
        ticks = now;
    }
}

/// Asks, and reads the head.
async fn h1(serving: &Serving, (path, accept): (&str, &str)) -> TcpStream {
    let mut stream = serving.connect().await;
    let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\naccept: {accept}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        assert!(soon(stream.read_buf(&mut read)).await.unwrap() > 0, "closed");
    }
    assert!(read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&read));
    stream
}

struct H2 {
    _body: h2::RecvStream,
    _send: h2::client::SendRequest<Bytes>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for H2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn h2(serving: &Serving, (path, accept): (&str, &str)) -> H2 {
    let (mut send, connection) = h2::client::handshake(serving.connect().await).await.unwrap();
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    let request = Request::get(format!("http://test{path}")).header("accept", accept);
    let (response, _) = send.send_request(request.body(()).unwrap(), true).unwrap();
    let response = soon(response).await.unwrap();
    assert_eq!(response.status(), 200);
    H2 { _body: response.into_body(), _send: send, task }
}

async fn unread(serving: Serving) {
    // Whoever comes first brings the rows into memory, and what they are sorted by.
    let mut first = Vec::new();
    for asked in ASKED {
        first.push(h1(&serving, asked).await);
    }
    idle(&serving).await;
    let shared = serving.kilobytes("VmRSS:");
    let (mut h1s, mut h2s) = (Vec::new(), Vec::new());
    for nth in 0..READERS {
        let asked = ASKED[nth % ASKED.len()];
        if nth < READERS / 2 {
            h1s.push(h1(&serving, asked).await);
        } else {
            h2s.push(h2(&serving, asked).await);
        }
    }
    idle(&serving).await;
    let (all, peak) = (serving.kilobytes("VmRSS:"), serving.kilobytes("VmHWM:"));
    let each = all.saturating_sub(shared) / READERS as u64;
    figures(
        "unread lists",
        &format!(
            "{READERS} lists of {NAMES} names that nobody reads: {shared} kB before them, {all} kB with \
             them, {each} kB each; {peak} kB at most"
        ),
    );
    assert!(each <= 1024, "{each} kB each");
    drop((first, h1s, h2s));
}
