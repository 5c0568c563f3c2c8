//! `Accept-Encoding`: lines or one line, capitals or none, the order of what is offered is the same.
#![no_main]

use http::Method;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use letterhead::answer::{Asked, Coding};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    let Some(found) = ranked(&lines) else { return };
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), found.len(), "a coding twice");
    assert_eq!(ranked(&[&lines.join(&b", "[..])]), Some(found.clone()), "one line is another");
    let capitals: Vec<_> = lines.iter().map(|line| line.to_ascii_uppercase()).collect();
    let capitals: Vec<&[u8]> = capitals.iter().map(Vec::as_slice).collect();
    assert_eq!(ranked(&capitals), Some(found.clone()), "capitals matter");
    // The plain bytes are acceptable unless a weight of zero says otherwise.
    let zero = lines.iter().any(|line| line.contains(&b'0'));
    assert!(zero || found.contains(&Coding::Identity), "nothing forbids the plain bytes");
    // No other coding is sent to whoever did not name it, or a star.
    for coding in Coding::ALL.into_iter().filter(|coding| *coding != Coding::Identity) {
        let token = coding.token().as_bytes();
        let says = |line: &[u8]| {
            let named = line.windows(token.len()).any(|part| part.eq_ignore_ascii_case(token));
            named || line.contains(&b'*')
        };
        assert!(!found.contains(&coding) || lines.iter().any(|line| says(line)), "{coding:?}");
    }
    // Something more to offer changes nothing between the others.
    let fewer = offered(&lines, &[Coding::Gzip, Coding::Identity]).unwrap_or_default();
    let kept = found.iter().filter(|coding| fewer.contains(coding));
    assert!(kept.eq(&fewer), "{found:?} {fewer:?}");
});

fn ranked(lines: &[&[u8]]) -> Option<Vec<Coding>> {
    offered(lines, &Coding::ALL)
}

fn offered(lines: &[&[u8]], offered: &[Coding]) -> Option<Vec<Coding>> {
    let mut fields = HeaderMap::new();
    for line in lines {
        fields.append(ACCEPT_ENCODING, HeaderValue::from_bytes(line).ok()?);
    }
    Some(Asked::new(&Method::GET, &fields).ranked(offered))
}
