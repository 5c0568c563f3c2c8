//! The layer in axum: every way to mount it, the extractor, HEAD, and websockets.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::routing::{any, get};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use letterhead::{Head, LetterheadLayer, Outcome};
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};

use crate::client::{H2, Raw, h1_get, h2_get};
use crate::serve::{Receipts, Server, collected, serve, soon};

/// The ways to mount the layer around a router.
#[derive(Clone, Copy, Debug)]
enum Mount {
    Inside,
    Around,
    Builder,
}

const MOUNTS: [Mount; 3] = [Mount::Inside, Mount::Around, Mount::Builder];

async fn mount(mount: Mount, router: Router) -> (Server, Receipts) {
    let (layer, receipts) = collected(LetterheadLayer::new());
    let server = match mount {
        Mount::Inside => serve(router.layer(layer)).await,
        Mount::Around => {
            let around = layer.layer(router);
            serve(tower::service_fn(move |request: Request<Incoming>| {
                around.clone().oneshot(request.map(Body::new))
            }))
            .await
        }
        Mount::Builder => serve(router.layer(ServiceBuilder::new().layer(layer))).await,
    };
    (server, receipts)
}

async fn stream(head: Head) -> Response<Body> {
    let _ = head.insert("x-late", "landed");
    let chunks =
        ["one", "two"].map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk.as_bytes())));
    Response::new(Body::from_stream(futures_util::stream::iter(chunks)))
}

#[tokio::test]
async fn a_head_answer_has_the_head_of_a_get_answer() {
    for kind in MOUNTS {
        let router = Router::new()
            .route(
                "/known",
                get(|head: Head| async move {
                    let _ = head.insert("x-late", "landed");
                    "known"
                }),
            )
            .route("/empty", get(|| async {}))
            .route("/stream", get(stream));
        let (server, mut receipts) = mount(kind, router).await;
        let h2 = H2::connect(&server).await;
        for path in ["/known", "/empty", "/stream"] {
            let got = h1_get(&server, path, "").await;
            let mut raw = Raw::connect(&server).await;
            // Two on one connection: the first has left nothing behind.
            for _ in 0..2 {
                raw.send(format!("HEAD {path} HTTP/1.1\r\nhost: test\r\n\r\n")).await;
                let head = raw.head().await;
                // `Transfer-Encoding` may be left out (RFC 9112, section 6.1), and hyper does so.
                let expected = got.head.replace("\r\ntransfer-encoding: chunked", "");
                assert_eq!(head, expected, "{kind:?} {path}");
            }
            let got = h2.get(path).await.unwrap();
            let head = h2.request(Method::HEAD, path).await.unwrap();
            assert_eq!((head.fields, head.body.as_str()), (got.fields, ""), "{kind:?} {path}");
            for _ in 0..5 {
                let seen = receipts.next().await;
                assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
            }
        }
    }
}

#[tokio::test]
async fn a_handler_without_the_layer_is_told_so() {
    let router = Router::new()
        .route("/", get(|_: Head| async {}))
        .route("/option", get(|head: Option<Head>| async move { format!("{}", head.is_some()) }));
    let server = serve(router).await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    assert!(!answer.body.contains("LetterheadLayer"), "{}", answer.body);
    assert_eq!(h1_get(&server, "/option", "").await.body, "false");
    let error = Head::of(&http::Extensions::new()).unwrap_err();
    assert!(error.is_missing_layer());
    assert!(error.to_string().contains("wanted a `LetterheadLayer`"), "{error}");
}

#[tokio::test]
async fn a_second_layer_inside_passes_through_and_is_noted_once() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let inner = LetterheadLayer::new().on_end(|receipt| panic!("a second receipt: {receipt}"));
    let server = serve(Router::new().route("/", get(stream)).layer(inner).layer(layer)).await;
    for noted in [1, 0] {
        assert_eq!(h2_get(&server, "/").await.unwrap().field("x-late"), Some("landed"));
        assert_eq!(receipts.next().await.notes.len(), noted);
    }
}

async fn echo(upgrade: WebSocketUpgrade) -> Response<Body> {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

#[tokio::test]
async fn a_websocket_goes_through_the_layer() {
    for kind in MOUNTS {
        let (server, mut receipts) = mount(kind, Router::new().route("/ws", any(echo))).await;
        let stream = tokio::net::TcpStream::connect(server.addr).await.unwrap();
        let url = format!("ws://{}/ws", server.addr);
        let (mut socket, answer) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        assert_eq!(answer.status(), 101);
        for word in ["one", "two"] {
            socket.send(word.into()).await.unwrap();
            assert_eq!(soon(socket.next()).await.unwrap().unwrap().to_text().unwrap(), word);
        }
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Upgraded), "{kind:?}: {}", seen.line);
    }
}

/// A text frame from the client, masked with zeros (RFC 6455, section 5.2).
fn text_frame(text: &str) -> Bytes {
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame.into()
}

#[tokio::test]
async fn a_websocket_over_h2_goes_through_the_layer() {
    for kind in MOUNTS {
        let (server, mut receipts) = mount(kind, Router::new().route("/ws", any(echo))).await;
        let client = H2::connect(&server).await;
        let mut request = Request::builder()
            .method(Method::CONNECT)
            .uri("http://test/ws")
            .header("sec-websocket-version", "13")
            .body(())
            .unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        let (response, mut send) = client.send(request).await;
        let response = soon(response).await.unwrap();
        assert_eq!(response.status(), 200, "{kind:?}");
        let mut body = response.into_body();
        for word in ["one", "two"] {
            send.send_data(text_frame(word), false).unwrap();
            let mut echoed = Vec::new();
            while echoed.len() < 2 + word.len() {
                echoed.extend_from_slice(&soon(body.data()).await.unwrap().unwrap());
            }
            assert_eq!(&echoed[2..], word.as_bytes());
        }
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Upgraded), "{kind:?}: {}", seen.line);
    }
}
