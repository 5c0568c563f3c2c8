//! Nothing is silent: roots, mounts and locks that are in the way are told of.

use std::error::Error as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use letterhead::FileSender;
use letterhead::store::{Notice, Scrub, Store, StoreError, When};
use tower::ServiceExt as _;

use crate::apart::{in_namespace, runtime};
use crate::confined::become_nobody;
use crate::observe::text;
use crate::places::{name, run};
use crate::scratch::Scratch;
use crate::skip;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn as_nobody(work: impl FnOnce() + Send) {
    let nobody = || {
        become_nobody();
        work();
    };
    std::thread::scope(|scope| scope.spawn(nobody).join().unwrap());
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn a_root_that_cannot_be_opened_says_why() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("closed/root")).unwrap();
    mode(&scratch.path("closed"), 0o700);
    let closed = name(&scratch.path("closed"));
    let why =
        format!("`{}` lacks x for others (mode 0700, owner 0:0)", closed.trim_start_matches('/'));
    as_nobody(|| {
        let path = scratch.path("closed/root");
        for error in
            [FileSender::new(&path).unwrap_err(), FileSender::following(&path).unwrap_err()]
        {
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            let text = error.to_string();
            let start = "wanted the root directory, found EACCES (13) (";
            assert!(text.starts_with(start) && text.contains(&why), "{text}");
            let source = error.source().and_then(|error| error.downcast_ref::<io::Error>());
            assert_eq!(source.and_then(io::Error::raw_os_error), Some(libc::EACCES));
        }
        let error = Store::open(&path).unwrap_err();
        assert!(error.diagnosis().unwrap().contains(&why), "{error}");
        assert!(error.to_string().contains(&why), "{error}");
        // What is just not there has the plain error of its number.
        let error = FileSender::new(scratch.path("none")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    });
}

#[test]
fn a_followed_root_that_is_closed_later_says_why() {
    if !is_root() {
        return skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("way/root")).unwrap();
    fs::write(scratch.path("way/root/a"), "a").unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    let sender = FileSender::following(scratch.path("way/root")).unwrap();
    let sender = sender.on_refusal(move |refused| ear.lock().unwrap().push(refused.to_string()));
    mode(&scratch.path("way"), 0o700);
    as_nobody(|| {
        runtime().block_on(async {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(2)).await;
            let request = http::Request::get("/a").body(()).unwrap();
            let response = sender.oneshot(request).await.unwrap();
            assert_eq!(response.status(), 200, "the last tree stays");
            let _ = response.into_body().collect().await;
        });
    });
    let heard = heard.lock().unwrap();
    assert!(heard.iter().any(|line| line.contains("way` lacks x for others")), "{heard:?}");
}

fn listening(store: Store) -> (Store, Arc<Mutex<Vec<Notice>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&heard);
    (store.on_notice(move |notice| ear.lock().unwrap().push(notice.clone())), heard)
}

#[test]
fn a_mount_that_is_read_only_is_told_and_scrubbed_without_repair() {
    in_namespace("silent::a_mount_that_is_read_only_is_told_and_scrubbed_without_repair", || {
        let scratch = Scratch::new();
        let runtime = runtime();
        for file in ["sound", "half", "lost"] {
            runtime.block_on(scratch.store().put(file, When::New, text(file))).unwrap();
        }
        let spoil = |name: &str, slots: &[u64]| {
            use std::os::unix::fs::FileExt as _;
            let file = fs::File::options().write(true).open(scratch.path(name)).unwrap();
            for slot in slots {
                file.write_all_at(&[0xff; 100], *slot).unwrap();
            }
        };
        spoil("half", &[4096]);
        spoil("lost", &[0, 4096]);
        let directory = name(&scratch.path(""));
        run("mount", &["--bind", &directory, &directory]);
        run("mount", &["-o", "remount,bind,ro", &directory]);
        let (store, heard) = listening(Store::open(&directory).unwrap());
        let scrubbed = runtime.block_on(store.scrub(Scrub::new().quarantine())).unwrap();
        drop(store);
        run("umount", &[&directory]);
        assert_eq!((scrubbed.sound, scrubbed.repaired.len()), (2, 0));
        assert_eq!(scrubbed.bad.len(), 1);
        assert_eq!((scrubbed.bad[0].0.as_str(), scrubbed.quarantined.len()), ("lost", 0));
        let why = scrubbed.unrepaired.as_ref().and_then(StoreError::diagnosis).unwrap();
        assert!(why.contains("is read-only, its filesystem is not"), "{why}");
        let heard = heard.lock().unwrap();
        let told = |notice: &Notice| {
            matches!(notice, Notice::Refused { errno: libc::EROFS, diagnosis: Some(_), .. })
        };
        assert!(heard.iter().any(told), "{heard:?}");
        // Where it may be written to, the same is mended and put aside.
        let scrubbed = runtime.block_on(scratch.store().scrub(Scrub::new().quarantine())).unwrap();
        assert!(scrubbed.unrepaired.is_none());
        assert_eq!((scrubbed.repaired, scrubbed.quarantined.len()), (vec!["half".to_owned()], 1));
    });
}

#[test]
fn a_lock_that_another_writer_keeps_is_told() {
    let scratch = Scratch::new();
    runtime().block_on(scratch.store().put("a", When::New, text("a"))).unwrap();
    let (store, heard) = listening(scratch.store().lock_wait(Duration::from_millis(1)));
    // Whoever is told of what is swept has the lock of the directory.
    fs::write(scratch.path(".letterhead-0.tmp"), "").unwrap();
    let sweeper = scratch.store().on_notice(move |_| {
        let error = std::thread::scope(|scope| {
            scope.spawn(|| runtime().block_on(store.remove("a", None))).join().unwrap().unwrap_err()
        });
        assert!(error.is_busy(), "{error}");
    });
    assert_eq!(runtime().block_on(sweeper.sweep(Duration::ZERO)).unwrap(), 1);
    let heard = heard.lock().unwrap();
    let [Notice::Locked { name, waited }] = &heard[..] else { panic!("{heard:?}") };
    assert!(name == ".letterhead.lock" && *waited >= Duration::from_millis(1), "{name} {waited:?}");
    assert!(
        heard[0].to_string().starts_with(".letterhead.lock: given up, as another writer has had")
    );
}
