//! The `store` example behind real users: what is announced and does not come, names of other things, two users
//! of one directory.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{Example, PROTOCOLS, curl, path_of};
use crate::skip;
use crate::store::Directory;

/// More than any disk has.
const HUGE: u64 = 1 << 60;

fn served(directory: &Directory, more: &[&str]) -> Example {
    let mut command = Command::new(path_of("store"));
    command.arg("--dir").arg(&directory.0).args(more);
    Example::run(command)
}

/// Sends so much of a request, and reads the answer to its end.
fn asked(store: &Example, text: &str) -> String {
    let mut stream = TcpStream::connect(&store.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, content)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.is_some_and(|length| content.len() == length.parse::<usize>().unwrap()) {
                return text;
            }
        }
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "wanted an answer, found its end in {text:?}");
        answer.extend_from_slice(&buffer[..read]);
    }
}

#[test]
fn more_than_there_is_room_for_is_answered_before_it_comes() {
    let directory = Directory::new("room");
    let store = served(&directory, &["--most", &u64::MAX.to_string()]);
    let wanted = format!("wanted room for {} bytes, found room for ", HUGE + 8192);
    for version in ["1.0", "1.1"] {
        for fields in ["", "expect: 100-continue\r\n", "if-none-match: *\r\n"] {
            let head = format!("PUT /a HTTP/{version}\r\nhost: x\r\ncontent-length: {HUGE}\r\n");
            for begun in ["", "abc"] {
                let answer = asked(&store, &format!("{head}{fields}\r\n{begun}"));
                assert!(answer.starts_with(&format!("HTTP/{version} 507 ")), "{answer}");
                assert!(answer.contains(&wanted), "{answer}");
            }
        }
    }
    let (status, head) = over_h2(&store.addr);
    assert_eq!(status, 507, "{head:?}");
    let store_names = fs::read_dir(&directory.0).unwrap().count();
    assert_eq!(store_names, 0, "nothing is left of it");
    // What there is room for is stored as ever, on the same server.
    let answer = asked(&store, "PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

/// As many bytes announced over HTTP/2, and none sent.
fn over_h2(addr: &str) -> (u16, http::HeaderMap) {
    let work = async {
        let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let request = http::Request::put(format!("http://{addr}/a"));
        let request = request.header("content-length", HUGE).body(()).unwrap();
        let mut client = client.ready().await.unwrap();
        let (response, _content) = client.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        (response.status().as_u16(), response.headers().clone())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), work).await.unwrap() })
}

/// Files in a directory that a process has open, and the bytes that they take.
fn held(process: u32, directory: &Path) -> (usize, u64) {
    let (mut files, mut bytes) = (0, 0);
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return (0, 0) };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_within = fs::read_link(&path).is_ok_and(|to| to.starts_with(directory));
        if let Some(found) = fs::metadata(&path).ok().filter(|found| is_within && found.is_file()) {
            files += 1;
            bytes += found.blocks() * 512;
        }
    }
    (files, bytes)
}

#[test]
fn fifty_clients_that_announce_much_and_send_little_hold_little() {
    let directory = Directory::new("held");
    let store = served(&directory, &[]);
    let at = directory.0.canonicalize().unwrap();
    let clients: Vec<TcpStream> = (0..50)
        .map(|nth| {
            let mut stream = TcpStream::connect(&store.addr).unwrap();
            let length = 64 << 20;
            let head =
                format!("PUT /{nth} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(format!("{head}abc").as_bytes()).unwrap();
            stream
        })
        .collect();
    let until = |wanted: usize| {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let (files, bytes) = held(store.id(), &at);
            if files == wanted {
                return bytes;
            }
            assert!(Instant::now() < end, "wanted {wanted} files, found {files}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let bytes = until(50);
    assert!(bytes <= 50 * (128 << 10), "{bytes} bytes are held");
    drop(clients);
    assert_eq!(until(0), 0);
    assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 0);
}

#[test]
fn a_name_that_something_else_has_is_a_conflict() {
    let directory = Directory::new("conflict");
    let at = |name: &str| directory.0.join(name);
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, mode, 0).unwrap();
    fs::create_dir(at("directory")).unwrap();
    symlink("/etc/passwd", at("link")).unwrap();
    let store = served(&directory, &[]);
    for protocol in PROTOCOLS.into_iter().chain(["--http1.0"]) {
        for (name, kind) in
            [("fifo", "a fifo"), ("directory", "a directory"), ("link", "a symbolic link")]
        {
            let url = store.url(&format!("/{name}"));
            let said = format!("found {kind}\n");
            for args in [
                &["-T", "Cargo.toml"][..],
                &["-T", "Cargo.toml", "-H", "if-none-match: *"],
                &["-T", "Cargo.toml", "-H", "if-match: *"],
                &["-X", "PATCH", "-H", "x-head-x-new: 1"],
                &["-X", "DELETE"],
                &["-X", "DELETE", "-H", "if-match: *"],
            ] {
                let Some(ran) = curl(protocol, &[args, &[&url]].concat()) else { return };
                ran.exits(0).says(" 409").says(&said);
            }
            for args in [&[][..], &["-I"], &["-r", "0-1"]] {
                let Some(ran) = curl(protocol, &[args, &[&url]].concat()) else { return };
                ran.exits(0).says(" 409").lacks("root:");
            }
        }
    }
    let head = "PUT /fifo HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n";
    let answer = asked(&store, head);
    assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
    let mut names: Vec<_> =
        fs::read_dir(&directory.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    // A removal takes the lock before it looks.
    assert_eq!(names, [".letterhead.lock", "directory", "fifo", "link"]);
}

/// The example where other users can run it.
fn executable(directory: &Directory) -> PathBuf {
    let own = directory.0.join("store");
    fs::copy(path_of("store"), &own).unwrap();
    for path in [&directory.0, &own] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    own
}

#[test]
fn two_users_serve_one_directory() {
    if !rustix::process::geteuid().is_root() {
        return skip::right("root, to be two users");
    }
    if !skip::has("setpriv") {
        return skip::tool("setpriv");
    }
    let programs = Directory::new("programs");
    let program = executable(&programs);
    for shared in [false, true] {
        let directory = Directory::new("users");
        chown(&directory.0, Some(61_001), Some(62_000)).unwrap();
        fs::set_permissions(&directory.0, Permissions::from_mode(0o2770)).unwrap();
        let start = |user: &str| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--groups", "62000", "--"]);
            command.arg(&program).arg("--dir").arg(&directory.0);
            Example::run(if shared {
                command.arg("--group");
                command
            } else {
                command
            })
        };
        let (anne, bert) = (start("61001"), start("61002"));
        for protocol in PROTOCOLS {
            let ask = |store: &Example, args: &[&str], status: &str| {
                let ran = curl(protocol, &[args, &[&store.url("/a")]].concat())?;
                ran.exits(0).says(status);
                Some(ran)
            };
            let put = ["-T", "rustfmt.toml"];
            let change = ["-X", "PATCH", "-H", "x-head-x-new: 1"];
            let all = || -> Option<()> {
                ask(&anne, &put, " 201")?;
                if shared {
                    ask(&bert, &[], " 200")?.says("max_width");
                    ask(&bert, &change, " 204")?;
                    ask(&anne, &[], " 200")?.says("x-new: 1\n");
                    ask(&bert, &put, " 204")?;
                    ask(&anne, &change, " 204")?;
                    ask(&anne, &["-X", "DELETE"], " 204")?;
                    return Some(());
                }
                for args in [&[][..], &["-I"], &put, &change, &["-X", "DELETE"]] {
                    ask(&bert, args, " 403")?;
                }
                bert.receipt_with("`a` lacks r for its group (mode 0600, owner 61001:62000)");
                ask(&anne, &[], " 200")?.lacks("x-new");
                ask(&anne, &["-X", "DELETE"], " 204")?;
                Some(())
            };
            if all().is_none() {
                return;
            }
        }
        let lock = fs::metadata(directory.0.join(".letterhead.lock")).unwrap();
        assert_eq!(lock.mode() & 0o777, if shared { 0o660 } else { 0o600 });
    }
}
