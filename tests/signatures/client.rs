//! Servers on a port of their own, and clients that keep what came over the wire.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Waits, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it did not come in time")
}

/// The host that every client asks.
pub(crate) const HOST: &str = "a.test";

/// One way to be answered.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) fields: &'static [(&'static str, &'static str)],
    pub(crate) status: u16,
}

/// A server in a task.
pub(crate) struct Running {
    addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = letterhead::serve(listener, app).shutdown_on(async move {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            server.await.unwrap();
        });
        Self { addr, stop: Some(stop), task }
    }

    pub(crate) async fn client(&self, version: Version) -> Client {
        let stream = TokioIo::new(TcpStream::connect(self.addr).await.unwrap());
        match version {
            Version::H1 => {
                let (sender, connection) =
                    hyper::client::conn::http1::handshake(stream).await.unwrap();
                tokio::spawn(connection);
                Client::H1(sender)
            }
            Version::H2 => {
                let start = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream);
                let (sender, connection) = start.await.unwrap();
                tokio::spawn(connection);
                Client::H2(sender)
            }
        }
    }

    pub(crate) async fn ended(mut self) {
        drop(self.stop.take());
        soon(self.task).await.unwrap();
    }
}

/// Which protocol a client speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    H1,
    H2,
}

/// A connection.
pub(crate) enum Client {
    H1(hyper::client::conn::http1::SendRequest<Empty<Bytes>>),
    H2(hyper::client::conn::http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    /// Asks, and takes all of the answer.
    pub(crate) async fn ask(&mut self, kind: &Kind) -> Response<Bytes> {
        let mut request = Request::builder().method(kind.method);
        request = match self {
            Self::H1(_) => request.uri(kind.path).header("host", HOST),
            Self::H2(_) => request.uri(format!("http://{HOST}{}", kind.path)),
        };
        for (name, value) in kind.fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new()).unwrap();
        let answer: Response<Incoming> = match self {
            Self::H1(sender) => {
                soon(sender.ready()).await.unwrap();
                soon(sender.send_request(request)).await.unwrap()
            }
            Self::H2(sender) => soon(sender.send_request(request)).await.unwrap(),
        };
        let (parts, body) = answer.into_parts();
        let content = soon(body.collect()).await.unwrap().to_bytes();
        Response::from_parts(parts, content)
    }
}
