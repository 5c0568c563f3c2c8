//! An example server as a process, and the tools that talk to it.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running example; it is killed when this is dropped.
pub(crate) struct Example {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) addr: String,
    receipts: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    /// What it takes for the place of temporary files; one that is killed cannot clean up.
    temporary: Temporary,
}

/// A directory that is gone with its value.
struct Temporary(PathBuf);

impl Temporary {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-example-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Example {
    pub(crate) fn start(name: &str) -> Self {
        Self::run(Command::new(executable(name)))
    }

    /// Starts an example by a command of its own, to which `--listen` is added.
    pub(crate) fn run(command: Command) -> Self {
        Self::try_run(command).unwrap()
    }

    /// The same; `None` where it does not start to listen.
    pub(crate) fn try_run(mut command: Command) -> Option<Self> {
        let temporary = Temporary::new();
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .env("TMPDIR", &temporary.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let Some(addr) = line.trim().strip_prefix("listening on http://").map(str::to_owned) else {
            child.wait().unwrap();
            return None;
        };
        // Nobody reads the rest; a closed pipe would be an error to the server.
        std::thread::spawn(move || out.lines().for_each(drop));
        let receipts = Arc::new(Mutex::new(Vec::new()));
        let (lines, err) = (Arc::clone(&receipts), BufReader::new(child.stderr.take().unwrap()));
        let reader = std::thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Some(Self { child, addr, receipts, reader: Some(reader), temporary })
    }

    /// The number of its process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Ends the server as Ctrl-C does; its exit status and everything that it said on stderr.
    pub(crate) fn interrupt(mut self) -> (ExitStatus, Vec<String>) {
        self.signal("-INT");
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let left = std::fs::read_dir(&self.temporary.0).unwrap().count();
        assert_eq!(left, 0, "it left temporary files");
        let lines = self.receipts.lock().unwrap().clone();
        (status, lines)
    }

    /// Whether there is a line on stderr that contains `part`.
    #[cfg(unix)]
    pub(crate) fn has(&self, part: &str) -> bool {
        self.receipts.lock().unwrap().iter().any(|line| line.contains(part))
    }

    /// A line on stderr that contains `part`; waits for it.
    pub(crate) fn receipt_with(&self, part: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.receipts.lock().unwrap().iter().find(|l| l.contains(part)).cloned();
            if let Some(line) = found {
                return line;
            }
            assert!(Instant::now() < end, "no receipt says {part:?}: {:#?}", self.receipts);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where an example is, as text.
pub(crate) fn path_of(name: &str) -> String {
    executable(name).display().to_string()
}

/// Cargo builds the examples beside the tests.
fn executable(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "wanted the example at {}, found nothing", path.display());
    path
}

/// What a tool printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) code: i32,
}

impl Ran {
    pub(crate) fn says(&self, part: &str) -> &Self {
        assert!(self.out.contains(part), "wanted {part:?} in:\n{}", self.out);
        self
    }

    pub(crate) fn lacks(&self, part: &str) -> &Self {
        assert!(!self.out.contains(part), "wanted no {part:?} in:\n{}", self.out);
        self
    }

    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{}", self.out);
        self
    }
}

/// Runs a tool; `None`, and one line that says so, where it is missing.
pub(crate) fn run(tool: &str, args: &[&str]) -> Option<Ran> {
    let output = match Command::new(tool).args(args).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => {
            crate::skip::tool(format_args!("{tool} ({error})"));
            return None;
        }
    };
    let mut out = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    out += &String::from_utf8_lossy(&output.stderr).replace("\r\n", "\n");
    Some(Ran { out, code: output.status.code().unwrap_or(-1) })
}

/// The two protocols, as curl is told.
pub(crate) const PROTOCOLS: [&str; 2] = ["--http1.1", "--http2-prior-knowledge"];

/// `curl -sS -i` with one of the [`PROTOCOLS`].
pub(crate) fn curl(protocol: &str, args: &[&str]) -> Option<Ran> {
    run("curl", &[&["-sS", "-i", "--max-time", "20", protocol], args].concat())
}
