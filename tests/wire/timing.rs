//! `Server-Timing`: what the layer measures and what the application marks, in the head and in trailers.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use letterhead::{Head, LetterheadLayer, Placed, Refusal, Rules};
use tokio::time::sleep;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::client::{h1_get, h2_get};
use crate::serve::{Act, collected, script, serve_layer};

fn lines(fields: &HeaderMap) -> Vec<&str> {
    fields.get_all("server-timing").iter().map(|value| value.to_str().unwrap()).collect()
}

/// A body that waits before each of its chunks, and does something in between.
fn slow(
    head: Head,
    late: impl FnOnce(&Head) + Send + 'static,
) -> impl http_body::Body<Data = Bytes, Error = Infallible> + Unpin + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        sleep(Duration::from_millis(30)).await;
        let chunk = |text| Ok::<_, Infallible>(Frame::data(Bytes::from_static(text)));
        sender.send(chunk(b"one")).await.unwrap();
        sleep(Duration::from_millis(500)).await;
        late(&head);
        sender.send(chunk(b"two")).await.unwrap();
    });
    StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(receiver))
}

/// What a response with the times of this layer has in its head and its trailers; time stands still but where it is waited for.
async fn ask<B>(
    layer: LetterheadLayer,
    handler: impl AsyncFnOnce(Head) -> Response<B> + Clone,
) -> (HeaderMap, Option<HeaderMap>)
where
    B: http_body::Body<Data = Bytes, Error = Infallible> + Unpin,
{
    let app = layer.layer(service_fn(move |request: Request<()>| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(handler(Head::of(request.extensions()).unwrap()).await) }
    }));
    let mut request = Request::new(());
    *request.version_mut() = http::Version::HTTP_2;
    let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    (parts.headers, body.trailers().cloned())
}

fn timed() -> LetterheadLayer {
    LetterheadLayer::new().server_timing(true)
}

#[tokio::test(start_paused = true)]
async fn the_head_says_how_long_it_took_to_get_there() {
    let (fields, trailers) = ask(timed(), async |head: Head| {
        sleep(Duration::from_millis(20)).await;
        Response::new(slow(head, |_| {}))
    })
    .await;
    assert_eq!(lines(&fields), ["handler;dur=20, hold;dur=30"]);
    assert!(trailers.is_none());
    // Off, nothing is measured.
    let (fields, _) = ask(LetterheadLayer::new(), async |head: Head| {
        assert_eq!(head.timing("db").end(), None);
        drop(head.timing("db"));
        Response::new(slow(head, |_| {}))
    })
    .await;
    assert!(lines(&fields).is_empty());
}

#[tokio::test(start_paused = true)]
async fn hooks_are_measured_and_times_stand_behind_what_the_application_says() {
    let (layer, mut receipts) = collected(timed().rules(Rules::standard()));
    let (fields, _) = ask(layer, async |head: Head| {
        let cache = head.timing("cache");
        sleep(Duration::from_micros(1500)).await;
        assert_eq!(cache.end(), Some(Placed::Head));
        head.before_commit(|_| ()).unwrap();
        let mut response = Response::new(slow(head, |_| {}));
        response.headers_mut().insert("server-timing", "app;dur=1".parse().unwrap());
        response
    })
    .await;
    let lines = lines(&fields);
    // Tokio's timers have a resolution of a millisecond.
    assert_eq!(lines[..2], ["app;dur=1", "cache;dur=2"]);
    assert_eq!(lines[2], "handler;dur=2, hold;dur=30, hooks;dur=0");
    let seen = receipts.next().await;
    assert!(!seen.line.contains("conflict"), "{}", seen.line);
}

#[tokio::test(start_paused = true)]
async fn trailers_have_the_rest_where_they_are_promised() {
    let (layer, mut receipts) = collected(timed());
    let (fields, trailers) = ask(layer, async |head: Head| {
        assert_eq!(head.promise("server-timing"), Placed::Trailers);
        let render = head.timing("render");
        Response::new(slow(head, move |_| {
            assert_eq!(render.end(), Some(Placed::Trailers));
        }))
    })
    .await;
    assert_eq!(lines(&fields), ["handler;dur=0, hold;dur=30"]);
    assert_eq!(fields["trailer"], "server-timing");
    assert_eq!(lines(&trailers.unwrap()), ["render;dur=530", "body;dur=500, total;dur=530"]);
    let seen = receipts.next().await;
    assert!(seen.line.contains("append server-timing by the letterhead layer"), "{}", seen.line);
}

#[tokio::test(start_paused = true)]
async fn a_late_mark_without_a_promise_and_a_name_that_is_none_are_refused() {
    let (layer, mut receipts) = collected(timed());
    let (fields, trailers) = ask(layer, async |head: Head| {
        let odd = head.timing("two words").end();
        assert_eq!(odd, Some(Placed::Refused(Refusal::InvalidValue)));
        Response::new(slow(head, |head| {
            let late = head.timing("late").end();
            assert_eq!(late, Some(Placed::Refused(Refusal::NotDeclared)));
        }))
    })
    .await;
    assert_eq!(lines(&fields), ["handler;dur=0, hold;dur=30"]);
    assert!(trailers.is_none());
    let seen = receipts.next().await;
    for refusal in [Refusal::InvalidValue, Refusal::NotDeclared] {
        let says = format!("refused: {refusal}");
        assert!(seen.writes.iter().any(|write| write.ends_with(&says)), "{}", seen.line);
    }
}

#[tokio::test]
async fn times_are_on_the_wire_of_both_protocols() {
    let server = serve_layer(timed(), |_, head: Head| async move {
        let _ = head.promise("server-timing");
        let db = head.timing("db");
        drop(db);
        Response::new(script([Act::Data("one"), Act::Data("two")]))
    })
    .await;
    let is_metric = |text: &str| {
        let (name, time) = text.split_once(";dur=").unwrap_or_else(|| panic!("{text}"));
        assert!(time.parse::<f64>().is_ok_and(|time| (0.0..60_000.0).contains(&time)), "{text}");
        name.to_owned()
    };
    let names = |lines: Vec<&str>| -> Vec<String> {
        lines.iter().flat_map(|line| line.split(", ")).map(is_metric).collect()
    };
    let answer = h1_get(&server, "/", "te: trailers\r\n").await;
    let prefix = "server-timing: ";
    let head = answer.head.lines().filter_map(|line| line.strip_prefix(prefix)).collect();
    assert_eq!(names(head), ["db", "handler", "hold"]);
    let behind = answer.body.lines().filter_map(|line| line.strip_prefix(prefix)).collect();
    assert_eq!(names(behind), ["body", "total"], "{}", answer.body);
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(names(lines(&answer.trailers.unwrap())), ["body", "total"]);
}

#[tokio::test]
async fn an_error_answer_has_times_too() {
    let server = serve_layer(timed(), |_, head: Head| async move {
        drop(head.timing("db"));
        assert!(head.status().is_some(), "as it is meant");
        Response::new(script([Act::Data("one")]))
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert!(answer.head.starts_with("HTTP/1.1 500"), "{}", answer.head);
    assert!(answer.head.contains("\r\nserver-timing: db;dur="), "{}", answer.head);
    assert!(answer.head.contains("\r\nserver-timing: handler;dur="), "{}", answer.head);
    assert!(!answer.head.contains("hold;dur="), "{}", answer.head);
}
