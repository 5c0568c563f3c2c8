//! Many readers of one directory: read once, one state for each, and nothing from before anybody asked.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tower::ServiceExt as _;

use super::{fill, links, page};
use crate::client::{H2, Raw};
use crate::faults::refuse;
use crate::scratch::Scratch;
use crate::serve::{Server, serve, soon};

/// With names of this length, more than what is in queues on its way: a response is there until it is read.
const NAMES: usize = 10_000;
const LENGTH: usize = 200;

/// A directory `d` with so many names.
fn filled() -> Scratch {
    let scratch = Scratch::new();
    fill(&scratch, "d", &"n".repeat(LENGTH), NAMES);
    scratch
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_at_once_none_reads_the_directory_again() {
    let scratch = filled();
    let sender = scratch.sender().listing(NAMES);
    let server = serve(sender.clone()).await;
    let first = Unread::begin(&server, "/d/").await;
    let h2 = H2::connect(&server).await;
    let h1 = (0..10).map(|_| async {
        let mut raw = Raw::connect(&server).await;
        raw.send("HEAD /d/ HTTP/1.1\r\nhost: test\r\n\r\n").await;
        raw.head().await
    });
    let h2 = (0..10).map(|_| h2.request(Method::HEAD, "/d/"));
    let both = async {
        tokio::join!(futures_util::future::join_all(h1), futures_util::future::join_all(h2))
    };
    let (h1, h2) = soon(both).await;
    let counts = sender.counts();
    let head = first.head().replace("\r\nconnection: close", "");
    assert!(h1.iter().all(|other| *other == head), "{head} {h1:?}");
    for other in h2 {
        let other = other.unwrap();
        assert!(head.contains(&format!("\r\netag: {}\r\n", other.field("etag").unwrap())));
    }
    assert_eq!(counts.lists_read, 1, "{counts}");
    // Each came after the first: somebody has looked, for several or for itself.
    assert!((1..=20).contains(&counts.lists_shared), "{counts}");
    assert!(counts.to_string().contains("lists: 1 read, "), "{counts}");
    assert_eq!(links(&first.rest().await).len(), NAMES + 1);
}

/// What is written is listed by the next request, though the directory itself stays as it is and others have
/// its rows.
#[tokio::test]
async fn nobody_is_told_what_was_there_before_it_asked() {
    let scratch = filled();
    scratch.write("d/log", "");
    let sender = scratch.sender().listing(2 * NAMES);
    let server = serve(sender.clone()).await;
    let holder = Unread::begin(&server, "/d/").await;
    for length in 1..4 {
        scratch.write("d/log", vec![b'x'; length]);
        let row = format!("<bdi>log</bdi></a></td><td title=\"{length} byte");
        let (one, two) = tokio::join!(page(&server, "/d/"), page(&server, "/d/"));
        assert!(one.body.contains(&row) && two.body.contains(&row), "{row}");
    }
    // Every one of those was another state.
    let counts = sender.counts();
    assert!(counts.lists_read >= 4, "{counts}");
    drop(holder);
}

/// A response that is not read further than its head.
struct Unread {
    stream: tokio::net::TcpStream,
    read: Vec<u8>,
}

impl Unread {
    async fn begin(server: &Server, path: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = soon(socket.connect(server.addr)).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut read = Vec::new();
        while !read.windows(4).any(|four| four == b"\r\n\r\n") {
            assert!(soon(stream.read_buf(&mut read)).await.unwrap() > 0, "closed");
        }
        Self { stream, read }
    }

    /// As [`Raw::head`] has it.
    fn head(&self) -> String {
        let text = String::from_utf8_lossy(&self.read);
        let head = text.split("\r\n\r\n").next().unwrap();
        let lines: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
        lines.join("\r\n")
    }

    async fn rest(mut self) -> String {
        soon(self.stream.read_to_end(&mut self.read)).await.unwrap();
        let text = String::from_utf8(self.read).unwrap();
        text.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

#[tokio::test]
async fn a_list_shows_one_state_though_the_directory_changes_meanwhile() {
    let scratch = filled();
    let server = serve(scratch.sender().listing(2 * NAMES)).await;
    let before = page(&server, "/d/").await.body;
    assert!(before.len() > 4 << 20, "{}", before.len());
    let unread = Unread::begin(&server, "/d/").await;
    let sorted = Unread::begin(&server, "/d/?sort=modified&order=desc").await;
    for name in (0..NAMES).step_by(3) {
        fs::remove_file(scratch.path(&format!("d/{}{name}", "n".repeat(LENGTH)))).unwrap();
    }
    scratch.write("d/new", "new").write(&format!("d/{}1", "n".repeat(LENGTH)), "longer");
    let after = page(&server, "/d/").await.body;
    assert!(after.contains("new") && links(&after).len() < NAMES);
    assert!(unread.rest().await == before, "another state, or two");
    let (sorted, mut wanted) = (sorted.rest().await, links(&before));
    let mut sorted = links(&sorted);
    sorted.sort_unstable();
    wanted.sort_unstable();
    assert!(sorted == wanted, "another state, or two");
    // A client that leaves takes nobody along.
    drop(Unread::begin(&server, "/d/").await);
    assert_eq!(page(&server, "/d/").await.body, after);
}

#[test]
fn whoever_is_told_of_a_refusal_may_ask_for_the_same_list() {
    let scratch = Scratch::new();
    scratch.write("d/a", "a");
    let asked: Arc<Mutex<Vec<bool>>> = Arc::default();
    // The callback is made before its sender, so it finds it here.
    let place: Arc<Mutex<Option<letterhead::FileSender>>> = Arc::default();
    let (found, kept) = (Arc::clone(&place), Arc::clone(&asked));
    let list = || Request::get("/d/").body(()).unwrap();
    let sender = scratch.sender().listing(9).on_refusal(move |_| {
        let Some(sender) = found.lock().unwrap().take() else { return };
        let list = tokio::time::timeout(Duration::from_secs(20), sender.oneshot(list()));
        let is_told = tokio::runtime::Handle::current().block_on(list).is_ok();
        kept.lock().unwrap().push(is_told);
    });
    *place.lock().unwrap() = Some(sender.clone());
    let serving = move || {
        refuse(vec![(libc::SYS_newfstatat, vec![])], libc::EIO);
        let runtime = crate::apart::runtime();
        let response = runtime.block_on(sender.oneshot(list())).unwrap();
        assert_eq!(response.status(), 200);
    };
    std::thread::spawn(serving).join().unwrap();
    assert_eq!(*asked.lock().unwrap(), [true]);
}
