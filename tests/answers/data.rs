//! The rows: what is served, what is asked, what is answered.
//!
//! ```text
//! serve plain | length 10000 | tag "v1" | modified Sun, 06 Nov 1994 08:49:37 GMT | vary: origin
//! GET /plain | range: bytes=0-499 -> 206 | content-range: bytes 0-499/10000 | !vary | = 0..500
//! ```
//!
//! Several `serve` lines of one name are codings of one thing. Behind the arrow stand the status,
//! fields with their values, fields that must not be there (`!`), and the bytes that follow: `whole`
//! (which is what a 200 to a `GET` has), `nothing` (all others), or ranges of the thing. `\xff` is a
//! byte above ASCII. A file whose things are too long to send is looked at as a plan alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use letterhead::answer::{Coding, EntityTag, Facts};

/// The time of every answer: 2026-07-01 00:00:00 GMT, and some.
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_782_864_000_250)
}

/// Everything that the files say.
#[derive(Default)]
pub(crate) struct Data {
    pub(crate) things: BTreeMap<String, Thing>,
    pub(crate) rows: Vec<Row>,
}

/// Something that is served, in one or more codings.
#[derive(Clone, Default)]
pub(crate) struct Thing {
    pub(crate) variants: Vec<(Facts, Coding)>,
    pub(crate) length: u64,
    pub(crate) has_tag: bool,
    /// It was said to be in a coding.
    pub(crate) varies: bool,
}

#[derive(Clone)]
pub(crate) struct Row {
    /// `conditions.txt:12`.
    pub(crate) place: String,
    pub(crate) text: String,
    pub(crate) method: Method,
    pub(crate) thing: String,
    pub(crate) fields: HeaderMap,
    pub(crate) status: u16,
    /// A field and its value; `None` if it must not be there.
    pub(crate) expected: Vec<(String, Option<String>)>,
    pub(crate) sent: Sent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Nothing,
    Whole,
    Ranges(Vec<Range<u64>>),
}

impl Data {
    /// Reads one of the files.
    pub(crate) fn read(file: &str, text: &str) -> Self {
        let mut data = Self::default();
        for (at, line) in text.lines().enumerate() {
            let place = format!("{file}:{}", at + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.strip_prefix("serve ") {
                Some(line) => data.serve(line),
                None => data.rows.push(row(place, line)),
            }
        }
        data
    }

    fn serve(&mut self, line: &str) {
        let mut words = line.split(" | ");
        let thing = self.things.entry(words.next().unwrap().trim().to_owned()).or_default();
        let words: Vec<_> = words.map(str::trim).collect();
        let length = words.iter().find_map(|word| word.strip_prefix("length ")).unwrap();
        thing.length = length.parse().unwrap();
        let (mut facts, mut named) = (Facts::new(thing.length), Coding::Identity);
        for word in words {
            facts = match word.split_once(' ').unwrap_or((word, "")) {
                ("length", _) => facts,
                ("tag", tag) => {
                    thing.has_tag = true;
                    facts.tag(EntityTag::parse(&value(tag)).unwrap())
                }
                ("modified", date) => facts.last_modified(match date.strip_prefix("now") {
                    Some("") => now(),
                    Some(seconds) => {
                        let seconds: i64 = seconds.trim().parse().unwrap();
                        let distance = Duration::from_secs(seconds.unsigned_abs());
                        if seconds < 0 { now() - distance } else { now() + distance }
                    }
                    None => httpdate::parse_http_date(date).unwrap(),
                }),
                ("coding", token) => {
                    thing.varies = true;
                    named = coding(token);
                    facts.coding(named)
                }
                ("vary", name) => facts.vary(name.parse().unwrap()),
                ("accept-query", types) => facts.accept_query(value(types)),
                ("unsettled", _) => facts.unsettled(),
                ("no", "ranges") => facts.without_ranges(),
                (name, text) => {
                    let name = name.strip_suffix(':').expect(word);
                    if name == "content-encoding" {
                        named = coding(text);
                    }
                    facts.field(name.parse().unwrap(), value(text))
                }
            };
        }
        thing.variants.push((facts, named));
    }
}

fn row(place: String, line: &str) -> Row {
    let (asked, answered) = line.split_once(" -> ").unwrap_or_else(|| panic!("{place}: no arrow"));
    let mut asked = asked.split(" | ").map(str::trim);
    let (method, path) = asked.next().unwrap().split_once(" /").unwrap();
    let method: Method = method.parse().unwrap();
    let mut fields = HeaderMap::new();
    for field in asked {
        let (name, text) = field.split_once(':').unwrap_or_else(|| panic!("{place}: {field}"));
        fields.append(name.parse::<HeaderName>().unwrap(), value(text.trim()));
    }
    let mut answered = answered.split(" | ").map(str::trim);
    let status = answered.next().unwrap().parse().unwrap();
    let is_sent = status == 200 && method != Method::HEAD;
    let mut sent = if is_sent { Sent::Whole } else { Sent::Nothing };
    let mut expected = Vec::new();
    for word in answered {
        if let Some(name) = word.strip_prefix('!') {
            expected.push((name.to_owned(), None));
        } else if let Some(bytes) = word.strip_prefix("= ") {
            sent = match bytes {
                "whole" => Sent::Whole,
                "nothing" => Sent::Nothing,
                ranges => Sent::Ranges(ranges.split_whitespace().map(range).collect()),
            };
        } else {
            let (name, text) = word.split_once(':').unwrap_or_else(|| panic!("{place}: {word}"));
            let text = String::from_utf8_lossy(value(text.trim()).as_bytes()).into_owned();
            expected.push((name.to_owned(), Some(text)));
        }
    }
    let thing = path.trim().to_owned();
    Row { place, text: line.to_owned(), method, thing, fields, status, expected, sent }
}

/// The coding of that name.
pub(crate) fn coding(token: &str) -> Coding {
    Coding::ALL.into_iter().find(|one| one.token() == token).unwrap()
}

fn range(text: &str) -> Range<u64> {
    let (start, end) = text.split_once("..").unwrap();
    start.parse().unwrap()..end.parse().unwrap()
}

/// A field value, with `\xff` for bytes that are not ASCII, and `\x09` for a tab.
fn value(text: &str) -> HeaderValue {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        bytes.extend_from_slice(rest.as_bytes());
    }
    HeaderValue::from_bytes(&bytes).unwrap()
}

/// The content of a thing in a coding: letters that repeat themselves nowhere near.
pub(crate) fn content(length: u64, coding: Coding) -> Bytes {
    let mut random = fastrand::Rng::with_seed(coding as u64);
    (0..length).map(|_| random.alphanumeric() as u8).collect()
}

/// Every file but the one whose things are too long to send.
pub(crate) fn files() -> Vec<Data> {
    [
        ("combined.txt", include_str!("combined.txt")),
        ("conditions.txt", include_str!("conditions.txt")),
        ("encodings.txt", include_str!("encodings.txt")),
        ("if_range.txt", include_str!("if_range.txt")),
        ("methods.txt", include_str!("methods.txt")),
        ("query.txt", include_str!("query.txt")),
        ("ranges.txt", include_str!("ranges.txt")),
    ]
    .map(|(name, text)| Data::read(name, text))
    .into()
}

#[test]
fn there_are_as_many_rows_as_were_promised() {
    let files = files();
    let rows: usize = files.iter().map(|data| data.rows.len()).sum();
    assert!(rows >= 250, "{rows} rows");
    let mut texts: Vec<_> =
        files.iter().flat_map(|data| &data.rows).map(|row| row.text.split(" -> ").next()).collect();
    texts.sort_unstable();
    let twice: Vec<_> = texts.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(twice.is_empty(), "asked twice: {twice:?}");
}
