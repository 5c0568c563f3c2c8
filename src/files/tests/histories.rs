//! Random histories of a file: written, replaced, dated by tools, asked for by clients that have what they had before.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};

use super::{FileSender, Received, Scratch, at};
use crate::answer::Coding;

const HISTORIES: u64 = 300;

/// Requests and changes of each.
const STEPS: u32 = 40;

/// What a client has.
struct Had {
    content: String,
    tag: Option<String>,
    date: Option<String>,
}

struct History {
    scratch: Scratch,
    sender: FileSender,
    random: fastrand::Rng,
    /// A clock of our own: what is written is dated by it.
    now: SystemTime,
    content: String,
    versions: u32,
    had: Vec<Had>,
    /// Change times go by the clock of the machine, so one of these has to do.
    is_ahead: bool,
    holds: u32,
}

impl History {
    fn new(seed: u64) -> Self {
        let scratch = Scratch::new();
        let mut random = fastrand::Rng::with_seed(seed);
        let sender = scratch.sender().precompressed([Coding::Gzip]);
        let sender = match random.u8(0..4) {
            0 => sender.cache(0),
            1 => sender.content_tags(100),
            2 => sender.constant_dates(true),
            _ => sender,
        };
        let now = SystemTime::now() + Duration::from_secs(100_000);
        let mut history = Self {
            scratch,
            sender,
            random,
            now,
            content: String::new(),
            versions: 0,
            had: Vec::new(),
            is_ahead: false,
            holds: 0,
        };
        history.change();
        history
    }

    /// Another version, of the same size.
    fn change(&mut self) {
        self.versions += 1;
        self.content = format!("{:016}", self.versions);
        let path = self.scratch.0.join("f");
        let (is_in_place, kind) = (self.random.bool(), self.random.u8(0..8));
        let to = if is_in_place { path.clone() } else { self.scratch.0.join("new") };
        fs::write(&to, &self.content).unwrap();
        let date = match kind {
            // As Bazel, Nix, buildpacks and npm do.
            0 => SystemTime::UNIX_EPOCH,
            1 => SystemTime::UNIX_EPOCH + Duration::from_secs(1),
            2 => SystemTime::UNIX_EPOCH + Duration::from_secs(315_532_801),
            3 => SystemTime::UNIX_EPOCH + Duration::from_secs(499_162_500),
            4 if !self.is_ahead => {
                self.is_ahead = true;
                self.now + Duration::from_secs(3600)
            }
            _ => self.now,
        };
        fs::File::options().write(true).open(&to).unwrap().set_modified(date).unwrap();
        if !is_in_place {
            fs::rename(to, path).unwrap();
        }
    }

    async fn ask(&mut self, lines: &[(&str, &str)]) -> Received {
        at(&self.sender, "GET", "/f", lines, self.now).await
    }

    /// Whoever has nothing gets all of what is there.
    async fn load(&mut self) {
        let received = self.ask(&[]).await;
        assert_eq!((received.status.as_u16(), &received.body[..]), (200, self.content.as_bytes()));
        let field =
            |name: &str| received.fields.get(name).map(|value| value.to_str().unwrap().to_owned());
        self.had.push(Had {
            content: self.content.clone(),
            tag: field("etag"),
            date: field("last-modified"),
        });
    }

    /// A client with a version gets 304 only if that version is there.
    async fn revalidate(&mut self) {
        if self.had.is_empty() {
            return self.load().await;
        }
        let index = self.random.usize(..self.had.len());
        let Had { content, tag, date } = &self.had[index];
        let (content, tag, date) = (content.clone(), tag.clone(), date.clone());
        let is_part = self.random.bool();
        let by = if self.random.bool() { tag } else { date.filter(|_| is_part) };
        let Some(by) = by else { return };
        let lines: &[(&str, &str)] = if is_part {
            &[("range", "bytes=8-"), ("if-range", &by)]
        } else {
            &[("if-none-match", &by)]
        };
        let received = self.ask(lines).await;
        let now = self.content.as_bytes();
        match received.status.as_u16() {
            304 => assert_eq!(content, self.content, "{lines:?}"),
            206 => {
                assert_eq!(&received.body[..], &now[8..], "{lines:?}");
                assert_eq!(content, self.content, "mixed by {lines:?}");
            }
            200 => assert_eq!(&received.body[..], now, "{lines:?}"),
            other => panic!("{other} to {lines:?}"),
        }
        self.holds += u32::from(received.status != 200);
    }
}

/// Whether two writes have two change times however soon they follow (Linux 6.13): here all of them count as old.
fn has_a_fine_clock(scratch: &Scratch) -> bool {
    let look = || {
        scratch.write("clock", "tick");
        let changed = fs::metadata(scratch.0.join("clock")).unwrap();
        (changed.ctime(), changed.ctime_nsec())
    };
    (0..100).all(|_| look() != look())
}

#[tokio::test]
async fn no_history_of_a_file_makes_a_client_keep_an_old_version_or_mix_two() {
    if !has_a_fine_clock(&Scratch::new()) {
        return crate::skip::place("a filesystem whose times tell two writes apart");
    }
    let mut holds = 0;
    for seed in 0..HISTORIES {
        let mut history = History::new(seed);
        for _ in 0..STEPS {
            history.now += Duration::from_millis(history.random.u64(1..1500));
            match history.random.u8(0..8) {
                0 => history.change(),
                1 | 2 => history.load().await,
                _ => history.revalidate().await,
            }
        }
        holds += history.holds;
    }
    assert!(holds > 1000, "{holds}: validators are to be of use");
}
