//! What the pages are sent as: one piece, or rows as exchanges end.

use std::convert::Infallible;
use std::fmt::{self, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::filter::Filter;
use super::html::put;
use super::kept::Kept;
use super::list::row;
use super::ring::Ring;
use super::viewers::{MOST_WAITING, News, Rendered, Row, Viewer};
use crate::sys::timer::{self, Timers};

/// After so long without an exchange a comment is sent: only so does the server see that a client has gone.
const BEAT: Duration = Duration::from_secs(15);

static TIMERS: Timers = Timers::new();

/// The content of an inspector's page; a server sends it as it is.
pub struct InspectorBody(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Events(Box<Events>),
    Over,
}

/// A list as it grows, as server-sent events (HTML, section 9.2).
pub(super) struct Events {
    ring: Arc<Ring>,
    viewer: Arc<Viewer>,
    filter: Filter,
    base: String,
    /// What was missed, up to this exchange.
    start: Option<Bytes>,
    until: u64,
    /// When a word is due although there is nothing to say.
    beat: Option<Pin<Box<Sleep>>>,
}

impl InspectorBody {
    pub(super) fn whole(content: impl Into<Bytes>) -> Self {
        Self(Inner::Whole(Some(content.into()).filter(|content: &Bytes| !content.is_empty())))
    }

    /// `after` is the last exchange that the viewer knows.
    pub(super) fn events(
        ring: Arc<Ring>,
        filter: Filter,
        base: String,
        after: Option<u64>,
    ) -> Self {
        // First it joins, then it is looked at what was missed: so nothing is between them.
        let viewer = ring.viewers.join();
        let mut missed = ring.all();
        missed.truncate(after.map_or(0, |_| MOST_WAITING));
        let until = missed.first().map_or(0, |kept| kept.id);
        let (start, beat) = (None, None);
        let mut events = Events { ring, viewer, filter, base, start, until, beat };
        let mut start = String::from("retry: 1000\n\n");
        let missed = missed.iter().rev().filter(|kept| after.is_some_and(|after| kept.id > after));
        for kept in missed.filter(|kept| events.filter.takes(kept)) {
            write_event(&mut start, &events.base, kept);
        }
        events.start = Some(start.into());
        Self(Inner::Events(Box::new(events)))
    }
}

impl Events {
    /// The event of an exchange, if it is asked for and still there. The first viewer renders it for all.
    fn event(&self, row: &Row) -> Option<Bytes> {
        let is_asked_for = || self.ring.get(row.id).is_some_and(|kept| self.filter.takes(&kept));
        if self.filter.is_set() && !is_asked_for() {
            return None;
        }
        let event = if let Some(event) = row.event.get() {
            event
        } else {
            let event = self.rendered(row.id)?;
            row.event.get_or_init(|| event)
        };
        if *event.base == *self.base {
            return Some(event.event.clone());
        }
        // It came by another path.
        self.rendered(row.id).map(|event| event.event)
    }

    fn rendered(&self, id: u64) -> Option<Rendered> {
        let mut event = String::new();
        write_event(&mut event, &self.base, &*self.ring.get(id)?);
        Some(Rendered { base: self.base.as_str().into(), event: event.into() })
    }

    /// What is next; `None` once the viewer is cut.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(start));
        }
        while let Poll::Ready(news) = self.viewer.poll(cx) {
            let News::Ended(rows) = news else { return Poll::Ready(None) };
            let rows = rows.iter().filter(|row| row.id > self.until);
            let mut events: Vec<Bytes> = rows.filter_map(|row| self.event(row)).collect();
            if events.is_empty() {
                continue;
            }
            self.beat = None;
            // One is sent as it is; several in one frame cost less than a frame for each.
            let one = if events.len() == 1 { events.pop() } else { None };
            return Poll::Ready(Some(one.unwrap_or_else(|| events.concat().into())));
        }
        ready!(self.poll_beat(cx));
        self.beat = None;
        Poll::Ready(Some(Bytes::from_static(b":\n\n")))
    }

    /// Ready when nothing was sent for long. Where there are no timers that is never.
    fn poll_beat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.beat.is_none() {
            self.beat = TIMERS.start(BEAT).map(Box::pin);
        }
        match &mut self.beat {
            Some(beat) => timer::poll(beat.as_mut(), cx),
            None => Poll::Pending,
        }
    }
}

/// One exchange as an event.
fn write_event(text: &mut String, base: &str, kept: &Kept) {
    put!(text, "id: {}\ndata: ", kept.id);
    row(text, base, kept);
    text.push_str("\n\n");
}

impl Body for InspectorBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Inner::Whole(content) => content.take(),
            Inner::Events(events) => ready!(events.poll(cx)),
            Inner::Over => None,
        };
        if next.is_none() {
            self.0 = Inner::Over;
        }
        Poll::Ready(next.map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Inner::Whole(None) | Inner::Over)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(Some(content)) => SizeHint::with_exact(content.len() as u64),
            Inner::Whole(None) | Inner::Over => SizeHint::with_exact(0),
            Inner::Events(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for InspectorBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.0 {
            Inner::Whole(_) => "whole",
            Inner::Events(_) => "events",
            Inner::Over => "over",
        };
        f.debug_tuple("InspectorBody").field(&what).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http::Request;
    use tower::{Layer as _, ServiceExt as _};

    use super::*;
    use crate::inspect::Inspector;
    use crate::report::{Collector, Reporter as _};
    use crate::{LetterheadLayer, Receipt};

    /// The receipt of one response.
    async fn receipt() -> Receipt {
        let seen = Collector::new();
        let app = axum::Router::new().route("/a", axum::routing::get(|| async { "a" }));
        let service = LetterheadLayer::new().reporter(seen.clone()).layer(app);
        let request = Request::get("/a").body(axum::body::Body::empty()).expect("a request");
        drop(service.oneshot(request).await);
        seen.take().remove(0)
    }

    /// The next frame of each viewer.
    fn frames(viewers: &mut [InspectorBody]) -> Vec<Bytes> {
        let mut cx = Context::from_waker(Waker::noop());
        let next = |viewer: &mut InspectorBody| {
            let Poll::Ready(Some(Ok(frame))) = Pin::new(viewer).poll_frame(&mut cx) else {
                panic!("wanted a frame");
            };
            frame.into_data().expect("data")
        };
        viewers.iter_mut().map(next).collect()
    }

    #[tokio::test]
    async fn a_row_is_rendered_once_for_all_viewers() {
        let (inspector, receipt) = (Inspector::new(), receipt().await);
        let open = |base: &str, filter: Filter| {
            InspectorBody::events(inspector.ring(), filter, base.to_owned(), None)
        };
        let by_path = Filter { path: "/a".to_owned(), ..Filter::default() };
        let mut same: Vec<_> = (0..64).map(|_| open("/_head", Filter::default())).collect();
        same.push(open("/_head", by_path));
        let mut other = [open("/other", Filter::default())];
        for viewers in [&mut same[..], &mut other] {
            assert!(frames(viewers).iter().all(|frame| frame == "retry: 1000\n\n"));
        }
        inspector.report(&receipt);
        let events = frames(&mut same);
        let places: std::collections::HashSet<_> =
            events.iter().map(|event| event.as_ptr()).collect();
        assert_eq!((events.len(), places.len()), (65, 1), "events, and how often one was rendered");
        assert!(events[0].starts_with(b"id: 1\ndata: <tr>"), "{:?}", events[0]);
        // A link that leads elsewhere is another text.
        let elsewhere = frames(&mut other);
        let text = String::from_utf8_lossy(&elsewhere[0]).into_owned();
        assert_eq!(text.replace("/other/1", "/_head/1").as_bytes(), events[0]);
        // What waits together comes together.
        inspector.report(&receipt);
        inspector.report(&receipt);
        let events = frames(&mut same[..2]);
        assert_eq!(events[0], events[1]);
        let text = String::from_utf8_lossy(&events[0]);
        assert!(text.starts_with("id: 2\n") && text.contains("\n\nid: 3\n"), "{text}");
    }
}
