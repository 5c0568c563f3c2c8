//! What somebody tries who can write to the tree, and what a client tries: edges of blocks, other names, changes under a stream.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, symlink};

use http_body_util::BodyExt as _;
use letterhead::FileSender;
use letterhead::trust::BLOCK;
use tower::ServiceExt as _;

use crate::client::{H2, Raw, h1_get};
use crate::serve::serve;
use crate::site::Site;

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap()
}

/// Bytes of which no two blocks are the same.
fn content(length: u64, seed: u64) -> Vec<u8> {
    (0..length.div_ceil(8))
        .flat_map(|at| (at ^ (seed << 40)).to_le_bytes())
        .take(size(length))
        .collect()
}

/// By blocks, whatever has more than one.
fn by_blocks(site: &Site) -> FileSender {
    site.enforced(site.trust().check_blocks_above(BLOCK)).unwrap()
}

async fn range(sender: &FileSender, path: &str, bytes: &str) -> (u16, Result<Vec<u8>, String>) {
    let request = http::Request::get(path).header("range", format!("bytes={bytes}"));
    let response = sender.clone().oneshot(request.body(()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string());
    (status, body.map(|body| body.to_bytes().to_vec()))
}

#[tokio::test]
async fn a_byte_at_each_edge_of_a_block_is_seen() {
    let site = Site::new();
    let lengths = [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, 2 * BLOCK + 1];
    for length in lengths {
        site.write(&format!("f{length}"), content(length, 1));
    }
    site.list(1);
    let sender = by_blocks(&site);
    for length in lengths {
        let (path, good) = (format!("/f{length}"), content(length, 1));
        let name = format!("f{length}");
        let blocks = length.div_ceil(BLOCK);
        for block in 0..blocks {
            let (start, end) = (block * BLOCK, ((block + 1) * BLOCK).min(length));
            for at in [start, end - 1] {
                let file = fs::File::options().write(true).open(site.path(&name)).unwrap();
                file.write_all_at(&[good[size(at)] ^ 1], at).unwrap();
                // Of this block nothing leaves, and of the others what is asked for.
                for other in 0..blocks {
                    sender.reset_breakers();
                    let first = other * BLOCK;
                    let (status, body) = range(&sender, &path, &format!("{first}-{first}")).await;
                    if other == block || length <= BLOCK {
                        assert_eq!(status, 503, "{path} with a bad byte at {at}, from {first}");
                    } else {
                        let expected = good[size(first)..=size(first)].to_vec();
                        assert_eq!((status, body), (206, Ok(expected)), "{path} {at} {first}");
                    }
                }
                // A part that touches it from the block before.
                if block > 0 {
                    sender.reset_breakers();
                    let (before, bytes) = (start - 1, format!("{}-{start}", start - 1));
                    let (status, body) = range(&sender, &path, &bytes).await;
                    assert!(status == 503 || body.is_err(), "{path} {at} from {before}");
                }
                file.write_all_at(&good[size(at)..=size(at)], at).unwrap();
            }
        }
        sender.reset_breakers();
        let (status, body) = range(&sender, &path, "0-").await;
        assert!(status == 206 && body == Ok(good), "{path} is good again: {status}");
    }
}

#[tokio::test]
async fn of_several_parts_none_of_a_bad_block_leaves() {
    let site = Site::new();
    let good = content(3 * BLOCK, 1);
    site.write("f", &good).list(1);
    let sender = by_blocks(&site);
    let file = fs::File::options().write(true).open(site.path("f")).unwrap();
    file.write_all_at(b"SECRET", BLOCK + 7).unwrap();
    let server = serve(sender.clone()).await;
    let (one, other) = (BLOCK + 7, 2 * BLOCK);
    for ranges in [
        format!("bytes=0-9,{one}-{},{other}-{other}", one + 5),
        format!("bytes={one}-{},0-9", one + 5),
    ] {
        for protocol in ["h1", "h2"] {
            sender.reset_breakers();
            let bytes = if protocol == "h1" {
                let mut raw = Raw::connect(&server).await;
                raw.get("/f", &format!("range: {ranges}\r\nconnection: close\r\n")).await;
                raw.up_to(usize::MAX).await
            } else {
                let request = http::Request::get("http://test/f").header("range", &ranges);
                let asked = H2::connect(&server).await.ask(request.body(()).unwrap()).await;
                asked.map_or_else(|_| Vec::new(), |answer| answer.body.into())
            };
            let leaks = bytes.windows(6).any(|part| part == b"SECRET");
            assert!(!leaks, "{protocol} {ranges}");
        }
    }
}

#[tokio::test]
async fn a_name_is_what_is_listed_byte_for_byte() {
    let site = Site::new();
    site.write("\u{e9}.txt", "composed").write("a.txt", "small").write("d/e.txt", "below").list(1);
    // The same to the eye, another case, another directory.
    site.write("e\u{301}.txt", "decomposed").write("A.txt", "large");
    fs::create_dir(site.path("other")).unwrap();
    site.write("other/e.txt", "below");
    symlink("other", site.path("link")).unwrap();
    let server = serve(site.enforced(site.trust()).unwrap()).await;
    let cases = [
        ("/%C3%A9.txt", 200),
        ("/e%CC%81.txt", 404),
        ("/A.txt", 404),
        ("/a.txt%20", 404),
        ("/a.txt%00", 404),
        ("/a.txt/", 404),
        ("/a.txt?b=c", 200),
        ("/%61.txt", 200),
        ("/other/e.txt", 404),
        ("/link/e.txt", 404),
        ("/d/../a.txt", 404),
        ("/d/%2e%2e/a.txt", 404),
        ("/.manifest.json", 404),
        ("/%2emanifest.json", 404),
    ];
    for (path, status) in cases {
        assert_eq!(h1_get(&server, path, "").await.status(), status, "{path}");
    }
    // A listed directory that is a link to another one now: what counts is the content.
    fs::remove_dir_all(site.path("d")).unwrap();
    symlink("other", site.path("d")).unwrap();
    assert_eq!(h1_get(&server, "/d/e.txt", "").await.body, "below");
    site.write("other/e.txt", "Below");
    assert_eq!(h1_get(&server, "/d/e.txt", "").await.status(), 503);
}

#[tokio::test]
async fn what_is_exempt_leads_nowhere_else() {
    let site = Site::new();
    site.write("a.txt", "content").list(1);
    site.write("open/token", "proof").write("added", "x");
    let server = serve(site.enforced(site.trust().exempt("/open/*")).unwrap()).await;
    for (path, status) in [
        ("/open/token", 200),
        ("/open/../added", 404),
        ("/open/%2e%2e/added", 404),
        ("/open%2f..%2fadded", 404),
        ("//open/../added", 404),
        ("/OPEN/token", 404),
    ] {
        assert_eq!(h1_get(&server, path, "").await.status(), status, "{path}");
    }
}

/// A client that reads nothing while the file is changed, so most of it is sent afterwards.
#[tokio::test]
async fn under_a_stream_a_file_is_replaced_or_written_to() {
    let (length, name) = (24 * BLOCK, "f");
    let good = content(length, 1);
    let changed = content(length, 2);
    for in_place in [false, true] {
        let site = Site::new();
        site.write(name, &good).list(1);
        let server = serve(by_blocks(&site)).await;
        let mut raw = Raw::connect(&server).await;
        raw.get("/f", "").await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        if in_place {
            let mut file = fs::File::options().write(true).open(site.path(name)).unwrap();
            file.write_all(&changed).unwrap();
        } else {
            site.write(name, &changed);
        }
        let sent = raw.up_to(good.len()).await;
        assert!(good.starts_with(&sent), "nothing but what is listed: {} bytes", sent.len());
        if !in_place {
            assert_eq!(sent.len(), good.len(), "the file that was opened is sent to its end");
        }
        let next = h1_get(&server, "/f", "range: bytes=0-9\r\n").await;
        assert_eq!(next.status(), 503);
    }
}
