//! Trailers: promised, written late, sent by the body itself, merged, dropped or refused.

use http::{HeaderMap, Response};
use http_body_util::BodyExt as _;
use letterhead::{Head, Hold, LetterheadLayer, Note, Placed, Refusal};

use crate::client::{Raw, h1_get, h2_get};
use crate::serve::{Act, Body, Server, collected, fields, full, script, serve_layer};

const TE: &str = "te: trailers\r\n";

/// Two chunks; between them `late` is done, when the head is gone.
fn streamed(late: impl FnOnce() + Send + 'static) -> Body {
    script([Act::Data("one"), Act::Do(Box::new(late)), Act::Data("two")])
}

/// A server that promises `x-sum`, and writes it behind the first chunk.
async fn promising(change: fn(&mut Response<Body>)) -> (Server, crate::serve::Receipts) {
    let (layer, receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, move |_, head: Head| async move {
        let promised = head.promise("x-sum");
        let late = move || {
            let _ = head.insert("x-sum", "7");
        };
        let mut response = Response::new(streamed(late));
        response.headers_mut().insert("x-promise", promised.to_string().parse().unwrap());
        change(&mut response);
        response
    })
    .await;
    (server, receipts)
}

#[tokio::test]
async fn a_promised_field_follows_the_content_where_the_client_takes_it() {
    let (server, mut receipts) = promising(|_| {}).await;
    let answer = h1_get(&server, "/", TE).await;
    assert_eq!(
        answer.head,
        "HTTP/1.1 200 OK\r\nx-promise: placed in the trailers\r\ntrailer: x-sum\r\n\
         transfer-encoding: chunked"
    );
    assert_eq!(answer.body, "3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 7\r\n\r\n");
    assert!(receipts.next().await.line.contains("insert x-sum"));
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.field("trailer"), Some("x-sum"));
    assert_eq!(answer.trailers.unwrap()["x-sum"], "7");
}

/// Without trailers nothing of the promise reaches the wire, and the receipt has the reason.
async fn check_refused(request: &str, change: fn(&mut Response<Body>), refusal: Refusal) {
    let (server, mut receipts) = promising(change).await;
    let mut raw = Raw::connect(&server).await;
    raw.send(request).await;
    let head = raw.head().await;
    assert!(!head.contains("\r\ntrailer:"), "{head}");
    assert!(!raw.rest().await.contains("x-sum"));
    let seen = receipts.next().await;
    let reason = format!("refused: {refusal}");
    assert!(seen.writes.iter().any(|write| write.ends_with(&reason)), "{}", seen.line);
}

#[tokio::test]
async fn a_promise_that_cannot_be_kept_never_reaches_the_wire() {
    let get = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n";
    let (with_te, old) = (format!("{get}{TE}\r\n"), format!("GET / HTTP/1.0\r\n{TE}\r\n"));
    check_refused(&format!("{get}\r\n"), |_| {}, Refusal::NoTe).await;
    check_refused(&format!("{get}te: trailers;q=1\r\n\r\n"), |_| {}, Refusal::NoTe).await;
    check_refused(&old, |_| {}, Refusal::Http10).await;
    check_refused(&with_te.replace("GET", "HEAD"), |_| {}, Refusal::NoBody).await;
    let length = |response: &mut Response<Body>| {
        response.headers_mut().insert("content-length", "6".parse().unwrap());
    };
    check_refused(&with_te, length, Refusal::HasLength).await;
    let no_content = |response: &mut Response<Body>| {
        *response.status_mut() = http::StatusCode::NO_CONTENT;
    };
    check_refused(&with_te, no_content, Refusal::NoBody).await;
    let whole = |response: &mut Response<Body>| *response.body_mut() = full("whole");
    check_refused(&with_te, whole, Refusal::BodyOver).await;
}

#[tokio::test]
async fn a_late_write_that_was_not_promised_is_refused() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, head: Head| async move {
        let _ = head.promise("x-sum");
        Response::new(streamed(move || {
            let answers = [
                head.insert("x-other", "1"),
                head.append("set-cookie", "a=b"),
                head.set_status(http::StatusCode::CREATED),
            ];
            let reasons = [Refusal::NotDeclared, Refusal::ForbiddenName, Refusal::HeadSealed];
            assert_eq!(answers, reasons.map(Placed::Refused));
        }))
    })
    .await;
    let answer = h1_get(&server, "/", TE).await;
    assert_eq!(answer.body, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    assert_eq!(receipts.next().await.late.len(), 3);
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!((answer.body.as_str(), answer.trailers), ("onetwo", None));
}

/// A server whose body ends with these trailers after two chunks.
async fn own(
    lines: &'static [&'static str],
    trailers: HeaderMap,
) -> (Server, crate::serve::Receipts) {
    let (layer, receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, move |_, _| {
        let trailers = trailers.clone();
        async move {
            let mut response =
                Response::new(script([Act::Data("a"), Act::Data("b"), Act::Trailers(trailers)]));
            for line in lines {
                response.headers_mut().append("trailer", line.parse().unwrap());
            }
            response
        }
    })
    .await;
    (server, receipts)
}

#[tokio::test]
async fn trailers_of_the_body_itself_are_kept_where_they_are_allowed() {
    let trailers =
        fields(&[("x-a", "1"), ("content-length", "9"), ("x-b", "2"), ("set-cookie", "c")]);
    let (server, mut receipts) = own(&["X-A, x-b", "content-length"], trailers).await;
    let answer = h1_get(&server, "/", TE).await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\ntrailer: x-a, x-b\r\ntransfer-encoding: chunked");
    assert_eq!(answer.body, "1\r\na\r\n1\r\nb\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n");
    let dropped = receipts.next().await.notes;
    let names = ["content-length", "set-cookie"].map(|name| name.parse().unwrap());
    assert_eq!(dropped, [Note::TrailersDropped(names.to_vec())]);

    // The same list on h2, where hyper would send them all.
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.trailers.unwrap(), fields(&[("x-a", "1"), ("x-b", "2")]));
    assert_eq!(receipts.next().await.notes, [Note::TrailersDropped(names.to_vec())]);

    // Without TE neither they nor their announcement go out on HTTP/1.1.
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked");
    assert_eq!(answer.body, "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
}

#[tokio::test]
async fn unannounced_trailers_go_out_on_h2_and_are_noted_on_h1() {
    let (server, mut receipts) = own(&[], fields(&[("grpc-status", "0")])).await;
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
    assert!(receipts.next().await.notes.is_empty());
    let answer = h1_get(&server, "/", TE).await;
    assert_eq!(answer.body, "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    let dropped = Note::TrailersDropped(vec!["grpc-status".parse().unwrap()]);
    assert_eq!(receipts.next().await.notes, [dropped]);
}

#[tokio::test]
async fn late_writes_and_the_bodys_own_trailers_are_merged() {
    let server = serve_layer(LetterheadLayer::new(), |_, head: Head| async move {
        let _ = (head.promise("x-a"), head.promise("x-b"), head.promise("x-c"));
        let late = move || {
            let placed = [
                head.insert("x-a", "late"),
                head.append("x-b", "late"),
                head.set_default("x-c", "late"),
            ];
            assert_eq!(placed, [Placed::Trailers; 3]);
        };
        let own = fields(&[("x-a", "own"), ("x-b", "own"), ("x-c", "own")]);
        let acts = [Act::Data("a"), Act::Do(Box::new(late)), Act::Data("b"), Act::Trailers(own)];
        let mut response = Response::new(script(acts));
        response.headers_mut().insert("trailer", "x-a".parse().unwrap());
        response
    })
    .await;
    let merged = fields(&[("x-a", "late"), ("x-b", "own"), ("x-b", "late"), ("x-c", "own")]);
    assert_eq!(h2_get(&server, "/").await.unwrap().trailers, Some(merged));
    let answer = h1_get(&server, "/", TE).await;
    assert!(answer.head.contains("\r\ntrailer: x-a, x-b, x-c\r\n"), "{}", answer.head);
    let last = "0\r\nx-a: late\r\nx-b: own\r\nx-b: late\r\nx-c: own\r\n\r\n";
    assert!(answer.body.ends_with(last), "{}", answer.body);
}

#[tokio::test]
async fn a_body_of_known_length_keeps_the_trailers_that_it_announced() {
    let server = serve_layer(LetterheadLayer::new(), |_, _| async {
        let body = http_body_util::Full::from("whole")
            .with_trailers(async { Some(Ok(fields(&[("x-sum", "7")]))) });
        let mut response = Response::new(
            body.map_err(|never: std::convert::Infallible| match never {}).boxed_unsync(),
        );
        response.headers_mut().insert("trailer", "x-sum".parse().unwrap());
        response
    })
    .await;
    let answer = h1_get(&server, "/", TE).await;
    assert_eq!(answer.body, "5\r\nwhole\r\n0\r\nx-sum: 7\r\n\r\n");
    assert_eq!(h2_get(&server, "/").await.unwrap().trailers.unwrap()["x-sum"], "7");
}

#[tokio::test]
async fn a_bodys_own_trailers_stay_trailers_or_are_dropped_and_noted() {
    let (layer, mut receipts) = collected(LetterheadLayer::new().hold(Hold::up_to(100)));
    let server = serve_layer(layer, |request, _| async move {
        let trailers = fields(&[
            ("x-frame-options", "ALLOWALL"),
            ("content-type", "no"),
            ("etag", "\"new\""),
            ("grpc-status", "0"),
        ]);
        let acts = match request.uri().path() {
            "/only" => vec![Act::Trailers(trailers)],
            _ => vec![Act::Data("a"), Act::Data("b"), Act::Trailers(trailers)],
        };
        let kind = if request.uri().path() == "/grpc" { "application/grpc" } else { "text/plain" };
        let mut response = Response::new(script(acts));
        *response.headers_mut() = fields(&[("content-type", kind), ("x-frame-options", "DENY")]);
        response
    })
    .await;
    for (path, content) in [("/", "ab"), ("/only", "")] {
        // The client says nothing of trailers: there are none, and the length is known.
        let answer = h1_get(&server, path, "").await;
        let length = content.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-frame-options: DENY";
        assert_eq!(answer.head, format!("{head}\r\ncontent-length: {length}"));
        assert_eq!(answer.body, content);
        let note = receipts.next().await.notes.remove(0);
        let names = ["x-frame-options", "content-type", "etag", "grpc-status"];
        let dropped = names.map(http::HeaderName::from_static).to_vec();
        assert_eq!(note, Note::TrailersDropped(dropped));
        // It takes them: they are announced, for HTTP/1.1 sends no others.
        let answer = h1_get(&server, path, TE).await;
        let trailer = "trailer: x-frame-options, etag, grpc-status\r\ntransfer-encoding: chunked";
        assert_eq!(answer.head, format!("{head}\r\n{trailer}"));
        let (_, trailers) = answer.body.split_once("0\r\n").unwrap();
        let mut trailers: Vec<_> = trailers.trim_end().split("\r\n").collect();
        trailers.sort_unstable();
        assert_eq!(trailers, ["etag: \"new\"", "grpc-status: 0", "x-frame-options: ALLOWALL"]);
        assert_eq!(
            receipts.next().await.notes,
            [Note::TrailersDropped(vec![http::header::CONTENT_TYPE])]
        );
        let answer = h2_get(&server, path).await.unwrap();
        assert_eq!((answer.field("x-frame-options"), answer.field("etag")), (Some("DENY"), None));
        assert_eq!(answer.body, content);
        assert_eq!(answer.trailers.unwrap()["x-frame-options"], "ALLOWALL");
        receipts.next().await;
    }
    let answer = h2_get(&server, "/grpc").await.unwrap();
    assert_eq!((answer.field("grpc-status"), answer.body.as_str()), (None, "ab"));
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
}

#[tokio::test]
async fn trailers_are_merged_where_that_is_asked_for_and_their_definition_allows_it() {
    use http::HeaderName;
    let names = ["etag", "repr-digest", "server-timing", "x-rows"].map(HeaderName::from_static);
    let (layer, mut receipts) = collected(LetterheadLayer::new().merge_trailers(names));
    let server = serve_layer(layer, |_, _| async {
        let trailers = [
            ("etag", "\"new\""),
            ("repr-digest", "sha-256=:AAAA:"),
            ("server-timing", "db;dur=5"),
            ("x-rows", "2"),
        ];
        let mut response = Response::new(script([Act::Trailers(fields(&trailers))]));
        *response.headers_mut() = fields(&[("etag", "\"old\""), ("server-timing", "app;dur=9")]);
        response
    })
    .await;
    let answer = h2_get(&server, "/").await.unwrap();
    // What is there is neither replaced nor joined.
    assert_eq!(answer.field("etag"), Some("\"old\""));
    let timings: Vec<_> = answer.fields.get_all("server-timing").iter().collect();
    assert_eq!(timings, ["app;dur=9"]);
    assert_eq!(
        (answer.field("repr-digest"), answer.field("x-rows")),
        (Some("sha-256=:AAAA:"), None)
    );
    let trailers = answer.trailers.unwrap();
    assert_eq!((trailers.len(), trailers["x-rows"].to_str().unwrap()), (3, "2"));
    assert_eq!(trailers["etag"], "\"new\"");
    let refused = Note::TrailersNotMerged(vec![HeaderName::from_static("x-rows")]);
    assert_eq!(receipts.next().await.notes, [refused]);
    let answer = h1_get(&server, "/", "").await;
    assert!(answer.head.contains("repr-digest: sha-256=:AAAA:"), "{}", answer.head);
    assert!(!answer.head.contains("x-rows"), "{}", answer.head);
}
