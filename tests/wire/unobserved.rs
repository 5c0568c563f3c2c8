//! A response that nobody observes takes a shorter way through the layer. What is sent is the same.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use letterhead::{Head, Hold, LetterheadLayer};

use crate::client::{H2, Raw};
use crate::figures::figures;
use crate::serve::{Act, Body, BoxError, chunks, empty, fields, full, script, serve_layer};

/// Frames that are ready, behind a length that may be wrong.
struct Declared {
    frames: Vec<&'static str>,
    length: u64,
    /// Says that it is over as soon as it is.
    says_its_end: bool,
}

impl http_body::Body for Declared {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.frames.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.frames.remove(0).as_bytes())))))
    }

    fn is_end_stream(&self) -> bool {
        self.says_its_end && self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

fn declared(frames: &[&'static str], length: u64, says_its_end: bool) -> Body {
    Declared { frames: frames.to_vec(), length, says_its_end }.boxed_unsync()
}

fn with(body: Body, pairs: &[(&'static str, &'static str)]) -> Response<Body> {
    let mut response = Response::new(body);
    for (name, value) in pairs {
        response.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    response
}

fn status(code: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

fn held(hold: Hold, body: Body) -> Response<Body> {
    let mut response = with(body, &[("x-a", "1")]);
    response.extensions_mut().insert(hold);
    response
}

type Case = (&'static str, fn(&Head) -> Response<Body>);

/// Bodies of every kind, under heads that say nothing of the framing.
const BODIES: &[Case] = &[
    ("a body in one frame", |_| Response::new(full("hello"))),
    ("an empty body", |_| Response::new(empty())),
    ("an empty body that has to be asked", |_| Response::new(script([]))),
    ("three frames", |_| Response::new(chunks(&["he", "l", "lo"]))),
    ("empty frames between", |_| Response::new(chunks(&["", "he", "", "llo", ""]))),
    ("trailers", |_| {
        Response::new(script([Act::Data("a"), Act::Trailers(fields(&[("x-sum", "1")]))]))
    }),
    ("trailers alone", |_| Response::new(script([Act::Trailers(fields(&[("x-sum", "1")]))]))),
    ("an error at once", |_| Response::new(script([Act::Fail("broken".into())]))),
    ("a panic at once", |_| Response::new(script([Act::Panic("broken")]))),
    ("an error later", |_| Response::new(script([Act::Data("a"), Act::Fail("broken".into())]))),
    ("a panic later", |_| Response::new(script([Act::Data("a"), Act::Panic("broken")]))),
    ("a declared length", |_| Response::new(declared(&["he", "llo"], 5, false))),
    ("a declared length in one frame", |_| Response::new(declared(&["hello"], 5, true))),
    ("less than declared", |_| Response::new(declared(&["hel"], 5, true))),
    ("more than declared", |_| Response::new(declared(&["hello", "!"], 5, true))),
    ("nothing, though something was declared", |_| Response::new(declared(&[], 5, false))),
    ("nothing was declared, and something comes", |_| Response::new(declared(&["hello"], 0, true))),
];

/// Heads that say something of the framing, and statuses without content.
const HEADS: &[Case] = &[
    ("a right length", |_| with(full("hello"), &[("content-length", "5")])),
    ("a wrong length", |_| with(full("hello"), &[("content-length", "7")])),
    ("a length twice", |_| {
        with(full("hello"), &[("content-length", "5"), ("content-length", "5")])
    }),
    ("a length that is none", |_| with(full("hello"), &[("content-length", "five")])),
    ("a length before a stream", |_| with(chunks(&["he", "llo"]), &[("content-length", "5")])),
    ("a length before too little", |_| with(chunks(&["he"]), &[("content-length", "5")])),
    ("a length before too much", |_| with(chunks(&["he", "llo!"]), &[("content-length", "5")])),
    ("a length of zero before something", |_| with(full("hello"), &[("content-length", "0")])),
    ("a length of zero", |_| with(empty(), &[("content-length", "0")])),
    ("a length of some before nothing", |_| with(empty(), &[("content-length", "5")])),
    ("the greatest length", |_| {
        with(chunks(&["he"]), &[("content-length", "18446744073709551615")])
    }),
    ("a coding", |_| with(full("hello"), &[("transfer-encoding", "chunked")])),
    ("announced trailers", |_| {
        let trailers = Act::Trailers(fields(&[("x-sum", "1")]));
        with(script([Act::Data("a"), trailers]), &[("trailer", "x-sum")])
    }),
    ("a star among others", |_| with(full("a"), &[("vary", "origin"), ("vary", "*")])),
    ("blanks around a value", |_| {
        let mut response = with(full("a"), &[]);
        response.headers_mut().insert("x-a", HeaderValue::from_bytes(b" 1 ").unwrap());
        response
    }),
    ("blanks before a stream", |_| {
        let mut response = with(chunks(&["a", "b"]), &[]);
        response.headers_mut().insert("x-a", HeaderValue::from_bytes(b"1\t").unwrap());
        response
    }),
    ("an event stream", |_| {
        with(chunks(&["data: 1\n\n", "data: 2\n\n"]), &[("content-type", "text/event-stream")])
    }),
    ("204", |_| status(204, full("a"))),
    ("205", |_| status(205, full("a"))),
    ("304", |_| status(304, full("a"))),
    ("404", |_| status(404, full("gone"))),
    ("500 with a stream", |_| status(500, chunks(&["a", "b"]))),
    ("103 for good", |_| status(103, full("a"))),
    ("not held", |_| held(Hold::none(), chunks(&["a", "b"]))),
    ("held up to some bytes", |_| held(Hold::up_to(3), chunks(&["a", "b", "c", "d"]))),
];

/// Writes through `Head` that wait when the handler has answered.
const WRITES: &[Case] = &[
    ("an insert", |head| written(head, "x-a", full("a"))),
    ("an insert before a stream", |head| written(head, "x-a", chunks(&["a", "b"]))),
    ("an insert before trailers", |head| {
        written(head, "x-a", script([Act::Data("a"), Act::Trailers(fields(&[("x-sum", "1")]))]))
    }),
    ("an insert before an error", |head| written(head, "x-a", script([Act::Fail("no".into())]))),
    ("an insert before a broken body", |head| {
        written(head, "x-a", script([Act::Data("a"), Act::Fail("no".into())]))
    }),
    ("an insert over the handler's", |head| {
        let _ = head.insert("x-a", "2");
        with(full("a"), &[("x-a", "1"), ("x-a", "1b")])
    }),
    ("an append", |head| {
        let _ = head.append("x-a", "2");
        let _ = head.append("x-a", "3");
        with(full("a"), &[("x-a", "1")])
    }),
    ("two defaults", |head| {
        let _ = head.set_default("x-a", "2");
        let _ = head.set_default("x-b", "3");
        with(full("a"), &[("x-a", "1")])
    }),
    ("a removal", |head| {
        let _ = head.remove("x-a");
        with(full("a"), &[("x-a", "1")])
    }),
    ("a status", |head| {
        let _ = head.set_status(StatusCode::CREATED);
        Response::new(full("a"))
    }),
    ("a status without content", |head| {
        let _ = head.set_status(StatusCode::NO_CONTENT);
        Response::new(full("a"))
    }),
    ("a list that layers add to", |head| {
        let _ = head.insert("vary", "accept");
        with(full("a"), &[("vary", "origin")])
    }),
    ("a stricter cache policy", |head| {
        let _ = head.insert("cache-control", "no-store");
        with(full("a"), &[("cache-control", "max-age=60")])
    }),
    ("an announcement of trailers", |head| written(head, "trailer", chunks(&["a"]))),
    ("an insert beside an error", |head| {
        let _ = head.insert("etag", "\"1\"");
        let _ = head.insert("x-frame-options", "DENY");
        status(500, full("a"))
    }),
    ("an insert with blanks", |head| {
        let _ = head.insert("x-a", HeaderValue::from_bytes(b" 1 ").unwrap());
        Response::new(full("a"))
    }),
    ("a refused write beside another", |head| {
        let _ = head.insert("content-length", "7");
        written(head, "x-a", full("a"))
    }),
    ("a flush", |head| {
        head.flush();
        Response::new(chunks(&["a", "b"]))
    }),
    ("a hook", |head| {
        let _ = head.before_commit(|draft| {
            let _ = draft.insert("x-a", "hook");
        });
        Response::new(full("a"))
    }),
    ("a promise", |head| {
        let _ = head.promise("x-sum");
        Response::new(chunks(&["a", "b"]))
    }),
    ("a look at the stage", |head| {
        assert!(!head.wrote_header());
        Response::new(full("a"))
    }),
];

fn written(head: &Head, name: &'static str, body: Body) -> Response<Body> {
    let _ = head.insert(name, "written");
    Response::new(body)
}

/// What came over HTTP/1.1, HTTP/1.0 and HTTP/2, for `GET` and `HEAD`; twice, since each thread uses again what it has.
async fn sent(layer: LetterheadLayer, case: fn(&Head) -> Response<Body>) -> Vec<String> {
    let server = serve_layer(layer, move |_, head| {
        let response = case(&head);
        async move { response }
    })
    .await;
    let mut all = Vec::new();
    for _ in 0..2 {
        for request in [
            "GET / HTTP/1.1\r\nte: trailers",
            "GET / HTTP/1.1",
            "HEAD / HTTP/1.1",
            "GET / HTTP/1.0",
        ] {
            let mut raw = Raw::connect(&server).await;
            raw.send(format!("{request}\r\nhost: test\r\nconnection: close\r\n\r\n")).await;
            // There is no head where a body that is not held fails at once.
            let sent = raw.rest().await;
            let lines: Vec<&str> =
                sent.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
            all.push(format!("{request}: {lines:?}"));
        }
        for method in [Method::GET, Method::HEAD] {
            let mut answer = H2::connect(&server).await.request(method, "/").await;
            // What a client reads of a stream that is reset depends on when it reads.
            if let Some(broken) = answer.as_mut().ok().filter(|answer| answer.reset.is_some()) {
                broken.body.clear();
            }
            all.push(format!("h2: {answer:?}"));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_short_way_sends_what_the_long_one_sends() {
    let mut compared = 0;
    for (name, case) in BODIES.iter().chain(HEADS).chain(WRITES) {
        for hold in [Hold::first_frame(), Hold::up_to(16), Hold::none()] {
            let layer = || LetterheadLayer::new().hold(hold);
            let short = sent(layer(), *case).await;
            let long = sent(layer().on_end(|_| ()), *case).await;
            assert_eq!(short, long, "{name}, {hold:?}");
            compared += short.len();
        }
    }
    figures(
        "unobserved",
        &format!("{compared} responses that nobody observed: as those with a receipt\n"),
    );
}
