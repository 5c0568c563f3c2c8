//! A line in the names of Caddy's structured access log.

use super::clock::Clock;
use super::facts::{Facts, Request};
use super::text::{Escapes, address, decimals, digits, pair, quote};

/// The request's object, as far as its first line goes; [`agents`] closes it.
pub(super) fn request(out: &mut Vec<u8>, request: &Request<'_>) {
    out.extend_from_slice(b",\"request\":{");
    if let Some(peer) = request.peer {
        out.extend_from_slice(b"\"remote_ip\":\"");
        address(out, Some(peer.ip().to_canonical()), b"");
        out.extend_from_slice(b"\",\"remote_port\":\"");
        digits(out, u64::from(peer.port()));
        out.extend_from_slice(b"\",");
    }
    if let Some(client) = request.client {
        out.extend_from_slice(b"\"client_ip\":\"");
        address(out, Some(client), b"");
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(b"\"proto\":\"");
    out.extend_from_slice(request.version.as_bytes());
    out.push(b'"');
    pair(out, b",\"method\":", Some(request.method.as_bytes()));
    pair(out, b",\"host\":", request.host);
    pair(out, b",\"uri\":", Some(request.target.as_bytes()));
}

/// The two fields of the request that a line shows.
pub(super) fn agents(out: &mut Vec<u8>, referer: Option<&[u8]>, agent: Option<&[u8]>) {
    out.extend_from_slice(b",\"headers\":{");
    let mut comma: &[u8] = b"";
    for (name, value) in [(b"Referer" as &[u8], referer), (b"User-Agent", agent)] {
        if value.is_some() {
            out.extend_from_slice(comma);
            out.push(b'"');
            out.extend_from_slice(name);
            out.extend_from_slice(b"\":[");
            quote(out, value, b"", Escapes::Json);
            out.push(b']');
            comma = b",";
        }
    }
    out.extend_from_slice(b"}}");
}

/// The whole line, without its end.
pub(super) fn line(out: &mut Vec<u8>, facts: &Facts<'_>, clock: &Clock, millis: u32) {
    let level = if matches!(facts.status, Some(500..)) { "error" } else { "info" };
    begin(out, level, clock, millis);
    out.extend_from_slice(b"\"handled request\"");
    out.extend_from_slice(facts.request);
    out.extend_from_slice(facts.agents);
    out.extend_from_slice(b",\"duration\":");
    digits(out, facts.micros / 1_000_000);
    out.push(b'.');
    decimals(out, facts.micros % 1_000_000, 6);
    out.extend_from_slice(b",\"size\":");
    digits(out, facts.sent);
    // A response that never had a status has 0 there.
    out.extend_from_slice(b",\"status\":");
    digits(out, facts.status.map_or(0, u64::from));
    out.push(b'}');
}

/// A line that says how many others are missing before it.
pub(super) fn gap(out: &mut Vec<u8>, dropped: u64, clock: &Clock, millis: u32) {
    begin(out, "warn", clock, millis);
    out.extend_from_slice(b"\"access log: ");
    digits(out, dropped);
    out.extend_from_slice(b" lines dropped\"}");
}

fn begin(out: &mut Vec<u8>, level: &str, clock: &Clock, millis: u32) {
    out.extend_from_slice(b"{\"level\":\"");
    out.extend_from_slice(level.as_bytes());
    out.extend_from_slice(b"\",\"ts\":");
    digits(out, clock.unix());
    out.push(b'.');
    decimals(out, u64::from(millis), 3);
    out.extend_from_slice(b",\"logger\":\"http.log.access\",\"msg\":");
}
