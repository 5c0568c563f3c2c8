//! What is leaned on in hyper: data that waits to be written on HTTP/1 is viewed, written, and only then
//! consumed, and nothing else is ever done with it.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_util::stream;
use http::{Request, Response};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf,
};

use crate::site::{noise, same, soon};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    /// Showed this much of the data of that number.
    View(usize, usize),
    /// Read it otherwise.
    Read,
    /// A vectored write took so many bytes.
    Write(usize),
    /// A write of one buffer.
    Flat,
    /// So much of the data of that number was consumed.
    Advance(usize, usize),
    Drop(usize, usize),
}

type Log = Arc<Mutex<Vec<Did>>>;

/// Data that tells what is done with it.
struct Told {
    number: usize,
    bytes: Bytes,
    log: Log,
}

impl Told {
    fn tell(&self, did: Did) {
        self.log.lock().unwrap().push(did);
    }
}

impl Buf for Told {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        self.tell(Did::Read);
        &self.bytes
    }

    fn chunks_vectored<'a>(&'a self, views: &mut [IoSlice<'a>]) -> usize {
        let Some(first) = views.first_mut().filter(|_| !self.bytes.is_empty()) else { return 0 };
        self.tell(Did::View(self.number, self.bytes.len()));
        *first = IoSlice::new(&self.bytes);
        1
    }

    fn advance(&mut self, count: usize) {
        self.tell(Did::Advance(self.number, count));
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.tell(Did::Read);
        self.bytes.copy_to_bytes(length)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.tell(Did::Drop(self.number, self.bytes.len()));
    }
}

/// A socket that takes few bytes at a time, and remembers where they lay.
struct Socket {
    inner: DuplexStream,
    log: Log,
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.log.lock().unwrap().push(Did::Flat);
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        views: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let all: Vec<u8> = views.iter().flat_map(|view| view.iter().copied()).take(777).collect();
        let wrote = std::task::ready!(Pin::new(&mut this.inner).poll_write(cx, &all))?;
        this.log.lock().unwrap().push(Did::Write(wrote));
        Poll::Ready(Ok(wrote))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// What is done with 20 frames of 1,000 bytes under these fields, and what the client gets.
async fn log(fields: &'static [(&'static str, &'static str)]) -> (Vec<Did>, Vec<u8>) {
    let log = Log::default();
    let (mut client, inner) = tokio::io::duplex(2000);
    let told = Arc::clone(&log);
    let service = service_fn(move |_: Request<Incoming>| {
        let log = Arc::clone(&told);
        let frames = (0..20).map(move |number| {
            let bytes = noise(20_000)[number * 1000..][..1000].to_vec().into();
            Ok::<_, Infallible>(Frame::data(Told { number, bytes, log: Arc::clone(&log) }))
        });
        let mut response = Response::new(StreamBody::new(stream::iter(frames)));
        for (name, value) in fields {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let socket = Socket { inner, log: Arc::clone(&log) };
    let server = tokio::spawn(async move {
        let builder = Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service);
        let _ = connection.await;
    });
    let ask = b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n";
    soon(client.write_all(ask)).await.unwrap();
    let mut came = Vec::new();
    soon(client.read_to_end(&mut came)).await.unwrap();
    soon(server).await.unwrap();
    let did = std::mem::take(&mut *log.lock().unwrap());
    (did, came)
}

/// Every write shows the data that is next, and what is consumed of data was written in the write
/// just before.
fn check(did: &[Did], length: usize) {
    let (mut next, mut left) = (0, 1000);
    let mut viewed = false;
    let mut wrote = None;
    let mut consumed = 0;
    for (at, did) in did.iter().enumerate() {
        let unexpected = || panic!("{did:?} at {at}, when {left} bytes of {next} were left");
        match *did {
            Did::Read | Did::Flat => unexpected(),
            Did::View(number, length) => {
                if number == next {
                    assert_eq!(length, left);
                    viewed = true;
                }
                wrote = None;
            }
            Did::Write(count) => {
                // Behind the last data there may be the end of chunked coding.
                assert!(viewed || consumed == length, "a write without {next} at {at}");
                (viewed, wrote) = (false, Some(count));
            }
            Did::Advance(number, count) => {
                let Some(room) = wrote.as_mut() else { return unexpected() };
                assert!(number == next && count <= left && count <= *room, "{count} of {number}");
                *room -= count;
                left -= count;
                consumed += count;
                if left == 0 {
                    (next, left) = (next + 1, 1000);
                }
            }
            Did::Drop(number, rest) => {
                assert!(rest == 0 || consumed == length, "{number} with {rest} bytes");
            }
        }
    }
    assert_eq!(consumed, length);
}

#[tokio::test]
async fn data_is_viewed_written_and_consumed_under_a_length() {
    let (did, came) = log(&[("content-length", "20000")]).await;
    check(&did, 20_000);
    same(&came[came.len() - 20_000..], &noise(20_000));
}

#[tokio::test]
async fn data_is_viewed_written_and_consumed_in_chunks() {
    let (did, _) = log(&[]).await;
    check(&did, 20_000);
}

#[tokio::test]
async fn data_beyond_the_length_is_cut_where_it_ends() {
    let (did, came) = log(&[("content-length", "10500")]).await;
    check(&did, 10_500);
    same(&came[came.len() - 10_500..], &noise(20_000)[..10_500]);
}
