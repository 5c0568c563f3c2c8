//! Paths of requests against a real tree: nothing from outside the root, nothing hidden, no failure.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use letterhead::FileSender;
use letterhead::files::FileBody;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

struct Site {
    runtime: Runtime,
    files: FileSender,
}

/// A root beside a secret; what may be had of it says `open`.
static SITE: LazyLock<Site> = LazyLock::new(|| {
    let at = std::env::temp_dir().join(format!("letterhead-fuzz-{}", std::process::id()));
    let root = at.join("root");
    // Short names: nobody tells the engine how near it is to one.
    for name in ["d/e/f", ".hidden/a", "d.gz", "%2e%2e", "a b"].map(|name| root.join(name)) {
        fs::create_dir_all(name.parent().expect("a parent")).expect("a directory");
        fs::write(name, "open").expect("a file");
    }
    for (name, content) in [("root/a", "open"), ("root/d/a", "open"), ("root/d/index.html", "open")]
    {
        fs::write(at.join(name), content).expect("a file");
    }
    for name in ["secret", "root/.a", "root/d/.a", "root/.hidden/a"] {
        fs::write(at.join(name), "secret").expect("a file");
    }
    for (name, target) in [("out", "../secret"), ("up", ".."), ("within", "d/e"), ("loop", "loop")]
    {
        std::os::unix::fs::symlink(target, root.join(name)).expect("a link");
    }
    let files = FileSender::new(&root).expect("the root");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    Site { runtime, files }
});

fuzz_target!(|data: &[u8]| {
    let site = &*SITE;
    // As a request has it, and as a handler does.
    if let Ok(uri) = Uri::try_from(data) {
        let decoded = decoded(uri.path().as_bytes());
        let request = Request::get(uri).body(()).expect("a request");
        let response = site.runtime.block_on(site.files.clone().oneshot(request));
        check(site, response.unwrap_or_else(|never| match never {}), &decoded);
    }
    if let Ok(path) = std::str::from_utf8(data) {
        let request = Request::get("/").body(()).expect("a request");
        let Ok(response) = site.runtime.block_on(async { site.files.send(&request, path).await });
        check(site, response, data);
    }
});

fn check(site: &Site, response: Response<FileBody>, path: &[u8]) {
    let status = response.status().as_u16();
    assert!(matches!(status, 200 | 308 | 404), "{status}");
    let body = site.runtime.block_on(response.into_body().collect()).expect("a body").to_bytes();
    assert!(!body.starts_with(b"secret"), "a secret");
    if status == 200 {
        assert_eq!(&body[..], b"open");
        let mut names = path.split(|byte| *byte == b'/');
        let is_hidden = names.any(|name| name.starts_with(b".") || name.contains(&0));
        assert!(!is_hidden, "{path:?}");
    }
}

/// Percent-decoding without any rule about what may come out.
fn decoded(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let code = code.and_then(|two| u8::from_str_radix(two, 16).ok());
        let (byte, behind) = match code.filter(|_| *first == b'%') {
            Some(byte) => (byte, &behind[2..]),
            None => (*first, behind),
        };
        decoded.push(byte);
        rest = behind;
    }
    decoded
}
