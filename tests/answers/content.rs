//! What holds for any ranges of anything: the parts are the slices, and cost no more than the whole.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, RANGE};
use http::{Method, Response};
use http_body::Body as _;
use letterhead::answer::{
    Asked, Coding, Content, EntityTag, Facts, MAX_PARTS, MAX_RANGES, respond, respond_among,
};

use crate::check::{self, Got, parts};
use crate::data;

/// Collects a body, and looks whether it keeps its word on the way.
fn collect(response: Response<Content>) -> Got {
    let (head, mut body) = response.into_parts();
    let mut all = Vec::new();
    let total = body.size_hint().exact().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    loop {
        let left = total - all.len() as u64;
        assert_eq!(body.size_hint().exact(), Some(left));
        assert_eq!(body.is_end_stream(), left == 0);
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(None) => break,
            Poll::Ready(Some(Ok(frame))) => all.extend_from_slice(&frame.into_data().unwrap()),
            Poll::Ready(Some(Err(never))) => match never {},
            Poll::Pending => panic!("it is all there"),
        }
    }
    assert_eq!(all.len() as u64, total);
    Got { status: head.status.as_u16(), fields: check::fields(&head.headers), body: all }
}

fn get(range: &str) -> Asked {
    let mut fields = HeaderMap::new();
    fields.insert(RANGE, HeaderValue::from_str(range).unwrap());
    Asked::new(&Method::GET, &fields)
}

/// A set as a client writes it, and the bytes that it means of something of this length.
fn random_set(random: &mut fastrand::Rng, length: u64) -> (String, Vec<Range<u64>>) {
    let mut members = Vec::new();
    let mut meant = Vec::new();
    let count = random.usize(1..24) >> random.u32(0..5);
    // One set in eight asks for what is not there.
    let least = if random.u8(0..8) == 0 { length } else { 0 };
    for _ in 0..count.max(1) {
        let first = random.u64(least..length + 10);
        let last = first + (random.u64(0..length + 10) >> random.u32(0..12));
        let (member, range) = match random.u8(0..4) {
            0 => (format!("{first}-"), first..length),
            1 => (format!("-{first}"), length.saturating_sub(first)..length),
            _ => (format!("{first}-{last}"), first..(last + 1).min(length)),
        };
        members.push(member);
        if range.start < range.end {
            meant.push(range);
        }
    }
    let separator = [",", ", ", " ,\t,"][random.usize(0..3)];
    (format!("bytes={}", members.join(separator)), meant)
}

#[test]
fn parts_are_the_slices_that_were_asked_for_and_cost_no_more_than_the_whole() {
    let mut random = fastrand::Rng::with_seed(206);
    let mut seen = [0; 4];
    for round in 0..4_000 {
        let length = random.u64(1..6_000) >> random.u32(0..4);
        let length = length.max(1);
        let all = data::content(length, Coding::Identity);
        let (set, meant) = random_set(&mut random, length);
        let mut facts = Facts::new(0);
        if round % 2 == 0 {
            facts = facts.content_type(HeaderValue::from_static("text/plain"));
        }
        let got = collect(respond(&get(&set), &facts, all.clone(), data::now()));
        let told = got.field("content-length").unwrap();
        assert_eq!(told, got.body.len().to_string(), "{set} of {length}");
        assert!(got.body.len() as u64 <= length, "{set} of {length} took {told}");
        let sent: Vec<Range<u64>> = match (got.status, got.field("content-range")) {
            (200, None) => {
                assert!(got.body == all, "{set} of {length}");
                seen[0] += 1;
                continue;
            }
            (416, Some(told)) => {
                assert_eq!(told, format!("bytes */{length}"));
                assert!(meant.is_empty(), "{set} of {length}");
                seen[1] += 1;
                continue;
            }
            (206, Some(told)) => {
                seen[2] += 1;
                let range = range_of(&told, length);
                assert!(got.body == all[slice(&range)], "{set} of {length}");
                vec![range]
            }
            (206, None) => {
                seen[3] += 1;
                let parts = parts(&got);
                assert!((2..=MAX_PARTS).contains(&parts.len()), "{set} of {length}");
                let told = parts.iter().map(|part| {
                    let range = range_of(&part.content_range, length);
                    assert!(part.content == all[slice(&range)], "{set} of {length}: {range:?}");
                    assert_eq!(part.content_type.is_some(), round % 2 == 0);
                    range
                });
                told.collect()
            }
            other => panic!("{other:?}: {set} of {length}"),
        };
        for byte in 0..length {
            let wanted = meant.iter().any(|range| range.contains(&byte));
            let times = sent.iter().filter(|range| range.contains(&byte)).count();
            assert_eq!(times, usize::from(wanted), "byte {byte}: {set} of {length}");
        }
        // The order of the client; a joined part stands where the first of it stood.
        let within = |part: &Range<u64>| meant.iter().position(|one| part.contains(&one.start));
        let places = sent.iter().map(within);
        assert!(places.is_sorted(), "{set} of {length}: {sent:?}");
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

fn range_of(text: &str, length: u64) -> Range<u64> {
    let (range, complete) = text.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
    assert_eq!(complete, length.to_string());
    let (first, last) = range.split_once('-').unwrap();
    first.parse().unwrap()..last.parse::<u64>().unwrap() + 1
}

fn slice(range: &Range<u64>) -> Range<usize> {
    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
}

#[test]
fn nothing_that_is_asked_costs_more_than_the_whole() {
    let all = data::content(4_000, Coding::Identity);
    let scattered: Vec<_> = (0..MAX_RANGES).map(|at| format!("{0}-{0}", at * 9)).collect();
    for set in [
        "0-0,".repeat(4096),
        "0-,".repeat(MAX_RANGES),
        "-1,".repeat(MAX_RANGES),
        "0-3998,".repeat(MAX_RANGES),
        scattered.join(","),
        scattered[..MAX_PARTS].join(","),
        "0-1998,2000-3999".to_owned(),
    ] {
        let got = collect(respond(
            &get(&format!("bytes={set}")),
            &Facts::new(0),
            all.clone(),
            data::now(),
        ));
        assert!(got.body.len() <= all.len(), "{}", got.body.len());
    }
}

#[test]
fn no_request_is_too_much_for_it() {
    let mut random = fastrand::Rng::with_seed(400);
    let names = [
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
        "range",
        "accept-encoding",
    ];
    let words = [
        "\"a\"",
        "W/",
        "*",
        ",",
        "bytes",
        "=",
        "0-",
        "-1",
        "9",
        "-",
        "gzip",
        ";q=",
        "0.5",
        "\"",
        " ",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "\u{fc}",
        "identity",
        "18446744073709551616",
        "\t",
    ];
    let methods = [Method::GET, Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT];
    let tag = EntityTag::strong("a").unwrap();
    let variants = [Coding::Gzip, Coding::Identity].map(|coding| {
        let facts = Facts::new(0).tag(tag.clone()).last_modified(SystemTime::UNIX_EPOCH);
        (facts.coding(coding), Bytes::from_static(b"0123456789"))
    });
    for _ in 0..20_000 {
        let mut fields = HeaderMap::new();
        for _ in 0..random.usize(0..5) {
            let value: String =
                (0..random.usize(0..6)).map(|_| words[random.usize(0..words.len())]).collect();
            let name = HeaderName::from_static(names[random.usize(0..names.len())]);
            fields.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let asked = Asked::new(&methods[random.usize(0..methods.len())], &fields);
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(random.u64(..) >> 20);
        let got = collect(respond_among(&asked, &variants, now));
        assert!([200, 204, 206, 304, 405, 406, 412, 416].contains(&got.status), "{got:?}");
    }
}
