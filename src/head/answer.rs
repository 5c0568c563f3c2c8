//! Error answers, and how one takes the place of a planned head.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};

/// The response that takes the place of one that failed before its head was committed.
///
/// Its content is a terse problem document (RFC 9457) unless another is given. A status of 500
/// and more carries `Cache-Control: no-store`.
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
    status: StatusCode,
    fields: HeaderMap,
    content: Option<Bytes>,
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
        Self { status, fields, content: None }
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

    /// The status it will have.
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
        problem(answer.status)
    });
    for (name, value) in &answer.fields {
        let _ = fields.try_insert(name, value.clone());
    }
    *status = answer.status;
    content
}

/// A problem document that says no more than the status does (RFC 9457, section 3).
fn problem(status: StatusCode) -> Bytes {
    let code = status.as_u16();
    let text = match status.canonical_reason() {
        Some(title) => {
            format!(r#"{{"type":"about:blank","title":"{title}","status":{code}}}"#)
        }
        None => format!(r#"{{"type":"about:blank","status":{code}}}"#),
    };
    Bytes::from(text)
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
        assert_eq!(problem(unknown), r#"{"type":"about:blank","status":799}"#);
    }
}
