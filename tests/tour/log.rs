//! The `files` example as a server that people run: its log, its fields, its TLS, and what it says at the start.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::pem;
use crate::process::{Example, PROTOCOLS, curl, path_of, run};

/// A directory of a test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("letterhead-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The example on `directory`, with these flags.
fn example(directory: &Path, flags: &[&str]) -> Example {
    let mut command = Command::new(path_of("files"));
    command.arg(directory).args(flags);
    Example::run(command)
}

/// Waits until the file has so many lines.
fn lines(path: &str, wanted: usize) -> Vec<String> {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if text.lines().count() >= wanted && text.ends_with('\n') {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(Instant::now() < end, "wanted {wanted} lines in {path}, found {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_directory_is_served_with_fields_and_a_log_in_json() {
    let (root, logs) = (Scratch::new("root"), Scratch::new("logs"));
    root.file("a/b.txt", "content");
    let log = logs.0.join("log").display().to_string();
    let flags =
        ["--quiet", "--json-log", "--cors", "--access-log", &log, "--header", "/a/*: x-a: b c"];
    let files = example(&root.0, &flags);
    let mut asked = 0;
    for protocol in PROTOCOLS {
        let ask = |args: &[&str], path: &str| curl(protocol, &[args, &[&files.url(path)]].concat());
        let Some(file) = ask(&["-A", "a\"b"], "/a/b.txt?q") else { return };
        file.exits(0).says(" 200").says("\nx-a: b c\n").says("access-control-allow-origin: *\n");
        file.says("content");
        let Some(missing) = ask(&[], "/missing") else { return };
        missing.says(" 404").lacks("x-a:").says("access-control-allow-origin: *\n");
        let preflight = ["-X", "OPTIONS", "-H", "access-control-request-method: GET"];
        let Some(preflight) = ask(&preflight, "/a/b.txt") else { return };
        preflight.says(" 204").says("access-control-allow-methods: GET, HEAD, OPTIONS\n");
        asked += 3;
    }
    let (status, said) = files.interrupt();
    assert!(status.success() && said.is_empty(), "{said:#?}");
    let written = lines(&log, asked);
    assert_eq!(written.len(), asked);
    let first: serde_json::Value = serde_json::from_str(&written[0]).unwrap();
    assert_eq!(first["client"], "127.0.0.1");
    assert_eq!(first["target"], "/a/b.txt?q");
    assert_eq!(first["user_agent"], "a\"b");
    assert_eq!((&first["status"], &first["sent"]), (&200.into(), &7.into()));
}

#[test]
fn a_log_that_was_renamed_is_opened_anew_on_a_hangup() {
    let (root, logs) = (Scratch::new("hup-root"), Scratch::new("hup-logs"));
    root.file("f", "content");
    let log = logs.0.join("log").display().to_string();
    let files = example(&root.0, &["--access-log", &log]);
    if curl(PROTOCOLS[0], &[&files.url("/f?one")]).is_none() {
        return;
    }
    lines(&log, 1);
    std::fs::rename(&log, format!("{log}.1")).unwrap();
    files.signal("-HUP");
    // It is opened at once, also if nobody asks.
    let end = Instant::now() + Duration::from_secs(20);
    while !Path::new(&log).exists() {
        assert!(Instant::now() < end, "wanted a new log, found none");
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = curl(PROTOCOLS[0], &[&files.url("/f?two")]);
    assert!(lines(&log, 1)[0].contains("GET /f?two "));
    assert_eq!(lines(&format!("{log}.1"), 1).len(), 1);
}

#[test]
fn a_certificate_makes_it_https() {
    let (root, keys) = (Scratch::new("tls-root"), Scratch::new("tls-keys"));
    root.file("f", "content");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let cert = keys.file("cert.pem", &pem::text("CERTIFICATE", made.cert.der()));
    let key = keys.file("key.pem", &pem::text("PRIVATE KEY", &made.signing_key.serialize_der()));
    let mut server = Plain::start(&root.0, &["--tls", &format!("{cert},{key}"), "--port", "0"]);
    let url = server.heading.trim().strip_prefix("listening on ").unwrap().to_owned();
    let port = url.strip_prefix("https://127.0.0.1:").unwrap();
    let name = format!("localhost:{port}:127.0.0.1");
    let target = format!("https://localhost:{port}/f");
    let args = ["-sS", "-i", "--max-time", "20", "--cacert", &cert, "--resolve", &name, &target];
    let Some(ran) = run("curl", &args) else { return };
    ran.exits(0).says(" 200").says("content");
    server.child.kill().unwrap();
}

#[test]
fn only_what_is_there_is_offered() {
    let root = Scratch::new("offered");
    root.file("a b.txt", "content");
    root.file("a b.txt.gz", "x");
    root.file("d/f", "");
    root.file(".hidden", "");
    let mut server = Plain::start(&root.0, &[]);
    let mut offered = Vec::new();
    for line in server.out.by_ref().lines().skip(1) {
        let line = line.unwrap();
        let command = line.split(" #").next().unwrap().trim();
        let base = server.heading.trim().strip_prefix("listening on ").unwrap();
        offered.push(command.replace(base, ""));
        if line.contains("passwd") {
            break;
        }
    }
    assert_eq!(
        offered,
        [
            "curl -I /a%20b.txt",
            "curl -i -r 0-6 /a%20b.txt",
            "curl -i --compressed /a%20b.txt",
            "curl -i /d",
            "curl -i --path-as-is /../../etc/passwd",
        ]
    );
    server.child.kill().unwrap();
}

#[test]
fn an_unread_stderr_holds_no_response_up() {
    const ASKED: usize = 4_000;
    let root = Scratch::new("unread");
    root.file("f", "content");
    // The pipe of stderr is there, and is not read before all is answered.
    let mut server = Plain::start(&root.0, &[]);
    let addr = server.heading.trim().strip_prefix("listening on http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let agent = "a".repeat(60);
    let request = format!("GET /f HTTP/1.1\r\nhost: a\r\nuser-agent: {agent}\r\n\r\n");
    for _ in 0..ASKED {
        stream.write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n");
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            answers.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
    server.child.kill().unwrap();
}

/// The example as a bare process, whose pipes nobody reads.
struct Plain {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    /// The first line that it printed.
    heading: String,
}

impl Plain {
    fn start(root: &Path, flags: &[&str]) -> Self {
        let mut child = Command::new(path_of("files"))
            .arg(root)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut heading = String::new();
        out.read_line(&mut heading).unwrap();
        Self { child, out, heading }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
