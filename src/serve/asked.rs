//! What of a request decides how its response is delimited and sent.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;

/// How the media types of gRPC begin.
const GRPC: &[u8] = b"application/grpc";

/// What of a request decides how its response is delimited and sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    version: Version,
    method: Kind,
    /// The socket sends what hyper writes as it is: there is no TLS between.
    plain: bool,
}

/// The methods whose responses are like no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Head,
    Connect,
    Other,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>, plain: bool) -> Self {
        let method = match *request.method() {
            Method::HEAD => Kind::Head,
            Method::CONNECT => Kind::Connect,
            _ => Kind::Other,
        };
        Self { version: request.version(), method, plain }
    }

    /// The request came on a stream of its own.
    pub(super) fn is_h2(self) -> bool {
        self.version == Version::HTTP_2
    }

    /// The status of a request that no service is asked about: on HTTP/1.1 there is one `Host`, no fewer and no
    /// more (RFC 9112, section 3.2).
    pub(super) fn refused<B>(self, request: &Request<B>) -> Option<StatusCode> {
        if self.version != Version::HTTP_11 {
            return None;
        }
        let fields = request.headers();
        // Most requests have no field twice, which is quicker to see.
        let one = fields.contains_key(HOST)
            && (fields.len() == fields.keys_len() || fields.get_all(HOST).iter().count() == 1);
        (!one).then_some(StatusCode::BAD_REQUEST)
    }

    /// The client waits to be asked for the content (RFC 9110, section 10.1.1).
    pub(super) fn asks_first<B>(self, request: &Request<B>) -> bool {
        self.version == Version::HTTP_11
            && request
                .headers()
                .get(EXPECT)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    }

    /// How long the content may keep its handler waiting: the streams of gRPC for ever.
    pub(super) fn content_time<B>(self, request: &Request<B>, usual: Duration) -> Duration {
        let grpc = |value: &HeaderValue| {
            let value = value.as_bytes();
            value.len() >= GRPC.len() && value[..GRPC.len()].eq_ignore_ascii_case(GRPC)
        };
        let is_grpc = self.is_h2() && request.headers().get(CONTENT_TYPE).is_some_and(grpc);
        if is_grpc { Duration::MAX } else { usual }
    }

    /// What hyper writes goes to the socket as it is.
    pub(super) fn is_direct(self) -> bool {
        self.plain && !self.is_h2()
    }

    /// The stream goes on without a response.
    pub(super) fn is_tunnel(self, status: StatusCode) -> bool {
        self.is_h2() && self.connects(status)
    }

    /// Whether hyper writes the response so that only the close of the connection ends it (RFC 9112,
    /// section 6.3, rule 8): without a length, to a client or from a service that speaks HTTP/1.0.
    pub(super) fn ends_by_closing<B: Body>(self, response: &Response<B>) -> bool {
        let old = self.version < Version::HTTP_11
            || (response.version() == Version::HTTP_10 && !self.is_h2());
        old && self.has_content(response.status())
            && !response.headers().contains_key(CONTENT_LENGTH)
            && !response.body().is_end_stream()
            && response.body().size_hint().exact().is_none()
    }

    fn has_content(self, status: StatusCode) -> bool {
        self.method != Kind::Head
            && !self.connects(status)
            && !status.is_informational()
            && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }

    /// The connection or stream becomes a tunnel.
    pub(super) fn connects(self, status: StatusCode) -> bool {
        self.method == Kind::Connect && status.is_success()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::{Frame, SizeHint};

    use super::*;

    /// A body that says nothing of itself but this: its exact length.
    struct Says(Option<u64>);

    impl Body for Says {
        type Data = bytes::Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<bytes::Bytes>, Infallible>>> {
            Poll::Pending
        }

        fn is_end_stream(&self) -> bool {
            self.0 == Some(0)
        }

        fn size_hint(&self) -> SizeHint {
            self.0.map_or_else(SizeHint::default, SizeHint::with_exact)
        }
    }

    #[test]
    fn only_what_has_content_and_no_length_ends_with_its_connection() {
        let check = |method: &str, asked, answered, status, field: Option<&str>, exact, wanted| {
            let request = Request::builder().method(method).version(asked).body(()).unwrap();
            let mut response = Response::new(Says(exact));
            *response.version_mut() = answered;
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(length) = field {
                response.headers_mut().insert(CONTENT_LENGTH, length.parse().unwrap());
            }
            let found = Asked::of(&request, true).ends_by_closing(&response);
            assert_eq!(
                found, wanted,
                "{method} {asked:?} {answered:?} {status} {field:?} {exact:?}"
            );
        };
        let (old, new, h2) = (Version::HTTP_10, Version::HTTP_11, Version::HTTP_2);
        check("GET", old, new, 200, None, None, true);
        check("POST", old, old, 500, None, None, true);
        // A service that passes on what an old server behind it has said.
        check("GET", new, old, 200, None, None, true);
        check("CONNECT", old, new, 405, None, None, true);
        // Chunks, and frames.
        check("GET", new, new, 200, None, None, false);
        check("GET", h2, h2, 200, None, None, false);
        check("GET", h2, old, 200, None, None, false);
        // A length.
        check("GET", old, new, 200, Some("9"), None, false);
        check("GET", old, new, 200, None, Some(9), false);
        check("GET", old, new, 200, None, Some(0), false);
        // No content.
        check("HEAD", old, new, 200, None, None, false);
        check("GET", old, new, 204, None, None, false);
        check("GET", old, new, 304, None, None, false);
        check("GET", old, new, 101, None, None, false);
        check("CONNECT", old, new, 200, None, None, false);
    }
}
