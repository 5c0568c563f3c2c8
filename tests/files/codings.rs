//! Siblings in other codings.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use letterhead::FileSender;
use letterhead::answer::Coding;

use crate::client::{H2, h1_get};
use crate::scratch::{Scratch, set_modified, settled};
use crate::serve::serve;

#[tokio::test]
async fn the_most_welcome_sibling_is_sent_with_a_tag_of_its_own() {
    let scratch = Scratch::new();
    scratch.write("a.js", "plain").write("a.js.br", "brotli").write("a.js.gz", "gzip");
    scratch.write("b.js", "plain").write("b.js.br/c", "a directory");
    let sender = scratch.sender().precompressed([Coding::Brotli, Coding::Zstd, Coding::Gzip]);
    let server = serve(sender).await;
    let mut tags = std::collections::BTreeSet::new();
    for (path, accepted, status, body, coding) in [
        ("/a.js", None, 200, "plain", None),
        ("/a.js", Some("br, gzip"), 200, "brotli", Some("br")),
        ("/a.js", Some("br;q=0.5, gzip"), 200, "gzip", Some("gzip")),
        ("/a.js", Some("zstd, gzip;q=0.1"), 200, "gzip", Some("gzip")),
        ("/a.js", Some("zstd"), 200, "plain", None),
        ("/a.js", Some("identity;q=0, gzip"), 200, "gzip", Some("gzip")),
        ("/a.js", Some("identity;q=0"), 406, "", None),
        ("/b.js", Some("br"), 200, "plain", None),
        ("/b.js", Some("br, *;q=0"), 406, "", None),
    ] {
        let lines =
            accepted.map_or_else(String::new, |value| format!("accept-encoding: {value}\r\n"));
        let answer = h1_get(&server, path, &lines).await;
        let got = (answer.status(), answer.body.as_str(), answer.field("content-encoding"));
        assert_eq!(got, (status, body, coding), "{path} {accepted:?}");
        assert_eq!(answer.field("vary"), Some("accept-encoding"), "{path} {accepted:?}");
        if status == 200 {
            // The type is that of the content, not of the coding.
            assert_eq!(answer.field("content-type"), Some("text/javascript; charset=utf-8"));
            tags.insert((path, body.to_owned(), answer.field("etag").unwrap().to_owned()));
        }
    }
    // Each representation has one tag, and a cached one is known by it.
    assert_eq!(tags.len(), 4, "{tags:?}");
    let distinct: std::collections::BTreeSet<_> =
        tags.iter().filter(|tag| tag.0 == "/a.js").map(|tag| &tag.2).collect();
    assert_eq!(distinct.len(), 3, "{tags:?}");
    for (path, body, tag) in &tags {
        let coding = match body.as_str() {
            "brotli" => "br",
            "gzip" => "gzip",
            _ => "identity",
        };
        let lines = format!("accept-encoding: {coding}\r\nif-none-match: {tag}\r\n");
        let answer = h1_get(&server, path, &lines).await;
        assert_eq!(answer.status(), 304, "{path} {body}");
        assert_eq!(answer.field("vary"), Some("accept-encoding"));
    }
    // There is nothing of which there could be another coding.
    let missing = h1_get(&server, "/missing.js", "accept-encoding: br\r\n").await;
    assert_eq!((missing.status(), missing.field("vary")), (404, None));
}

#[tokio::test]
async fn only_what_may_be_had_in_other_codings_varies_by_them() {
    let scratch = Scratch::new();
    for name in ["film.mp4", "p.png", "f.woff2", "nameless", "empty.zip"] {
        scratch.write(name, if name == "empty.zip" { "" } else { "content" });
    }
    scratch.write("a.wasm", "w").write("a.css", "").write("d/index.html", "<p>");
    scratch.write("coded.mp4", "plain").write("coded.mp4.gz", "gzip");
    scratch.write("odd.png", "plain").write("odd.png.br/x", "a directory");
    let varies = Some("accept-encoding");
    let sender = || scratch.sender().precompressed([Coding::Brotli, Coding::Gzip]).listing(9);
    for cache in [0, FileSender::CACHE] {
        let server = serve(sender().cache(cache)).await;
        let h2 = H2::connect(&server).await;
        for (path, expected) in [
            ("/film.mp4", None),
            ("/p.png", None),
            ("/f.woff2", None),
            ("/nameless", None),
            ("/empty.zip", None),
            ("/odd.png", None),
            ("/coded.mp4", varies),
            ("/a.wasm", varies),
            ("/a.css", varies),
            ("/d/", varies),
            // A sibling is a file of its own, and is in no coding then.
            ("/coded.mp4.gz", None),
            // No file is sent.
            ("/d", None),
            ("/missing.js", None),
            ("/.git", None),
        ] {
            let lines = [
                "",
                "accept-encoding: gzip, br\r\n",
                "accept-encoding: zstd\r\n",
                "accept-encoding: identity;q=1, *;q=0\r\nrange: bytes=0-0\r\n",
                "range: bytes=99-\r\n",
                "if-none-match: *\r\n",
                "if-match: \"other\"\r\n",
            ];
            for lines in lines.into_iter().chain(lines) {
                let answer = h1_get(&server, path, lines).await;
                assert_eq!(answer.field("vary"), expected, "{path} {lines:?} {answer:?}");
            }
            for method in [Method::GET, Method::HEAD] {
                let answer = h2.request(method, path).await.unwrap();
                assert_eq!(answer.field("vary"), expected, "{path}");
            }
        }
        // What the client forbids it might have got with another word.
        for path in ["/film.mp4", "/a.wasm", "/coded.mp4"] {
            let none = h1_get(&server, path, "accept-encoding: zstd, *;q=0\r\n").await;
            assert_eq!((none.status(), none.field("vary")), (406, varies), "{path}");
        }
        let coded = h1_get(&server, "/coded.mp4", "accept-encoding: gzip\r\n").await;
        assert_eq!((coded.body.as_str(), coded.field("vary")), ("gzip", varies));
    }
    // Without codings nothing varies.
    for codings in [vec![], vec![Coding::Identity]] {
        let server = serve(scratch.sender().precompressed(codings)).await;
        let plain = h1_get(&server, "/a.wasm", "accept-encoding: gzip\r\n").await;
        assert_eq!(plain.field("vary"), None, "{plain:?}");
    }
}

#[tokio::test]
async fn a_sibling_that_is_too_old_is_told_once_for_each_directory() {
    let scratch = Scratch::new();
    let told: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let heard = Arc::clone(&told);
    let sender = scratch.sender().precompressed([Coding::Gzip]).on_refusal(move |refused| {
        let path = String::from_utf8_lossy(refused.path()).into_owned();
        heard.lock().unwrap().push((path, refused.to_string()));
    });
    // Microseconds, as by `cpSync` and `copytree`, and more than a program that copies can explain.
    for (name, behind) in
        [("near.js", 1_999), ("a.js", 3_600_000), ("b.js", 9_000), ("d/c.js", 2_001)]
    {
        scratch.write(name, "plain").write(&format!("{name}.gz"), "gzip");
        let earlier = settled() - Duration::from_millis(behind);
        set_modified(&scratch.path(&format!("{name}.gz")), earlier);
    }
    let server = serve(sender.clone()).await;
    for _ in 0..3 {
        for (path, body) in
            [("/near.js", "gzip"), ("/a.js", "plain"), ("/b.js", "plain"), ("/d/c.js", "plain")]
        {
            let answer = h1_get(&server, path, "accept-encoding: gzip\r\n").await;
            assert_eq!(
                (answer.body.as_str(), answer.field("vary")),
                (body, Some("accept-encoding"))
            );
        }
    }
    let expected = [("a.js.gz", 3600), ("d/c.js.gz", 3)].map(|(path, behind)| {
        let line = format!(
            "{path}: wanted a sibling as new as its file, found one that is {behind} s older: next strategy: \
             the file is sent as it is; make the sibling again, or allow older ones"
        );
        (path.to_owned(), line)
    });
    // It is told on another thread.
    while told.lock().unwrap().len() < expected.len() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut heard = told.lock().unwrap().clone();
    heard.sort();
    assert_eq!(heard, expected);
    assert_eq!(sender.counts().older_siblings, 9, "{}", sender.counts());
    assert!(sender.counts().to_string().contains("older siblings passed over: 9"));
}
