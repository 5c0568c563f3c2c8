//! Disks with bad places, syncs that fail, other projects and a sudden stop, as kernel and filesystems have
//! them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::Operation;
use letterhead::store::{Published, Scrub, SlotState, Store, StoreError, Strategy, When};

use crate::apart::{in_namespace, runtime, tool};
use crate::disk::{Disk, fill};
use crate::refused;
use crate::scratch::Scratch;
use crate::tools::{ask, get, text};

/// One that has checksums of all data, so that a changed byte is an EIO for its block and no other.
fn checking() -> Option<Disk> {
    Disk::new(&["mkfs.btrfs", "--quiet"], 120)
}

fn head(value: &str, filler: usize) -> Response<()> {
    let response = Response::builder().header("x-value", value);
    response.header("x-filler", "x".repeat(filler)).body(()).unwrap()
}

/// A store that keeps what it tells.
fn telling(store: Store) -> (Store, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    (store.on_notice(move |notice| seen.lock().unwrap().push(notice.to_string())), told)
}

fn eio<T: std::fmt::Debug>(done: Result<T, StoreError>) {
    let error = done.unwrap_err();
    assert_eq!(error.refused(), Some((Operation::Read, libc::EIO)), "{error}");
    assert!(error.to_string().contains("found EIO"), "{error}");
}

#[test]
fn a_bad_place_in_a_payload_breaks_it_off() {
    in_namespace("disks::a_bad_place_in_a_payload_breaks_it_off", || {
        let Some(disk) = checking() else { return };
        // Blocks that differ, so that each is found in the image.
        let blocks = (0..1024).map(|nth| format!("{:4096}", format!("block {nth} of a payload.")));
        let payload: String = blocks.collect();
        let half = payload.len() / 2;
        runtime().block_on(async {
            let (store, told) = telling(disk.store());
            store.put("a", When::New, text(&payload)).await.unwrap();
            disk.spoil("a", b"block 512 of a payload.");
            let response = store.send(&Request::get("/").body(()).unwrap(), "a").await;
            assert_eq!(response.status(), 200);
            let (mut body, mut got) = (response.into_body(), Vec::new());
            let end = loop {
                match body.frame().await.expect("never a clean end") {
                    Ok(frame) => got.extend_from_slice(&frame.into_data().unwrap()),
                    Err(error) => break error,
                }
            };
            eio(Err::<(), _>(end));
            assert!(!got.is_empty() && got.len() <= half, "{}", got.len());
            assert!(payload.as_bytes().starts_with(&got));
            // Before the head is out it is an answer of its own.
            let range = |range| Request::get("/").header("range", range);
            assert_eq!(ask(&store, "a", range("bytes=2097152-2097200")).await.0.status, 500);
            let (parts, content) = ask(&store, "a", range("bytes=0-19")).await;
            assert_eq!(
                (parts.status.as_u16(), &content.unwrap()[..]),
                (206, &payload.as_bytes()[..20])
            );
            eio(store.check("a", None).await);
            assert_eq!(store.scrub(Scrub::new()).await.unwrap().bad.len(), 1);
            // The head can still be changed in place, and not where the payload has to be copied.
            eio(store.update("a", None, &head("1", 20_000)).await);
            let published = store.update("a", None, &head("2", 10)).await.unwrap();
            assert_eq!((published.strategy, published.generation), (Strategy::InPlace, 2));
            assert_eq!(disk.names(), ["a"]);
            assert!(told.lock().unwrap().iter().any(|notice| notice.contains("EIO")));
        });
    });
}

#[test]
fn a_slot_in_a_bad_place_is_served_from_its_twin() {
    in_namespace("disks::a_slot_in_a_bad_place_is_served_from_its_twin", || {
        let Some(disk) = checking() else { return };
        runtime().block_on(async {
            for (name, slots) in [("first", &[0][..]), ("second", &[1]), ("both", &[0, 1])] {
                let (store, told) = telling(disk.store());
                store.put(name, When::New, text("payload")).await.unwrap();
                // By these bytes the two are told apart on the disk; nobody reads them there.
                let path = disk.at.join(name);
                for slot in slots {
                    let file = File::options().read(true).write(true).open(&path).unwrap();
                    let marker = format!("the slot {slot} of {name}");
                    file.write_all_at(marker.as_bytes(), slot * 4096 + 4000).unwrap();
                    disk.spoil(name, marker.as_bytes());
                }
                if slots.len() == 2 {
                    eio(store.head(name, None).await);
                    assert_eq!(get(&store, name).await.0, 500);
                    eio(store.update(name, None, &head("2", 10)).await);
                    // A new file takes its place all the same.
                    store.put(name, When::Always, text("new")).await.unwrap();
                    assert_eq!(get(&store, name).await, (200, "new".to_owned()));
                    continue;
                }
                assert_eq!(store.head(name, None).await.unwrap().state(), SlotState::OneBad);
                assert_eq!(get(&store, name).await, (200, "payload".to_owned()));
                let told = told.lock().unwrap().join("\n");
                assert!(told.contains("found what cannot be read"), "{told}");
                let published = store.update(name, Some(1), &head("2", 10)).await.unwrap();
                assert_eq!((published.strategy, published.durable), (Strategy::InPlace, true));
                assert_eq!(store.head(name, None).await.unwrap().state(), SlotState::Equal);
                assert_eq!(get(&store, name).await, (200, "payload".to_owned()));
            }
            assert_eq!(disk.names(), ["both", "first", "second"]);
        });
    });
}

fn unsynced(error: &StoreError) {
    let (operation, errno) = error.refused().unwrap();
    assert_eq!(operation, Operation::Sync, "{error}");
    assert!([libc::EIO, libc::ENOSPC].contains(&errno), "{error}");
}

#[test]
fn a_sync_that_fails_retires_the_file() {
    in_namespace("disks::a_sync_that_fails_retires_the_file", || {
        let scratch = Scratch::new();
        let below = scratch.path("below");
        fs::create_dir(&below).unwrap();
        let options = ["-t", "tmpfs", "-o", "size=20m", "none", below.to_str().unwrap()];
        tool("mount", &options).unwrap();
        // Without a journal, whose end would be the end of the whole filesystem.
        let mkfs = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-b", "4096"];
        let Some(disk) = Disk::on(scratch, below.join("image"), &mkfs, 8) else { return };
        runtime().block_on(async {
            let (store, told) = telling(disk.store());
            let first = Response::builder().header("x-value", "first");
            let first = first.body(Full::<Bytes>::from("payload")).unwrap();
            store.put("a", When::New, first).await.unwrap();
            let update = async |value| store.update("a", None, &head(value, 10)).await;
            assert_eq!(update("second").await.unwrap().strategy, Strategy::InPlace);

            // All of the disk has room below, but for the place of the head: no page of it can be written.
            fill(&disk.at.join("rest"));
            let place = disk.place(b"x-value: second");
            fs::remove_file(disk.at.join("rest")).unwrap();
            disk.sync();
            disk.punch(place / 4096 * 4096, 8192);
            fill(&below.join("rest"));
            let published = update("third").await.unwrap();
            let told = std::mem::take(&mut *told.lock().unwrap()).join("\n");
            assert!(told.contains("a: not changed in place any more"), "{told}");
            assert_eq!(
                (published.strategy, published.durable),
                (Strategy::Replace, true),
                "{told}"
            );
            assert_eq!(store.statistics().failed_syncs, 1);
            assert_eq!(update("fourth").await.unwrap().strategy, Strategy::InPlace);
            assert_eq!(disk.names(), ["a"]);
        });
        // It is on the disk.
        disk.unmount();
        fs::remove_file(below.join("rest")).unwrap();
        disk.mount();
        runtime().block_on(async {
            let stored = disk.store().check("a", Some(4)).await.unwrap();
            assert_eq!(stored.head().headers()["x-value"], "fourth");
        });

        // And with no room for another file either, neither now nor in place the next time.
        runtime().block_on(async {
            let (store, told) = telling(disk.store());
            let update = async |value| store.update("a", None, &head(value, 10)).await;
            assert_eq!(update("fifth").await.unwrap().strategy, Strategy::InPlace);
            let place = disk.place(b"x-value: fifth");
            disk.punch(place / 4096 * 4096, 8192);
            disk.punch_free();
            fill(&below.join("rest"));
            let error = update("sixth").await.unwrap_err();
            unsynced(&error);
            unsynced(&store.put("new", When::New, text("new")).await.unwrap_err());
            assert!(store.head("new", None).await.unwrap_err().is_not_found());
            let found = store.head("a", None).await.unwrap().head().headers()["x-value"].clone();
            assert!(found == "fifth" || found == "sixth", "{found:?}");
            fs::remove_file(below.join("rest")).unwrap();
            assert_eq!(update("seventh").await.unwrap().strategy, Strategy::Replace);
            assert_eq!(update("eighth").await.unwrap().strategy, Strategy::InPlace);
            assert_eq!(store.statistics().failed_syncs, 5, "{:?}", told.lock().unwrap());
            assert_eq!(disk.names(), ["a"]);
        });
        disk.unmount();
        disk.mount();
        runtime().block_on(async {
            let stored = disk.store().check("a", None).await.unwrap();
            assert_eq!(stored.head().headers()["x-value"], "eighth");
        });
    });
}

async fn publish_late(
    store: &Store,
    name: &str,
    meanwhile: impl FnOnce(),
) -> Result<Published, StoreError> {
    let mut upload = store.upload(name, When::Always, None).await.unwrap();
    upload.write(Bytes::from_static(b"content")).await.unwrap();
    meanwhile();
    upload.publish(&Response::new(())).await
}

#[test]
fn a_directory_of_another_project_gets_a_file_of_its_own() {
    in_namespace("disks::a_directory_of_another_project_gets_a_file_of_its_own", || {
        let Some(disk) = Disk::new(&["mkfs.xfs", "-q"], 300) else { return };
        let mut projects = 1..;
        let mut change = || {
            let (at, project) = (disk.at.to_str().unwrap(), projects.next().unwrap());
            tool("chattr", &["-p", &project.to_string(), at]).unwrap();
            tool("chattr", &["+P", at]).unwrap();
        };
        let (store, told) = telling(disk.store());
        runtime().block_on(async {
            // A link into it is EXDEV.
            let published = publish_late(&store, "linked", &mut change).await.unwrap();
            assert_eq!((published.strategy, published.durable), (Strategy::Replace, true));
            let told = std::mem::take(&mut *told.lock().unwrap()).join("\n");
            assert!(told.contains("link refused with EXDEV (18)"), "{told}");
            // And over a name that is taken.
            publish_late(&store, "linked", &mut change).await.unwrap();
        });
        // So is a renaming, where files have names from the beginning.
        let work = || {
            refused::refuse("a file without a name", &[libc::SYS_openat], libc::EOPNOTSUPP);
            runtime().block_on(async {
                for name in ["renamed", "renamed"] {
                    let published = publish_late(&store, name, &mut change).await.unwrap();
                    assert_eq!((published.strategy, published.durable), (Strategy::Replace, true));
                }
            });
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        let told = told.lock().unwrap().join("\n");
        let renamed = told.matches("rename refused with EXDEV (18): next strategy").count();
        assert_eq!(renamed, 2, "{told}");
        runtime().block_on(async {
            for name in ["linked", "renamed"] {
                assert_eq!(get(&store, name).await, (200, "content".to_owned()));
                store.remove(name, None).await.unwrap();
            }
        });
        assert!(disk.names().is_empty());
    });
}

#[test]
fn a_filesystem_that_stops_in_the_middle_keeps_what_was_there() {
    in_namespace("disks::a_filesystem_that_stops_in_the_middle_keeps_what_was_there", || {
        let Some(disk) = Disk::new(&["mkfs.ext4", "-q", "-F"], 32) else { return };
        let stop = || {
            tool("mount", &["-o", "remount,abort", disk.at.to_str().unwrap()]).unwrap();
        };
        for (round, name) in ["new", "old", "new", "old"].into_iter().enumerate() {
            let work = || {
                if round > 1 {
                    refused::refuse("a file without a name", &[libc::SYS_openat], libc::EOPNOTSUPP);
                }
                let store = disk.store();
                runtime().block_on(async {
                    if round == 0 {
                        store.put("old", When::Always, text("old")).await.unwrap();
                    }
                    let error = publish_late(&store, name, stop).await.unwrap_err();
                    let (_, errno) = error.refused().unwrap();
                    assert!([libc::EROFS, libc::EIO].contains(&errno), "{error}");
                    assert_eq!(get(&store, "old").await, (200, "old".to_owned()));
                    let error = store.update("old", None, &head("2", 10)).await.unwrap_err();
                    assert_eq!(error.refused().unwrap().1, libc::EROFS, "{error}");
                });
            };
            std::thread::scope(|scope| scope.spawn(work).join().unwrap());
            disk.unmount();
            disk.mount();
            runtime().block_on(async {
                let store = disk.store();
                assert_eq!(get(&store, "old").await, (200, "old".to_owned()));
                store.sweep(Duration::ZERO).await.unwrap();
                assert_eq!(disk.names(), ["old"]);
            });
        }
    });
}
