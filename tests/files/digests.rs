//! Digests, and tags of content.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use letterhead::FileSender;
use letterhead::answer::{Coding, DigestAlgorithm, EntityTag};
use sha2::{Digest as _, Sha256, Sha512};

use crate::client::{H2, h1_get};
use crate::faults::refuse;
use crate::scratch::Scratch;
use crate::serve::{serve, soon};

fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let value = DigestAlgorithm::Sha256.field_value(&Sha256::digest(bytes));
    value.to_str().unwrap().to_owned()
}

fn sha512(bytes: impl AsRef<[u8]>) -> String {
    let value = DigestAlgorithm::Sha512.field_value(&Sha512::digest(bytes));
    value.to_str().unwrap().to_owned()
}

const BOTH: &str = "want-repr-digest: sha-256=1\r\nwant-content-digest: sha-256=1\r\n";

#[tokio::test]
async fn a_digest_is_of_what_it_says_and_for_whoever_wants_it() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content").write("a.txt.gz", "gzip").write("empty", "");
    let long: Vec<u8> = (0..600_000_u32).map(|at| (at % 251) as u8).collect();
    let long: String = long.iter().map(|byte| char::from(byte % 26 + b'a')).collect();
    scratch.write("long", &long);
    let sender = scratch.sender().precompressed([Coding::Gzip]).digests(1 << 20);
    let server = serve(sender).await;
    // As `sha256sum` has it.
    assert_eq!(sha256("content"), "sha-256=:7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M=:");
    let check =
        async |path: &str, lines: &str, status: u16, repr: Option<&str>, content: Option<&str>| {
            // Twice, as the second may be answered from memory.
            for _ in 0..2 {
                let answer = h1_get(&server, path, lines).await;
                assert_eq!(answer.status(), status, "{path} {lines}");
                assert_eq!(answer.field("repr-digest"), repr, "{path} {lines}");
                assert_eq!(answer.field("content-digest"), content, "{path} {lines}");
            }
        };
    let (whole, coded) = (sha256("content"), sha256("gzip"));
    let (whole, coded) = (Some(whole.as_str()), Some(coded.as_str()));
    let with = |lines: &str| format!("{BOTH}{lines}\r\n");
    check("/a.txt", "", 200, None, None).await;
    check("/a.txt", BOTH, 200, whole, whole).await;
    check("/a.txt", "want-repr-digest: sha-256=1\r\n", 200, whole, None).await;
    check("/a.txt", "want-content-digest: sha-256=1\r\n", 200, None, whole).await;
    check(
        "/a.txt",
        "want-repr-digest: sha-256=2, sha-512=3\r\n",
        200,
        Some(&sha512("content")),
        None,
    )
    .await;
    check("/a.txt", "want-repr-digest: md5=10\r\n", 200, None, None).await;
    // Of the coding that was chosen.
    check("/a.txt", &with("accept-encoding: gzip"), 200, coded, coded).await;
    // Of the whole, and of the part.
    check("/a.txt", &with("range: bytes=0-2"), 206, whole, Some(&sha256("con"))).await;
    check("/long", &with("range: bytes=5-"), 206, Some(&sha256(&long)), Some(&sha256(&long[5..])))
        .await;
    check("/empty", BOTH, 200, Some(&sha256("")), Some(&sha256(""))).await;
    // What has no content of the file has no digest of it.
    check("/a.txt", &with("if-none-match: *"), 304, None, None).await;
    check("/a.txt", &with("range: bytes=9-"), 416, None, None).await;
    check("/missing", BOTH, 404, None, None).await;

    let parts = h1_get(&server, "/long", &with("range: bytes=0-9,500000-599999")).await;
    assert_eq!(parts.status(), 206);
    assert_eq!(parts.field("repr-digest"), Some(sha256(&long).as_str()));
    assert_eq!(parts.field("content-digest"), Some(sha256(&parts.body).as_str()));

    let h2 = H2::connect(&server).await;
    for (method, content) in [(Method::GET, whole), (Method::HEAD, None)] {
        let request = Request::builder()
            .method(method)
            .uri("http://test/a.txt")
            .header("want-repr-digest", "sha-256=10")
            .header("want-content-digest", "sha-256=10");
        let (response, mut stream) = h2.send(request.body(()).unwrap()).await;
        stream.send_data(bytes::Bytes::new(), true).unwrap();
        let fields = soon(response).await.unwrap().into_parts().0.headers;
        let field = |name: &str| fields.get(name).map(|value| value.to_str().unwrap());
        assert_eq!((field("repr-digest"), field("content-digest")), (whole, content));
    }
}

#[tokio::test]
async fn what_is_long_or_young_or_not_wanted_has_no_digest() {
    let scratch = Scratch::new();
    scratch.write("a", "12345").write("empty", "");
    for (sender, path, has) in [
        (scratch.sender().digests(5), "/a", true),
        (scratch.sender().digests(4), "/a", false),
        (scratch.sender(), "/a", false),
        (scratch.sender(), "/empty", false),
        // What may be half written has none to be proud of.
        (scratch.sender().digests(5).settle(Duration::from_secs(3600)), "/a", false),
    ] {
        let server = serve(sender).await;
        let answer = h1_get(&server, path, BOTH).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.field("repr-digest").is_some(), has, "{path}");
        assert_eq!(answer.field("content-digest").is_some(), has, "{path}");
    }
}

#[tokio::test]
async fn a_tag_of_the_content_is_the_same_wherever_the_content_is() {
    let scratch = Scratch::new();
    scratch.write("one/a", "content").write("two/a", "content").write("one/a.gz", "gzip");
    // A build tool that gives everything the same time, and another file of the same length.
    scratch.write("three/a", "CONTENT");
    let now = std::time::SystemTime::now();
    crate::scratch::set_modified(&scratch.path("two/a"), now);
    let sender = |root: &str| {
        let sender = FileSender::new(scratch.path(root)).unwrap().settle(Duration::ZERO);
        sender.precompressed([Coding::Gzip]).content_tags(100)
    };
    let tag = async |root: &str, lines: &str| {
        let server = serve(sender(root)).await;
        let answer = h1_get(&server, "/a", lines).await;
        assert_eq!(answer.status(), 200);
        answer.field("etag").unwrap().to_owned()
    };
    let one = tag("one", "").await;
    let expected = EntityTag::of_digest(&Sha256::digest("content"));
    assert_eq!(one, expected.value().to_str().unwrap());
    assert_eq!(tag("two", "").await, one);
    assert_ne!(tag("three", "").await, one);
    assert_ne!(tag("one", "accept-encoding: gzip\r\n").await, one);
    let server = serve(sender("one")).await;
    for _ in 0..2 {
        let answer = h1_get(&server, "/a", &format!("if-none-match: {one}\r\n")).await;
        assert_eq!(answer.status(), 304);
        let answer =
            h1_get(&server, "/a", &format!("range: bytes=3-\r\nif-range: {one}\r\n")).await;
        assert_eq!((answer.status(), answer.body.as_str()), (206, "tent"));
    }
    // A young one has none; a long one is told by size and time.
    let young = serve(sender("one").settle(Duration::from_secs(3600))).await;
    assert_eq!(h1_get(&young, "/a", "").await.field("etag"), None);
    let long = serve(sender("one").content_tags(6)).await;
    assert!(h1_get(&long, "/a", "").await.field("etag").unwrap().starts_with("\"7-"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_is_of_the_version_that_is_sent() {
    let scratch = Arc::new(Scratch::new());
    let version = |letter: u8| vec![letter; 100_000 + usize::from(letter)];
    scratch.write("f", version(b'a'));
    let server = serve(scratch.sender().digests(1 << 20).content_tags(1 << 20)).await;
    let writing = {
        let scratch = Arc::clone(&scratch);
        tokio::task::spawn_blocking(move || {
            for letter in (b'a'..=b'z').cycle().take(300) {
                fs::write(scratch.path("next"), version(letter)).unwrap();
                fs::rename(scratch.path("next"), scratch.path("f")).unwrap();
            }
        })
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut rounds = 0;
    while !writing.is_finished() || rounds < 50 {
        let answer = h1_get(&server, "/f", BOTH).await;
        assert_eq!(answer.status(), 200, "{}", answer.head);
        rounds += 1;
        if answer.field("etag").is_none_or(|tag| tag.starts_with("W/")) {
            // A process that another test starts has the writer's descriptor for a moment, so somebody
            // may be writing.
            let digests = [answer.field("repr-digest"), answer.field("content-digest")];
            assert_eq!(digests, [None, None], "{}", answer.head);
            continue;
        }
        let expected = sha256(&answer.body);
        assert_eq!(answer.field("repr-digest"), Some(expected.as_str()));
        assert_eq!(answer.field("content-digest"), Some(expected.as_str()));
        let tag = EntityTag::of_digest(&Sha256::digest(&answer.body));
        assert_eq!(answer.field("etag"), tag.value().to_str().ok());
        seen.insert(answer.body.as_bytes()[0]);
    }
    writing.await.unwrap();
    assert!(seen.len() > 1, "the writer never came in between");
}

#[test]
fn a_file_that_cannot_be_read_has_a_status_and_no_digest() {
    let scratch = Scratch::new();
    scratch.write("a", "content");
    let sender = scratch.sender().digests(100).content_tags(100);
    for (errno, status) in [(libc::EIO, 500), (libc::EACCES, 403), (libc::ESTALE, 503)] {
        let sender = sender.clone();
        let serving = move || {
            refuse(vec![(libc::SYS_pread64, vec![]), (libc::SYS_preadv2, vec![])], errno);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = serve(sender).await;
                for lines in ["", BOTH] {
                    let answer = h1_get(&server, "/a", lines).await;
                    assert_eq!(answer.status(), status);
                    assert_eq!((answer.field("repr-digest"), answer.field("etag")), (None, None));
                }
            });
        };
        std::thread::spawn(serving).join().unwrap();
    }
}
