//! One bad file is alone, until it is good again, or somebody says that it is to be read.

use std::fs;

use letterhead::trust::OnExpiry;

use crate::client::h1_get;
use crate::serve::serve;
use crate::site::{Site, key, later};

#[tokio::test]
async fn a_bad_file_is_503_and_the_others_are_not() {
    let site = Site::new();
    site.write("a.txt", "content").write("b.txt", "other").list(1);
    let sender = site.enforced(site.trust()).unwrap();
    let server = serve(sender.clone()).await;
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 200);
    site.write("a.txt", "contenT");
    for _ in 0..3 {
        let answer = h1_get(&server, "/a.txt", "").await;
        assert_eq!((answer.status(), answer.field("retry-after")), (503, Some("60")));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!((answer.field("etag"), answer.field("repr-digest")), (None, None));
        assert!(!answer.body.contains("conten"), "{}", answer.body);
        assert_eq!(h1_get(&server, "/b.txt", "").await.status(), 200);
    }
    let notices = site.notices("a.txt: wanted sha256 ed7002b439e9ac84").await;
    assert!(notices.contains(", found ") && notices.ends_with("not served"), "{notices}");
    assert_eq!(site.count("a.txt"), 0, "told once");
    let since = sender.breakers()[0].since;
    // Another bad one: since the first.
    site.write("a.txt", "cONtent");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    assert_eq!(sender.breakers()[0].since, since);
    assert_eq!(sender.trust_counts().mismatches, 2);
    site.write("a.txt", "content");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 200);
    site.notices("a.txt: as listed again").await;
    assert_eq!(sender.breakers(), []);
}

#[tokio::test]
async fn nothing_is_read_until_somebody_says_so() {
    let site = Site::new();
    site.write("a.txt", "content").list(1);
    let sender = site.enforced(site.trust()).unwrap().cache(0);
    let server = serve(sender.clone()).await;
    site.write("a.txt", "contenT");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    // Bytes that change without a trace: as if the disk had mended itself. Its version is the same, so it is not read.
    let modified = fs::metadata(site.path("a.txt")).unwrap().modified().unwrap();
    fs::write(site.path("a.txt"), "content").unwrap();
    let file = fs::File::options().write(true).open(site.path("a.txt")).unwrap();
    file.set_modified(modified).unwrap();
    // (The change time is another one; that is what tells of it.)
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 200);
    site.write("a.txt", "CONTENT");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    let before = sender.trust_counts();
    for _ in 0..5 {
        assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    }
    assert_eq!(sender.trust_counts(), before);
    sender.reset_breakers();
    assert_eq!(sender.trust_counts().open, 0);
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    assert_eq!(sender.trust_counts().mismatches, before.mismatches + 1, "it was read again");
}

#[tokio::test]
async fn many_bad_files_stop_a_tree_if_that_is_said() {
    let site = Site::new();
    for name in ["a", "b", "c", "good"] {
        site.write(name, name);
    }
    site.list(1);
    for name in ["a", "b", "c"] {
        site.write(name, "X");
    }
    let sender = site.enforced(site.trust().stop_tree_after(3)).unwrap();
    let server = serve(sender.clone()).await;
    for (path, status) in
        [("/a", 503), ("/a", 503), ("/b", 503), ("/good", 200), ("/c", 503), ("/good", 503)]
    {
        assert_eq!(h1_get(&server, path, "").await.status(), status, "{path}");
    }
    site.notices("3 files are not as listed: nothing of the tree is served").await;
    // Kept in memory or not.
    assert_eq!(h1_get(&server, "/none", "").await.status(), 503);
    site.list(2);
    assert_eq!(sender.reload_manifest().unwrap(), 2);
    assert_eq!(h1_get(&server, "/good", "").await.status(), 200);
    assert_eq!(h1_get(&server, "/a", "").await.body, "X");
}

#[tokio::test]
async fn a_new_list_is_taken_and_nothing_of_the_old_one_is_sent() {
    let site = Site::new();
    site.write("a.txt", "one").list(1);
    let sender = site.enforced(site.trust()).unwrap();
    let server = serve(sender.clone()).await;
    for _ in 0..2 {
        assert_eq!(h1_get(&server, "/a.txt", "").await.body, "one");
    }
    site.write("a.txt", "two").list(2);
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503, "not in the list in force");
    assert_eq!(sender.reload_manifest().unwrap(), 2);
    assert_eq!(h1_get(&server, "/a.txt", "").await.body, "two");
    site.notices("version 2 of tree `site` is in force").await;
    assert_eq!(sender.trust_counts().version, 2);
    // The old one back, with its own files.
    site.write("a.txt", "one").list(1);
    let error = sender.reload_manifest().unwrap_err();
    assert_eq!(error.to_string(), "manifest: wanted version 2 or a higher one, found 1");
    assert_eq!(h1_get(&server, "/a.txt", "").await.status(), 503);
    assert_eq!(sender.trust_counts().version, 2);
}

#[tokio::test]
async fn a_list_whose_time_is_over_serves_on_or_stops_as_is_said() {
    let site = Site::new();
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(3);
    site.write("a.txt", "content").list_of("", 1, soon, &key());
    let stops = serve(site.enforced(site.trust().on_expiry(OnExpiry::Stop)).unwrap()).await;
    let serves = serve(site.enforced(site.trust()).unwrap()).await;
    assert_eq!(h1_get(&stops, "/a.txt", "").await.status(), 200);
    assert_eq!(h1_get(&serves, "/a.txt", "").await.status(), 200);
    site.notices("the time of the list ends soon").await;
    // It is the system's clock that counts, so it has to be waited for.
    while std::time::SystemTime::now() < soon {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let answer = h1_get(&stops, "/a.txt", "").await;
    assert_eq!((answer.status(), answer.field("retry-after")), (503, Some("60")));
    assert_eq!(h1_get(&serves, "/a.txt", "").await.status(), 200);
    site.notices("nothing is served").await;
    site.notices("it is served all the same").await;
    // The same at the start.
    assert!(site.enforced(site.trust().on_expiry(OnExpiry::Stop)).is_err());
    site.enforced(site.trust()).unwrap();
    assert!(later() > soon);
}
