//! Every kind of response has a page, and what that says is what the wire had.

use http::Response;
use letterhead::inspect::Inspector;
use serde_json::Value;

use crate::app::{Client, KINDS, Scratch, app};
use crate::client::Server;
use bytes::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

async fn clients(server: &Server) -> [Client; 2] {
    let stream = || async { TokioIo::new(TcpStream::connect(server.addr).await.unwrap()) };
    let (one, connection) = hyper::client::conn::http1::handshake(stream().await).await.unwrap();
    tokio::spawn(connection);
    let h2 = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream().await);
    let (two, connection) = h2.await.unwrap();
    tokio::spawn(connection);
    [Client::H1(one), Client::H2(two)]
}

#[tokio::test]
async fn a_page_says_what_the_wire_had() {
    let scratch = Scratch::new();
    let server = Server::start(app(&scratch).await, Inspector::new()).await;
    let mut count = 0;
    for mut client in clients(&server).await {
        for kind in &KINDS {
            let wire = client.ask(kind).await;
            count += 1;
            server.kept(count).await;
            let json = server.json(&format!("/_head/{count}.json")).await;
            assert_eq!(json["head"]["status"], kind.status, "{}", kind.name);
            assert_eq!(json["receipt"]["status"], kind.status, "{}", kind.name);
            same_fields(kind.name, &wire, &json);
            let page = server.page(&format!("/_head/{count}")).await;
            shows(kind.name, &wire, &page, &json);
        }
    }
    server.ended().await;
}

/// The lines of a head, sorted.
fn sorted(mut lines: Vec<(String, String)>) -> Vec<(String, String)> {
    lines.sort();
    lines
}

fn on_wire(wire: &Response<Bytes>) -> Vec<(String, String)> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    wire.headers().iter().map(line).collect()
}

/// What the page has is on the wire, and the wire has nothing more but what the page says that a server may add.
fn same_fields(kind: &str, wire: &Response<Bytes>, json: &Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fields = json["head"]["fields"].as_array().unwrap();
    let said = fields.iter().map(|field| (text(&field["name"]), text(&field["value"])));
    let said = sorted(said.collect());
    let added: Vec<String> =
        json["head"]["added_by_server"].as_array().unwrap().iter().map(text).collect();
    let wire = on_wire(wire).into_iter().filter(|(name, _)| !added.contains(name));
    assert_eq!(said, sorted(wire.collect()), "{kind}");
    for field in fields {
        assert!(!field["steps"].as_array().unwrap().is_empty(), "{kind}: {field}");
    }
}

fn shows(kind: &str, wire: &Response<Bytes>, page: &str, json: &Value) {
    let hundred = wire.status().as_u16() / 100;
    let status = format!("<span class=\"status s{hundred}\">{}</span>", wire.status().as_u16());
    assert!(page.contains(&status), "{kind}: {status}");
    for field in json["head"]["fields"].as_array().unwrap() {
        let name = format!("<th scope=\"row\">{}</th>", field["name"].as_str().unwrap());
        assert!(page.contains(&name), "{kind}: {name}");
        let value = field["value"].as_str().unwrap();
        let value = value.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;");
        assert!(page.contains(&format!("<code>{value}</code>")), "{kind}: {value}");
    }
    for name in json["head"]["added_by_server"].as_array().unwrap() {
        let row =
            format!("<th scope=\"row\">{}</th><td><em>not seen here</em>", name.as_str().unwrap());
        assert!(page.contains(&row), "{kind}: {row}");
    }
    let cause = json["receipt"]["cause"].as_str().unwrap();
    assert!(page.contains(&format!("<dt>Committed by</dt><dd>{cause}</dd>")), "{kind}");
}
