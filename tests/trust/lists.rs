//! Lists that are not believed: there is no sender without one, and none takes the place of a good one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use letterhead::trust::{OnExpiry, Reason, Root, SigningKey, Tree, Trust};

use crate::client::h1_get;
use crate::serve::serve;
use crate::site::{Site, key, later, other_key, root};

fn reason(site: &Site, trust: Trust) -> Option<Reason> {
    site.enforced(trust).err().map(|error| error.reason())
}

#[tokio::test]
async fn at_the_start_a_list_that_is_not_believed_is_no_start() {
    let site = Site::new();
    site.write("a.txt", "content");
    assert_eq!(reason(&site, site.trust()), Some(Reason::Unreadable));
    site.list_of("", 1, later(), &other_key());
    assert_eq!(reason(&site, site.trust()), Some(Reason::Signature));
    site.list_of("", 1, SystemTime::now() - Duration::from_secs(1), &key());
    assert_eq!(reason(&site, site.trust().on_expiry(OnExpiry::Stop)), Some(Reason::Expired));
    assert_eq!(reason(&site, site.trust()), None);
    fs::write(site.path(Tree::NAME), "{").unwrap();
    assert_eq!(reason(&site, site.trust()), Some(Reason::Syntax));
    fs::remove_file(site.path(Tree::NAME)).unwrap();
    fs::create_dir(site.path(Tree::NAME)).unwrap();
    assert_eq!(reason(&site, site.trust()), Some(Reason::Unreadable));
}

#[tokio::test]
async fn none_that_is_not_believed_takes_the_place_of_a_good_one() {
    let site = Site::new();
    site.write("a.txt", "content").list(5);
    let sender = site.enforced(site.trust()).unwrap();
    let server = serve(sender.clone()).await;
    let good = fs::read(site.path(Tree::NAME)).unwrap();
    let check = async |put: &dyn Fn(), expected: Reason| {
        put();
        assert_eq!(sender.reload_manifest().unwrap_err().reason(), expected);
        site.notices("refused, what was before stays").await;
        let answer = h1_get(&server, "/a.txt", "").await;
        assert_eq!((answer.status(), sender.trust_counts().version), (200, 5), "{expected:?}");
    };
    let listed = |version: u64, expires: SystemTime, key: &SigningKey| {
        site.list_of("", version, expires, key);
    };
    check(&|| listed(6, later(), &other_key()), Reason::Signature).await;
    check(&|| listed(4, later(), &key()), Reason::RolledBack).await;
    let over = SystemTime::now() - Duration::from_secs(1);
    check(&|| listed(6, over, &key()), Reason::Expired).await;
    let flip = || {
        let text = String::from_utf8(good.clone()).unwrap();
        fs::write(site.path(Tree::NAME), text.replace("\"length\":7", "\"length\":8")).unwrap();
    };
    check(&flip, Reason::Signature).await;
    check(&|| fs::write(site.path(Tree::NAME), &good[..good.len() / 2]).unwrap(), Reason::Syntax)
        .await;
    check(&|| fs::remove_file(site.path(Tree::NAME)).unwrap(), Reason::Unreadable).await;
    fs::write(site.path(Tree::NAME), &good).unwrap();
    assert_eq!(sender.reload_manifest().unwrap(), 5);
}

#[tokio::test]
async fn the_highest_version_is_remembered_over_a_restart() {
    let site = Site::new();
    let seen = Site::new();
    let trust = || site.trust().highest_seen(seen.path("highest.json"));
    site.write("a.txt", "content").list(5);
    site.enforced(trust()).unwrap();
    site.list(4);
    assert_eq!(reason(&site, trust()), Some(Reason::RolledBack));
    assert_eq!(reason(&site, site.trust()), None, "who does not remember does not know");
    site.write("b.txt", "more").list(5);
    assert_eq!(reason(&site, trust()), Some(Reason::RolledBack), "another list of one version");
    site.list(6);
    site.enforced(trust()).unwrap();
    let text = fs::read_to_string(seen.path("highest.json")).unwrap();
    assert!(text.contains("\"tree\":\"site\"") && text.contains("\"version\":6"), "{text}");
    // Who could open the lock could hold it, and the server would wait.
    let lock = fs::metadata(seen.path("highest.json.lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
    // One that a crash left half written, beside: it is written anew.
    fs::write(seen.path("highest.json.new"), "{").unwrap();
    site.list(7);
    site.enforced(trust()).unwrap();
    // What cannot be read is not taken for nothing.
    fs::write(seen.path("highest.json"), "{").unwrap();
    assert_eq!(reason(&site, trust()), Some(Reason::Unreadable));
    let nowhere = site.trust().highest_seen(seen.path("none/highest.json"));
    assert_eq!(reason(&site, nowhere), Some(Reason::Unreadable));
}

#[tokio::test]
async fn no_key_is_in_anything_that_is_told_or_printed() {
    let site = Site::new();
    site.write("a.txt", "content").list(1);
    let trust = site.trust();
    let shown = format!("{trust:?} {:?} {:?} {:?}", key(), key().public_key(), root());
    let sender = site.enforced(trust).unwrap();
    let server = serve(sender.clone()).await;
    site.write("a.txt", "Content").list_of("", 2, later(), &other_key());
    let answer = h1_get(&server, "/a.txt", "").await;
    let error = sender.reload_manifest().unwrap_err();
    let notices = site.notices("a.txt").await + &site.notices("refused").await;
    let all = format!(
        "{shown} {answer:?} {error} {error:?} {notices} {sender:?} {:?}",
        sender.breakers()
    );
    for secret in ["0707", "7, 7", "0808", "8, 8", "BwcH"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    assert!(Root::read(b"{}").is_err());
}
