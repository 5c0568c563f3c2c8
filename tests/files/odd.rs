//! Odd names and things that are no files: each is answered as the table says, and none hangs.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use http::Uri;
use letterhead::FileSender;
use letterhead::answer::Coding;
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::apart::figures;
use crate::client::{H2, Raw};
use crate::scratch::Scratch;
use crate::serve::{Server, serve};
use crate::skip;

/// Makes what is no regular file; `false` if only root may.
fn special(path: &Path, kind: FileType, device: (u32, u32)) -> bool {
    let device = makedev(device.0, device.1);
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o644), device).is_ok()
}

/// The tree that `odd.txt` is about.
fn tree() -> Option<Scratch> {
    let scratch = Scratch::new();
    scratch.write("secret", "secret");
    for (name, content) in [
        ("plain", "plain"),
        ("a b", "space"),
        ("a+b", "plus"),
        ("a?b", "question"),
        ("a#b", "hash"),
        ("a%b", "percent"),
        ("a\\b", "backslash"),
        ("a:b", "colon"),
        ("a;b", "semicolon"),
        ("a,b", "comma"),
        ("a*b", "star"),
        ("a\nb", "newline"),
        ("a\x7fb", "delete"),
        ("<b>", "angle"),
        ("\"q\"", "quote"),
        ("~a", "tilde"),
        ("-rf", "dash"),
        ("con", "con"),
        ("%2e%2e", "twice"),
        ("a..b", "dots"),
        ("a...", "three"),
        ("...", "hidden"),
        ("..a", "hidden"),
        ("caf\u{e9}", "utf-8"),
        (&"n".repeat(255), "longest"),
        (".env", "hidden"),
        (".git/config", "hidden"),
        (".well-known/acme", "hidden"),
        ("d/.hidden", "hidden"),
        ("d/a", "a"),
        ("d.gz/a", "inside"),
        ("empty", ""),
        ("indexed-dir/index.html/a", ""),
        ("indexed-fifo/.keep", ""),
        ("indexed-out/.keep", ""),
    ] {
        scratch.write(&format!("root/{name}"), content);
    }
    for (name, content) in [(&b"caf\xe9"[..], "latin"), (b"\xff\xfe", "bytes")] {
        let name = OsString::from_vec(name.to_vec());
        fs::write(scratch.path("root").join(name), content).unwrap();
    }
    for (name, target) in [
        ("out", "../secret"),
        ("out-dir", ".."),
        ("absolute", "/etc/passwd"),
        ("device-out", "/dev/zero"),
        ("process", "/proc/self/environ"),
        ("within", "d/a"),
        ("within-dir", "d"),
        ("up-and-down", "d/../d/a"),
        ("dangling", "nothing"),
        ("loop", "loop"),
        ("chain", "chain-1"),
        ("chain-1", "chain-2"),
        ("chain-2", "plain"),
        ("to-fifo", "fifo"),
        ("indexed-out/index.html", "../../secret"),
    ] {
        scratch.link(&format!("root/{name}"), target);
    }
    let path = |name: &str| scratch.path(&format!("root/{name}"));
    drop(UnixListener::bind(path("socket")).unwrap());
    assert!(special(&path("fifo"), FileType::Fifo, (0, 0)));
    assert!(special(&path("indexed-fifo/index.html"), FileType::Fifo, (0, 0)));
    if !special(&path("zero"), FileType::CharacterDevice, (1, 5))
        || !special(&path("disk"), FileType::BlockDevice, (7, 0))
    {
        skip::right("root, to make devices");
        return None;
    }
    Some(scratch)
}

/// A path of the table as bytes: `{x*3}` repeats, `\xe9` is a byte.
fn written(path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = path;
    while let Some(next) = rest.chars().next() {
        if let Some((group, behind)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            let (what, count) = group.rsplit_once('*').unwrap();
            bytes.extend(what.repeat(count.parse().unwrap()).bytes());
            rest = behind;
        } else if let Some(code) = rest.strip_prefix("\\x") {
            bytes.push(u8::from_str_radix(&code[..2], 16).unwrap());
            rest = &code[2..];
        } else {
            bytes.push(u8::try_from(next).unwrap());
            rest = &rest[1..];
        }
    }
    bytes
}

/// Status, and the content or the location.
type Found = (u16, String);

async fn h1(server: &Server, path: &[u8]) -> Found {
    let mut raw = Raw::connect(server).await;
    raw.send([b"GET ", path, b" HTTP/1.1\r\nhost: test\r\n\r\n"].concat()).await;
    let answer = raw.answer().await;
    let text = match answer.field("location") {
        Some(location) => location.to_owned(),
        None => answer.body.clone(),
    };
    (answer.status(), text)
}

/// `None`: there is no such target on HTTP/2 with this client.
async fn h2(client: &H2, path: &[u8]) -> Option<Found> {
    let text = std::str::from_utf8(path).ok().filter(|text| text.starts_with('/'))?;
    format!("http://test{text}").parse::<Uri>().ok()?;
    let answer = client.get(text).await.unwrap();
    let text = match answer.field("location") {
        Some(location) => location.to_owned(),
        None => answer.body.clone(),
    };
    Some((answer.status.as_u16(), text))
}

#[tokio::test]
async fn odd_names_and_what_is_no_file() {
    let Some(scratch) = tree() else { return };
    let server = serve(FileSender::new(scratch.path("root")).unwrap()).await;
    let client = H2::connect(&server).await;
    let (mut asked, mut offences) = ([0, 0], Vec::new());
    for row in include_str!("odd.txt").lines() {
        let mut words = row.split_whitespace();
        let Some(path) = words.next().filter(|word| *word != "#") else { continue };
        let status: u16 = words.next().unwrap().parse().unwrap();
        let expected = match status {
            200 | 308 => (status, words.next().unwrap_or_default().to_owned()),
            // Said by the server, which does not let it through.
            400 => (status, String::new()),
            _ => {
                let problem = r#"{"type":"about:blank","title":"Not Found","status":404}"#;
                (status, problem.to_owned())
            }
        };
        let bytes = written(path);
        let found = [Some(h1(&server, &bytes).await), h2(&client, &bytes).await];
        for (protocol, found) in found.into_iter().enumerate() {
            let Some(found) = found else { continue };
            asked[protocol] += 1;
            if found != expected {
                offences.push(format!("{path} on {}: {found:?}", ["h1", "h2"][protocol]));
            }
        }
    }
    figures("odd names", &format!("odd names: {} on HTTP/1.1, {} on HTTP/2", asked[0], asked[1]));
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
    assert!(asked[0] > asked[1] && asked[1] > 100, "{asked:?}");
}

#[tokio::test]
async fn a_sibling_that_is_no_file_is_none() {
    let scratch = Scratch::new();
    scratch.write("secret", "secret");
    for name in ["dir", "fifo", "socket", "out", "loop", "dangling", "within", "real"] {
        scratch.write(&format!("root/{name}"), "plain");
    }
    scratch.write("root/dir.gz/index.html", "inside").write("root/real.gz", "gzip");
    let path = |name: &str| scratch.path(&format!("root/{name}"));
    assert!(special(&path("fifo.gz"), FileType::Fifo, (0, 0)));
    drop(UnixListener::bind(path("socket.gz")).unwrap());
    for (name, target) in
        [("out", "../secret"), ("loop", "loop.gz"), ("dangling", "nothing"), ("within", "real.gz")]
    {
        scratch.link(&format!("root/{name}.gz"), target);
    }
    let sender = FileSender::new(scratch.path("root")).unwrap().precompressed([Coding::Gzip]);
    let server = serve(sender).await;
    let client = H2::connect(&server).await;
    for (name, content) in [
        ("dir", "plain"),
        ("fifo", "plain"),
        ("socket", "plain"),
        ("out", "plain"),
        ("loop", "plain"),
        ("dangling", "plain"),
        ("within", "gzip"),
        ("real", "gzip"),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.get(&format!("/{name}"), "accept-encoding: gzip\r\n").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, content), "{name}");
        let coding = (content == "gzip").then_some("gzip");
        assert_eq!(answer.field("content-encoding"), coding, "{name}");
        let request = http::Request::get(format!("http://test/{name}"));
        let request = request.header("accept-encoding", "gzip").body(()).unwrap();
        let (response, mut sending) = client.send(request).await;
        sending.send_data(bytes::Bytes::new(), true).unwrap();
        let response = crate::serve::soon(response).await.unwrap();
        assert_eq!(response.status(), 200, "{name}");
        let found = response.headers().get("content-encoding").map(|v| v.to_str().unwrap());
        assert_eq!(found, coding, "{name}");
    }
}
