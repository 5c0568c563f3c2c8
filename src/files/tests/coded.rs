//! A file and the sibling that is sent in its place: both of the present version, and one of them unopened.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

use super::{Scratch, later};
use crate::answer::Coding;
use crate::files::{FileSender, Freshness};

const GZIP: [(&str, &str); 1] = [("accept-encoding", "gzip")];

impl Scratch {
    /// Writes a file and its sibling, in one moment as far as anybody can tell.
    fn coded(&self, name: &str, plain: &str, gzip: &str) {
        self.write(&format!("{name}.gz"), gzip).write(name, plain);
    }

    /// How often this file is opened from now on.
    fn opens(&self, name: &str) -> Opens {
        let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&events, self.0.join(name), WatchFlags::OPEN).unwrap();
        Opens(events)
    }

    fn shift(&self, name: &str, by: i64) {
        let path = self.0.join(name);
        let file = fs::File::options().write(true).open(path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        let by_much = Duration::from_secs(by.unsigned_abs());
        file.set_modified(if by < 0 { now - by_much } else { now + by_much }).unwrap();
    }
}

struct Opens(OwnedFd);

impl Opens {
    fn count(&self) -> usize {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.0, &mut buffer);
        let mut count = 0;
        while reader.next().is_ok() {
            count += 1;
        }
        count
    }
}

async fn check(sender: &FileSender, lines: &[(&str, &str)], status: u16, body: &str) {
    let received = later(sender, "GET", "/d/a.js", lines).await;
    assert_eq!((received.status.as_u16(), received.body.as_ref()), (status, body.as_bytes()));
}

#[tokio::test]
async fn a_file_that_is_known_is_not_opened_for_its_sibling() {
    let max_age = Duration::from_secs(3600);
    for freshness in [Freshness::Stat, Freshness::Watched { max_age }] {
        let scratch = Scratch::new();
        scratch.coded("d/a.js", "plain", "gzip");
        let sender = scratch.sender().precompressed([Coding::Brotli, Coding::Gzip]);
        let sender = sender.freshness(freshness);
        let opens = scratch.opens("d/a.js");
        for _ in 0..3 {
            check(&sender, &GZIP, 200, "gzip").await;
        }
        if sender.counts().kept == 0 {
            return crate::skip::place("a filesystem that is read inline");
        }
        assert!(opens.count() > 0, "the first one has to open it");
        for _ in 0..10 {
            check(&sender, &GZIP, 200, "gzip").await;
        }
        assert_eq!(opens.count(), 0, "{freshness:?}");
        // What is asked for as it is is opened, once, and kept.
        for _ in 0..3 {
            check(&sender, &[], 200, "plain").await;
            check(&sender, &[("accept-encoding", "zstd")], 200, "plain").await;
            check(&sender, &GZIP, 200, "gzip").await;
        }
        assert_eq!(opens.count(), 1, "{freshness:?}");
    }
}

#[tokio::test]
async fn each_change_of_a_file_is_seen_by_the_next_request_for_its_sibling() {
    let scratch = Scratch::new();
    scratch.coded("d/a.js", "plain", "gzip");
    let sender = scratch.sender().precompressed([Coding::Gzip]);
    let known = async || {
        for _ in 0..3 {
            check(&sender, &GZIP, 200, "gzip").await;
        }
    };
    known().await;
    // Written in place, and its sibling made again.
    scratch.write("d/a.js", "other");
    scratch.shift("d/a.js", 10);
    for _ in 0..3 {
        check(&sender, &GZIP, 200, "other").await;
    }
    scratch.shift("d/a.js.gz", 10);
    known().await;
    // Replaced.
    scratch.replace("d/a.js", b"third");
    scratch.shift("d/a.js", 30);
    check(&sender, &GZIP, 200, "third").await;
    scratch.shift("d/a.js.gz", 30);
    known().await;
    // A sibling that is gone, and one that comes.
    fs::remove_file(scratch.0.join("d/a.js.gz")).unwrap();
    for _ in 0..2 {
        check(&sender, &GZIP, 200, "third").await;
        check(&sender, &[], 200, "third").await;
    }
    scratch.write("d/a.js.gz", "gzip");
    scratch.shift("d/a.js.gz", 60);
    known().await;
    // Without its file it is nothing; nor is it beside a directory or behind a link that leads out.
    fs::remove_file(scratch.0.join("d/a.js")).unwrap();
    check(&sender, &GZIP, 404, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}")
        .await;
    scratch.write("d/a.js", "plain");
    known().await;
    fs::remove_file(scratch.0.join("d/a.js")).unwrap();
    fs::create_dir(scratch.0.join("d/a.js")).unwrap();
    check(&sender, &GZIP, 308, "").await;
    fs::remove_dir(scratch.0.join("d/a.js")).unwrap();
    scratch.write("d/a.js", "plain");
    known().await;
    let outside = Scratch::new();
    outside.write("secret", "secret");
    fs::remove_file(scratch.0.join("d/a.js")).unwrap();
    std::os::unix::fs::symlink(outside.0.join("secret"), scratch.0.join("d/a.js")).unwrap();
    assert_eq!(later(&sender, "GET", "/d/a.js", &GZIP).await.status, 404);
}
