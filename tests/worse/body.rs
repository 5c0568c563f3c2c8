//! A body that does what a script says, and a handle that writes what a plan says.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame};
use letterhead::{Head, HeadDraft};

use crate::plan::{self, End, How, Written, digit};

/// The body of one response.
pub(crate) struct Script {
    plan: plan::Script,
    head: Option<Head>,
    at: usize,
    paused: bool,
}

impl Script {
    pub(crate) fn new(plan: plan::Script, head: Option<Head>) -> Self {
        Self { plan, head, at: 0, paused: false }
    }

    pub(crate) fn empty() -> Self {
        let (chunks, pauses) = (Vec::new(), Vec::new());
        let whole = plan::Script { chunks, pauses, writes: None, trailers: false, end: End::Whole };
        Self::new(whole, None)
    }

    fn trailers() -> HeaderMap {
        let names = ["x-frame-options", "repr-digest", "x-user", "set-cookie", "vary"];
        let line = |name| (HeaderName::from_static(name), HeaderValue::from_static("trailer-1"));
        names.map(line).into_iter().collect()
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let this = &mut *self;
        if this.plan.pauses.contains(&this.at) && !this.paused {
            this.paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let (Some((at, written)), Some(head)) = (&this.plan.writes, &this.head) {
            if *at == this.at {
                write(head, written, "late");
            }
        }
        (this.paused, this.at) = (false, this.at + 1);
        let chunk = this.at - 1;
        if let Some(length) = this.plan.chunks.get(chunk) {
            let data = Bytes::from(vec![digit(chunk); *length]);
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let is_end = chunk == this.plan.chunks.len();
        match this.plan.end {
            End::Fails if is_end => Poll::Ready(Some(Err(std::io::Error::other("planned")))),
            End::Panics if is_end => std::panic::resume_unwind(Box::new("planned")),
            End::Whole if is_end && this.plan.trailers => {
                Poll::Ready(Some(Ok(Frame::trailers(Self::trailers()))))
            }
            End::Whole | End::Fails | End::Panics => Poll::Ready(None),
        }
    }
}

/// The value that `who` gives a field.
pub(crate) fn value(field: &str, who: &str) -> HeaderValue {
    let text = match field {
        "set-cookie" => format!("{who}=1"),
        "cache-control" if who.len().is_multiple_of(2) => "no-store".to_owned(),
        "cache-control" => "public, max-age=60".to_owned(),
        "server-timing" => format!("{who};dur=1"),
        "link" => format!("</{who}>; rel=preload"),
        _ => who.to_owned(),
    };
    HeaderValue::try_from(text).unwrap()
}

/// Writes through a handle.
pub(crate) fn write(head: &Head, written: &Written, who: &str) {
    let _ = match written {
        Written::Status(status) => head.set_status(StatusCode::from_u16(*status).unwrap()),
        Written::Insisted(status) => {
            head.even_on_error().set_status(StatusCode::from_u16(*status).unwrap())
        }
        Written::Field(How::Insert, field) => head.insert(*field, value(field, who)),
        Written::Field(How::Append, field) => head.append(*field, value(field, who)),
        Written::Field(How::Default, field) => head.set_default(*field, value(field, who)),
        Written::Field(How::Remove, field) => head.remove(*field),
    };
}

/// Writes in a hook.
pub(crate) fn draft(draft: &mut HeadDraft<'_>, written: &Written) {
    let _ = match written {
        Written::Status(status) | Written::Insisted(status) => {
            draft.set_status(StatusCode::from_u16(*status).unwrap())
        }
        Written::Field(How::Insert, field) => draft.insert(*field, value(field, "hook")),
        Written::Field(How::Append, field) => draft.append(*field, value(field, "hook")),
        Written::Field(How::Default, field) => draft.set_default(*field, value(field, "hook")),
        Written::Field(How::Remove, field) => draft.remove(*field),
    };
}
