//! `_redirects` files: whatever they and a path have in them, a target on this site stays there.
#![no_main]

use letterhead::policy::{Redirect, Redirects};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(3, '\0');
    let text = parts.next().unwrap_or_default();
    let (path, query) = (parts.next().unwrap_or("/a/b"), parts.next());
    let Ok(redirects) = Redirects::parse("_redirects", text) else { return };
    match redirects.find(path, query) {
        None => {}
        Some(Redirect::Rewrite { target, line }) => check(text, line, &target),
        Some(Redirect::To { location, line, .. }) => {
            check(text, line, location.to_str().expect("visible ASCII"));
        }
        Some(_) => unreachable!("there is no other one"),
    }
});

fn check(text: &str, line: usize, target: &str) {
    let written = text.split('\n').nth(line - 1).expect("the line");
    let to = written.split_whitespace().nth(1).expect("a target");
    match to.strip_prefix("https://") {
        // The host is the line's, and no one else's.
        Some(rest) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let rest = target.get(8 + host.len()..).expect("a host");
            assert!(target[8..8 + host.len()].eq_ignore_ascii_case(host), "{target}");
            assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']), "{target}");
        }
        None => assert!(target.starts_with('/') && !target.starts_with("//"), "{target}"),
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    assert!(target.bytes().all(is_plain), "{target:?}");
}
