//! The protocols of remote calls over HTTP: which one a head speaks.

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};

/// In which protocol a client reads the response, as far as a failure goes.
///
/// # Examples
///
/// ```
/// use letterhead::{ErrorAnswer, Failure, LetterheadLayer, Protocol, Recover, StandardRecover};
/// use http::StatusCode;
///
/// // A page for people; calls get what the standard recoverer says.
/// let layer = LetterheadLayer::new().recover(|failure: &Failure<'_>| match failure.protocol() {
///     Protocol::Http => ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR)
///         .content("text/html".parse().unwrap(), "<h1>Sorry</h1>"),
///     _ => StandardRecover.recover(failure),
/// });
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Plain HTTP: a failure is a status.
    Http,
    /// [gRPC](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): a failure is the
    /// field `grpc-status`, and the HTTP status is 200.
    Grpc,
    /// [gRPC-Web](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md), as bytes or as
    /// text: the same.
    GrpcWeb,
    /// A unary call of [Connect](https://connectrpc.com/docs/protocol): a failure is a status, and
    /// JSON that names the code.
    Connect,
    /// A streaming call of Connect: a failure is the last message of the stream, and the HTTP
    /// status is 200.
    ConnectStream,
}

/// What the content type of a call says: the protocol, and how its messages are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rpc {
    family: Family,
    codec: Codec,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Grpc,
    GrpcWeb,
    GrpcWebText,
    Connect,
    ConnectStream,
}

/// The ending of the content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    /// None, or one that is not known here.
    Bare,
    Proto,
    Json,
}

/// The parameter of a unary call of Connect by `GET`.
const CONNECT_V1: &str = "connect=v1";

const CONNECT_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");

impl Rpc {
    /// What a request asks for; `None` for plain HTTP.
    #[inline]
    pub(crate) fn of_request<B>(request: &Request<B>) -> Option<Self> {
        match *request.method() {
            Method::GET => {
                let query = request.uri().query()?;
                if query.contains(CONNECT_V1) { Self::of_query(query) } else { None }
            }
            Method::POST => Self::of_posted(request.headers()),
            _ => None,
        }
    }

    /// A unary call of Connect without side effects is a `GET` with its parameters in the query.
    #[cold]
    fn of_query(query: &str) -> Option<Self> {
        let connect = query.split('&').any(|parameter| parameter == CONNECT_V1);
        connect.then_some(Self { family: Family::Connect, codec: Codec::Bare })
    }

    fn of_posted(fields: &HeaderMap) -> Option<Self> {
        let kind = fields.get(CONTENT_TYPE)?.as_bytes();
        if !starts_with(kind, b"application/") {
            return None;
        }
        Self::of_type(kind).or_else(|| {
            // The type of a unary call of Connect is that of its only message.
            let connect = fields.get(CONNECT_VERSION).is_some_and(|version| version == "1");
            connect.then_some(Self { family: Family::Connect, codec: Codec::Bare })
        })
    }

    /// What the fields of a response say; `None` if they say nothing of a call.
    pub(crate) fn of_response(fields: &HeaderMap) -> Option<Self> {
        Self::of_type(fields.get(CONTENT_TYPE)?.as_bytes())
    }

    fn of_type(kind: &[u8]) -> Option<Self> {
        const FAMILIES: [(Family, &[u8]); 4] = [
            (Family::GrpcWebText, b"application/grpc-web-text"),
            (Family::GrpcWeb, b"application/grpc-web"),
            (Family::Grpc, b"application/grpc"),
            (Family::ConnectStream, b"application/connect"),
        ];
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let (family, name) = FAMILIES.into_iter().find(|(_, name)| starts_with(kind, name))?;
        let codec = match kind.get(name.len()..).unwrap_or_default() {
            // `application/connect` alone names no codec, and is no type of Connect.
            b"" if family == Family::ConnectStream => return None,
            b"" => Codec::Bare,
            ending if ending.eq_ignore_ascii_case(b"+proto") => Codec::Proto,
            ending if ending.eq_ignore_ascii_case(b"+json") => Codec::Json,
            [b'+', ..] => Codec::Bare,
            _ => return None,
        };
        Some(Self { family, codec })
    }

    pub(crate) const fn protocol(self) -> Protocol {
        match self.family {
            Family::Grpc => Protocol::Grpc,
            Family::GrpcWeb | Family::GrpcWebText => Protocol::GrpcWeb,
            Family::Connect => Protocol::Connect,
            Family::ConnectStream => Protocol::ConnectStream,
        }
    }

    /// The type of an answer that says that the call failed. Where the codec is not known, the type
    /// of `planned` is, if that is a response of this protocol.
    pub(crate) fn answer_type(self, planned: &HeaderMap) -> HeaderValue {
        let own = planned.get(CONTENT_TYPE).filter(|kind| {
            self.family != Family::Connect && Self::of_type(kind.as_bytes()) == Some(self)
        });
        own.cloned().unwrap_or_else(|| HeaderValue::from_static(self.static_type()))
    }

    const fn static_type(self) -> &'static str {
        match (self.family, self.codec) {
            (Family::Grpc, Codec::Bare) => "application/grpc",
            (Family::Grpc, Codec::Proto) => "application/grpc+proto",
            (Family::Grpc, Codec::Json) => "application/grpc+json",
            (Family::GrpcWeb, Codec::Bare) => "application/grpc-web",
            (Family::GrpcWeb, Codec::Proto) => "application/grpc-web+proto",
            (Family::GrpcWeb, Codec::Json) => "application/grpc-web+json",
            (Family::GrpcWebText, Codec::Bare) => "application/grpc-web-text",
            (Family::GrpcWebText, Codec::Proto) => "application/grpc-web-text+proto",
            (Family::GrpcWebText, Codec::Json) => "application/grpc-web-text+json",
            (Family::Connect, _) => "application/json",
            (Family::ConnectStream, Codec::Proto) => "application/connect+proto",
            (Family::ConnectStream, Codec::Bare | Codec::Json) => "application/connect+json",
        }
    }
}

fn starts_with(kind: &[u8], prefix: &[u8]) -> bool {
    kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<Rpc> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        Rpc::of_request(&request.body(()).expect("a request"))
    }

    #[test]
    fn a_post_says_by_its_content_type_what_it_is() {
        for (kind, protocol, answer) in [
            ("application/grpc", Protocol::Grpc, "application/grpc"),
            ("Application/gRPC+Proto", Protocol::Grpc, "application/grpc+proto"),
            ("application/grpc+json; charset=utf-8", Protocol::Grpc, "application/grpc+json"),
            ("application/grpc+thrift", Protocol::Grpc, "application/grpc"),
            ("application/grpc-web", Protocol::GrpcWeb, "application/grpc-web"),
            ("application/grpc-web+proto", Protocol::GrpcWeb, "application/grpc-web+proto"),
            ("application/grpc-web-text", Protocol::GrpcWeb, "application/grpc-web-text"),
            (
                "application/grpc-web-text+proto",
                Protocol::GrpcWeb,
                "application/grpc-web-text+proto",
            ),
            ("application/connect+proto", Protocol::ConnectStream, "application/connect+proto"),
            ("application/connect+json", Protocol::ConnectStream, "application/connect+json"),
        ] {
            let rpc = asked("POST", "/s/m", &[("content-type", kind)]).expect(kind);
            assert_eq!(rpc.protocol(), protocol, "{kind}");
            assert_eq!(rpc.answer_type(&HeaderMap::new()), answer, "{kind}");
            // On another method it is no call.
            for method in ["GET", "HEAD", "PUT"] {
                assert_eq!(asked(method, "/s/m", &[("content-type", kind)]), None, "{kind}");
            }
        }
        for kind in [
            "application/json",
            "application/grpcx",
            "application/connect",
            "application/connected+json",
            "text/plain",
            "",
        ] {
            assert_eq!(asked("POST", "/s/m", &[("content-type", kind)]), None, "{kind}");
        }
        assert_eq!(asked("POST", "/s/m", &[]), None);
    }

    #[test]
    fn a_unary_call_of_connect_has_its_version_in_a_field_or_in_the_query() {
        let version = ("connect-protocol-version", "1");
        for (method, uri, fields) in [
            ("POST", "/s/m", &[("content-type", "application/json"), version][..]),
            ("POST", "/s/m", &[("content-type", "application/proto"), version]),
            ("GET", "/s/m?message=%7B%7D&encoding=json&connect=v1", &[]),
        ] {
            let rpc = asked(method, uri, fields).expect(uri);
            assert_eq!(rpc.protocol(), Protocol::Connect);
            assert_eq!(rpc.answer_type(&HeaderMap::new()), "application/json");
        }
        for (method, uri, fields) in [
            ("POST", "/s/m", &[("content-type", "text/plain"), version][..]),
            ("POST", "/s/m", &[("content-type", "application/json")]),
            (
                "POST",
                "/s/m",
                &[("content-type", "application/json"), ("connect-protocol-version", "2")],
            ),
            ("GET", "/s/m", &[version]),
            ("GET", "/s/m?connect=v2", &[]),
            ("POST", "/s/m?connect=v1", &[]),
        ] {
            assert_eq!(asked(method, uri, fields), None, "{method} {uri} {fields:?}");
        }
    }

    #[test]
    fn a_planned_type_is_kept_as_it_is() {
        let mut planned = HeaderMap::new();
        planned.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc+thrift"));
        let rpc = Rpc::of_response(&planned).expect("a call");
        assert_eq!(rpc.answer_type(&planned), "application/grpc+thrift");
        planned.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        assert_eq!(rpc.answer_type(&planned), "application/grpc");
        assert_eq!(Rpc::of_response(&planned), None);
        assert_eq!(Rpc::of_response(&HeaderMap::new()), None);
    }
}
