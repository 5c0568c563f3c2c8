//! What a receipt knows of the request beside its method and target.

use http::Extensions;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::Scheme;

use super::{Peer, Span, Times};
use crate::field::trace_parent::TraceParent;
use crate::ledger::Secrecy;

/// The field that names an exchange.
static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The field that names a trace.
static TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest id of a request that is taken for one.
const MOST_OF_ID: usize = 256;

/// What is kept of a request for its receipt.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) peer: Option<Peer>,
    /// It came through TLS, as far as that is known.
    pub(crate) secure: bool,
    pub(crate) request_id: Option<Box<str>>,
    pub(crate) trace: Option<TraceParent>,
    pub(crate) times: Option<Times>,
    pub(crate) span: Option<Span>,
}

impl RequestFacts {
    /// What the request says; `None` if it says nothing of this.
    pub(crate) fn of(
        scheme: Option<&Scheme>,
        fields: &HeaderMap,
        extensions: &Extensions,
        secrets: &[HeaderName],
    ) -> Option<Box<Self>> {
        let peer = extensions.get::<Peer>().copied();
        let secure = scheme == Some(&Scheme::HTTPS) || peer.is_some_and(|peer| peer.secure);
        // Two lookups by hash cost more than a look at the names of most requests.
        let (mut id, mut trace, mut traces) = (None, None, 0);
        for (name, value) in fields {
            match name.as_str().len() {
                12 if id.is_none() && *name == REQUEST_ID => id = Some(value),
                11 if *name == TRACE_PARENT => (trace, traces) = (Some(value), traces + 1),
                _ => {}
            }
        }
        let id = id.filter(|_| !secrets.contains(&REQUEST_ID));
        let request_id = id.and_then(shown_id).map(Into::into);
        // Of two it is not known which one holds.
        let trace = trace.filter(|_| traces == 1);
        let trace = trace.and_then(|value| TraceParent::parse(value.as_bytes()));
        let is_any = secure || peer.is_some() || request_id.is_some() || trace.is_some();
        is_any.then(|| Box::new(Self { peer, secure, request_id, trace, ..Self::default() }))
    }

    /// A copy for a place where it stays: a span is open as long as there is a copy of it.
    #[allow(dead_code, reason = "the inspector alone keeps receipts")]
    pub(crate) fn without_span(&self) -> Self {
        let Self { peer, secure, request_id, trace, times, span: _ } = self;
        let (request_id, span) = (request_id.clone(), None);
        Self { peer: *peer, secure: *secure, request_id, trace: *trace, times: *times, span }
    }
}

/// The id that a head says itself.
pub(crate) fn id_of<'a>(
    fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>,
    secrecy: impl Fn(&HeaderName) -> Secrecy,
) -> Option<&'a str> {
    let mut ids = fields.filter(|(name, _)| **name == REQUEST_ID);
    let (name, value) = ids.next()?;
    if secrecy(name) == Secrecy::Open { shown_id(value) } else { None }
}

/// A value as an id: not empty, not long, visible ASCII alone.
fn shown_id(value: &HeaderValue) -> Option<&str> {
    if value.is_sensitive() || value.is_empty() || value.len() > MOST_OF_ID {
        return None;
    }
    let text = value.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &[u8], expected: Option<&str>) {
        let mut fields = HeaderMap::new();
        fields.insert(&REQUEST_ID, HeaderValue::from_bytes(value).expect("legal"));
        let facts = RequestFacts::of(None, &fields, &Extensions::new(), &[]);
        let of_request = facts.and_then(|facts| facts.request_id);
        assert_eq!(of_request.as_deref(), expected);
        assert_eq!(id_of(fields.iter(), |_| Secrecy::Open), expected);
        let secrets = [REQUEST_ID.clone()];
        assert!(RequestFacts::of(None, &fields, &Extensions::new(), &secrets).is_none());
        assert_eq!(id_of(fields.iter(), |_| Secrecy::Secret), None);
    }

    #[test]
    fn an_id_is_short_and_visible() {
        check(b"a1b2-{x}", Some("a1b2-{x}"));
        check(b"", None);
        check(b"two words", None);
        check(b"tab\tbed", None);
        check(b"caf\xe9", None);
        check(&[b'x'; MOST_OF_ID], Some(&"x".repeat(MOST_OF_ID)));
        check(&[b'x'; MOST_OF_ID + 1], None);
    }

    #[test]
    fn of_two_traces_none_is_taken() {
        let mut fields = HeaderMap::new();
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        fields.insert("traceparent", HeaderValue::from_static(trace));
        let of = |fields: &HeaderMap| RequestFacts::of(None, fields, &Extensions::new(), &[]);
        assert!(of(&fields).is_some_and(|facts| facts.trace.is_some()));
        fields.append("traceparent", HeaderValue::from_static(trace));
        assert!(of(&fields).is_none());
    }
}
