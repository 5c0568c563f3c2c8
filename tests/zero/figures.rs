//! System calls for each request, counted; and that it is the kernel who sends.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::site::{KIB, MIB, Site, same};
use crate::{kept, skip};

/// What the child serves: the directory, and how.
const CHILD: &str = "LETTERHEAD_ZERO_CHILD";
const READY: &str = "serves at ";

/// A server in a process of its own, which ends when its input does.
struct Server {
    child: Child,
    /// It has more to say at its end.
    _out: BufReader<ChildStdout>,
    addr: SocketAddr,
}

/// Run by itself this has nothing to do; as a child it is the server.
#[test]
fn a_server() {
    let Ok(told) = env::var(CHILD) else { return };
    let (way, root) = told.split_once(':').unwrap();
    let files = letterhead::FileSender::new(root).unwrap();
    // Read anew each time, as large files are.
    let files = files.settle(std::time::Duration::ZERO).cache(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("\n{READY}{}", listener.local_addr().unwrap());
        let (end, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            let _ = end.send(());
        });
        let ended = async move {
            let _ = ended.await;
        };
        match way {
            "zero" => {
                letterhead::serve(listener, files.zero_copy()).shutdown_on(ended).await.unwrap()
            }
            "zero, or" => {
                let app = files.zero_copy().or(axum::Router::new());
                letterhead::serve(listener, app).shutdown_on(ended).await.unwrap()
            }
            _ => letterhead::serve(listener, files).shutdown_on(ended).await.unwrap(),
        };
    });
}

impl Server {
    fn start(mut command: Command, way: &str, site: &Site) -> Self {
        let mut child = command
            .arg(env::current_exe().unwrap())
            .args(["figures::a_server", "--exact", "--nocapture"])
            .env(CHILD, format!("{way}:{}", site.path("").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let addr = out
            .by_ref()
            .lines()
            .map(Result::unwrap)
            .find_map(|line| line.strip_prefix(READY).map(|addr| addr.parse().unwrap()))
            .unwrap();
        Self { child, _out: out, addr }
    }

    /// Asks so many times on one connection.
    fn ask(&self, content: &[u8], times: u32) {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        let mut body = vec![0; content.len()];
        for _ in 0..times {
            stream.write_all(b"GET /file HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            stream.read_exact(&mut body).unwrap();
            same(&body, content);
        }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// How often each call was made, by the summary of strace.
fn calls(summary: &Path) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(summary).unwrap();
    let rows = text.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let calls = columns.get(3)?.parse().ok()?;
        Some((columns.last()?.to_string(), calls))
    });
    rows.filter(|(name, _)| name != "total").collect()
}

/// System calls for each request of a file of this length.
fn counted(way: &str, length: usize) -> BTreeMap<String, f64> {
    let (few, many) = (10_u32, 110_u32);
    let site = Site::new();
    let content = site.file("file", length);
    let of = |times: u32| {
        let summary = site.path("summary");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-c", "-o"]).arg(&summary);
        let server = Server::start(strace, way, &site);
        server.ask(&content, times);
        server.end();
        calls(&summary)
    };
    let (few_calls, mut found) = (of(few), of(many));
    for (name, calls) in &mut found {
        *calls -= few_calls.get(name).copied().unwrap_or(0.0);
        *calls /= f64::from(many - few);
    }
    // Once for all of them, or by chance.
    found.retain(|_, calls| *calls >= 0.05);
    found
}

#[test]
fn the_kernel_sends_what_was_handed_over() {
    if !skip::has("strace") {
        return skip::tool("strace");
    }
    let mut text = String::from("system calls for each request, the file kept open by nobody\n");
    for length in [64 * KIB, 100 * KIB, MIB] {
        for way in ["copies", "zero", "zero, or"] {
            let found = counted(way, length);
            let of = |name: &str| found.get(name).copied().unwrap_or(0.0);
            let (sent, read) = (of("sendfile"), of("preadv2"));
            let all: f64 = found.values().sum();
            let each: Vec<_> =
                found.iter().map(|(name, calls)| format!("{name} {calls:.1}")).collect();
            let _ = writeln!(text, "{:4} KiB, {way}: {all:.1} ({})", length / KIB, each.join(", "));
            if way == "copies" {
                assert!(sent == 0.0, "{text}");
            } else {
                // The first bytes, and a look at the last one.
                assert!((0.9..=6.0).contains(&sent) && read < 2.2, "{text}");
                assert!(of("writev") < 0.1 && (0.9..=1.1).contains(&of("sendmsg")), "{text}");
            }
        }
    }
    kept::figures("zero copy", &text);
}

/// Makes `sendfile` fail, and serves all the same.
#[test]
fn a_kernel_that_does_not_send_files_changes_nothing_for_the_client() {
    if !skip::has("strace") {
        return skip::tool("strace");
    }
    for errno in ["EINVAL", "ENOSYS", "EPERM", "EOPNOTSUPP"] {
        let site = Site::new();
        let content = site.file("file", MIB + 5);
        let summary = site.path("summary");
        let mut strace = Command::new("strace");
        strace.args(["-f", "-c", "-o"]).arg(&summary);
        strace.args(["-e", &format!("inject=sendfile:error={errno}")]);
        let server = Server::start(strace, "zero", &site);
        server.ask(&content, 3);
        server.end();
        // It was tried once.
        assert_eq!(calls(&summary).get("sendfile"), Some(&1.0));
    }
}
