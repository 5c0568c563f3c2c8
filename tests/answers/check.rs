//! One answer, held against its row and against what holds for every answer.

use std::ops::Range;

use http::Method;

use crate::data::{self, Row, Sent, Thing};

/// An answer, wherever it was seen.
#[derive(Debug, Default)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    /// The lines of a field, joined as a list.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let lines: Vec<_> =
            self.fields.iter().filter(|(field, _)| field == name).map(|(_, v)| &**v).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }
}

/// The fields of a head, as they are compared.
pub(crate) fn fields(fields: &http::HeaderMap) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}

/// Holds an answer against its row.
pub(crate) fn check(row: &Row, thing: &Thing, got: &Got) {
    head(row, thing, got);
    let coding = got.field("content-encoding");
    let all = data::content(thing.length, data::coding(coding.as_deref().unwrap_or("identity")));
    let slice = |range: &Range<u64>| {
        &all[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    let at = &row.place;
    match &row.sent {
        Sent::Nothing => assert!(got.body.is_empty(), "{at}: content {:?}", got.body),
        Sent::Whole => assert!(got.body == all, "{at}: not the whole: {got:?}"),
        Sent::Ranges(ranges) => match ranges.as_slice() {
            [one] => assert!(got.body == slice(one), "{at}: not {one:?}: {got:?}"),
            many => {
                let parts = parts(got);
                assert_eq!(parts.len(), many.len(), "{at}: {got:?}");
                for (part, range) in parts.iter().zip(many) {
                    let content_range =
                        format!("bytes {}-{}/{}", range.start, range.end - 1, thing.length);
                    assert_eq!(part.content_range, content_range, "{at}");
                    assert!(part.content == slice(range), "{at}: not {range:?}: {part:?}");
                }
            }
        },
    }
    if row.method != Method::HEAD && !matches!(row.status, 204 | 304) {
        let length = got.body.len().to_string();
        assert_eq!(got.field("content-length"), Some(length), "{at}: content-length");
    }
}

/// Holds a head against its row, and against what holds for every head.
pub(crate) fn head(row: &Row, thing: &Thing, got: &Got) {
    let at = format!("{}\n{}\n{:?}", row.place, row.text, got.fields);
    assert_eq!(got.status, row.status, "{at}");
    for (name, value) in &row.expected {
        assert_eq!(got.field(name), *value, "{name} at {at}");
    }
    let has = |name| got.field(name).is_some();
    let described = matches!(got.status, 200 | 206);
    assert_eq!(has("content-length"), !matches!(got.status, 204 | 304), "{at}");
    if row.method == Method::HEAD {
        let length = if got.status == 200 { thing.length } else { 0 }.to_string();
        assert!(got.field("content-length").is_none_or(|told| told == length), "{at}");
    }
    let several = has("content-type")
        && got.field("content-type").unwrap().starts_with("multipart/byteranges; boundary=");
    // RFC 9110, sections 14.4 and 15.3.7.2.
    assert_eq!(has("content-range"), got.status == 416 || got.status == 206 && !several, "{at}");
    assert!(!several || got.status == 206, "{at}");
    // RFC 9110, section 15.4.5.
    if matches!(got.status, 304 | 412 | 416) {
        for name in ["content-type", "content-encoding", "content-language"] {
            assert!(!has(name), "{name} at {at}");
        }
    }
    if described || matches!(got.status, 304 | 412 | 416) {
        assert_eq!(has("etag"), thing.has_tag, "{at}");
    }
    assert_eq!(has("accept-ranges"), described || got.status == 416, "{at}");
    // RFC 9110, section 15.5.6.
    assert_eq!(has("allow"), matches!(got.status, 204 | 405), "{at}");
    if thing.varies {
        let vary = got.field("vary").unwrap_or_default();
        assert!(vary.split(", ").any(|name| name == "accept-encoding"), "vary at {at}");
    }
    // RFC 9110, section 8.8.2.1.
    if let Some(modified) = got.field("last-modified") {
        assert!(httpdate::parse_http_date(&modified).unwrap() <= data::now(), "{at}");
    }
    assert!(!has("transfer-encoding"), "{at}");
}

/// A part of several.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) content_type: Option<String>,
    pub(crate) content_range: String,
    pub(crate) content: Vec<u8>,
}

/// Takes several parts apart, as a client does that knows the boundary alone.
pub(crate) fn parts(got: &Got) -> Vec<Part> {
    let content_type = got.field("content-type").unwrap();
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    assert!(boundary.len() <= 70 && boundary.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = [b"\r\n", &*got.body].concat();
    let mut parts = Vec::new();
    let mut is_first = true;
    loop {
        let at = rest.windows(delimiter.len()).position(|window| window == delimiter.as_bytes());
        let content = rest.drain(..at.unwrap()).collect::<Vec<_>>();
        if is_first {
            assert!(content.is_empty(), "something stands before the first part");
        } else {
            let Part { content: slot, .. } = parts.last_mut().unwrap();
            *slot = content;
        }
        is_first = false;
        rest.drain(..delimiter.len());
        if rest == b"--\r\n" {
            return parts;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let lines = String::from_utf8(rest.drain(..end + 4).collect()).unwrap();
        let field = |name: &str| {
            let mut fields = lines.lines().filter_map(|line| line.split_once(": "));
            fields.find_map(|(field, value)| (field == name).then(|| value.to_owned()))
        };
        parts.push(Part {
            content_type: field("Content-Type"),
            content_range: field("Content-Range").unwrap(),
            content: Vec::new(),
        });
    }
}
