//! A line in the names of the Elastic Common Schema.

use super::clock::Clock;
use super::facts::{Facts, Request};
use super::text::{address, decimals, digits, pair};

/// What of a line is known from the request's first line.
pub(super) fn request(out: &mut Vec<u8>, request: &Request<'_>) {
    pair(out, b",\"http.request.method\":", Some(request.method.as_bytes()));
    pair(out, b",\"url.original\":", Some(request.target.as_bytes()));
    let version = request.version.strip_prefix("HTTP/").unwrap_or(request.version);
    pair(out, b",\"http.version\":", Some(version.as_bytes()));
}

/// The two fields of the request that a line shows.
pub(super) fn agents(out: &mut Vec<u8>, referer: Option<&[u8]>, agent: Option<&[u8]>) {
    pair(out, b",\"http.request.referrer\":", referer);
    pair(out, b",\"user_agent.original\":", agent);
}

/// The whole line, without its end.
pub(super) fn line(out: &mut Vec<u8>, facts: &Facts<'_>, clock: &Clock, millis: u32) {
    begin(out, "info", clock, millis);
    out.extend_from_slice(b"\"handled request\"");
    if let Some(client) = facts.client {
        out.extend_from_slice(b",\"client.ip\":\"");
        address(out, Some(client), b"");
        out.push(b'"');
    }
    out.extend_from_slice(facts.request);
    if let Some(status) = facts.status {
        out.extend_from_slice(b",\"http.response.status_code\":");
        digits(out, u64::from(status));
    }
    out.extend_from_slice(b",\"http.response.body.bytes\":");
    digits(out, facts.sent);
    out.extend_from_slice(facts.agents);
    // In nanoseconds.
    out.extend_from_slice(b",\"event.duration\":");
    digits(out, facts.micros.saturating_mul(1000));
    out.extend_from_slice(b",\"event.outcome\":\"");
    out.extend_from_slice(outcome(facts).as_bytes());
    out.extend_from_slice(b"\"}");
}

/// One of the schema's three words.
fn outcome(facts: &Facts<'_>) -> &'static str {
    match (facts.outcome, facts.status) {
        ("aborted" | "unwound", _) | (_, Some(500..)) => "failure",
        ("handed" | "upgraded", _) => "success",
        (_, _) => "unknown",
    }
}

/// A line that says how many others are missing before it.
pub(super) fn gap(out: &mut Vec<u8>, dropped: u64, clock: &Clock, millis: u32) {
    begin(out, "warn", clock, millis);
    out.extend_from_slice(b"\"access log: ");
    digits(out, dropped);
    out.extend_from_slice(b" lines dropped\"}");
}

fn begin(out: &mut Vec<u8>, level: &str, clock: &Clock, millis: u32) {
    out.extend_from_slice(b"{\"@timestamp\":\"");
    out.extend_from_slice(clock.iso());
    out.push(b'.');
    decimals(out, u64::from(millis), 3);
    out.extend_from_slice(b"Z\",\"log.level\":\"");
    out.extend_from_slice(level.as_bytes());
    out.extend_from_slice(b"\",\"ecs.version\":\"8.5.0\",\"message\":");
}
