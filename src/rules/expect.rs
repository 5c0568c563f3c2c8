//! Fields that a response must have, or must not have, by its status and path.

use std::ops::RangeInclusive;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use crate::field::glob;

/// A field that is [required](crate::Rules::require) or [forbidden](crate::Rules::forbid), and on
/// which responses.
///
/// # Examples
///
/// ```
/// use http::{HeaderValue, header};
/// use letterhead::{Action, Expect, Rule, Rules};
///
/// // Every answer under /api/, errors too, has the field; where it is missing it is put in.
/// let hsts = Expect::field(header::STRICT_TRANSPORT_SECURITY)
///     .on_path("/api/*")
///     .or(HeaderValue::from_static("max-age=63072000"));
/// let rules = Rules::standard()
///     .require(hsts)
///     // Forbidden fields are reported, unless it is said that they are taken out.
///     .forbid(Expect::field(header::SERVER).on_status(200..=599))
///     .on(Rule::Forbidden, Action::Merge);
/// # let _ = rules;
/// ```
#[derive(Clone, Debug)]
pub struct Expect {
    pub(crate) field: HeaderName,
    statuses: RangeInclusive<u16>,
    path: Option<Box<str>>,
    pub(crate) value: Option<HeaderValue>,
}

impl Expect {
    /// Any response.
    #[must_use]
    pub const fn field(field: HeaderName) -> Self {
        Self { field, statuses: 100..=999, path: None, value: None }
    }

    /// Only responses with these statuses.
    #[must_use]
    pub fn on_status(mut self, statuses: RangeInclusive<u16>) -> Self {
        self.statuses = statuses;
        self
    }

    /// Only responses to requests whose path matches; `*` stands for any characters, `/` among
    /// them.
    #[must_use]
    pub fn on_path(mut self, pattern: impl Into<Box<str>>) -> Self {
        self.path = Some(pattern.into());
        self
    }

    /// What is put in where a required field is missing; it is reported as resolved.
    ///
    /// It is put in without an action for [`Rule::Missing`](crate::Rule::Missing) and with
    /// [`Merge`](crate::Action::Merge); another action, and rules that only
    /// [observe](crate::Rules::observe), leave it out. What describes content is only put in where there is
    /// some.
    #[must_use]
    pub fn or(mut self, value: HeaderValue) -> Self {
        self.value = Some(value);
        self
    }

    /// Whether this is about a response with `status` to a request for `path`.
    pub(crate) fn is_about(&self, status: StatusCode, path: &str) -> bool {
        self.statuses.contains(&status.as_u16())
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| glob::matches(pattern.as_bytes(), path.as_bytes()))
    }
}
