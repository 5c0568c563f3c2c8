//! Entity tags and lists of them: what is read is what was written, and nothing else matches.
#![no_main]

use std::time::SystemTime;

use http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{Method, StatusCode};
use letterhead::answer::{Asked, Coding, EntityTag, Facts, answer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    if let Some(tag) = EntityTag::parse(&value) {
        assert_eq!(EntityTag::parse(tag.value()), Some(tag.clone()));
        let again = if tag.is_weak() { EntityTag::weak } else { EntityTag::strong };
        assert_eq!(again(tag.opaque()), Some(tag.clone()));
        assert!(tag.weakened().is_weak());
        assert_eq!(tag.weakened().opaque(), tag.opaque());
        for coding in Coding::ALL {
            let coded = tag.coded(coding);
            assert_eq!(EntityTag::parse(coded.value()), Some(coded.clone()));
            assert_eq!(coded == tag, coding == Coding::Identity);
        }
        // Its own line holds against itself, weak ones where weak ones do.
        assert_eq!(status(&IF_NONE_MATCH, tag.value(), &tag), StatusCode::NOT_MODIFIED);
        let strong = !tag.is_weak();
        let held = status(&IF_MATCH, tag.value(), &tag) != StatusCode::PRECONDITION_FAILED;
        assert_eq!(held, strong);
        let range = status(&IF_RANGE, tag.value(), &tag) == StatusCode::PARTIAL_CONTENT;
        assert_eq!(range, strong);
    }
    // A line that does not say the tag does not match it.
    let tag = EntityTag::strong("tag").expect("a tag");
    let says = data.windows(5).any(|part| part == b"\"tag\"") || data.contains(&b'*');
    let not_modified = status(&IF_NONE_MATCH, &value, &tag) == StatusCode::NOT_MODIFIED;
    let matched = status(&IF_MATCH, &value, &tag) != StatusCode::PRECONDITION_FAILED;
    assert!(says || !not_modified && !matched);
    // What holds strongly holds weakly.
    assert!(not_modified || !matched);
    assert!(says || status(&IF_RANGE, &value, &tag) != StatusCode::PARTIAL_CONTENT);
});

fn status(name: &HeaderName, value: &HeaderValue, tag: &EntityTag) -> StatusCode {
    let mut fields = HeaderMap::new();
    fields.insert("range", HeaderValue::from_static("bytes=0-0"));
    fields.insert(name, value.clone());
    let asked = Asked::new(&Method::GET, &fields);
    answer(&asked, &Facts::new(10).tag(tag.clone()), SystemTime::UNIX_EPOCH).head().status()
}
