//! Clients that read slowly, leave, or are in the middle of a body when the server shuts down.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use letterhead::{FileSender, LetterheadLayer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tower::Layer as _;

use crate::apart::{CHILD, figures, until};
use crate::scratch::Scratch;
use crate::serve::soon;

/// Where the child finds what it serves.
const ROOT: &str = "LETTERHEAD_TEST_ROOT";

/// This many clients read, each a thousand bytes in a tenth of a second.
const CLIENTS: usize = 64;
const PIECE: usize = 1000;
const PAUSE: Duration = Duration::from_millis(100);
/// How often each of them does.
const PIECES: usize = 30;

/// A server in a process of its own, with `big`, `middle` and `small` to be had; it is killed when
/// this is dropped.
pub(crate) struct Serving {
    child: Child,
    /// Once it is closed, the server shuts down.
    input: Option<ChildStdin>,
    addr: SocketAddr,
    root: Scratch,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Serving {
    fn start(name: &str) -> Self {
        let root = Scratch::new();
        root.write("small", "small").write("middle", vec![b'a'; 8 << 20]);
        File::create(root.path("big")).unwrap().set_len(1 << 30).unwrap();
        Self::of(name, root)
    }

    /// Runs the test `name` once more, for which this is [`is_child`], and has it serve `root`.
    pub(crate) fn of(name: &str, root: Scratch) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, name)
            .env(ROOT, root.path(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let said = lines.find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()));
        let addr = said.unwrap().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { input: child.stdin.take(), child, addr, root }
    }

    /// A number of kilobytes from the process's status.
    pub(crate) fn kilobytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// How much it has worked, in ticks of the clock.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // User and system time, the 14th and 15th field; the second one may have blanks in it.
        let fields = stat.rsplit(") ").next().unwrap().split(' ').skip(11);
        fields.take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// How many descriptors it has of this file.
    fn open(&self, name: &str) -> usize {
        let path = self.root.path(name);
        let all = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let is_it = |at: &PathBuf| fs::read_link(at).is_ok_and(|target| target == path);
        all.filter(|fd| fd.as_ref().is_ok_and(|fd| is_it(&fd.path()))).count()
    }

    /// A connection that takes in as little ahead as can be.
    pub(crate) async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        soon(socket.connect(self.addr)).await.unwrap()
    }

    /// How long `count` requests for something small take, one after the other.
    async fn others(&self, count: usize) -> Duration {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let before = Instant::now();
        for _ in 0..count {
            stream.write_all(b"GET /small HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\nsmall") {
                assert!(soon(stream.read_buf(&mut answer)).await.unwrap() > 0, "closed");
            }
        }
        before.elapsed()
    }
}

pub(crate) fn two_threads() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// What the child does: it serves until its input is closed, and then finishes what runs.
fn is_child(name: &str) -> bool {
    is_child_with(name, |sender| sender)
}

/// As [`is_child`], with options.
pub(crate) fn is_child_with(name: &str, set: impl FnOnce(FileSender) -> FileSender) -> bool {
    if std::env::var_os(CHILD).is_none_or(|child| child != name) {
        return false;
    }
    let sender = set(FileSender::new(std::env::var_os(ROOT).unwrap()).unwrap());
    two_threads().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("listening on {}", listener.local_addr().unwrap());
        let closed = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        let server = letterhead::serve(listener, LetterheadLayer::new().layer(sender));
        let stop = async { drop(closed.await) };
        assert_eq!(server.shutdown_on(stop).await.unwrap().cut, 0);
    });
    true
}

/// Reads a head and then piece by piece, and keeps the connection.
async fn h1_slowly(mut stream: TcpStream) -> TcpStream {
    stream.write_all(b"GET /big HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut tick = tokio::time::interval(PAUSE);
    let mut piece = [0; PIECE];
    for _ in 0..PIECES {
        tick.tick().await;
        assert!(soon(stream.read(&mut piece)).await.unwrap() > 0, "closed");
    }
    stream
}

/// As [`h1_slowly`]: the window opens by as much as was read.
async fn h2_slowly(stream: TcpStream) -> (h2::RecvStream, tokio::task::JoinHandle<()>) {
    let mut client = h2::client::Builder::new();
    client.initial_window_size(4096);
    let (mut send, connection) = client.handshake::<_, Bytes>(stream).await.unwrap();
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    let request = Request::get("http://test/big").body(()).unwrap();
    let response = send.send_request(request, true).unwrap().0;
    let mut body = soon(response).await.unwrap().into_body();
    let mut tick = tokio::time::interval(PAUSE);
    let (mut got, mut given_back) = (0, 0);
    for _ in 0..PIECES {
        tick.tick().await;
        while got < given_back + PIECE {
            got += soon(body.data()).await.expect("over").unwrap().len();
        }
        given_back += PIECE;
        body.flow_control().release_capacity(PIECE).unwrap();
    }
    (body, task)
}

#[test]
fn slow_readers_cost_little_and_delay_nobody() {
    const NAME: &str = "slow_readers::slow_readers_cost_little_and_delay_nobody";
    if !is_child(NAME) {
        two_threads().block_on(slow_readers(Serving::start(NAME)));
    }
}

async fn slow_readers(serving: Serving) {
    const OTHERS: usize = 200;
    let alone = serving.others(OTHERS).await;
    let before = serving.kilobytes("VmRSS:");
    let (mut h1, mut h2) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    for _ in 0..CLIENTS / 2 {
        h1.spawn(h1_slowly(serving.connect().await));
        h2.spawn(h2_slowly(serving.connect().await));
    }
    until("a descriptor for each", || serving.open("big") == CLIENTS).await;
    let beside = serving.others(OTHERS).await;
    let (h1, h2) = (h1.join_all().await, h2.join_all().await);
    // Now they read nothing at all: nobody can be waiting for one of them.
    let behind = serving.others(OTHERS).await;
    let peak = serving.kilobytes("VmHWM:");
    assert_eq!(serving.open("big"), CLIENTS);
    figures(
        "slow readers",
        &format!(
            "{CLIENTS} slow readers: {before} kB before them, {peak} kB at most, {} kB each; \
             {OTHERS} other requests: {alone:.1?} alone, {beside:.1?} beside them, {behind:.1?} \
             while they read nothing",
            (peak - before) / CLIENTS as u64,
        ),
    );
    assert!(peak < 64 * 1024, "{peak} kB");

    // Whoever leaves is missed at once, in the middle of a gigabyte.
    drop(h1);
    until("those of HTTP/1.1 closed", || serving.open("big") == CLIENTS / 2).await;
    for (_, task) in &h2 {
        task.abort();
    }
    drop(h2);
    until("every one closed", || serving.open("big") == 0).await;
}

#[test]
fn a_shutdown_finishes_what_runs() {
    const NAME: &str = "slow_readers::a_shutdown_finishes_what_runs";
    if !is_child(NAME) {
        two_threads().block_on(shut_down(Serving::start(NAME)));
    }
}

async fn shut_down(mut serving: Serving) {
    let mut stream = serving.connect().await;
    stream.write_all(b"GET /middle HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    let mut h1 = Vec::new();
    soon(stream.read_buf(&mut h1)).await.unwrap();
    let (mut send, connection) = h2::client::handshake(serving.connect().await).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("http://test/middle").body(()).unwrap();
    let response = send.send_request(request, true).unwrap().0;
    let mut h2 = soon(response).await.unwrap().into_body();
    assert_eq!(serving.open("middle"), 2);

    drop(serving.input.take());
    // It takes no one any more; what runs goes on.
    let addr = serving.addr;
    until("the door closed", || std::net::TcpStream::connect(addr).is_err()).await;
    assert_eq!(serving.child.try_wait().unwrap(), None);
    soon(stream.read_to_end(&mut h1)).await.unwrap();
    let end = h1.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(h1.len() - end, 8 << 20);
    let mut got = 0;
    while let Some(bytes) = soon(h2.data()).await {
        let bytes = bytes.unwrap().len();
        h2.flow_control().release_capacity(bytes).unwrap();
        got += bytes;
    }
    assert_eq!(got, 8 << 20);
    drop((send, h2));
    until("its end", || serving.child.try_wait().unwrap().is_some()).await;
    assert!(serving.child.wait().unwrap().success());
}
