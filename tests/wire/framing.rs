//! Heads that disagree with their content: what hyper does alone, and what the layer sends.

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use letterhead::{LetterheadLayer, Mended, Note, Outcome};

use crate::client::{H2, Raw};
use crate::serve::{
    Act, Body, Receipts, Server, chunks, collected, empty, full, script, serve_bare, serve_layer,
};

/// A handler's response: status, field lines, body.
#[derive(Clone, Copy)]
struct Case {
    status: u16,
    lines: &'static [(&'static str, &'static str)],
    body: fn() -> Body,
}

const fn case(lines: &'static [(&'static str, &'static str)], body: fn() -> Body) -> Case {
    Case { status: 200, lines, body }
}

impl Case {
    /// `/` is the case, `/next` the request after it.
    fn answer(self, path: &str) -> Response<Body> {
        if path == "/next" {
            return Response::new(full("next"));
        }
        let mut response = Response::new((self.body)());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in self.lines {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        response
    }

    async fn bare(self) -> Server {
        serve_bare(
            move |request: Request<Incoming>| async move { self.answer(request.uri().path()) },
        )
        .await
    }

    async fn layered(self) -> (Server, Receipts) {
        let (layer, receipts) = collected(LetterheadLayer::new());
        let server =
            serve_layer(layer, move |request, _| async move { self.answer(request.uri().path()) })
                .await;
        (server, receipts)
    }
}

/// Everything that comes for the case and one more request on the same connection, dates out.
async fn two_on_h1(server: &Server, method: &str) -> String {
    let mut raw = Raw::connect(server).await;
    let both = format!(
        "{method} / HTTP/1.1\r\nhost: test\r\n\r\n\
         GET /next HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    );
    raw.send(both).await;
    let all = raw.rest().await;
    all.split("\r\n").filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\r\n")
}

/// The answer to the request after the case.
const NEXT: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nnext";

fn one() -> Body {
    full("12345")
}

fn streamed() -> Body {
    chunks(&["12345"])
}

fn growing() -> Body {
    chunks(&["123", "45"])
}

/// The length comes as a `Content-Length` of its own.
const THREE: &[(&str, &str)] = &[("content-length", "3")];
const TEN: &[(&str, &str)] = &[("content-length", "10")];
const TWO_EQUAL: &[(&str, &str)] = &[("content-length", "5"), ("content-length", "5")];
const TWO_UNLIKE: &[(&str, &str)] = &[("content-length", "5"), ("content-length", "6")];
const NO_NUMBER: &[(&str, &str)] = &[("content-length", "five")];
const CODED: &[(&str, &str)] = &[("content-length", "5"), ("transfer-encoding", "chunked")];

/// On h1 the case is answered with `head` and `body`, then the next request is answered right;
/// on h2 with the same content; the receipt has these notes.
async fn check(case: Case, head: &str, body: &str, notes: &[Mended]) {
    let (server, mut receipts) = case.layered().await;
    assert_eq!(two_on_h1(&server, "GET").await, format!("HTTP/1.1 {head}\r\n\r\n{body}{NEXT}"));
    let notes: Vec<_> = notes.iter().map(|mended| Note::Mended(*mended)).collect();
    let seen = receipts.next().await;
    assert_eq!(seen.notes, notes, "{}", seen.line);
    assert!(matches!(seen.outcome, Outcome::Handed), "{}", seen.line);
    receipts.next().await;

    let client = H2::connect(&server).await;
    let answer = client.get("/").await.unwrap();
    let content: String = match body.strip_suffix("0\r\n\r\n") {
        // Without the chunk sizes.
        Some(chunks) => chunks.split("\r\n").skip(1).step_by(2).collect(),
        None => body.to_owned(),
    };
    assert_eq!((answer.body, answer.reset), (content.clone(), None));
    if let Some(length) = answer.fields.get("content-length") {
        let forbidden = [204, 205].contains(&case.status);
        assert!(
            !forbidden
                && (case.status == 304 || length.to_str().unwrap() == content.len().to_string())
        );
    }
    assert_eq!(receipts.next().await.notes, notes);
    assert_eq!(client.get("/next").await.unwrap().body, "next");
}

#[tokio::test]
async fn the_exact_size_wins_over_a_wrong_length() {
    let five = "200 OK\r\ncontent-length: 5";
    let mended = |declared| [Mended::Length { declared, actual: 5 }];
    check(case(THREE, one), five, "12345", &mended(3)).await;
    check(case(TEN, one), five, "12345", &mended(10)).await;
    check(case(&[("content-length", "5")], one), five, "12345", &[]).await;
    check(case(TWO_EQUAL, one), five, "12345", &[Mended::UntidyLength]).await;
    check(case(TWO_UNLIKE, one), five, "12345", &[Mended::UnusableLength]).await;
    check(case(NO_NUMBER, one), five, "12345", &[Mended::UnusableLength]).await;
    check(case(CODED, one), five, "12345", &[Mended::LengthAndCoding]).await;
    check(
        case(TEN, empty),
        "200 OK\r\ncontent-length: 0",
        "",
        &[Mended::Length { declared: 10, actual: 0 }],
    )
    .await;
}

#[tokio::test]
async fn a_length_that_cannot_be_true_gives_way_to_chunks() {
    let (head, body) = ("200 OK\r\ntransfer-encoding: chunked", "5\r\n12345\r\n0\r\n\r\n");
    check(case(THREE, streamed), head, body, &[Mended::Exceeded { declared: 3, seen: 5 }]).await;
    check(case(TWO_UNLIKE, streamed), head, body, &[Mended::UnusableLength]).await;
    check(case(NO_NUMBER, streamed), head, body, &[Mended::UnusableLength]).await;
    check(case(CODED, streamed), head, body, &[Mended::LengthAndCoding]).await;
    let five = "200 OK\r\ncontent-length: 5";
    check(case(TWO_EQUAL, streamed), five, "12345", &[Mended::UntidyLength]).await;
    check(case(&[("content-length", "5")], growing), five, "12345", &[]).await;
}

#[tokio::test]
async fn statuses_without_content_have_none_on_either_protocol() {
    let with = |status, lines| Case { status, lines, body: one };
    let dropped = [Mended::ContentDropped];
    let both = [Mended::ForbiddenLength, Mended::ContentDropped];
    check(with(204, &[]), "204 No Content", "", &dropped).await;
    check(with(204, TEN), "204 No Content", "", &both).await;
    check(with(205, TEN), "205 Reset Content\r\ncontent-length: 0", "", &both).await;
    check(with(304, &[]), "304 Not Modified", "", &dropped).await;
    check(with(304, TEN), "304 Not Modified\r\ncontent-length: 10", "", &dropped).await;
    check(
        Case { status: 304, lines: TEN, body: empty },
        "304 Not Modified\r\ncontent-length: 10",
        "",
        &[],
    )
    .await;
}

#[tokio::test]
async fn an_informational_final_status_becomes_a_500() {
    for status in [100, 102, 103, 199] {
        let (server, mut receipts) = Case { status, lines: TEN, body: one }.layered().await;
        let all = two_on_h1(&server, "GET").await;
        assert!(all.starts_with("HTTP/1.1 500 ") && all.ends_with(NEXT), "{all}");
        assert_eq!(
            receipts.next().await.notes,
            [Note::Mended(Mended::InformationalStatus(status))]
        );
        let client = H2::connect(&server).await;
        assert_eq!(client.get("/").await.unwrap().status, 500);
        assert_eq!(client.get("/next").await.unwrap().body, "next");
    }
    // A 101 is one on HTTP/1.1 only.
    let (server, _receipts) = Case { status: 101, lines: &[], body: empty }.layered().await;
    assert_eq!(H2::connect(&server).await.get("/").await.unwrap().status, 500);
    let mut raw = Raw::connect(&server).await;
    raw.send("GET / HTTP/1.0\r\n\r\n").await;
    assert!(raw.rest().await.starts_with("HTTP/1.0 500 "));
}

#[tokio::test]
async fn head_has_the_length_that_get_would_have_and_no_content() {
    for (case, expected) in [
        (case(&[], one), "\r\ncontent-length: 5"),
        (case(TEN, one), "\r\ncontent-length: 10"),
        (case(TEN, empty), "\r\ncontent-length: 10"),
        (case(&[], streamed), ""),
        (case(TEN, streamed), "\r\ncontent-length: 10"),
        (case(TWO_UNLIKE, one), "\r\ncontent-length: 5"),
    ] {
        let (server, mut receipts) = case.layered().await;
        let all = two_on_h1(&server, "HEAD").await;
        assert_eq!(all, format!("HTTP/1.1 200 OK{expected}\r\n\r\n{NEXT}"));
        let seen = receipts.next().await;
        assert!(matches!(seen.outcome, Outcome::Handed) && seen.sent == 0, "{}", seen.line);
        let answer = H2::connect(&server).await.request(Method::HEAD, "/").await.unwrap();
        assert_eq!((answer.body.as_str(), answer.reset), ("", None));
        let length = answer.field("content-length").map(|n| format!("\r\ncontent-length: {n}"));
        assert_eq!(length.unwrap_or_default(), expected);
    }
}

#[tokio::test]
async fn a_body_of_unknown_size_is_counted_and_never_ends_cleanly_when_it_is_wrong() {
    fn later() -> Body {
        script([Act::Data("123"), Act::Sleep(std::time::Duration::from_millis(5)), Act::Data("45")])
    }
    for (lines, body, declared, sent, text) in [
        (TEN, growing as fn() -> Body, 10, "12345", "content-length says 10, body ended at 5"),
        (TEN, streamed, 10, "12345", "content-length says 10, body ended at 5"),
        (&[("content-length", "4")], growing, 4, "123", "content-length says 4, body went on to 5"),
        (&[("content-length", "4")], later, 4, "123", "content-length says 4, body went on to 5"),
        // The bytes would be complete with the first frame: it must not go out.
        (THREE, growing, 3, "", "content-length says 3, body went on to 5"),
    ] {
        let (server, mut receipts) = case(lines, body).layered().await;
        let all = two_on_h1(&server, "GET").await;
        assert_eq!(all, format!("HTTP/1.1 200 OK\r\ncontent-length: {declared}\r\n\r\n{sent}"));
        let answer = H2::connect(&server).await.get("/").await.unwrap();
        assert_eq!((answer.body.as_str(), answer.reset), (sent, Some(h2::Reason::INTERNAL_ERROR)));
        for _ in 0..2 {
            let seen = receipts.next().await;
            let Outcome::Aborted(error) = &seen.outcome else { panic!("{}", seen.line) };
            assert!(error.is_length(), "{error}");
            assert_eq!(error.to_string(), text);
        }
    }
}

#[tokio::test]
async fn on_http_1_0_a_body_without_a_length_ends_with_the_connection() {
    let (server, _receipts) = case(&[], streamed).layered().await;
    let mut raw = Raw::connect(&server).await;
    raw.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(raw.head().await, "HTTP/1.0 200 OK");
    assert_eq!(raw.rest().await, "12345");
}

#[tokio::test]
async fn values_that_are_huge_or_no_text_are_left_as_they_are() {
    let server = serve_layer(LetterheadLayer::new(), |_, head| async move {
        let odd = http::HeaderValue::from_bytes(b"caf\xe9 \xff").unwrap();
        assert!(head.insert("x-odd", odd).is_placed());
        assert!(head.insert("x-huge", "h".repeat(12_000)).is_placed());
        Response::new(full("x"))
    })
    .await;
    let answer = H2::connect(&server).await.get("/").await.unwrap();
    assert_eq!(answer.fields["x-odd"].as_bytes(), b"caf\xe9 \xff");
    let mut raw = Raw::connect(&server).await;
    raw.get("/", "").await;
    assert!(raw.head().await.contains(&format!("x-huge: {}\r\n", "h".repeat(12_000))));
}

// ---- hyper alone: the left column of the table, pinned ----

#[tokio::test]
async fn hyper_alone_sends_a_wrong_length_as_it_is() {
    // Two lengths of the exact-size body; the next answer follows where the client reads on.
    for (lines, declared) in [(THREE, 3), (TEN, 10)] {
        let server = case(lines, one).bare().await;
        let all = two_on_h1(&server, "GET").await;
        assert_eq!(
            all,
            format!("HTTP/1.1 200 OK\r\ncontent-length: {declared}\r\n\r\n12345{NEXT}")
        );
    }
    // Unknown size: cut without a word, or broken off.
    let all = two_on_h1(&case(THREE, streamed).bare().await, "GET").await;
    assert_eq!(all, format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n123{NEXT}"));
    let all = two_on_h1(&case(TEN, streamed).bare().await, "GET").await;
    assert!(!all.contains("next"), "{all}");
}

#[tokio::test]
async fn hyper_alone_drops_the_connection_for_two_lengths_or_a_length_and_a_coding() {
    for case in [case(TWO_UNLIKE, streamed), case(NO_NUMBER, streamed), case(CODED, streamed)] {
        assert_eq!(two_on_h1(&case.bare().await, "GET").await, "");
    }
}

#[tokio::test]
async fn hyper_alone_sends_content_where_there_must_be_none() {
    let all = two_on_h1(&Case { status: 205, lines: &[], body: one }.bare().await, "GET").await;
    assert!(
        all.starts_with("HTTP/1.1 205 Reset Content\r\ncontent-length: 5\r\n\r\n12345"),
        "{all}"
    );
    let all = two_on_h1(&Case { status: 103, lines: &[], body: one }.bare().await, "GET").await;
    assert!(!all.contains("next"), "{all}");
}
