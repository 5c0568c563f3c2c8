//! What hyper and h2 do with requests whose framing is not in order: the layer sees only what they let through.

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;

use crate::client::{H2, Raw};
use crate::serve::{Server, empty, full, serve_bare, soon};

/// Reads the request to its end and answers; tells the lengths that were declared, and the content.
async fn reading() -> (Server, mpsc::UnboundedReceiver<(usize, String)>) {
    let (tell, told) = mpsc::unbounded_channel();
    let server = serve_bare(move |request| {
        let tell = tell.clone();
        async move {
            let lengths = request.headers().get_all("content-length").iter().count();
            let content =
                request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            if let Ok(content) = content {
                let content = String::from_utf8_lossy(&content).into_owned();
                tell.send((lengths, content)).unwrap();
            }
            Response::new(full("read"))
        }
    })
    .await;
    (server, told)
}

#[tokio::test]
async fn a_length_beside_chunks_is_taken_away_and_ends_the_connection() {
    // RFC 9112, section 6.1: this may be an attempt to smuggle a request.
    for lines in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let (server, mut told) = reading().await;
        let mut raw = Raw::connect(&server).await;
        let smuggled = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";
        raw.send(format!("POST / HTTP/1.1\r\nhost: test\r\n{lines}\r\n0\r\n\r\n{smuggled}")).await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(raw.rest().await, "read", "{lines}: nothing else is answered");
        assert_eq!(told.recv().await, Some((0, String::new())), "{lines}");
        assert!(told.try_recv().is_err(), "{lines}");
    }
}

#[tokio::test]
async fn one_of_several_connection_lines_is_enough_to_close() {
    // RFC 9112, section 9.3.
    for lines in ["close\r\nconnection: keep-alive", "keep-alive\r\nconnection: close"] {
        for version in ["1.0", "1.1"] {
            let (server, _told) = reading().await;
            let mut raw = Raw::connect(&server).await;
            raw.send(format!("GET / HTTP/{version}\r\nhost: test\r\nconnection: {lines}\r\n\r\n"))
                .await;
            raw.head().await;
            assert_eq!(raw.rest().await, "read", "{version}: {lines}");
        }
    }
}

#[tokio::test]
async fn two_lengths_are_refused_on_h2() {
    // RFC 9113, section 8.1.1.
    let (server, mut told) = reading().await;
    let h2 = H2::connect(&server).await;
    let request = |lengths: [&str; 2]| {
        let request = Request::builder().method(Method::POST).uri("http://test/");
        lengths.iter().fold(request, |r, length| r.header("content-length", *length)).body(())
    };
    let (answer, _content) = h2.send(request(["4", "5"]).unwrap()).await;
    let error = soon(answer).await.unwrap_err();
    assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR));
    let (answer, mut content) = h2.send(request(["4", "4"]).unwrap()).await;
    content.send_data(Bytes::from_static(b"four"), true).unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 200);
    assert_eq!(told.recv().await.unwrap().1, "four");
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn tiny_data_frames_that_are_not_read_end_the_connection() {
    // Each costs a hundred times what it carries.
    let server = serve_bare(|_request| async move {
        std::future::pending::<()>().await;
        Response::new(empty())
    })
    .await;
    let h2 = H2::connect(&server).await;
    let request = || Request::builder().method(Method::POST).uri("http://test/").body(()).unwrap();
    let (answer, mut content) = h2.send(request()).await;
    for _ in 0..20_000 {
        if content.send_data(Bytes::from_static(b"x"), false).is_err() {
            break;
        }
    }
    let error = soon(answer).await.unwrap_err();
    // The frames that are still on their way may reset the connection before its last word is read.
    let calmed = error.reason() == Some(h2::Reason::ENHANCE_YOUR_CALM);
    assert!(calmed || error.is_io(), "{error}");
    // Those that are read do not.
    let (server, mut told) = reading().await;
    let h2 = H2::connect(&server).await;
    let (answer, mut content) = h2.send(request()).await;
    for _ in 0..20_000 {
        content.send_data(Bytes::from_static(b"x"), false).unwrap();
        if content.capacity() == 0 {
            tokio::task::yield_now().await;
        }
    }
    content.send_data(Bytes::new(), true).unwrap();
    assert_eq!(soon(answer).await.unwrap().status(), 200);
    assert_eq!(told.recv().await.unwrap().1.len(), 20_000);
}
