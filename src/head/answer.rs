//! Error answers, and how one takes the place of a planned head.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

use crate::field::json::quoted;
use crate::field::rpc_code::RpcCode;

/// The response that takes the place of one that failed before its head was committed.
///
/// Its content is a terse problem document (RFC 9457) unless another is given. A status of 500
/// and more carries `Cache-Control: no-store`.
///
/// # Remote calls
///
/// A client that makes a remote call cannot read a problem document, so it is given the same
/// answer in the form of its [protocol](crate::Protocol):
///
/// | protocol | HTTP status | the failure is in |
/// |---|---|---|
/// | gRPC, gRPC-Web | 200 | the fields `grpc-status` and `grpc-message`; there is no content |
/// | Connect, unary | of the [code](RpcCode::http_status) | JSON: `{"code":"unavailable","message":".."}` |
/// | Connect, streaming | 200 | the one message of the stream, which ends it |
///
/// The status of 200 is what those protocols prescribe: their clients take every other one for a
/// failure of something between them and the service. The [receipt](crate::Receipt::failure) has
/// the failure all the same. The code goes by the status unless one is [given](Self::rpc).
/// [Content](Self::content) that is given goes out as it is where the client can read it: on plain
/// HTTP, to a unary call of Connect, and where its type is that of the call.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::StatusCode;
/// use letterhead::ErrorAnswer;
///
/// let busy = ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE)
///     .retry_after(Duration::from_secs(2));
/// assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
/// ```
#[derive(Clone, Debug)]
pub struct ErrorAnswer {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) content: Option<Bytes>,
    /// What a remote call is given instead of the code that goes by the status.
    pub(super) code: Option<RpcCode>,
    pub(super) message: Option<Cow<'static, str>>,
}

impl ErrorAnswer {
    /// An answer with `status`. One that is no error (below 400) is sent as 500.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        let is_error = status.is_client_error() || status.as_u16() >= 500;
        let status = if is_error { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        let mut fields = HeaderMap::new();
        if status.as_u16() >= 500 {
            fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Self { status, fields, content: None, code: None, message: None }
    }

    /// An answer with the code `code` for remote calls, and the status that goes with it for
    /// everybody else.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::{ErrorAnswer, Failure, LetterheadLayer, RpcCode};
    ///
    /// let layer = LetterheadLayer::new().recover(|_: &Failure<'_>| {
    ///     ErrorAnswer::rpc(RpcCode::Aborted).message("lost against another writer")
    /// });
    /// # let _ = layer;
    /// // What a gRPC client is given has the HTTP status 200; this is the one of all others.
    /// assert_eq!(ErrorAnswer::rpc(RpcCode::Aborted).status(), 409);
    /// ```
    #[must_use]
    pub fn rpc(code: RpcCode) -> Self {
        Self { code: Some(code), ..Self::new(code.http_status()) }
    }

    /// What the client reads: the `detail` of the problem document, `grpc-message`
    /// (percent-encoded), or the `message` of Connect. The client sees it, so it should tell no
    /// internals.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// When the client may try again, in whole seconds, rounded up (RFC 9110, section 10.2.3).
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        self.fields.insert(RETRY_AFTER, HeaderValue::from(seconds));
        self
    }

    /// Adds a field to the answer, in place of one of that name in the planned head.
    #[must_use]
    pub fn field(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.insert(name, value);
        self
    }

    /// Sends `content` with this `Content-Type` instead of the problem document.
    #[must_use]
    pub fn content(mut self, content_type: HeaderValue, content: impl Into<Bytes>) -> Self {
        self.fields.insert(CONTENT_TYPE, content_type);
        self.content = Some(content.into());
        self
    }

    /// The fields that it brings, but for the type of its problem document.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.fields.keys()
    }

    /// The status it will have, but for remote calls whose protocol has another place for it.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

/// Puts `answer` in the place of a planned head; what states a policy of the site stays.
pub(crate) fn replace(
    status: &mut StatusCode,
    fields: &mut HeaderMap,
    answer: ErrorAnswer,
    outlives: &dyn Fn(&HeaderName) -> bool,
) -> Bytes {
    let gone: Vec<HeaderName> = fields.keys().filter(|name| !outlives(name)).cloned().collect();
    for name in gone {
        fields.remove(name);
    }
    let content = answer.content.unwrap_or_else(|| {
        // A head so full of policy that nothing else fits keeps what it has.
        let problem_json = HeaderValue::from_static("application/problem+json");
        let _ = fields.try_insert(CONTENT_TYPE, problem_json);
        problem(answer.status, answer.message.as_deref())
    });
    for (name, value) in &answer.fields {
        let _ = fields.try_insert(name, value.clone());
    }
    *status = answer.status;
    content
}

/// A problem document that says no more than the status does, unless there is a message (RFC 9457,
/// section 3).
fn problem(status: StatusCode, message: Option<&str>) -> Bytes {
    let code = status.as_u16();
    let title = match status.canonical_reason() {
        Some(title) => format!(r#","title":"{title}""#),
        None => String::new(),
    };
    let detail = match message {
        Some(message) => format!(r#","detail":{}"#, quoted(message)),
        None => String::new(),
    };
    Bytes::from(format!(r#"{{"type":"about:blank"{title},"status":{code}{detail}}}"#))
}

#[cfg(test)]
mod tests {
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, ETAG};

    use super::*;
    use crate::field::nature;

    #[test]
    fn the_new_head_keeps_policy_and_loses_description() {
        let mut status = StatusCode::OK;
        let mut fields = HeaderMap::new();
        fields.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        fields.insert(ETAG, HeaderValue::from_static("\"1\""));
        fields.insert(CONTENT_LENGTH, HeaderValue::from_static("12"));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let answer =
            ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(Duration::from_millis(1));
        let content = replace(&mut status, &mut fields, answer, &nature::outlives_content);
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(content, r#"{"type":"about:blank","title":"Service Unavailable","status":503}"#);
        assert_eq!(fields[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(fields[CONTENT_TYPE], "application/problem+json");
        assert_eq!(fields[CACHE_CONTROL], "no-store");
        assert_eq!(fields[RETRY_AFTER], "1");
        assert_eq!(fields.len(), 4);
    }

    #[test]
    fn an_answer_that_is_no_error_becomes_one() {
        for code in [100, 101, 200, 204, 304, 399] {
            let status = StatusCode::from_u16(code).expect("a status");
            assert_eq!(ErrorAnswer::new(status).status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
        let unknown = StatusCode::from_u16(799).expect("a status");
        assert_eq!(ErrorAnswer::new(unknown).status(), unknown);
        assert_eq!(problem(unknown, None), r#"{"type":"about:blank","status":799}"#);
        let said = problem(StatusCode::CONFLICT, Some("a \"b\""));
        let text = r#"{"type":"about:blank","title":"Conflict","status":409,"detail":"a \"b\""}"#;
        assert_eq!(said, text);
    }
}
