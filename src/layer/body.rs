//! The response body, as the server sees it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::kept::{Kept, Polled};
use crate::caught::contained;
use crate::error::BoxError;

/// The body of a response that went through the layer.
///
/// It replays the frames that were held, as they were, and then hands on the inner body's. Its
/// error is the one that the server is given when a response is broken off.
///
/// # Cancel safety
///
/// Dropping it ends the exchange and delivers the receipt.
pub struct ResponseBody<B: Body> {
    inner: Inner<B>,
}

enum Inner<B: Body> {
    /// Of a layer inside another one: nothing is done here.
    Nested(B),
    Kept(Kept<B>),
    /// All of the content, in one frame, of an unobserved response.
    Whole(Only<B::Data>),
}

/// The only frame, until it is handed over. A panic in its drop is contained, as that of every frame here.
struct Only<D>(Option<D>);

impl<D> Drop for Only<D> {
    fn drop(&mut self) {
        if let Some(data) = self.0.take() {
            contained(move || drop(data));
        }
    }
}

impl<B: Body> ResponseBody<B> {
    pub(crate) const fn nested(body: B) -> Self {
        Self { inner: Inner::Nested(body) }
    }

    pub(crate) const fn kept(kept: Kept<B>) -> Self {
        Self { inner: Inner::Kept(kept) }
    }

    pub(crate) const fn whole(data: Option<B::Data>) -> Self {
        Self { inner: Inner::Whole(Only(data)) }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body + Unpin,
    B::Data: From<Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled<Self::Data> {
        match &mut self.get_mut().inner {
            Inner::Nested(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| frame.map(|f| f.map_err(Into::into)))
            }
            Inner::Kept(kept) => kept.poll_frame(cx),
            Inner::Whole(Only(data)) => Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Nested(body) => body.is_end_stream(),
            Inner::Kept(kept) => kept.is_over(),
            Inner::Whole(Only(data)) => data.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Nested(body) => body.size_hint(),
            Inner::Kept(kept) => kept.size_hint(),
            Inner::Whole(Only(data)) => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.remaining() as u64))
            }
        }
    }
}

/// Neither held frames nor the inner body are ever pinned in place.
impl<B: Body + Unpin> Unpin for ResponseBody<B> {}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ResponseBody");
        if let Inner::Kept(kept) = &self.inner {
            kept.describe(&mut debug);
        }
        debug.finish_non_exhaustive()
    }
}
