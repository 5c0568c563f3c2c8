//! How long a head is kept back, and which responses are never kept back.

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};

const MOST: u32 = 1 << 20;

/// How long a response head waits for its body's first word.
///
/// While it waits, late writes still land in it, and a body that fails gets a true status.
/// Whatever is chosen, the head goes out at the latest when the deadline has passed.
///
/// A `Hold` given to [`LetterheadLayer::hold`](crate::LetterheadLayer::hold) is for every
/// response; one in a response's extensions is for that response.
///
/// Responses that live by being sent at once do not wait: event streams, JSON by the line or record
/// (`application/x-ndjson`, `jsonl`, `json-seq`, `stream+json` and their like),
/// `multipart/x-mixed-replace`, gRPC (also -web) and Connect, and whatever says
/// `X-Accel-Buffering: no`. Fields and statuses that were written through [`Head`](crate::Head) count
/// like the response's own. Their body is polled once, so that a first frame that is ready leaves in
/// the same packet, and one that fails has a status. A `Hold` in the response's extensions counts more
/// than its kind: a proxy of event streams may wait for the first event. 101, a successful `CONNECT`
/// and bodies that are already over are never held.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use letterhead::Hold;
///
/// // Small answers are held whole and get a `Content-Length`.
/// let hold = Hold::up_to(16 * 1024).deadline(Duration::from_millis(50));
/// assert_eq!(hold.bytes(), Some(16 * 1024));
///
/// // On one response, in its extensions: do not hold this one.
/// let mut response = http::Response::new(());
/// response.extensions_mut().insert(Hold::none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    until: Until,
    deadline: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Never,
    FirstFrame,
    Bytes(u32),
}

impl Hold {
    /// The most bytes that one response may be held for: 1 MiB.
    pub const MOST_BYTES: u64 = MOST as u64;

    /// How long a head is held if nothing else is said: 100 ms.
    pub const DEADLINE: Duration = Duration::from_millis(100);

    /// No hold: the head goes out as soon as the inner service has answered, as without the
    /// layer. Hooks, framing, trailers and the receipt work as ever.
    #[must_use]
    pub const fn none() -> Self {
        Self { until: Until::Never, deadline: Self::DEADLINE }
    }

    /// Held until the body's first non-empty frame, its end or its failure. The default.
    #[must_use]
    pub const fn first_frame() -> Self {
        Self { until: Until::FirstFrame, deadline: Self::DEADLINE }
    }

    /// Held until `bytes` bytes of content have come, or the body's end or failure.
    ///
    /// At most [`MOST_BYTES`](Self::MOST_BYTES). A frame is never split, so a large one ends the
    /// hold at once; memory is at most concurrency x (`bytes` + one frame). A body that ends
    /// within the hold gets a `Content-Length`, unless trailers follow it.
    #[must_use]
    pub const fn up_to(bytes: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it is smaller than a u32")]
        let bytes = if bytes > Self::MOST_BYTES { MOST } else { bytes as u32 };
        Self { until: Until::Bytes(bytes), deadline: Self::DEADLINE }
    }

    /// The time after which the head goes out whatever the body does, counted from the inner
    /// service's answer.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many bytes are held at most; `None` if it does not go by bytes.
    #[must_use]
    pub const fn bytes(&self) -> Option<u64> {
        match self.until {
            Until::Bytes(bytes) => Some(bytes as u64),
            Until::Never | Until::FirstFrame => None,
        }
    }

    pub(crate) const fn until(&self) -> Until {
        self.until
    }

    pub(crate) const fn time(&self) -> Duration {
        self.deadline
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self::first_frame()
    }
}

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Whether the fields say that this response lives by being sent at once.
pub(crate) fn is_never_held(fields: &HeaderMap) -> bool {
    if fields.get(CONTENT_TYPE).is_some_and(|kind| is_streaming(kind.as_bytes())) {
        return true;
    }
    fields
        .get(X_ACCEL_BUFFERING)
        .is_some_and(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"no"))
}

/// Whether a gRPC client reads this response: its trailers are part of the protocol.
pub(crate) fn is_grpc(fields: &HeaderMap) -> bool {
    fields
        .get(CONTENT_TYPE)
        .is_some_and(|kind| starts_with(essence(kind.as_bytes()), b"application/grpc"))
}

fn is_streaming(kind: &[u8]) -> bool {
    const WHOLE: [&[u8]; 13] = [
        b"text/event-stream",
        b"application/x-ndjson",
        b"application/ndjson",
        b"text/x-ndjson",
        b"application/jsonl",
        b"application/x-jsonl",
        b"application/jsonlines",
        b"application/x-jsonlines",
        b"application/json-lines",
        b"application/json-seq",
        b"application/stream+json",
        b"application/x-json-stream",
        b"multipart/x-mixed-replace",
    ];
    /// Structured syntaxes (RFC 6838, section 4.2.8) of records that follow each other.
    const SUFFIXES: [&[u8]; 3] = [b"+json-seq", b"+ndjson", b"+jsonl"];
    let kind = essence(kind);
    let ends_with = |suffix: &&[u8]| {
        let start = kind.len().saturating_sub(suffix.len());
        kind.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    WHOLE.iter().any(|known| kind.eq_ignore_ascii_case(known))
        || SUFFIXES.iter().any(ends_with)
        || starts_with(kind, b"application/grpc")
        || starts_with(kind, b"application/connect+")
}

/// The media type without its parameters.
fn essence(kind: &[u8]) -> &[u8] {
    kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn starts_with(kind: &[u8], prefix: &[u8]) -> bool {
    kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(name: &'static str, value: &'static str, expected: bool) {
        let mut fields = HeaderMap::new();
        fields.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        assert_eq!(is_never_held(&fields), expected, "{name}: {value}");
    }

    #[test]
    fn the_kinds_that_are_never_held() {
        check("content-type", "text/event-stream", true);
        check("content-type", "Text/Event-Stream; charset=utf-8", true);
        check("content-type", "application/x-ndjson", true);
        check("content-type", "application/json-seq", true);
        check("content-type", "application/geo+json-seq", true);
        check("content-type", "application/jsonl; charset=utf-8", true);
        check("content-type", "application/x-jsonlines", true);
        check("content-type", "application/stream+json", true);
        check("content-type", "application/vnd.of-ours+ndjson", true);
        check("content-type", "+jsonl", true);
        check("content-type", "application/ld+json", false);
        check("content-type", "application/jsonlogic", false);
        check("content-type", "multipart/x-mixed-replace;boundary=x", true);
        check("content-type", "application/grpc", true);
        check("content-type", "application/grpc+proto", true);
        check("content-type", "application/grpc-web-text", true);
        check("content-type", "application/connect+json", true);
        check("x-accel-buffering", "No", true);
        check("x-accel-buffering", "yes", false);
        check("content-type", "text/html", false);
        check("content-type", "application/json", false);
        check("content-type", "", false);
        check("content-type", "text/event-streams", false);
    }

    #[test]
    fn bytes_are_capped() {
        assert_eq!(Hold::up_to(u64::MAX).bytes(), Some(Hold::MOST_BYTES));
        assert_eq!(Hold::default(), Hold::first_frame());
        assert_eq!(Hold::none().bytes(), None);
    }
}
