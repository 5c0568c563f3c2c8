//! Access times, what is forbidden, and siblings of another age.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderValue;
use letterhead::FileSender;
use letterhead::answer::Coding;

use crate::client::{h1_get, h2_get};
use crate::scratch::{Scratch, set_modified, settled};
use crate::serve::serve;

#[tokio::test]
async fn access_times_are_left_alone_where_that_is_wanted() {
    let scratch = Scratch::new();
    let accessed = |name: &str| {
        let file = fs::metadata(scratch.path(name)).unwrap();
        (file.atime(), file.atime_nsec())
    };
    let read = async |sender: FileSender| {
        scratch.write("f", "content");
        let file = fs::File::options().write(true).open(scratch.path("f")).unwrap();
        let long_ago = settled() - Duration::from_secs(86_400);
        file.set_times(fs::FileTimes::new().set_accessed(long_ago)).unwrap();
        let before = accessed("f");
        let server = serve(sender.cache(0)).await;
        assert_eq!(h1_get(&server, "/f", "").await.body, "content");
        assert_eq!(h2_get(&server, "/f").await.unwrap().body, "content");
        accessed("f") == before
    };
    assert!(read(scratch.sender().no_atime(true)).await);
    if read(scratch.sender()).await {
        crate::skip::right("a mount that keeps access times");
    }
}

#[test]
fn what_is_forbidden_can_be_as_good_as_missing() {
    use rustix::process::{Gid, Uid, geteuid};
    if !geteuid().is_root() {
        return crate::skip::right("root, to be somebody else");
    }
    let scratch = Scratch::new();
    scratch.write("root/f", "closed").write("root/d/f", "below").write("root/shut/f", "f");
    scratch.write("root/index.html", "app").write("root/open/f", "open");
    scratch.write("root/list/f", "closed").write("root/list/d/f", "below");
    scratch.write("root/list/open", "open");
    for (name, mode) in [("root/list/f", 0o600), ("root/list/d", 0o700)] {
        fs::set_permissions(scratch.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(scratch.path("root/f"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(scratch.path("root/d"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(scratch.path("root/shut"), fs::Permissions::from_mode(0o711)).unwrap();
    let told: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&told);
    let sender =
        FileSender::new(scratch.path("root")).unwrap().listing(9).on_refusal(move |refused| {
            assert_eq!(refused.errno(), libc::EACCES);
            assert!(refused.diagnosis().is_some());
            *count.lock().unwrap() += 1;
        });
    let nobody = move || {
        let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            for (sender, status) in [
                (sender.clone(), 403),
                (sender.clone().conceal(true), 404),
                // Nobody can tell it from what is not there.
                (sender.conceal(true).fallback("index.html"), 200),
            ] {
                let server = serve(sender).await;
                let page = "accept: text/html\r\n";
                for path in ["/f", "/d/f", "/d/", "/shut/"] {
                    let answer = h1_get(&server, path, page).await;
                    // What ends with a slash could be a list, there or not.
                    let missing = if path.ends_with('/') { "/missing/" } else { "/missing" };
                    let missing = h1_get(&server, missing, page).await;
                    assert_eq!(answer.status(), status, "{path}");
                    if status != 403 {
                        assert_eq!(answer, missing, "{path}");
                    }
                }
                assert_eq!(h1_get(&server, "/open/f", "").await.body, "open");
                let page = h1_get(&server, "/list/", "").await.body;
                let listed =
                    ["d/", "f", "open"].map(|link| page.contains(&format!("href=\"{link}\"")));
                assert_eq!(listed, [status == 403, status == 403, true], "{page}");
            }
        });
    };
    std::thread::spawn(nobody).join().unwrap();
    // Each time, and of a directory that counts as missing once for its index and once for itself.
    assert_eq!(*told.lock().unwrap(), 4 + 5 + 5);
}

#[tokio::test]
async fn a_sibling_that_is_older_than_its_file_is_of_another_version() {
    let scratch = Scratch::new();
    scratch.write("a.js", "plain").write("a.js.br", "brotli").write("a.js.gz", "gzip");
    let second = |count| settled() + Duration::from_secs(count);
    let lines = "accept-encoding: br, gzip;q=0.5\r\n";
    let sender = || scratch.sender().precompressed([Coding::Brotli, Coding::Gzip]);
    let check = async |sender: FileSender, body: &str, coding: Option<&str>| {
        let server = serve(sender).await;
        // Read, and kept.
        for _ in 0..2 {
            let answer = h1_get(&server, "/a.js", lines).await;
            assert_eq!((answer.body.as_str(), answer.field("content-encoding")), (body, coding));
            let vary = HeaderValue::from_static("accept-encoding");
            assert_eq!(answer.field("vary"), vary.to_str().ok());
        }
    };
    // Made at the same time, or later.
    check(sender(), "brotli", Some("br")).await;
    set_modified(&scratch.path("a.js.br"), second(9));
    check(sender(), "brotli", Some("br")).await;
    // Copied a moment before, or with its time cut.
    set_modified(&scratch.path("a.js"), second(9) + Duration::from_micros(1));
    check(sender(), "brotli", Some("br")).await;
    set_modified(&scratch.path("a.js"), second(11));
    check(sender(), "brotli", Some("br")).await;
    // The file is newer than one of them, then than both.
    set_modified(&scratch.path("a.js"), second(12));
    set_modified(&scratch.path("a.js.gz"), second(10));
    check(sender(), "gzip", Some("gzip")).await;
    set_modified(&scratch.path("a.js"), second(12) + Duration::from_nanos(1));
    check(sender(), "plain", None).await;
    check(sender().older_siblings(true), "brotli", Some("br")).await;
    // What the client does not take is not sent instead.
    let server = serve(sender()).await;
    let none = h1_get(&server, "/a.js", "accept-encoding: br, *;q=0\r\n").await;
    assert_eq!(none.status(), 406);
}
