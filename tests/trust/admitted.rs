//! What is listed is sent, with what the list says of it; what is not listed is not there.

use std::time::Duration;

use http::StatusCode;
use letterhead::answer::{Coding, DigestAlgorithm};
use letterhead::trust::{Enforcement, Entry, ListDraft, Manifest, Tree};
use sha2::{Digest as _, Sha256};

use crate::client::{H2, h1_get};
use crate::serve::serve;
use crate::site::{Site, key, later, root};

#[tokio::test]
async fn a_listed_file_is_sent_with_the_digest_of_the_list() {
    let site = Site::new();
    site.write("a.txt", "content").write("empty", "").list(3);
    let field = "x-tree-version".parse().unwrap();
    let sender = site.enforced(site.trust().version_field(field)).unwrap();
    let server = serve(sender.clone()).await;
    let digest = DigestAlgorithm::Sha256.field_value(&Sha256::digest("content"));
    let mut tags = Vec::new();
    // From the disk, and then from memory.
    for round in 0..3 {
        let answer = h1_get(&server, "/a.txt", "").await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, "content"), "{round}");
        assert_eq!(answer.field("repr-digest"), digest.to_str().ok());
        assert_eq!(answer.field("x-tree-version"), Some("3"));
        assert_eq!(answer.field("last-modified"), None);
        tags.push(answer.field("etag").unwrap().to_owned());
    }
    assert!(tags.windows(2).all(|pair| pair[0] == pair[1]) && tags[0].starts_with('"'), "{tags:?}");
    let known = h1_get(&server, "/a.txt", &format!("if-none-match: {}\r\n", tags[0])).await;
    assert_eq!(known.status(), 304);
    let lines = format!("range: bytes=1-3\r\nif-range: {}\r\n", tags[0]);
    let part = h1_get(&server, "/a.txt", &lines).await;
    assert_eq!((part.status(), part.body.as_str()), (206, "ont"));
    let empty = h1_get(&server, "/empty", "").await;
    assert_eq!((empty.status(), empty.body.as_str()), (200, ""));
    let h2 = H2::connect(&server).await.get("/a.txt").await.unwrap();
    assert_eq!(h2.field("repr-digest"), digest.to_str().ok());
    let counts = sender.trust_counts();
    assert_eq!((counts.version, counts.mismatches, counts.open), (3, 0, 0));
    assert!(counts.admitted > 0);
    site.notices("version 3 of tree `site` is in force: 2 files").await;
}

#[tokio::test]
async fn what_is_not_listed_is_not_there() {
    let site = Site::new();
    site.write("a.txt", "content").write("d/index.html", "index").list(1);
    site.write("added.txt", "added").write("a.txt.gz", "gzip").write("d/index.html.gz", "gzip");
    site.write(".well-known/acme-challenge/token", "proof").write("bare/added", "added");
    let trust = site.trust().exempt("/.well-known/acme-challenge/*");
    let sender = site.enforced(trust).unwrap();
    let sender = sender.precompressed([Coding::Gzip]).listing(100).hidden(true);
    let server = serve(sender).await;
    let check = async |path: &str, status: u16, body: &str| {
        for lines in ["", "accept-encoding: gzip\r\n"] {
            let answer = h1_get(&server, path, lines).await;
            assert_eq!(answer.status(), status, "{path} {lines}");
            if status == 200 {
                assert_eq!(answer.body, body, "{path} {lines}");
                assert_eq!(answer.field("content-encoding"), None, "{path}");
            }
        }
    };
    for _ in 0..2 {
        check("/a.txt", 200, "content").await;
        check("/d/", 200, "index").await;
        check("/added.txt", 404, "").await;
        check("/a.txt.gz", 404, "").await;
        check("/bare/", 404, "").await;
        check("/none", 404, "").await;
        check("/.well-known/acme-challenge/token", 200, "proof").await;
        check("/.manifest.json", 404, "").await;
    }
    site.notices("added.txt: not listed").await;
    assert_eq!(site.count("added.txt: not listed"), 0, "each is named once");
}

#[tokio::test]
async fn a_listed_sibling_is_a_file_of_its_own() {
    let site = Site::new();
    site.write("a.txt", "content").write("a.txt.gz", "gzip").list(1);
    let sender = site.enforced(site.trust()).unwrap().precompressed([Coding::Gzip]);
    let server = serve(sender).await;
    let gzip = "accept-encoding: gzip\r\n";
    let answer = h1_get(&server, "/a.txt", gzip).await;
    assert_eq!((answer.body.as_str(), answer.field("content-encoding")), ("gzip", Some("gzip")));
    let digest = DigestAlgorithm::Sha256.field_value(&Sha256::digest("gzip"));
    assert_eq!(answer.field("repr-digest"), digest.to_str().ok());
    site.write("a.txt.gz", "gzIp");
    assert_eq!(h1_get(&server, "/a.txt", gzip).await.status(), 503);
    assert_eq!(h1_get(&server, "/a.txt", "").await.body, "content");
}

#[tokio::test]
async fn type_and_fields_may_be_pinned() {
    let site = Site::new();
    site.write("a.txt", "content");
    let entry = Entry::new(7, Sha256::digest("content").into());
    let entry = entry.with_type("text/x-pinned".parse().unwrap());
    let draft = ListDraft::new("site", 1, later()).entry("a.txt", entry).unwrap();
    let text = String::from_utf8(draft.signed_by(&[])).unwrap();
    let pinned = "\"fields\":{\"cache-control\":\"max-age=5\"},\"type\"";
    let text = text.replace("\"type\"", pinned);
    let signed = Manifest::signed_again(text.as_bytes(), &key()).unwrap();
    site.write(Tree::NAME, signed);
    let sender =
        site.enforced(site.trust()).unwrap().cache_control("*", "no-store".parse().unwrap());
    let server = serve(sender).await;
    for _ in 0..2 {
        let answer = h1_get(&server, "/a.txt", "").await;
        assert_eq!(answer.field("content-type"), Some("text/x-pinned"));
        assert_eq!(answer.field("cache-control"), Some("max-age=5"));
    }
}

#[tokio::test]
async fn with_report_everything_is_served_and_told() {
    let site = Site::new();
    site.write("a.txt", "content").write("b.txt", "content").list(1);
    site.write("a.txt", "contenT").write("b.txt", "longer content").write("c.txt", "added");
    let sender = site.sender().manifest(site.trust(), Enforcement::Report).unwrap();
    let server = serve(sender).await;
    for _ in 0..2 {
        for (path, body) in
            [("/a.txt", "contenT"), ("/b.txt", "longer content"), ("/c.txt", "added")]
        {
            let answer = h1_get(&server, path, "").await;
            assert_eq!((answer.status(), answer.body.as_str()), (200, body));
            assert_eq!(answer.field("repr-digest"), None);
        }
    }
    site.notices("a.txt: wanted sha256").await;
    site.notices("b.txt: wanted 7 bytes, found 14").await;
    site.notices("c.txt: not listed").await;
    assert_eq!(site.count("wanted"), 0, "each once");
}

#[tokio::test]
async fn a_file_of_a_handler_and_a_page_for_errors_are_held_against_the_list_too() {
    let site = Site::new();
    site.write("404.html", "a page").write("a.txt", "content").list(1);
    let sender = site.enforced(site.trust()).unwrap().error_page(StatusCode::NOT_FOUND, "404.html");
    let server = serve(sender.clone()).await;
    assert_eq!(h1_get(&server, "/none", "").await.body, "a page");
    site.write("404.html", "A page");
    let answer = h1_get(&server, "/none", "").await;
    assert_eq!(answer.status(), 404);
    assert!(!answer.body.contains("page"), "{}", answer.body);
    site.notices("404.html: wanted sha256").await;
    // A descriptor that the application opened.
    let request = http::Request::get("/").body(()).unwrap();
    let open = |name: &str| std::fs::File::open(site.path(name)).unwrap();
    for (name, status) in [("a.txt", 200), ("other", 404)] {
        let response = sender.send_file(&request, open("a.txt"), name).await.unwrap();
        assert_eq!(response.status(), status, "{name}");
    }
}

#[tokio::test]
async fn a_young_file_is_known_by_what_is_sent_of_it() {
    let site = Site::new();
    site.write("a.txt", "content").write("long", vec![5; 3 << 20]).list(1);
    // Nothing of it is settled for an hour.
    let sender = site.sender().settle(Duration::from_secs(3600));
    let sender = sender.manifest(site.trust(), Enforcement::Enforce).unwrap();
    let server = serve(sender).await;
    for _ in 0..2 {
        let answer = h1_get(&server, "/a.txt", "").await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, "content"));
        assert!(answer.field("etag").unwrap().starts_with('"'));
    }
    assert_eq!(h1_get(&server, "/long", "").await.body.len(), 3 << 20);
    // Without blocks there is nothing to know it by.
    let entry = Entry::new(3 << 20, Sha256::digest(vec![5; 3 << 20]).into());
    let draft = ListDraft::new("site", 2, later()).entry("long", entry).unwrap();
    site.write(Tree::NAME, draft.signed_by(&[&key()]));
    assert!(Manifest::read(&draft.signed_by(&[&key()]), &root()).is_ok());
    let young = site.sender().settle(Duration::from_secs(3600));
    let young = serve(young.manifest(site.trust(), Enforcement::Enforce).unwrap()).await;
    let answer = h1_get(&young, "/long", "").await;
    assert_eq!((answer.status(), answer.field("retry-after")), (503, Some("2")));
    let old = serve(site.enforced(site.trust()).unwrap()).await;
    assert_eq!(h1_get(&old, "/long", "").await.status(), 200);
}
