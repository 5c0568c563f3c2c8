//! The response on the request's span, in the names of OpenTelemetry's conventions.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::HeaderName;
use tracing::{Level, event};

use super::Reporter;
use super::conventions::error_type;
use crate::head::Receipt;
use crate::ledger::Secrecy;

const STATUS: &str = "http.response.status_code";
const ROUTE: &str = "http.route";
const ERROR: &str = "error.type";
/// A field by which `tracing-opentelemetry` is told the span's own status.
const SPAN_STATUS: &str = "otel.status_code";

/// The value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpanValue<'a> {
    /// A number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// The lines of a field, in their order.
    Texts(&'a [&'a str]),
}

/// How an attribute gets onto a span.
type Set = Arc<dyn Fn(&tracing::Span, &str, SpanValue<'_>) + Send + Sync>;

/// Puts what is known of each response onto the `tracing` span of its request, in the names of OpenTelemetry's
/// [conventions for HTTP servers](https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span).
///
/// | attribute | value |
/// |---|---|
/// | `http.response.status_code` | the status that was committed, a number |
/// | `http.route` | the route, as axum writes it, where it is [known](Receipt::route) |
/// | `error.type` | what failed: the words of [`HttpMetrics`](super::HttpMetrics), or the status from 500 on; not set if nothing did |
/// | `http.response.header.<key>` | the lines of the fields that were asked for, as they went out; secrets are left out |
/// | `otel.status_code` | `ERROR` where there is an `error.type`, for `tracing-opentelemetry` |
///
/// The span is the one that was current when the request reached the layer, so the layer that makes spans goes outside
/// ([the guide](crate::guide::reports#attributes-of-spans) has a whole stack). This crate speaks no OTLP: a subscriber does, such as
/// `tracing-opentelemetry` with `opentelemetry-otlp`.
///
/// A span of `tracing` takes values only for fields that it was made with (`http.route = tracing::field::Empty`). What a span lacks
/// is said once, as a `WARN` event with the target `letterhead`. [`set_with`](Self::set_with) is for bridges that take any attribute.
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::report::SpanAttributes;
/// use tower_http::trace::TraceLayer;
/// use tracing::field::Empty;
///
/// let spans = TraceLayer::new_for_http().make_span_with(|request: &http::Request<()>| {
///     tracing::info_span!(
///         "request",
///         otel.kind = "server",
///         otel.status_code = Empty,
///         http.request.method = request.method().as_str(),
///         http.response.status_code = Empty,
///         http.route = Empty,
///         error.type = Empty,
///         "http.response.header.cache-control" = Empty,
///     )
/// });
/// let attributes = SpanAttributes::new().header(http::header::CACHE_CONTROL);
/// let stack = tower::ServiceBuilder::new()
///     .layer(spans) // outside
///     .layer(LetterheadLayer::new().reporter(attributes));
/// # let _ = stack;
/// ```
#[derive(Clone, Default)]
pub struct SpanAttributes {
    headers: Vec<(HeaderName, Box<str>)>,
    set: Option<Set>,
    said: Arc<AtomicBool>,
}

impl SpanAttributes {
    /// A reporter that sets status, route and error.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `http.response.header.<key>` for this field, too. May be called again for another one.
    #[must_use]
    pub fn header(mut self, name: HeaderName) -> Self {
        let attribute = format!("http.response.header.{name}");
        self.headers.push((name, attribute.into()));
        self
    }

    /// Hands each attribute to `set`, instead of recording it as a field of the span.
    ///
    /// With `tracing-opentelemetry` that is its `OpenTelemetrySpanExt::set_attribute`: then the span need not have been made
    /// with the fields, and a field of several lines is an array. `otel.status_code` is recorded all the same. It runs on the
    /// task that served the response, perhaps inside a `Drop`; a panic in it is caught and forgotten.
    #[must_use]
    pub fn set_with(
        mut self,
        set: impl Fn(&tracing::Span, &str, SpanValue<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.set = Some(Arc::new(set));
        self
    }

    fn set(&self, span: &tracing::Span, name: &str, value: SpanValue<'_>) {
        if let Some(set) = &self.set {
            set(span, name, value);
            return;
        }
        self.look(span, name);
        match value {
            SpanValue::Int(number) => span.record(name, number),
            SpanValue::Text(text) | SpanValue::Texts(&[text]) => span.record(name, text),
            SpanValue::Texts(texts) => span.record(name, tracing::field::debug(texts)),
        };
    }

    /// Says if the span cannot take this; once.
    fn look(&self, span: &tracing::Span, name: &str) {
        // A span that is filtered out has no fields, and nothing is lost with it.
        let lacks = !span.is_disabled() && !span.has_field(name);
        if lacks && !self.said.swap(true, Ordering::Relaxed) {
            let made = span.metadata().map_or("", tracing::Metadata::name);
            event!(
                target: "letterhead",
                Level::WARN,
                span = made,
                field = name,
                remedy = "make the span with this field, as `tracing::field::Empty`, or use `SpanAttributes::set_with`",
                "an attribute is lost: the span was made without its field"
            );
        }
    }

    fn put(&self, span: &tracing::Span, receipt: &Receipt) {
        if let Some(status) = receipt.status() {
            self.set(span, STATUS, SpanValue::Int(status.as_u16().into()));
        }
        if let Some(route) = receipt.route() {
            self.set(span, ROUTE, SpanValue::Text(route));
        }
        if let Some(error) = error_type(receipt) {
            self.set(span, ERROR, SpanValue::Text(&error));
            span.record(SPAN_STATUS, "ERROR");
        }
        for (name, attribute) in &self.headers {
            if receipt.ledger.secrecy(name) != Secrecy::Open {
                continue;
            }
            let lines =
                receipt.fields.0.iter().filter(|(of, value)| of == name && !value.is_sensitive());
            let lines: Vec<_> =
                lines.map(|(_, value)| String::from_utf8_lossy(value.as_bytes())).collect();
            let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
            if !lines.is_empty() {
                self.set(span, attribute, SpanValue::Texts(&lines));
            }
        }
    }
}

impl Reporter for SpanAttributes {
    fn report(&self, receipt: &Receipt) {
        if let Some(span) = receipt.span() {
            self.put(span.get(), receipt);
        }
    }

    fn needs_span(&self) -> bool {
        true
    }
}

impl fmt::Debug for SpanAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanAttributes").field("headers", &self.headers).finish_non_exhaustive()
    }
}
