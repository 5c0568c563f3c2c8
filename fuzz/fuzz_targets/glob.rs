//! Patterns of paths, held against a matcher that tries everything.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use http::{HeaderValue, Request};
use letterhead::FileSender;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

const NAMES: [&str; 6] = ["a", "aa", "ab.js", "b/a.js", "b/aab/aab", "aaaaaaaaaaaaaaaaaaaaaaaab"];

struct Site {
    runtime: Runtime,
    files: FileSender,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("letterhead-fuzz-{}", std::process::id()));
    for name in NAMES.map(|name| root.join(name)) {
        fs::create_dir_all(name.parent().expect("a parent")).expect("a directory");
        fs::write(name, "").expect("a file");
    }
    // Nothing is kept: each sender is asked once.
    let files = FileSender::new(&root).expect("the root").cache(0);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    Site { runtime, files }
});

fuzz_target!(|data: &[u8]| {
    let site = &*SITE;
    let Some((first, pattern)) = data.split_first() else { return };
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    if pattern.len() > 40 {
        return;
    }
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let files = site.files.clone().cache_control(pattern, HeaderValue::from_static("max-age=7"));
    let request = Request::get("/").body(()).expect("a request");
    let Ok(response) = site.runtime.block_on(async { files.send(&request, name).await });
    assert_eq!(response.status(), 200);
    // Young files are `no-cache` where no pattern says otherwise.
    let found = response.headers().get("cache-control").is_some_and(|value| value == "max-age=7");
    assert_eq!(
        found,
        matches(pattern.as_bytes(), format!("/{name}").as_bytes()),
        "{pattern} {name}"
    );
});

/// Row by row: which beginnings of the text each beginning of the pattern matches.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let mut row = vec![false; text.len() + 1];
    row[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = if *sign == b'*' {
                row[..=at].iter().any(|before| *before)
            } else {
                at > 0 && row[at - 1] && text[at - 1] == *sign
            };
        }
        row = next;
    }
    row[text.len()]
}
