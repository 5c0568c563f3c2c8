//! What is damaged, forged, foreign or older is not served, and it is said why.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use letterhead::store::{
    KeyRing, Notice, Scrub, Signed, SigningKey, SlotState, Store, StoreError, Unsigned, Verify,
    When, Writing,
};

use crate::scratch::Scratch;
use crate::tools::{ask, get, text};

/// Changes a file behind the store's back.
fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// A store with one file, whose head was changed once.
async fn stored(content: &str) -> (Scratch, Store) {
    let scratch = Scratch::new();
    let store = scratch.store();
    store.put("a", When::New, text(content)).await.unwrap();
    let head = Response::builder().header("x-generation", "2").body(()).unwrap();
    store.update("a", Some(1), &head).await.unwrap();
    (scratch, store)
}

#[tokio::test]
async fn one_bad_slot_is_served_from_its_twin_and_mended() {
    for slot in 0..2 {
        let (scratch, store) = stored("payload").await;
        damage(&scratch.path("a"), |bytes| bytes[slot * 4096 + 130] ^= 1);
        let found = store.head("a", None).await.unwrap();
        assert_eq!((found.generation(), found.state()), (2, SlotState::OneBad));
        assert_eq!(get(&store, "a").await, (200, "payload".to_owned()));
        assert_eq!(store.statistics().bad_slots, 2);
        let scrubbed = store.scrub(Scrub::new().without_repair()).await.unwrap();
        assert_eq!((scrubbed.sound, scrubbed.repaired.len()), (1, 0));
        let scrubbed = store.scrub(Scrub::new()).await.unwrap();
        assert_eq!((scrubbed.sound, scrubbed.repaired), (1, vec!["a".to_owned()]));
        assert_eq!(store.head("a", None).await.unwrap().state(), SlotState::Equal);
        // Changing the head mends it as well.
        damage(&scratch.path("a"), |bytes| bytes[slot * 4096 + 130] ^= 1);
        store.update("a", Some(2), &Response::new(())).await.unwrap();
        assert_eq!(store.head("a", None).await.unwrap().state(), SlotState::Equal);
        assert_eq!(store.head("a", None).await.unwrap().generation(), 3);
    }
}

#[tokio::test]
async fn what_cannot_be_believed_is_refused_and_put_aside() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(Change, &str); 5] = [
        (
            |bytes| {
                bytes[130] ^= 1;
                bytes[4096 + 130] ^= 1;
            },
            "no slot is whole",
        ),
        (|bytes| bytes.truncate(bytes.len() - 1), "wanted a file of"),
        (|bytes| bytes.push(0), "wanted a file of"),
        (|bytes| bytes.truncate(100), "no slot is whole"),
        (|bytes| *bytes.last_mut().unwrap() ^= 1, "wanted the payload that the head is of"),
    ];
    for (change, why) in changes {
        let (scratch, store) = stored("payload").await;
        store.put("sound", When::New, text("x")).await.unwrap();
        damage(&scratch.path("a"), change);
        let (status, _) = get(&store, "a").await;
        assert_eq!(status, 500, "{why}");
        let error = store.check("a", None).await.unwrap_err();
        assert!(error.is_damaged() && error.to_string().starts_with(why), "{error}");
        let scrubbed = store.scrub(Scrub::new().quarantine()).await.unwrap();
        assert_eq!((scrubbed.sound, scrubbed.bad.len()), (1, 1));
        assert_eq!(scrubbed.quarantined[0].0, "a");
        assert_eq!(store.list().await.unwrap(), ["sound"]);
        assert!(scratch.names().contains(&scrubbed.quarantined[0].1));
        // The name is free again.
        store.put("a", When::New, text("again")).await.unwrap();
        assert_eq!(get(&store, "a").await.1, "again");
    }
}

#[tokio::test]
async fn writers_do_not_wait_while_a_damaged_file_is_read() {
    let (scratch, store) = stored("payload").await;
    damage(&scratch.path("a"), |bytes| *bytes.last_mut().unwrap() ^= 1);
    let told = Arc::new(AtomicU32::new(0));
    let (count, hasty) = (Arc::clone(&told), scratch.store().lock_wait(Duration::ZERO));
    let store = store.on_notice(move |notice| {
        if let Notice::Rejected { name, .. } = notice {
            assert_eq!(name, "a");
            let runtime = crate::apart::runtime();
            if runtime.block_on(hasty.put("b", When::Always, text("x"))).is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let scrubbed = store.scrub(Scrub::new().quarantine()).await.unwrap();
    assert_eq!(scrubbed.quarantined[0].0, "a");
    // Once for the look, once for the one before it is put aside.
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_last_bytes_of_a_payload_wait_for_its_digest() {
    let content = "0123456789".repeat(100_000);
    let (scratch, store) = stored(&content).await;
    damage(&scratch.path("a"), |bytes| bytes[20_000] ^= 1);
    // The head and a good part are out before anybody can know.
    let (parts, sent) = ask(&store, "a", Request::get("/")).await;
    assert_eq!(parts.status, 200);
    assert!(sent.unwrap_err().is_damaged());
    // Ranges are not looked at, unless that is wanted.
    let range = || Request::get("/").header("range", "bytes=-4");
    let (parts, sent) = ask(&store, "a", range()).await;
    assert_eq!((parts.status.as_u16(), sent.unwrap().as_ref()), (206, b"6789".as_slice()));
    let (parts, _) = ask(&store.clone().verify(Verify::Always), "a", range()).await;
    assert_eq!(parts.status, 500);
    // Nothing that may be replaced by the damage is copied for a new head either.
    let long = Response::builder().header("x", "x".repeat(20_000)).body(()).unwrap();
    assert!(store.update("a", None, &long).await.unwrap_err().is_damaged());
    assert_eq!(store.head("a", None).await.unwrap().generation(), 2);
}

#[tokio::test]
async fn once_is_once_for_each_version_of_a_file() {
    let (scratch, store) = stored("payload").await;
    let store = store.verify(Verify::Once);
    assert_eq!(get(&store, "a").await.1, "payload");
    assert_eq!(get(&store, "a").await.1, "payload");
    damage(&scratch.path("a"), |bytes| *bytes.last_mut().unwrap() ^= 1);
    assert_eq!(get(&store, "a").await.0, 500);
}

/// What became of a head that this store reads.
async fn verdict(store: &Store) -> Result<Signed, StoreError> {
    store.head("a", None).await.map(|stored| stored.signed().clone())
}

#[tokio::test]
async fn signatures_are_believed_by_key_store_and_name() {
    let p384 = SigningKey::ecdsa_p384("p384", &[5; 48]).unwrap();
    for key in [SigningKey::ed25519("ed25519", &[3; 32]), p384] {
        let id = key.id().to_owned();
        let scratch = Scratch::new();
        let ring = KeyRing::new().sign_with(key.clone());
        let strict =
            |ring: &KeyRing| scratch.store().keys(ring.clone()).unsigned(Unsigned::Refused);
        let signing = strict(&ring);
        signing.put("a", When::New, text("payload")).await.unwrap();
        signing.update("a", Some(1), &Response::new(())).await.unwrap();
        assert_eq!(verdict(&signing).await.unwrap(), Signed::By(id.clone()));
        assert_eq!(get(&signing, "a").await, (200, "payload".to_owned()));
        let verifying = KeyRing::new().trust(key.verifying_key());
        assert_eq!(verdict(&strict(&verifying)).await.unwrap(), Signed::By(id.clone()));
        assert_eq!(verdict(&scratch.store()).await.unwrap(), Signed::Unchecked(id.clone()));

        // Another key, and another key of the same id.
        let other = KeyRing::new().sign_with(SigningKey::ed25519("other", &[9; 32]));
        assert!(verdict(&strict(&other)).await.unwrap_err().is_unknown_key());
        let same = KeyRing::new().trust(SigningKey::ed25519(&id, &[9; 32]).verifying_key());
        assert!(verdict(&strict(&same)).await.unwrap_err().is_forged());
        // Who does not believe a head does not sign it anew.
        let head = Response::new(());
        assert!(strict(&other).update("a", None, &head).await.unwrap_err().is_unknown_key());
        assert_eq!(get(&strict(&other), "a").await.0, 500);

        // Another name, another store.
        std::fs::copy(scratch.path("a"), scratch.path("b")).unwrap();
        assert!(signing.head("b", None).await.unwrap_err().is_foreign());
        assert!(verdict(&signing.clone().id([7; 16])).await.unwrap_err().is_foreign());
        // An older file in place of a newer one is told only by who knows of the newer one.
        std::fs::copy(scratch.path("a"), scratch.path(".old")).unwrap();
        signing.update("a", Some(2), &Response::new(())).await.unwrap();
        std::fs::copy(scratch.path(".old"), scratch.path("a")).unwrap();
        assert_eq!(signing.head("a", None).await.unwrap().generation(), 2);
        assert!(signing.head("a", Some(3)).await.unwrap_err().is_older());

        // Without a signature.
        scratch.store().put("c", When::New, text("x")).await.unwrap();
        assert!(signing.head("c", None).await.unwrap_err().is_unsigned());
        let lenient = scratch.store().keys(ring);
        assert_eq!(lenient.head("c", None).await.unwrap().signed(), &Signed::No);
        // None of these is put aside: that may be a matter of settings.
        let scrubbed = signing.scrub(Scrub::new().quarantine()).await.unwrap();
        assert_eq!((scrubbed.sound, scrubbed.bad.len(), scrubbed.quarantined.len()), (1, 2, 0));
    }
}

#[tokio::test]
async fn what_nobody_signed_is_signed_only_if_that_is_said() {
    let scratch = Scratch::new();
    let ring = KeyRing::new().sign_with(SigningKey::ed25519("1", &[1; 32]));
    let rejected = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&rejected);
    let signing = scratch.store().keys(ring.clone()).on_notice(move |notice| {
        if let Notice::Rejected { name, error } = notice {
            said.lock().unwrap().push((name.clone(), error.would_sign()));
        }
    });
    signing.put("a", When::New, text("x")).await.unwrap();
    // A process without the key changes the head, by its right to write to the directory.
    let without = scratch.store();
    let keyless = async || {
        let forge = |head: &mut Response<()>| {
            head.headers_mut().insert("x-forged", "1".parse().unwrap());
        };
        without.modify("a", forge).await.unwrap();
    };
    keyless().await;
    assert_eq!(verdict(&signing).await.unwrap(), Signed::No);
    let before = std::fs::read(scratch.path("a")).unwrap();
    for error in [
        signing.modify("a", |_| ()).await.unwrap_err(),
        signing.update("a", None, &Response::new(())).await.unwrap_err(),
        // A head that has no room in place goes another way.
        signing
            .modify("a", |head| {
                head.headers_mut().insert("x-long", "l".repeat(20_000).parse().unwrap());
            })
            .await
            .unwrap_err(),
    ] {
        assert!(error.would_sign() && error.status() == 500, "{error}");
        assert!(error.to_string().contains("found one that nobody signed"), "{error}");
    }
    assert_eq!(std::fs::read(scratch.path("a")).unwrap(), before);
    assert_eq!(*rejected.lock().unwrap(), vec![("a".to_owned(), true); 3]);
    // To scrub is to write a head as it is.
    assert_eq!(signing.scrub(Scrub::new()).await.unwrap().sound, 1);
    assert_eq!(verdict(&signing).await.unwrap(), Signed::No);
    let migrating = scratch.store().keys(ring).unsigned(Unsigned::Adopted);
    migrating.modify("a", |_| ()).await.unwrap();
    assert_eq!(verdict(&signing).await.unwrap(), Signed::By("1".to_owned()));
    // A whole new response is signed by whoever puts it.
    keyless().await;
    signing.put("a", When::Always, text("y")).await.unwrap();
    assert_eq!(verdict(&signing).await.unwrap(), Signed::By("1".to_owned()));
}

#[tokio::test]
async fn files_are_their_owners_alone_or_the_groups() {
    use std::os::unix::fs::PermissionsExt as _;
    for (mode, shared) in [(0o600, false), (0o660, true)] {
        for writing in [Writing::Positional, Writing::Ring, Writing::Mapped] {
            let scratch = Scratch::new();
            let store = scratch.store().writing(writing);
            let store = if shared { store.shared_with_group() } else { store };
            store.put("a", When::New, text("x")).await.unwrap();
            store.put("a", When::Always, text("y")).await.unwrap();
            store.modify("a", |_| ()).await.unwrap();
            let found = |name| scratch.path(name).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(found("a"), mode, "{writing:?}");
            if scratch.path(".letterhead.lock").exists() {
                assert_eq!(found(".letterhead.lock"), mode);
            }
        }
    }
}

#[tokio::test]
async fn keys_can_be_changed_one_by_one() {
    let scratch = Scratch::new();
    let (old, new) = (SigningKey::ed25519("1", &[1; 32]), SigningKey::ed25519("2", &[2; 32]));
    let strict = |ring| scratch.store().keys(ring).unsigned(Unsigned::Refused);
    let before = strict(KeyRing::new().sign_with(old.clone()));
    before.put("a", When::New, text("x")).await.unwrap();
    let during = strict(KeyRing::new().trust(old.verifying_key()).sign_with(new.clone()));
    assert_eq!(verdict(&during).await.unwrap(), Signed::By("1".to_owned()));
    during.modify("a", |_| ()).await.unwrap();
    let after = strict(KeyRing::new().sign_with(new));
    assert_eq!(verdict(&after).await.unwrap(), Signed::By("2".to_owned()));
    assert!(verdict(&before).await.unwrap_err().is_unknown_key());
}

#[tokio::test]
async fn a_later_version_of_the_format_is_not_written_over() {
    let (scratch, store) = stored("payload").await;
    damage(&scratch.path("a"), |bytes| {
        // The first slot is of version 2, and whole.
        bytes[40] = 2;
        let length = u32::from_le_bytes(bytes[44..48].try_into().unwrap()) as usize;
        let sum = sha256(&bytes[40..length]);
        bytes.splice(8..40, sum);
    });
    assert_eq!(store.head("a", None).await.unwrap().state(), SlotState::OneBad);
    let before = std::fs::read(scratch.path("a")).unwrap();
    assert!(store.update("a", None, &Response::new(())).await.unwrap_err().is_damaged());
    assert_eq!(store.scrub(Scrub::new()).await.unwrap().repaired.len(), 0);
    assert_eq!(std::fs::read(scratch.path("a")).unwrap(), before);
}

#[tokio::test]
async fn a_head_that_is_not_believed_is_not_taken_for_none() {
    let (scratch, store) = stored("payload").await;
    damage(&scratch.path("a"), |bytes| {
        bytes[130] ^= 1;
        bytes[4096 + 130] ^= 1;
    });
    let removed = store.remove("a", Some(2)).await.unwrap_err();
    let put = store.put("a", When::Generation(2), text("new")).await.unwrap_err();
    for error in [removed, put] {
        assert!(error.is_damaged() && !error.is_not_found() && !error.is_changed(), "{error}");
    }
    assert_eq!(scratch.names(), ["a"]);
    assert!(store.remove("a", None).await.unwrap());
}

#[tokio::test]
async fn behind_the_last_generation_there_is_none() {
    let (scratch, store) = stored("payload").await;
    damage(&scratch.path("a"), |bytes| {
        for slot in [0, 4096] {
            bytes[slot + 88..slot + 96].copy_from_slice(&[0xff; 8]);
            let length = &bytes[slot + 44..slot + 48];
            let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
            let sum = sha256(&bytes[slot + 40..slot + length]);
            bytes.splice(slot + 8..slot + 40, sum);
        }
    });
    assert_eq!(store.head("a", None).await.unwrap().generation(), u64::MAX);
    // Another head of the same generation would contradict it until both slots are written.
    let before = std::fs::read(scratch.path("a")).unwrap();
    assert!(store.update("a", None, &Response::new(())).await.unwrap_err().is_damaged());
    assert!(store.put("a", When::Always, text("new")).await.unwrap_err().is_damaged());
    assert_eq!(std::fs::read(scratch.path("a")).unwrap(), before);
    store.remove("a", Some(u64::MAX)).await.unwrap();
    assert_eq!(store.put("a", When::New, text("new")).await.unwrap().generation, 1);
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[tokio::test]
async fn other_files_in_the_directory_are_left_alone() {
    let (scratch, store) = stored("payload").await;
    std::fs::write(scratch.path(".hidden"), "x").unwrap();
    std::fs::create_dir(scratch.path("directory")).unwrap();
    std::os::unix::fs::symlink("a", scratch.path("link")).unwrap();
    for (name, status) in [("directory", 409), ("link", 409), (".hidden", 404)] {
        assert_eq!(get(&store, name).await.0, status, "{name}");
        assert!(store.put(name, When::Always, text("x")).await.is_err(), "{name}");
    }
    let scrubbed = store.scrub(Scrub::new().quarantine()).await.unwrap();
    assert_eq!((scrubbed.sound, scrubbed.bad.len(), scrubbed.quarantined.len()), (1, 0, 0));
    assert_eq!(scratch.names(), [".hidden", "a", "directory", "link"]);
}
