//! Clients by hand, polite and otherwise.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::running::soon;

/// A connection on which bytes are written and read as they are.
pub(crate) struct Raw<T = TcpStream> {
    pub(crate) stream: T,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
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
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
    }

    /// A whole answer with a `Content-Length`: its status and its body.
    pub(crate) async fn answer(&mut self) -> (u16, Vec<u8>) {
        let head = self.head().await;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let length: usize = length.parse().unwrap();
        while self.read.len() < length {
            assert!(self.more().await, "closed after {} bytes of {length}", self.read.len());
        }
        (head[9..12].parse().unwrap(), self.read.drain(..length).collect())
    }

    /// The next head, in lower case.
    pub(crate) async fn head(&mut self) -> String {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.more().await, "closed before a head: {:?}", self.text());
        };
        String::from_utf8(self.read.drain(..end).collect()).unwrap().to_lowercase()
    }

    /// Reads until this has come.
    pub(crate) async fn until(&mut self, text: &str) {
        while !self.text().contains(text) {
            assert!(self.more().await, "closed before {text:?}: {:?}", self.text());
        }
    }

    /// Everything up to the end of the connection, however it ends.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        self.text()
    }

    /// Reads some more; false at the end of the connection, a reset included.
    pub(crate) async fn more(&mut self) -> bool {
        soon(self.stream.read_buf(&mut self.read)).await.is_ok_and(|read| read > 0)
    }

    /// How the connection ends, after whatever still comes.
    pub(crate) async fn end(&mut self) -> std::io::Result<()> {
        while soon(self.stream.read_buf(&mut self.read)).await? > 0 {}
        Ok(())
    }

    /// Everything up to the end of the connection, and how it ends.
    pub(crate) async fn all(&mut self) -> (Vec<u8>, std::io::Result<()>) {
        let end = self.end().await;
        (std::mem::take(&mut self.read), end)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

/// A connection of HTTP/2; its task tells how it ended.
pub(crate) struct H2 {
    pub(crate) send: h2::client::SendRequest<Bytes>,
    pub(crate) task: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

impl H2 {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(addr)).await.unwrap();
        Self::over(stream).await
    }

    pub(crate) async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        // One stream that is not read leaves the connection room for others.
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(1 << 20);
        let (send, connection) = soon(builder.handshake(stream)).await.unwrap();
        Self { send, task: tokio::spawn(connection) }
    }

    /// Each stream has a window of so many bytes, the connection a large one.
    pub(crate) async fn windowed(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        window: u32,
    ) -> Self {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window).initial_connection_window_size(1 << 20);
        let (send, connection) = soon(builder.handshake(stream)).await.unwrap();
        Self { send, task: tokio::spawn(connection) }
    }

    /// A request whose content is still to be sent, and the answer to it.
    pub(crate) async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let mut request = Request::post(format!("http://test{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut send = soon(self.send.clone().ready()).await.unwrap();
        send.send_request(request.body(()).unwrap(), false).unwrap()
    }

    /// The head of an answer, and the rest of it.
    pub(crate) async fn get(
        &self,
        path: &str,
    ) -> Result<http::Response<h2::RecvStream>, h2::Error> {
        let request = Request::get(format!("http://test{path}")).body(()).unwrap();
        let mut send = soon(self.send.clone().ready()).await?;
        soon(send.send_request(request, true)?.0).await
    }
}

/// The whole body of an answer on HTTP/2.
pub(crate) async fn whole(answer: http::Response<h2::RecvStream>) -> Result<Vec<u8>, h2::Error> {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = soon(body.data()).await {
        let chunk = chunk?;
        let _ = body.flow_control().release_capacity(chunk.len());
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Asks for it on so many streams, and takes what may come; whether it was whole.
pub(crate) async fn asks(h2: &H2, path: &str, streams: usize) -> JoinSet<bool> {
    let mut answers = JoinSet::new();
    for _ in 0..streams {
        let mut send = soon(h2.send.clone().ready()).await.unwrap();
        let request = Request::get(format!("http://test{path}")).body(()).unwrap();
        let (answer, _) = send.send_request(request, true).unwrap();
        answers.spawn(async move {
            let Ok(answer) = answer.await else { return false };
            let mut body = answer.into_body();
            while let Some(data) = body.data().await {
                if data.is_err() {
                    return false;
                }
            }
            true
        });
    }
    answers
}
