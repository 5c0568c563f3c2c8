//! A tunnel that has ended leaves nothing behind: live bytes and tasks are counted, alone in their process.
#![expect(unsafe_code, reason = "a global allocator that counts is an unsafe trait")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use letterhead::serve::RequestBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[path = "shared/figures.rs"]
mod figures;

/// The system's allocator, which counts the bytes that are in use.
struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

fn count(by: usize) {
    LIVE.fetch_add(isize::try_from(by).unwrap_or(isize::MAX), Ordering::Relaxed);
}

fn discount(by: usize) {
    LIVE.fetch_sub(isize::try_from(by).unwrap_or(isize::MAX), Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise for `alloc` is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        discount(layout.size());
        // SAFETY: the caller's promise for `realloc` is the system's.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        discount(layout.size());
        // SAFETY: the caller's promise for `dealloc` is the system's.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How a tunnel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The client ends its side, then the handler.
    Client,
    /// The handler ends its side at once, then the client.
    Handler,
    /// The client resets the stream.
    Reset,
    /// The handler drops it with bytes that nobody has taken.
    Dropped,
}

const ENDINGS: [Ending; 4] = [Ending::Client, Ending::Handler, Ending::Reset, Ending::Dropped];

/// Tunnels in a round, a few at a time on one connection.
const TUNNELS: usize = 200;

/// What a tunnel may leave, on average: a list somewhere that grew is not counted as a leak.
const MOST_LEFT: isize = 16;

/// The handler of a tunnel to the host that the client names: one of `ENDINGS`.
fn tunnel(request: Request<RequestBody>, open: Arc<AtomicUsize>) -> Response<Empty<Bytes>> {
    let ending = request.uri().host().unwrap().to_owned();
    open.fetch_add(1, Ordering::SeqCst);
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(request).await;
        if let Ok(upgraded) = upgraded {
            let mut upgraded = TokioIo::new(upgraded);
            let mut bytes = [0; 1024];
            match &*ending {
                "handler" => drop(upgraded.shutdown().await),
                "dropped" => {
                    let _ = upgraded.read(&mut bytes).await;
                    let _ = upgraded.write_all(&[b'x'; 4096]).await;
                }
                _ => {
                    while let Ok(read @ 1..) = upgraded.read(&mut bytes).await {
                        if upgraded.write_all(&bytes[..read]).await.is_err() {
                            break;
                        }
                    }
                    let _ = upgraded.shutdown().await;
                }
            }
        }
        open.fetch_sub(1, Ordering::SeqCst);
    });
    Response::new(Empty::new())
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it did not come in time")
}

/// Opens a tunnel and ends it.
async fn once(send: &h2::client::SendRequest<Bytes>, ending: Ending) {
    let host = format!("{ending:?}:443").to_lowercase();
    let request = Request::builder().method(Method::CONNECT).uri(host).body(()).unwrap();
    let mut send = soon(send.clone().ready()).await.unwrap();
    let (answer, mut upward) = send.send_request(request, false).unwrap();
    let answer = soon(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut downward = answer.into_body();
    let sent = upward.send_data(Bytes::from_static(b"hello"), ending == Ending::Client);
    // A handler that ends at once may have ended the stream by now.
    assert!(sent.is_ok() || ending == Ending::Handler, "{sent:?}");
    match ending {
        Ending::Reset => {
            let echo = soon(downward.data()).await.unwrap().unwrap();
            assert_eq!(echo, &b"hello"[..]);
            upward.send_reset(h2::Reason::CANCEL);
        }
        Ending::Client | Ending::Handler | Ending::Dropped => {
            while let Some(Ok(data)) = soon(downward.data()).await {
                let _ = downward.flow_control().release_capacity(data.len());
            }
            if ending != Ending::Client {
                let _ = upward.send_data(Bytes::new(), true);
            }
        }
    }
}

/// Waits until so many tasks are left and no tunnel is open, and says how many bytes are in use then.
async fn settled(tasks: usize, open: &AtomicUsize) -> isize {
    let end = Instant::now() + Duration::from_secs(60);
    let alive = || Handle::current().metrics().num_alive_tasks();
    while alive() > tasks || open.load(Ordering::SeqCst) > 0 {
        let open = open.load(Ordering::SeqCst);
        assert!(Instant::now() < end, "wanted {tasks} tasks, found {}, {open} tunnels", alive());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    LIVE.load(Ordering::Relaxed)
}

#[tokio::test]
async fn a_tunnel_that_has_ended_leaves_neither_bytes_nor_tasks() {
    let open = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&open);
    let service = tower::service_fn(move |request| {
        let open = Arc::clone(&counted);
        async move { Ok::<_, Infallible>(tunnel(request, open)) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = letterhead::serve(listener, service).shutdown_on(async {
        let _ = stopped.await;
    });
    let server = tokio::spawn(server.into_future());
    let mut lines = String::new();
    for ending in ENDINGS {
        // Its connection stays open while its tunnels come and go.
        let stream = soon(TcpStream::connect(addr)).await.unwrap();
        let (send, connection) = soon(h2::client::handshake(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        // The server's task, the connection's, the client's.
        let round = async || {
            for _ in 0..TUNNELS {
                once(&send, ending).await;
            }
            settled(3, &open).await
        };
        // What grows once grows in the first.
        round().await;
        let before = round().await;
        let after = round().await;
        let each = (after - before) / isize::try_from(TUNNELS).unwrap();
        writeln!(lines, "{TUNNELS} tunnels, {ending:?}: {} bytes more", after - before).unwrap();
        assert!(each < MOST_LEFT, "{ending:?}: {each} bytes for each tunnel");
        drop(send);
        soon(connection).await.unwrap().unwrap();
        settled(1, &open).await;
    }
    figures::figures("serve-tunnels", &lines);
    stop.send(()).unwrap();
    let served = soon(server).await.unwrap().unwrap();
    assert_eq!((served.cut, served.upgraded), (0, 0));
}
