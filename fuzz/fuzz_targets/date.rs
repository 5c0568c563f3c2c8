//! Dates in conditions: what another reader takes for a date is that date, and nothing makes it panic.
#![no_main]

use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_RANGE, IF_UNMODIFIED_SINCE};
use http::{Method, StatusCode};
use letterhead::answer::{Asked, Facts, answer};
use libfuzzer_sys::fuzz_target;

/// The last second that a date can say.
const LAST: u64 = 253_402_300_799;

fuzz_target!(|data: &[u8]| {
    let Some((first, line)) = data.split_first_chunk::<8>() else { return };
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from_le_bytes(*first) % LAST);
    // What was written before is told without an error, whatever it is.
    let text = httpdate::fmt_http_date(modified);
    assert_eq!(status(text.as_bytes(), modified), Some(StatusCode::NOT_MODIFIED), "{text}");
    let Some(found) = status(line, modified) else { return };
    let Ok(text) = std::str::from_utf8(line) else { return };
    // The short year is held against the present here, and against 1970 there.
    if text.contains('-') || text.contains(":60") {
        return;
    }
    if let Ok(date) = httpdate::parse_http_date(text) {
        let expected = modified <= date;
        assert_eq!(found == StatusCode::NOT_MODIFIED, expected, "{text} {modified:?}");
    }
});

/// What becomes of a request with this line, long after; `None` if it is no line.
fn status(line: &[u8], modified: SystemTime) -> Option<StatusCode> {
    let value = HeaderValue::from_bytes(line).ok()?;
    let facts = Facts::new(10).last_modified(modified);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(LAST);
    let ask = |name| {
        let mut fields = HeaderMap::new();
        fields.insert("range", HeaderValue::from_static("bytes=0-0"));
        fields.insert(name, value.clone());
        answer(&Asked::new(&Method::GET, &fields), &facts, now).head().status()
    };
    let since = ask(IF_MODIFIED_SINCE);
    // A date is at or before another one, or not: both conditions see the same.
    if ask(IF_UNMODIFIED_SINCE) == StatusCode::PRECONDITION_FAILED {
        assert_eq!(since, StatusCode::PARTIAL_CONTENT, "{line:?}");
    }
    // The very date is never a later one.
    if ask(IF_RANGE) == StatusCode::PARTIAL_CONTENT {
        assert_eq!(since, StatusCode::NOT_MODIFIED, "{line:?}");
    }
    Some(since)
}
