//! The content of a response: frames that were read and not yet handed on, and the body they are from.

use std::collections::VecDeque;

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, SizeHint};

use crate::caught::{Payload, caught, contained, discard};

/// The content of a response, as far as it is known.
pub(crate) struct Content<B: Body> {
    /// Frames that were read and not yet handed on.
    pub(crate) frames: Frames<B::Data>,
    /// The rest of the body; `None` once it is over or must not be polled again.
    pub(crate) body: Option<B>,
}

/// What the server learns about the length and the end, beyond what the content says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// The exact length, which the head may have, too.
    Exactly,
    /// What the rest of the body says.
    AsItIs,
    /// Nothing of a length: the body has declared one and gone past it.
    NoLength,
    /// Trailers may follow: with a length HTTP/1.1 would not be chunked, and after an end that is
    /// said early nobody would ask for them.
    Trailers,
    /// There is no content, and no length of it is declared: whoever is outside must not add a zero.
    Nothing,
    /// The same, and its end is not declared either until it is asked for.
    NothingYet,
}

impl<B: Body> Content<B> {
    pub(crate) const fn none() -> Self {
        Self { frames: Frames::new(), body: None }
    }

    /// The content of a fresh response.
    pub(crate) const fn of(body: B) -> Self {
        Self { frames: Frames::new(), body: Some(body) }
    }

    /// Asks a fresh body for its exact length and whether it is over. One that panics is given up.
    pub(crate) fn ask(&mut self) -> Result<Option<u64>, Payload> {
        let Some(body) = &self.body else { return Ok(None) };
        let (mut declared, mut over) = (None, false);
        let asked = caught(|| {
            over = body.is_end_stream();
            declared = if over { Some(0) } else { body.size_hint().exact() };
        });
        if over || asked.is_err() {
            self.drop_body();
        }
        asked.map(|()| declared)
    }

    /// Whether the body says that no more data comes.
    pub(crate) fn is_over(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(|body| caught(|| body.is_end_stream()).map_err(discard).unwrap_or_default())
    }

    /// The exact length of everything, if it is known, where the body declared this one before it was polled; asked
    /// before anything was handed on.
    pub(crate) fn exact(&self, declared: Option<u64>) -> Option<u64> {
        match &self.body {
            None => Some(self.frames.bytes()),
            // A body that has given more than it declared has no known length.
            Some(_) => declared.filter(|declared| self.frames.bytes() <= *declared),
        }
    }

    /// Whose word counts for the length, and the length if it is known.
    pub(crate) fn length(&self, declared: Option<u64>) -> (Option<u64>, Says) {
        match self.exact(declared) {
            Some(exact) => (Some(exact), Says::Exactly),
            None if declared.is_some() => (None, Says::NoLength),
            None => (None, Says::AsItIs),
        }
    }

    /// What the rest of the body says about its length.
    pub(crate) fn rest(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), |body| {
            caught(|| body.size_hint()).map_err(discard).unwrap_or_default()
        })
    }

    /// The trailers that the body ended with.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.frames.behind.as_ref()?.trailers.as_ref()
    }

    /// The same, to be changed.
    pub(crate) fn trailers_mut(&mut self) -> Option<&mut HeaderMap> {
        self.frames.behind.as_mut()?.trailers.as_mut()
    }

    /// The same, taken out.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.frames.behind.as_mut()?.trailers.take()
    }

    /// The body ended with trailers.
    pub(crate) fn end_with(&mut self, trailers: HeaderMap) {
        self.frames.behind.get_or_insert_default().trailers = Some(trailers);
        self.drop_body();
    }

    /// Whether there is nothing to hand over.
    pub(crate) fn is_spent(&self) -> bool {
        self.frames.is_empty() && self.body.is_none() && self.trailers().is_none()
    }

    /// Drops the body if it is over.
    pub(crate) fn drop_if_over(&mut self) {
        if self.body.is_some() && self.is_over() {
            self.drop_body();
        }
    }

    /// Drops the body; a panic in its drop is contained.
    pub(crate) fn drop_body(&mut self) {
        if let Some(body) = self.body.take() {
            contained(move || drop(body));
        }
    }

    /// Drops everything; panics in the drop of what is not ours are contained.
    pub(crate) fn clear(&mut self) {
        self.drop_body();
        if !self.frames.is_empty() || self.trailers().is_some() {
            let frames = std::mem::replace(&mut self.frames, Frames::new());
            contained(move || drop(frames));
        }
    }
}

impl<B: Body> Drop for Content<B> {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Data frames in order, and what came behind them; the first frame needs no allocation.
pub(crate) struct Frames<D> {
    first: Option<D>,
    /// Most responses have none of it, and are moved about.
    behind: Option<Box<Behind<D>>>,
}

/// What came behind the first frame.
struct Behind<D> {
    frames: VecDeque<D>,
    /// The bytes in these frames.
    bytes: u64,
    trailers: Option<HeaderMap>,
}

impl<D> Default for Behind<D> {
    fn default() -> Self {
        Self { frames: VecDeque::new(), bytes: 0, trailers: None }
    }
}

impl<D> Frames<D> {
    pub(crate) const fn new() -> Self {
        Self { first: None, behind: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.behind.as_ref().is_none_or(|behind| behind.frames.is_empty())
    }

    /// How many frames there are.
    pub(crate) fn len(&self) -> usize {
        let behind = self.behind.as_ref().map_or(0, |behind| behind.frames.len());
        usize::from(self.first.is_some()) + behind
    }
}

impl<D: Buf> Frames<D> {
    /// The bytes in all frames.
    pub(crate) fn bytes(&self) -> u64 {
        let first = self.first.as_ref().map_or(0, |first| first.remaining() as u64);
        first + self.behind.as_ref().map_or(0, |behind| behind.bytes)
    }

    pub(crate) fn push(&mut self, data: D) {
        if self.is_empty() {
            self.first = Some(data);
            return;
        }
        let behind = self.behind.get_or_insert_default();
        behind.bytes += data.remaining() as u64;
        behind.frames.push_back(data);
    }

    pub(crate) fn pop(&mut self) -> Option<D> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let behind = self.behind.as_mut()?;
        let data = behind.frames.pop_front()?;
        behind.bytes -= data.remaining() as u64;
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn frames_leave_in_the_order_in_which_they_came() {
        let mut frames = Frames::new();
        assert!(frames.is_empty() && frames.pop().is_none());
        for text in ["one", "two", "three"] {
            frames.push(Bytes::from_static(text.as_bytes()));
        }
        assert_eq!(frames.bytes(), 11);
        assert_eq!(frames.pop().as_deref(), Some(&b"one"[..]));
        frames.push(Bytes::from_static(b"four"));
        for text in ["two", "three", "four"] {
            assert_eq!(frames.pop().as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(frames.bytes(), 0);
        assert!(frames.is_empty() && frames.pop().is_none());
    }
}
