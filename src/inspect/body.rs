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
use super::list::row;
use super::ring::Ring;
use super::viewers::{MOST_WAITING, News, Viewer};
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
    start: Option<String>,
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
        for kept in missed.iter().rev().filter(|kept| after.is_some_and(|after| kept.id > after)) {
            events.event(&mut start, kept.id);
        }
        events.start = Some(start);
        Self(Inner::Events(Box::new(events)))
    }
}

impl Events {
    /// One exchange, if it is asked for and still there.
    fn event(&self, text: &mut String, id: u64) {
        let Some(kept) = self.ring.get(id).filter(|kept| self.filter.takes(kept)) else { return };
        put!(text, "id: {id}\ndata: ");
        row(text, &self.base, &kept);
        text.push_str("\n\n");
    }

    /// What is next; `None` once the viewer is cut.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        if let Some(start) = self.start.take() {
            return Poll::Ready(Some(start));
        }
        while let Poll::Ready(news) = self.viewer.poll(cx) {
            let News::Ended(ids) = news else { return Poll::Ready(None) };
            let mut text = String::new();
            for id in ids.into_iter().filter(|id| *id > self.until) {
                self.event(&mut text, id);
            }
            if !text.is_empty() {
                self.beat = None;
                return Poll::Ready(Some(text));
            }
        }
        ready!(self.poll_beat(cx));
        self.beat = None;
        Poll::Ready(Some(":\n\n".to_owned()))
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

impl Body for InspectorBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.0 {
            Inner::Whole(content) => content.take(),
            Inner::Events(events) => ready!(events.poll(cx)).map(Bytes::from),
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
