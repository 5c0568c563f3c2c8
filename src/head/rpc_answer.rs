//! An error answer in the form in which a remote call reads it.

use std::fmt::Write as _;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::ErrorAnswer;
use crate::field::json::quoted;
use crate::field::rpc::{Protocol, Rpc};
use crate::field::rpc_code::RpcCode;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The flag of the message that ends a stream of Connect.
const END_STREAM: u8 = 0x02;

impl ErrorAnswer {
    /// The same answer for a call of this kind, in the place of the head `planned`.
    pub(crate) fn for_call(mut self, rpc: Rpc, planned: &HeaderMap) -> Self {
        let code = self.code.unwrap_or_else(|| RpcCode::of_status(self.status));
        match rpc.protocol() {
            Protocol::Http => {}
            Protocol::Grpc | Protocol::GrpcWeb => {
                self.ok(rpc, planned, Bytes::new);
                self.grpc_status(code);
            }
            Protocol::Connect if self.content.is_some() => {}
            Protocol::Connect => {
                self.status = code.http_status();
                self.fields.insert(CONTENT_TYPE, rpc.answer_type(planned));
                self.content = Some(self.connect_error(code).into());
            }
            Protocol::ConnectStream => {
                let error = self.connect_error(code);
                self.ok(rpc, planned, || end_of_stream(&error));
            }
        }
        self
    }

    /// Makes it the answer of a protocol that has its own place for a failure: its status is 200,
    /// and its content this, unless it was given one of the call's type.
    fn ok(&mut self, rpc: Rpc, planned: &HeaderMap, content: impl FnOnce() -> Bytes) {
        self.status = StatusCode::OK;
        // A success may be stored by what it says of itself alone; this is none.
        self.fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let given = Rpc::of_response(&self.fields).map(Rpc::protocol);
        if self.content.is_none() || given != Some(rpc.protocol()) {
            self.fields.insert(CONTENT_TYPE, rpc.answer_type(planned));
            self.content = Some(content());
        }
    }

    /// What a gRPC client reads in place of trailers (gRPC over HTTP/2, Responses: Trailers-Only).
    fn grpc_status(&mut self, code: RpcCode) {
        if self.fields.contains_key(GRPC_STATUS) {
            return;
        }
        self.fields.insert(GRPC_STATUS, HeaderValue::from(code.number()));
        let message = self.message.as_deref().unwrap_or_else(|| code.text());
        if let Ok(encoded) = HeaderValue::try_from(percent_encoded(message)) {
            if !encoded.is_empty() {
                self.fields.insert(GRPC_MESSAGE, encoded);
            }
        }
    }

    /// The error object of Connect.
    fn connect_error(&self, code: RpcCode) -> String {
        let message = self.message.as_deref().unwrap_or_else(|| code.text());
        format!(r#"{{"code":"{}","message":{}}}"#, code.as_str(), quoted(message))
    }
}

/// The message that ends a stream of Connect with an error: a flag, a length, and JSON.
fn end_of_stream(error: &str) -> Bytes {
    let json = format!(r#"{{"error":{error}}}"#);
    let mut message = BytesMut::with_capacity(5 + json.len());
    message.put_u8(END_STREAM);
    message.put_u32(u32::try_from(json.len()).unwrap_or_default());
    message.put_slice(json.as_bytes());
    message.freeze()
}

/// `text` as `grpc-message` has it: what is not printable ASCII, and `%`, as `%XX` of its UTF-8.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(kind: &'static str) -> (Rpc, HeaderMap) {
        let mut planned = HeaderMap::new();
        planned.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        (Rpc::of_response(&planned).expect("a call"), planned)
    }

    #[test]
    fn a_grpc_call_gets_its_failure_in_fields_alone() {
        let (rpc, planned) = call("application/grpc+proto");
        let busy = ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE);
        let answer = busy.message("100% of \u{e9}\n").for_call(rpc, &planned);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.fields[GRPC_STATUS], "14");
        assert_eq!(answer.fields[GRPC_MESSAGE], "100%25 of %C3%A9%0A");
        assert_eq!(answer.fields[CONTENT_TYPE], "application/grpc+proto");
        assert_eq!(answer.content, Some(Bytes::new()));
        // No words are no field: its value would have to have at least one character.
        let answer = ErrorAnswer::rpc(RpcCode::DataLoss).message("").for_call(rpc, &planned);
        assert_eq!(answer.fields[GRPC_STATUS], "15");
        assert!(!answer.fields.contains_key(GRPC_MESSAGE));
    }

    #[test]
    fn content_that_a_call_cannot_read_is_left_out() {
        let (rpc, planned) = call("application/grpc");
        let html = || HeaderValue::from_static("text/html");
        let page = ErrorAnswer::new(StatusCode::NOT_FOUND).content(html(), "<h1>");
        let answer = page.clone().for_call(rpc, &planned);
        assert_eq!((answer.content, answer.status), (Some(Bytes::new()), StatusCode::OK));
        assert_eq!(answer.fields[GRPC_STATUS], "5");
        assert_eq!(answer.fields[CONTENT_TYPE], "application/grpc");

        let own = ErrorAnswer::new(StatusCode::OK)
            .field(GRPC_STATUS, HeaderValue::from_static("9"))
            .content(HeaderValue::from_static("application/grpc"), "frames")
            .for_call(rpc, &planned);
        assert_eq!((own.content, own.status), (Some("frames".into()), StatusCode::OK));
        assert_eq!(own.fields[GRPC_STATUS], "9");
        assert!(!own.fields.contains_key(GRPC_MESSAGE));

        // A unary call of Connect reads a status, whatever comes with it.
        let post = http::Request::get("/?connect=v1").body(()).expect("a request");
        let unary = Rpc::of_request(&post).expect("a call");
        let answer = page.for_call(unary, &HeaderMap::new());
        assert_eq!((answer.status.as_u16(), &answer.fields[CONTENT_TYPE]), (404, &html()));
    }

    #[test]
    fn a_stream_of_connect_ends_with_the_error() {
        let (rpc, planned) = call("application/connect+json");
        let answer = ErrorAnswer::rpc(RpcCode::Aborted).message("\"no\"").for_call(rpc, &planned);
        let content = answer.content.expect("content");
        let json = br#"{"error":{"code":"aborted","message":"\"no\""}}"#;
        assert_eq!(content[..5], [2, 0, 0, 0, u8::try_from(json.len()).expect("short")]);
        assert_eq!(content[5..], json[..]);
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.fields[CACHE_CONTROL], "no-store");
    }
}
