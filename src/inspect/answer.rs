//! How each page is answered: status, fields, and no content for `HEAD`.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode};

use super::InspectorBody;
use super::access::{COOKIE_NAME, Failed, cookie_value};
use super::escape::in_ascii;
use super::html;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const STYLE: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What is sent.
enum Content {
    Whole(Bytes),
    Stream(InspectorBody),
}

/// A page that is answered.
pub(super) enum Answer {
    Html(StatusCode, String),
    Json(String),
    Style,
    Script,
    /// `None` for a `HEAD`.
    Events(Option<InspectorBody>),
    /// Another method than `GET` and `HEAD`.
    Method,
    /// A JSON document that is not there.
    NotThere,
    Refused {
        failed: Vec<Failed>,
        /// Where a token is taken, if there is one.
        token_at: Option<String>,
    },
    /// As if there were nothing.
    Hidden,
    /// The token was right.
    Exchanged {
        token: String,
        to: String,
        base: String,
        is_secure: bool,
    },
}

impl Answer {
    /// The response to a request with this method.
    pub(super) fn response(self, method: &Method) -> Response<InspectorBody> {
        let mut response = Response::new(InspectorBody::whole(""));
        if matches!(self, Self::Hidden) {
            *response.status_mut() = StatusCode::NOT_FOUND;
            return response;
        }
        let fields = response.headers_mut();
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(html::POLICY));
        fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        fields.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        fields.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        self.more_fields(fields);
        let (status, kind, content) = self.content();
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, kind);
        match content {
            Content::Whole(content) => {
                response.headers_mut().insert(CONTENT_LENGTH, content.len().into());
                if *method != Method::HEAD {
                    *response.body_mut() = InspectorBody::whole(content);
                }
            }
            Content::Stream(body) => *response.body_mut() = body,
        }
        response
    }

    /// Status, type and content.
    fn content(self) -> (StatusCode, HeaderValue, Content) {
        let (ok, text) = (StatusCode::OK, |text: &'static str| Content::Whole(text.into()));
        match self {
            Self::Html(status, page) => (status, HTML, Content::Whole(page.into())),
            Self::Json(text) => (ok, JSON, Content::Whole(text.into())),
            Self::Style => (ok, STYLE, text(html::STYLE)),
            Self::Script => (ok, SCRIPT, text(html::SCRIPT)),
            Self::Events(body) => {
                let body = body.unwrap_or_else(|| InspectorBody::whole(""));
                (ok, EVENTS, Content::Stream(body))
            }
            Self::Method => {
                let says = "the pages are there to be read: GET and HEAD\n";
                (StatusCode::METHOD_NOT_ALLOWED, TEXT, text(says))
            }
            Self::NotThere => {
                let says = "{\"schema\":1,\"error\":\"not there, or no longer\"}\n";
                (StatusCode::NOT_FOUND, JSON, text(says))
            }
            Self::Refused { failed, token_at } => {
                let mut says = String::from("the inspector does not answer this request:\n");
                for failed in failed {
                    says = says + "- " + &failed.text() + "\n";
                }
                if let Some(at) = token_at {
                    says = says + "its token opens it: " + &at + "\n";
                }
                (StatusCode::FORBIDDEN, TEXT, Content::Whole(says.into()))
            }
            Self::Exchanged { .. } => (StatusCode::SEE_OTHER, TEXT, text("")),
            Self::Hidden => (StatusCode::NOT_FOUND, TEXT, text("")),
        }
    }

    fn more_fields(&self, fields: &mut http::HeaderMap) {
        match self {
            Self::Method => {
                fields.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            Self::Exchanged { token, to, base, is_secure } => {
                let path = in_ascii(base);
                let path = if path.is_empty() || path.contains([';', ',']) { "/" } else { &path };
                let secure = if *is_secure { "; Secure" } else { "" };
                let value = cookie_value(token);
                let cookie = format!(
                    "{COOKIE_NAME}={value}; Path={path}; HttpOnly; SameSite=Strict{secure}"
                );
                for (name, value) in [(SET_COOKIE, cookie), (LOCATION, in_ascii(to))] {
                    if let Ok(value) = HeaderValue::try_from(value) {
                        fields.insert(name, value);
                    }
                }
            }
            Self::Html(..)
            | Self::Json(_)
            | Self::Style
            | Self::Script
            | Self::Events(_)
            | Self::NotThere
            | Self::Refused { .. }
            | Self::Hidden => {}
        }
    }
}
