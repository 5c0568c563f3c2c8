//! Lengths that a body tells and does not keep to, and ends that nobody may wait for.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use letterhead::{Hold, LetterheadLayer};
use tokio::sync::Notify;

use crate::client::{h1_get, h2_get};
use crate::serve::{Act, Body, BoxError, fields, script, serve_layer};

/// A body that goes on telling this length, whatever it does.
struct Told {
    length: u64,
    body: Body,
}

impl http_body::Body for Told {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[tokio::test]
async fn a_body_that_has_given_more_than_it_told_goes_out_whole() {
    let server = serve_layer(LetterheadLayer::new().hold(Hold::up_to(5)), |_, _| async {
        let pause = Act::Sleep(Duration::from_millis(5));
        let acts = [Act::Data("abc"), Act::Data("de"), pause, Act::Data("f")];
        Response::new(Told { length: 3, body: script(acts) }.boxed_unsync())
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    let chunks = "3\r\nabc\r\n2\r\nde\r\n1\r\nf\r\n0\r\n\r\n";
    assert_eq!((answer.field("content-length"), answer.body.as_str()), (None, chunks));
    assert_eq!(h2_get(&server, "/").await.unwrap().body, "abcdef");
}

#[tokio::test]
async fn trailers_behind_an_empty_body_of_exact_size_arrive_on_h2() {
    for hold in [Hold::first_frame(), Hold::none()] {
        let server = serve_layer(LetterheadLayer::new().hold(hold), |_, _| async {
            let pause = Act::Sleep(Duration::from_millis(5));
            let acts = [pause, Act::Trailers(fields(&[("grpc-status", "5")]))];
            let mut response = Response::new(Told { length: 0, body: script(acts) }.boxed_unsync());
            let kind = HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", kind);
            response
        })
        .await;
        let answer = h2_get(&server, "/").await.unwrap();
        assert_eq!(answer.trailers.unwrap()["grpc-status"], "5", "{hold:?}");
    }
}

#[tokio::test]
async fn what_must_not_be_held_does_not_wait_at_its_end_either() {
    // The layer's deadline is an hour away; the test would not see it.
    let layer =
        LetterheadLayer::new().hold(Hold::first_frame().deadline(Duration::from_secs(3600)));
    let server = serve_layer(layer, |request, head| async move {
        let acts = [Act::Data("123"), Act::Wait(Arc::new(Notify::new()))];
        let mut response = Response::new(script(acts));
        response.headers_mut().insert("content-length", HeaderValue::from_static("3"));
        if request.uri().path() == "/flushed" {
            head.flush();
        } else {
            response.extensions_mut().insert(Hold::none());
        }
        response
    })
    .await;
    for path in ["/flushed", "/not-held"] {
        assert_eq!(h1_get(&server, path, "").await.body, "123");
    }
}
