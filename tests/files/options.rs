//! What a sender is told about its files beyond where they are.

use std::time::Duration;

use http::HeaderValue;
use letterhead::answer::Coding;
use letterhead::files::Disposition;

use crate::client::{h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::serve;

#[tokio::test]
async fn a_type_goes_by_the_extension_and_the_application_has_the_last_word() {
    let scratch = Scratch::new();
    for name in [
        "a.gltf",
        "b.GLTF",
        "c.md",
        "d.txt",
        "e.js",
        "f.png",
        "gltf",
        "old/d.txt",
        "h.odd",
        "i.json",
    ] {
        scratch.write(name, "x");
    }
    scratch.write("a.gltf.gz", "gzip");
    let value = HeaderValue::from_static;
    let sender = scratch
        .sender()
        .precompressed([Coding::Gzip])
        .media_type("gltf", value("model/old"))
        .media_type(".glTF", value("model/gltf+json"))
        .media_type("md", value("text/x-mark"))
        .charset("/old/*", Some("iso-8859-1"))
        .charset("*.js", None)
        .charset("*.odd", Some("no token"));
    let server = serve(sender).await;
    for (path, expected) in [
        ("/a.gltf", Some("model/gltf+json")),
        ("/b.GLTF", Some("model/gltf+json")),
        // As it was told.
        ("/c.md", Some("text/x-mark")),
        ("/d.txt", Some("text/plain; charset=utf-8")),
        ("/old/d.txt", Some("text/plain; charset=iso-8859-1")),
        ("/e.js", Some("text/javascript")),
        ("/f.png", Some("image/png")),
        ("/i.json", Some("application/json")),
        // A name is no extension, and of an unknown one nothing is known.
        ("/gltf", Some("application/octet-stream")),
        ("/h.odd", Some("application/octet-stream")),
    ] {
        assert_eq!(h1_get(&server, path, "").await.field("content-type"), expected, "{path}");
        let h2 = h2_get(&server, path).await.unwrap();
        assert_eq!(h2.field("content-type"), expected, "{path}");
    }
    let coded = h1_get(&server, "/a.gltf", "accept-encoding: gzip\r\n").await;
    assert_eq!(
        (coded.body.as_str(), coded.field("content-type")),
        ("gzip", Some("model/gltf+json"))
    );
}

#[tokio::test]
async fn what_is_uploaded_is_saved_under_its_name() {
    let scratch = Scratch::new();
    scratch.write("up/na\u{ef}ve \"a\".html", "<p>").write("up/a.pdf", "pdf").write("b.txt", "b");
    let sender = scratch
        .sender()
        .disposition("*.pdf", Disposition::Inline)
        .disposition("/up/*", Disposition::Attachment);
    let server = serve(sender).await;
    let expected =
        "attachment; filename=\"na_ve _a_.html\"; filename*=UTF-8''na%C3%AFve%20%22a%22.html";
    let path = "/up/na%C3%AFve%20%22a%22.html";
    for lines in ["", "range: bytes=0-0\r\n"] {
        let answer = h1_get(&server, path, lines).await;
        assert_eq!(answer.field("content-disposition"), Some(expected), "{lines}");
    }
    let h2 = h2_get(&server, path).await.unwrap();
    assert_eq!(h2.field("content-disposition"), Some(expected));
    // The first pattern that matches counts.
    let inline = h1_get(&server, "/up/a.pdf", "").await;
    assert_eq!(inline.field("content-disposition"), Some("inline; filename=\"a.pdf\""));
    assert_eq!(h1_get(&server, "/b.txt", "").await.field("content-disposition"), None);
    // It describes the content, which a 404 does not have.
    assert_eq!(h1_get(&server, "/up/missing", "").await.field("content-disposition"), None);
}

#[tokio::test]
async fn a_name_with_a_hash_lasts_for_ever_once_it_is_settled() {
    let scratch = Scratch::new();
    scratch.write("app.3f9a2c1b.js", "a").write("app.js", "b").write("no.3f9a2c1b.html", "c");
    let told = |settle| {
        let no_cache = HeaderValue::from_static("no-cache");
        scratch.sender().settle(settle).immutable_names(true).cache_control("*.html", no_cache)
    };
    let for_ever = Some("public, max-age=31536000, immutable");
    let server = serve(told(Duration::ZERO)).await;
    for (path, lines, status, expected) in [
        ("/app.3f9a2c1b.js", "", 200, for_ever),
        ("/app.3f9a2c1b.js", "if-none-match: *\r\n", 304, for_ever),
        ("/app.js", "", 200, None),
        ("/no.3f9a2c1b.html", "", 200, Some("no-cache")),
        ("/gone.3f9a2c1b.js", "", 404, None),
    ] {
        let answer = h1_get(&server, path, lines).await;
        assert_eq!((answer.status(), answer.field("cache-control")), (status, expected), "{path}");
    }
    assert_eq!(h2_get(&server, "/app.3f9a2c1b.js").await.unwrap().field("cache-control"), for_ever);
    // One that may be half written is not to be kept for a year.
    let server = serve(told(Duration::from_secs(3600))).await;
    let young = h1_get(&server, "/app.3f9a2c1b.js", "").await;
    assert_eq!(young.field("cache-control"), Some("no-cache"));
    let server = serve(scratch.sender()).await;
    assert_eq!(h1_get(&server, "/app.3f9a2c1b.js", "").await.field("cache-control"), None);
}
