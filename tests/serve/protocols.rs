//! What is spoken on the port: HTTP/1.0, 1.1, 2, TLS, upgrades.

use std::io::ErrorKind;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body_util::Full;

use letterhead::LetterheadLayer;
use letterhead::deny::FinalHead;
use letterhead::policy::{Dialect, Policy};
use letterhead::serve::{Cut, Event, RequestBody};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{H2, Raw, whole};
use crate::running::{CHUNK, Running, SHORT, pattern, soon};

#[tokio::test]
async fn one_port_speaks_both_versions() {
    let mut server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    for _ in 0..2 {
        raw.get("/version").await;
        assert_eq!(raw.answer().await, (200, b"HTTP/1.1".to_vec()));
    }
    let h2 = H2::connect(server.addr).await;
    assert_eq!(whole(h2.get("/version").await.unwrap()).await.unwrap(), b"HTTP/2.0");
    let large = whole(h2.get("/bytes/3000000").await.unwrap()).await.unwrap();
    assert_eq!(large, pattern(3_000_000));
    drop((raw, h2));
    assert!(server.told().is_empty());
    let served = server.stopped().await;
    assert_eq!((served.accepted, served.cut, served.upgraded), (2, 0, 0));
}

#[tokio::test]
async fn the_old_version_closes_unless_asked_not_to() {
    let server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send("GET /version HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
    assert_eq!(raw.answer().await, (200, b"HTTP/1.0".to_vec()));
    raw.send("GET /bytes/5 HTTP/1.0\r\n\r\n").await;
    let rest = raw.rest().await;
    assert!(rest.starts_with("HTTP/1.0 200"), "{rest}");
    assert!(rest.ends_with("\u{0}\u{1}\u{2}\u{3}\u{4}"), "{rest:?}");
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    let one = "GET /bytes/3 HTTP/1.1\r\nhost: test\r\n\r\n";
    let other = "POST /echo HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nfour";
    raw.send(format!("{one}{other}{one}")).await;
    assert_eq!(raw.answer().await.1, [0, 1, 2]);
    assert_eq!(raw.answer().await.1, b"four");
    assert_eq!(raw.answer().await.1, [0, 1, 2]);
}

#[tokio::test]
async fn a_request_knows_its_peer_if_that_was_asked_for() {
    for asked in [false, true] {
        let server = Running::start(|serve| if asked { serve.peer() } else { serve }).await;
        let mut raw = Raw::connect(server.addr).await;
        let local = raw.stream.local_addr().unwrap();
        raw.get("/peer").await;
        let wanted = if asked { format!("{local} false") } else { "nobody".to_owned() };
        assert_eq!(raw.answer().await.1, wanted.as_bytes());
    }
}

#[tokio::test]
async fn what_is_no_http_ends_that_connection_alone() {
    let mut server = Running::start(|serve| serve).await;
    let mut raw = Raw::connect(server.addr).await;
    raw.send("\u{16}\u{3}\u{1} hello\r\n\r\n").await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 400"));
    assert!(matches!(server.event().await, Event::Failed { .. }));
    let mut raw = Raw::connect(server.addr).await;
    raw.get("/").await;
    assert_eq!(raw.answer().await.0, 200);
}

#[tokio::test]
async fn an_error_of_the_service_ends_its_connection_alone() {
    let service = tower::service_fn(|request: Request<RequestBody>| async move {
        match request.uri().path() {
            "/" => Ok(Response::new(Full::new(bytes::Bytes::from("fine")))),
            "/panic" => panic!("a handler's bug"),
            _ => Err("no such thing"),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (told, mut events) = tokio::sync::mpsc::unbounded_channel();
    let server = letterhead::serve(listener, service)
        .on_event(move |event| told.send(event.to_string()).unwrap());
    let task = tokio::spawn(server.into_future());
    for path in ["/error", "/panic"] {
        let mut raw = Raw::connect(addr).await;
        raw.get(path).await;
        assert_eq!(raw.rest().await, "");
        let mut raw = Raw::connect(addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await, (200, b"fine".to_vec()));
    }
    let event = soon(events.recv()).await.unwrap();
    assert!(event.ends_with("error from user's Service: no such thing"), "{event}");
    task.abort();
}

/// A service that does its work when it is called, and not when its future is polled.
#[tokio::test]
async fn a_service_that_panics_when_it_is_called_ends_its_connection_alone() {
    let service = tower::service_fn(|request: Request<RequestBody>| {
        assert!(request.uri().path() != "/panic", "a service's bug");
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Full::new(
            bytes::Bytes::from("fine"),
        ))))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = letterhead::serve(listener, service).max_connections(1).shutdown_on(async {
        let _ = stopped.await;
    });
    let task = tokio::spawn(server.into_future());
    for _ in 0..3 {
        let mut raw = Raw::connect(addr).await;
        raw.get("/").await;
        assert_eq!(raw.answer().await, (200, b"fine".to_vec()));
        raw.get("/panic").await;
        assert_eq!(raw.rest().await, "");
    }
    // The one place is free again, and nobody is waited for.
    stop.send(()).unwrap();
    let served = soon(task).await.unwrap().unwrap();
    assert_eq!((served.accepted, served.cut), (3, 0));
}

#[tokio::test]
async fn a_websocket_outlives_every_time_out_and_counts_as_a_connection() {
    let server = Running::start(|serve| {
        serve.header_timeout(SHORT).idle_timeout(SHORT).write_timeout(SHORT).max_connections(1)
    })
    .await;
    let url = format!("ws://{}/ws", server.addr);
    let (mut socket, _) =
        soon(tokio_tungstenite::client_async(url, TcpStream::connect(server.addr).await.unwrap()))
            .await
            .unwrap();
    // The next client waits for the one place.
    let mut waiting = Raw::connect(server.addr).await;
    waiting.get("/").await;
    assert!(tokio::time::timeout(SHORT * 3, waiting.head()).await.is_err());
    soon(socket.send(Message::text("still here"))).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap().unwrap(), Message::text("still here"));
    soon(socket.close(None)).await.unwrap();
    while let Some(Ok(_)) = soon(socket.next()).await {}
    drop(socket);
    assert_eq!(waiting.answer().await, (200, b"hello".to_vec()));
    drop(waiting);
    assert_eq!(server.stopped().await.upgraded, 0);
}

#[tokio::test]
async fn a_websocket_on_a_stream_keeps_its_connection_open() {
    let mut server = Running::start(|serve| {
        serve.header_timeout(SHORT).idle_timeout(SHORT).write_timeout(SHORT)
    })
    .await;
    let h2 = H2::connect(server.addr).await;
    let mut send = soon(h2.send.clone().ready()).await.unwrap();
    while !send.is_extended_connect_protocol_enabled() {
        // The server's settings are on their way.
        tokio::task::yield_now().await;
    }
    let request = Request::builder()
        .method(http::Method::CONNECT)
        .uri("http://test/ws")
        .header("sec-websocket-version", "13")
        .extension(h2::ext::Protocol::from_static("websocket"))
        .body(())
        .unwrap();
    let (answer, mut upward) = send.send_request(request, false).unwrap();
    let answer = soon(answer).await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut downward = answer.into_body();
    // As long as every time-out together, and more.
    tokio::time::sleep(SHORT * 5).await;
    // A text of two bytes (RFC 6455, section 5.2), masked with zeros; it comes back without a mask.
    upward.send_data(b"\x81\x82\0\0\0\0hi"[..].into(), false).unwrap();
    assert_eq!(soon(downward.data()).await.unwrap().unwrap(), b"\x81\x02hi"[..]);
    assert!(server.told().is_empty());
    // When it has ended the connection is as idle as any.
    upward.send_reset(h2::Reason::CANCEL);
    drop((upward, downward));
    let H2 { send: kept, task } = h2;
    soon(task).await.unwrap().unwrap();
    drop(kept);
    assert!(server.told().is_empty());
    assert_eq!(server.stopped().await.cut, 0);
}

// ---- TLS ----

/// The two ends of one certificate; the client offers these protocols.
pub(crate) fn configs(alpn: &[&[u8]]) -> (ServerConfig, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (server, TlsConnector::from(Arc::new(client)))
}

pub(crate) async fn shaken(server: &Running, connector: &TlsConnector) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    soon(connector.connect(name, tcp)).await.unwrap()
}

#[tokio::test]
async fn tls_agrees_on_a_version() {
    let (config, connector) = configs(&[b"h2", b"http/1.1"]);
    let server = Running::start(|serve| serve.tls(config).peer()).await;
    let stream = shaken(&server, &connector).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let h2 = H2::over(stream).await;
    assert_eq!(whole(h2.get("/version").await.unwrap()).await.unwrap(), b"HTTP/2.0");
    let peer = whole(h2.get("/peer").await.unwrap()).await.unwrap();
    assert!(peer.ends_with(b" true"));

    for alpn in [&[&b"http/1.1"[..]][..], &[]] {
        let (config, connector) = configs(alpn);
        let server = Running::start(|serve| serve.tls(config)).await;
        let stream = shaken(&server, &connector).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), alpn.first().copied());
        let mut raw = Raw::over(stream);
        raw.get("/bytes/3000000").await;
        assert_eq!(raw.answer().await.1, pattern(3_000_000));
    }
}

/// A header policy and deny rules go by it, whether peers are told or not.
#[tokio::test]
async fn that_a_connection_is_secured_is_known_to_the_layer() {
    for (is_tls, is_told) in [(true, false), (true, true), (false, true), (false, false)] {
        let text = "/*\n  Strict-Transport-Security: max-age=600\n";
        let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
        let layer = LetterheadLayer::new().policy(policy).deny(move |head: &FinalHead<'_>| {
            let scheme = if is_tls { "https" } else { "http" };
            (head.scheme() != scheme).then(|| "another scheme".to_owned())
        });
        let routes = Router::new().route("/page", get(|| async { "page" })).layer(layer);
        let (config, connector) = configs(&[b"http/1.1"]);
        let server = Running::routed(routes, |serve| {
            let serve = if is_tls { serve.tls(config) } else { serve };
            if is_told { serve.peer() } else { serve }
        })
        .await;
        let request = "GET /page HTTP/1.1\r\nhost: test\r\n\r\n";
        let head = if is_tls {
            let mut raw = Raw::over(shaken(&server, &connector).await);
            raw.send(request).await;
            raw.head().await
        } else {
            let mut raw = Raw::connect(server.addr).await;
            raw.send(request).await;
            raw.head().await
        };
        assert!(head.starts_with("http/1.1 200 "), "{is_tls} {is_told}: {head}");
        assert_eq!(head.contains("strict-transport-security: max-age=600"), is_tls, "{head}");
    }
}

#[tokio::test]
async fn under_tls_a_broken_response_has_no_farewell() {
    let (config, connector) = configs(&[b"http/1.1"]);
    let server = Running::start(|serve| serve.tls(config)).await;
    // A reset where only the end would tell the length; else the end of TCP alone, without TLS's own.
    for (version, kind) in [("1.0", ErrorKind::ConnectionReset), ("1.1", ErrorKind::UnexpectedEof)]
    {
        let mut raw = Raw::over(shaken(&server, &connector).await);
        raw.send(format!("GET /broken/100 HTTP/{version}\r\nhost: test\r\n\r\n")).await;
        raw.head().await;
        let (bytes, end) = raw.all().await;
        assert!(bytes.len() >= 100 * CHUNK, "{} bytes", bytes.len());
        assert_eq!(end.unwrap_err().kind(), kind, "{version}");
        // A whole one says farewell.
        let mut raw = Raw::over(shaken(&server, &connector).await);
        raw.send(format!("GET /whole HTTP/{version}\r\nconnection: close\r\nhost: test\r\n\r\n"))
            .await;
        raw.head().await;
        raw.all().await.1.unwrap();
    }
}

#[tokio::test]
async fn under_tls_streams_are_reset_at_the_deadline() {
    let (config, connector) = configs(&[b"h2"]);
    let mut server = Running::start(|serve| serve.tls(config).grace(SHORT)).await;
    let h2 = H2::over(shaken(&server, &connector).await).await;
    let gate = h2.get("/gate").await.unwrap();
    server.stop();
    assert_eq!(whole(gate).await.unwrap_err().reason(), Some(h2::Reason::INTERNAL_ERROR));
    assert_eq!(server.stopped().await.cut, 1);
}

#[tokio::test]
async fn a_handshake_that_fails_or_never_ends_is_told() {
    let (config, _) = configs(&[]);
    let mut server = Running::start(|serve| serve.tls(config).header_timeout(SHORT)).await;
    let mut plain = Raw::connect(server.addr).await;
    plain.get("/").await;
    plain.rest().await;
    assert!(matches!(server.event().await, Event::HandshakeFailed { .. }));
    let mut silent = Raw::connect(server.addr).await;
    assert_eq!(silent.rest().await, "");
    assert_eq!(server.cut().await, Cut::Head);
}

#[tokio::test]
async fn time_outs_hold_under_tls() {
    let (config, connector) = configs(&[b"h2"]);
    let mut server = Running::start(|serve| {
        serve.tls(config).header_timeout(SHORT).idle_timeout(SHORT).write_timeout(SHORT)
    })
    .await;
    let h2 = H2::over(shaken(&server, &connector).await).await;
    assert_eq!(whole(h2.get("/").await.unwrap()).await.unwrap(), b"hello");
    soon(h2.task).await.unwrap().unwrap();

    let (config, connector) = configs(&[]);
    let mut stalled = Running::start(|serve| serve.tls(config).write_timeout(SHORT)).await;
    let mut raw = Raw::over(shaken(&stalled, &connector).await);
    raw.get("/endless").await;
    assert_eq!(stalled.cut().await, Cut::Write);
    assert!(server.told().is_empty());
}

/// A response without content is over with its head: no frame follows.
#[tokio::test]
async fn a_head_without_content_ends_its_stream() {
    let server = Running::start(|serve| serve).await;
    let h2 = H2::connect(server.addr).await;
    let answer = h2.get("/refuse").await.unwrap();
    assert_eq!(answer.status(), 413);
    assert!(answer.body().is_end_stream());
    let answer = h2.get("/").await.unwrap();
    assert!(!answer.body().is_end_stream());
    assert_eq!(whole(answer).await.unwrap(), b"hello");
}
