//! The access log: nothing waits for it, what it could not write is counted, and every reader takes its lines.

use std::io::{self, Read as _, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::LetterheadLayer;
use letterhead::report::{AccessLog, LogForm, Peer};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// No test waits longer than this for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was written, and in how many calls.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<(Vec<u8>, usize)>>);

impl Memory {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut memory = self.0.lock().unwrap();
        memory.0.extend_from_slice(bytes);
        memory.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that says when it is called, and then waits to be let on.
struct Gated {
    began: mpsc::Sender<()>,
    gate: mpsc::Receiver<()>,
    memory: Memory,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        // An open gate stays open.
        let _ = self.gate.recv();
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One exchange with the content `fine`.
pub(crate) async fn ask(layer: &LetterheadLayer, request: Request<Full<Bytes>>) {
    let app = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"fine"))))
    }));
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "fine");
}

fn get(target: &str) -> Request<Full<Bytes>> {
    Request::get(target).body(Full::default()).unwrap()
}

/// A request whose client writes what a log must not repeat.
pub(crate) fn odd(target: &str) -> Request<Full<Bytes>> {
    let addr: SocketAddr = "[::ffff:192.0.2.7]:4711".parse().unwrap();
    let mut request = get(target);
    request.extensions_mut().insert(Peer::new(addr, false));
    let fields = request.headers_mut();
    fields.insert("referer", "https://a.example/\"x\"".parse().unwrap());
    let agent = b"odd\t\\ \"200\" \x7f".map(|byte| if byte == 0x7f { 0xe9 } else { byte });
    fields.insert("user-agent", http::HeaderValue::from_bytes(&agent).unwrap());
    request
}

/// What Python says of the text.
fn python(script: &str, text: &str) -> Option<String> {
    let command = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match command {
        Ok(child) => child,
        Err(error) => {
            crate::skip::tool(format_args!("python3 ({error})"));
            return None;
        }
    };
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn another_reader_takes_the_combined_form() {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap();
    let layer = LetterheadLayer::new().access_log(&log);
    ask(&layer, odd("/a%20b?c=d")).await;
    ask(&layer, get("/")).await;
    assert!(log.shutdown());
    let script = r#"
import re, sys, datetime
line = re.compile(r'(\S+) (\S+) (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)"')
for text in sys.stdin.read().splitlines():
    f = line.fullmatch(text).groups()
    datetime.datetime.strptime(f[3], '%d/%b/%Y:%H:%M:%S %z')
    print(f[0], f[4], f[5], f[6], *(v.encode().decode('unicode_escape') for v in f[7:]), sep='|')
"#;
    let Some(read) = python(script, &memory.text()) else { return };
    assert_eq!(
        read,
        "192.0.2.7|GET /a%20b?c=d HTTP/1.1|200|4|https://a.example/\"x\"|odd\t\\ \"200\" \u{e9}\n\
         -|GET / HTTP/1.1|200|4|-|-\n"
    );
}

#[tokio::test]
async fn another_reader_takes_the_json_form() {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap().form(LogForm::Json);
    let layer = LetterheadLayer::new().access_log(&log);
    ask(&layer, odd("/a%20b?c=d")).await;
    assert!(log.shutdown());
    let mut line: serde_json::Value = serde_json::from_str(&memory.text()).unwrap();
    let taken = line.as_object_mut().unwrap();
    assert!(taken.remove("micros").unwrap().is_u64());
    assert_eq!(taken.remove("time").unwrap().as_str().unwrap().len(), 24);
    let wanted = serde_json::json!({
        "v": 1, "client": "192.0.2.7", "method": "GET", "target": "/a%20b?c=d", "version": "HTTP/1.1",
        "status": 200, "sent": 4, "referer": "https://a.example/\"x\"",
        "user_agent": "odd\t\\ \"200\" \u{e9}", "outcome": "handed",
    });
    assert_eq!(line, wanted);
}

#[tokio::test]
async fn an_exchange_that_is_dropped_has_its_line() {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap().form(LogForm::Json);
    let layer = LetterheadLayer::new().access_log(&log);
    let app = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
        std::future::pending::<Result<Response<Full<Bytes>>, std::convert::Infallible>>().await
    }));
    let mut app = Box::pin(app.oneshot(get("/")));
    assert!(
        std::future::poll_fn(|cx| std::task::Poll::Ready(app.as_mut().poll(cx))).await.is_pending()
    );
    drop(app);
    assert!(log.shutdown());
    let line = memory.text();
    assert!(
        line.contains(r#""status":null,"sent":0,"#) && line.contains(r#""outcome":"dropped""#),
        "{line}"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_that_is_not_read_holds_nobody_up_and_the_log_says_what_is_missing() {
    const ASKED: usize = 5_000;
    let (mut reader, writer) = io::pipe().unwrap();
    let log = AccessLog::new(writer).unwrap().room(16 << 10);
    let layer = LetterheadLayer::new().access_log(&log);
    // 5,000 lines are several times what a pipe and the room take.
    let all = async {
        for _ in 0..ASKED {
            ask(&layer, get("/a-name-of-some-length/and-another-one")).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    assert!(log.dropped() > 0);
    // From here on the pipe is read, until the log is gone.
    let read = std::thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    });
    while !log.flush() {}
    ask(&layer, get("/last")).await;
    while !log.flush() {}
    let dropped = usize::try_from(log.dropped()).unwrap();
    drop((log, layer));
    let text = read.join().unwrap().unwrap();
    let written = text.lines().filter(|line| line.contains("\"GET /")).count();
    assert_eq!(written + dropped, ASKED + 1);
    let said = text.lines().filter_map(|line| line.split_once("\"access log: "));
    let said: usize =
        said.map(|(_, rest)| rest.split(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(said, dropped);
    assert!(text.lines().last().unwrap().contains("GET /last"));
}

#[tokio::test]
async fn the_room_is_a_bound_and_what_has_none_is_counted() {
    let ((began, begins), (gate, opens)) = (mpsc::channel(), mpsc::channel());
    let memory = Memory::default();
    let gated = Gated { began, gate: opens, memory: memory.clone() };
    // A line is 71 bytes: while the writer has one of them there is room for two more.
    let log = AccessLog::new(gated).unwrap().room(250).interval(Duration::ZERO);
    let layer = LetterheadLayer::new().access_log(&log);
    ask(&layer, get("/first")).await;
    begins.recv_timeout(PATIENCE).unwrap();
    for _ in 0..5 {
        ask(&layer, get("/later")).await;
    }
    assert_eq!(log.dropped(), 3);
    drop(gate);
    while !log.flush() {}
    assert!(log.shutdown());
    let text = memory.text();
    assert_eq!((text.matches("GET /first").count(), text.matches("GET /later").count()), (1, 2));
    assert!(text.ends_with("] \"-\" 0 0 \"-\" \"access log: 3 lines dropped\"\n"), "{text}");
    ask(&layer, get("/after")).await;
    assert_eq!(log.dropped(), 4, "nothing is taken in after the shutdown");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_writer_that_is_stuck() {
    let ((began, begins), (gate, opens)) = (mpsc::channel(), mpsc::channel::<()>());
    let log = AccessLog::new(Gated { began, gate: opens, memory: Memory::default() }).unwrap();
    let layer = LetterheadLayer::new().access_log(&log.clone().interval(Duration::ZERO));
    ask(&layer, get("/")).await;
    begins.recv_timeout(PATIENCE).unwrap();
    ask(&layer, get("/")).await;
    assert!(!log.shutdown());
    assert_eq!(log.dropped(), 1);
    drop(gate);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_costs_lines_and_nothing_else() {
    let log = AccessLog::file("/dev/full").unwrap();
    let layer = LetterheadLayer::new().access_log(&log);
    for _ in 0..1_000 {
        ask(&layer, get("/")).await;
    }
    while !log.flush() {}
    assert_eq!(log.dropped(), 1_000);
    assert!(log.shutdown());
}

/// A writer that tears the line about `/torn`, panics at the one about `/panicked`, and wants the one about `/whole` a
/// third time. It goes by what it is given: how often it is called is up to the clock.
struct Torn {
    memory: Memory,
    cut_once: bool,
    refusals: Vec<io::ErrorKind>,
}

impl Write for Torn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if text.contains("GET /torn") {
            if std::mem::replace(&mut self.cut_once, true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            return self.memory.write(&bytes[..10]);
        }
        assert!(!text.contains("GET /panicked"), "a writer that panics");
        if text.contains("GET /whole") {
            if let Some(refusal) = self.refusals.pop() {
                return Err(refusal.into());
            }
        }
        self.memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_that_was_cut_short_is_ended_before_the_next() {
    let memory = Memory::default();
    let refusals = vec![io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
    let log = AccessLog::new(Torn { memory: memory.clone(), cut_once: false, refusals }).unwrap();
    let layer = LetterheadLayer::new().access_log(&log);
    for target in ["/torn", "/panicked", "/whole"] {
        ask(&layer, get(target)).await;
        while !log.flush() {}
    }
    assert!(log.shutdown());
    let text = memory.text();
    let mut lines = text.lines();
    assert_eq!(lines.next().map(str::len), Some(10), "{text}");
    // What is missing is said as soon as something can be written: before the next line, or behind it.
    let (mut whole, mut dropped) = (0, 0);
    for line in lines.filter(|line| !line.is_empty()) {
        match line.split_once("access log: ") {
            Some((_, said)) => {
                dropped += said.split(' ').next().unwrap().parse::<u64>().unwrap();
            }
            None => whole += usize::from(line.contains("GET /whole") && line.ends_with('"')),
        }
    }
    assert_eq!((whole, dropped, log.dropped()), (1, 2, 2), "{text}");
}

#[test]
fn lines_of_many_threads_are_whole_and_share_their_writes() {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap().room(64 << 20);
    let layer = LetterheadLayer::new().access_log(&log);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let layer = layer.clone();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    for at in 0..500 {
                        ask(&layer, get(&format!("/{thread}/{at}"))).await;
                    }
                });
            });
        }
    });
    while !log.flush() {}
    let text = memory.text();
    let mut targets: Vec<_> = text.lines().map(|line| line.split(' ').nth(6).unwrap()).collect();
    assert!(text.lines().all(|line| line.ends_with(" HTTP/1.1\" 200 4 \"-\" \"-\"")));
    targets.sort_unstable();
    targets.dedup();
    assert_eq!(targets.len(), 4_000);
    assert!(memory.calls() < 1_000, "{} calls for 4,000 lines", memory.calls());
}

#[tokio::test]
async fn a_log_that_was_rotated_is_opened_again() {
    let directory = std::env::temp_dir().join(format!("letterhead-rotated-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (path, old) = (directory.join("log"), directory.join("log.1"));
    let log = AccessLog::file(&path).unwrap();
    let layer = LetterheadLayer::new().access_log(&log);
    ask(&layer, get("/one")).await;
    while !log.flush() {}
    std::fs::rename(&path, &old).unwrap();
    ask(&layer, get("/two")).await;
    while !log.flush() {}
    log.reopen();
    ask(&layer, get("/three")).await;
    assert!(log.shutdown());
    let lines = |path| std::fs::read_to_string(path).unwrap().lines().count();
    assert_eq!((lines(&old), lines(&path)), (2, 1));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[tokio::test]
async fn who_asked_may_be_found_otherwise_and_a_panic_there_is_no_address() {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap().client(|fields, _| {
        assert!(fields.contains_key("x-real-ip"), "wanted a proxy in front");
        fields["x-real-ip"].to_str().ok()?.parse().ok()
    });
    let layer = LetterheadLayer::new().access_log(&log);
    let mut request = odd("/");
    request.headers_mut().insert("x-real-ip", "2001:db8::7".parse().unwrap());
    ask(&layer, request).await;
    ask(&layer, odd("/")).await;
    assert!(log.shutdown());
    let text = memory.text();
    let clients: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(clients, ["2001:db8::7", "-"]);
}
