//! Every kind of response has a page, and what that says is what the wire had.

use http::Response;
use letterhead::inspect::Inspector;
use serde_json::Value;

use crate::app::{Client, KINDS, Kind, Scratch, app};
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
            went_by(kind, &wire, &page, &json);
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

/// What the page says beside the head: who asked for what, what was sent, what failed, and in which order.
fn went_by(kind: &Kind, wire: &Response<Bytes>, page: &str, json: &Value) {
    let receipt = &json["receipt"];
    let version = format!("{:?}", wire.version());
    for (key, expected) in [
        ("method", Value::from(kind.method)),
        ("path", kind.path.into()),
        ("version", version.as_str().into()),
        ("sent", wire.body().len().into()),
        ("outcome", "handed".into()),
    ] {
        assert_eq!(receipt[key], expected, "{}: {key}", kind.name);
    }
    for (name, expected) in [
        ("Sent", format!("{} bytes", wire.body().len())),
        ("Outcome", "handed".to_owned()),
        ("Protocol", version),
        ("Peer", receipt["peer"].as_str().unwrap().to_owned()),
    ] {
        let fact = format!("<dt>{name}</dt><dd>{expected}</dd>");
        assert!(page.contains(&fact), "{}: {fact}", kind.name);
    }
    let (method, path) = (kind.method, kind.path);
    let heading =
        format!("<h1><span class=\"method\">{method}</span> <span class=\"path\">{path}</span> ");
    assert!(page.contains(&heading), "{}: {heading}", kind.name);
    // Where something failed the wire has a status that says so, and the page the causes.
    let failed = matches!(kind.name, "first frame fails" | "panic");
    let causes = json["failure"].as_array().unwrap();
    assert_eq!(!causes.is_empty(), failed, "{}: {causes:?}", kind.name);
    assert_eq!(page.contains("<h3>Failed before the commit</h3>"), failed, "{}", kind.name);
    assert!(json["abort"].as_array().unwrap().is_empty(), "{}: {json}", kind.name);
    assert!(!page.contains("<h3>Broken off</h3>"), "{}", kind.name);
    let times = ["answered", "committed", "first_byte", "ended"].map(|at| &receipt["times"][at]);
    let known: Vec<u64> = times.into_iter().filter_map(Value::as_u64).collect();
    assert!(known.is_sorted() && known.len() >= 3, "{}: {}", kind.name, receipt["times"]);
}
