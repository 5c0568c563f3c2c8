//! Holes that are punched into files on tmpfs, whose times move behind the bytes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use letterhead::FileSender;
use rustix::fs::{FallocateFlags, fallocate};
use tower::Layer as _;

use crate::apart::{figures, in_namespace, runtime, tool};
use crate::client::h1_get;
use crate::scratch::{Scratch, set_modified, settled};
use crate::serve::serve;

/// Long enough that a hole of it takes longer than a request.
const LENGTH: usize = 24 << 20;

/// How many holes are punched.
const HOLES: u32 = 8;

/// Punches a hole into the whole file, and puts another one in its place by a rename.
fn punch(root: &Path) {
    let file = File::options().write(true).open(root.join("f")).unwrap();
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, flags, 0, LENGTH as u64).unwrap();
    drop(file);
    next_tick(root);
    fresh(root);
    next_tick(root);
}

/// Waits until the clock of files has moved on: two files of one size and time have one tag.
fn next_tick(root: &Path) {
    let tick = || {
        fs::write(root.join("tick"), "").unwrap();
        fs::metadata(root.join("tick")).unwrap().modified().unwrap()
    };
    let last = fs::metadata(root.join("f")).unwrap().modified().unwrap();
    while tick() <= last {
        std::thread::yield_now();
    }
}

fn fresh(root: &Path) {
    fs::write(root.join("new"), vec![b'a'; LENGTH]).unwrap();
    fs::rename(root.join("new"), root.join("f")).unwrap();
}

#[test]
fn a_tag_on_tmpfs_is_of_the_bytes_before_a_hole_or_of_those_behind_it() {
    let name = "holes::a_tag_on_tmpfs_is_of_the_bytes_before_a_hole_or_of_those_behind_it";
    in_namespace(name, || {
        let scratch = Scratch::new();
        let root = scratch.path("tmpfs");
        fs::create_dir(&root).unwrap();
        tool("mount", &["-t", "tmpfs", "none", root.to_str().unwrap()]).unwrap();
        fresh(&root);
        let sender = FileSender::new(&root).unwrap().settle(std::time::Duration::ZERO);
        let over = Arc::new(AtomicBool::new(false));
        let punching = {
            let (root, over) = (root.clone(), Arc::clone(&over));
            std::thread::spawn(move || {
                (0..HOLES).for_each(|_| punch(&root));
                over.store(true, Ordering::Relaxed);
            })
        };
        let (mut strong, mut weak) = (0, 0);
        let mut of_tag: HashMap<String, String> = HashMap::new();
        runtime().block_on(async {
            let server = serve(sender).await;
            while !over.load(Ordering::Relaxed) {
                let answer = h1_get(&server, "/f", "range: bytes=0-7\r\n").await;
                if answer.status() == 503 {
                    // It was written to faster than it could be read.
                    continue;
                }
                assert_eq!(answer.status(), 206, "{answer:?}");
                let tag = answer.field("etag").unwrap();
                if tag.starts_with("W/") {
                    weak += 1;
                    continue;
                }
                strong += 1;
                let known = of_tag.entry(tag.to_owned()).or_insert_with(|| answer.body.clone());
                assert_eq!(*known, answer.body, "{tag}, after {strong}");
            }
        });
        punching.join().unwrap();
        assert!(strong > 0, "{strong} {weak}");
        let line =
            format!("{HOLES} holes: {strong} parts with a strong tag, {weak} with a weak one");
        figures("holes on tmpfs", &line);
    });
}

#[test]
fn who_may_not_ask_on_tmpfs_is_told_once() {
    let name = "holes::who_may_not_ask_on_tmpfs_is_told_once";
    in_namespace(name, || {
        let scratch = Scratch::new();
        let root = scratch.path("tmpfs");
        fs::create_dir(&root).unwrap();
        tool("mount", &["-t", "tmpfs", "none", root.to_str().unwrap()]).unwrap();
        for name in ["a", "b"] {
            fs::write(root.join(name), "content").unwrap();
            set_modified(&root.join(name), settled());
        }
        let told: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&told);
        let sender = FileSender::new(&root).unwrap().settle(std::time::Duration::ZERO);
        let sender =
            sender.on_refusal(move |refused| heard.lock().unwrap().push(refused.to_string()));
        let asking = || {
            // Somebody else's files, and no right to ask about them.
            let (uid, gid) = (rustix::fs::Uid::from_raw(65534), rustix::fs::Gid::from_raw(65534));
            rustix::thread::set_thread_groups(&[]).unwrap();
            rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
            rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            runtime().block_on(async {
                let server = serve(sender.clone()).await;
                for path in ["/a", "/b", "/a"] {
                    let answer = h1_get(&server, path, "").await;
                    assert!(answer.field("etag").unwrap().starts_with('"'), "{answer:?}");
                }
            });
        };
        std::thread::scope(|scope| scope.spawn(asking).join().unwrap());
        let line = "a: wanted to know whether a writer is there, found EACCES (13): \
                    next strategy: without a lease the age of the last change counts alone";
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with(line), "{told:?}");
        assert!(sender.counts().by_age >= 2, "{}", sender.counts());
    });
}

#[test]
fn a_writer_that_opens_a_file_on_tmpfs_while_it_is_sent_ends_the_response() {
    let name = "holes::a_writer_that_opens_a_file_on_tmpfs_while_it_is_sent_ends_the_response";
    in_namespace(name, || {
        let scratch = Scratch::new();
        let root = scratch.path("tmpfs");
        fs::create_dir(&root).unwrap();
        tool("mount", &["-t", "tmpfs", "none", root.to_str().unwrap()]).unwrap();
        fresh(&root);
        let sender = FileSender::new(&root).unwrap().settle(std::time::Duration::ZERO);
        runtime().block_on(async {
            let server = serve(letterhead::LetterheadLayer::new().layer(sender)).await;
            for writes in [false, true] {
                let mut raw = crate::client::Raw::connect(&server).await;
                raw.get("/f", "connection: close\r\n").await;
                let head = raw.head().await;
                assert!(
                    head.starts_with("HTTP/1.1 200") && head.contains("\r\netag: \""),
                    "{head}"
                );
                // What it writes, and whether it does, cannot be told from outside.
                let options = File::options().read(true).write(writes).clone();
                let file = options.open(root.join("f")).unwrap();
                let got = raw.rest().await.len();
                drop(file);
                assert_eq!(got < LENGTH, writes, "{got} of {LENGTH}");
            }
        });
    });
}
