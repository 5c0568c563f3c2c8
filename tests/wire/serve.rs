//! The servers and clients of the wire tests.
#![allow(dead_code, unreachable_pub, reason = "one test binary; each test picks what it needs")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::{CommitCause, Head, LetterheadLayer, Note, Outcome, Receipt, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tower::{Layer as _, Service, ServiceExt as _};

/// The error of every body in the tests.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of every handler in the tests.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// No test waits longer than this for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits, but not for ever.
pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it did not come in time")
}

// ---- bodies ----

/// A body of one chunk, whose length is known.
pub fn full(text: &'static str) -> Body {
    http_body_util::Full::new(Bytes::from_static(text.as_bytes()))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body that is over from the start.
pub fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// One thing that a scripted body does.
pub enum Act {
    Data(&'static str),
    Trailers(HeaderMap),
    Fail(BoxError),
    Panic(&'static str),
    /// Sleeps on the tokio clock.
    Sleep(Duration),
    /// Waits for a permit.
    Wait(Arc<tokio::sync::Notify>),
    /// Runs this between two frames.
    Do(Box<dyn FnOnce() + Send>),
}

/// A body of unknown length that does these things in order.
pub fn script(acts: impl IntoIterator<Item = Act, IntoIter: Send + 'static>) -> Body {
    let stream = futures_util::stream::unfold(acts.into_iter(), |mut acts| async move {
        loop {
            let frame = match acts.next()? {
                Act::Data(text) => Ok(http_body::Frame::data(Bytes::from_static(text.as_bytes()))),
                Act::Trailers(trailers) => Ok(http_body::Frame::trailers(trailers)),
                Act::Fail(error) => Err(error),
                Act::Panic(text) => std::panic::panic_any(text),
                Act::Sleep(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Act::Wait(notify) => {
                    notify.notified().await;
                    continue;
                }
                Act::Do(work) => {
                    work();
                    continue;
                }
            };
            return Some((frame, acts));
        }
    });
    http_body_util::StreamBody::new(stream).boxed_unsync()
}

/// A body of unknown length with these chunks, all ready.
pub fn chunks(texts: &'static [&'static str]) -> Body {
    script(texts.iter().map(|text| Act::Data(text)))
}

/// Trailers or fields from pairs.
pub fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in pairs {
        fields.append(*name, value.parse().unwrap());
    }
    fields
}

// ---- servers ----

/// A server on a port of its own; it ends when this is dropped.
pub struct Server {
    pub addr: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves HTTP/1.1 and h2c with hyper-util's auto server.
pub async fn serve<S, B>(service: S) -> Server
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError> + Send,
    S::Future: Send,
    B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        // Connections end with the server.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let service = service.clone();
            let service = service_fn(move |request| service.clone().oneshot(request));
            connections.spawn(async move {
                let mut server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                server.http2().enable_connect_protocol();
                // How a connection ends is seen by the client.
                let _ = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
            });
        }
    });
    Server { addr, task }
}

/// Serves `handler` without the layer: what hyper does on its own.
pub async fn serve_bare<H, F>(handler: H) -> Server
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    serve(tower::service_fn(move |request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}

/// Serves `handler` inside `layer` on bare hyper. The handler gets the request and its head.
pub async fn serve_layer<H, F>(layer: LetterheadLayer, handler: H) -> Server
where
    H: Fn(Request<Incoming>, Head) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    serve(layer.layer(tower::service_fn(move |request: Request<Incoming>| {
        let head = Head::of(request.extensions()).unwrap();
        let answer = handler(request, head);
        async move { Ok::<_, Infallible>(answer.await) }
    })))
    .await
}

// ---- receipts ----

/// What a test looks at in a receipt.
#[derive(Debug)]
pub struct Seen {
    /// The whole receipt in one line.
    pub line: String,
    pub status: Option<StatusCode>,
    pub cause: Option<CommitCause>,
    pub last_stage: Stage,
    pub outcome: Outcome,
    pub held: u64,
    pub sent: u64,
    pub hooks: u32,
    pub notes: Vec<Note>,
    /// Each write, printed.
    pub writes: Vec<String>,
    /// Each late write, printed.
    pub late: Vec<String>,
    /// What failed before the commit, printed.
    pub failure: Option<String>,
}

impl Seen {
    pub fn of(receipt: &Receipt) -> Self {
        Self {
            line: receipt.to_string(),
            status: receipt.status(),
            cause: receipt.cause(),
            last_stage: receipt.last_stage(),
            outcome: receipt.outcome().clone(),
            held: receipt.held_bytes(),
            sent: receipt.sent_bytes(),
            hooks: receipt.hooks_run(),
            notes: receipt.notes().to_vec(),
            writes: receipt.writes().iter().map(ToString::to_string).collect(),
            late: receipt.late_writes().map(ToString::to_string).collect(),
            failure: receipt.failure().map(ToString::to_string),
        }
    }
}

/// The receipts of one layer, in the order in which they came.
pub struct Receipts(mpsc::UnboundedReceiver<Seen>);

impl Receipts {
    pub async fn next(&mut self) -> Seen {
        soon(self.0.recv()).await.expect("the layer is gone")
    }

    /// Whether there is one more right now.
    pub fn is_empty(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// The layer, with its receipts collected.
pub fn collected(layer: LetterheadLayer) -> (LetterheadLayer, Receipts) {
    let (send, receive) = mpsc::unbounded_channel();
    let layer = layer.on_end(move |receipt| {
        let _ = send.send(Seen::of(receipt));
    });
    (layer, Receipts(receive))
}

// ---- HTTP/1 by hand ----

/// A connection on which bytes are written and read as they are.
pub struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it stood on the wire, without its `date` line.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status line and fields, `\r\n` between, without the empty line.
    pub head: String,
    /// The bytes of the body, chunk framing included.
    pub body: String,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// The value of the first field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").skip(1).find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            (field == name).then_some(value)
        })
    }
}

impl Raw {
    pub async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// `GET path` on HTTP/1.1, with more field lines (`"te: trailers\r\n"`) if wanted.
    pub async fn get(&mut self, path: &str, lines: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n")).await;
    }

    /// The next head, up to the empty line; the `date` line is left out.
    pub async fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            assert!(self.more().await, "closed before a head: {:?}", self.text());
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        head.split("\r\n")
            .filter(|line| !line.starts_with("date: "))
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    /// The next `count` bytes.
    pub async fn bytes(&mut self, count: usize) -> String {
        while self.read.len() < count {
            assert!(self.more().await, "closed before {count} bytes: {:?}", self.text());
        }
        let bytes: Vec<u8> = self.read.drain(..count).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Everything up to and with `end`.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            let found = self.read.windows(end.len()).position(|window| window == end.as_bytes());
            if let Some(at) = found {
                return self.bytes(at + end.len()).await;
            }
            assert!(self.more().await, "closed before {end:?}: {:?}", self.text());
        }
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        let rest = self.text();
        self.read.clear();
        rest
    }

    /// A response with a length or in chunks, on a connection that goes on.
    pub async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let mut answer = Answer { head, body: String::new() };
        if let Some(length) = answer.field("content-length") {
            let length = length.parse().unwrap();
            answer.body = self.bytes(length).await;
        } else if answer.field("transfer-encoding") == Some("chunked") {
            let mut body = String::new();
            loop {
                let line = self.until("\r\n").await;
                let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
                body += &line;
                if size == 0 {
                    // The trailer section, and the empty line.
                    while !body.ends_with("\r\n\r\n") {
                        body += &self.until("\r\n").await;
                    }
                    break;
                }
                body += &self.bytes(size + 2).await;
            }
            answer.body = body;
        }
        answer
    }

    /// Closes the connection as a client that has gone away does.
    pub fn close(self) {
        drop(self);
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Reads some more; `false` at the end of the connection, a reset included.
    async fn more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.read)).await.is_ok_and(|read| read > 0)
    }
}

/// One `GET` on a connection of its own; everything up to its end.
pub async fn h1_get(server: &Server, path: &str, lines: &str) -> Answer {
    let mut raw = Raw::connect(server).await;
    raw.get(path, &format!("connection: close\r\n{lines}")).await;
    let head = raw.head().await;
    let head = head.replace("\r\nconnection: close", "");
    Answer { head, body: raw.rest().await }
}

// ---- HTTP/2 by hand ----

/// A response as an h2 client saw it.
#[derive(Debug)]
pub struct H2Answer {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: String,
    pub trailers: Option<HeaderMap>,
    /// How the stream ended, if it was reset.
    pub reset: Option<h2::Reason>,
}

impl H2Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A client of its own connection; its task ends when this is dropped.
pub struct H2 {
    send: h2::client::SendRequest<Bytes>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for H2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl H2 {
    pub async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Self { send, task }
    }

    /// Sends a request without content; `Err` if it was answered with nothing but a reset.
    pub async fn request(&self, method: Method, path: &str) -> Result<H2Answer, h2::Error> {
        let request =
            Request::builder().method(method).uri(format!("http://test{path}")).body(()).unwrap();
        let mut send = soon(self.send.clone().ready()).await?;
        let (response, _) = send.send_request(request, true)?;
        let (head, mut body) = soon(response).await?.into_parts();
        let (mut data, mut reset) = (Vec::new(), None);
        while let Some(chunk) = soon(body.data()).await {
            match chunk {
                Ok(chunk) => {
                    let _ = body.flow_control().release_capacity(chunk.len());
                    data.extend_from_slice(&chunk);
                }
                Err(error) => {
                    reset = error.reason();
                    break;
                }
            }
        }
        let trailers = if reset.is_some() { None } else { soon(body.trailers()).await? };
        let mut fields = head.headers;
        fields.remove("date");
        let body = String::from_utf8_lossy(&data).into_owned();
        Ok(H2Answer { status: head.status, fields, body, trailers, reset })
    }

    pub async fn get(&self, path: &str) -> Result<H2Answer, h2::Error> {
        self.request(Method::GET, path).await
    }
}

/// One `GET` over h2 on a connection of its own.
pub async fn h2_get(server: &Server, path: &str) -> Result<H2Answer, h2::Error> {
    H2::connect(server).await.get(path).await
}
