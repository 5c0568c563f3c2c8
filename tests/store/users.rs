//! One directory, two users: what each may do to the other's files, and how that is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use http::Response;
use letterhead::store::{Store, StoreError, Strategy, When};
use rustix::process::{Gid, Uid, geteuid};

use crate::apart::runtime;
use crate::scratch::Scratch;
use crate::skip;
use crate::tools::{get, text};
use crate::writings::{ALL, listening};

/// The group that both are in.
const GROUP: u32 = 62_000;
/// Two users, and one who is in no group of theirs.
const ANNE: u32 = 61_001;
const BERT: u32 = 61_002;
const CARL: u32 = 61_003;

/// Does work as another user, whose own group has the user's number; all but one are of the group, too.
fn as_user<T: Send>(user: u32, work: impl AsyncFnOnce() -> T + Send) -> T {
    let work = || {
        let (uid, own, group) = (Uid::from_raw(user), Gid::from_raw(user), Gid::from_raw(GROUP));
        let groups: &[Gid] = if user == CARL { &[] } else { &[group] };
        rustix::thread::set_thread_groups(groups).unwrap();
        rustix::thread::set_thread_res_gid(own, own, own).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        // Threads that may block are started by this one, and are of the same user.
        runtime().block_on(work())
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
}

/// A directory of the group that hands the group on; `None` if nobody can be another user here.
fn directory() -> Option<Scratch> {
    if !geteuid().is_root() {
        skip::right("root, to be two users");
        return None;
    }
    let scratch = Scratch::new();
    chown(scratch.path(""), Some(ANNE), Some(GROUP)).unwrap();
    fs::set_permissions(scratch.path(""), Permissions::from_mode(0o2770)).unwrap();
    Some(scratch)
}

/// Mode, owner and group.
fn whose(path: &Path) -> (u32, u32, u32) {
    let found = fs::metadata(path).unwrap();
    (found.mode() & 0o7777, found.uid(), found.gid())
}

/// What is told of a file that is not for this user.
fn denied<T: std::fmt::Debug>(done: Result<T, StoreError>, why: &str) {
    let error = done.unwrap_err();
    assert_eq!(error.status().as_u16(), 403, "{error}");
    assert!(error.diagnosis().unwrap().contains(why), "wanted {why}, found {error}");
}

#[test]
fn files_are_for_their_owner_alone_and_who_is_refused_is_told_whose_they_are() {
    let Some(scratch) = directory() else { return };
    as_user(ANNE, async || {
        let store = scratch.store();
        store.put("a", When::New, text("anne")).await.unwrap();
        store.modify("a", |_| ()).await.unwrap();
    });
    assert_eq!(whose(&scratch.path("a")), (0o600, ANNE, GROUP));
    let before = fs::read(scratch.path("a")).unwrap();
    // Whether or not this one shares what is its own.
    for shares in [false, true] {
        as_user(BERT, async || {
            let store = scratch.store();
            let store = if shares { store.shared_with_group() } else { store };
            let file = "`a` lacks r for its group (mode 0600, owner 61001:62000)";
            denied(store.head("a", None).await, file);
            denied(store.check("a", None).await, file);
            assert_eq!(get(&store, "a").await.0, 403);
            denied(store.put("a", When::Always, text("bert")).await, file);
            denied(store.modify("a", |_| ()).await, file);
            denied(store.update("a", None, &Response::new(())).await, file);
            // The directory gives names to both, but there is one lock for all names.
            let lock = "`.letterhead.lock` lacks r for its group (mode 0600, owner 61001:62000)";
            denied(store.put("b", When::New, text("bert")).await, lock);
            denied(store.remove("a", None).await, lock);
            assert_eq!(store.list().await.unwrap(), ["a"]);
        });
    }
    assert_eq!(fs::read(scratch.path("a")).unwrap(), before);
    assert_eq!(scratch.names(), ["a"]);
}

#[test]
fn a_group_reads_changes_replaces_and_removes_what_is_shared() {
    let Some(scratch) = directory() else { return };
    let value = |value: &str| Response::builder().header("x-value", value).body(()).unwrap();
    for writing in ALL {
        as_user(ANNE, async || {
            let store = scratch.store().writing(writing).shared_with_group();
            store.put("a", When::New, text("anne")).await.unwrap();
        });
        assert_eq!(whose(&scratch.path("a")), (0o660, ANNE, GROUP), "{writing:?}");
        as_user(BERT, async || {
            let store = scratch.store().writing(writing).shared_with_group();
            let (store, heard) = listening(store);
            assert_eq!(get(&store, "a").await, (200, "anne".to_owned()));
            let updated = store.update("a", Some(1), &value("bert")).await.unwrap();
            assert_eq!((updated.strategy, updated.generation), (Strategy::InPlace, 2));
            assert_eq!(*heard.lock().unwrap(), [""; 0], "{writing:?}");
        });
        // A change in place changes nothing of whose it is.
        assert_eq!(whose(&scratch.path("a")), (0o660, ANNE, GROUP));
        as_user(ANNE, async || {
            let store = scratch.store().writing(writing).shared_with_group();
            assert_eq!(store.head("a", None).await.unwrap().head().headers()["x-value"], "bert");
        });
        as_user(BERT, async || {
            let (store, heard) = listening(scratch.store().writing(writing).shared_with_group());
            let put = store.put("a", When::Always, text("bert")).await.unwrap();
            assert_eq!((put.strategy, put.generation), (Strategy::Replace, 3));
            // It would be Anne's still, if Bert could give files away.
            let heard = heard.lock().unwrap().join("\n");
            assert!(
                heard.contains("a: attributes refused with EPERM (1): next strategy"),
                "{heard}"
            );
        });
        assert_eq!(whose(&scratch.path("a")), (0o660, BERT, GROUP));
        as_user(ANNE, async || {
            let store = scratch.store().writing(writing).shared_with_group();
            assert_eq!(get(&store, "a").await, (200, "bert".to_owned()));
            let updated = store.update("a", Some(3), &value("anne")).await.unwrap();
            assert_eq!((updated.strategy, updated.generation), (Strategy::InPlace, 4));
            assert!(store.remove("a", Some(4)).await.unwrap());
        });
        assert!(scratch.names().is_empty());
    }
    let lock = whose(&scratch.path(".letterhead.lock"));
    assert_eq!((lock.0, lock.2), (0o660, GROUP));
    as_user(CARL, async || {
        let error = Store::open(scratch.path("")).unwrap_err();
        let why = error.to_string();
        assert!(why.contains("lacks r for others (mode 2770, owner 61001:62000)"), "{why}");
        assert_eq!(error.status().as_u16(), 403);
    });
}

#[test]
fn two_users_at_once_lose_no_change() {
    const CHANGES: usize = 60;
    let Some(scratch) = directory() else { return };
    as_user(ANNE, async || {
        let store = scratch.store().shared_with_group();
        store.put("a", When::New, text("payload")).await.unwrap();
    });
    let change = async |user: u32| {
        let store = scratch.store().shared_with_group();
        for nth in 0..CHANGES {
            let count = |head: &mut Response<()>| {
                let before = head.headers().get("x-count").map_or("0", |v| v.to_str().unwrap());
                let after = before.parse::<usize>().unwrap() + 1;
                head.headers_mut().insert("x-count", after.into());
            };
            store.modify("a", count).await.unwrap();
            // Names are given and taken away beside it.
            let own = format!("{user}-{nth}");
            store.put(&own, When::New, text("own")).await.unwrap();
            store.remove(&own, None).await.unwrap();
        }
    };
    std::thread::scope(|scope| {
        for user in [ANNE, BERT] {
            scope.spawn(move || as_user(user, async || change(user).await));
        }
    });
    let stored = runtime().block_on(scratch.store().check("a", None)).unwrap();
    assert_eq!(stored.generation(), 2 * CHANGES as u64 + 1);
    assert_eq!(stored.head().headers()["x-count"], (2 * CHANGES).to_string());
    assert_eq!(scratch.names(), ["a"]);
}

#[test]
fn what_was_made_before_it_was_shared_is_opened_by_its_owner() {
    let Some(scratch) = directory() else { return };
    let shared = |scratch: &Scratch| scratch.store().shared_with_group();
    as_user(ANNE, async || {
        let store = scratch.store();
        store.put("a", When::New, text("anne")).await.unwrap();
        store.put("b", When::New, text("anne")).await.unwrap();
    });
    // The lock becomes the group's as soon as its owner shares; files from before stay as they are.
    as_user(ANNE, async || {
        shared(&scratch).put("a", When::Always, text("2")).await.unwrap();
    });
    assert_eq!(whose(&scratch.path(".letterhead.lock")), (0o660, ANNE, GROUP));
    assert_eq!(whose(&scratch.path("a")), (0o600, ANNE, GROUP));
    as_user(BERT, async || {
        let store = shared(&scratch);
        store.put("c", When::New, text("bert")).await.unwrap();
        denied(store.head("a", None).await, "(mode 0600, owner 61001:62000)");
        denied(store.remove("b", None).await, "(mode 0600, owner 61001:62000)");
    });
    // As the guide has it: chmod g+rw.
    fs::set_permissions(scratch.path("a"), Permissions::from_mode(0o660)).unwrap();
    as_user(BERT, async || {
        let store = shared(&scratch);
        assert_eq!(get(&store, "a").await, (200, "2".to_owned()));
        store.remove("a", None).await.unwrap();
    });
    assert_eq!(scratch.names(), ["b", "c"]);
}

#[test]
fn a_file_that_takes_a_place_opens_to_no_group_that_could_not_read_before() {
    let Some(scratch) = directory() else { return };
    // A directory that hands no group on, and is open to all; so is its lock.
    fs::set_permissions(scratch.path(""), Permissions::from_mode(0o777)).unwrap();
    let lock = scratch.path(".letterhead.lock");
    fs::write(&lock, "").unwrap();
    fs::set_permissions(&lock, Permissions::from_mode(0o666)).unwrap();
    for (mode, group, user, wanted) in [
        // The common group is kept, though Bert's files are of his own.
        (0o660, GROUP, BERT, (0o660, BERT, GROUP)),
        (0o664, GROUP, BERT, (0o664, BERT, GROUP)),
        // Carl is not of that group, and his own is not let in for it.
        (0o664, GROUP, CARL, (0o644, CARL, CARL)),
        (0o666, GROUP, CARL, (0o666, CARL, CARL)),
        (0o604, GROUP, CARL, (0o604, CARL, CARL)),
    ] {
        as_user(ANNE, async || {
            scratch.store().put("a", When::New, text("anne")).await.unwrap();
        });
        chown(scratch.path("a"), None, Some(group)).unwrap();
        fs::set_permissions(scratch.path("a"), Permissions::from_mode(mode)).unwrap();
        as_user(user, async || {
            let put = scratch.store().put("a", When::Always, text("new")).await.unwrap();
            assert_eq!(put.strategy, Strategy::Replace);
        });
        assert_eq!(whose(&scratch.path("a")), wanted, "{mode:o} by {user}");
        fs::remove_file(scratch.path("a")).unwrap();
    }
}
