//! HTTP/2 clients that withhold their windows from files, stored responses and a listing: cut in time, and nothing
//! of the file is held open for them.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use http_body_util::Full;
use letterhead::FileSender;
use letterhead::serve::Cut;
use letterhead::store::{Store, When};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::apart::{in_child, runtime, until};
use crate::client::{H2, Raw, asks};
use crate::figures::figures;
use crate::running::{Running, soon};
use crate::scratch::Scratch;

/// A time-out that is waited for, and long enough to measure how much longer it took.
const WRITE: Duration = Duration::from_millis(500);

/// A file of one frame, of two, of many; the same of a store; and a list of names.
const PATHS: [&str; 7] = [
    "/files/small",
    "/files/two",
    "/files/many",
    "/store/small",
    "/store/two",
    "/store/many",
    "/files/names/",
];

/// How long the files are; the last one is longer than what a connection may hold.
fn lengths() -> [(&'static str, usize); 3] {
    [("small", 9), ("two", 2 * FileSender::CHUNK), ("many", 200 * FileSender::CHUNK)]
}

fn routes(files: FileSender, store: Store) -> Router {
    let store = Arc::new(store);
    let stored = move |path: axum::extract::Path<String>, request: Request| async move {
        let response: Response = store.send(&request, &path).await.map(Body::new);
        response
    };
    Router::new().route("/store/{name}", get(stored)).nest_service("/files", files)
}

async fn filled(scratch: &Scratch) -> Router {
    std::fs::create_dir(scratch.path("store")).unwrap();
    let store = Store::open(scratch.path("store")).unwrap();
    for (name, length) in lengths() {
        scratch.write(&format!("files/{name}"), vec![b'x'; length]);
        let content = Response::new(Full::<Bytes>::from(vec![b'x'; length]));
        store.put(name, When::New, content).await.unwrap();
    }
    for nth in 0..100 {
        scratch.write(&format!("files/names/{nth}"), "");
    }
    let files = FileSender::new(scratch.path("files")).unwrap().listing(1000);
    routes(files.settle(Duration::ZERO), store)
}

/// How many descriptors of this process are of files below it.
fn open_below(directory: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let file =
        |link: std::io::Result<std::fs::DirEntry>| std::fs::read_link(link.ok()?.path()).ok();
    let is_file = |path: &std::path::PathBuf| path.is_file() && path.starts_with(directory);
    links.filter_map(file).filter(is_file).count()
}

#[tokio::test]
async fn whatever_a_file_a_store_or_a_listing_sends_is_cut_without_a_window() {
    let scratch = Scratch::new();
    let routes = filled(&scratch).await;
    let mut table = String::from(
        "HTTP/2 clients that withhold their window from files, write_timeout 500 ms\n",
    );
    for path in PATHS {
        for (window, streams) in [(0, 1), (0, 20), (1, 20)] {
            let set = |serve: letterhead::serve::Serve<Router>| {
                serve.write_timeout(WRITE).idle_timeout(Duration::MAX)
            };
            let mut server = Running::routed(routes.clone(), set).await;
            let stream = soon(TcpStream::connect(server.addr)).await.unwrap();
            let h2 = H2::windowed(stream, window).await;
            let answers = asks(&h2, path, streams).await;
            let begun = Instant::now();
            assert_eq!(server.cut().await, Cut::Write, "{path} {window} {streams}");
            let took = begun.elapsed();
            writeln!(table, "{path:<14} window {window}, {streams:>2} streams: cut after {took:?}")
                .unwrap();
            assert_eq!(soon(answers.join_all()).await, vec![false; streams], "{path}");
            let served = server.stopped().await;
            assert_eq!((served.accepted, served.cut), (1, 0));
        }
    }
    // What is small may be remembered; a file that is sent is closed with its last response.
    for name in ["files/many", "store"] {
        let at = scratch.path(name);
        until("every file to be closed", || open_below(&at) == 0).await;
    }
    figures("serve-withheld-files", &table);
}

/// So much of this process is in memory, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// As much of HTTP/2 as it takes to ask for `path` on so many streams, and to give them no window.
fn without_window(path: &str, streams: u8) -> Vec<u8> {
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS: the window is 0.
    said.extend(b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0");
    for nth in 0..streams {
        // HEADERS (RFC 7541): GET and http by their numbers, path and authority as they are.
        let length = u8::try_from(path.len()).unwrap();
        let block = [b"\x82\x86\x04", &[length][..], path.as_bytes(), b"\x01\x04test"].concat();
        let length = u8::try_from(block.len()).unwrap();
        said.extend([0, 0, length, 1, 5, 0, 0, 0, 2 * nth + 1]);
        said.extend(block);
    }
    said
}

#[test]
fn what_waited_for_clients_without_a_window_is_the_systems_again() {
    const CONNECTIONS: usize = 50;
    const STREAMS: u8 = 20;
    const MIB: usize = 1 << 20;
    let name = "withheld_files::what_waited_for_clients_without_a_window_is_the_systems_again";
    in_child(name, || {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
        runtime().block_on(async {
            let scratch = Scratch::new();
            let routes = filled(&scratch).await;
            let set = |serve: letterhead::serve::Serve<Router>| serve.max_unsent(usize::MAX);
            let server = Running::routed(routes, set).await;
            let many = scratch.path("files/many");
            let said = without_window("/files/many", STREAMS);
            let mut table = String::from("1,000 streams that withhold their window, in MiB\n");
            let before = resident();
            for _ in 0..3 {
                let mut clients = Vec::new();
                for _ in 0..CONNECTIONS {
                    let mut client = soon(TcpStream::connect(server.addr)).await.unwrap();
                    soon(client.write_all(&said)).await.unwrap();
                    clients.push(client);
                }
                let all = CONNECTIONS * usize::from(STREAMS);
                until("every stream to have its file", || open_below(&many) == all).await;
                // As many chunks of 64 KiB as are allowed, in buffers of 96 KiB, and pieces of 32 KiB.
                let chunks = FileSender::BUFFERS / (96 * 1024);
                let held = chunks * 64 * 1024 + (all - chunks) * 32 * 1024;
                until("them to hold that", || resident() >= before + held).await;
                let during = resident();
                drop(clients);
                until("every file to be closed", || open_below(&many) == 0).await;
                until("the memory to be back", || resident() < before + 20 * MIB).await;
                let [before, during, after] = [before, during, resident()].map(|it| it / MIB);
                writeln!(table, "{before} before, {during} during, {after} after").unwrap();
            }
            figures("serve-withheld-memory", &table);
        });
    });
}

#[tokio::test]
async fn the_same_are_whole_for_a_client_that_opens_its_window() {
    let scratch = Scratch::new();
    // A client that the machine does not let run for so long would be cut, and rightly.
    let patient = Duration::from_secs(10);
    let server =
        Running::routed(filled(&scratch).await, |serve| serve.write_timeout(patient)).await;
    let stream = soon(TcpStream::connect(server.addr)).await.unwrap();
    let h2 = H2::windowed(stream, 1 << 16).await;
    for (name, length) in lengths() {
        for of in ["files", "store"] {
            let answer = h2.get(&format!("/{of}/{name}")).await.unwrap();
            let content = crate::client::whole(answer).await.unwrap();
            assert_eq!(content.len(), length, "{of} {name}");
        }
    }
    let answer = h2.get("/files/names/").await.unwrap();
    let list = String::from_utf8(crate::client::whole(answer).await.unwrap()).unwrap();
    assert!(list.contains("99"), "{list}");
}

#[test]
fn clients_without_a_window_leave_half_of_the_descriptors_to_others() {
    const DESCRIPTORS: u64 = 256;
    let name = "withheld_files::clients_without_a_window_leave_half_of_the_descriptors_to_others";
    in_child(name, || {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(DESCRIPTORS), ..limit }).unwrap();
        runtime().block_on(async {
            let scratch = Scratch::new();
            let set = |serve: letterhead::serve::Serve<Router>| serve.max_unsent(usize::MAX);
            let server = Running::routed(filled(&scratch).await, set).await;
            let many = scratch.path("files/many");
            let said = without_window("/files/many", 100);
            let mut clients = Vec::new();
            for _ in 0..3 {
                let mut client = soon(TcpStream::connect(server.addr)).await.unwrap();
                soon(client.write_all(&said)).await.unwrap();
                clients.push(client);
            }
            until("a half of the descriptors to be of files", || open_below(&many) == 128).await;
            for (path, status) in [("/files/many", 503), ("/store/many", 200), ("/nothing", 404)] {
                let mut other = Raw::connect(server.addr).await;
                other.get(path).await;
                assert_eq!(other.answer().await.0, status, "{path}");
                assert_eq!(open_below(&many), 128);
            }
            drop(clients);
            until("every file to be closed", || open_below(&many) == 0).await;
            let mut other = Raw::connect(server.addr).await;
            other.get("/files/many").await;
            let (status, body) = other.answer().await;
            assert_eq!((status, body.len()), (200, 200 * FileSender::CHUNK));
        });
    });
}
