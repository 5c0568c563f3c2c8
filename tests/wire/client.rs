//! HTTP/1.1 and HTTP/2 clients by hand: bytes as they are on the wire.
#![allow(dead_code, unreachable_pub, reason = "one test binary; each test picks what it needs")]

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::serve::{Server, soon};

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

    /// The next `count` bytes, or as many as come before the end of the connection.
    pub async fn up_to(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count && self.more().await {}
        self.read.drain(..count.min(self.read.len())).collect()
    }

    /// Everything up to the end of the connection.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        let rest = self.text();
        self.read.clear();
        rest
    }

    /// Everything up to the close of the connection; an error if it is reset.
    pub async fn closed(&mut self) -> std::io::Result<String> {
        while soon(self.stream.read_buf(&mut self.read)).await? > 0 {}
        Ok(self.text())
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
        let request = Request::builder().method(method).uri(format!("http://test{path}"));
        self.ask(request.body(()).unwrap()).await
    }

    /// As [`request`](Self::request), with whatever fields.
    pub async fn ask(&self, request: Request<()>) -> Result<H2Answer, h2::Error> {
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

impl H2 {
    /// Opens a stream whose request goes on; extended `CONNECT` waits for the server's leave.
    pub async fn send(
        &self,
        request: Request<()>,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut send = soon(self.send.clone().ready()).await.unwrap();
        let extended = request.extensions().get::<h2::ext::Protocol>().is_some();
        while extended && !send.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        send.send_request(request, false).unwrap()
    }
}
