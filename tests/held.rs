//! The hold without a wire: deadlines on a clock of our own, replay without a copy, no runtime.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use letterhead::{Head, Hold, LetterheadLayer, Note};
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _, service_fn};

/// What a body does at one poll.
#[derive(Clone)]
enum Step {
    Data(Bytes),
    Pending,
    /// Ready and empty, for ever.
    Empties,
}

/// A body that takes one step for each poll and tells the length that it was given.
struct Steps {
    steps: Vec<Step>,
    /// The length, if it is known.
    exact: Option<u64>,
}

impl Body for Steps {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.steps.first().cloned() {
            None => Poll::Ready(None),
            Some(Step::Empties) => Poll::Ready(Some(Ok(Frame::data(Bytes::new())))),
            Some(Step::Pending) => Poll::Pending,
            Some(Step::Data(data)) => {
                self.steps.remove(0);
                self.exact = self.exact.map(|exact| exact - data.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.exact.is_some()
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn steps(steps: impl Into<Vec<Step>>) -> Steps {
    Steps { steps: steps.into(), exact: None }
}

fn request() -> Request<()> {
    Request::new(())
}

async fn answer<B>(layer: &LetterheadLayer, body: B) -> Response<letterhead::ResponseBody<B>>
where
    B: Body<Data = Bytes, Error = Infallible> + Unpin + 'static,
{
    let body = Arc::new(Mutex::new(Some(body)));
    let service = service_fn(move |_: Request<()>| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    layer.layer(service).oneshot(request()).await.unwrap()
}

/// The head of a body that has nothing to say comes after exactly this time.
async fn check_deadline(hold: Hold, body: Vec<Step>, expected: Duration) {
    let layer = LetterheadLayer::new().hold(hold);
    let start = Instant::now();
    answer(&layer, steps(body)).await;
    // tokio's timer has a grain of one millisecond.
    let took = start.elapsed();
    assert!(took >= expected && took <= expected + Duration::from_millis(2), "{hold:?}: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_head_goes_out_at_the_deadline() {
    let (short, long) = (Duration::from_millis(7), Duration::from_secs(9));
    check_deadline(Hold::first_frame(), vec![Step::Pending], Hold::DEADLINE).await;
    check_deadline(Hold::first_frame().deadline(short), vec![Step::Pending], short).await;
    let some = vec![Step::Data(Bytes::from_static(b"x")), Step::Pending];
    check_deadline(Hold::up_to(10).deadline(long), some.clone(), long).await;
    check_deadline(Hold::first_frame().deadline(long), some.clone(), Duration::ZERO).await;
    check_deadline(Hold::none().deadline(long), vec![Step::Pending], Duration::ZERO).await;
    check_deadline(
        Hold::first_frame().deadline(Duration::ZERO),
        vec![Step::Pending],
        Duration::ZERO,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_handler_took_does_not_count() {
    let service = service_fn(|_: Request<()>| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, Infallible>(Response::new(steps([Step::Pending])))
    });
    let start = Instant::now();
    LetterheadLayer::new().layer(service).oneshot(request()).await.unwrap();
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1) + Hold::DEADLINE, "{took:?}");
}

#[tokio::test]
async fn endless_empty_frames_do_not_keep_the_task() {
    let layer = LetterheadLayer::new().hold(Hold::first_frame().deadline(Duration::from_millis(5)));
    let response = answer(&layer, steps([Step::Empties]));
    tokio::time::timeout(Duration::from_secs(20), response).await.expect("the deadline");
}

#[tokio::test]
async fn held_frames_are_handed_on_as_they_are() {
    let frames =
        [Bytes::from(vec![b'a'; 64]), Bytes::from(vec![b'b'; 64]), Bytes::from(vec![b'c'; 64])];
    for hold in [Hold::none(), Hold::first_frame(), Hold::up_to(128), Hold::up_to(4096)] {
        let layer = LetterheadLayer::new().hold(hold);
        let body = steps(frames.clone().map(Step::Data));
        let mut body = answer(&layer, body).await.into_body();
        for frame in &frames {
            let handed = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(handed.as_ptr(), frame.as_ptr(), "{hold:?}");
        }
        assert!(body.frame().await.is_none());
        assert!(body.is_end_stream());
    }
}

#[tokio::test]
async fn the_hints_are_true_at_every_step() {
    let two = || [Step::Data(Bytes::from_static(b"abc")), Step::Data(Bytes::from_static(b"de"))];
    // (hold, length known to the body, exact hints before each frame and at the end)
    let cases = [
        (Hold::none(), true, [Some(5), Some(2), Some(0)]),
        (Hold::first_frame(), true, [Some(5), Some(2), Some(0)]),
        (Hold::up_to(99), true, [Some(5), Some(2), Some(0)]),
        (Hold::up_to(99), false, [Some(5), Some(2), Some(0)]),
        (Hold::first_frame(), false, [None, None, Some(0)]),
    ];
    for (hold, known, hints) in cases {
        let mut body = steps(two());
        if known {
            body.exact = Some(5);
        }
        let layer = LetterheadLayer::new().hold(hold);
        let mut body = answer(&layer, body).await.into_body();
        for hint in &hints[..2] {
            assert_eq!(body.size_hint().exact(), *hint, "{hold:?}");
            assert!(!body.is_end_stream());
            assert!(body.frame().await.unwrap().unwrap().is_data());
        }
        assert!(hints[0].is_none() || body.is_end_stream(), "{hold:?}");
        assert!(body.frame().await.is_none());
        assert_eq!(body.size_hint().exact(), hints[2]);
    }
}

#[tokio::test(start_paused = true)]
async fn readers_see_the_planned_head_while_it_is_held() {
    let service = service_fn(|request: Request<()>| async move {
        let head = Head::of(request.extensions()).unwrap();
        assert_eq!(head.get("x-planned"), None);
        let _ = head.append("x-planned", "and waiting");
        tokio::spawn(async move {
            // The task goes to sleep before the deadline of the hold.
            tokio::time::sleep(Hold::DEADLINE / 2).await;
            assert_eq!(head.get_all("x-planned"), ["planned", "and waiting"]);
            assert_eq!(head.status(), Some(http::StatusCode::OK));
            let _ = head.insert("x-seen", "1");
        });
        let mut response = Response::new(steps([Step::Pending]));
        response.headers_mut().insert("x-planned", "planned".parse().unwrap());
        Ok::<_, Infallible>(response)
    });
    let response = LetterheadLayer::new().layer(service).oneshot(request()).await.unwrap();
    assert_eq!(response.headers()["x-seen"], "1");
    assert_eq!(response.headers().get_all("x-planned").iter().count(), 2);
}

/// Wakes nobody: the future has to be ready at its first poll.
struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

/// A response at the first poll, and the notes of its receipt.
fn ready_at_once(layer: &LetterheadLayer) -> Vec<Note> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&notes);
    let service = service_fn(move |request: Request<()>| {
        let seen = Arc::clone(&seen);
        let head = Head::of(request.extensions()).unwrap();
        head.after_end(move |receipt| seen.lock().unwrap().extend(receipt.notes().to_vec()))
            .unwrap();
        async { Ok::<_, Infallible>(Response::new(steps([Step::Pending]))) }
    });
    let mut future = Box::pin(layer.layer(service).oneshot(request()));
    let waker = Waker::from(Arc::new(Nobody));
    let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
    let Poll::Ready(Ok(response)) = polled else { panic!("the head is held without a timer") };
    drop(response);
    let notes = notes.lock().unwrap();
    notes.clone()
}

#[test]
fn without_a_runtime_nothing_is_held_and_that_is_said_once() {
    let layer = LetterheadLayer::new();
    assert_eq!(ready_at_once(&layer), [Note::NoTimer]);
    assert_eq!(ready_at_once(&layer), []);
}

#[test]
fn without_timers_nothing_is_held_and_that_is_said_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let layer = LetterheadLayer::new();
    let _guard = runtime.enter();
    assert_eq!(ready_at_once(&layer), [Note::NoTimer]);
    assert_eq!(ready_at_once(&layer), []);
}
