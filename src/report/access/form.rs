//! How a line is written: the two forms, and what becomes of bytes that a client chose.

use super::clock::Clock;

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
}

/// How many bytes of a target or a field a line shows.
pub(super) const MOST_SHOWN: usize = 2048;

/// The status of an exchange that never had one: the client left before the head was committed. nginx
/// writes the same.
const NO_STATUS: u64 = 499;

/// What stands in a line beside what the client sent.
pub(super) struct Facts<'a> {
    pub(super) client: Option<std::net::IpAddr>,
    /// What [`LogForm::request`] and [`LogForm::agents`] wrote.
    pub(super) request: &'a [u8],
    pub(super) agents: &'a [u8],
    pub(super) status: Option<u16>,
    pub(super) sent: u64,
    pub(super) micros: u128,
    pub(super) outcome: &'static str,
}

impl LogForm {
    /// What of a line is known from the request's first line.
    pub(super) fn request(self, out: &mut Vec<u8>, method: &str, target: &str, version: &str) {
        match self {
            Self::Combined => {
                out.push(b'"');
                self.escape(out, method.as_bytes());
                out.push(b' ');
                self.escape(out, target.as_bytes());
                out.push(b' ');
                out.extend_from_slice(version.as_bytes());
                out.push(b'"');
            }
            Self::Json => {
                out.extend_from_slice(b",\"method\":");
                self.quote(out, Some(method.as_bytes()));
                out.extend_from_slice(b",\"target\":");
                self.quote(out, Some(target.as_bytes()));
                out.extend_from_slice(b",\"version\":\"");
                out.extend_from_slice(version.as_bytes());
                out.push(b'"');
            }
        }
    }

    /// What of a line is known from the request's fields.
    pub(super) fn agents(self, out: &mut Vec<u8>, referer: Option<&[u8]>, agent: Option<&[u8]>) {
        match self {
            Self::Combined => {
                out.push(b' ');
                self.quote(out, referer);
                out.push(b' ');
                self.quote(out, agent);
            }
            Self::Json => {
                out.extend_from_slice(b",\"referer\":");
                self.quote(out, referer);
                out.extend_from_slice(b",\"user_agent\":");
                self.quote(out, agent);
            }
        }
    }

    /// The whole line.
    pub(super) fn line(self, out: &mut Vec<u8>, facts: &Facts<'_>, clock: &Clock, millis: u32) {
        let status = facts.status.map_or(NO_STATUS, u64::from);
        match self {
            Self::Combined => {
                client(out, facts.client, b"-");
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
                client(out, facts.client, b"null");
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
                digits(out, u64::try_from(facts.micros).unwrap_or(u64::MAX));
                out.extend_from_slice(b",\"outcome\":\"");
                out.extend_from_slice(facts.outcome.as_bytes());
                out.extend_from_slice(b"\"}");
            }
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
                out.extend_from_slice(b" lines dropped\"\n");
            }
            Self::Json => {
                begin(out, clock, millis);
                out.extend_from_slice(b",\"dropped\":");
                digits(out, dropped);
                out.extend_from_slice(b"}\n");
            }
        }
    }

    /// A value in quotes, or what stands for none.
    fn quote(self, out: &mut Vec<u8>, value: Option<&[u8]>) {
        match (value, self) {
            (Some(value), _) => {
                out.push(b'"');
                self.escape(out, value);
                out.push(b'"');
            }
            (None, Self::Combined) => out.extend_from_slice(b"\"-\""),
            (None, Self::Json) => out.extend_from_slice(b"null"),
        }
    }

    /// The value without whatever has a meaning to a reader, cut where it is too long.
    fn escape(self, out: &mut Vec<u8>, value: &[u8]) {
        let (shown, cut) = match value.get(..MOST_SHOWN) {
            Some(shown) if shown.len() < value.len() => (shown, true),
            _ => (value, false),
        };
        let mut rest = shown;
        while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
            let (plain, odd) = rest.split_at(at);
            out.extend_from_slice(plain);
            if let Some((byte, behind)) = odd.split_first() {
                out.extend_from_slice(if self == Self::Json { b"\\u00" } else { b"\\x" });
                out.extend_from_slice(&hex(*byte));
                rest = behind;
            }
        }
        out.extend_from_slice(rest);
        if cut {
            out.extend_from_slice(b"...");
        }
    }
}

/// What goes into both forms as it is.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn hex(byte: u8) -> [u8; 2] {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'A' + value - 10 };
    [digit(byte >> 4), digit(byte & 15)]
}

fn begin(out: &mut Vec<u8>, clock: &Clock, millis: u32) {
    out.extend_from_slice(b"{\"v\":1,\"time\":\"");
    out.extend_from_slice(clock.iso());
    out.push(b'.');
    for digit in [millis / 100, millis / 10 % 10, millis % 10] {
        digits(out, u64::from(digit));
    }
    out.extend_from_slice(b"Z\"");
}

/// The address as text; `write!` into a vector cannot fail.
fn client(out: &mut Vec<u8>, client: Option<std::net::IpAddr>, none: &[u8]) {
    use std::io::Write as _;
    match client {
        Some(client) => write!(out, "{client}").unwrap_or_default(),
        None => out.extend_from_slice(none),
    }
}

fn digits(out: &mut Vec<u8>, number: u64) {
    let mut text = [b'0'; 20];
    let (mut at, mut rest) = (text.len(), number);
    while at == text.len() || rest > 0 {
        at -= 1;
        // The rest of a division by ten is one digit.
        text[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    out.extend_from_slice(&text[at..]);
}

#[cfg(test)]
mod tests;
