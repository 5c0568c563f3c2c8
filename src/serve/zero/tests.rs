//! Writes that must not happen, and that nothing of them reaches the client.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Buf as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::sys::{How, Opened, Root};

const LENGTH: usize = 100_000;

/// A connection with one span that is due.
struct Due {
    lane: Lane,
    sending: Sending,
    tcp: TcpStream,
    client: TcpStream,
    data: FileData,
    content: Vec<u8>,
}

impl Due {
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-due-{}-{next}", std::process::id());
        let root = std::env::temp_dir().join(name);
        std::fs::create_dir(&root).unwrap();
        let mut content = vec![0; LENGTH];
        fastrand::Rng::with_seed(9).fill(&mut content);
        std::fs::write(root.join("file"), &content).unwrap();
        let opened = Root::open(&root).unwrap().resolve(b"file", How::default()).unwrap();
        std::fs::remove_dir_all(&root).unwrap();
        let Opened::File(handle) = opened else { panic!("wanted a file") };
        // What was removed is there as long as it is open.
        let seen = crate::sys::Stat::of(&handle).unwrap();
        let mut data = FileData::span(&Arc::new(handle), seen, 0, LENGTH);
        let lane = Lane::default();
        lane.arm(&mut data);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        Self { lane, sending: Sending::default(), tcp, client, data, content }
    }

    async fn write(&mut self, views: &[IoSlice<'_>]) -> io::Result<usize> {
        let (lane, sending, tcp) = (&self.lane, &mut self.sending, &mut self.tcp);
        poll_fn(|cx| sending.poll_write_vectored(lane, tcp, cx, views)).await
    }

    async fn write_flat(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (lane, tcp) = (&self.lane, &mut self.tcp);
        poll_fn(|cx| Sending::poll_write(lane, tcp, cx, bytes)).await
    }

    /// What has reached the client, now that there is no more.
    async fn came(mut self) -> Vec<u8> {
        drop((self.tcp, self.data));
        let mut came = Vec::new();
        self.client.read_to_end(&mut came).await.unwrap();
        came
    }

    fn view(&self) -> IoSlice<'static> {
        IoSlice::new(span::armed_view(self.data.remaining(), LENGTH))
    }
}

#[tokio::test]
async fn a_span_goes_between_what_stands_around_it() {
    let mut due = Due::new().await;
    let (mut head, tail) = (&b"head"[..], b"tail");
    while due.data.has_remaining() || !head.is_empty() {
        let (before, view) = (IoSlice::new(head), due.view());
        let views = [before, view, IoSlice::new(tail)];
        let views = if head.is_empty() { &views[1..] } else { &views[..] };
        let sent = due.write(views).await.unwrap();
        let of_head = sent.min(head.len());
        head = &head[of_head..];
        due.data.advance(sent - of_head);
    }
    assert!(due.lane.is_idle());
    assert_eq!(due.write(&[IoSlice::new(tail)]).await.unwrap(), 4);
    // All of it fits in the sockets.
    let mut came = vec![0; LENGTH + 8];
    due.client.read_exact(&mut came).await.unwrap();
    assert_eq!((&came[..4], &came[LENGTH + 4..]), (&b"head"[..], &b"tail"[..]));
    assert!(came[4..LENGTH + 4] == due.content);
}

#[tokio::test]
async fn while_a_span_is_due_no_bytes_go_without_it() {
    let mut due = Due::new().await;
    let copied = due.content.clone();
    let error = due.write_flat(&copied).await.unwrap_err();
    assert!(error.to_string().contains("wanted the file's span in this write"), "{error}");
    // Nor then anything else, its view included.
    let view = due.view();
    due.write(&[view]).await.unwrap_err();
    due.write(&[IoSlice::new(b"x")]).await.unwrap_err();
    due.write_flat(b"x").await.unwrap_err();
    assert!(due.came().await.is_empty());

    let mut due = Due::new().await;
    let error = due.write(&[IoSlice::new(b"head"), IoSlice::new(&copied)]).await.unwrap_err();
    assert!(error.to_string().contains("found none"), "{error}");
    assert!(due.came().await.is_empty());

    // Empty memory, but not the memory.
    let mut due = Due::new().await;
    due.write(&[IoSlice::new(&vec![0; LENGTH])]).await.unwrap_err();
    assert!(due.came().await.is_empty());
}

#[tokio::test]
async fn a_view_out_of_its_turn_does_not_go() {
    for view in [span::armed_view(LENGTH - 1, LENGTH), span::armed_view(LENGTH + 1, LENGTH + 1)] {
        let mut due = Due::new().await;
        let error = due.write(&[IoSlice::new(b"head"), IoSlice::new(view)]).await.unwrap_err();
        assert!(error.to_string().contains("wanted the span that is next"), "{error}");
        assert!(due.came().await.is_empty());
    }
}

#[tokio::test]
async fn a_span_given_up_ends_the_connection() {
    let mut due = Due::new().await;
    due.data = bytes::Bytes::new().into();
    let error = due.write(&[IoSlice::new(b"next")]).await.unwrap_err();
    assert!(error.to_string().contains("given up"), "{error}");
    let error = due.write_flat(b"next").await.unwrap_err();
    assert!(error.to_string().contains("given up"), "{error}");
    assert!(due.came().await.is_empty());
}

#[tokio::test]
async fn a_span_consumed_unsent_ends_the_connection() {
    let mut due = Due::new().await;
    // As by somebody who has copied the view, and writes the copy next.
    due.data.advance(LENGTH);
    let copied = vec![0; LENGTH];
    due.write(&[IoSlice::new(&copied)]).await.unwrap_err();
    due.write_flat(&copied).await.unwrap_err();
    assert!(due.came().await.is_empty());
}
