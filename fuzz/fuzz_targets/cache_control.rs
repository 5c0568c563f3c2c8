//! `Cache-Control` of two writers, merged: no cache may do more than either of them allows.
#![no_main]

use std::convert::Infallible;
use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;
use letterhead::{Action, LetterheadLayer, Rule, Rules, named};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::{Layer as _, ServiceExt as _};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

fuzz_target!(|data: &[u8]| {
    let Some(at) = data.iter().position(|byte| *byte == 0) else { return };
    let (Some(first), Some(second)) = (lines(&data[..at]), lines(&data[at + 1..])) else { return };
    let merged = merged(&first, &second);
    let told = text(&merged);
    // Quotes may hold anything; without them a directive is what stands between two commas.
    let both = [text(&first), text(&second)];
    if both.iter().any(|text| text.contains(['"', '\\']) || !text.is_ascii()) {
        return;
    }
    for text in &both {
        for directive in directives(text) {
            let kept = |name: &str| directives(&told).any(|kept| kept == name);
            match directive.as_str() {
                "no-store" | "no-transform" => assert!(kept(&directive), "{directive}: {told}"),
                "must-revalidate" | "no-cache" | "private" => {
                    assert!(kept(&directive) || kept("no-store"), "{directive}: {told}");
                }
                _ => {}
            }
        }
    }
});

fn directives(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(|part| part.trim_matches([' ', '\t']).to_ascii_lowercase())
}

fn text(lines: &[HeaderValue]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    lines.join(",")
}

/// Lines of a field that has any.
fn lines(data: &[u8]) -> Option<Vec<HeaderValue>> {
    data.split(|byte| *byte == b'\n').map(|line| HeaderValue::from_bytes(line).ok()).collect()
}

/// What a client sees where one layer wrote `second` over `first`, and lists are merged.
fn merged(first: &[HeaderValue], second: &[HeaderValue]) -> Vec<HeaderValue> {
    let set = |fields: &mut HeaderMap, lines: &[HeaderValue]| {
        fields.remove(CACHE_CONTROL);
        for line in lines {
            fields.append(CACHE_CONTROL, line.clone());
        }
    };
    let (inner, outer) = (first.to_vec(), second.to_vec());
    let service = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::new(Bytes::from_static(b"content")));
        set(response.headers_mut(), &inner);
        async move { Ok::<_, Infallible>(response) }
    });
    let over = tower::util::MapResponseLayer::new(move |mut response: Response<_>| {
        set(response.headers_mut(), &outer);
        response
    });
    let rules = Rules::standard().on(Rule::ListReplaced, Action::Merge);
    let service = LetterheadLayer::new().rules(rules).layer(named("over", over).layer(service));
    let response = RUNTIME.block_on(service.oneshot(Request::new(Full::default())));
    let response = response.unwrap_or_else(|never| match never {});
    response.headers().get_all(CACHE_CONTROL).iter().cloned().collect()
}
