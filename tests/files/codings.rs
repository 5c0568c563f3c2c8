//! Siblings in other codings.

use letterhead::answer::Coding;

use crate::client::h1_get;
use crate::scratch::Scratch;
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
    let missing = h1_get(&server, "/missing", "accept-encoding: br\r\n").await;
    assert_eq!((missing.status(), missing.field("vary")), (404, Some("accept-encoding")));
}
