//! Room for a payload: too little is told before its first byte, and what comes has as much as it needs.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use letterhead::store::{Notice, Store, StoreError, Upload, When};
use letterhead::{Decision, Operation, Recovery};

use crate::apart::{in_namespace, runtime, tool};
use crate::disk::Disk;
use crate::scratch::Scratch;
use crate::tools::get;
use crate::writings::{ALL, listening, store};

/// Content of which nobody is to read a byte.
struct Announced(u64);

impl Body for Announced {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("wanted no byte of it to be read")
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

fn no_room(error: &StoreError, wanted: &str) {
    assert_eq!(error.status().as_u16(), 507, "{error}");
    assert_eq!(error.refused(), Some((Operation::Reserve, libc::ENOSPC)), "{error}");
    assert!(error.to_string().starts_with(wanted), "{error}");
}

#[tokio::test]
async fn more_than_there_is_room_for_is_refused_before_its_first_byte() {
    for writing in ALL {
        let scratch = Scratch::new();
        let (store, heard) = listening(store(&scratch, writing));
        store.put("a", When::New, crate::tools::text("old")).await.unwrap();
        let body = Response::new(Announced(1 << 60));
        let error = store.put("a", When::Always, body).await.unwrap_err();
        // Head and payload.
        no_room(&error, "wanted room for 1152921504606855168 bytes, found room for ");
        assert!(error.diagnosis().unwrap().contains(" bytes of room are left on /"), "{error}");
        for length in [1 << 60, u64::MAX] {
            let error = store.upload("b", When::New, Some(length)).await.unwrap_err();
            no_room(&error, "wanted room for ");
        }
        assert_eq!(get(&store, "a").await, (200, "old".to_owned()));
        assert_eq!(scratch.names(), ["a"]);
        let heard = heard.lock().unwrap();
        assert_eq!(heard.len(), 3, "{heard:?}");
        assert!(heard[0].starts_with("a: reserve refused with ENOSPC (28): 507"), "{heard:?}");
    }
}

#[tokio::test]
async fn the_table_may_have_it_tried_all_the_same() {
    let scratch = Scratch::new();
    let table = Recovery::standard().on(Operation::Reserve, libc::ENOSPC, Decision::Next);
    let store = scratch.store().recovery(table);
    let mut upload = store.upload("a", When::New, Some(1 << 60)).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    assert!(upload.publish(&Response::new(())).await.unwrap_err().is_content());
    assert!(scratch.names().is_empty());
}

/// Bytes that this process's open files in a directory take on the disk, and how many files those are.
fn held(directory: &Path) -> (u64, usize) {
    let directory = directory.canonicalize().unwrap();
    let (mut bytes, mut files) = (0, 0);
    for entry in fs::read_dir("/proc/self/fd").unwrap() {
        let path = entry.unwrap().path();
        let is_within = fs::read_link(&path).is_ok_and(|to| to.starts_with(&directory));
        // A file without a name is reached through its descriptor.
        let Some(found) = fs::metadata(&path).ok().filter(|found| is_within && found.is_file())
        else {
            continue;
        };
        bytes += found.blocks() * 512;
        files += 1;
    }
    (bytes, files)
}

const ANNOUNCED: u64 = 64 << 20;

async fn begun(store: &Store, name: &str) -> Upload {
    let mut upload = store.upload(name, When::Always, Some(ANNOUNCED)).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    upload
}

#[tokio::test]
async fn who_announces_much_and_sends_little_holds_little() {
    for writing in ALL {
        let scratch = Scratch::new();
        let store = store(&scratch, writing);
        let mut uploads = Vec::new();
        for nth in 0..50 {
            uploads.push(begun(&store, &nth.to_string()).await);
        }
        let (bytes, files) = held(&scratch.path(""));
        assert_eq!(files, 50, "{writing:?}");
        // Room for a head of 8 KiB and its twin, and 64 KiB.
        let most = 50 * (128 << 10);
        assert!((1..=most).contains(&bytes), "{writing:?}: {bytes} bytes");
        for upload in uploads {
            assert!(upload.publish(&Response::new(())).await.unwrap_err().is_content());
        }
        assert_eq!(held(&scratch.path("")), (0, 0), "{writing:?}");
        assert!(scratch.names().is_empty());
    }
}

#[tokio::test]
async fn room_grows_with_what_comes_and_ends_with_it() {
    let piece = Bytes::from(vec![b'x'; 200_000]);
    for writing in ALL {
        let scratch = Scratch::new();
        let store = store(&scratch, writing);
        for announced in [Some(piece.len() as u64 * 30), None] {
            let mut upload = store.upload("a", When::Always, announced).await.unwrap();
            for nth in 1..=30 {
                upload.write(piece.clone()).await.unwrap();
                let (held, _) = held(&scratch.path(""));
                let (come, head) = (nth * piece.len() as u64, 64 << 10);
                assert!(held <= 2 * come + head + (128 << 10), "{writing:?}: {held} for {come}");
            }
            upload.publish(&Response::new(())).await.unwrap();
            let found = fs::metadata(scratch.path("a")).unwrap();
            // No block behind the end.
            assert!(found.blocks() * 512 <= found.len() + 8192, "{writing:?}: {found:?}");
            store.check("a", None).await.unwrap();
        }
    }
}

#[test]
fn the_last_room_is_not_lost_to_what_may_follow() {
    in_namespace("room::the_last_room_is_not_lost_to_what_may_follow", || {
        let scratch = Scratch::new();
        let at = scratch.path("small");
        fs::create_dir(&at).unwrap();
        tool("mount", &["-t", "tmpfs", "-o", "size=8m", "none", at.to_str().unwrap()]).unwrap();
        for writing in ALL {
            let store = Store::open(&at).unwrap().writing(writing);
            let length = (7 << 20) + (1 << 19);
            for announced in [Some(length), None] {
                runtime().block_on(async {
                    let mut upload = store.upload("a", When::New, announced).await.unwrap();
                    for _ in 0..length >> 16 {
                        upload.write(vec![b'x'; 1 << 16].into()).await.unwrap();
                    }
                    upload.publish(&Response::new(())).await.unwrap();
                    assert_eq!(store.check("a", None).await.unwrap().length(), length);
                    store.remove("a", None).await.unwrap();
                });
            }
        }
    });
}

#[test]
fn what_is_kept_for_root_is_not_counted() {
    in_namespace("room::what_is_kept_for_root_is_not_counted", || {
        // Half of it is root's.
        let mkfs = ["mkfs.ext4", "-q", "-F", "-m", "50"];
        let Some(disk) = Disk::new(&mkfs, 32) else { return };
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let hears = std::sync::Arc::clone(&told);
        let hear = move |notice: &Notice| hears.lock().unwrap().push(notice.to_string());
        let store = disk.store().on_notice(hear);
        let found = rustix::fs::statvfs(&disk.at).unwrap();
        let (all, others) = (found.f_bfree * found.f_frsize, found.f_bavail * found.f_frsize);
        assert!(all > others + (8 << 20), "{all} {others}");
        runtime().block_on(async {
            let length = others + (1 << 20);
            let error = store.put("a", When::New, Response::new(Announced(length))).await;
            no_room(&error.unwrap_err(), "wanted room for ");
            // Nobody knows how much it will be, so it shows when it comes: this process is root.
            let mut upload = store.upload("a", When::New, None).await.unwrap();
            let mut left = length;
            while left > 0 {
                let piece = left.min(1 << 20);
                upload.write(vec![b'x'; usize::try_from(piece).unwrap()].into()).await.unwrap();
                left -= piece;
            }
            upload.publish(&Response::new(())).await.unwrap();
            assert_eq!(store.check("a", None).await.unwrap().length(), length);
        });
    });
}
