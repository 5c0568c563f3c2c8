//! A server with an inspector in it, and a client of its pages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use letterhead::inspect::Inspector;
use letterhead::{LetterheadLayer, Rules};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::Layer as _;

use crate::app::soon;

/// A server with the layer outermost, which knows its clients' addresses.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) inspector: Inspector,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(app: Router, inspector: Inspector) -> Self {
        let layer = LetterheadLayer::new().rules(Rules::standard());
        Self::with(app, inspector, layer).await
    }

    /// With a layer of its own, to which the reporter is added.
    pub(crate) async fn with(app: Router, inspector: Inspector, layer: LetterheadLayer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = app.nest_service("/_head", inspector.service());
        let service = layer.reporter(inspector.clone()).layer(app);
        let server = letterhead::serve(listener, service);
        // Viewers would stay.
        let server = server.peer().grace(Duration::from_secs(1)).shutdown_on(async move {
            let _ = stopped.await;
        });
        let task = tokio::spawn(async move {
            server.await.unwrap();
        });
        Self { addr, inspector, stop: Some(stop), task }
    }

    pub(crate) async fn ended(mut self) {
        drop(self.stop.take());
        soon(self.task).await.unwrap();
    }

    /// Asks on a connection of its own, and takes all of the answer.
    pub(crate) async fn ask(&self, request: http::request::Builder) -> Response<Bytes> {
        ask(self.addr, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Bytes> {
        self.ask(Request::builder().uri(path)).await
    }

    /// Asks for these, one after the other has ended: so the first is number 1.
    pub(crate) async fn get_in_turn(&self, paths: &[&str]) {
        let before = self.inspector.len();
        for (number, path) in paths.iter().enumerate() {
            self.get(path).await;
            self.kept(before + number + 1).await;
        }
    }

    /// A page, as text.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let value: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(value["schema"], 1, "{path}");
        value
    }

    /// Waits until so many exchanges are kept.
    pub(crate) async fn kept(&self, count: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.inspector.len() < count {
            assert!(Instant::now() < end, "kept {} of {count}", self.inspector.len());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(self.inspector.len(), count);
    }
}

/// Asks on a connection of its own; the host is the address, if nothing else is said.
pub(crate) async fn ask(addr: SocketAddr, request: http::request::Builder) -> Response<Bytes> {
    let stream = TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = request.body(Empty::<Bytes>::new()).unwrap();
    if !request.headers().contains_key("host") {
        let host = addr.to_string().parse().unwrap();
        request.headers_mut().insert("host", host);
    }
    let (parts, body) = soon(sender.send_request(request)).await.unwrap().into_parts();
    let content = match soon(body.collect()).await {
        Ok(content) => content.to_bytes(),
        Err(_) => Bytes::new(),
    };
    drop(sender);
    let _ = soon(connection).await;
    Response::from_parts(parts, content)
}
