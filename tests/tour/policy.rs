//! The `policy` example: its header policy on every kind of response, and how it is read again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Example, PROTOCOLS, Ran, curl, path_of};

const ASKS: &str = "access-control-request-method: GET";
const ALLOWS: &str = "access-control-allow-origin: *";

/// The file that a running example has its policy from.
pub(crate) fn file(example: &Example) -> PathBuf {
    let line = example.receipt_with("policy: version 1 is ");
    line.strip_prefix("policy: version 1 is ").unwrap().into()
}

/// Asks until the answer says `part`.
fn until(example: &Example, path: &str, part: &str) -> Option<Ran> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let ran = curl(PROTOCOLS[0], &[&example.url(path)])?;
        if ran.out.contains(part) {
            return Some(ran);
        }
        assert!(Instant::now() < end, "wanted {part:?} in:\n{}", ran.out);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_policy_is_on_every_response() {
    let example = Example::start("policy");
    for protocol in PROTOCOLS {
        for (args, path, says, lacks) in [
            (
                &[][..],
                "/hello/you",
                &["200", "x-greeted: you", "x-frame-options: SAMEORIGIN"][..],
                "",
            ),
            (&["-I"], "/assets/app.js", &["200", "max-age=31536000, immutable"], ""),
            (&["-H", "if-none-match: *"], "/", &["304", "x-frame-options: DENY"], ""),
            (&[], "/assets/missing", &["404", "x-robots-tag: noindex"], "immutable"),
            (&[], "/assets/private", &["200", "cache-control: private, no-store"], "immutable"),
            (&[], "/assets/login", &["500", "no-store", "x-frame-options: DENY"], "set-cookie"),
            (&["-r", "0-3"], "/assets/app.js", &["206", "content-range: bytes 0-3/"], "noindex"),
            (&["-X", "POST"], "/hello/you", &["405", "allow: GET,HEAD", "x-robots-tag"], ""),
            (&[], "/assets", &["308", "location: ./assets/", "x-frame-options: DENY"], "immutable"),
            (
                &["-X", "OPTIONS", "-H", "origin: http://a.test", "-H", ASKS],
                "/shared",
                &["200", ALLOWS],
                "",
            ),
            (&[], "/slow", &["408", "x-robots-tag: noindex"], ""),
            (&[], "/fail", &["503", "x-robots-tag: noindex"], "x-incident"),
            (&[], "/panic", &["500", "x-robots-tag: noindex", "x-incident: panic"], ""),
        ] {
            let Some(ran) = curl(protocol, &[args, &[&example.url(path)]].concat()) else { return };
            ran.exits(0).says("x-content-type-options: nosniff\n");
            ran.lacks("x-powered-by").lacks("strict-transport-security");
            for part in says {
                ran.says(part);
            }
            if !lacks.is_empty() {
                ran.lacks(lacks);
            }
        }
    }
    let (status, lines) = example.interrupt();
    assert!(status.success(), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("\"GET /fail HTTP/2.0\" 503 ")), "{lines:#?}");
    let denied = "denied: /assets/login sets a cookie on what every cache may keep";
    assert!(lines.iter().any(|line| line.contains(denied)), "{lines:#?}");
}

#[test]
fn the_policy_is_read_again_when_it_changes_and_at_a_hangup() {
    let example = Example::start("policy");
    let path = file(&example);
    fs::write(&path, "/*\n  X-Policy: two\n").unwrap();
    if until(&example, "/", "x-policy: two\n").is_none() {
        return;
    }
    example.receipt_with("policy: version 2 is in force");
    // A file with a line that is wrong is refused, each line is told, and the policy before it stays.
    fs::write(&path, "/*\n  X Policy: three\n  Content-Length: 3\n").unwrap();
    example.receipt_with("policy: refused, the version before stays");
    example.receipt_with("_headers:2: wanted a field name");
    example.receipt_with("_headers:3: wanted a field that a policy may touch");
    until(&example, "/", "x-policy: two\n");
    fs::write(&path, "/*\n  X-Policy: three\n").unwrap();
    until(&example, "/", "x-policy: three\n");
    example.receipt_with("policy: version 3 is in force");
    example.signal("-HUP");
    example.receipt_with("policy: version 3 stays, nothing is new");
    let (status, lines) = example.interrupt();
    assert!(status.success(), "{lines:#?}");
}

#[test]
fn a_file_with_a_line_that_is_wrong_is_refused_at_the_start() {
    let path = std::env::temp_dir().join(format!("letterhead-refused-{}", std::process::id()));
    fs::write(&path, "/*\n  Content-Length: 3\n").unwrap();
    let ran = Command::new(path_of("policy")).arg("--policy").arg(&path).output().unwrap();
    fs::remove_file(&path).unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains(":2: wanted a field that a policy may touch"), "{said}");
    let ran = Command::new(path_of("policy")).arg("--polcy").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(said.contains("found `--polcy`"), "{said}");
}
