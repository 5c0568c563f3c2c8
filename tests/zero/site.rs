//! A directory of files, a server in front of it, and clients.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Body;
use hyper_util::rt::TokioIo;
use letterhead::FileSender;
use letterhead::serve::RequestBody;
use letterhead::serve::{Event, Serve};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tower::Service;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it did not come in time")
}

/// Bytes in which every place looks different.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

/// Whether two contents are one; a difference is told by its place.
pub(crate) fn same(found: &[u8], wanted: &[u8]) {
    if found != wanted {
        let at = found.iter().zip(wanted).position(|(a, b)| a != b);
        panic!("{} bytes of {}, the first difference is at {at:?}", found.len(), wanted.len());
    }
}

/// Where files are in memory whatever else the machine does, if there is room; else where temporary ones
/// are.
fn place() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = rustix::fs::statvfs(memory).map_or(0, |stat| stat.f_bavail * stat.f_frsize);
    if room > 512 * MIB as u64 { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// A directory of files that is gone with its value.
pub(crate) struct Site {
    root: PathBuf,
    /// A sender that shares its counts with those that are served.
    pub(crate) files: FileSender,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self::on(&place())
    }

    pub(crate) fn on(place: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-zero-{}-{next}", std::process::id());
        let root = place.join(name);
        fs::create_dir(&root).unwrap();
        let files = FileSender::new(&root).unwrap().settle(Duration::ZERO);
        Self { root, files }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file of noise, whose content is given back.
    pub(crate) fn file(&self, name: &str, length: usize) -> Vec<u8> {
        let content = noise(length);
        fs::write(self.path(name), &content).unwrap();
        content
    }

    /// Stretches that were handed out unread.
    pub(crate) fn spans(&self) -> u64 {
        self.files.counts().spans
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A server under test, in a task.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    events: mpsc::UnboundedReceiver<String>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start<S, B>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<tower::BoxError>,
        S::Future: Send,
        B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
    {
        Self::with(service, |serve| serve).await
    }

    /// Settings are whatever `set` makes of the defaults.
    pub(crate) async fn with<S, B>(service: S, set: impl FnOnce(Serve<S>) -> Serve<S>) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<tower::BoxError>,
        S::Future: Send,
        B: Body<Data: Send, Error: Into<tower::BoxError>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (told, events) = mpsc::unbounded_channel();
        let server = letterhead::serve(listener, service)
            .shutdown_on(async move {
                let _ = stopped.await;
            })
            .on_event(move |event: &Event| {
                let _ = told.send(event.to_string());
            });
        let server = set(server).into_future();
        let task = tokio::spawn(async move {
            server.await.unwrap();
        });
        Self { addr, events, stop: Some(stop), task }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> String {
        soon(self.events.recv()).await.unwrap()
    }

    /// Stops the server, about which nothing else was to be told.
    pub(crate) async fn ended(mut self) {
        let _ = self.stop.take().unwrap().send(());
        soon(self.task).await.unwrap();
        if let Ok(event) = self.events.try_recv() {
            panic!("{event}");
        }
    }
}

/// A connection on which bytes are written and read as they are.
pub(crate) struct Raw<T = TcpStream> {
    pub(crate) stream: T,
    read: Vec<u8>,
}

/// What came for a request, up to its length or the end of the connection.
#[derive(Default)]
pub(crate) struct Came {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// What its head said.
    pub(crate) length: usize,
}

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::over(soon(TcpStream::connect(addr)).await.unwrap())
    }

    /// A client whose system takes no more than a few kilobytes for it.
    pub(crate) async fn small(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::over(soon(socket.connect(addr)).await.unwrap())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Raw<T> {
    pub(crate) fn over(stream: T) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Asks for a path, with further lines.
    pub(crate) async fn get(&mut self, path: &str, fields: &str) {
        self.send(format!("GET /{path} HTTP/1.1\r\nhost: test\r\n{fields}\r\n")).await;
    }

    /// Reads some more; false at the end of the connection, a reset included.
    pub(crate) async fn more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.read)).await.is_ok_and(|read| read > 0)
    }

    /// The next head, in lower case.
    pub(crate) async fn head(&mut self) -> Came {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "closed before a head");
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        Came { head, length, ..Came::default() }
    }

    /// What was read beyond what was asked for.
    pub(crate) fn taken(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.read)
    }

    /// Everything up to the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        self.taken()
    }

    /// A line, with its end.
    async fn line(&mut self) -> String {
        loop {
            if let Some(at) = self.read.windows(2).position(|two| two == b"\r\n") {
                return String::from_utf8(self.read.drain(..at + 2).collect()).unwrap();
            }
            assert!(self.more().await, "closed within a line");
        }
    }

    /// A body in chunked coding, and what follows its last chunk.
    pub(crate) async fn chunks(&mut self) -> (Vec<u8>, String) {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(self.line().await.trim_end(), 16).unwrap();
            if size == 0 {
                break;
            }
            while self.read.len() < size + 2 {
                assert!(self.more().await, "closed within a chunk");
            }
            body.extend(self.read.drain(..size));
            assert_eq!(self.line().await, "\r\n");
        }
        let mut trailers = String::new();
        loop {
            let line = self.line().await;
            trailers += &line;
            if line == "\r\n" {
                return (body, trailers);
            }
        }
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> Came {
        let mut came = self.head().await;
        while self.read.len() < came.length && self.more().await {}
        let length = came.length.min(self.read.len());
        came.body = self.read.drain(..length).collect();
        came
    }
}

impl fmt::Debug for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes after {:?}", self.body.len(), self.length, self.head)
    }
}

/// Asks with hyper's client: the head and the whole body, or why it is not whole.
pub(crate) async fn fetch(
    addr: SocketAddr,
    path: &str,
    field: Option<(&str, &str)>,
) -> Result<(http::response::Parts, Bytes), hyper::Error> {
    let stream = soon(TcpStream::connect(addr)).await.unwrap();
    let (mut send, connection) =
        soon(hyper::client::conn::http1::handshake(TokioIo::new(stream))).await.unwrap();
    let task = tokio::spawn(connection);
    let mut request = Request::get(format!("/{path}")).header("host", "test");
    if let Some((name, value)) = field {
        request = request.header(name, value);
    }
    let response = soon(send.send_request(request.body(Empty::<Bytes>::new()).unwrap())).await?;
    let (parts, body) = response.into_parts();
    let body = soon(body.collect()).await?.to_bytes();
    drop(send);
    let _ = task.await;
    Ok((parts, body))
}
