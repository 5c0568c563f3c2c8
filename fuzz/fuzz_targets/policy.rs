//! `_headers` files: whatever they have in them, a policy is refused or applied without a panic, what it prints
//! is read again, and what it promises holds.
#![no_main]
// The crate's own rooms up to this one are compiled in: what a commit calls is not public.
#![allow(
    dead_code,
    unused_imports,
    reason = "whole rooms are compiled in, and a part of them is called"
)]

#[path = "../../src/error.rs"]
pub mod error;
#[path = "../../src/field/mod.rs"]
mod field;
#[path = "../../src/ledger/mod.rs"]
mod ledger;
#[path = "../../src/policy/mod.rs"]
pub mod policy;
#[path = "../../src/rules/mod.rs"]
mod rules;

pub use field::class::{Class, Role, Shape};
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, VARY,
};
use http::{Method, StatusCode};
pub use ledger::{Entry, Fate, LayerName, Placed, Refusal, Shown, Stage, Verb, Writer};
use libfuzzer_sys::fuzz_target;
use policy::{Dialect, Edit, Origin, Policy, Request, Response};
pub use rules::{Action, Conflict, Expect, Resolution, Rule, Rules};

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut parts = text.splitn(3, '\0');
    let text = parts.next().unwrap_or_default();
    let path = parts.next().unwrap_or("/a/b");
    let authority = parts.next();
    let dialect = if first & 1 == 0 { Dialect::Cloudflare } else { Dialect::Netlify };
    let Ok(policy) = Policy::parse("_headers", text, dialect) else { return };
    let _ = policy.warnings();
    reads_what_it_prints(&policy, dialect);
    let is_grpc = first & 2 != 0;
    let status = [200, 206, 304, 404][usize::from(first >> 2 & 3)];
    let (status, secure) = (StatusCode::from_u16(status).expect("a status"), first & 16 != 0);
    let request = Request { authority, path, method: &Method::GET, secure };
    let response = Response { status, origin: Origin::Handler, layer: None, is_grpc };
    let before = head();
    let (mut fields, mut silent) = (before.clone(), before.clone());
    let mut edits = 0;
    let mut record = |edit: Edit<'_>| {
        assert!(edit.line > 0 && edit.before != edit.after);
        edits += 1;
    };
    policy.apply(&request, &response, &mut fields, Some(&mut record));
    policy.apply(&request, &response, &mut silent, None);
    assert_eq!(fields, silent);
    assert!(edits > 0 || fields == before);
    keeps_its_promises(&before, &fields, is_grpc);
});

fn head() -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in [
        ("cache-control", "private, max-age=60"),
        ("content-length", "10"),
        ("content-type", "application/grpc"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("vary", "Accept-Encoding"),
        ("x-a", "1"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    fields
}

fn reads_what_it_prints(policy: &Policy, dialect: Dialect) {
    let mut text = String::new();
    for line in policy.lines() {
        text.push_str(&format!("{}\n  {line}\n", line.pattern()));
    }
    let again = Policy::parse("_headers", &text, dialect).expect("what was accepted");
    let print = |policy: &Policy| policy.lines().map(|line| line.to_string()).collect::<Vec<_>>();
    assert_eq!(print(policy), print(&again));
}

fn keeps_its_promises(before: &HeaderMap, after: &HeaderMap, is_grpc: bool) {
    for name in [CONTENT_LENGTH, DATE] {
        assert_eq!(before.get(&name), after.get(&name));
    }
    if is_grpc {
        assert_eq!(before.get(CONTENT_TYPE), after.get(CONTENT_TYPE));
    }
    let is_private = after.get_all(CACHE_CONTROL).iter().any(|line| {
        let line = line.as_bytes().to_ascii_lowercase();
        ["private", "no-store"]
            .iter()
            .any(|word| line.windows(word.len()).any(|part| part == word.as_bytes()))
    });
    assert!(is_private, "{after:?}");
    let values = after.values().flat_map(HeaderValue::as_bytes);
    assert!(!values.into_iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    let _ = after.get(VARY);
}
