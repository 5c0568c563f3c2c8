//! Directories as pages.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::Router;
use http::{HeaderValue, Method};
use letterhead::FileSender;
use letterhead::files::Links;

use crate::client::{Answer, H2, Raw, h1_get, h2_get};
use crate::faults::refuse;
use crate::scratch::Scratch;
use crate::serve::{Server, serve};

mod clients;
mod forms;
mod memory;
mod shared;

/// The links of a page, in their order.
fn links(page: &str) -> Vec<&str> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

/// Held by tests with so many names that two at once would keep each other, and the disk, from the end.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes so many names in a directory, with as few inodes as the filesystem allows: this and a number from 0 on.
fn fill(scratch: &Scratch, directory: &str, begin: &str, names: usize) {
    const LINKS: usize = 60_000;
    for name in 0..names {
        let path = |name: usize| scratch.path(&format!("{directory}/{begin}{name}"));
        if name % LINKS == 0 {
            scratch.write(&format!("{directory}/{begin}{name}"), "");
        } else {
            fs::hard_link(path(name - name % LINKS), path(name)).unwrap();
        }
    }
}

async fn page(server: &Server, path: &str) -> Answer {
    let answer = h1_get(server, path, "").await;
    assert_eq!(answer.status(), 200, "{path}: {answer:?}");
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("content-length"), Some(answer.body.len().to_string().as_str()));
    answer
}

#[tokio::test]
async fn what_would_be_served_is_listed() {
    let scratch = Scratch::new();
    scratch.write("secret", "outside").write("root/d/b.txt", "four").write("root/d/a.txt", "12345");
    scratch.write("root/d/.hidden", "h").write("root/d/z/index.html", "index");
    scratch.link("root/d/out", "../../secret").link("root/d/in", "a.txt").link("root/d/lost", "no");
    scratch.link("root/d/y", "z");
    let fifo = CString::new(scratch.path("root/d/fifo").as_os_str().as_bytes()).unwrap();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, fifo.as_c_str(), kind, mode, 0).unwrap();
    let sender = || FileSender::new(scratch.path("root")).unwrap().listing(100);
    let server = serve(sender()).await;

    let answer = page(&server, "/d/").await;
    let expected = ["../", "y/", "z/", "a.txt", "b.txt", "in"];
    assert_eq!(links(&answer.body), expected);
    let row = "<tr><td><a href=\"a.txt\"><bdi>a.txt</bdi></a></td><td title=\"5 bytes\">5 B</td>\
               <td>1994-11-06 08:49</td></tr>";
    assert!(answer.body.contains(row), "{}", answer.body);
    assert!(answer.body.contains("<h1>Index of <bdi>/d/</bdi></h1>"), "{}", answer.body);
    assert!(!answer.body.contains("There are more"));
    // A size may change while no date does.
    for name in ["last-modified", "cache-control"] {
        assert_eq!(answer.field(name), None);
    }
    assert_eq!(answer.field("accept-ranges"), Some("none"));
    let policy = answer.field("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!answer.body.contains("<script") && !answer.body.contains("style="));
    let h2 = h2_get(&server, "/d/").await.unwrap();
    assert_eq!(h2.body, answer.body);
    // Each link leads to what it names.
    for link in &expected[1..] {
        let path = format!("/d/{link}");
        assert_eq!(h1_get(&server, &path, "").await.status(), 200, "{path}");
    }
    // The root has nothing above it, an index comes first, and a directory is redirected to.
    assert_eq!(links(&page(&server, "/").await.body), ["d/"]);
    assert_eq!(h1_get(&server, "/d/z/", "").await.body, "index");
    assert_eq!(h1_get(&server, "/d", "").await.status(), 308);
    assert_eq!(h1_get(&server, "/missing/", "").await.status(), 404);

    let server = serve(sender().hidden(true).links(Links::None)).await;
    let all = page(&server, "/d/").await.body;
    assert_eq!(links(&all), ["../", "z/", ".hidden", "a.txt", "b.txt"]);
    let server = serve(sender().links(Links::Follow)).await;
    assert!(links(&page(&server, "/d/").await.body).contains(&"out"));
    // Off unless it is asked for.
    let server = serve(FileSender::new(scratch.path("root")).unwrap()).await;
    assert_eq!(h1_get(&server, "/d/", "").await.status(), 404);
}

#[tokio::test]
async fn names_are_escaped_and_lead_back_to_their_files() {
    let scratch = Scratch::new();
    let names: [&[u8]; 7] = [
        b"<script>alert(1)</script>\"'&.html".as_slice(),
        b"a b?c#d%2e:e",
        b"caf\xe9",
        "\u{202e}gnp.exe".as_bytes(),
        b"line\nbreak",
        b"back\\slash",
        b"~tilde-_.",
    ];
    // The one name that may not have a slash in it.
    let names = names.map(<[u8]>::to_vec).map(|mut name| {
        name.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'|');
        name
    });
    for (at, name) in names.iter().enumerate() {
        fs::write(scratch.path("").join(OsStr::from_bytes(name)), format!("file {at}")).unwrap();
    }
    let server = serve(scratch.sender().listing(100)).await;
    let answer = page(&server, "/").await;
    assert!(!answer.body.contains("<script>"), "{}", answer.body);
    assert!(answer.body.contains("&lt;script&gt;alert(1)&lt;|script&gt;&quot;&#39;&amp;.html"));
    let links = links(&answer.body);
    assert_eq!(links.len(), names.len());
    let mut found = Vec::new();
    for link in links {
        assert!(link.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<'), "{link}");
        found.push(h1_get(&server, &format!("/{link}"), "").await.body);
    }
    found.sort();
    let expected: Vec<_> = (0..names.len()).map(|at| format!("file {at}")).collect();
    assert_eq!(found, expected);

    // Where directories have no slash at their end, links begin with their name.
    scratch.write("d/x", "x");
    let server = serve(scratch.sender().listing(100).slash(false)).await;
    assert_eq!(self::links(&page(&server, "/d").await.body), ["./", "d/x"]);
    assert_eq!(self::links(&page(&server, "/d/").await.body), ["../", "x"]);
    // Below a path of a router they are relative, too.
    let app = Router::new().nest_service("/files", scratch.sender().listing(100));
    let server = serve(app).await;
    assert_eq!(self::links(&page(&server, "/files/d/").await.body), ["../", "x"]);
}

#[tokio::test]
async fn methods_and_conditions_are_those_of_any_page() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let cached = HeaderValue::from_static("max-age=5");
    let server = serve(scratch.sender().listing(100).cache_control("*/d/", cached)).await;
    let get = page(&server, "/d/").await;
    assert_eq!(get.field("cache-control"), Some("max-age=5"));
    let mut raw = Raw::connect(&server).await;
    raw.send("HEAD /d/ HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(raw.head().await, get.head);
    let head = H2::connect(&server).await.request(Method::HEAD, "/d/").await.unwrap();
    assert_eq!(
        (head.field("content-length"), head.body.as_str()),
        (get.field("content-length"), "")
    );
    raw.send("POST /d/ HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let post = raw.answer().await;
    assert_eq!((post.status(), post.field("allow")), (405, Some("GET, HEAD, OPTIONS")));
    for (line, status) in [
        ("range: bytes=0-3", 200),
        ("if-modified-since: Sun, 06 Nov 2044 08:49:37 GMT", 200),
        ("if-none-match: \"a\"", 200),
        ("if-none-match: *", 304),
        ("if-match: *", 200),
        ("if-match: \"a\"", 412),
    ] {
        assert_eq!(h1_get(&server, "/d/", &format!("{line}\r\n")).await.status(), status, "{line}");
    }
}

#[test]
fn a_hundred_thousand_names_are_listed_and_no_more_than_wanted() {
    let _alone = alone();
    crate::apart::runtime().block_on(a_hundred_thousand_names());
}

async fn a_hundred_thousand_names() {
    const NAMES: usize = 100_000;
    let scratch = Scratch::new();
    fill(&scratch, "d", "", NAMES);
    let server = serve(scratch.sender().listing(NAMES)).await;
    let answer = page(&server, "/d/").await;
    let found = links(&answer.body);
    assert_eq!(found.len(), NAMES + 1);
    assert!(found[1..].iter().enumerate().all(|(at, name)| *name == at.to_string()));
    assert!(!answer.body.contains("There are more"));

    let server = serve(scratch.sender().listing(1_000)).await;
    let answer = page(&server, "/d/").await;
    assert_eq!(links(&answer.body).len(), 1_001);
    assert!(answer.body.contains("<p>There are more; 1000 are listed.</p>"));
}

#[test]
fn a_directory_that_cannot_be_read_has_a_true_status() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    for (call, errno, status) in [
        (libc::SYS_getdents64, libc::EIO, 500),
        (libc::SYS_getdents64, libc::EACCES, 403),
        (libc::SYS_getdents64, libc::EAGAIN, 503),
        (libc::SYS_getdents64, libc::ESTALE, 503),
        (libc::SYS_newfstatat, libc::EIO, 200),
    ] {
        let sender = scratch.sender().listing(10);
        let serving = move || {
            refuse(vec![(call, vec![])], errno);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = serve(sender).await;
                let answer = h1_get(&server, "/d/", "").await;
                assert_eq!(answer.status(), status, "{errno}");
                let h2 = h2_get(&server, "/d/").await.unwrap();
                assert_eq!(h2.status.as_u16(), status, "{errno}");
                // What cannot be looked at is not listed.
                if status == 200 {
                    assert_eq!(links(&answer.body), ["../"]);
                }
            });
        };
        std::thread::spawn(serving).join().unwrap();
    }
}
