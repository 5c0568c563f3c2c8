//! Every row over real connections, through the layer, which has nothing to mend.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use http::{Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use letterhead::LetterheadLayer;
use letterhead::answer::Asked;
use tower::Layer as _;

use crate::check::{Got, check, fields};
use crate::client::{H2, Raw};
use crate::data::{self, Data, Row, Thing};
use crate::memory::answered;
use crate::serve::{Receipts, Server, collected, serve, soon};

/// Serves the things of a file, each at its name.
async fn served(things: &BTreeMap<String, Thing>) -> (Server, Receipts) {
    let things = Arc::new(things.clone());
    let (layer, receipts) = collected(LetterheadLayer::new());
    let app = tower::service_fn(move |request: Request<Incoming>| {
        let response = answered(&things[&request.uri().path()[1..]], &Asked::of(&request));
        async move {
            // A query is read before it is answered.
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    (serve(layer.layer(app)).await, receipts)
}

/// Asks every row of every file, one after the other, over connections that go on.
async fn every_row(ask: impl AsyncFn(&mut Client, &Row) -> Got) {
    for Data { things, rows } in data::files() {
        let (server, mut receipts) = served(&things).await;
        let mut client =
            Client { raw: Raw::connect(&server).await, h2: H2::connect(&server).await };
        for row in &rows {
            check(row, &things[&row.thing], &ask(&mut client, row).await);
            let receipt = receipts.next().await;
            assert!(receipt.notes.is_empty(), "{}: mended: {receipt:?}", row.place);
        }
    }
}

struct Client {
    raw: Raw,
    h2: H2,
}

/// The content of the request: a query, where the method is one.
fn query_of(row: &Row) -> &'static [u8] {
    if row.method.as_str() == "QUERY" { b"select surname from contacts" } else { b"" }
}

async fn h1(client: &mut Client, row: &Row) -> Got {
    let mut request =
        format!("{} /{} HTTP/1.1\r\nhost: test\r\n", row.method, row.thing).into_bytes();
    for (name, value) in &row.fields {
        request.extend_from_slice(
            &[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat(),
        );
    }
    let content = query_of(row);
    let length = format!("content-length: {}\r\n\r\n", content.len());
    request.extend_from_slice(if content.is_empty() { b"\r\n" } else { length.as_bytes() });
    request.extend_from_slice(content);
    client.raw.send(request).await;
    let head = client.raw.head().await;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap()[9..12].parse().unwrap();
    let fields = lines.map(|line| line.split_once(": ").unwrap());
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut got = Got { status, fields, body: Vec::new() };
    // A wrong length would be read as the next answer.
    if row.method != Method::HEAD {
        let length = got.field("content-length").map_or(0, |length| length.parse().unwrap());
        got.body = client.raw.bytes(length).await.into_bytes();
    }
    got
}

async fn h2(client: &mut Client, row: &Row) -> Got {
    let uri = format!("http://test/{}", row.thing);
    let mut request = Request::builder().method(&row.method).uri(uri).body(()).unwrap();
    request.headers_mut().clone_from(&row.fields);
    let (response, mut content) = client.h2.send(request).await;
    content.send_data(bytes::Bytes::from_static(query_of(row)), true).unwrap();
    let (head, mut body) = soon(response).await.unwrap().into_parts();
    let mut got =
        Got { status: head.status.as_u16(), fields: fields(&head.headers), body: Vec::new() };
    while let Some(chunk) = soon(body.data()).await {
        let chunk = chunk.unwrap();
        let _ = body.flow_control().release_capacity(chunk.len());
        got.body.extend_from_slice(&chunk);
    }
    got
}

#[tokio::test]
async fn every_row_is_answered_so_over_http_1() {
    every_row(h1).await;
}

#[tokio::test]
async fn every_row_is_answered_so_over_http_2() {
    every_row(h2).await;
}
