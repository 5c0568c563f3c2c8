//! Metrics of `Server-Timing` (W3C Server Timing, section 4): a name, and how long it took in milliseconds.

use std::time::Duration;

use http::header::HeaderName;

/// The field.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// One metric; `None` if the name is no token (RFC 9110, section 5.6.2).
pub(crate) fn metric(name: &str, time: Duration) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_token)).then(|| format!("{name};dur={}", millis(time)))
}

/// Milliseconds to a thousandth, without zeros at the end.
fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    let text = format!("{}.{:03}", micros / 1000, micros % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, micros: u64, expected: Option<&str>) {
        let metric = metric(name, Duration::from_micros(micros));
        assert_eq!(metric.as_deref(), expected);
    }

    #[test]
    fn a_metric_is_a_token_and_milliseconds() {
        check("db", 0, Some("db;dur=0"));
        check("db", 7, Some("db;dur=0.007"));
        check("db", 53_200, Some("db;dur=53.2"));
        check("cache-read.2", 1_000_000, Some("cache-read.2;dur=1000"));
        for name in ["", "a b", "a;b", "a,b", "a=b", "a\"", "caf\u{e9}", "a\r\nb"] {
            check(name, 1, None);
        }
    }
}
