//! Metrics in the names of OpenTelemetry's conventions for HTTP servers.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Method, Version};
use metrics::{Label, SharedString, Unit, counter, gauge, histogram};

use super::conventions::{error_type, word};
use super::{Begun, Reporter};
use crate::head::{CommitCause, Receipt};

/// What is measured.
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";
const SIZE: &str = "http.server.response.body.size";
const HOLD: &str = "letterhead.hold.duration";
const ABORTS: &str = "letterhead.response.aborts";
const POLICY: &str = "letterhead.policy.version";
const RELOADS: &str = "letterhead.policy.reloads";

/// Every name, with its description.
const TABLE: [(&str, Kind, Unit, &str); 7] = [
    (DURATION, Kind::Histogram, Unit::Seconds, "Duration of HTTP server requests."),
    (ACTIVE, Kind::Gauge, Unit::Count, "Number of active HTTP server requests."),
    (SIZE, Kind::Histogram, Unit::Bytes, "Size of HTTP server response bodies."),
    (HOLD, Kind::Histogram, Unit::Seconds, "How long response heads were held."),
    (ABORTS, Kind::Counter, Unit::Count, "Responses that the server broke off."),
    (POLICY, Kind::Gauge, Unit::Count, "Version of the header policy that was applied last."),
    (RELOADS, Kind::Counter, Unit::Count, "Versions of the header policy that were read."),
];

/// Measures responses through the `metrics` facade, in the names, units and attributes of OpenTelemetry's
/// [conventions for HTTP servers](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/).
///
/// | name | kind, unit | attributes |
/// |---|---|---|
/// | `http.server.request.duration` | histogram, seconds | method, scheme, version; route, status and error where there is one |
/// | `http.server.active_requests` | gauge | method, scheme |
/// | `http.server.response.body.size` | histogram, bytes | as the duration |
/// | `letterhead.hold.duration` | histogram, seconds | `letterhead.commit.cause`, and the route |
/// | `letterhead.response.aborts` | counter | `error.type`, and the route |
/// | `letterhead.policy.version` | gauge | |
/// | `letterhead.policy.reloads` | counter | `letterhead.policy.outcome`: `taken` or `refused` |
///
/// | attribute | values |
/// |---|---|
/// | `http.request.method` | the methods of RFC 9110, `PATCH`, `QUERY`, or `_OTHER` |
/// | `url.scheme` | `http` or `https` |
/// | `network.protocol.version` | `1.0`, `1.1`, `2`, `3` |
/// | `http.route` | as axum writes it: as many values as there are routes, and never a path |
/// | `http.response.status_code` | of the head that was committed |
/// | `error.type` | `panic`, `length`, `body` or `service` for a response that was broken off; `dropped` where the server dropped it (mostly the client left); the status from 500 on; of a remote call that failed with the status 200 (gRPC) one of these words, `hook`, `denied` or `rejected` |
/// | `letterhead.commit.cause` | [why the head was committed when it was](CommitCause::as_str) |
///
/// So a client cannot make new ones. The duration is until the end of the response, not of its head. A
/// recorder for Prometheus writes underscores for dots; give its histograms the bounds of [`BUCKETS`](Self::BUCKETS).
///
/// Use it beside [`Metrics`](super::Metrics), which counts conflicts, late writes and notes, and not behind a
/// [`Background`](super::Background): then there are no active requests. A layer that
/// [samples](crate::LetterheadLayer::sample) measures what it watches, and no more.
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::report::HttpMetrics;
///
/// // After the recorder was installed:
/// HttpMetrics::describe();
/// let layer = LetterheadLayer::new().reporter(HttpMetrics::new());
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpMetrics {
    _private: (),
}

impl HttpMetrics {
    /// The bounds of a duration's buckets in seconds, as the conventions advise.
    pub const BUCKETS: [f64; 14] =
        [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

    /// A reporter that measures.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }

    /// Counts a version of the header policy that was read, and whether it was taken or refused. The reporter knows of
    /// responses alone, so whoever reloads the policy says it.
    ///
    /// ```
    /// use letterhead::PolicyFile;
    /// use letterhead::report::HttpMetrics;
    ///
    /// # fn watch(file: &PolicyFile) -> std::io::Result<letterhead::PolicyWatch> {
    /// file.watch(|reloaded| HttpMetrics::policy_reloaded(reloaded.is_ok()))
    /// # }
    /// ```
    pub fn policy_reloaded(taken: bool) {
        let outcome = if taken { "taken" } else { "refused" };
        counter!(RELOADS, "letterhead.policy.outcome" => outcome).increment(1);
    }

    /// Tells the recorder the unit and a description of each name. Call it once, after the
    /// recorder was installed.
    pub fn describe() {
        for (name, kind, unit, text) in TABLE {
            match kind {
                Kind::Counter => metrics::describe_counter!(name, unit, text),
                Kind::Gauge => metrics::describe_gauge!(name, unit, text),
                Kind::Histogram => metrics::describe_histogram!(name, unit, text),
            }
        }
    }
}

impl Reporter for HttpMetrics {
    fn begin(&self, request: &Begun<'_>) {
        gauge!(ACTIVE, active(request.method(), request.is_secure())).increment(1.0);
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics take floats; numbers may be rounded")]
    fn report(&self, receipt: &Receipt) {
        gauge!(ACTIVE, active(receipt.method(), receipt.is_secure())).decrement(1.0);
        let labels = labels(receipt);
        if let Some(times) = receipt.times() {
            histogram!(DURATION, labels.clone()).record(times.ended().as_secs_f64());
        }
        if receipt.status().is_some() {
            histogram!(SIZE, labels).record(receipt.sent_bytes() as f64);
        }
        if let (Some(hold), Some(cause)) = (receipt.hold_time(), receipt.cause()) {
            let cause =
                Label::from_static_parts("letterhead.commit.cause", CommitCause::as_str(cause));
            histogram!(HOLD, with_route(vec![cause], receipt)).record(hold.as_secs_f64());
        }
        if let Some(error) = receipt.outcome().error() {
            let cause = Label::from_static_parts(ERROR, word(error));
            counter!(ABORTS, with_route(vec![cause], receipt)).increment(1);
        }
        if let Some(version) = receipt.policy_version() {
            gauge!(POLICY).set(version as f64);
        }
    }

    fn needs_times(&self) -> bool {
        true
    }
}

const ERROR: &str = "error.type";

fn active(method: &Method, secure: bool) -> Vec<Label> {
    vec![
        Label::from_static_parts("http.request.method", known(method)),
        Label::from_static_parts("url.scheme", if secure { "https" } else { "http" }),
    ]
}

/// What duration and size have in common.
fn labels(receipt: &Receipt) -> Vec<Label> {
    let mut labels = active(receipt.method(), receipt.is_secure());
    labels.push(Label::from_static_parts("network.protocol.version", version(receipt.version())));
    if let Some(status) = receipt.status() {
        labels.push(Label::new("http.response.status_code", status.as_str().to_owned()));
    }
    let error = error_type(receipt).map(|error| match error {
        Cow::Borrowed(word) => SharedString::const_str(word),
        Cow::Owned(status) => SharedString::from_owned(status),
    });
    labels.extend(error.map(|error| Label::new(ERROR, error)));
    with_route(labels, receipt)
}

fn with_route(mut labels: Vec<Label>, receipt: &Receipt) -> Vec<Label> {
    let route = receipt.route().map(|route| SharedString::from_shared(Arc::from(route)));
    labels.extend(route.map(|route| Label::new("http.route", route)));
    labels
}

/// A method that the conventions know; a client may send others without end.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "0.9",
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
