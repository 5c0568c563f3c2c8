//! The command as a process, a directory for it, and a client of its server.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// The command, which Cargo builds beside the tests, wherever both were copied to.
pub(crate) fn command() -> Command {
    let name = Path::new(env!("CARGO_BIN_EXE_letterhead")).file_name().unwrap();
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "wanted the command at {}, found nothing", path.display());
    Command::new(path)
}

/// A directory that is gone with its value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("letterhead-cli-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file as a whole, by a rename.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let fresh = self.0.join("fresh");
        fs::write(&fresh, content).unwrap();
        fs::rename(fresh, path).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `letterhead serve`, under way; it is killed when this is dropped.
pub(crate) struct Serving {
    child: Child,
    /// `127.0.0.1:port`.
    pub(crate) addr: String,
    said: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    out: BufReader<std::process::ChildStdout>,
}

impl Serving {
    pub(crate) fn start(directory: &Path, flags: &[&str]) -> Self {
        let mut child = command()
            .arg("serve")
            .arg(directory)
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let (_, addr) = line.trim().split_once("://").unwrap();
        let addr = addr.to_owned();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lines, err) = (Arc::clone(&said), BufReader::new(child.stderr.take().unwrap()));
        let reader = std::thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child, addr, said, reader: Some(reader), out }
    }

    /// The head and the content of an answer; the clock is left out.
    pub(crate) fn ask(&self, method: &str, target: &str) -> String {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let lines = answer.lines().filter(|line| !line.starts_with("date: "));
        lines.fold(String::new(), |text, line| text + line + "\n")
    }

    /// Asks until the answer has `part`.
    pub(crate) fn until(&self, target: &str, part: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask("GET", target);
            if answer.contains(part) {
                return;
            }
            assert!(Instant::now() < end, "wanted {part:?} in:\n{answer}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for a line on stderr that has `part`.
    pub(crate) fn says(&self, part: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.said.lock().unwrap().iter().any(|line| line.contains(part)) {
            assert!(Instant::now() < end, "wanted {part:?} in {:#?}", self.said);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it by a signal: how it ended, the rest of stdout, and all of stderr.
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String, Vec<String>) {
        self.signal(signal);
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let said = self.said.lock().unwrap().clone();
        (status, rest, said)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
