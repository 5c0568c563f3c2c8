//! The ends that a server brings about: shutdowns, gentle and hard, and connections that become something else.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use letterhead::{Head, Hold, LetterheadLayer, Outcome, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::{Layer as _, ServiceExt as _};

use crate::client::Raw;
use crate::serve::{Act, Body, collected, empty, script, serve_layer, soon};

/// A response that is held, or committed and unfinished, until the permit comes.
fn unfinished(stage: Stage, reached: &Arc<Notify>, go_on: &Arc<Notify>) -> Response<Body> {
    let (reached, go_on) = (Arc::clone(reached), Arc::clone(go_on));
    let first = if stage == Stage::Held { vec![] } else { vec![Act::Data("one ")] };
    let rest =
        [Act::Do(Box::new(move || reached.notify_one())), Act::Wait(go_on), Act::Data("two")];
    Response::new(script(first.into_iter().chain(rest)))
}

fn patient() -> LetterheadLayer {
    LetterheadLayer::new().hold(Hold::first_frame().deadline(Duration::from_secs(3600)))
}

#[tokio::test]
async fn a_server_that_is_killed_delivers_the_receipts_of_what_it_drops() {
    for stage in [Stage::Held, Stage::Committed] {
        let (layer, mut receipts) = collected(patient());
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&reached), Arc::clone(&go_on));
        let server = serve_layer(layer, move |_, _| {
            let response = unfinished(stage, &tell, &wait);
            async move { response }
        })
        .await;
        let mut raw = Raw::connect(&server).await;
        raw.get("/", "").await;
        soon(reached.notified()).await;
        drop(server);
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Dropped), "{}", seen.line);
        assert_eq!(seen.last_stage, stage, "{}", seen.line);
        let all = raw.rest().await;
        assert!(!all.contains("\r\n0\r\n"), "no clean end: {all}");
    }
}

#[tokio::test]
async fn a_server_that_shuts_down_gently_finishes_what_is_held_and_what_is_sent() {
    for stage in [Stage::Held, Stage::Committed] {
        let (layer, mut receipts) = collected(patient());
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (tell, wait) = (Arc::clone(&reached), Arc::clone(&go_on));
        let service = layer.layer(tower::service_fn(move |_: Request<Incoming>| {
            let response = unfinished(stage, &tell, &wait);
            async move { Ok::<_, std::convert::Infallible>(response) }
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request| service.clone().oneshot(request));
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service);
        let graceful = GracefulShutdown::new();
        let connection = tokio::spawn(graceful.watch(connection));
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        soon(reached.notified()).await;
        let shutdown = tokio::spawn(graceful.shutdown());
        go_on.notify_one();
        soon(shutdown).await.unwrap();
        soon(connection).await.unwrap().unwrap();
        let mut all = String::new();
        soon(client.read_to_string(&mut all)).await.unwrap();
        assert!(all.contains("two\r\n0\r\n\r\n"), "{all}");
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
    }
}

#[tokio::test]
async fn a_tunnel_over_h1_is_an_upgrade_and_a_refused_one_is_not() {
    let (layer, mut receipts) = collected(patient());
    let server = serve_layer(layer, |mut request: Request<Incoming>, _: Head| async move {
        if request.uri().port_u16() != Some(443) {
            let mut response = Response::new(script([Act::Data("no")]));
            *response.status_mut() = http::StatusCode::FORBIDDEN;
            return response;
        }
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut tunnel = TokioIo::new(upgrade.await.unwrap());
            let mut bytes = [0; 4];
            tunnel.read_exact(&mut bytes).await.unwrap();
            tunnel.write_all(&bytes).await.unwrap();
        });
        Response::new(empty())
    })
    .await;
    let mut raw = Raw::connect(&server).await;
    raw.send("CONNECT test:443 HTTP/1.1\r\nhost: test:443\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200") && !head.contains("content-length"), "{head}");
    raw.send("ping").await;
    assert_eq!(raw.bytes(4).await, "ping");
    assert!(matches!(receipts.next().await.outcome, Outcome::Upgraded));

    let mut raw = Raw::connect(&server).await;
    raw.send("CONNECT test:80 HTTP/1.1\r\nhost: test:80\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 403"));
    assert!(matches!(receipts.next().await.outcome, Outcome::Handed));
}
