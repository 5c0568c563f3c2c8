//! Long files, block by block: nothing leaves that was not checked.

use std::fs;
use std::os::unix::fs::FileExt as _;

use letterhead::answer::DigestAlgorithm;
use letterhead::trust::BLOCK;
use sha2::{Digest as _, Sha256};

use crate::client::{H2, Raw, h1_get};
use crate::serve::serve;
use crate::site::Site;

fn long() -> Vec<u8> {
    (0..=250).cycle().take(size(BLOCK * 2) + 1000).collect()
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap()
}

fn site() -> Site {
    let site = Site::new();
    site.write("long", long()).list(1);
    // In the third block.
    let file = fs::File::options().write(true).open(site.path("long")).unwrap();
    file.write_all_at(b"X", BLOCK * 2 + 500).unwrap();
    site
}

#[tokio::test]
async fn a_bad_block_breaks_off_before_a_byte_of_it() {
    let site = site();
    let sender = site.enforced(site.trust().check_blocks_above(BLOCK)).unwrap();
    let server = serve(sender.clone()).await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/long", "").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 2098152"), "{head}");
    let sent = raw.up_to(usize::MAX).await;
    assert_eq!(sent.len() as u64, BLOCK * 2, "the good blocks, and no more");
    assert_eq!(sent, long()[..sent.len()]);
    let notices = site.notices("block 2").await;
    assert!(
        notices.contains("long: block 2: wanted sha256") && notices.contains("not served"),
        "{notices}"
    );
    // From now on nobody gets anything of it.
    let answer = h1_get(&server, "/long", "range: bytes=0-9\r\n").await;
    assert_eq!((answer.status(), answer.field("retry-after")), (503, Some("60")));
    assert_eq!(sender.breakers().len(), 1);
}

#[tokio::test]
async fn a_range_is_checked_before_its_head() {
    let site = site();
    let sender = site.enforced(site.trust().check_blocks_above(BLOCK)).unwrap();
    let server = serve(sender.clone()).await;
    let (first, content) = (BLOCK - 5, long());
    let good = h1_get(&server, "/long", &format!("range: bytes={first}-{}\r\n", BLOCK + 4)).await;
    assert_eq!(good.status(), 206);
    let expected = String::from_utf8_lossy(&content[size(first)..=size(BLOCK) + 4]);
    assert_eq!(good.body, expected);
    // A part that is good of a block that is not.
    let at = BLOCK * 2;
    let bad = h1_get(&server, "/long", &format!("range: bytes={at}-{at}\r\n")).await;
    assert_eq!((bad.status(), bad.field("content-range")), (503, None));
    sender.reset_breakers();
    let h2 = H2::connect(&server).await.get("/long").await;
    assert!(h2.is_err() || h2.is_ok_and(|answer| answer.reset.is_some()), "broken off");
}

#[tokio::test]
async fn a_shorter_one_is_read_whole_before_its_head() {
    let site = site();
    let server = serve(site.enforced(site.trust()).unwrap()).await;
    for lines in ["", "range: bytes=0-0\r\n"] {
        let answer = h1_get(&server, "/long", lines).await;
        assert_eq!(answer.status(), 503, "{lines}");
        assert!(!answer.body.contains('\u{1}'), "nothing of it");
    }
    site.notices("long: wanted sha256").await;
}

#[tokio::test]
async fn a_head_is_checked_as_a_get_is() {
    let site = Site::new();
    site.write("long", long()).list(1);
    let file = fs::File::options().write(true).open(site.path("long")).unwrap();
    file.write_all_at(b"X", 0).unwrap();
    let server = serve(site.enforced(site.trust().check_blocks_above(BLOCK)).unwrap()).await;
    let mut raw = Raw::connect(&server).await;
    raw.send("HEAD /long HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
}

/// The digest of what was not checked is not said, nor would it be signed: of a part that is good the head has the digest of the list.
#[tokio::test]
async fn the_digest_of_a_file_that_is_read_by_blocks_is_that_of_the_list() {
    let site = site();
    let sender = site.enforced(site.trust().check_blocks_above(BLOCK)).unwrap();
    let server = serve(sender.digests(u64::MAX)).await;
    let listed = DigestAlgorithm::Sha256.field_value(&Sha256::digest(long()));
    for wanted in [
        "want-repr-digest: sha-256=9",
        "want-repr-digest: sha-512=9",
        "want-content-digest: sha-512=9",
    ] {
        for method in ["GET", "HEAD"] {
            let mut raw = Raw::connect(&server).await;
            let lines = format!(
                "{method} /long HTTP/1.1\r\nhost: test\r\nrange: bytes=0-9\r\n{wanted}\r\n\r\n"
            );
            raw.send(&lines).await;
            let head = raw.head().await;
            assert!(head.starts_with("HTTP/1.1 20"), "{method} {wanted}: {head}");
            let expected = format!("\r\nrepr-digest: {}\r\n", listed.to_str().unwrap());
            assert!(head.contains(&expected), "{method} {wanted}: {head}");
            assert!(!head.contains("sha-512"), "{method} {wanted}: {head}");
        }
    }
}
