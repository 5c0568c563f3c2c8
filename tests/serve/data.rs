//! What hyper and h2 do with a body's data, on which the counting of unsent bytes leans.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Buf;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::client::H2;
use crate::running::soon;

/// What became of a body and its data.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fate {
    body_dropped: bool,
    taken: usize,
    /// Calls of `copy_to_bytes`.
    copied: usize,
    data_dropped: bool,
}

type Shared = Arc<Mutex<Fate>>;

struct Data {
    left: &'static [u8],
    fate: Shared,
}

impl Buf for Data {
    fn remaining(&self) -> usize {
        self.left.len()
    }

    fn chunk(&self) -> &[u8] {
        self.left
    }

    fn advance(&mut self, count: usize) {
        self.left = &self.left[count..];
        self.fate.lock().unwrap().taken += count;
    }

    fn copy_to_bytes(&mut self, length: usize) -> bytes::Bytes {
        self.fate.lock().unwrap().copied += 1;
        let bytes = bytes::Bytes::copy_from_slice(&self.left[..length]);
        self.advance(length);
        bytes
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        self.fate.lock().unwrap().data_dropped = true;
    }
}

/// One frame, which is known to be the last.
struct Single {
    data: Option<Data>,
    fate: Shared,
}

impl Body for Single {
    type Data = Data;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Data>, Infallible>>> {
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.left.len() as u64))
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        self.fate.lock().unwrap().body_dropped = true;
    }
}

/// A server without any of ours, whose response is `content` in one frame, and a client with these windows.
async fn served(content: &'static [u8], window: u32) -> (H2, Shared) {
    let (client, server) = tokio::io::duplex(1 << 20);
    let fate = Shared::default();
    let shared = Arc::clone(&fate);
    let service = hyper::service::service_fn(move |_: Request<Incoming>| {
        let fate = Arc::clone(&shared);
        let data = Some(Data { left: content, fate: Arc::clone(&fate) });
        async { Ok::<_, Infallible>(Response::new(Single { data, fate })) }
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    tokio::spawn(builder.serve_connection(TokioIo::new(server), service));
    (H2::windowed(client, window).await, fate)
}

static SHORT: [u8; 100] = [b'x'; 100];
/// Several frames of h2's.
static LONG: [u8; 60_000] = [b'x'; 60_000];

/// Waits until it is so.
async fn until(fate: &Shared, reached: impl Fn(&Fate) -> bool) {
    soon(async {
        while !reached(&fate.lock().unwrap()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_frame_is_taken_whole_for_one_byte_and_kept_until_its_last() {
    for content in [&SHORT[..], &LONG] {
        let (h2, fate) = served(content, 10).await;
        let mut body = h2.get("/").await.unwrap().into_body();
        assert_eq!(soon(body.data()).await.unwrap().unwrap().len(), 10);
        until(&fate, |fate| fate.taken == 10).await;
        // hyper's part is over; a receipt that was made of its drop would say complete.
        until(&fate, |fate| fate.body_dropped).await;
        assert!(!fate.lock().unwrap().data_dropped);
        body.flow_control().release_capacity(10).unwrap();
        until(&fate, |fate| fate.taken == 20).await;
        assert!(!fate.lock().unwrap().data_dropped);
        while let Some(data) = soon(body.data()).await {
            body.flow_control().release_capacity(data.unwrap().len()).unwrap();
        }
        until(&fate, |fate| fate.data_dropped).await;
        let fate = fate.lock().unwrap();
        assert_eq!((fate.taken, fate.copied), (content.len(), 0));
    }
}

#[tokio::test]
async fn a_frame_without_a_window_stays_with_hyper_and_so_does_its_body() {
    let (h2, fate) = served(&SHORT, 0).await;
    let body = h2.get("/").await.unwrap().into_body();
    // The client's next turn is behind the server's.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*fate.lock().unwrap(), Fate::default());
    // A reset of the stream frees both.
    drop(body);
    until(&fate, |fate| fate.body_dropped && fate.data_dropped).await;
    assert_eq!(fate.lock().unwrap().taken, 0);
}

#[tokio::test]
async fn a_reset_frees_what_was_not_taken() {
    let (h2, fate) = served(&LONG, 10).await;
    let mut body = h2.get("/").await.unwrap().into_body();
    assert_eq!(soon(body.data()).await.unwrap().unwrap().len(), 10);
    until(&fate, |fate| fate.body_dropped).await;
    assert!(!fate.lock().unwrap().data_dropped);
    drop(body);
    until(&fate, |fate| fate.data_dropped).await;
    assert_eq!(fate.lock().unwrap().taken, 10);
}
