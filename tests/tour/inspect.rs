//! The `inspect` example: every kind of response that it gives has a page, found by its list.

use std::time::{Duration, Instant};

use crate::process::{Example, PROTOCOLS, curl, run};

/// Asks for a page until it says `part`: a response is listed when it has ended.
fn until(example: &Example, path: &str, part: &str) -> Option<String> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let ran = run("curl", &["-sS", "--max-time", "20", &example.url(path)])?;
        if ran.out.contains(part) {
            return Some(ran.out);
        }
        assert!(Instant::now() < end, "wanted {part:?} in:\n{}", ran.out);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_response_has_a_page_and_the_wrong_line_is_found() {
    let example = Example::start("inspect");
    for protocol in PROTOCOLS {
        for (path, says) in [
            ("/quarrel", "200"),
            ("/orders/136", "cache-control: private, max-age=60\n"),
            ("/assets/app.js", "immutable"),
            ("/rows", "x-rows: 3\n"),
            ("/too-late", "200"),
            ("/slow", "200"),
            ("/fail", "503"),
            ("/break", "the first part\n"),
            ("/panic", "500"),
            ("/login", "500"),
            ("/nowhere", "404"),
        ] {
            let Some(ran) = curl(protocol, &[&example.url(path)]) else { return };
            ran.says(says);
        }
    }
    if curl(PROTOCOLS[0], &[&example.url("/orders/137")]).is_none() {
        return;
    }
    for (query, part) in [
        ("conflict=list-replaced", "list-replaced set-cookie"),
        ("writer=_headers:7", "/assets/app.js"),
        ("late=1", "/too-late"),
        ("outcome=aborted", "/break"),
        ("status=503", "/fail"),
        ("path=/login", "denied"),
        ("field=x-rows", "/rows"),
    ] {
        until(&example, &format!("/_head/?{query}"), part);
    }
    // A look for the value leads to the line.
    let found = "/_head/index.json?field=cache-control:+31536000&path=/orders";
    let Some(list) = until(&example, found, "/orders/137") else { return };
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let ids = list["exchanges"].as_array().unwrap();
    assert_eq!(ids.len(), 1, "{list}");
    let page = format!("/_head/{}", ids[0]["id"]);
    let Some(page) = until(&example, &page, "</html>") else { return };
    let source = include_str!("../../examples/inspect/orders.rs");
    let line = 1 + source.lines().position(|line| line.contains("max-age=31536000")).unwrap();
    assert!(page.contains(&format!(">examples/inspect/orders.rs:{line}</a>")), "{page}");
    let (status, lines) = example.interrupt();
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("denied: ")), "{lines:#?}");
}
