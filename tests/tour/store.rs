//! The `store` example, over HTTP/1.1 and HTTP/2, as curl sees it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process::{Example, PROTOCOLS, Ran, curl, path_of};

/// A directory that is gone with its value.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("letterhead-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_put_comes_back_with_its_head() {
    let store = Example::start("store");
    for protocol in PROTOCOLS {
        let path = if protocol == "--http1.1" { "/one" } else { "/two" };
        let ask = |args: &[&str]| curl(protocol, &[args, &[&store.url(path)]].concat());
        let all = || -> Option<()> {
            let put =
                ["-T", "Cargo.toml", "-H", "content-type: text/plain", "-H", "x-head-vary: origin"];
            ask(&put)?.exits(0).says(" 201");
            let got = ask(&[])?;
            got.exits(0).says(" 200").says("content-type: text/plain\n").says("vary: origin\n");
            got.says("name = \"letterhead\"").says("repr-digest: sha-256=:");
            let tag =
                got.out.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
            let change =
                ["-X", "PATCH", "-H", "x-head-cache-control: max-age=60", "-H", "x-head-vary;"];
            ask(&change)?.exits(0).says(" 204");
            let part = ask(&["-r", "0-8"])?;
            part.exits(0).says(" 206").says("cache-control: max-age=60").says("\n\n[package]");
            part.lacks("vary: origin");
            ask(&["-H", &format!("if-none-match: {tag}")])?.exits(0).says(" 304");
            ask(&["-T", "README.md", "-H", "if-none-match: *"])?.exits(0).says(" 412");
            ask(&["-T", "README.md", "-H", "if-match: \"other\""])?.exits(0).says(" 412");
            ask(&["-T", "README.md", "-H", "content-range: bytes 0-1/9"])?.exits(0).says(" 400");
            ask(&["-T", "README.md", "-H", &format!("if-match: {tag}")])?.exits(0).says(" 204");
            let explained = curl(protocol, &[&format!("{}?explain", store.url(path))])?;
            explained.exits(0).says("generation 3\n").says("slots: both are the same\n");
            explained.says("signature: unsigned\n");
            ask(&["-X", "DELETE"])?.exits(0).says(" 204");
            ask(&[])?.exits(0).says(" 404");
            Some(())
        };
        if all().is_none() {
            return;
        }
    }
    let (status, lines) = store.interrupt();
    assert!(status.success(), "{lines:#?}");
}

#[test]
fn the_date_that_a_client_puts_is_the_date_that_others_get() {
    let store = Example::start("store");
    let date = "last-modified: Thu, 01 Jan 2026 00:00:00 GMT";
    for protocol in PROTOCOLS {
        let url = store.url(if protocol == "--http1.1" { "/one" } else { "/two" });
        let ask = |args: &[&str]| curl(protocol, &[args, &[&url]].concat());
        let Some(put) = ask(&["-T", "Cargo.toml", "-H", date]) else { return };
        put.exits(0).says(" 201");
        let Some(got) = ask(&[]) else { return };
        got.exits(0).says(" 200").says(&format!("{date}\n"));
        let since = "if-modified-since: Thu, 01 Jan 2026 00:00:00 GMT";
        let Some(same) = ask(&["-H", since]) else { return };
        same.exits(0).says(" 304");
    }
}

#[test]
fn every_change_is_made_on_conditions() {
    let store = Example::start("store");
    for protocol in PROTOCOLS {
        let url = store.url(if protocol == "--http1.1" { "/one" } else { "/two" });
        let check = |args: &[&str], status: &str| {
            Some(curl(protocol, &[args, &[&url]].concat())?.exits(0).says(status).out.clone())
        };
        let put = |condition: &str, status| {
            let modified = "x-head-last-modified: Sun, 06 Nov 1994 08:49:37 GMT";
            check(&["-T", "rustfmt.toml", "-H", modified, "-H", condition], status)
        };
        let all = || -> Option<()> {
            put("if-match: *", " 412")?;
            put("if-none-match: \"x\"", " 201")?;
            let got = check(&[], " 200")?;
            let tag = got.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
            put(&format!("if-match: \"x\", {tag}"), " 204")?;
            put(&format!("if-match: W/{tag}"), " 412")?;
            put(&format!("if-none-match: \"x\", {tag}"), " 412")?;
            put("if-unmodified-since: Sun, 06 Nov 1994 08:49:36 GMT", " 412")?;
            put("if-unmodified-since: Sun, 06 Nov 1994 08:49:37 GMT", " 204")?;
            for method in ["PATCH", "DELETE"] {
                let change = ["-X", method, "-H", "x-head-x-new: 1", "-H"];
                check(&[&change[..], &["if-match: \"x\""]].concat(), " 412")?;
                assert!(!check(&[], " 200")?.contains("x-new"));
                check(&[&change[..], &[&format!("if-match: {tag}")]].concat(), " 204")?;
                if method == "PATCH" {
                    assert!(check(&[], " 200")?.contains("x-new: 1\n"));
                    check(&["-X", "PATCH", "-H", "x-head-x-new;"], " 204")?;
                } else {
                    check(&[&change[..], &["if-match: *"]].concat(), " 404")?;
                }
            }
            check(&["-X", "PATCH"], " 404")?;
            check(&["-X", "PUT", "-d", ""], " 201")?;
            assert!(check(&[], " 200")?.contains("content-length: 0\n"));
            for (method, status) in [("OPTIONS", " 204"), ("POST", " 405")] {
                let got = check(&["-X", method], status)?;
                assert!(got.contains("allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS\n"), "{got}");
            }
            Some(())
        };
        if all().is_none() {
            return;
        }
    }
}

#[test]
fn who_waits_to_be_told_to_go_on_is_told_what_is_wrong() {
    let store = Example::start("store");
    let ask = |head: &str| {
        let mut stream = TcpStream::connect(&store.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let text = format!("PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n{head}\r\n\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let mut line = [0; 12];
        stream.read_exact(&mut line).unwrap();
        (stream, String::from_utf8(line.to_vec()).unwrap())
    };
    let wait = "expect: 100-continue";
    assert_eq!(ask(&format!("{wait}\r\ncontent-range: bytes 0-8/20")).1, "HTTP/1.1 400");
    assert_eq!(ask(&format!("{wait}\r\nif-match: *")).1, "HTTP/1.1 412");
    // Who is told to go on and goes away stores nothing.
    let (mut stream, line) = ask(wait);
    assert_eq!(line, "HTTP/1.1 100");
    stream.write_all(b"half").unwrap();
    drop(stream);
    if let Some(got) = curl("--http1.1", &[&store.url("/a")]) {
        got.exits(0).says(" 404");
    }
}

#[test]
fn what_comes_behind_the_content_is_not_taken_for_the_head() {
    let store = Example::start("store");
    let mut stream = TcpStream::connect(&store.addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head =
        "PUT /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-behind\r\n\r\n";
    stream.write_all(format!("{head}3\r\nabc\r\n0\r\nx-behind: 1\r\n\r\n").as_bytes()).unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 201");
    let Some(got) = curl("--http1.1", &[&store.url("/a")]) else { return };
    got.exits(0).says(" 200").says("\n\nabc").lacks("x-behind");
}

fn example(args: &[&str]) -> Ran {
    let ran = Command::new(path_of("store")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { out: text(&ran.stdout) + &text(&ran.stderr), code: ran.status.code().unwrap() }
}

#[test]
fn damage_is_found_mended_and_put_aside() {
    let (directory, keys) = (Directory::new("scrub"), Directory::new("keys"));
    let (at, seed) = (directory.0.display().to_string(), keys.0.join("seed").display().to_string());
    fs::write(&seed, [7; 32]).unwrap();
    let start = |more: &[&str]| {
        let mut command = Command::new(path_of("store"));
        command.args(["--dir", &at, "--most", "100000"]).args(more);
        Example::run(command)
    };
    let store = start(&["--sign", &seed]);
    let put = |name: &str, file: &str| curl("--http1.1", &["-T", file, &store.url(name)]);
    for name in ["/a", "/b", "/c"] {
        let Some(ran) = put(name, "Cargo.toml") else { return };
        ran.exits(0).says(" 201");
    }
    let large = keys.0.join("large");
    fs::write(&large, vec![b'x'; 200_000]).unwrap();
    put("/e", &large.display().to_string()).unwrap().exits(0).says(" 413");
    let explained = curl("--http1.1", &[&format!("{}?explain", store.url("/a"))]).unwrap();
    explained.exits(0).says("signature: signed by example\n");
    let damage = |name: &str, bytes: &[usize]| {
        let path = directory.0.join(name);
        let mut content = fs::read(&path).unwrap();
        for at in bytes {
            content[*at] ^= 1;
        }
        fs::write(&path, content).unwrap();
    };
    damage("a", &[150]);
    damage("b", &[150, 4096 + 150]);
    curl("--http1.1", &[&store.url("/a")]).unwrap().exits(0).says(" 200").says("[package]");
    curl("--http1.1", &[&store.url("/b")]).unwrap().exits(0).says(" 500").lacks("[package]");
    drop(store);

    let scrub =
        |more: &[&str]| example(&[&["scrub", "--dir", &at, "--sign", &seed], more].concat());
    scrub(&[]).exits(1).says("2 sound, 1 repaired\n").says("b: no slot is whole");
    scrub(&["--quarantine"]).exits(1).says("2 sound, 0 repaired\n").says("b is .letterhead-");
    scrub(&[]).exits(0).says("2 sound, 0 repaired\n");
    // Without the key's seed nothing can be said against what it signed.
    example(&["scrub", "--dir", &at]).exits(0).says("2 sound");
    fs::write(&seed, [8; 32]).unwrap();
    scrub(&[]).exits(1).says("0 sound").says("found one that is not");
}

#[test]
fn wrong_arguments_are_told_with_what_was_wanted() {
    for (args, wanted) in [
        (&["scrub"][..], "scrub: wanted `--dir DIR`, found nothing"),
        (&["--most", "some"], "--most: wanted a number of bytes, found `some`"),
        (&["--dri", "x"], "found `--dri`"),
        (&["--listen"], "--listen: wanted a value, found nothing"),
    ] {
        example(args).exits(2).says(wanted);
    }
    example(&["--dir", "/nowhere/at/all"])
        .exits(1)
        .says("--dir: wanted a directory that is there, found /nowhere/at/all: ");
    example(&["--help"]).exits(0).says("usage: [scrub]");
}
