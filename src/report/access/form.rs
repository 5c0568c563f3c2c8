//! How a line is written: the forms, and what each makes of an exchange.

use super::clock::Clock;
use super::facts::{Facts, Request};
use super::text::{Escapes, address, decimals, digits, escape, quote};
use super::{caddy, ecs};

/// How an [`AccessLog`](super::AccessLog) writes a line.
///
/// What a client sent cannot end a line, close a quote or move a terminal's cursor: control
/// characters, quotes, backslashes and what is not ASCII are escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogForm {
    /// The combined form of Apache and nginx, which every log analyser reads; escapes are `\xHH`, as nginx
    /// has them:
    ///
    /// ```text
    /// 192.0.2.7 - - [29/Nov/2026:06:23:52 +0000] "GET /a?b HTTP/1.1" 200 1024 "-" "curl/8.5.0"
    /// ```
    #[default]
    Combined,
    /// One JSON object (RFC 8259); the escape of a byte that is not ASCII is `\u00HH`. A key that is not known is
    /// `null`. As long as `v` is 1, keys may be added, and none changes its meaning or goes away:
    ///
    /// ```text
    /// {"v":1,"time":"2026-11-29T06:23:52.017Z","client":"192.0.2.7","method":"GET","target":"/a?b",
    /// "version":"HTTP/1.1","status":200,"sent":1024,"referer":null,"user_agent":"curl/8.5.0",
    /// "micros":312,"outcome":"handed"}
    /// ```
    Json,
    /// One JSON object in the names and units of Caddy's structured access log, which tools for that read (`goaccess
    /// --log-format=CADDY`). What Caddy has beside that, bytes of the request and fields of the response, is left out; so is
    /// what is not known. The status of an exchange that never had one is 0, and `level` is `error` for statuses from 500 on:
    ///
    /// ```text
    /// {"level":"info","ts":1795933432.017,"logger":"http.log.access","msg":"handled request",
    /// "request":{"remote_ip":"192.0.2.7","remote_port":"4711","client_ip":"192.0.2.7","proto":"HTTP/1.1","method":"GET",
    /// "host":"example.com","uri":"/a?b","headers":{"User-Agent":["curl/8.5.0"]}},
    /// "duration":0.000312,"size":1024,"status":200}
    /// ```
    Caddy,
    /// One JSON object in the names of the Elastic Common Schema. What is not known is left out, and
    /// `event.outcome` is `success`, `failure` (a status from 500, or a response that was broken off) or `unknown`:
    ///
    /// ```text
    /// {"@timestamp":"2026-11-29T06:23:52.017Z","log.level":"info","ecs.version":"8.5.0","message":"handled request",
    /// "client.ip":"192.0.2.7","http.request.method":"GET","url.original":"/a?b","http.version":"1.1",
    /// "http.response.status_code":200,"http.response.body.bytes":1024,"user_agent.original":"curl/8.5.0",
    /// "event.duration":312000,"event.outcome":"success"}
    /// ```
    Ecs,
}

/// The status of an exchange that never had one: the client left before the head was committed. nginx
/// writes the same.
const NO_STATUS: u64 = 499;

/// What is not known.
const NULL: &[u8] = b"null";

impl LogForm {
    /// What of a line is known from the request's first line.
    pub(super) fn request(self, out: &mut Vec<u8>, request: &Request<'_>) {
        let (method, target) = (request.method.as_bytes(), request.target.as_bytes());
        match self {
            Self::Combined => {
                out.push(b'"');
                escape(out, method, Escapes::Hex);
                out.push(b' ');
                escape(out, target, Escapes::Hex);
                out.push(b' ');
                out.extend_from_slice(request.version.as_bytes());
                out.push(b'"');
            }
            Self::Json => {
                out.extend_from_slice(b",\"method\":");
                quote(out, Some(method), NULL, Escapes::Json);
                out.extend_from_slice(b",\"target\":");
                quote(out, Some(target), NULL, Escapes::Json);
                out.extend_from_slice(b",\"version\":\"");
                out.extend_from_slice(request.version.as_bytes());
                out.push(b'"');
            }
            Self::Caddy => caddy::request(out, request),
            Self::Ecs => ecs::request(out, request),
        }
    }

    /// What of a line is known from the request's fields.
    pub(super) fn agents(self, out: &mut Vec<u8>, referer: Option<&[u8]>, agent: Option<&[u8]>) {
        match self {
            Self::Combined => {
                out.push(b' ');
                quote(out, referer, b"\"-\"", Escapes::Hex);
                out.push(b' ');
                quote(out, agent, b"\"-\"", Escapes::Hex);
            }
            Self::Json => {
                out.extend_from_slice(b",\"referer\":");
                quote(out, referer, NULL, Escapes::Json);
                out.extend_from_slice(b",\"user_agent\":");
                quote(out, agent, NULL, Escapes::Json);
            }
            Self::Caddy => caddy::agents(out, referer, agent),
            Self::Ecs => ecs::agents(out, referer, agent),
        }
    }

    /// The whole line.
    pub(super) fn line(self, out: &mut Vec<u8>, facts: &Facts<'_>, clock: &Clock, millis: u32) {
        let status = facts.status.map_or(NO_STATUS, u64::from);
        match self {
            Self::Combined => {
                address(out, facts.client, b"-");
                out.extend_from_slice(b" - - [");
                out.extend_from_slice(clock.combined());
                out.extend_from_slice(b"] ");
                out.extend_from_slice(facts.request);
                out.push(b' ');
                digits(out, status);
                out.push(b' ');
                digits(out, facts.sent);
                out.extend_from_slice(facts.agents);
            }
            Self::Json => {
                begin(out, clock, millis);
                out.extend_from_slice(b",\"client\":");
                let quote: &[u8] = if facts.client.is_some() { b"\"" } else { b"" };
                out.extend_from_slice(quote);
                address(out, facts.client, NULL);
                out.extend_from_slice(quote);
                out.extend_from_slice(facts.request);
                out.extend_from_slice(b",\"status\":");
                match facts.status {
                    Some(status) => digits(out, u64::from(status)),
                    None => out.extend_from_slice(b"null"),
                }
                out.extend_from_slice(b",\"sent\":");
                digits(out, facts.sent);
                out.extend_from_slice(facts.agents);
                out.extend_from_slice(b",\"micros\":");
                digits(out, facts.micros);
                out.extend_from_slice(b",\"outcome\":\"");
                out.extend_from_slice(facts.outcome.as_bytes());
                out.extend_from_slice(b"\"}");
            }
            Self::Caddy => caddy::line(out, facts, clock, millis),
            Self::Ecs => ecs::line(out, facts, clock, millis),
        }
        out.push(b'\n');
    }

    /// A line that says how many others are missing before it. In the combined form it is one that every
    /// reader of it takes.
    pub(super) fn gap(self, out: &mut Vec<u8>, dropped: u64, clock: &Clock, millis: u32) {
        match self {
            Self::Combined => {
                out.extend_from_slice(b"- - - [");
                out.extend_from_slice(clock.combined());
                out.extend_from_slice(b"] \"-\" 0 0 \"-\" \"access log: ");
                digits(out, dropped);
                out.extend_from_slice(b" lines dropped\"");
            }
            Self::Json => {
                begin(out, clock, millis);
                out.extend_from_slice(b",\"dropped\":");
                digits(out, dropped);
                out.push(b'}');
            }
            Self::Caddy => caddy::gap(out, dropped, clock, millis),
            Self::Ecs => ecs::gap(out, dropped, clock, millis),
        }
        out.push(b'\n');
    }
}

fn begin(out: &mut Vec<u8>, clock: &Clock, millis: u32) {
    out.extend_from_slice(b"{\"v\":1,\"time\":\"");
    out.extend_from_slice(clock.iso());
    out.push(b'.');
    decimals(out, u64::from(millis), 3);
    out.extend_from_slice(b"Z\"");
}

#[cfg(test)]
mod tests;
